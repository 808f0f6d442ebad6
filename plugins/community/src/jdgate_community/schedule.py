"""C2: a test that is due. How often is the county's to say, for no national number could be read.

- `test_months = [1, 2, 3]`: a month after check-in or the last test in the first year of the
  order, two months in the second, three in the third and later. Without it nothing is expected.
- The township office is reminded before the day, and told when it has passed and nobody reported
  a test, attended or not. The next test is counted from the newest one.
- It says that nothing was reported. It counts for nothing against the person.

    rule = ScheduleRule(Settings(test_months=(1, 2, 3)))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.effects import Standing
from jdgate.plugins import Effect, Expect, Fact, Role

from .book import ABOUT_ORDERS, TEST, Order, current
from .case import Case, Event, OrderRule, name_of, tell
from .days import comes, months_after, passed


class ScheduleRule(OrderRule):
    """C2, the schedule, per person."""

    name = "community.schedule"
    types = ABOUT_ORDERS | {TEST}
    explains: ClassVar[Mapping[str, str]] = {"C2": "community.rule_schedule"}

    def event(self, fact: Fact, now: datetime) -> Event:
        """The day of a test, whatever came of it."""
        return (fact.data["date"],)

    def stands(self, case: Case) -> list[Standing]:
        """When the next test is to be reminded of, and when it is overdue."""
        order = current(case.book)
        if order is None or not order.arrivals or not self._settings.test_months:
            return []
        due_on = self._next(case, order)
        parts = (order.doc_no, order.town, due_on)
        remind_on = add_days(due_on, -self._settings.test_remind_days)
        return [
            Expect(name_of("soon", case.book, *parts), comes(remind_on)),
            Expect(name_of("overdue", case.book, *parts), passed(due_on)),
        ]

    def late(self, case: Case, name: str) -> list[Effect]:
        """Tell the township office."""
        order = current(case.book)
        if order is None:
            return []
        code = "test_soon" if name.startswith("soon:") else "test_overdue"
        due_on, to = self._next(case, order), Role("COM", order.town)
        return [tell(case.book, order.doc_no, "C2", f"{name}:com", code, to, due_on=due_on)]

    def _next(self, case: Case, order: Order) -> str:
        begun = order.arrivals[0]
        last = max([begun, order.since, *(day for (day,) in case.events)])
        years = int(last[:4]) - int(begun[:4]) - (last[5:] < begun[5:])
        months = self._settings.test_months
        return months_after(last, months[min(max(years, 0), len(months) - 1)])
