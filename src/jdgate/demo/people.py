"""The demo's people: three hundred patients who do not exist, and sixty days of who came.

Identity numbers have the region prefix 999999, which no place has, and names are numbered. The
same every time: patients come from a fixed seed, and whether somebody came on a day is a function
of the patient and the day, counted from the first day of the story.

    people = People(first_day="2026-09-22")
    for patient in people.patients: …
    people.attendance("cln-01-a", 12)          # records of that site on the 13th day
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any

import msgspec

from jdgate.core.calendar import add_days, days_between
from jdgate.core.identity import synthetic_id_no
from jdgate.demo.county import CLINIC, POLICE, TOWNS, town_code

ENROLMENT = "mmt.enrol.filed.v1"
ORDER = "comm.order.notice.v1"
ATTENDANCE = "mmt.attendance.v1"
NOTICE = "mmt.dropout.notice.v1"
CUSTODY = "mmt.custody.notice.v1"
ENDED_ORDER = "comm.status.change.v1"
ALERT = "mmt.absence.alert.v1"

SITES = {"cln-01": 180, "cln-01-a": 70, "cln-01-b": 50}
"""The clinic and its extension dosing sites, with how many patients go there."""

PATIENTS = sum(SITES.values())
DAYS = 60
_SEED = 511623
_STRAY_PERCENT = 2
"""Of patient-days on which somebody misses one day for no particular reason."""


class Course(msgspec.Struct, frozen=True):
    """How somebody's treatment goes: missed from day `left` (0 is the story's first day) until
    before day `back`. `custody` and `transferred` are days too, and get filed the day after.
    """

    left: int
    back: int | None = None
    custody: int | None = None
    transferred: int | None = None


class Order(msgspec.Struct, frozen=True):
    """A community order. `town` is an index into `TOWNS`; `ended`: a day of the story on which
    the police say that it was completed."""

    town: int
    measure: str
    doc_no: str
    served_on: str
    ended: int | None = None


class Patient(msgspec.Struct, frozen=True):
    """Somebody who does not exist."""

    ref: str
    name: str
    id_no: str
    site: str
    enrolled_on: str
    order: Order | None = None
    course: Course | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """How notices name a person."""
        return {"name": self.name, "id_type": "ric", "id_no": self.id_no}


class Event(msgspec.Struct, frozen=True):
    """Something besides attendance that is sent on a day of the story."""

    day: int
    name: str
    member: str
    type: str
    ref: str
    record: dict[str, Any]


AWAY = (3, 5, 8, 10, 12, 16, 18, 22, 33)
"""Days that patients have stayed away by the end of the story's sixty days."""

_COURSES: tuple[Course, ...] = (
    *(Course(left=DAYS - days) for days in AWAY),
    Course(left=18, back=31),  # thirteen days: an alert, then back
    Course(left=14, back=31),  # seventeen: a draft too, withdrawn when they came back
    Course(left=38, custody=42),
    Course(left=35, transferred=35),
)
APPROVED = AWAY.index(22)
"""Whose draft the demo's clinician approves: their order is in force."""

ENDED = AWAY.index(18)
"""Whose order has ended: the township office is not to hear of them."""

NEVER_CAME = 3
"""Who (of those with an order) never reported to their township: the sixteenth day has begun."""

_ORDERS = 62
_BORN = (date(1966, 1, 1), date(2000, 12, 31))
_SAMPLED = {*range(1, 21), *range(100, 111)}
"""Patients in the sample files; their attendance is left uneventful."""


class People:
    """The people and what happens to them, from `first_day` (a local day) on."""

    def __init__(self, first_day: str) -> None:
        self.first_day = first_day
        self.patients = _patients(first_day)
        self.by_ref = {patient.ref: patient for patient in self.patients}
        self._at: dict[str, list[Patient]] = {site: [] for site in SITES}
        for patient in self.patients:
            self._at[patient.site].append(patient)

    def day(self, number: int) -> str:
        """The local day of the story's day `number`."""
        return add_days(self.first_day, number)

    def number(self, day: str) -> int:
        """The number of a local day in the story."""
        return days_between(self.first_day, day)

    def attendance(self, site: str, number: int) -> list[dict[str, Any]]:
        """What a site reports of one day: everybody on its list, whether they came."""
        day = self.day(number)
        return [
            {
                "site": site,
                "patient_ref": patient.ref,
                "date": day,
                "attended": attended(patient, number),
            }
            for patient in self._at[site]
        ]

    @property
    def ordered(self) -> list[Patient]:
        """Patients with a community order."""
        return [patient for patient in self.patients if patient.order is not None]

    def with_course(self, index: int) -> Patient:
        """The patient who has the course of that place in the list of courses."""
        return next(p for p in self.patients if p.course == _COURSES[index])

    @property
    def approved(self) -> Patient:
        """Whose draft the demo's clinician approves."""
        return self.with_course(APPROVED)

    @property
    def never_came(self) -> Patient:
        """Who was served an order and did not report to the township."""
        served = add_days(self.first_day, DAYS - 16)
        return next(p for p in self.ordered if p.order and p.order.served_on == served)

    @property
    def in_custody(self) -> Patient:
        """Who was taken into custody while away."""
        return next(p for p in self.patients if p.course and p.course.custody is not None)

    @property
    def transferred(self) -> Patient:
        """Who moved to another clinic, and is still on the site's list."""
        return next(p for p in self.patients if p.course and p.course.transferred is not None)

    @property
    def came_back(self) -> list[Patient]:
        """Who was away for longer than the rules allow, and came back."""
        return [p for p in self.patients if p.course and p.course.back is not None]

    def events(self) -> Iterator[Event]:
        """What police and clinic send besides attendance, in the order of days."""
        found: list[Event] = []
        for patient in self.patients:
            found += self._events_of(patient)
        yield from sorted(found, key=lambda event: (event.day, event.name))

    def _events_of(self, patient: Patient) -> Iterator[Event]:
        course, order = patient.course, patient.order
        if course is not None and course.custody is not None:
            record = {**patient.identity, "date": self.day(course.custody)}
            yield self._event(course.custody, "custody", POLICE, CUSTODY, record)
        if course is not None and course.transferred is not None:
            record = enrolment(patient, "transferred", self.day(course.transferred))
            yield self._event(course.transferred, "transferred", CLINIC, ENROLMENT, record)
        if order is not None and order.ended is not None:
            record = {
                **patient.identity,
                "doc_no": order.doc_no,
                "status": "released",
                "date": self.day(order.ended),
            }
            yield self._event(order.ended, "order_ended", POLICE, ENDED_ORDER, record)

    def _event(self, day: int, name: str, member: str, type: str, record: dict[str, Any]) -> Event:
        ref = next(p.ref for p in self.patients if p.id_no == record["id_no"])
        return Event(day + 1, name, member, type, ref, record)


def attended(patient: Patient, number: int) -> bool:
    """Whether somebody came on a day of the story."""
    course = patient.course
    if course is not None and number >= course.left:
        return course.back is not None and number >= course.back
    return not (_strays(patient, number) and not _strays(patient, number - 1))


def _strays(patient: Patient, number: int) -> bool:
    return zlib.crc32(f"{_SEED}:{patient.ref}:{number}".encode()) % 100 < _STRAY_PERCENT


def enrolment(patient: Patient, status: str = "active", day: str = "") -> dict[str, Any]:
    """The filing of an enrolment."""
    return {
        **patient.identity,
        "site": patient.site,
        "patient_ref": patient.ref,
        "date": day or patient.enrolled_on,
        "status": status,
    }


def order_notice(patient: Patient) -> dict[str, Any]:
    """The notice of a community order."""
    assert patient.order is not None
    return {
        **patient.identity,
        "town": town_code(patient.order.town),
        "measure": patient.order.measure,
        "doc_no": patient.order.doc_no,
        "served_on": patient.order.served_on,
    }


def _patients(first_day: str) -> list[Patient]:
    random = Random(_SEED)  # noqa: S311 - people who don't exist, the same ones every time
    sites = [site for site, count in SITES.items() for _ in range(count)]
    random.shuffle(sites)
    uneventful = [number for number in range(1, PATIENTS + 1) if number not in _SAMPLED]
    courses = dict(zip(random.sample(uneventful, len(_COURSES)), _COURSES, strict=True))
    eventful = list(courses)
    with_order = [
        eventful[APPROVED],
        eventful[ENDED],
        *random.sample([n for n in range(1, PATIENTS + 1) if n not in courses], _ORDERS - 2),
    ]
    orders = {number: place for place, number in enumerate(with_order)}
    found = []
    for number in range(1, PATIENTS + 1):
        born = date.fromordinal(random.randint(_BORN[0].toordinal(), _BORN[1].toordinal()))
        enrolled = add_days(first_day, -random.randint(30, 1100))
        served = add_days(first_day, -random.randint(20, 500))
        order = None
        if number in orders:
            place = orders[number]
            if place == NEVER_CAME:
                served = add_days(first_day, DAYS - 16)
            order = Order(
                town=(place * 7 + 6) % len(TOWNS),
                measure="community_treatment" if place % 3 else "community_recovery",
                doc_no=f"示例社戒〔{served[:4]}〕{number:04d}号",
                served_on=served,
                ended=30 if number == eventful[ENDED] else None,
            )
        found.append(
            Patient(
                ref=f"P{number:04d}",
                name=f"示例{number:04d}",
                id_no=synthetic_id_no(born, number),
                site=sites[number - 1],
                enrolled_on=enrolled,
                order=order,
                course=courses.get(number),
            )
        )
    return found
