"""Days and hours as the county's offices count them.

- Offices live by China Standard Time (UTC+8, no summer time); the exchange stores UTC.
- A day is written `2026-11-21`. Such texts compare as the days do, so rules need not parse
  them to find the latest.

    day_of(now)                                    # "2026-11-22" at 2026-11-21T16:00Z
    at_local("2026-11-22", clock_time("10:00"))    # 2026-11-22T02:00Z
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

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
