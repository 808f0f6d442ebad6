"""S2: whether a member may go on asking about people, by how many it asked and when. Pure.

- What is counted is people, not questions: the same person asked about twice counts once.
- A question too many, or one outside the hours, suspends the member's queries until the desk
  that guards the exchange lifts it. Everything else of the member goes on.
- 30 people a day is this project's choice. Hours are the county's to set: without them there are
  none.

    limits = QueryLimits(types=frozenset({"sealed.query.v1"}), persons=30)
    why = trespass(limits, asked={…}, more={…}, at=now)      # None, or the code of the reason
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, time

from msgspec import Struct

from jdgate.core.calendar import LOCAL, WorkingDays, at_local, day_of, local_day

TOO_MANY = "query.too_many"
OFF_HOURS = "query.off_hours"


class QueryLimits(Struct, frozen=True):
    """`types` are the queries, `persons` how many people a member may ask about in a local day,
    `hours` (from, to; local time) when it may ask, `security` the member that hears of it."""

    types: frozenset[str] = frozenset()
    persons: int = 30
    hours: tuple[time, time] | None = None
    working_days_only: bool = False
    security: str = ""
    days: WorkingDays = WorkingDays()

    def is_off_hours(self, at: datetime) -> bool:
        """Whether nobody should be asking at this moment."""
        if self.working_days_only and not self.days.is_working(local_day(at)):
            return True
        if self.hours is None:
            return False
        start, end = self.hours
        return not start <= at.astimezone(LOCAL).time() < end


def day_began(at: datetime) -> datetime:
    """When the local day of a moment began."""
    return at_local(day_of(at), time(0))


def stray(limits: QueryLimits, *, seen: int, fresh: int, at: datetime) -> str | None:
    """Why an operator may open no more; None when they may. `seen`: people whose content they
    opened today, `fresh`: those of what they open now whom they did not see yet.

    One message may be about many people: who was below the limit before may open it.
    """
    if limits.is_off_hours(at):
        return OFF_HOURS
    return TOO_MANY if fresh and seen >= limits.persons else None


def trespass(
    limits: QueryLimits, *, asked: Set[object], more: Set[object], at: datetime
) -> str | None:
    """Why these questions are not let in; None when they are. `asked` are the people of the day
    so far, `more` those of the message."""
    if limits.is_off_hours(at):
        return OFF_HOURS
    return TOO_MANY if len(asked | more) > limits.persons else None
