"""Which clinic or extension site did not report: the expectation behind every absence.

- A day's attendance is due the next morning at `report_by`. After a report about a day, the
  next is about the day after it, due one morning later.
- Days that come late, from a site that was offline or a clinic that catches up, arm the next
  morning that is still to come, never one that has passed.
- A site that works offline has `offline_days` more.
- Overdue, the clinic and the county's anti-drug office are told, one alert each. A newer
  report settles both. While nothing comes the alerts stay; they are not raised anew each day.

    rule = DailyReportRule(time(10, 0), frozenset({"village"}), offline_days=10)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days, at_local, day_of, next_local
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle

from .rules import ATTENDANCE

AUTHORITY = Role("NCO")
REPORT = "report"


class Reported(Struct, frozen=True, array_like=True, gc=False):
    """The latest day a site of a clinic reported on."""

    clinic: str = ""
    site: str = ""
    day: str = ""


class DailyReportRule:
    """Expects attendance of each site, each day."""

    name = "clinic.daily_report"
    version = 1
    types = frozenset({ATTENDANCE})
    state = Reported
    explains: ClassVar = {"M0": "clinic.rule_daily_report"}
    outcomes: ClassVar = {
        "M0": {"sent": "clinic.outcome_sent", "not_open": "clinic.outcome_not_open"},
    }

    def __init__(
        self, report_by: time, offline_sites: frozenset[str] = frozenset(), offline_days: int = 0
    ) -> None:
        self._report_by = report_by
        self._late = dict.fromkeys(offline_sites, offline_days)

    def key(self, fact: Fact) -> str | None:
        """The clinic and its site: extension sites report by themselves."""
        return f"{fact.source}/{fact.data.get('site', '')}"

    def step(self, state: Reported, fact: Fact, now: datetime) -> tuple[Reported, Sequence[Effect]]:
        """A report on a newer day settles what is overdue and arms the next."""
        day = fact.data["date"]
        if day <= state.day or day > day_of(now):
            return state, ()
        new = Reported(fact.source, fact.data.get("site", ""), day)
        late = self._late.get(new.site, 0)
        expected = at_local(add_days(day, 2 + late), self._report_by)
        due = max(expected, next_local(now, self._report_by))
        effects: list[Effect] = [Settle(cause) for cause in _causes(state)] if state.day else []
        return new, [*effects, Expect(REPORT, due, ATTENDANCE, fact.source)]

    def due(self, state: Reported, name: str, now: datetime) -> tuple[Reported, Sequence[Effect]]:
        """The morning has passed without a report."""
        to_clinic, to_authority = _causes(state)
        return state, [
            _overdue(state, to_clinic, state.clinic),
            _overdue(state, to_authority, AUTHORITY),
        ]


def _causes(state: Reported) -> tuple[str, str]:
    cause = f"report:{state.clinic}/{state.site}:{state.day}"
    return f"{cause}:clinic", f"{cause}:authority"


def _overdue(state: Reported, cause: str, to: str | Role) -> Alert:
    return Alert(
        cause=cause,
        rule_id="M0",
        type="sys.alert.v1",
        to=to,
        data={"cause_ref": cause},
        title_code="clinic.report_overdue",
        params={"clinic": state.clinic, "site": state.site or state.clinic, "day": state.day},
    )
