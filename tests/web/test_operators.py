"""What administrators do about operators and systems, how far they reach, and what people do about
their own account."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pyotp
import pytest
from tests.e2e.kit import County
from tests.web.browsing import PASSWORD, Browser, hire, token_of, wrong_code

from jdgate.errors import JdgateError, Refused

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
NEW = "a new passphrase 药"


async def signed_in(browse: Browse, login: str) -> Browser:
    browser = browse()
    await browser.is_in(login)
    return browser


def shown_once(page: httpx.Response) -> str:
    """What the field to copy holds."""
    found = re.search(r'id="made" class="copied" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


async def rows(county: County) -> dict[str, dict[str, Any]]:
    return {row["login"]: row for row in await county.ask("operator.list")}


# --- operators


async def test_an_administrator_adds_an_operator_whose_link_is_shown_once(
    county: County, browse: Browse
) -> None:
    admin = await signed_in(browse, "admin")
    page = await admin.open("/operators")
    assert "clerk甲" in page.text and "police甲" not in page.text, "of their own department alone"
    given = {"login": " Zhang.Wei ", "name": "张伟", "member": "ps-01", "role": "clerk"}
    made = await admin.send(page, "/operators", **given)
    link = shown_once(made)
    assert link.startswith(f"{admin.url}/first/") and "有效期至" in made.text
    page = await admin.open("/operators")
    assert "zhang.wei" in page.text and "等待首次登录" in page.text and "/first/" not in page.text
    assert "张伟，您好" in (await browse().open(link)).text

    twice = await admin.send(page, "/operators", **given)
    assert twice.status_code == 422 and "已有人使用" in twice.text and 'value="张伟"' in twice.text

    confirm = await admin.open("/operators/zhang.wei/reset")
    assert "只显示一次" in confirm.text and "/first/" not in confirm.text
    again = shown_once(await admin.send(confirm, "/operators/zhang.wei/reset"))
    assert (await browse().open(link)).status_code == 404, "the first link is void"
    assert (await browse().open(again)).status_code == 200

    confirm = await admin.open("/operators/zhang.wei/disable")
    await admin.send(confirm, "/operators/zhang.wei/disable")
    assert (await browse().open(again)).status_code == 404
    assert (await rows(county))["zhang.wei"]["state"] == "disabled"


async def test_an_administrator_reaches_their_own_department_alone(
    county: County, browse: Browse
) -> None:
    admin = await signed_in(browse, "admin")
    page = await admin.open("/operators")
    before = await rows(county)
    for path in ("", "/reset", "/disable"):
        assert (await admin.open(f"/operators/police{path}")).status_code == 404, path
    for act, fields in (("reset", {}), ("disable", {}), ("role", {"role": "auditor"}),
                        ("link", {"subject": "mine"})):  # fmt: skip
        answer = await admin.send(page, f"/operators/police/{act}", **fields)
        assert answer.status_code == 404, act
        assert (await admin.send(page, f"/operators/nobody/{act}", **fields)).status_code == 404
    for member in ("pol", "nco", "nowhere"):
        given = {"login": "mine", "name": "我的人", "member": member, "role": "administrator"}
        assert (await admin.send(page, "/operators", **given)).status_code in (403, 404), member
        given = {"name": "HIS", "member": member, "receives": "yes", "days": "9"}
        assert (await admin.send(page, "/systems/new", **given)).status_code in (403, 404), member
        assert (await admin.open(f"/systems/new?member={member}")).status_code == 403, member
    assert await rows(county) == before

    theirs = await county.ask(
        "token.add", member="pol", name="他们的系统", types=[], receives=True, days=9
    )
    assert "他们的系统" not in (await admin.open("/systems")).text
    for path in (f"/systems/{theirs['id']}/revoke", "/systems/nobody/revoke"):
        assert (await admin.open(path)).status_code == 404
        assert (await admin.send(page, path)).status_code == 404


async def test_an_administrator_of_the_authority_manages_every_member_hosted_here(
    county: County, browse: Browse
) -> None:
    keeper = await signed_in(browse, "keeper")
    page = await keeper.open("/operators")
    assert "police甲" in page.text and "checker甲" in page.text
    given = {"login": "at-the-clinic", "name": "门诊新人", "role": "clerk"}
    for member, status in (("cln-07", 403), ("gateway", 403), ("cln-01", 200)):
        answer = await keeper.send(page, "/operators", member=member, **given)
        assert answer.status_code == status, member
    await keeper.send(page, "/operators/at-the-clinic/disable")


async def test_nobody_acts_on_their_own_account_or_raises_it(
    county: County, browse: Browse
) -> None:
    admin = await signed_in(browse, "admin")
    page = await admin.open("/operators")
    assert "/operators/admin/reset" not in (await admin.open("/operators/admin")).text
    for act, fields in (("reset", {}), ("disable", {}), ("role", {"role": "approver"})):
        answer = await admin.send(page, f"/operators/admin/{act}", **fields)
        assert answer.status_code == 422 and "自己的账户" in answer.text, act
    answer = await admin.send(page, "/operators/clerk/role", role="administrator")
    assert answer.status_code == 422 and "另建一个账户" in answer.text
    assert (await admin.send(page, "/operators/clerk/role", role="king")).status_code == 422
    assert (await rows(county))["admin"]["role"] == "administrator"
    assert (await admin.open("/operators")).status_code == 200, "still signed in"


async def test_of_two_administrators_who_shut_each_other_out_one_stays(county: County) -> None:
    for login in ("left", "right"):
        await hire(county, login, "administrator", "nco")
    answers = await asyncio.gather(
        county.ask("operator.disable", login="left", by="right"),
        county.ask("operator.disable", login="right", by="left"),
        return_exceptions=True,
    )
    (refused,) = [one for one in answers if isinstance(one, JdgateError)]
    assert refused.code == "people.not_allowed"
    states = [(await rows(county))[login]["state"] for login in ("left", "right")]
    assert sorted(states) == ["active", "disabled"]
    for login in ("left", "right"):
        await county.ask("operator.disable", login=login)


async def test_who_has_no_right_to_manage_does_nothing_by_any_way(county: County) -> None:
    for by in ("clerk", "approver", "auditor", "nobody", "left"):
        for method, given in (
            ("operator.list", {}),
            ("operator.reset", {"login": "second"}),
            ("token.list", {}),
        ):
            with pytest.raises(Refused) as refused:
                await county.ask(method, by=by, **given)
            assert refused.value.code == "people.not_allowed", (by, method)


async def test_another_role_signs_a_person_out_and_counts_at_once(
    county: County, browse: Browse
) -> None:
    await hire(county, "changing", "clerk")
    person, admin = await signed_in(browse, "changing"), await signed_in(browse, "admin")
    page = await admin.open("/operators/changing")
    await admin.send(page, "/operators/changing/role", role="auditor")
    assert (await person.open("/")).status_code == 303, "signed out"
    await person.is_in("changing")
    assert "审计人" in (await person.open("/")).text
    await admin.send(page, "/operators/changing/disable")
    assert (await person.open("/")).status_code == 303, "signed out"


async def test_colleagues_see_what_was_done_about_accounts(county: County, browse: Browse) -> None:
    keeper = await signed_in(browse, "keeper")
    page = await keeper.open("/operators")
    given = {"login": "invented", "name": "编造的人", "member": "ps-01", "role": "clerk"}
    await keeper.send(page, "/operators", **given)
    await keeper.send(page, "/operators/invented/disable")
    clerk, elsewhere = await signed_in(browse, "clerk"), await signed_in(browse, "elsewhere")
    told = (await clerk.open("/account")).text
    assert "增加操作员 invented（派出所） · 由 keeper" in told
    assert "停用操作员 invented" in told
    assert "invented" not in (await elsewhere.open("/account")).text


async def test_a_name_is_text_and_never_markup(county: County, browse: Browse) -> None:
    await hire(county, "markup", "clerk", name='"><img src=x onerror=a>')
    admin, evil = await signed_in(browse, "admin"), await signed_in(browse, "markup")
    for by, path in (
        (admin, "/operators"), (admin, "/operators/markup"), (admin, "/operators/markup/reset"),
        (evil, "/account"),
    ):  # fmt: skip
        page = await by.open(path)
        assert "&lt;img src=x" in page.text and "<img" not in page.text, path
    link = shown_once(await admin.send(page := await admin.open("/operators"),
                                       "/operators/markup/reset"))  # fmt: skip
    page = await browse().open(link)
    assert "&lt;img src=x" in page.text and "<img" not in page.text


async def test_no_provider_no_link_to_one(county: County, browse: Browse) -> None:
    admin = await signed_in(browse, "admin")
    page = await admin.open("/operators/clerk")
    assert "/link" not in page.text
    answer = await admin.send(page, "/operators/clerk/link", subject="x")
    assert answer.status_code == 422 and "没有设置统一身份认证" in answer.text
    assert (await admin.open("/sign-in/provider")).status_code == 404


# --- systems


async def test_a_systems_token_is_made_shown_once_and_revoked(
    county: County, browse: Browse
) -> None:
    keeper = await signed_in(browse, "keeper")
    page = await keeper.open("/systems/new?member=cln-01")
    assert "mmt.attendance.v1" in page.text and "comm.order.notice.v1" not in page.text
    evil = '"><script>alert(1)</script>'
    given = {"member": "cln-01", "name": evil, "receives": "yes", "days": "30"}
    wrong = await keeper.send(page, "/systems/new", **{**given, "days": "x"})
    assert wrong.status_code == 422 and "1 到 366 天" in wrong.text and evil not in wrong.text
    wrong = await keeper.send(page, "/systems/new", **given, type="comm.order.notice.v1")
    assert wrong.status_code == 422 and "不能发送" in wrong.text
    wrong = await keeper.send(page, "/systems/new", **{**given, "name": "a\nb"})
    assert wrong.status_code == 422 and "1 到 64" in wrong.text
    made = await keeper.send(page, "/systems/new", **given, type="mmt.attendance.v1")
    token = shown_once(made)
    assert evil not in made.text
    listed = (await keeper.open("/systems")).text
    assert "&lt;script&gt;" in listed and evil not in listed and token not in listed

    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=keeper.url, headers=headers, timeout=60) as system:
        assert (await system.get("/api/v1/status")).status_code == 200
        confirm = await keeper.open(f"/systems/{token[:8]}/revoke")
        assert evil not in confirm.text
        await keeper.send(confirm, f"/systems/{token[:8]}/revoke")
        assert (await system.get("/api/v1/status")).status_code == 401
    assert (await keeper.open(f"/systems/{token[:8]}/revoke")).status_code == 404
    assert (await keeper.send(confirm, f"/systems/{token[:8]}/revoke")).status_code == 404


# --- my account


async def test_a_new_password_wants_the_old_one_and_signs_all_others_out(
    county: County, browse: Browse
) -> None:
    await hire(county, "mine", "clerk")
    here, there = await signed_in(browse, "mine"), await signed_in(browse, "mine")
    page = await here.open("/account")
    for given, said in (
        ({"password": "wrong", "new": NEW, "again": NEW}, "不对"),
        ({"password": PASSWORD, "new": NEW, "again": "other"}, "不一样"),
        ({"password": PASSWORD, "new": "short", "again": "short"}, "10 到 128"),
        ({"password": PASSWORD, "new": PASSWORD, "again": PASSWORD}, "与原来的一样"),
    ):
        answer = await here.send(page, "/account/password", **given)
        assert answer.status_code == 422 and said in answer.text, said
    assert (await there.open("/")).status_code == 200
    before = here.cookie
    await here.send(page, "/account/password", password=PASSWORD, new=NEW, again=NEW)
    assert (
        here.cookie != before and "密码已修改" in (await here.open("/account?done=password")).text
    )
    assert (await there.open("/")).status_code == 303
    assert (await there.try_sign_in("mine")).status_code == 422
    await there.sign_in("mine", password=NEW)


async def test_who_sits_down_at_an_open_desk_does_not_guess_the_password(
    county: County, browse: Browse
) -> None:
    await hire(county, "away", "clerk")
    browser = await signed_in(browse, "away")
    page = await browser.open("/account")
    guess = {"password": "wrong", "new": NEW, "again": NEW}
    codes = [
        (await browser.send(page, path, **guess)).status_code
        for path in ("/account/password", "/account/authenticator") * 3
    ]
    assert codes == [422] * 5 + [429]

    async def told() -> bool:
        return any(leaf.get("act") == "operator.resting" and leaf["target"] == "away"
                   for leaf in await county.leaves())  # fmt: skip

    await county.until(told)


async def test_people_see_where_they_are_signed_in_and_end_it(
    county: County, browse: Browse
) -> None:
    await hire(county, "roaming", "clerk")
    here, lost, other = [await signed_in(browse, "roaming") for _ in range(3)]
    colleague = await signed_in(browse, "clerk")
    page = await here.open("/account")
    ids = re.findall(r'name="id" value="([A-Za-z0-9_-]{12})"', page.text)
    assert len(ids) == 2 and "这一个" in page.text
    foreign = await colleague.send(await colleague.open("/account"), "/account/sessions", id=ids[0])
    assert foreign.status_code == 404
    await here.send(page, "/account/sessions", id=ids[0])
    out = [(await one.open("/")).status_code for one in (here, lost, other)]
    assert out[0] == 200 and sorted(out[1:]) == [200, 303]
    assert (await here.send(page, "/account/sessions", id=ids[0])).status_code == 404
    await here.send(page, "/account/sessions")
    out = [(await one.open("/")).status_code for one in (here, lost, other)]
    assert out == [200, 303, 303]


async def test_a_new_authenticator_wants_the_password_and_a_code_of_the_old_one(
    county: County, browse: Browse
) -> None:
    made = await county.ask(
        "operator.add", login="phone", name="换手机", member="ps-01", role="clerk"
    )
    here, there = browse(), browse()

    def secret_of(page: httpx.Response) -> str:
        assert '<svg viewBox="0 0' in page.text and "stroke=" in page.text, "a picture to scan"
        return page.text.partition('class="secret">')[2].partition("<")[0]

    page = await here.open(made["link"])
    old = pyotp.TOTP(secret_of(page))
    await here.send(page, made["link"], password=PASSWORD, again=PASSWORD,
                    code=old.at(county.daemon.clock.now()))  # fmt: skip
    county.turned.turn(timedelta(seconds=60))
    used = old.at(county.daemon.clock.now())
    await there.sign_in("phone", code=used)
    page = await here.open("/account")
    for code in ("", used):
        answer = await here.send(page, "/account/authenticator", password=PASSWORD, code=code)
        assert answer.status_code == 422, "none, and one that was used"
    county.turned.turn(timedelta(seconds=60))
    offer = await here.send(page, "/account/authenticator", password=PASSWORD,
                            code=old.at(county.daemon.clock.now()))  # fmt: skip
    new = pyotp.TOTP(secret_of(offer))
    assert new.secret != old.secret
    ticket = offer.text.partition('name="ticket" value="')[2].partition('"')[0]
    path, now = "/account/authenticator/new", county.daemon.clock.now()
    wrong = await here.send(offer, path, ticket=ticket, code=wrong_code(new, now))
    assert wrong.status_code == 422
    page = await there.open("/account")
    stolen = await there.send(page, path, ticket=ticket, code=new.at(now))
    assert stolen.status_code == 422, "another browser's step"
    done = await here.send(offer, path, ticket=ticket, code=new.at(now))
    assert done.headers["location"] == "/account?done=authenticator"
    assert (await there.open("/")).status_code == 303, "signed out elsewhere"
    county.turned.turn(timedelta(seconds=60))
    now = county.daemon.clock.now()
    assert (await there.try_sign_in("phone", code=old.at(now))).status_code == 422
    await there.sign_in("phone", code=new.at(now))
    assert token_of(await there.open("/account"))
