"""What strangers, colleagues and other sites try at the console, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from tests.e2e.kit import County
from tests.e2e.test_approval import draft_for
from tests.web.browsing import PASSWORD, Browser, hire, token_of
from tests.web.test_desk import REQUEST, alert, looked

from jdgate.people import credentials
from jdgate.web.gate import path_of_ours

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


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
        ({"sec-fetch-site": "cross-site"}, True),
    ],
    ids=["no form token", "another origin", "a hidden origin", "cross-site"],
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


async def test_signing_in_leads_to_no_other_site(browse: Browse) -> None:
    for given in (
        "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "\\\\evil.example",
    ):  # fmt: skip
        answer = await browse().sign_in("clerk", next=given)
        assert answer.headers["location"] == "/", given
    assert path_of_ours("/drafts/1") == "/drafts/1"


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
    async with httpx.AsyncClient(base_url=county.daemon.web_url) as client:
        for name in ("..%2fapp.py", "%2e%2e/app.py", "..\\app.py", "desk.css%00"):
            assert (await client.get(f"/static/{name}")).status_code == 404, name


async def test_a_form_that_is_too_large_is_not_read(browse: Browse) -> None:
    browser = browse()
    page = await browser.open("/sign-in")
    answer = await browser.send(page, "/sign-in", login="a" * 100_000, password="b")
    assert answer.status_code == 413
