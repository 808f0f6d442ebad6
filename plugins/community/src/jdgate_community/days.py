"""Days that a rule may count from, and the moments when they have come or passed.

A day later than tomorrow or before 2000 is a slip of the pen: no rule counts it.

    passed("2026-11-30", 15)            # the moment 16 December begins in the county
    months_after("2026-01-31", 1)       # "2026-02-28"
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time

from jdgate.core.calendar import add_days, at_local, day_of

FIRST, LAST = "2000-01-01", "2099-12-31"


def plausible(day: str, now: datetime, ahead: int = 1) -> bool:
    """Whether something can have happened on `day`, or is announced for at most `ahead` days on."""
    return FIRST <= day <= add_days(day_of(now), ahead)


def comes(day: str) -> datetime:
    """The moment when `day` begins."""
    return at_local(day, time(0, 0))


def passed(day: str, days: int = 0) -> datetime:
    """The moment when `day` and the `days` whole days after it have passed."""
    return comes(add_days(day, days + 1))


def months_after(day: str, months: int) -> str:
    """The same day of the month so many months later; the month's last where it has no such day."""
    start = date.fromisoformat(day)
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1])).isoformat()
