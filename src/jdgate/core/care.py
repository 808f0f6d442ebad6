"""Care teams: one officer, one community worker and one social worker for a person. Pure.

- Who was assigned last to a place has it, until that assignment is ended; the one before does not
  come back. "Last" goes by the time the assigning office signed, so the order of arrival and
  repeats don't matter.
- An assignment names a member of the place's role. What goes to that role about the person, by
  `find = "care_team"` or as an alert, goes to the member and to nobody by region.
- Only the office that runs the person's order may assign (`gateway.care`).

    holder([Assignment("ps-01", at_9), Assignment("ps-02", at_10)])     # "ps-02"
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from jdgate.core.places import PLACES

ASSIGN = "comm.team.assign.v1"
DOMAIN = "care"
"""Of the pseudonyms under which teams are kept, and the beginning of their relations' names."""


class Assignment(Struct, frozen=True):
    """When a member was last given a place, and when that was last ended."""

    member: str
    assigned_at: datetime | None = None
    ended_at: datetime | None = None


def place_of(role: str) -> str | None:
    """The place that members of this role have in a team."""
    return next((place for place, wanted in PLACES.items() if wanted == role), None)


def holder(of_place: Iterable[Assignment]) -> str | None:
    """Who has a place now; None when nobody has."""
    given = [(one.assigned_at, one.member, one.ended_at) for one in of_place if one.assigned_at]
    if not given:
        return None
    assigned_at, member, ended_at = max(given, key=lambda one: one[:2])
    return member if ended_at is None or ended_at < assigned_at else None
