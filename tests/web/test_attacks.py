"""What strangers, colleagues and other sites try at the console, and what comes of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import argon2
import httpx
import pyotp
import pytest
from tests.e2e.kit import County
from tests.e2e.test_approval import draft_for
from tests.web.browsing import PASSWORD, Browser, hire, token_of
from tests.web.test_desk import REQUEST, alert, looked

from jdgate.people import credentials
from jdgate.store import people
from jdgate.web.gate import path_of_ours

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
HTML = "text/html; charset=utf-8"


async def test_a_session_planted_before_signing_in_is_worth_nothing(browse: Browse) -> None:
    planted = credentials.token()
    victim, thief = browse(), browse()
    for one in (victim, thief):
        one.client.cookies.set("jdgate", planted, domain="127.0.0.1")
    await victim.sign_in("clerk")
    assert victim.cookie != planted
    assert (await victim.open("/")).status_code == 200
    assert (await thief.open("/")).headers["location"].startswith("/sign-in")


async def test_signing_out_ends_the_session_everywhere_it_was_copied(browse: Browse) -> None:
    person, copy = browse(), browse()
    await person.sign_in("clerk")
    assert person.cookie is not None
    copy.client.cookies.set("jdgate", person.cookie, domain="127.0.0.1")
    assert (await copy.open("/")).status_code == 200
    await person.send(await person.open("/"), "/sign-out")
    assert (await copy.open("/")).status_code == 303


async def test_cookies_keep_away_from_scripts_and_other_sites(browse: Browse) -> None:
    answer = await browse().sign_in("clerk")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({}, False),
        ({"origin": "https://evil.example"}, True),
        ({"origin": "null"}, True),
        ({"origin": "http://["}, True),
        ({"sec-fetch-site": "cross-site"}, True),
    ],
    ids=["no form token", "another origin", "a hidden origin", "no origin at all", "cross-site"],
)
async def test_another_site_can_have_nothing_done(
    county: County, browse: Browse, headers: dict[str, str], own: bool
) -> None:
    browser = browse()
    await browser.sign_in("approver")
    page = await browser.open("/")
    data = {"form_token": token_of(page)} if own else {"form_token": credentials.token()}
    answer = await browser.client.post("/sign-out", data=data, headers=headers)
    assert answer.status_code == 403
    assert (await browser.open("/")).status_code == 200, "still signed in"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=x", b"\xff\xfe"),
        ("multipart/form-data; boundary=x", b"no part"),
        ("multipart/form-data", b""),
        ("application/x-www-form-urlencoded", b"%ff"),
    ],
)
async def test_a_form_that_is_no_text_is_refused(browse: Browse, kind: str, body: bytes) -> None:
    browser = browse()
    await browser.is_in("clerk")
    head = b'content-disposition: form-data; name="form_token"'
    for encoding in (b"", b"\r\ncontent-type: text/plain; charset=nonsense"):
        part = b"--x\r\n" + head + encoding + b"\r\n\r\n" + body + b"\r\n--x--\r\n"
        content = b"form_token=" + body if "urlencoded" in kind else part
        answer = await browser.client.post(
            "/sign-out", content=content, headers={"content-type": kind}
        )
        assert answer.status_code in (400, 403)


async def test_pages_are_asked_for_as_http_has_it(browse: Browse) -> None:
    browser = browse()
    await browser.is_in("clerk")
    page, head = await browser.open("/"), await browser.client.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert page.headers["content-type"] == head.headers["content-type"] == HTML
    assert page.headers["content-length"] == head.headers["content-length"]
    answer = await browser.client.put("/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = await browser.client.head("/api/v1/status")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, OPTIONS")
    style = re.findall(r"/static/desk-[0-9a-f]+\.css", page.text)[0]
    assert (await browser.open(style)).headers["content-type"] == "text/css; charset=utf-8"


async def test_a_form_of_another_browser_is_refused(browse: Browse) -> None:
    mine, theirs = browse(), browse()
    await mine.sign_in("clerk")
    await theirs.sign_in("second")
    foreign = token_of(await theirs.open("/"))
    answer = await mine.client.post("/sign-out", data={"form_token": foreign})
    assert answer.status_code == 403


async def test_a_role_is_no_more_than_it_is(county: County, browse: Browse) -> None:
    id = await draft_for(county, "ps-01", REQUEST, {"to": "cln-01"})
    before = await county.ask("drafts.show", id=id, member="ps-01")
    for login in ("clerk", "auditor", "admin"):
        browser = browse()
        await browser.sign_in(login)
        page = await browser.open("/")
        for act in ("approve", "reject"):
            answer = await browser.send(page, f"/drafts/{id}/{act}", check="custody", reason="x")
            assert answer.status_code == 403, (login, act)
    assert await county.ask("drafts.show", id=id, member="ps-01") == before


async def test_another_members_things_are_not_found(county: County, browse: Browse) -> None:
    theirs = await alert(county, "PS6")
    (message, *_) = await county.ask("inbox.list", member="ps-01")
    browser = browse()
    await browser.sign_in("elsewhere")
    page = await browser.open("/")
    for path in (f"/alerts/{theirs}", f"/inbox/{message['id']}", "/drafts/nobody", "/alerts/x"):
        assert (await browser.open(path)).status_code == 404, path
    for act in ("ack", "resolve", "reassign"):
        answer = await browser.send(page, f"/alerts/{theirs}/{act}", outcome="visited", to="pol")
        assert answer.status_code == 404, act
    row = await county.ask("alerts.show", id=theirs, member="ps-01", opens=False)
    assert row["by"] is None and await looked(county, theirs) == []


async def test_guessing_passwords_becomes_slow_for_real_and_made_up_names_alike(
    county: County, browse: Browse
) -> None:
    await hire(county, "guessed", "clerk")
    for login in ("guessed", "nobody-at-all"):
        browser = browse()
        codes = [(await browser.try_sign_in(login, "wrong password")).status_code for _ in range(6)]
        assert codes == [422] * 5 + [429], login
    right = await browse().try_sign_in("guessed", PASSWORD)
    assert right.status_code == 429, "not even with the right one, until the rest is over"


async def test_guesses_at_the_same_time_are_counted_like_guesses_one_by_one(
    county: County, browse: Browse
) -> None:
    await hire(county, "guessed-at-once", "clerk")
    browsers = [browse() for _ in range(12)]
    tries = [one.try_sign_in("guessed-at-once", f"wrong password {n}")
             for n, one in enumerate(browsers)]  # fmt: skip
    codes = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(codes) == [422] * 5 + [429] * 7


async def test_one_code_lets_one_in_however_many_send_it_at_once(
    county: County, browse: Browse
) -> None:
    await hire(county, "watched", "clerk")
    house, secret = county.daemon.house, pyotp.random_base32()
    assert house is not None
    sealed = house.key.wrap(secret.encode(), b"totp\0watched")
    await house.run(lambda conn: people.change(conn, "watched", totp=sealed))
    code = pyotp.TOTP(secret).at(county.daemon.clock.now())
    tries = [browse().try_sign_in("watched", code=code) for _ in range(4)]
    codes = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(codes) == [303, 422, 422, 422]


async def test_of_two_who_use_a_link_at_once_one_comes_in(county: County, browse: Browse) -> None:
    made = await county.ask(
        "operator.add", login="raced", name="抢先的", member="ps-01", role="clerk"
    )
    browsers = [browse(), browse()]
    pages = [await one.open(made["link"]) for one in browsers]
    secret = re.search(r'class="secret">(\w+)<', pages[0].text)
    assert secret is not None
    code = pyotp.TOTP(secret[1]).at(county.daemon.clock.now())
    form = {"password": PASSWORD, "again": PASSWORD, "code": code}
    tries = [
        one.send(page, made["link"], **form) for one, page in zip(browsers, pages, strict=True)
    ]
    codes = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(codes) == [303, 404]


async def test_nobody_learns_from_an_answer_whether_a_name_is_known(
    county: County, browse: Browse
) -> None:
    await hire(county, "left-us", "clerk")
    await county.ask("operator.disable", login="left-us")
    await county.ask("operator.add", login="invited", name="受邀", member="ps-01", role="clerk")
    said = set()
    for login, password in (
        ("second", "wrong password"), ("left-us", PASSWORD), ("invited", PASSWORD),
        ("never-heard-of", PASSWORD), ("x" * 200, PASSWORD), ("second\r\nx: y", PASSWORD),
    ):  # fmt: skip
        answer = await browse().try_sign_in(login, password)
        found = re.search(r'role="alert">([^<]+)<', answer.text)
        said.add((answer.status_code, found and found[1]))
    assert len(said) == 1, said
    # and takes as long: a name that nobody has is judged by as expensive a hash
    assert argon2.extract_parameters(credentials._NOBODY) == argon2.extract_parameters(
        credentials.keep(PASSWORD)
    )


ELSEWHERE = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
    "/\t/evil.example", "\\\\evil.example", "///evil.example", "/\r\nset-cookie: a=b",
    "/x\nlocation: //evil.example", "／／evil.example", "https:evil.example", " //evil.example",
)  # fmt: skip


@pytest.mark.parametrize("given", ELSEWHERE, ids=ascii)
async def test_whatever_is_asked_to_come_next_is_on_this_site(browse: Browse, given: str) -> None:
    assert path_of_ours(given) == "/"
    stranger, person = browse(), browse()
    page = await stranger.open("/sign-in", params={"next": given})
    assert 'name="next" value="/"' in page.text
    await person.is_in("clerk")
    for path in ("/sign-in", "/language/en", "/language/zh%0d%0aset-cookie:a=b"):
        answer = await person.open(path, params={"next": given})
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), path
        assert "a=b" not in answer.headers.get("set-cookie", "")


async def test_signing_in_leads_on_to_what_was_asked_for_here_alone(browse: Browse) -> None:
    for given, onward in (
        ("//evil.example", "/"),
        ("/drafts", "/drafts"),
        ("/messages?member=pol&type=x", "/messages?member=pol&type=x"),
        ("/中文", "/%E4%B8%AD%E6%96%87"),
    ):
        answer = await browse().sign_in("clerk", next=given)
        assert answer.headers["location"] == onward


async def test_what_others_wrote_is_text_and_never_markup(county: County, browse: Browse) -> None:
    evil = "<script>alert(1)</script>"
    await hire(county, "evil", "approver", member="cln-02", name='"><img src=x onerror=a>')
    record = {"to": evil, "legal_doc_no": "'\"><svg onload=a>", "scope": ["<b>", evil]}
    id = await draft_for(county, "cln-02", REQUEST, record)
    browser = browse()
    await browser.sign_in("evil")
    page = await browser.open(f"/drafts/{id}")
    assert page.status_code == 200 and "&lt;script&gt;" in page.text, page.text
    for markup in ("<script>alert", "<img", "<svg onload"):
        assert markup not in page.text
    wrong = await browse().try_sign_in('x"><b>')
    assert "<b>" not in wrong.text


async def test_every_answer_tells_browsers_to_run_nothing_else(browse: Browse) -> None:
    browser = browse()
    for path in ("/", "/sign-in", "/nowhere", "/static/no.js", "/api/v1/status", "/first/x"):
        answer = await browser.open(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


async def test_pages_hold_no_script_or_style_of_their_own(browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    for path in ("/", "/drafts", "/inbox"):
        text = (await browser.open(path)).text
        assert " style=" not in text and "<style" not in text and " onclick" not in text
        assert text.count("<script") == text.count('<script src="/static/')


async def test_a_name_that_leads_here_but_is_not_ours_reaches_nothing(browse: Browse) -> None:
    answer = await browse().open("/sign-in", headers={"host": "evil.example"})
    assert answer.status_code == 421 and "form" not in answer.text


async def test_files_outside_the_static_folder_are_not_served(county: County) -> None:
    assert county.daemon.web_url is not None
    async with httpx.AsyncClient(base_url=county.daemon.web_url, timeout=60) as client:
        for name in ("..%2fapp.py", "%2e%2e/app.py", "..\\app.py", "desk.css%00"):
            assert (await client.get(f"/static/{name}")).status_code == 404, name


async def test_a_form_that_is_too_large_is_not_read(browse: Browse) -> None:
    browser = browse()
    page = await browser.open("/sign-in")
    answer = await browser.send(page, "/sign-in", login="a" * 100_000, password="b")
    assert answer.status_code == 413
