"""C2: tests missed or refused, counted towards the law's threshold.

- The first and the second time the township office admonishes; at the third a report to the
  police is drafted (戒毒条例 20: evading or refusing tests three times or more). A named person
  checks the evidence and that nobody had a good reason, and decides.
- A day counts once. If anybody says that the person attended on it, it does not count; of missed
  and refused the graver is shown.
- Counted from the first service of the order that is carried out.
- What was reported to the police is not drafted again until a later day is added.

    rule = TestingRule(Settings(refusals=3))
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from jdgate.core.effects import Standing
from jdgate.plugins import Draft, Fact, Role

from .book import ABOUT_ORDERS, TEST, VIOLATION, Book, Order, current, reference
from .case import Case, Event, OrderRule, name_of, outcomes, tell
from .checkin import person

MISSED, REFUSED, REPORTED = "missed", "refused", "reported"
KIND = "refused_tests"
CHECKS = ("community_evidence", "community_no_reason", "community_told")
MOST_SHOWN = 20
"""Events that a draft lists, the latest: it may hold 32 texts."""


class TestingRule(OrderRule):
    """C2, per person."""

    __test__ = False
    name = "community.testing"
    types = ABOUT_ORDERS | {TEST, VIOLATION}
    explains: ClassVar[Mapping[str, str]] = {"C2": "community.rule_testing"}
    outcomes = outcomes("C2", "admonished", "good_reason", "told_police", "not_reached")

    def event(self, fact: Fact, now: datetime) -> Event | None:
        """A test, or a report of this kind."""
        if fact.type == TEST:
            state = fact.data["state"]
            return (fact.data["date"], state if state in (MISSED, REFUSED) else "attended")
        return reported(fact, (KIND,))

    def stands(self, case: Case) -> list[Standing]:
        """Admonish; at the threshold, the draft of a report."""
        order = current(case.book)
        if order is None:
            return []
        counted = self._counted(case, order)
        if not counted or counted[-1][0] <= reported_up_to(case.events):
            return []
        count, limit = len(counted), self._settings.refusals
        to = Role("COM", order.town)
        cause = name_of("tests", case.book, order.doc_no, order.town, str(count), counted[-1][0])
        if count < limit:
            params = {"limit": limit}
            return [
                tell(
                    case.book, order.doc_no, "C2", cause, "tests_admonish", to, count=count,
                    params=params,
                )
            ]  # fmt: skip
        return [
            tell(case.book, order.doc_no, "C2", cause, "tests_limit", to, count=count),
            report(case, order, KIND, [f"{day} {what}" for day, what in counted], "tests_draft"),
        ]

    def _counted(self, case: Case, order: Order) -> list[tuple[str, str]]:
        days: dict[str, set[str]] = {}
        for day, what in (one[:2] for one in case.events):
            if what != REPORTED and day >= order.first:
                days.setdefault(day, set()).add(what)
        bad = {MISSED, REFUSED} if self._settings.missed_counts else {REFUSED}
        return [(day, max(told)) for day, told in sorted(days.items()) if told <= bad]


def reported(fact: Fact, kinds: Sequence[str]) -> Event | None:
    """That the police were told, of events up to a day."""
    if fact.type != VIOLATION or fact.data["kind"] not in kinds:
        return None
    return (max(one["date"] for one in fact.data["events"]), REPORTED)


def reported_up_to(events: Sequence[Event]) -> str:
    """The latest day of which the police were told; "" for none."""
    return max((one[0] for one in events if one[1] == REPORTED), default="")


def report(case: Case, order: Order, kind: str, events: list[str], code: str) -> Draft:
    """The draft of a report to the police. A person decides about these very events."""
    book: Book = case.book
    shown = {f"event_{n}": event for n, event in enumerate(events[-MOST_SHOWN:], 1)}
    return Draft(
        cause=f"report:{reference(book.who[3], order.doc_no, order.town, kind, *events)}",
        to=Role("COM", order.town),
        type=VIOLATION,
        prefill={**person(case, order), "kind": kind, **shown},
        reason_code=f"community.{code}",
        params={"count": len(events)},
        checks=CHECKS,
    )
