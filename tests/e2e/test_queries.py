"""S2 on a running county: queries in bulk are refused, suspended and told to the security desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.kit import REGION, County, person

from jdgate.errors import Refused
from jdgate.founding import MemberPlan

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
QUERY = "licence.eligibility.query.v1"
TRAFFIC = MemberPlan("tra", "交管大队", ("TRA",), (REGION,))


def query(number: int) -> dict[str, Any]:
    return person(number) | {"application_no": f"A{number}", "class": "ordinary"}


async def ask(county: County, *numbers: int) -> dict[str, Any]:
    (verdict,) = await county.push("tra", QUERY, [query(number) for number in numbers])
    return dict(verdict)


async def the_alert(county: County, open: bool = True) -> dict[str, Any]:
    async def known() -> Any:
        rows = await county.ask("alerts.list", member="nco", state="open" if open else None)
        return [row for row in rows if row["rule"] == "S2" and row["params"] is not None]

    (row,) = await county.until(known)
    return dict(row)


async def acts(county: County) -> list[str]:
    return [
        leaf["act"]
        for leaf in await county.leaves()
        if leaf["kind"] == "admin" and leaf["act"].startswith("queries.")
    ]


@pytest.mark.rule("S2", "fires", "short")
async def test_the_thirty_first_person_of_a_day_suspends_the_queries_until_somebody_lifts_it(
    own: Own,
) -> None:
    county = own(more=(TRAFFIC,))
    county.turned.turn_to_noon()
    await county.start()
    assert (await ask(county, *range(29)))["verdict"] == "accepted"
    assert (await ask(county, 29))["verdict"] == "accepted"
    # the same people again are no more people
    assert (await ask(county, *range(30)))["verdict"] == "accepted"
    assert await acts(county) == []

    refused = await ask(county, 30)
    assert (refused["verdict"], refused["code"]) == ("refused", "query.too_many")
    assert (await ask(county, 1))["code"] == "query.suspended"
    assert await county.ask("queries.list")
    alert = await the_alert(county)
    assert alert["params"] == {"member": "tra", "persons": 31, "most": 30}
    assert alert["urgent"]

    # what is no query goes on
    objection = person(1) | {"ref": "R1", "ground": "wrong_person", "lodged_on": "2026-01-05"}
    other = await county.push("tra", "licence.objection.v1", [objection])
    assert other[0]["verdict"] == "accepted", other
    # the next day it is suspended still
    county.turned.turn(timedelta(days=1))
    assert (await ask(county, 1))["code"] == "query.suspended"

    await county.ask("alerts.resolve", id=alert["id"], by="主任", outcome="justified")

    async def lifted() -> bool:
        return await county.ask("queries.list") == []

    await county.until(lifted)
    assert (await ask(county, 1))["verdict"] == "accepted"
    assert await acts(county) == ["queries.suspended", "queries.resumed"]
    leaves = str(await county.leaves())
    assert not any(query(number)["id_no"] in leaves for number in range(31))
    # what was refused has used up its number: it is not missing, and not asked for again
    await county.assert_sound("tra")


async def test_outside_the_hours_one_question_is_too_many_and_misuse_stays_suspended(
    own: Own,
) -> None:
    # the only hour that is allowed is past, whatever time it is now
    county = own(more=(TRAFFIC,), alerts={"queries": {"hours_from": "03:00", "hours_to": "03:00"}})
    await county.start()
    assert (await ask(county, 1))["code"] == "query.off_hours"
    alert = await the_alert(county)
    await county.ask("alerts.resolve", id=alert["id"], by="主任", outcome="misuse")

    async def over() -> bool:
        return (await the_alert(county, open=False))["state"] == "closed"

    await county.until(over)
    assert [row["member"] for row in await county.ask("queries.list")] == ["tra"]
    with pytest.raises(Refused) as refused:
        await county.ask("queries.resume", member="pol", by="主任")
    assert refused.value.code == "query.not_suspended"
    with pytest.raises(Refused) as refused:
        await county.ask("queries.resume", member="tra", by=" ")
    assert refused.value.code == "query.person_needed"
    await county.ask("queries.resume", member="tra", by="主任")
    assert await county.ask("queries.list") == []
    assert await acts(county) == ["queries.suspended", "queries.resumed"]


async def test_the_suspended_member_can_not_decide_its_own_case(own: Own) -> None:
    both = MemberPlan("tra", "交管大队", ("TRA",), (REGION,))
    county = own(more=(both,), alerts={"queries": {"persons_a_day": 1, "security": "tra"}})
    await county.start()
    assert (await ask(county, 1, 2))["code"] == "query.too_many"

    async def known() -> Any:
        rows = await county.ask("alerts.list", member="tra")
        return [row for row in rows if row["params"] is not None]

    (alert,) = await county.until(known)
    await county.ask("alerts.resolve", id=alert["id"], by="某人", outcome="justified")

    async def refused() -> bool:
        rows = await county.ask("alerts.list", member="tra")
        return rows[0]["note"] == "query.own_case"

    await county.until(refused)
    assert [row["member"] for row in await county.ask("queries.list")] == ["tra"]
