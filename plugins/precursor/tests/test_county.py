"""Emergency management learns what was sold in a month, once, and never by whom or to whom."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import REGION, County

from jdgate.clock import machine_time
from jdgate.core.calendar import LOCAL, day_of
from jdgate.founding import MemberPlan
from jdgate_precursor.enterprises import SALE
from jdgate_precursor.sales import TOTAL

pytestmark = pytest.mark.anyio
MORE = (
    MemberPlan("ema-01", "县应急管理局", ("EMA",), (REGION,)),
    MemberPlan("ent-01", "甲化工厂", ("ENT",), (REGION,)),
    MemberPlan("ent-02", "乙化工厂", ("ENT",), (REGION,)),
)
SELLERS = {"ent-01": "91511623MA00000015", "ent-02": "91511623MA00000028"}
BUYER = "91350211M000100Y46"
ACETONE, TOLUENE = "67-64-1", "108-88-3"


async def file(county: County, member: str, cas: str, *sales: tuple[float, str]) -> None:
    day = day_of(county.daemon.clock.now())
    about: dict[str, Any] = {
        "seller": SELLERS[member],
        "cas": cas,
        "date": day,
        "permit_no": "备-1",
    }
    about |= {"buyer_kind": "unit", "buyer": BUYER, "payment": "transfer"}
    records = [{**about, "qty": qty, "unit": unit} for qty, unit in sales]
    told = await county.push(member, SALE, records)
    assert told[0]["verdict"] == "accepted", told
    await county.quiet()


async def totals(county: County) -> list[tuple[Any, ...]]:
    found = await county.records("ema-01", TOTAL)
    assert all(set(one) == {"month", "cas", "unit", "qty", "sales_n"} for one in found)
    return [
        tuple(one[name] for name in ("month", "cas", "unit", "qty", "sales_n")) for one in found
    ]


async def test_totals_of_a_month_come_once_over_restarts_and_months_of_down_time(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path / "county", more=MORE, rules={"precursor": {}})
    here = machine_time().astimezone(LOCAL)
    first = (here.replace(day=1) + timedelta(days=32)).replace(day=3)
    county.turned.turn(first - here)
    async with county.running():
        await file(county, "ent-01", ACETONE, (10.1, "kg"), (20.2, "kg"), (5, "L"))
        await file(county, "ent-01", ACETONE, (10.1, "kg"))
        await file(county, "ent-02", ACETONE, (0.7, "kg"))
        await file(county, "ent-02", TOLUENE, (1, "L"))
        month = first.strftime("%Y-%m")
        wanted = [
            (month, TOLUENE, "L", 1, 1),
            (month, ACETONE, "L", 5, 1),
            (month, ACETONE, "kg", 31, 3),
        ]
        county.turned.turn(timedelta(days=31))

        async def told() -> bool:
            return bool(await totals(county))

        await county.until(told)
        assert await totals(county) == wanted
        await file(county, "ent-02", TOLUENE, (2, "L"))
    county.turned.turn(timedelta(days=62))
    async with county.running():

        async def more() -> bool:
            return len(await totals(county)) > len(wanted)

        await county.until(more)
        await county.quiet()
        after = (first.replace(day=1) + timedelta(days=32)).strftime("%Y-%m")
        assert await totals(county) == [*wanted, (after, TOLUENE, "L", 2, 1)]
        assert len(await county.inbox("ema-01", TOTAL)) == 2
        for member in ("nco", "ps-01", "ent-01", "ent-02", "pol"):
            assert await county.inbox(member, TOTAL) == [], member
        await county.assert_sound()


async def test_where_nobody_is_there_to_be_told_the_authority_hears_of_it(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", more=MORE[1:2], rules={"precursor": {}})
    here = machine_time().astimezone(LOCAL)
    county.turned.turn((here.replace(day=1) + timedelta(days=32)).replace(day=3) - here)
    async with county.running():
        await file(county, "ent-01", ACETONE, (10, "kg"), (20, "kg"))
        county.turned.turn(timedelta(days=31))

        async def told() -> list[dict[str, Any]]:
            found = await county.records("nco", "sys.alert.v1")
            return [one for one in found if one["params"].get("type") == TOTAL]

        (alert,) = await county.until(told)
        assert (alert["title_code"], alert["params"]["role"]) == ("alert.no_desk", "EMA")
