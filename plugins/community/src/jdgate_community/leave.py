"""C3: away from the county without leave, counted towards the law's thresholds.

- Three times, or more than 30 days in all (戒毒条例 20), and a report to the police is drafted;
  before that the township office admonishes. A named person checks and decides.
- Approved leave never counts. An absence shorter than three days needs no leave (19) and does not
  count. Days run from the day of leaving, which is not counted, to the day of return.
- Overlapping absences are one. Who is still away counts by time: as an absence on the third day,
  and day by day towards the 30. An older absence without a day of return counts nothing.
- Only absences under the order that is carried out count, since its first service.

    rule = LeaveRule(Settings(absences=3, absence_days=30, absence_from_days=3))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jdgate.core.calendar import add_days, days_between
from jdgate.core.effects import Standing
from jdgate.plugins import Alert, Draft, Effect, Expect, Fact, Role, changes

from .book import ABOUT_ORDERS, ABSENCE, VIOLATION, Order, current
from .case import Case, Event, OrderRule, name_of, outcomes, tell
from .days import comes
from .testing import report, reported, reported_up_to

AWAY, LEAVE = "away", "leave"
TIMES, DAYS = "absences", "absent_days"
MOST_DAYS = 5000
"""As many as the alert's sheet holds."""
Span = tuple[str, str]
"""The day of leaving and of return; "" while away."""


class LeaveRule(OrderRule):
    """C3, per person. An event: day of leaving, with leave or not, day of return, document."""

    name = "community.leave"
    types = ABOUT_ORDERS | {ABSENCE, VIOLATION}
    explains: ClassVar[Mapping[str, str]] = {"C3": "community.rule_leave"}
    outcomes = outcomes("C3", "admonished", "good_reason", "told_police", "not_reached")

    def event(self, fact: Fact, now: datetime) -> Event | None:
        """An absence, or a report of these kinds."""
        if fact.type == VIOLATION:
            return reported(fact, (TIMES, DAYS))
        data = fact.data
        how = LEAVE if data["approved"] else AWAY
        return (data["left_on"], how, data.get("back_on", ""), data["doc_no"])

    def stands(self, case: Case) -> list[Standing]:
        """What the absences that are over call for, and when one that lasts will count."""
        order = current(case.book)
        if order is None:
            return []
        spans, lasting = self._spans(case, order)
        found = self._said(case, order, spans, _total(spans))
        if lasting:
            counts, too_long = self._days_of(spans, lasting)
            parts = [order.doc_no, order.town, lasting, str(len(spans))]
            found.append(Expect(name_of("counts", case.book, *parts), comes(counts)))
            if too_long:
                name = name_of("long", case.book, *parts, too_long)
                found.append(Expect(name, comes(too_long)))
        return found

    def late(self, case: Case, name: str) -> list[Effect]:
        """Who is still away has been so for long enough to count."""
        order = current(case.book)
        if order is None:
            return []
        spans, lasting = self._spans(case, order)
        counts, too_long = self._days_of(spans, lasting)
        over, with_it = _total(spans), [*spans, (lasting, "")]
        first = self._said(case, order, with_it, over + days_between(lasting, counts))
        if not name.startswith("long:"):
            return changes(self._said(case, order, spans, over), first)
        total = over + days_between(lasting, too_long)
        return changes(first, self._said(case, order, with_it, total))

    def _said(self, case: Case, order: Order, spans: list[Span], total: int) -> list[Standing]:
        if not spans or spans[-1][0] <= reported_up_to(case.events):
            return []
        settings, count = self._settings, len(spans)
        kind = TIMES if count >= settings.absences else DAYS
        reached = kind == TIMES or total > settings.absence_days
        events = [f"{left}/{back} left" if back else f"{left} left" for left, back in spans]
        what = kind if reached else "few"
        cause = name_of("away", case.book, order.doc_no, order.town, what, str(count), spans[-1][0])
        alert: Alert = tell(
            case.book, order.doc_no, "C3", cause, "leave_limit" if reached else "leave_admonish",
            Role("COM", order.town), count=count, days=min(total, MOST_DAYS),
            params={"limit": settings.absences, "most": settings.absence_days},
        )  # fmt: skip
        if not reached:
            return [alert]
        draft: Draft = report(case, order, kind, events, "leave_draft")
        return [alert, draft]

    def _spans(self, case: Case, order: Order) -> tuple[list[Span], str]:
        """The absences that count and are over, and the day of leaving of one that lasts."""
        told: dict[str, list[Event]] = {}
        for one in case.events:
            if one[1] in (AWAY, LEAVE) and one[3] == order.doc_no and one[0] >= order.first:
                told.setdefault(one[0], []).append(one)
        over: list[Span] = []
        lasting = ""
        for left, events in sorted(told.items()):
            backs = [one[2] for one in events if one[2]]
            lasting = ""
            if any(one[1] == LEAVE for one in events):
                continue
            if not backs:
                lasting = left
            elif over and left < over[-1][1]:
                over[-1] = (over[-1][0], max(over[-1][1], min(backs)))
            else:
                over.append((left, min(backs)))
        if over and lasting < over[-1][1]:
            lasting = ""
        least = self._settings.absence_from_days
        return [span for span in over if days_between(*span) >= least], lasting

    def _days_of(self, spans: list[Span], lasting: str) -> tuple[str, str]:
        """When one that lasts counts as an absence, and when all together are too many days."""
        settings = self._settings
        counts = add_days(lasting, settings.absence_from_days)
        left = settings.absence_days - _total(spans)
        if left < settings.absence_from_days:
            return counts, ""
        return counts, add_days(lasting, left + 1)


def _total(spans: list[Span]) -> int:
    return sum(days_between(left, back) for left, back in spans)
