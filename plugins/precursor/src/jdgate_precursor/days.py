"""Days and months that a rule may count from, and the moments when they have passed.

A day later than tomorrow or before 2000 is a slip of the pen: no rule of precursors counts it.

    passed("2026-11-30", 3)      # the moment 4 December begins in the county
    month_after("2026-12")       # "2027-01"
"""

from __future__ import annotations

from datetime import datetime, time

from jdgate.core.calendar import add_days, at_local, day_of

FIRST = "2000-01-01"


def plausible(day: str, now: datetime) -> bool:
    """Whether something can have happened on `day`."""
    return FIRST <= day <= add_days(day_of(now), 1)


def passed(day: str, days: int = 0) -> datetime:
    """The moment when `day` and the `days` whole days after it have passed."""
    return at_local(add_days(day, days + 1), time(0, 0))


def month_of(day: str) -> str:
    """ "2026-11" of "2026-11-21"."""
    return day[:7]


def month_after(month: str) -> str:
    """The next month."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def month_passed(month: str, days: int) -> datetime:
    """The moment when `month` and the `days` whole days after it have passed."""
    return passed(add_days(f"{month_after(month)}-01", -1), days)


def day_in(moment: str) -> str | None:
    """The county's day of a moment such as 2026-11-21T16:30:00Z; None when it has none."""
    try:
        return day_of(datetime.fromisoformat(moment))
    except (ValueError, OverflowError):
        return None
