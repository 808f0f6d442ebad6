"""Two clinics on a real bus: reports, a transfer, custody, and a site that sends its days late."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import (
    ATTENDANCE,
    CUSTODY,
    ENROL,
    HOSTED,
    ORDER,
    TOWN_1,
    County,
    attendance,
    enrolment,
    person,
)

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate_clinic.rules import ALERT
from jdgate_clinic.transfers import ACK, REQUEST
from jdgate_clinic.transfers import ALERT as TRANSFER_ALERT

pytestmark = pytest.mark.anyio

RELAPSE, TERMINATION = "mmt.relapse.report.v1", "mmt.terminate.report.v1"
TODAY = day_of(machine_time())
DOCTOR = {"approved_by": ["王医生"]}
SETTINGS = {"absence_days": 3, "report_by": False, "offline_sites": ["village"], "offline_days": 5}


def ago(days: int) -> str:
    return add_days(TODAY, -days)


async def accepted(
    county: County, member: str, type: str, *records: dict[str, Any], **more: Any
) -> None:
    for verdict in await county.push(member, type, list(records), **more):
        assert verdict["verdict"] == "accepted", verdict


async def test_a_site_that_the_clinic_does_not_have_is_refused_row_by_row(tmp_path: Path) -> None:
    sites = {"sites.cln-01": ["village"], "absence_days": 3}
    county = County.found(tmp_path / "county", rules={"clinic": sites})
    async with county.running():
        enrolled = [enrolment(1), enrolment(2, site="village"), enrolment(3, site="vilage")]
        (told,) = await county.push("cln-01", ENROL, enrolled)
        assert (told["verdict"], told["accepted"]) == ("part", 2)
        (fault,) = told["refused"]
        assert (fault["index"], fault["code"]) == (2, "clinic.site_unknown")
        assert fault["params"]["expected"] == "cln-01, village"
        assert "vilage" not in str(told)
        days = [attendance(1, ago(1), site="village"), attendance(2, ago(1), site="town")]
        (told,) = await county.push("cln-01", ATTENDANCE, days)
        assert [(one["index"], one["code"]) for one in told["refused"]] == [
            (1, "clinic.site_unknown")
        ]
        # a clinic whose sites nobody named may write what it likes
        await accepted(county, "cln-02", ENROL, enrolment(4, site="anywhere"))
        await county.quiet()
        assert len(await county.records("pol", ENROL)) == 3
        # a report is expected from the site that there is, and from no other
        reports = [one["rule"] for one in await county.ask("expect.list")]
        assert reports.count("clinic.daily_report") == 1
        await county.assert_sound()


async def test_reports_and_a_transfer_reach_whom_their_sheets_name(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", rules={"clinic": SETTINGS})
    async with county.running():
        await accepted(county, "cln-01", ENROL, enrolment(1), enrolment(2))
        order = {"town": TOWN_1, "measure": "community_treatment", "doc_no": "1号"}
        await accepted(county, "pol", ORDER, person(1) | order | {"served_on": "2026-03-01"})
        # the clinic's file has its own numbers; its edge puts the persons in
        relapse = {"patient_ref": "P00001", "date": ago(3), "confirmed": True}
        await accepted(county, "cln-01", RELAPSE, relapse, **DOCTOR)
        request = {
            "patient_ref": "P00001", "transfer_no": "T-1", "site": "cln-01", "to": "cln-02",
            "valid_to": "2099-01-31", "sealed_clinical": "近三个月稳定，建议继续",
        }  # fmt: skip
        await accepted(county, "cln-01", REQUEST, request, **DOCTOR)
        ended = {"patient_ref": "P00002", "date": ago(1), "reason_code": "moved"}
        await accepted(county, "cln-01", TERMINATION, ended, **DOCTOR)
        await county.quiet()

        told = {name: value for name, value in relapse.items() if name != "patient_ref"}
        assert await county.records("pol", RELAPSE) == [person(1) | told]
        (seen,) = await county.records("pol", TERMINATION)
        assert seen == person(2) | {"date": ago(1), "reason_code": "moved"}
        (got,) = await county.records("cln-02", REQUEST)
        assert (got["sealed_clinical"], got["name"]) == (
            "近三个月稳定，建议继续",
            person(1)["name"],
        )
        assert await county.records("com-01", REQUEST) == [person(1) | {"to": "cln-02"}]
        assert await county.records("pol", REQUEST) == []

        # nobody answers: far more than a working day later both clinics hear of it
        county.turned.turn(timedelta(days=12))
        for member, other in (("cln-01", "cln-02"), ("cln-02", "cln-01")):
            (alert,) = await county.until(lambda m=member: county.records(m, TRANSFER_ALERT))
            assert (alert["rule"], alert["transfer_no"], alert["other"]) == ("M3", "T-1", other)
            assert not set(alert) & {"name", "id_no", "patient_ref"}
        answer = person(1) | {"transfer_no": "T-1", "to": "cln-01", "decision": "accepted"}
        await accepted(county, "cln-02", ACK, answer | {"date": TODAY})
        await county.until(lambda: settled(county, "M3"))
        assert await county.records("cln-01", ACK) == [answer | {"date": TODAY}]
        for member in set(HOSTED) - {"cln-01", "cln-02"}:
            assert await county.records(member, TRANSFER_ALERT) == []
            assert await county.records(member, ACK) == []
        await county.assert_sound()


async def test_late_days_of_a_village_raise_nothing_and_custody_stops_the_clock(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path / "county", rules={"clinic": SETTINGS})
    async with county.running():
        first = [enrolment(n, date=ago(20)) for n in (1, 2, 3)]
        await accepted(county, "cln-01", ENROL, *first)
        await accepted(county, "cln-01", ATTENDANCE, attendance(1, ago(5), site="village"))
        await accepted(county, "cln-01", ATTENDANCE, attendance(2, ago(5)), attendance(3, ago(5)))
        await accepted(county, "pol", CUSTODY, person(3) | {"date": ago(4)})
        away = [attendance(n, ago(day), False) for n in (1, 2, 3) for day in (4, 3, 2)]
        await accepted(county, "cln-01", ATTENDANCE, *away)
        (alert,) = await county.until(lambda: county.records("cln-01", ALERT))
        assert (alert["rule"], alert["patient_ref"]) == ("M1", "P00002")
        # the village's days come in the end: patient 1 had come there all the time
        late = [attendance(1, ago(day), site="village") for day in (2, 3, 4)]
        await accepted(county, "cln-01", ATTENDANCE, *late)
        county.turned.turn(timedelta(days=6))
        await accepted(county, "cln-01", ATTENDANCE, attendance(2, TODAY))
        await county.until(lambda: settled(county, "M1"))
        assert [one["patient_ref"] for one in await county.records("cln-01", ALERT)] == ["P00002"]
        assert await county.records("cln-01", CUSTODY) == [person(3) | {"date": ago(4)}]
        for member in set(HOSTED) - {"cln-01"}:
            assert await county.records(member, ALERT) == []
            assert await county.records(member, CUSTODY) == []


async def settled(county: County, rule: str) -> bool:
    """Whether every alert of a rule that lay on cln-01's desk is closed."""
    listed = await county.ask("alerts.list", member="cln-01")
    states = {one["state"] for one in listed if one["rule"] == rule}
    return states == {"closed"}
