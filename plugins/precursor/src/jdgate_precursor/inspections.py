"""P1: an enterprise that its police station did not inspect in a month.

- A month's inspection is due some days after the month's end; then the stations of the place
  are told. An inspection of that month or a later one settles it.
- Months count from the one in which the enterprise became known. Of months long past, as when
  years of filings are loaded, only the newest is asked for.
- Nothing is asked about months after the one in which the enterprise closed.

    rule = InspectionRule(Settings())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Expect, Fact, Period, Role, Settle, Tally, changes

from .days import month_after, month_of, month_passed
from .enterprises import ALERT, ALL, INSPECTION, Enterprise, day_told, noted, uscc_of
from .settings import Settings

MOST_SETTLED = 24


class Inspected(Struct, frozen=True, array_like=True, gc=False):
    """An enterprise and the newest month in which it was inspected."""

    enterprise: Enterprise = Enterprise()
    last: str = ""


class InspectionRule:
    """Expects an inspection of each enterprise, each month."""

    name = "precursor.inspection"
    version = 1
    types = ALL
    state = Inspected
    explains: ClassVar = {"P1": "precursor.rule_inspection"}
    outcomes: ClassVar = {
        "P1": {
            "inspected": "precursor.outcome_inspected",
            "closed_down": "precursor.outcome_closed_down",
            "not_due": "precursor.outcome_not_due",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._days = (settings or Settings()).inspect_days

    def key(self, fact: Fact) -> str | None:
        """The enterprise."""
        return uscc_of(fact)

    def step(
        self, state: Inspected, fact: Fact, now: datetime
    ) -> tuple[Inspected, Sequence[Effect]]:
        """Note the enterprise; an inspection settles the months up to its own."""
        enterprise = noted(state.enterprise, fact, now)
        last = state.last
        day = day_told(fact)
        if fact.type == INSPECTION and enterprise is not state.enterprise and day:
            last = max(last, month_of(day))
        new = Inspected(enterprise, last)
        if new == state:
            return state, ()
        gone: list[Effect] = []
        first = _next(state)
        if first and last > state.last:
            for month in list(_months(first, month_after(last)))[-MOST_SETTLED:]:
                gone += [Settle(_cause(new, month)), Settle(_name(month))]
        return new, [*gone, *changes(self.standing(state), self.standing(new))]

    def due(self, state: Inspected, name: str, now: datetime) -> tuple[Inspected, Sequence[Effect]]:
        """The month and the days after it have passed."""
        month = name.partition(":")[2]
        while month_passed(month_after(month), self._days) <= now:
            month = month_after(month)
        if state.enterprise.closed and month > month_of(state.enterprise.closed):
            return state, ()
        then = month_after(month)
        uscc = state.enterprise.uscc
        return state, [
            Alert(
                cause=_cause(state, month),
                rule_id="P1",
                type=ALERT,
                to=Role("PS", state.enterprise.region),
                data={"uscc": uscc, "month": month},
                title_code="precursor.not_inspected",
                params={"uscc": uscc, "month": month},
            ),
            self._awaited(then, state.enterprise.region),
        ]

    def tally(self, state: Inspected, period: Period) -> list[Tally]:
        """Whether the enterprise was inspected in the month, at its station."""
        month, since = month_of(period.first), state.enterprise.since
        closed = state.enterprise.closed
        if period.span != "month" or not since or month_of(since) > month:
            return []
        if closed and month_of(closed) < month:
            return []
        station = Role("PS", state.enterprise.region)
        return [Tally(station, "inspection", int(state.last >= month), 1)]

    def standing(self, state: Inspected) -> list[Expect]:
        """When the next inspection will be overdue."""
        month, closed = _next(state), state.enterprise.closed
        if not month or (closed and month > month_of(closed)):
            return []
        return [self._awaited(month, state.enterprise.region)]

    def _awaited(self, month: str, region: str | None) -> Expect:
        due = month_passed(month, self._days)
        return Expect(_name(month), due, awaits=INSPECTION, of="PS", region=region or "")


def _next(state: Inspected) -> str:
    return month_after(state.last) if state.last else month_of(state.enterprise.since)


def _months(first: str, last: str) -> Iterator[str]:
    while first < last:
        yield first
        first = month_after(first)


def _name(month: str) -> str:
    return f"month:{month}"


def _cause(state: Inspected, month: str) -> str:
    return f"inspection:{state.enterprise.uscc}:{month}"
