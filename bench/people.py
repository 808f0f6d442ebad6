"""Who and what the benchmark sends: synthetic patients, their days, and single enrolments.

Everything follows from numbers, so that no run has to keep its records. The identities belong to
nobody: their region prefix is one that GB/T 2260 gives to no place.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from jdgate.core.identity import UNASSIGNED_REGION, id_check_digit

MISSED_OF_100 = 8
LAST_DAY = date.today()


def patient_ref(number: int) -> str:
    """The clinic's own number of a patient."""
    return f"P{number:06d}"


def enrolment(clinic: int, number: int) -> dict[str, Any]:
    """The filing of one patient; no two (clinic, number) are the same person."""
    born = date(1960, 1, 1) + timedelta(days=number % 15_000)
    first17 = f"{UNASSIGNED_REGION}{born:%Y%m%d}{(clinic * 100 + number // 15_000) % 1000:03d}"
    return {
        "name": f"合成人{number}",
        "id_type": "ric",
        "id_no": first17 + id_check_digit(first17),
        "site": f"site-{clinic:02d}",
        "patient_ref": patient_ref(number),
        "date": "2020-01-01",
        "status": "active",
    }


def attendance(clinic: int, number: int, day: date, attended: bool) -> dict[str, Any]:
    """One patient on one day."""
    return {
        "site": f"site-{clinic:02d}",
        "patient_ref": patient_ref(number),
        "date": day.isoformat(),
        "attended": attended,
    }


def day_sheet(
    clinic: int, patients: int, day: date, start: int, end: int
) -> Iterator[dict[str, Any]]:
    """A clinic's day: rows `start` to `end` of its `patients`. About 8 of 100 did not come."""
    for number in range(start, min(end, patients)):
        missed = (number * 7919 + day.toordinal() * 104_729) % 100 < MISSED_OF_100
        yield attendance(clinic, number, day, not missed)
