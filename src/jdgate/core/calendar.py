"""Days and hours as the county's offices count them.

- Offices live by China Standard Time (UTC+8, no summer time); the exchange stores UTC.
- A day is written `2026-11-21`. Such texts compare as the days do, so rules need not parse
  them to find the latest.
- Working days are the State Council's calendar of each year, and the county's own overrides
  over it. A year whose calendar is not out yet has its weekends only, and says so: a deadline
  that reaches into it may still move.

    day_of(now)                                    # "2026-11-22" at 2026-11-21T16:00Z
    at_local("2026-11-22", clock_time("10:00"))    # 2026-11-22T02:00Z
    days = WorkingDays({2026: YearPlan(off=…, on=…)}, {date(2026, 12, 31): False})
    due = days.add_working_days(date(2026, 9, 30), 10)
    days.is_published_between(date(2026, 9, 30), due)    # False: show it as provisional
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import NamedTuple

LOCAL = timezone(timedelta(hours=8), "CST")
"""Asia/Shanghai since 1991: a fixed offset, no time-zone tables needed."""

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def day_of(moment: datetime) -> str:
    """The local day of a moment."""
    return moment.astimezone(LOCAL).date().isoformat()


def local_day(moment: datetime) -> date:
    """The local day of a moment, as a date."""
    return moment.astimezone(LOCAL).date()


def add_days(day: str, days: int) -> str:
    """The day `days` days later (earlier when negative).

    Raises:
        ValueError: `day` is not a day.
    """
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def days_between(first: str, last: str) -> int:
    """Days from `first` to `last`; 0 when they are the same.

    Raises:
        ValueError: one of them is not a day.
    """
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def clock_time(text: str) -> time | None:
    """The time of day "HH:MM" (24 hours) stands for; None when it stands for none."""
    match = _CLOCK.fullmatch(text)
    return time(int(match[1]), int(match[2])) if match else None


def at_local(day: str, clock: time) -> datetime:
    """The moment, in UTC, when it is `clock` on `day` in the county.

    Raises:
        ValueError: `day` is not a day.
    """
    return datetime.combine(date.fromisoformat(day), clock, LOCAL).astimezone(UTC)


def next_local(after: datetime, clock: time) -> datetime:
    """The first moment after `after`, in UTC, when it is `clock` in the county."""
    local = after.astimezone(LOCAL)
    moment = datetime.combine(local.date(), clock, LOCAL)
    if moment <= local:
        moment += timedelta(days=1)
    return moment.astimezone(UTC)


class YearPlan(NamedTuple):
    """What the State Council's notice says of one year beyond its weekends.

    `off`: weekdays on which offices are closed; `on`: Saturdays and Sundays worked in return.
    """

    off: frozenset[date] = frozenset()
    on: frozenset[date] = frozenset()


class WorkingDays:
    """The days on which offices work. Overrides win over the published plan of a year.

    The day from which a period runs is not counted (民法典 201): one working day after a
    Friday is the Monday.
    """

    def __init__(
        self,
        plans: Mapping[int, YearPlan] | None = None,
        overrides: Mapping[date, bool] | None = None,
    ) -> None:
        """`plans` by year; `overrides`: whether offices work on that day."""
        self._plans = dict(plans or {})
        self._overrides = dict(overrides or {})

    @property
    def years(self) -> tuple[int, ...]:
        """The years whose calendar is known."""
        return tuple(sorted(self._plans))

    def is_working(self, day: date) -> bool:
        """Whether offices work on `day`."""
        if (decided := self._overrides.get(day)) is not None:
            return decided
        plan = self._plans.get(day.year)
        if day.weekday() >= 5:
            return plan is not None and day in plan.on
        return plan is None or day not in plan.off

    def is_published(self, day: date) -> bool:
        """Whether somebody has decided on `day`; if not, only its weekday speaks."""
        return day in self._overrides or day.year in self._plans

    def is_published_between(self, first: date, last: date) -> bool:
        """Whether that holds of every day from `first` to `last`, both included."""
        first, last = min(first, last), max(first, last)
        years = range(first.year, last.year + 1)
        if all(year in self._plans for year in years):
            return True
        return all(self.is_published(first + timedelta(n)) for n in range((last - first).days + 1))

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (before it when negative); `day` itself for 0.

        Raises:
            OverflowError: there are not so many days in the calendar (year 9999).
        """
        step = timedelta(1 if count > 0 else -1)
        left = abs(count)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def next_working(self, day: date) -> date:
        """`day`, or the first working day after it: where a period that ends on a holiday ends
        (民法典 203)."""
        while not self.is_working(day):
            day += timedelta(1)
        return day

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`: what `add_working_days` counts.

        Negative when `last` lies before `first`: then `last` counts and `first` doesn't.
        """
        if last < first:
            span = (first - last).days
            return -sum(self.is_working(last + timedelta(n)) for n in range(span))
        span = (last - first).days
        return sum(self.is_working(first + timedelta(n + 1)) for n in range(span))
