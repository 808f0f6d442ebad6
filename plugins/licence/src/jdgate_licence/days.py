"""Days that a rule may count from, and the moments when they have passed.

A day later than tomorrow or before 2000 is a slip of the pen: no rule of licences counts it.

    passed("2026-11-30", 30)      # the moment when thirty days after 30 November have passed
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
