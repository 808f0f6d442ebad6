"""Who stays away from treatment: alert M1 to the clinic, draft M2 of a dropout notice.

What counts
- A day is missed when the enrolling clinic said so (`attended` false) and nobody said the
  patient attended on it. Silence counts nothing: a clinic that sends no report has 300
  patients nobody knows about, not 300 absences (`jdgate_clinic.daily` asks the clinic).
- Missed days count from the last day attended, at any clinic or extension site.
- Custody on or after that day stops the clock from the day of custody until the patient
  attends again; there is no dropout notice about a patient in custody.
- When the enrolment has ended nothing stands. After a new enrolment, days count from it.
- A patient enrolled at two clinics belongs to the one that enrolled later.
- An extension site that works offline sends its days late. While a patient belongs to one (it
  reported or enrolled them, and they attended nowhere else since), a day missed elsewhere waits
  until that site has reported on it or a later day, or until `offline_days` have passed.
- A day later than tomorrow is a slip of the pen and is not counted.
- Where the county has named a clinic's sites, a record of another site is refused: a mistyped one
  would be a site of its own, from which a report would be expected each morning.

What follows
- M1: at `absence_days`, and again at each multiple of it, an alert to the enrolling clinic and
  nobody else (the weight is on bringing the patient back).
- M2: at `dropout_days`, when the county has set it, a draft for the clinic. A named clinician
  checks transfer, custody and hospital, and approves or rejects. Nothing is sent by time.

Everything is a maximum or a union over days, so order and repetition make no difference.

    rule = AbsenceRule(Settings(absence_days=7, dropout_days=15))
    outcome = run(rule, states, facts, now)
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import add_days, at_local, day_of
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Draft, Effect, Expect, Fact, Fault, changes

from .settings import Settings

ATTENDANCE = "mmt.attendance.v1"
ENROLMENT = "mmt.enrol.filed.v1"
CUSTODY = "mmt.custody.notice.v1"
TERMINATION = "mmt.terminate.report.v1"
ALERT = "mmt.absence.alert.v1"
NOTICE = "mmt.dropout.notice.v1"
CHECKS = ("transfer", "custody", "hospital")
WAITING = "waiting"
"""The expectation that missed days, which an offline site has not spoken of, count at last."""

MOST_DAYS = 400
"""Missed days kept per patient and clinic, the latest; thresholds lie far below."""
MOST_ENTRIES = 50
"""Custody days and filings kept per patient, the latest."""


class Enrolment(Struct, frozen=True, array_like=True, gc=False):
    """What one clinic filed about a patient. Days are texts; "" is before all days.

    `ref` is the clinic's number for the patient as filed on `ref_on`, `ended` the latest day
    the enrolment ended, `active` the days after that on which it was filed as active.
    """

    ref: str = ""
    ref_on: str = ""
    ended: str = ""
    active: tuple[str, ...] = ()


class Attendance(Struct, frozen=True, array_like=True, gc=False):
    """What is known of one patient.

    `last` is the latest day attended, at `site`; `absent` the missed days after it by the
    clinic that reported them; `custody` the days of custody from `last` on; `enrolled` the
    enrolment per clinic; `offline` the latest day, from `last` on, that an offline site spoke
    of, and while there is one, `subject` their pseudonym.
    """

    last: str = ""
    site: str = ""
    absent: dict[str, tuple[str, ...]] = {}
    custody: tuple[str, ...] = ()
    enrolled: dict[str, Enrolment] = {}
    offline: dict[str, str] = {}
    subject: str = ""


class AbsenceRule:
    """M1 and M2 over attendance, enrolment and custody, per patient."""

    name = "clinic.absence"
    version = 1
    types = frozenset({ATTENDANCE, ENROLMENT, CUSTODY, TERMINATION})
    state = Attendance
    explains: ClassVar = {"M1": "clinic.rule_absence", "M2": "clinic.rule_dropout"}
    outcomes: ClassVar = {
        "M1": {
            "came_back": "clinic.outcome_came_back",
            "transferred": "clinic.outcome_transferred",
            "custody": "clinic.outcome_custody",
            "hospital": "clinic.outcome_hospital",
            "not_reached": "clinic.outcome_not_reached",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def refuses(self, type: str, source: str, record: Mapping[str, Any]) -> Fault | None:
        """A site that the clinic does not have, where the county has named its sites."""
        known, site = self._settings.sites.get(source), record.get("site")
        if known is None or site is None or site == source or site in known:
            return None
        expected = ", ".join([source, *sorted(known)])
        return Fault("clinic.site_unknown", "/site", {"field": "site", "expected": expected})

    def key(self, fact: Fact) -> str | None:
        """The patient's pseudonym."""
        return None if fact.subject is None else fact.subject.hex()

    def step(
        self, state: Attendance, fact: Fact, now: datetime
    ) -> tuple[Attendance, Sequence[Effect]]:
        """Merge one fact; say what now stands that did not, and the reverse."""
        if fact.type == ATTENDANCE:
            new = _attendance(state, fact.source, fact.data, now)
        elif fact.type == CUSTODY:
            new = _custody(state, fact.data["date"], now)
        else:
            new = _enrolment(state, fact.source, fact.data)
        offline = self._settings.offline_sites
        if offline and fact.data.get("site") in offline:
            new = _offline(new, fact, now)
        if new is state or not (state.absent or new.absent):
            return new, ()
        before, after = self._call(state, now), self._call(new, now)
        if before == after or fact.subject is None:
            return new, ()
        subject = fact.subject.hex()
        return new, changes(_effects(before, subject), _effects(after, subject))

    def due(
        self, state: Attendance, name: str, now: datetime
    ) -> tuple[Attendance, Sequence[Effect]]:
        """Missed days that waited for an offline site count now."""
        return state, _effects(self._call(state, now), state.subject)

    def standing(self, state: Attendance, subject: str, now: datetime) -> Sequence[Standing]:
        """The alert and the draft that a state calls for, and what waits for an offline site."""
        return _effects(self._call(state, now), subject)

    def _call(self, state: Attendance, now: datetime) -> Call | None:
        settings = self._settings
        least = settings.absence_days
        for days in state.absent.values():
            if len(days) >= least:
                break
        else:
            return None
        clinic = _clinic(state)
        if clinic is None:
            return None
        enrolment = state.enrolled[clinic]
        since = max(state.last, enrolment.active[0]) if enrolment.ended else state.last
        stopped = _stopped(state, enrolment)
        days = state.absent.get(clinic, ())
        first = bisect_left(days, since) if since > state.last else 0
        end = bisect_left(days, stopped) if stopped else len(days)
        heard = min(end, self._heard(state, days, now)) if state.offline else end
        missed = max(heard - first, 0)
        limit = None if stopped else settings.dropout_days
        waits = ""
        if heard < end:
            steps = [missed // least * least + least]
            if limit is not None and missed < limit:
                steps.append(limit)
            at = first + min(steps) - 1
            waits = days[at] if at < end else ""
        if missed < least and not waits:
            return None
        return Call(
            clinic,
            since,
            missed // least * least,
            limit if limit is not None and missed >= limit else None,
            enrolment.ref,
            state.site,
            state.last,
            add_days(waits, settings.offline_days) if waits else "",
        )

    def _heard(self, state: Attendance, days: tuple[str, ...], now: datetime) -> int:
        """How many of the missed days no offline site can say anything else of any more."""
        over = add_days(day_of(now), -self._settings.offline_days)
        return bisect_right(days, max(over, min(state.offline.values())))


class Call(NamedTuple):
    """All that the effects of a state are made of: equal calls, equal effects.

    `days` is 0 while too few days count; `waits` the day when more of them will.
    """

    clinic: str
    since: str
    days: int
    dropout: int | None
    ref: str
    site: str
    last: str
    waits: str


def _attendance(state: Attendance, source: str, data: dict[str, Any], now: datetime) -> Attendance:
    day = data["date"]
    if day < state.last or day > _tomorrow(now):
        return state
    if data["attended"]:
        site = data.get("site", "")
        if day == state.last:
            return replace(state, site=site) if site > state.site else state
        absent = state.absent
        if absent:
            absent = {who: left for who, days in absent.items() if (left := _after(days, day))}
        custody = state.custody
        if custody:
            custody = custody[bisect_left(custody, day) :]
        if not state.offline:
            return Attendance(day, site, absent, custody, state.enrolled)
        offline = {one: heard for one, heard in state.offline.items() if heard >= day}
        subject = state.subject if offline else ""
        return Attendance(day, site, absent, custody, state.enrolled, offline, subject)
    if day == state.last:
        return state
    days = state.absent.get(source, ())
    grown = _with(days, day, MOST_DAYS)
    if grown is days:
        return state
    return replace(state, absent={**state.absent, source: grown})


def _custody(state: Attendance, day: str, now: datetime) -> Attendance:
    if day < state.last or day > _tomorrow(now):
        return state
    grown = _with(state.custody, day, MOST_ENTRIES)
    return state if grown is state.custody else replace(state, custody=grown)


def _offline(state: Attendance, fact: Fact, now: datetime) -> Attendance:
    site, day = fact.data["site"], fact.data["date"]
    if day < state.last or day > _tomorrow(now) or fact.data.get("status", "active") != "active":
        return state
    if fact.subject is None or state.offline.get(site, "") >= day:
        return state
    return replace(state, offline={**state.offline, site: day}, subject=fact.subject.hex())


def _enrolment(state: Attendance, clinic: str, data: dict[str, Any]) -> Attendance:
    """A filing, or the report that the treatment has ended, which has no patient number."""
    day, ref = data["date"], data.get("patient_ref")
    old = state.enrolled.get(clinic, Enrolment())
    ref_on, ref = max((old.ref_on, old.ref), (day, ref)) if ref else (old.ref_on, old.ref)
    ended, active = old.ended, old.active
    if data.get("status") != "active":
        if day > ended:
            ended, active = day, _after(active, day)
    elif day > ended:
        active = _with(active, day, MOST_ENTRIES)
    new = Enrolment(ref, ref_on, ended, active)
    return state if new == old else replace(state, enrolled={**state.enrolled, clinic: new})


def _clinic(state: Attendance) -> str | None:
    """The clinic the patient belongs to: of those with an active enrolment the latest begun."""
    running = [(one.active[0], clinic) for clinic, one in state.enrolled.items() if one.active]
    return max(running)[1] if running else None


def _stopped(state: Attendance, enrolment: Enrolment) -> str:
    """The first day of custody that still matters; "" when there is none.

    Custody before the enrolment began is over: the person came out and enrolled.
    """
    since = max(state.last, enrolment.active[0])
    at = bisect_left(state.custody, since)
    return state.custody[at] if at < len(state.custody) else ""


def _effects(call: Call | None, subject: str) -> list[Standing]:
    if call is None:
        return []
    waiting: list[Standing] = []
    if call.waits:
        waiting.append(Expect(WAITING, at_local(call.waits, time(0, 0))))
    if not call.days:
        return waiting
    cause = f"{subject}:{call.clinic}:{call.since or 'never'}"
    known: dict[str, Any] = {"patient_ref": call.ref}
    if call.site:
        known["site"] = call.site
    if call.last:
        known["last_attended"] = call.last
    last = call.last or "—"
    alert = Alert(
        cause=f"absence:{cause}",
        rule_id="M1",
        type=ALERT,
        to=call.clinic,
        data={**known, "absent_days": call.days},
        title_code="clinic.absent",
        params={"days": call.days, "last": last},
    )
    if call.dropout is None:
        return [*waiting, alert]
    draft = Draft(
        cause=f"dropout:{cause}",
        to=call.clinic,
        type=NOTICE,
        prefill={**known, "absent_days": call.dropout},
        reason_code="clinic.dropout",
        params={"days": call.dropout, "last": last},
        checks=CHECKS,
    )
    return [*waiting, alert, draft]


def _with(days: tuple[str, ...], day: str, most: int) -> tuple[str, ...]:
    """`days` (sorted) with `day`, the latest `most` of them; the same object if unchanged.

    Keeping the latest is order-free: what a union drops, any other order drops too.
    """
    at = bisect_left(days, day)
    if at < len(days) and days[at] == day:
        return days
    if len(days) >= most and at == 0:
        return days
    return (*days[:at], day, *days[at:])[-most:]


def _after(days: tuple[str, ...], day: str) -> tuple[str, ...]:
    at = bisect_left(days, day)
    if at < len(days) and days[at] == day:
        at += 1
    return days[at:]


@lru_cache(maxsize=8)
def _tomorrow(now: datetime) -> str:
    return add_days(day_of(now), 1)
