"""What all rules about orders share: a person's case, and how its deadlines come and go.

A rule says what stands (`stands`) from the state alone: alerts and drafts at once, expectations
for a day. When a day has come `late` says what follows. Whatever a state no longer calls for is
settled, also what `late` had said of it.

What is known of a person is forgotten at once with the end of dynamic control, and `keep_days`
after the last entry when no order is carried out. One that is suspended is kept until its longest
term would have run out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct

from jdgate.core.effects import Standing, effect_id
from jdgate.core.rules import Effect, Fact
from jdgate.plugins import Alert, Expect, Role, Settle, changes

from .book import (
    ABOUT_ORDERS,
    ABSENCE,
    ALERT,
    HANDOVER,
    ORDER,
    OVERDUE,
    STATUS,
    SUSPENDED,
    VIOLATION,
    Book,
    current,
    cut,
    grown,
    noted,
    reference,
)
from .days import passed, plausible
from .settings import Settings

Event = tuple[str, ...]
"""What one rule notes beside the orders: a day, and texts."""
MOST_EVENTS = 120
AHEAD = 366
"""Days for which a suspension or completion may be announced."""
LONGEST = 3 * 366
FORGET = "forget:"
_DAY = {ORDER: "served_on", OVERDUE: "due_on", ABSENCE: "left_on", HANDOVER: "handed_on"}


class Case(Struct, frozen=True, array_like=True, gc=False):
    """One person, as one rule knows them."""

    book: Book = Book()
    events: tuple[Event, ...] = ()


def day_told(fact: Fact) -> str:
    """The day a fact is about."""
    if fact.type == VIOLATION:
        return max(str(one["date"]) for one in fact.data["events"])
    return str(fact.data[_DAY.get(fact.type, "date")])


class OrderRule(ABC):
    """A rule about orders, per person. Subclasses have `event`, `stands` and `late`."""

    name = ""
    version = 1
    types: frozenset[str] = ABOUT_ORDERS
    state = Case
    explains: ClassVar[Mapping[str, str]] = {}
    outcomes: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The person's pseudonym."""
        return None if fact.subject is None else fact.subject.hex()

    def step(self, state: Case, fact: Fact, now: datetime) -> tuple[Case, Sequence[Effect]]:
        """Merge a fact; say what now stands that did not, and the reverse."""
        day = day_told(fact)
        if not plausible(day, now, AHEAD if fact.type == STATUS else 1):
            return state, ()
        book, events = noted(state.book, day, fact), state.events
        if fact.type not in ABOUT_ORDERS and (event := self.event(fact, now)) is not None:
            events = self.merged(events, event)
        new = Case(book, tuple(one for one in events if one[0] > book.gone))
        return (state, ()) if new == state else (new, self._moved(state, new))

    def due(self, state: Case, name: str, now: datetime) -> tuple[Case, Sequence[Effect]]:
        """A day has come: tell, or forget."""
        if name not in {effect_id(one) for one in self.standing(state)}:
            return state, ()
        if name.startswith(FORGET):
            book = cut(state.book, name.partition(":")[2])
            new = Case(book, tuple(one for one in state.events if one[0] > book.gone))
            return new, self._moved(state, new)
        return state, self.late(state, name)

    def standing(self, case: Case) -> list[Standing]:
        """All that a state calls for."""
        return [*self.stands(case), *self._forgetting(case)]

    def event(self, fact: Fact, now: datetime) -> Event | None:
        """What to note of a fact of the rule's own types."""
        return None

    def merged(self, events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
        """The events with one more; a union of the latest."""
        return grown(events, event, MOST_EVENTS)

    @abstractmethod
    def stands(self, case: Case) -> list[Standing]:
        """What a state calls for, but for forgetting it."""

    def late(self, case: Case, name: str) -> list[Effect]:
        """What follows when `name` has come."""
        return []

    def needed(self, case: Case) -> bool:
        """Whether the rule still waits for something about this person."""
        return current(case.book) is not None

    def _forgetting(self, case: Case) -> list[Standing]:
        book = case.book
        days = [
            *(one.served_on for one in book.notices),
            *(arrival.date for arrival in book.arrivals),
            *(end.date for end in book.ends),
            *(one[0] for one in case.events),
            *filter(None, [book.who[0]]),
        ]
        if not days or self.needed(case):
            return []
        last = max(days)
        waits = bool(book.ends) and max(book.ends).status == SUSPENDED
        days_on = LONGEST if waits else self._settings.keep_days
        return [Expect(f"{FORGET}{last}", passed(last, days_on))]

    def _moved(self, old: Case, new: Case) -> list[Effect]:
        before, after = self.standing(old), self.standing(new)
        stays = {effect_id(one) for one in after}
        over = [one.name for one in before if isinstance(one, Expect) and one.name not in stays]
        ended: list[Effect] = [
            Settle(effect_id(one))
            for name in over
            if not name.startswith(FORGET)
            for one in self.late(old, name)
        ]
        # a day that came and is now void may have settled what stands again
        again = [one for one in after if not isinstance(one, Expect)] if ended else []
        return [*ended, *changes(before, after), *again]


def tell(
    book: Book,
    doc_no: str,
    rule_id: str,
    cause: str,
    code: str,
    to: str | Role,
    *,
    urgent: bool = False,
    params: dict[str, Any] | None = None,
    **data: Any,
) -> Alert:
    """An alert about a person to a desk that knows the order."""
    _, name, id_type, id_no = book.who
    known = {"name": name, "id_type": id_type, "id_no": id_no, "doc_no": doc_no}
    return Alert(
        cause=cause,
        rule_id=rule_id,
        type=ALERT,
        to=to,
        data={**{field: value for field, value in known.items() if value}, **data},
        title_code=f"community.{code}",
        params={**data, **(params or {})},
        urgent=urgent,
    )


def outcomes(rule_id: str, *codes: str) -> dict[str, dict[str, str]]:
    """What may have come of the alerts of a rule, beside a false alarm."""
    own = {code: f"community.outcome_{code}" for code in codes}
    return {rule_id: {**own, "false_alarm": "alert.outcome_false_alarm"}}


def name_of(what: str, book: Book, *parts: str) -> str:
    """A name or cause that is the same for the same thing, and says nothing of the person."""
    return f"{what}:{reference(book.who[3], *parts)}"
