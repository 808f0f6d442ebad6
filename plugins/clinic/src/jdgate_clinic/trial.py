"""A clinic to try the plugin on: `jdgate plugin check` asks it for facts that lead to something.

The kit makes records of its own; that somebody enrols, comes once and then stays away for two
weeks is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.identity import synthetic_id_no
from jdgate.plugins import Fact

from .rules import ATTENDANCE, CUSTODY, ENROLMENT, TERMINATION
from .transfers import ACK, REQUEST

BORN = date(1990, 1, 1)
FIRST = "2026-05-01"
PATIENT = bytes(range(16))


class Trial:
    """The clinic `cln-01`."""

    member = "cln-01"
    roles = ("CLN",)
    settings: ClassVar[Mapping[str, Any]] = {
        "absence_days": 7,
        "dropout_days": 15,
        "report_by": "10:00",
        "offline_sites": ["village"],
        "offline_days": 10,
        "transfer_days": 1,
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def record(type: str, number: int) -> dict[str, Any] | None:
        """A transfer goes to a clinic; the rest is as the kit makes it."""
        about = {"name": "某甲", "id_type": "ric", "id_no": synthetic_id_no(BORN, number)}
        about["transfer_no"] = f"T-{number}"
        if type == REQUEST:
            return {
                **about,
                "site": "cln-01",
                "to": "cln-02",
                "valid_to": "2026-12-31",
                "sealed_clinical": {"kid": "cln-02:enc:1", "sealed": "A" * 128},
            }
        if type == ACK:
            return {**about, "to": "cln-01", "decision": "accepted", "date": FIRST}
        return None

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one patient: stays away; comes back; is taken into custody; belongs to a
        site that works offline; is no longer treated."""
        enrolled = _fact(ENROLMENT, "cln-01", 0, patient_ref="A1", status="active")
        came = _day(1, attended=True)
        away = [_day(day, attended=False) for day in range(2, 19)]
        back = _day(19, attended=True)
        custody = _fact(CUSTODY, "pol", 5)
        offline = _fact(ATTENDANCE, "cln-01", 1, patient_ref="A1", site="village", attended=True)
        ended = _fact(TERMINATION, "cln-01", 20, reason_code="moved")
        return [
            [enrolled, came, *away],
            [enrolled, came, *away, back],
            [enrolled, *away, custody],
            [enrolled, offline, *away],
            [enrolled, came, *away, ended],
        ]


def _fact(type: str, source: str, day: int, **data: Any) -> Fact:
    known = {"date": add_days(FIRST, day), **data}
    return Fact(type, source, PATIENT, known, f"{type}-{day}", 0, "511623000000")


def _day(day: int, *, attended: bool) -> Fact:
    return _fact(ATTENDANCE, "cln-01", day, patient_ref="A1", site="cln-01", attended=attended)
