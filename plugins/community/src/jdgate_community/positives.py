"""C4: a positive test is held until the time for objection is over or a second test confirms it.

- `positive_held` reaches the police alone. When three days have passed and neither a confirmation
  nor a negative second test (`attended` on the same day) was told, the police are asked to say
  which it is. Nothing becomes a confirmed result by time.
- `positive_confirmed` without a second test that comes before those days are over is an error:
  the police are told at once to take no step on it before that day.
- The day of the test is not counted (吸毒检测程序规定: objection within 3 days).

    rule = PositiveRule(Settings(objection_days=3))
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from jdgate.core.calendar import add_days, day_of
from jdgate.core.effects import Standing
from jdgate.plugins import Effect, Expect, Fact, Role, Settle

from .book import EXIT, TEST
from .case import MOST_EVENTS, Case, Event, OrderRule, name_of, outcomes, tell
from .days import comes, passed

HELD, CONFIRMED, RETESTED, ATTENDED = "held", "confirmed", "retested", "attended"
_WHAT = {"positive_held": HELD, "attended": ATTENDED}


class PositiveRule(OrderRule):
    """C4, per person. An event: day, what was told, where, and the day it first came in."""

    name = "community.positive"
    types = frozenset({TEST, EXIT})
    explains: ClassVar[Mapping[str, str]] = {"C4": "community.rule_positive"}
    outcomes = outcomes("C4", "confirmed", "not_confirmed")

    def event(self, fact: Fact, now: datetime) -> Event | None:
        """A result that has to do with a positive one."""
        data = fact.data
        what = _WHAT.get(data["state"])
        if data["state"] == "positive_confirmed":
            what = RETESTED if "retest_on" in data else CONFIRMED
        return (data["date"], what, fact.region or "", day_of(now)) if what else None

    def merged(self, events: tuple[Event, ...], event: Event) -> tuple[Event, ...]:
        """Of the same result told twice, the day it first came in."""
        by_result = {one[:3]: one for one in events}
        known = by_result.get(event[:3], event)
        by_result[event[:3]] = min(known, event)
        return tuple(sorted(by_result.values())[-MOST_EVENTS:])

    def needed(self, case: Case) -> bool:
        """Nothing is waited for once these days are over."""
        return False

    def stands(self, case: Case) -> list[Standing]:
        """The end of the days in which an objection may come; what came too early."""
        found: list[Standing] = []
        days = self._settings.objection_days
        for day, told in _by_day(case).items():
            if ATTENDED in told or RETESTED in told:
                continue
            over = passed(day, days)
            if CONFIRMED in told:
                came = told[CONFIRMED][1]
                if came <= add_days(day, days):
                    found.append(Expect(name_of(f"early:{day}", case.book), comes(came)))
                    found.append(Expect(name_of(f"free:{day}", case.book), over))
            elif HELD in told:
                found.append(Expect(name_of(f"held:{day}", case.book), over))
        return found

    def late(self, case: Case, name: str) -> list[Effect]:
        """Ask the police to decide; or tell them that it is too early; or that it no longer is."""
        what, _, rest = name.partition(":")
        day = rest.partition(":")[0]
        if what == "free":
            return [Settle(f"{name_of(f'early:{day}', case.book)}:pol")]
        if what not in ("early", "held"):
            return []
        told = _by_day(case)[day]
        region = max(where for where, _ in told.values())
        until = add_days(day, self._settings.objection_days)
        code = "positive_early" if what == "early" else "positive_due"
        to = Role("POL", region or None)
        return [
            tell(
                case.book, "", "C4", f"{name}:pol", code, to, due_on=until, urgent=what == "early",
                params={"day": day},
            )
        ]  # fmt: skip


def _by_day(case: Case) -> dict[str, dict[str, tuple[str, str]]]:
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for day, what, region, came in case.events:
        told = found.setdefault(day, {})
        old_region, old_came = told.get(what, (region, came))
        told[what] = (max(region, old_region), min(came, old_came))
    return found
