"""Who has no password here proves who they are at the OpenID provider, for each act that asks for
it: what is done on which proof, and all that may go wrong on the way."""

from __future__ import annotations

import asyncio
import re
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
from tests.web.browsing import PASSWORD, Browser, hire, token_of, wrong_code
from tests.web.provider import Provider, User
from tests.web.test_members import asks, form
from tests.web.test_oidc import STRONG, back_of, found

from jdgate.people import credentials
from jdgate.store import people

pytestmark = pytest.mark.anyio
KEEPER = "subject-keeper"
A_YEAR_AGO = int(time.time()) - 365 * 86_400
TOMORROW = int(time.time()) + 86_400
"""Later than the tests may run that were collected now."""
SECRET = re.compile(r'class="secret">([A-Z2-7]{32})<')


@pytest.fixture(autouse=True)
def honest(provider: Provider) -> None:
    """Each test begins with the keeper, long signed in at a provider that does nothing wrong."""
    provider.spoilt, provider.since, provider.heedless = {}, A_YEAR_AGO, False
    provider.who = User(KEEPER, amr=STRONG)


@pytest.fixture(scope="module")
async def county(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    """People may have passwords; the keeper of the directory has none."""
    county = found(tmp_path_factory.mktemp("county"), provider.issuer)
    async with county.running():
        provider.now = lambda: county.daemon.clock.now().timestamp()
        for login, role, member in (("keeper", "administrator", "nco"), ("clerk", "clerk", "nco")):
            await hire(county, login, role, member)
            await county.ask("operator.link", login=login, subject=f"subject-{login}")
        await change(county, password=None)
        yield county


@pytest.fixture
async def keeper(county: County) -> AsyncIterator[Browser]:
    await change(county, totp=None, totp_step=None)
    made = Browser(county)
    await made.is_in("keeper")
    yield made
    await made.close()


async def change(county: County, **values: Any) -> None:
    house = county.daemon.house
    assert house is not None
    await house.run(lambda conn: people.change(conn, "keeper", **values))


async def generator(county: County) -> pyotp.TOTP:
    """The keeper has a code generator from now on."""
    house, secret = county.daemon.house, pyotp.random_base32()
    assert house is not None
    await change(county, totp=house.key.wrap(secret.encode(), b"totp\0keeper"), totp_step=None)
    return pyotp.TOTP(secret)


async def begin(browser: Browser, act: str = "suspend", id: str = "com-02", **more: str) -> str:
    """Press an act's button; the page where it waits."""
    page = await browser.open(f"/members/{id}")
    answer = await browser.send(page, f"/members/{id}/{act}", **more)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def prove(browser: Browser, waits: str) -> httpx.Response:
    """There and back; what is answered to who comes back."""
    return await browser.open(await back_of(browser, f"{waits}/provider"))


async def press(browser: Browser, waits: str, **fields: str) -> httpx.Response:
    return await browser.send(await browser.open("/members"), waits, **fields)


def status(county: County, id: str = "com-02") -> str:
    return county.daemon.trust.members[id].status


async def last_leaf(county: County) -> dict[str, Any]:
    """What the ledger has of the last change of members."""
    leaves = await county.leaves()
    return [one for one in leaves if one.get("act", "").startswith("member.")][-1]


@pytest.fixture(autouse=True)
async def all_active(county: County) -> AsyncIterator[None]:
    yield
    if status(county) != "active":
        await county.ask("member.resume", id="com-02")


async def test_an_act_is_done_by_who_signs_in_at_the_provider_once_more(
    county: County, keeper: Browser, provider: Provider
) -> None:
    code = await generator(county)
    provider.who = User(KEEPER, amr=("pwd",))
    page = await keeper.open("/members/com-02")
    assert 'type="password"' not in page.text and "请在统一认证重新登录" in page.text
    before, waits = keeper.cookie, await begin(keeper)
    shown = await keeper.open(waits)
    assert "乙镇社区戒毒办" in shown.text and f'href="{waits}/provider"' in shown.text
    asked = (await keeper.open(f"{waits}/provider")).headers["location"]
    given = parse_qs(urlsplit(asked).query)
    assert (given["prompt"], given["max_age"]) == (["login"], ["0"])
    assert given["nonce"] and given["state"] and given["code_challenge_method"] == ["S256"]

    came = await prove(keeper, waits)
    assert (came.status_code, came.headers["location"]) == (303, waits)
    assert "set-cookie" not in came.headers and keeper.cookie == before, "the session stays"
    shown = await keeper.open(waits)
    assert 'name="code"' in shown.text and status(county) == "active", "a link does nothing"
    wrong = await keeper.send(shown, waits, code=wrong_code(code, county.daemon.clock.now()))
    assert wrong.status_code == 422 and "什么都没有做" in wrong.text
    assert status(county) == "active"
    now = code.at(county.daemon.clock.now())
    done = await keeper.send(shown, waits, code=now)
    assert (done.status_code, done.headers["location"]) == (303, "/members/com-02"), done.text
    assert status(county) == "suspended" and keeper.cookie == before
    leaf = await last_leaf(county)
    assert (leaf["act"], leaf["operator"], leaf["target"], leaf["proof"]) == (
        "member.suspended", "keeper", "com-02", "provider-code",
    )  # fmt: skip

    assert (await keeper.send(shown, waits, code=now)).status_code == 404, "done once"
    waits = await begin(keeper, "resume")
    await prove(keeper, waits)
    used = await press(keeper, waits, code=now)
    assert used.status_code == 422 and status(county) == "suspended", "that code was used"


async def test_a_second_factor_there_is_enough_and_the_ledger_says_so(
    county: County, keeper: Browser
) -> None:
    await generator(county)
    waits = await begin(keeper)
    await prove(keeper, waits)
    shown = await keeper.open(waits)
    assert 'name="code"' not in shown.text
    both = await asyncio.gather(*(keeper.send(shown, waits) for _ in range(2)))
    assert sorted(one.status_code for one in both) == [303, 404], "once, however often pressed"
    assert (await last_leaf(county))["proof"] == "provider"
    (*_, index) = [n for n, leaf in enumerate(await county.leaves()) if "proof" in leaf]
    assert "在统一身份认证重新登录" in (await keeper.open(f"/ledger?q={index}")).text


@pytest.mark.parametrize(
    ("wrong", "zh", "en"),
    [
        ({"who": None}, "access_denied", "access_denied"),
        ({"who": User("subject-clerk", amr=STRONG)}, "不是现在登录着的", "not the person"),
        ({"who": User("subject-new", amr=STRONG)}, "不是现在登录着的", "not the person"),
        ({"who": User(KEEPER)}, "还没有验证器", "no authenticator"),
        ({"heedless": True}, "没有让您重新登录", "sign in anew"),
        ({"spoilt": {"auth_time": None}}, "没有让您重新登录", "sign in anew"),
        ({"spoilt": {"auth_time": True}}, "没有让您重新登录", "sign in anew"),
        ({"spoilt": {"auth_time": TOMORROW}}, "没有让您重新登录", "sign in anew"),
        ({"spoilt": {"nonce": "another"}}, "不能采信（nonce）", "trusted (nonce)"),
    ],
    ids=["refused", "a colleague", "a stranger", "no second factor", "signed in long ago",
         "does not say when", "says no time", "in the future", "of another attempt"],
)  # fmt: skip
async def test_what_proves_nothing_does_nothing_and_loses_nothing(
    county: County, keeper: Browser, provider: Provider, wrong: dict[str, Any], zh: str, en: str
) -> None:
    waits = await begin(keeper)
    for name, value in wrong.items():
        setattr(provider, name, value)
    came = await prove(keeper, waits)
    assert came.status_code == 422 and zh in came.text and "什么都没有做" in came.text
    assert "乙镇社区戒毒办" in came.text and f'href="{waits}/provider"' in came.text
    await keeper.open("/language/en")
    again = await prove(keeper, waits)
    assert en in again.text and "Nothing was done" in again.text
    await press(keeper, waits)
    assert status(county) == "active"
    assert (await keeper.open("/members")).status_code == 200, "who is signed in stays so"
    provider.who, provider.heedless, provider.spoilt = User(KEEPER, amr=STRONG), False, {}
    await prove(keeper, waits)
    assert (await press(keeper, waits)).status_code == 303 and status(county) == "suspended"


async def test_an_answer_counts_once_and_for_the_session_that_asked(
    county: County, keeper: Browser
) -> None:
    waits = await begin(keeper)
    back = await back_of(keeper, f"{waits}/provider")
    stranger, other = Browser(county), Browser(county)
    await stranger.open("/sign-in")
    await other.is_in("keeper")  # the same person, at another desk
    for thief in (stranger, other):
        answer = await thief.open(back)
        assert answer.status_code == 422 and "已经过期，或者不是在这个浏览器" in answer.text
    assert (await other.open(waits)).status_code == 404
    assert (await press(other, waits)).status_code == 404
    assert (await other.open(f"{waits}/provider")).status_code == 404
    await stranger.close()
    await other.close()

    assert (await keeper.open(back)).status_code == 303
    replay = await keeper.open(back)
    assert replay.status_code == 422 and "已经过期" in replay.text
    earlier = await back_of(keeper, f"{waits}/provider")
    await back_of(keeper, f"{waits}/provider")
    assert (await keeper.open(earlier)).status_code == 422, "it was asked anew meanwhile"
    await press(keeper, waits)
    assert status(county) == "active", "who is sent there again has to come back again"

    late = await back_of(keeper, f"{waits}/provider")
    page = await keeper.open(waits)
    out = await keeper.send(page, "/sign-out")
    assert out.status_code == 303
    await keeper.open("/sign-in")
    assert (await keeper.open(late)).status_code == 422, "the session is over"


async def test_a_proof_is_for_one_act_as_it_was_filled_in_and_for_ten_minutes(
    county: County, keeper: Browser
) -> None:
    waits = await begin(keeper)
    other = await begin(keeper, "revoke", "cln-02", reason="lost", confirm="cln-02")
    await prove(keeper, waits)
    answer = await press(keeper, other)
    assert answer.status_code == 200 and f'href="{other}/provider"' in answer.text
    assert not any(key.revoked_at for key in county.daemon.trust.members["cln-02"].keys)
    bare = await keeper.client.post(waits)
    foreign = await keeper.client.post(waits, data={"form_token": credentials.token()})
    assert (bare.status_code, foreign.status_code) == (403, 403)
    done = await press(keeper, waits, id="com-01", act="revoke", reason="lost", confirm="com-01")
    assert done.status_code == 303
    assert status(county) == "suspended" and status(county, "com-01") == "active"

    waits = await begin(keeper, "resume")
    await prove(keeper, waits)
    county.turned.turn(timedelta(minutes=10))
    assert (await press(keeper, waits)).status_code == 404 and status(county) == "suspended"

    kept = await begin(keeper, "resume")
    for _ in range(4):
        await begin(keeper, "resume")
    assert (await keeper.open(kept)).status_code == 404, "few wait at a time"
    last = await begin(keeper, "resume")
    await prove(keeper, last)
    shown = await keeper.open(last)
    await county.ask("operator.link", login="keeper", subject="subject-heir")
    try:
        assert (await keeper.send(shown, last)).status_code == 401, "linked anew meanwhile"
    finally:
        await county.ask("operator.link", login="keeper", subject=KEEPER)
    assert status(county) == "suspended"


async def test_an_admission_comes_back_as_it_was_filled_in(
    county: County, keeper: Browser, tmp_path: Path
) -> None:
    request, heard = asks(tmp_path)
    page = await keeper.send(await keeper.open("/admission"), "/admission", request=request)
    filled = form(request, heard, county, name="城关镇卫生院门诊")
    groups = heard.split()
    wrong = "00000" if groups[2] != "00000" else "00001"
    misheard = await keeper.send(page, "/admission/sign", **(filled | {"group-3": wrong}))
    assert misheard.status_code == 422 and "不符的是第 3 组" in misheard.text, "before they go"
    sent = await keeper.send(page, "/admission/sign", **filled)
    waits = sent.headers["location"]
    shown = await keeper.open(waits)
    for words in ("cln-20", "城关镇卫生院门诊", heard, filled["nats"], "cln-20.sig.1"):
        assert words in shown.text, words

    kept = await keeper.send(shown, f"{waits}/back")
    assert kept.status_code == 200 and 'value="城关镇卫生院门诊"' in kept.text
    assert all(f'value="{group}"' in kept.text for group in groups)
    assert (await keeper.open(waits)).status_code == 404
    sent = await keeper.send(kept, "/admission/sign", **filled)
    waits = sent.headers["location"]
    await prove(keeper, waits)
    swapped = {"name": "别的", "request": "x", "nats": "nats://10.1.1.1:4222"}
    done = await press(keeper, waits, **swapped)
    assert done.headers["location"] == "/members/cln-20", done.text
    assert county.daemon.trust.members["cln-20"].name == "城关镇卫生院门诊"
    assert (await last_leaf(county))["act"] == "member.admitted"


async def test_another_authenticator_asks_for_a_code_of_the_one_so_far_too(
    county: County, keeper: Browser
) -> None:
    code = await generator(county)
    page = await keeper.open("/account")
    assert 'type="password"' not in page.text
    sent = await keeper.send(page, "/account/authenticator")
    waits = sent.headers["location"]
    await prove(keeper, waits)
    shown = await keeper.open(waits)
    assert 'name="code"' in shown.text, "whatever the provider saw"
    assert (await keeper.send(shown, waits)).status_code == 422
    offered = await keeper.send(shown, waits, code=code.at(county.daemon.clock.now()))
    secret = SECRET.search(offered.text)
    assert offered.status_code == 200 and secret is not None and secret[1] != code.secret


async def test_who_has_a_password_here_gives_that(county: County, keeper: Browser) -> None:
    browser = Browser(county)
    await browser.is_in("clerk")
    page = await browser.open("/account")
    assert 'id="password"' in page.text and "重新登录" not in page.text
    done = await browser.send(page, "/account/authenticator", password=PASSWORD)
    assert done.status_code == 200 and SECRET.search(done.text)
    await browser.close()
    refused = await keeper.client.post(
        "/members/com-02/suspend",
        data={"form_token": token_of(await keeper.open("/members")), "password": PASSWORD},
    )
    assert refused.headers["location"].startswith("/again/"), "none of theirs is taken"
