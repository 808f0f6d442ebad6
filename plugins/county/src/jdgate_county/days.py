"""Days that a rule may count from, and the moments when they have passed.

A day later than tomorrow or before 2000 is a slip of the pen: no rule of the county counts it.

    passed("2026-11-30", 3)      # the moment 4 December begins in the county
    begins("2026-11-30")         # the moment that day begins
"""

from __future__ import annotations

from datetime import datetime, time

from jdgate.core.calendar import add_days, at_local, day_of

FIRST = "2000-01-01"
LAST = "2098-12-31"


def plausible(day: str, now: datetime) -> bool:
    """Whether something can have happened on `day`."""
    return FIRST <= day <= add_days(day_of(now), 1)


def foreseeable(day: str) -> bool:
    """Whether `day` can be somebody's date for something."""
    return FIRST <= day <= LAST


def begins(day: str) -> datetime:
    """The moment when `day` begins."""
    return at_local(day, time(0, 0))


def passed(day: str, days: int = 0) -> datetime:
    """The moment when `day` and the `days` whole days after it have passed."""
    return begins(add_days(day, days + 1))
