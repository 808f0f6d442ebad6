"""Signing in by an OpenID provider: a real one, run here, and all that may be wrong with it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from tests.e2e.kit import County
from tests.web.browsing import PASSWORD, Browser, hire, wrong_code
from tests.web.provider import CLIENT, SECRET, Provider, User
from tests.web.test_serving import certificate

from jdgate.clock import machine_time
from jdgate.config import Oidc, read_config
from jdgate.errors import Refused, TransportFailed, UsageError
from jdgate.people import credentials
from jdgate.store import people
from jdgate.web.provider import Provider as Asked

pytestmark = pytest.mark.anyio
STRONG = ("pwd", "otp")


def found(root: Path, issuer: str, **more: Any) -> County:
    """A county whose people may sign in by a provider."""
    settings = {
        "issuer": issuer, "client_id": CLIENT, "client_secret_file": "provider.secret",
        "label": "统一认证", "amr": ["otp"], **more,
    }  # fmt: skip
    county = County.found(
        root, hosted=("nco", "ps-01"), alerts={"web": {"enabled": True}, "web.oidc": settings}
    )
    (county.home.root / "provider.secret").write_text(SECRET + "\n", "utf-8")
    return county


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> None:
    """Each test begins with a provider that does nothing wrong."""
    provider.spoilt, provider.lies, provider.down, provider.algorithm = {}, {}, False, "RS256"
    provider.says_iss, provider.who = None, User("nobody")


@pytest.fixture(scope="module")
async def county(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    county = found(tmp_path_factory.mktemp("county"), provider.issuer, claim="preferred_username")
    async with county.running():
        await hire(county, "clerk", "clerk")
        await county.ask("operator.link", login="clerk", subject="subject-1")
        yield county


@pytest.fixture
async def browser(county: County) -> AsyncIterator[Browser]:
    made = Browser(county)
    yield made
    await made.close()


async def back_of(browser: Browser, there: str = "/sign-in/provider") -> str:
    """The address that the provider sends a browser back to."""
    sent = await browser.open(there)
    assert sent.status_code == 303, sent.text
    at = await browser.open(sent.headers["location"])
    assert at.status_code == 302, at.text
    return str(at.headers["location"])


async def by_provider(browser: Browser, there: str = "/sign-in/provider") -> httpx.Response:
    """Sign in by the provider; what the console answers in the end."""
    return await browser.open(await back_of(browser, there))


async def is_out(browser: Browser) -> bool:
    return (await browser.open("/")).status_code == 303


async def test_somebody_who_is_linked_comes_in_and_goes_on_where_they_wanted(
    browser: Browser, provider: Provider
) -> None:
    provider.who = User("subject-1", amr=STRONG)
    page = await browser.open("/sign-in?next=/drafts")
    assert "用统一认证登录" in page.text and 'href="/sign-in/provider?next=/drafts"' in page.text
    before = browser.cookie
    asked = (await browser.open("/sign-in/provider?next=/drafts")).headers["location"]
    given = parse_qs(urlsplit(asked).query)
    assert given["code_challenge_method"] == ["S256"] and given["nonce"] and given["state"]
    assert "openid" in given["scope"][0]

    answer = await by_provider(browser, "/sign-in/provider?next=/drafts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/drafts")
    assert browser.cookie not in (before, None), "a token that was known before is worth nothing"
    assert "clerk甲" in (await browser.open("/drafts")).text

    page = await browser.open("/")
    out = await browser.send(page, "/sign-out")
    page = await browser.open(out.headers["location"])
    assert "/sign-out/provider" in page.text
    there = (await browser.open("/sign-out/provider")).headers["location"]
    assert there.startswith(f"{provider.issuer}/out?client_id=jdgate&post_logout_redirect_uri=")
    assert await is_out(browser)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["jdgate", "another"], "azp": "another"}, "azp"),
        ({"iss": "http://127.0.0.1:1"}, "iss"),
        ({"exp": int(time.time()) - 600}, "exp"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "at_hash"),
        ({"sub": ""}, "sub"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_id_token_that_is_not_for_this_very_attempt_lets_nobody_in(
    browser: Browser, provider: Provider, claims: dict[str, Any], why: str
) -> None:
    provider.who, provider.spoilt = User("subject-1", amr=STRONG), claims
    answer = await by_provider(browser)
    assert answer.status_code == 422 and f"不能采信（{why}）" in answer.text
    assert await is_out(browser)


async def test_a_token_signed_with_the_shared_secret_is_no_token(
    browser: Browser, provider: Provider
) -> None:
    provider.who, provider.algorithm = User("subject-1", amr=STRONG), "HS256"
    answer = await by_provider(browser)
    assert answer.status_code == 422 and "不能采信" in answer.text and await is_out(browser)


async def test_an_answer_of_another_issuer_is_refused(browser: Browser, provider: Provider) -> None:
    provider.who, provider.says_iss = User("subject-1", amr=STRONG), "https://evil.example"
    assert "不能采信（iss）" in (await by_provider(browser)).text and await is_out(browser)
    provider.says_iss = provider.issuer
    assert (await by_provider(browser)).status_code == 303


async def test_an_answer_is_good_for_the_browser_that_asked_once_and_not_for_long(
    county: County, browser: Browser, provider: Provider
) -> None:
    provider.who = User("subject-1", amr=STRONG)
    back, thief = await back_of(browser), Browser(county)
    await thief.open("/sign-in")
    stolen = await thief.open(back)
    assert stolen.status_code == 422 and "已经过期，或者不是在这个浏览器" in stolen.text
    assert await is_out(thief)
    await thief.close()

    copied = browser.cookie
    assert (await browser.open(back)).status_code == 303
    assert (await browser.open(back)).status_code == 422, "the browser has another token now"
    replay = Browser(county)
    replay.client.cookies.set("jdgate", copied or "", domain="127.0.0.1")
    answer = await replay.open(back)
    assert answer.status_code == 422 and "invalid_grant" in answer.text, "the code was used"
    await replay.close()

    for changed in (back.replace("state=", "state=A"), back.split("&state=")[0]):
        assert (await browser.open(changed)).status_code == 422
    late = await back_of(browser)
    county.turned.turn(timedelta(minutes=11))
    assert (await browser.open(late)).status_code == 422
    county.turned.turn(timedelta(minutes=-11))


async def test_who_says_no_there_is_told_so_here(browser: Browser, provider: Provider) -> None:
    provider.who = None
    answer = await by_provider(browser)
    assert answer.status_code == 422 and "access_denied" in answer.text
    hostile = await back_of(browser)
    state = hostile.partition("state=")[2].partition("&")[0]
    answer = await browser.open(f"/sign-in/provider/back?error=<b>x</b>&state={state}")
    assert "（other）" in answer.text and "<b>x" not in answer.text


async def test_a_new_key_of_the_provider_is_fetched_when_it_is_used(
    browser: Browser, provider: Provider
) -> None:
    provider.who = User("subject-1", amr=STRONG)
    assert (await by_provider(browser)).status_code == 303
    provider.rotate()
    assert (await by_provider(browser)).status_code == 303


async def test_nobody_is_let_in_or_made_who_has_no_account(
    county: County, browser: Browser, provider: Provider
) -> None:
    await hire(county, "gone", "clerk")
    await county.ask("operator.link", login="gone", subject="subject-gone")
    await county.ask("operator.disable", login="gone")
    for who in (
        User("subject-new", "nobody-here", STRONG),
        User("subject-gone", "gone", STRONG),
        User("subject-other", "clerk", STRONG),  # whose name is linked to another subject
        User("subject-x", "../../x", STRONG),
    ):
        provider.who = who
        answer = await by_provider(browser)
        assert answer.status_code == 422 and "没有与之绑定的" in answer.text, who
        assert await is_out(browser)
    assert len(await county.ask("operator.list")) == 2


async def test_a_name_links_once_and_the_subject_counts_from_then_on(
    county: County, browser: Browser, provider: Provider
) -> None:
    await hire(county, "fresh", "clerk")
    provider.who = User("subject-fresh", "fresh", STRONG)
    assert (await by_provider(browser)).status_code == 303
    provider.who = User("subject-fresh", "renamed", STRONG)
    assert (await by_provider(browser)).status_code == 303
    provider.who = User("subject-heir", "fresh", STRONG)  # somebody else got the name there
    assert (await by_provider(browser)).status_code == 422
    await county.ask("operator.disable", login="fresh")


async def test_a_name_links_nobody_before_our_own_code_came(
    county: County, browser: Browser, provider: Provider
) -> None:
    await hire(county, "named", "clerk")
    house, secret = county.daemon.house, pyotp.random_base32()
    assert house is not None
    sealed = house.key.wrap(secret.encode(), b"totp\0named")
    await house.run(lambda conn: people.change(conn, "named", totp=sealed))

    async def try_as(subject: str, code: str) -> httpx.Response:
        provider.who = User(subject, "named", ("pwd",))
        page = await by_provider(browser)
        assert page.status_code == 200, page.text
        ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
        return await browser.send(page, "/sign-in/provider/code", ticket=ticket, code=code)

    generator = pyotp.TOTP(secret)
    wrong = wrong_code(generator, county.daemon.clock.now())
    assert (await try_as("subject-thief", wrong)).status_code == 422
    row = await house.run(lambda conn: people.get(conn, "named"))
    assert row is not None and row.subject is None, "who only has the name has nothing of it"
    code = generator.at(county.daemon.clock.now())
    assert (await try_as("subject-named", code)).status_code == 303
    row = await house.run(lambda conn: people.get(conn, "named"))
    assert row is not None and row.subject == "subject-named"
    acts = await house.run(lambda conn: people.acts(conn, ["ps-01"], 5))
    assert ("operator.linked", "named", "named") in [(one.act, one.about, one.by) for one in acts]
    await county.ask("operator.disable", login="named")


async def test_without_a_second_factor_there_our_own_code_is_asked_for(
    county: County, browser: Browser, provider: Provider
) -> None:
    await hire(county, "coded", "clerk")
    await county.ask("operator.link", login="coded", subject="subject-2")
    provider.who = User("subject-2", amr=("pwd",))
    answer = await by_provider(browser)
    assert answer.status_code == 422 and "还没有验证器" in answer.text

    house, secret = county.daemon.house, pyotp.random_base32()
    assert house is not None
    sealed = house.key.wrap(secret.encode(), b"totp\0coded")
    await house.run(lambda conn: people.change(conn, "coded", totp=sealed))
    page = await by_provider(browser, "/sign-in/provider?next=/drafts")
    assert page.status_code == 200 and "验证码" in page.text and await is_out(browser)
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]

    async def give(code: str, by: Browser = browser, **more: str) -> httpx.Response:
        await by.open("/sign-in")
        own = credentials.form_token(by.cookie or "")
        form = {"form_token": own, "ticket": ticket, "code": code}
        return await by.client.post("/sign-in/provider/code", data=form | more)

    generator = pyotp.TOTP(secret)
    wrong, code = (of(generator, county.daemon.clock.now()) for of in (wrong_code, pyotp.TOTP.at))
    assert (await give(wrong)).status_code == 422
    thief = Browser(county)
    assert (await give(code, thief)).status_code == 422, "the step of another browser"
    await thief.close()
    assert (await give(code, form_token=credentials.token())).status_code == 403
    await county.ask("operator.link", login="coded", subject="subject-3")
    assert "没有与之绑定的" in (await give(code)).text, "linked anew meanwhile"
    await county.ask("operator.link", login="coded", subject="subject-2")
    done = await give(code)
    assert (done.status_code, done.headers["location"]) == (303, "/drafts")
    assert not await is_out(browser)

    await by_provider(browser)
    assert (await give(code)).status_code == 422, "the browser has another token"
    page = await by_provider(browser)
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
    answers = [(await give(wrong)).status_code for _ in range(6)]
    assert answers[-1] == 429, "guessing codes becomes slow"
    await county.ask("operator.disable", login="coded")


async def test_where_the_provider_is_down_a_clear_page_says_so_and_passwords_go_on(
    county: County, browser: Browser, provider: Provider
) -> None:
    provider.down = True
    county.turned.turn(timedelta(hours=2))  # what it said of itself before counts no more
    answer = await browser.open("/sign-in/provider")
    assert answer.status_code == 503 and "现在没有正常答复" in answer.text
    assert 'name="password"' in answer.text
    provider.down = False
    for lie in ("issuer", "token_endpoint"):
        provider.lies = {lie: "http://evil.example/x"}
        assert (await browser.open("/sign-in/provider")).status_code == 503, lie
    await browser.sign_in("clerk")


async def test_where_people_sign_in_by_the_provider_alone_no_password_is_taken(
    tmp_path: Path, provider: Provider
) -> None:
    county = found(tmp_path / "county", provider.issuer, passwords=False)
    async with county.running():
        await hire(county, "clerk", "clerk")
        browser = Browser(county)
        page = await browser.open("/sign-in")
        assert 'name="password"' not in page.text
        answer = await browser.client.post(
            "/sign-in", data={"form_token": credentials.token(), "login": "clerk"}
        )
        assert answer.status_code == 403

        made = await county.ask(
            "operator.add", login="new", name="新来的", member="ps-01", role="clerk"
        )
        page = await browser.open(made["link"])
        assert "统一身份认证" in page.text and 'name="password"' not in page.text
        secret = page.text.partition('class="secret">')[2].partition("<")[0]
        code = pyotp.TOTP(secret).at(county.daemon.clock.now())
        done = await browser.send(page, made["link"], code=code)
        assert done.headers["location"] == "/sign-in" and await is_out(browser)
        await county.ask("operator.link", login="clerk", subject="subject-1")
        clerk = Browser(county)
        await clerk.is_in("clerk")
        account = await clerk.open("/account")
        assert 'type="password"' not in account.text, "one from before counts no more"
        waits = await clerk.send(account, "/account/authenticator", password=PASSWORD)
        assert waits.headers["location"].startswith("/again/")
        await clerk.close()
        refused = await browser.send(page, "/sign-in", login="clerk", password="x")
        assert refused.status_code == 403 and "只能用统一身份认证" in refused.text
        await browser.close()


async def test_a_provider_that_can_not_prove_who_it_is_gets_nobody_sent(tmp_path: Path) -> None:
    certificate(tmp_path)
    files = {"ssl_certfile": str(tmp_path / "desk.pem"), "ssl_keyfile": str(tmp_path / "desk.key")}
    async with Provider().running(**files) as provider:
        for ca in ("", "desk.pem"):
            settings = Oidc(issuer=provider.issuer, client_id=CLIENT, ca=ca)
            asked = Asked(settings, tmp_path, machine_time)
            sending = asked.send("http://desk/back", "state", nonce="nonce", verifier="v" * 43)
            if ca:
                assert (await sending).startswith(f"{provider.issuer}/authorize?")
            else:
                with pytest.raises(TransportFailed) as refused:
                    await sending
                assert refused.value.code == "web.oidc_away"


# --- what administrators and configurations say


async def test_who_is_linked_to_whom_is_said_by_an_administrator(county: County) -> None:
    await hire(county, "linked", "clerk")
    for subject, code in (("subject-1", "people.subject_taken"), ("a b", "people.subject_form")):
        with pytest.raises(Refused) as refused:
            await county.ask("operator.link", login="linked", subject=subject)
        assert refused.value.code == code
    await county.ask("operator.link", login="linked", subject="mine")
    await county.ask("operator.reset", login="linked")
    rows = {row["login"]: row for row in await county.ask("operator.list")}
    assert not rows["linked"]["linked"] and rows["linked"]["state"] == "invited"
    await county.ask("operator.link", login="linked", subject=None)
    await county.ask("operator.disable", login="linked")


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": "http://login.county.example", "client_id": "x"},
        {"issuer": "https://login.county.example"},
        {"issuer": "https://login.county.example?x=1", "client_id": "x"},
        {"issuer": "https://login.county.example", "client_id": "x", "scopes": ["profile"]},
        {"client_id": "x"},
    ],
    ids=["not over TLS", "nobody", "with a query", "not openid", "no issuer"],
)
def test_a_provider_that_can_not_be_trusted_stops_the_start(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    county = County.found(tmp_path / "county", alerts={"web.oidc": settings})
    with pytest.raises(UsageError) as refused:
        read_config(county.home)
    assert refused.value.code == "config.oidc"


@pytest.mark.parametrize("entry", ["client_secret_file", "ca"])
def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path, entry: str) -> None:
    settings = Oidc(issuer="https://x.example", client_id="x", **{entry: "missing.pem"})
    with pytest.raises(UsageError) as refused:
        Asked(settings, tmp_path, lambda: None)  # type: ignore[arg-type, return-value]
    assert refused.value.code == "config.oidc_file"


def test_a_certificate_authority_that_is_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing", "utf-8")
    settings = Oidc(issuer="https://x.example", client_id="x", ca="ca.pem")
    with pytest.raises(UsageError) as refused:
        Asked(settings, tmp_path, lambda: None)  # type: ignore[arg-type, return-value]
    assert refused.value.code == "config.oidc_file"
