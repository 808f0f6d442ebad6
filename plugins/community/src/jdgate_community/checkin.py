"""C1: nobody has checked in. Reminder on day 10; after day 15 somebody asks for the reason.

- Days run from service; the day of service is not counted (戒毒条例 14: 15 days from receipt).
- After day 15 the township office gets an alert and a draft of `comm.checkin.overdue`. A named
  person tries to reach the person, notes how often and with what reason, and decides. Nothing
  goes to the police by time.
- A check-in, the end of the order or a report that went to the police settles it.

    rule = CheckinRule(Settings(remind_days=10, checkin_days=15))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.effects import Standing
from jdgate.plugins import Draft, Effect, Expect, Fact, Period, Role, Tally

from .book import ABOUT_ORDERS, CHECKIN, OVERDUE, Order, current
from .case import Case, Event, OrderRule, name_of, outcomes, tell
from .days import comes, passed

CHECKS = ("community_contact", "community_reason")


class CheckinRule(OrderRule):
    """C1, per person."""

    name = "community.checkin"
    types = ABOUT_ORDERS | {OVERDUE}
    explains: ClassVar[Mapping[str, str]] = {"C1": "community.rule_checkin"}
    outcomes = outcomes("C1", "came", "good_reason", "told_police", "not_reached")

    def event(self, fact: Fact, now: datetime) -> Event:
        """A report to the police that the day had passed."""
        return (fact.data["due_on"], fact.data["doc_no"])

    def stands(self, case: Case) -> list[Standing]:
        """The two days of an order nobody has checked in on."""
        order = current(case.book)
        if order is None or order.arrivals or self._reported(case, order):
            return []
        settings = self._settings
        parts = (order.doc_no, order.town, order.since)
        return [
            Expect(
                name_of("soon", case.book, *parts),
                comes(add_days(order.since, settings.remind_days)),
            ),
            Expect(
                name_of("overdue", case.book, *parts),
                passed(order.since, settings.checkin_days),
                awaits=CHECKIN,
                of="COM",
                region=order.town,
            ),
        ]

    def late(self, case: Case, name: str) -> list[Effect]:
        """Remind; or ask for the reason, with a draft of what the police would be told."""
        order = current(case.book)
        if order is None:
            return []
        due_on = add_days(order.since, self._settings.checkin_days)
        to = Role("COM", order.town)
        code = "checkin_soon" if name.startswith("soon:") else "checkin_overdue"
        alert = tell(case.book, order.doc_no, "C1", f"{name}:com", code, to, due_on=due_on)
        if code == "checkin_soon":
            return [alert]
        draft = Draft(
            cause=f"{name}:draft",
            to=to,
            type=OVERDUE,
            prefill={**person(case, order), "due_on": due_on},
            reason_code="community.checkin_draft",
            params={"due_on": due_on},
            checks=CHECKS,
        )
        return [alert, draft]

    def tally(self, case: Case, period: Period) -> list[Tally]:
        """Whether who had to check in by a day of the period did, at the township office."""
        order = current(case.book)
        if order is None:
            return []
        due_on = add_days(order.since, self._settings.checkin_days)
        if not period.first <= due_on <= period.last:
            return []
        came = bool(order.arrivals) and order.arrivals[0] <= due_on
        return [Tally(Role("COM", order.town), "checkin", int(came), 1)]

    def _reported(self, case: Case, order: Order) -> bool:
        return any(day > order.since and doc == order.doc_no for day, doc in case.events)


def person(case: Case, order: Order) -> dict[str, str]:
    """Whom a draft is about, and by which order."""
    _, name, id_type, id_no = case.book.who
    return {"name": name, "id_type": id_type, "id_no": id_no, "doc_no": order.doc_no}
