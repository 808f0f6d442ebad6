"""A county at work on a real bus: each desk sees the sheet's fields, and of a register nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import HOSTED, REGION, TOWN_1, County

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.founding import MemberPlan
from jdgate_county.registers import ALERT, DIFFERENCE, REGISTER
from jdgate_county.schools import REPORT as SCHOOL
from jdgate_county.staffing import REPORT as STAFFING
from jdgate_county.supervision import NOTICE, REPLY
from jdgate_county.tokens import token
from jdgate_county.venues import PATROL

pytestmark = pytest.mark.anyio

OUTREACH = "outreach.report.v1"
EDU = MemberPlan("edu", "县教育局", ("EDU",), (REGION,))
TODAY = day_of(machine_time())
KEY = b"k" * 32
USCC = "91511623MA00000015"
ALERT_FIELDS = {"alert_id", "rule", "title_code", "params", "raised_at"}


def entries(side: str, people: dict[str, str]) -> list[dict[str, Any]]:
    about = {"round": TODAY, "town": TOWN_1, "side": side, "total": len(people)}
    return [
        {**about, "token": token(KEY, TOWN_1, TODAY, id_no), "status": status}
        for id_no, status in people.items()
    ]


def bare(record: dict[str, Any]) -> dict[str, Any]:
    """A difference without what every alert has."""
    assert set(record) > ALERT_FIELDS
    return {name: value for name, value in record.items() if name not in ALERT_FIELDS}


async def accepted(county: County, member: str, type: str, *records: dict[str, Any]) -> None:
    for verdict in await county.push(member, type, list(records)):
        assert verdict["verdict"] == "accepted", verdict


async def told(county: County, member: str, rule: str) -> dict[str, Any]:
    """The one alert of a rule that reaches a member."""

    async def found() -> list[dict[str, Any]]:
        records = await county.records(member, ALERT) + await county.records(member, "sys.alert.v1")
        return [one for one in records if one["rule"] == rule]

    (alert,) = await county.until(found)
    return dict(alert)


async def test_two_registers_are_compared_and_each_side_hears_of_its_own(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", rules={"county": {}}, more=(EDU,))
    async with county.running():
        await accepted(
            county,
            "com-01",
            REGISTER,
            *entries("town", {"甲": "serving", "乙": "serving", "丙": "serving"}),
        )
        await accepted(
            county,
            "ps-01",
            REGISTER,
            *entries("station", {"甲": "serving", "乙": "ended", "丁": "serving"}),
        )
        about = {"round": TODAY, "town": TOWN_1}
        tokens = {name: token(KEY, TOWN_1, TODAY, name) for name in "甲乙丙丁"}

        async def both() -> bool:
            at_town = await county.records("com-01", DIFFERENCE)
            return len(at_town) == 2 and len(await county.records("ps-01", DIFFERENCE)) == 1

        await county.until(both)
        at_town = {one["token"]: bare(one) for one in await county.records("com-01", DIFFERENCE)}
        assert at_town == {
            tokens["乙"]: {**about, "token": tokens["乙"], "mend": "status", "status": "ended"},
            tokens["丙"]: {**about, "token": tokens["丙"], "mend": "unmatched"},
        }
        at_station = await county.records("ps-01", DIFFERENCE)
        assert [bare(one) for one in at_station] == [
            {**about, "token": tokens["丁"], "mend": "unmatched"}
        ]
        await county.quiet()
        (task,) = await county.ask("alerts.list", member="ps-01")
        shown = await county.ask("alerts.show", id=task["id"])
        assert (shown["rule"], shown["state"]) == ("G2", "opened")
        assert shown["explains"] == "county.rule_difference"
        assert shown["outcomes"] == {
            "corrected": "county.outcome_corrected",
            "told_other": "county.outcome_told_other",
        }
        for member in (*HOSTED, "edu"):
            assert await county.records(member, REGISTER) == []
            if member not in ("com-01", "ps-01"):
                assert await county.records(member, DIFFERENCE) == []
        await county.assert_sound()


async def test_units_report_and_each_desk_sees_its_fields(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", rules={"county": {}}, more=(EDU,))
    async with county.running():
        checks = ("warning_signs", "staff_list", "business_log", "cameras", "own_patrols")
        patrol: dict[str, Any] = {
            "uscc": USCC,
            "date": add_days(TODAY, -10),
            **dict.fromkeys(checks, True),
            "cameras": False,
            "result": "failed",
            "fix_by": add_days(TODAY, -1),
        }
        await accepted(county, "ps-01", PATROL, patrol)
        staffing = {
            "town": TOWN_1, "as_of": TODAY, "workers_n": 2, "registered_n": 98,
            "in_treatment_n": 25,
        }  # fmt: skip
        await accepted(county, "com-01", STAFFING, staffing)
        school = {"school": "3651000123", "year": 2020, "grade": 5, "hours": 3, "base_visits": 0}
        await accepted(county, "edu", SCHOOL, school)
        outreach = {
            "town": TOWN_1, "period_from": add_days(TODAY, -30), "period_to": TODAY,
            "activities_n": 3, "patrols_n": 12, "audience_n": 400, "leaflets_n": 900,
        }  # fmt: skip
        await accepted(county, "com-01", OUTREACH, outreach)
        notice = {
            "to": "cln-01", "notice_no": "D-1", "matter": "staffing", "text": "请补足人员",
            "due_on": add_days(TODAY, -1),
        }  # fmt: skip
        await accepted(county, "nco", NOTICE, notice)

        overdue = await told(county, "ps-01", "V1")
        assert set(overdue) == ALERT_FIELDS | {"uscc", "due_on"}
        short = await told(county, "com-01", "W1")
        assert (short["count"], short["unit"]) == (2, "com-01")
        seen = await told(county, "nco", "W1")
        assert set(seen) == ALERT_FIELDS | {"unit"}
        assert set(await told(county, "edu", "E1")) == ALERT_FIELDS | {"ref", "due_on"}
        late = await told(county, "cln-01", "D1")
        assert (late["rule"], set(late)) == ("D1", ALERT_FIELDS | {"cause_ref"})
        assert (await told(county, "nco", "D2"))["unit"] == "cln-01"
        reply = {"notice_no": "D-1", "status": "done", "text": "已补足", "date": TODAY}
        await accepted(county, "cln-01", REPLY, reply)
        await county.quiet()

        assert await county.records("pol", PATROL) == [patrol]
        (shown,) = await county.records("nco", PATROL)
        assert set(shown) == {"uscc", "date", "result", "fix_by"}
        (shown,) = await county.records("nco", STAFFING)
        assert set(shown) == {"town", "as_of", "workers_n"}
        assert await county.records("nco", SCHOOL) == [school]
        assert await county.records("nco", OUTREACH) == [outreach]
        assert await county.records("cln-01", NOTICE) == [notice]
        assert await county.records("cln-02", NOTICE) == []
        assert await county.records("nco", REPLY) == [reply]
        open_alerts = await county.ask("alerts.list", member="cln-01")
        assert all(one["state"] == "closed" for one in open_alerts if one["rule"] == "D1")
        await county.assert_sound()
