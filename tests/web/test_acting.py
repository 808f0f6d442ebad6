"""What operators do stands in the ledger: who signed in, who changed whose account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.kit import County
from tests.web.browsing import Browser, hire

from jdgate.core.catalogue import default_path, load
from jdgate.edge.looking import ACTED
from jdgate.people.accounts import FREE_TRIES
from jdgate.store import people
from jdgate.texts import all_texts

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


async def acts(county: County, login: str) -> list[tuple[str, str, str, str]]:
    """Act, member, who did it and to whom, of what concerns an operator."""
    return [
        (leaf["act"], leaf["source"], leaf["operator"], leaf.get("target", ""))
        for leaf in await county.leaves()
        if leaf["kind"] == "admin" and login in (leaf["operator"], leaf.get("target"))
    ]


async def told(county: County, login: str, most: int) -> list[tuple[str, str, str, str]]:
    """The acts about an operator, once there are so many."""

    async def come() -> Any:
        found = await acts(county, login)
        return found if len(found) >= most else []

    found: list[tuple[str, str, str, str]] = await county.until(come)
    return found


async def test_signing_in_and_out_are_leaves_and_a_failed_try_is_none(
    county: County, browse: Browse
) -> None:
    await hire(county, "zhou", "clerk")
    browser = browse()
    assert (await browser.try_sign_in("zhou", "wrong " * 3)).status_code == 422
    await browser.sign_in("zhou")
    await browser.send(await browser.open("/"), "/sign-out")
    assert await told(county, "zhou", 2) == [
        ("operator.signed_in", "ps-01", "zhou", ""),
        ("operator.signed_out", "ps-01", "zhou", ""),
    ]


async def test_a_name_that_rests_is_a_leaf_and_what_nobody_is_called_is_none(
    county: County, browse: Browse
) -> None:
    await hire(county, "wu", "clerk")
    browser = browse()
    for login in ("wu", "nobody-is-called-so"):
        for _ in range(FREE_TRIES):
            assert (await browser.try_sign_in(login, "guess")).status_code == 422
        assert (await browser.try_sign_in(login, "guess")).status_code == 429
    assert await told(county, "wu", 1) == [("operator.resting", "ps-01", "", "wu")]
    assert await acts(county, "nobody-is-called-so") == []


async def test_changes_of_accounts_and_tokens_name_who_made_them(county: County) -> None:
    await county.ask("operator.add", login="qian", name="钱某", member="pol", role="clerk")
    await county.ask("operator.disable", login="qian")
    made = await county.ask(
        "token.add", member="pol", name="钱某的系统", types=[], receives=True, days=9
    )
    assert await told(county, "qian", 2) == [
        ("operator.added", "pol", "", "qian"),
        ("operator.disabled", "pol", "", "qian"),
    ]
    assert await told(county, made["id"], 1) == [("token.added", "pol", "", made["id"])]
    assert all("钱某" not in str(leaf) for leaf in await county.leaves())


async def test_each_act_goes_once_and_sign_ins_are_kept_no_longer(
    county: County, browse: Browse
) -> None:
    await hire(county, "zheng", "clerk", "ps-01")
    await hire(county, "away", "clerk", "cln-07")  # a member of another machine
    for login in ("zheng", "away", "zheng"):
        await browse().sign_in(login)
    assert await told(county, "zheng", 2) == [("operator.signed_in", "ps-01", "zheng", "")] * 2
    assert await told(county, "away", 1) == [("operator.signed_in", "cln-07", "away", "")]
    house = county.daemon.house
    assert house is not None

    async def dropped() -> bool:
        left = await house.run(lambda conn: people.acts(conn, ["ps-01", "cln-07"], 99))
        return not [row for row in left if row.about in ("zheng", "away")]

    await county.until(dropped)
    await county.quiet()
    assert len(await acts(county, "zheng")) == 2


def test_every_act_that_people_are_shown_has_its_place_in_the_ledger() -> None:
    shown = {code.removeprefix("web.act_on.") for code in all_texts() if "web.act_on." in code}
    assert shown and shown <= set(load([default_path()]).sheets[ACTED].values["act"])
