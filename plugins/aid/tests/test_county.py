"""A county with offices that help: one gets each referral, none learns why, and consent can end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.kit import REGION, County, person

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.core.catalogue import default_path, load
from jdgate.founding import MemberPlan
from jdgate_aid.rules import REFERRAL, RESULT, WITHDRAWAL

pytestmark = pytest.mark.anyio
OFFICES = {"civ": "CIV", "hrs": "HRS", "hou": "HOU"}
MORE = tuple(MemberPlan(id, f"县{id}", (role,), (REGION,)) for id, role in OFFICES.items())
NEEDS = {"civ": "relief", "hrs": "job", "hou": "housing"}
CATALOGUE = load([default_path()])


def today(days: int = 0) -> str:
    return add_days(day_of(machine_time()), days)


def referral(number: int, need: str) -> dict[str, Any]:
    known = {"need_type": need, "consent_ref": f"同-{number}", "source": "township"}
    return {"ref": f"R-{number}", **person(number), **known}


async def accepted(county: County, member: str, type: str, record: dict[str, Any]) -> None:
    (verdict,) = await county.push(member, type, [record])
    assert verdict["verdict"] == "accepted", verdict


async def test_each_office_sees_its_own_and_a_withdrawal_stops_it(tmp_path: Any) -> None:
    county = County.found(tmp_path / "county", rules={"aid": {}}, more=MORE)
    async with county.running():
        for number, (office, need) in enumerate(NEEDS.items(), 1):
            await accepted(county, "com-01", REFERRAL, referral(number, need))
            got = await county.until(lambda office=office: county.records(office, REFERRAL))
            assert got == [referral(number, need)]
            assert set(got[0]) == set(CATALOGUE.fields_for(REFERRAL, OFFICES[office]))
        await county.quiet()
        assert not await county.records("pol", REFERRAL)
        assert not await county.records("com-02", REFERRAL)

        outcome = {"ref": "R-2", "to": "com-01", "status": "in_progress", "date": today(-2)}
        await accepted(county, "hrs", RESULT, outcome)
        (told,) = await county.until(lambda: county.records("com-01", RESULT))
        assert told == outcome
        for more in ({"amount": 500}, {"金额": "500"}, {"name": "甄某"}):
            answer = await county.ask("submit", member="hrs", type=RESULT, records=[outcome | more])
            assert len(answer["refused"]) == 1

        gone = {"ref": "R-2", "need_type": "job", "date": today(-1)}
        await accepted(county, "com-01", WITHDRAWAL, gone)
        assert await county.until(lambda: county.records("hrs", WITHDRAWAL)) == [gone]
        await accepted(county, "hrs", RESULT, outcome | {"status": "granted", "date": today()})
        for member in ("hrs", "com-01"):
            (alert,) = await county.until(lambda m=member: county.records(m, "sys.alert.v1"))
            assert alert["params"] == {"ref": "R-2", "withdrawn": today(-1)}
            assert person(2)["name"] not in str(alert)
        assert not await county.records("civ", WITHDRAWAL)
        assert not await county.records("civ", "sys.alert.v1")

        for office in OFFICES:
            for row in await county.ask("inbox.list", member=office):
                shown = await county.ask("inbox.show", member=office, id=row["id"])
                assert not {"毒", "戒"} & set(str(shown)), row["type"]
        await county.quiet()
        await county.assert_sound()
