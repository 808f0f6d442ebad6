"""What of the directory runs out soon, so that somebody acts in time. Pure.

Rules:
- a member's key counts when it is the last of its use: one that has a successor may run out;
- whoever does not take part now (suspended, left) and keys that are void need nothing;
- the steps are 60, 30 and 7 days; what has run out already is step 0.

    for one in ending_keys(directory, now): …           # soonest first
    step = step_of(directory.expires, now)              # None: not yet
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, get_args

from msgspec import Struct

from jdgate.core.directory import Directory, KeyRecord, Member, Use

STEPS = (7, 30, 60)
"""Days before an end at which it becomes more urgent to act."""
_A_DAY = timedelta(days=1)


class EndingKey(Struct, frozen=True):
    """The last key of a use, whose time ends soon or has ended. `step`: as `step_of`."""

    member: str
    kid: str
    use: Use
    until: datetime
    step: int


KeyState = Literal["good", "void", "over", "future"]


def step_of(until: datetime, now: datetime) -> int | None:
    """Which step of urgency an end has reached: 60, 30 or 7 days, 0 when it is over; None before
    all of them."""
    if until <= now:
        return 0
    return next((days for days in STEPS if until - now <= days * _A_DAY), None)


def key_state(key: KeyRecord, now: datetime) -> KeyState:
    """Whether a key counts at `now`: good, void (revoked), over, or future."""
    if key.revoked_at is not None and key.revoked_at <= now:
        return "void"
    if key.not_after <= now:
        return "over"
    return "good" if key.not_before <= now else "future"


def ending_keys(directory: Directory, now: datetime) -> list[EndingKey]:
    """Keys without a successor whose time ends within 60 days, the soonest first."""
    taking_part = (member for member in directory.members if member.status == "active")
    found = [one for member in taking_part for one in _ending(member, now)]
    return sorted(found, key=lambda one: (one.until, one.kid))


def _ending(member: Member, now: datetime) -> Iterator[EndingKey]:
    for use in get_args(Use):
        alive = [key for key in member.keys if key.use == use and key_state(key, now) != "void"]
        if not alive:
            continue
        last = max(alive, key=lambda key: key.not_after)
        step = step_of(last.not_after, now)
        if step is not None:
            yield EndingKey(member.id, last.kid, use, last.not_after, step)
