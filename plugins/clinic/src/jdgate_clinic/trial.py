"""A clinic to try the plugin on: `jdgate plugin check` asks it for facts that lead to something.

The kit makes records of its own; that somebody enrols, comes once and then stays away for two
weeks is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jdgate.core.calendar import add_days
from jdgate.plugins import Fact

from .rules import ATTENDANCE, CUSTODY, ENROLMENT

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
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one patient: stays away; comes back; is taken into custody."""
        enrolled = _fact(ENROLMENT, "cln-01", 0, patient_ref="A1", status="active")
        came = _day(1, attended=True)
        away = [_day(day, attended=False) for day in range(2, 19)]
        back = _day(19, attended=True)
        custody = _fact(CUSTODY, "pol", 5)
        return [[enrolled, came, *away], [enrolled, came, *away, back], [enrolled, *away, custody]]


def _fact(type: str, source: str, day: int, **data: Any) -> Fact:
    known = {"date": add_days(FIRST, day), **data}
    return Fact(type, source, PATIENT, known, f"{type}-{day}", 0, "511623000000")


def _day(day: int, *, attended: bool) -> Fact:
    return _fact(ATTENDANCE, "cln-01", day, patient_ref="A1", site="cln-01", attended=attended)
