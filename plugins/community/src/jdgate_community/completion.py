"""C6: an order ends. The police prepare 30 days before, and notify within 7 days after.

- The term runs from check-in (戒毒条例 13: three years; 37: recovery up to three, as the notice
  says); days of suspension do not count.
- Nothing ends by time: the police decide, and `comm.status.change` settles it.

    rule = CompletionRule(Settings(term_months=36, prepare_days=30, release_days=7))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.effects import Standing
from jdgate.plugins import Effect, Expect, Role

from .book import Order, current
from .case import Case, OrderRule, name_of, outcomes, tell
from .days import comes, months_after, passed


class CompletionRule(OrderRule):
    """C6, per person."""

    name = "community.completion"
    explains: ClassVar[Mapping[str, str]] = {"C6": "community.rule_completion"}
    outcomes = outcomes("C6", "ended", "goes_on")

    def stands(self, case: Case) -> list[Standing]:
        """The day to prepare, and the last day to notify."""
        order = current(case.book)
        if order is None or not order.arrivals:
            return []
        ends_on, settings = self._ends_on(order), self._settings
        parts = (order.doc_no, order.town, ends_on)
        return [
            Expect(
                name_of("prepare", case.book, *parts),
                comes(add_days(ends_on, -settings.prepare_days)),
            ),
            Expect(name_of("release", case.book, *parts), passed(ends_on, settings.release_days)),
        ]

    def late(self, case: Case, name: str) -> list[Effect]:
        """Tell the police."""
        order = current(case.book)
        if order is None:
            return []
        ends_on = self._ends_on(order)
        to = Role("POL", order.town)
        code, due_on = "ends_soon", ends_on
        if name.startswith("release:"):
            code, due_on = "not_released", add_days(ends_on, self._settings.release_days)
        return [
            tell(
                case.book, order.doc_no, "C6", f"{name}:pol", code, to, due_on=due_on,
                params={"ends_on": ends_on},
            )
        ]  # fmt: skip

    def _ends_on(self, order: Order) -> str:
        months = order.months or self._settings.term_months
        return add_days(months_after(order.arrivals[0], months), order.paused)
