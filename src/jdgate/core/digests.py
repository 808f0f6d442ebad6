"""Digests: what a day, a week or a month came to, by unit and never by person. Pure.

- Every period is digested once, in the morning after it ended; after down time the missed ones
  follow, oldest first (`missed`).
- A count under five is not told (domain reference §7: design), nor a rate of which under five are
  left over, nor the median of under five. None of nothing is no row at all.
- Who is told the county's total is told so few cells that it gives none of the others away: at
  least two are left out, which are together no fewer than five (`suppressed`).

    for period in missed("week", done="2026-11-15", today="2026-11-30"): …
    told = suppressed(tallies)                              # to units and who oversees some
    told = suppressed(tallies, total_as="gateway")          # to the authority
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time, timedelta
from typing import Literal

from msgspec import Struct

from jdgate.core.effects import Role

Span = Literal["day", "week", "month"]
SPANS: tuple[Span, ...] = ("day", "week", "month")
LEAST = 5
MOST_MISSED = {"day": 31, "week": 8, "month": 12}
"""Periods caught up with after down time; older ones are past help."""

WAITING = ("reports_missing", "alerts_waiting")
"""Counts of what waits at a period's end: daily."""
IN_TIME, MINUTES = "alerts_in_time", "alert_minutes"
"""Rate of alerts that were acknowledged in time; the median of the minutes it took."""


class Schedule(Struct, frozen=True):
    """Which digests the county wants, and from what local time on they are made."""

    spans: tuple[Span, ...] = ()
    at: time = time(8)


class Period(Struct, frozen=True):
    """From day to day, both included."""

    span: Span
    first: str
    last: str


class Tally(Struct, frozen=True):
    """`n` of `of` at a unit: a member, or whichever member of a role a region has.

    Without `of` it is a plain count. A rule gives these by `tally(state, period)`.
    """

    unit: str | Role
    measure: str
    n: int
    of: int | None = None


class Point(Struct, frozen=True):
    """`n` of `of` for one thing (`item`: an outlet) of a member in a period, for a chart.

    A rule gives these by `points(state)`, and is asked whenever a state of its is saved: the same
    place given again has the newer figure. It is about no person. Who may see it: the authority,
    the member itself, and who oversees members of its kind.
    """

    chart: str
    unit: str
    item: str
    first: str
    last: str
    n: int
    of: int


class Total(Struct, frozen=True):
    """What one state of a rule adds to a message of `type` that the gateway sends once a month.

    `about` are the fields that name the record, `add` those that are added up: numbers. A rule
    gives these by `totals(state, period)`. Nothing is left out as small: the type's sheet says who
    is told, and it must be about no person.
    """

    type: str
    to: Role
    about: Mapping[str, str]
    add: Mapping[str, float]


class Cell(Struct, frozen=True):
    """What is told of a unit. Neither number where `suppressed`."""

    unit: str
    measure: str
    n: int | None = None
    of: int | None = None

    @property
    def suppressed(self) -> bool:
        """Whether the numbers are left out."""
        return self.n is None


def last_before(span: Span, today: date) -> Period:
    """The last period that ended before `today`."""
    if span == "day":
        first = last = today - timedelta(1)
    elif span == "week":
        last = today - timedelta(today.weekday() + 1)
        first = last - timedelta(6)
    else:
        last = today.replace(day=1) - timedelta(1)
        first = last.replace(day=1)
    return Period(span, first.isoformat(), last.isoformat())


def missed(span: Span, done: str, today: date) -> list[Period]:
    """The periods that ended after the day `done` and before `today`, oldest first."""
    found: list[Period] = []
    period = last_before(span, today)
    while period.last > done and len(found) < MOST_MISSED[span]:
        found.append(period)
        period = last_before(span, date.fromisoformat(period.first))
    return found[::-1]


def suppressed(tallies: Iterable[Tally], total_as: str = "") -> list[Cell]:
    """What may be told, by measure and unit; with the sum of each measure as unit `total_as`.

    Every tally's unit is a member here.
    """
    by_measure: dict[str, dict[str, tuple[int, int | None]]] = defaultdict(dict)
    for one in tallies:
        unit = str(one.unit)
        n, of = by_measure[one.measure].get(unit, (0, None))
        both = None if of is None and one.of is None else (of or 0) + (one.of or 0)
        by_measure[one.measure][unit] = (n + one.n, both)
    return [
        cell
        for measure in sorted(by_measure)
        for cell in _told(measure, by_measure[measure], total_as)
    ]


def _told(measure: str, units: dict[str, tuple[int, int | None]], total_as: str) -> Iterator[Cell]:
    units = {unit: one for unit, one in units.items() if one[0] or one[1]}
    hidden = {unit for unit, one in units.items() if _is_small(measure, *one)}
    # a median has no sum; nor has a single unit
    summed = total_as and measure != MINUTES and len(units) > 1
    total = _sum(units.values()) if summed else None
    if total is not None and hidden:
        rest = sorted(set(units) - hidden, key=lambda unit: (units[unit][0], unit))
        while rest and _gives_away(measure, [units[unit] for unit in hidden]):
            hidden.add(rest.pop(0))
        if _gives_away(measure, [units[unit] for unit in hidden]):
            total = None
    for unit in sorted(units):
        yield Cell(unit, measure) if unit in hidden else Cell(unit, measure, *units[unit])
    if total is not None:
        small = _is_small(measure, *total)
        yield Cell(total_as, measure) if small else Cell(total_as, measure, *total)


def _gives_away(measure: str, hidden: list[tuple[int, int | None]]) -> bool:
    """Whether the total less what is told says too much of what is not."""
    return len(hidden) == 1 or _is_small(measure, *_sum(hidden))


def _is_small(measure: str, n: int, of: int | None) -> bool:
    if measure == MINUTES:
        return (of or 0) < LEAST
    return n < LEAST or (of is not None and 0 < of - n < LEAST)


def _sum(cells: Iterable[tuple[int, int | None]]) -> tuple[int, int | None]:
    given = list(cells)
    of = [one[1] for one in given if one[1] is not None]
    return sum(one[0] for one in given), sum(of) if of else None
