"""How people come in for the first time, and how long they stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pyotp
import pytest
from tests.e2e.kit import County
from tests.web.browsing import PASSWORD, Browser, hire

from jdgate.errors import Refused

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


def secret_of(text: str) -> str:
    found = re.search(r'class="secret">([A-Z2-7]{32})<', text)
    assert found is not None
    return found[1]


async def test_a_link_lets_one_person_in_once_with_a_code_generator(
    county: County, browse: Browse
) -> None:
    made = await county.ask(
        "operator.add", login="new", name="新来的", member="ps-01", role="clerk"
    )
    assert made["web_url"] == county.daemon.web_url
    browser, link = browse(), made["link"]
    page = await browser.open(link)
    generator = pyotp.TOTP(secret_of(page.text))
    assert generator.secret == secret_of((await browser.open(link)).text)
    now = county.daemon.clock.now()
    twice = {"password": PASSWORD, "again": PASSWORD}
    for fields, said in (
        ({**twice, "code": "000000x"}, "验证码不对"),
        ({"password": PASSWORD, "again": "other", "code": generator.at(now)}, "不一样"),
        ({"password": "short", "again": "short", "code": generator.at(now)}, "10 到 128"),
        ({"password": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa", "code": "1"}, "太容易"),
    ):
        answer = await browser.send(page, link, **fields)
        assert answer.status_code == 422 and said in answer.text
    done = await browser.send(page, link, **twice, code=generator.at(now))
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "新来的" in (await browser.open("/")).text
    assert (await browse().open(link)).status_code == 404, "a link is good once"

    other = browse()
    for code in ("", generator.at(now)):  # none; and the one that was used
        assert (await other.try_sign_in("new", code=code)).status_code == 422
    county.turned.turn(timedelta(seconds=60))
    await other.sign_in("new", code=generator.at(county.daemon.clock.now()))


async def test_a_link_expires(county: County, browse: Browse) -> None:
    made = await county.ask(
        "operator.add", login="late", name="迟到的", member="ps-01", role="clerk"
    )
    county.turned.turn(timedelta(hours=25))
    assert (await browse().open(made["link"])).status_code == 404


async def test_idle_people_are_signed_out_and_busy_ones_once_a_day(
    county: County, browse: Browse
) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    for _ in range(26):
        county.turned.turn(timedelta(minutes=27))
        answer = await browser.open("/")
        assert answer.status_code == 200
    county.turned.turn(timedelta(minutes=27))
    assert (await browser.open("/")).status_code == 303, "after twelve hours"

    await browser.sign_in("clerk")
    county.turned.turn(timedelta(minutes=20))
    by_itself = {"X-Jdgate-Live": "1"}
    assert (await browser.open("/", headers=by_itself)).status_code == 200
    county.turned.turn(timedelta(minutes=11))
    assert (await browser.open("/", headers=by_itself)).status_code == 401, (
        "a page that refreshes itself is no sign of a person"
    )


async def test_a_systems_token_ends(county: County) -> None:
    made = await county.ask(
        "token.add", member="cln-01", name="HIS", types=[], receives=True, days=1
    )
    headers = {"authorization": f"Bearer {made['token']}"}
    async with httpx.AsyncClient(
        base_url=county.daemon.web_url or "", headers=headers, timeout=60
    ) as system:
        assert (await system.get("/api/v1/status")).status_code == 200
        county.turned.turn(timedelta(hours=24))
        assert (await system.get("/api/v1/status")).status_code == 401


async def test_whoever_is_disabled_or_reset_is_out_at_once(county: County, browse: Browse) -> None:
    for act in ("operator.disable", "operator.reset"):
        login = act.rpartition(".")[2]
        await hire(county, login, "clerk")
        browser = browse()
        await browser.sign_in(login)
        await county.ask(act, login=login)
        assert (await browser.open("/")).status_code == 303
        assert (await browser.try_sign_in(login)).status_code == 422


async def test_operators_are_listed_without_what_they_sign_in_with(county: County) -> None:
    rows = await county.ask("operator.list", member="com-01")
    assert [row["login"] for row in rows] == ["elsewhere"]
    assert set(rows[0]) == {
        "login", "name", "member", "role", "state", "second_factor", "linked", "created_at",
        "signed_in_at",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"login": "Wang"}, "people.login_form"),
        ({"login": "clerk"}, "people.login_taken"),
        ({"name": "clerk甲"}, "people.name_taken"),
        ({"name": "甲,乙"}, "approval.name"),
        ({"role": "king"}, "people.role_unknown"),
        ({"member": "nobody"}, "member.unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
async def test_an_operator_that_can_not_be_is_refused(
    county: County, given: dict[str, str], code: str
) -> None:
    good = {"login": "fresh", "name": "某人", "member": "ps-01", "role": "clerk"}
    with pytest.raises(Refused) as refused:
        await county.ask("operator.add", **{**good, **given})
    assert refused.value.code == code
