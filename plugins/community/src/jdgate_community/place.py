"""C5: the papers were handed to another place, and nobody has checked in there within 15 days.

Both township offices are told: the new one to look for the person, the old one to help. A check-in
on or after the day of handing over, or the end of the order, settles it (戒毒条例 22).

    rule = PlaceRule(Settings(place_days=15))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.effects import Standing
from jdgate.plugins import Effect, Expect, Fact, Role

from .book import ABOUT_ORDERS, HANDOVER, SUSPENDED, Book, arrivals_of, last_end
from .case import Case, Event, OrderRule, name_of, outcomes, tell
from .days import passed


class PlaceRule(OrderRule):
    """C5, per person. An event: day of handing over, document, new place, old office."""

    name = "community.place"
    types = ABOUT_ORDERS | {HANDOVER}
    explains: ClassVar[Mapping[str, str]] = {"C5": "community.rule_place"}
    outcomes = outcomes("C5", "came", "good_reason", "not_reached")

    def event(self, fact: Fact, now: datetime) -> Event:
        """Papers handed over."""
        data = fact.data
        return (data["handed_on"], data["doc_no"], data["to_town"], fact.source)

    def stands(self, case: Case) -> list[Standing]:
        """The last day for checking in at the new place."""
        return [
            Expect(name, passed(event[0], self._settings.place_days))
            for name, event in _waiting(case).items()
        ]

    def late(self, case: Case, name: str) -> list[Effect]:
        """Tell both offices."""
        handed_on, doc_no, to_town, old = _waiting(case)[name]
        due_on = add_days(handed_on, self._settings.place_days)
        desks = (("new", Role("COM", to_town)), ("old", old))
        return [
            tell(
                case.book, doc_no, "C5", f"{name}:{which}", f"place_{which}", desk, due_on=due_on,
                params={"handed_on": handed_on},
            )
            for which, desk in desks
        ]  # fmt: skip


def _waiting(case: Case) -> dict[str, Event]:
    """The newest handing over of each order after which nobody checked in."""
    newest = {event[1]: event for event in case.events}
    return {
        name_of("place", case.book, *event): event
        for event in newest.values()
        if not _settled(case.book, event[1], event[0])
    }


def _settled(book: Book, doc_no: str, handed_on: str) -> bool:
    end = last_end(book, doc_no)
    over = end is not None and end.date >= handed_on and end.status != SUSPENDED
    return over or any(day >= handed_on for day in arrivals_of(book, doc_no))
