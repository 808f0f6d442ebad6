"""P4: the annual report, due by 31 March of the next year.

- On 1 March the enterprise is reminded, if it ever sent a message of its own; when 31 March has
  passed, the enterprise and the police are told. A report of that year settles all of it.
- Years count from the one in which the enterprise became known; of years long past only the
  newest is asked for. A closed enterprise owes the year in which it closed and no later one.

    rule = AnnualRule()
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import at_local
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .days import passed
from .enterprises import ALERT, ALL, ANNUAL, Enterprise, noted, uscc_of

MOST_SETTLED = 12


class Reported(Struct, frozen=True, array_like=True, gc=False):
    """An enterprise and the newest year it reported; 0: none yet."""

    enterprise: Enterprise = Enterprise()
    last: int = 0


class AnnualRule:
    """Expects a report of each enterprise, each year."""

    name = "precursor.annual"
    version = 1
    types = ALL
    state = Reported
    explains: ClassVar = {"P4": "precursor.rule_annual"}
    outcomes: ClassVar = {
        "P4": {
            "reported": "precursor.outcome_reported",
            "closed_down": "precursor.outcome_closed_down",
        },
    }

    def key(self, fact: Fact) -> str | None:
        """The enterprise."""
        return uscc_of(fact)

    def step(self, state: Reported, fact: Fact, now: datetime) -> tuple[Reported, Sequence[Effect]]:
        """Note the enterprise; a report settles the years up to its own."""
        enterprise = noted(state.enterprise, fact, now)
        last = state.last
        if fact.type == ANNUAL and enterprise is not state.enterprise:
            last = max(last, fact.data["year"])
        new = Reported(enterprise, last)
        if new == state:
            return state, ()
        gone: list[Effect] = []
        if last > state.last and (first := _next(state)):
            for year in range(max(first, last - MOST_SETTLED + 1), last + 1):
                ends = (*_causes(new, year), f"remind:{year}", f"overdue:{year}")
                gone += [Settle(one) for one in ends]
        return new, [*gone, *changes(_standing(state), _standing(new))]

    def due(self, state: Reported, name: str, now: datetime) -> tuple[Reported, Sequence[Effect]]:
        """1 March has come, or 31 March has passed."""
        what, _, told = name.partition(":")
        year = int(told)
        if what == "remind":
            if now >= _overdue_at(year) or not state.enterprise.member:
                return state, ()
            cause = _causes(state, year)[0]
            return state, [_alert(state, cause, state.enterprise.member, "annual_soon", year)]
        while _overdue_at(year + 1) <= now:
            year += 1
        closed = state.enterprise.closed
        if closed and year > int(closed[:4]):
            return state, ()
        _, to_enterprise, to_police = _causes(state, year)
        effects: list[Effect] = []
        if state.enterprise.member:
            effects.append(
                _alert(state, to_enterprise, state.enterprise.member, "annual_overdue", year)
            )
        police = Role("POL", state.enterprise.region)
        effects.append(_alert(state, to_police, police, "annual_overdue", year))
        return state, [*effects, *_expected(year + 1, closed, state.enterprise.member)]


def _standing(state: Reported) -> list[Expect]:
    year = _next(state)
    enterprise = state.enterprise
    return _expected(year, enterprise.closed, enterprise.member) if year else []


def _expected(year: int, closed: str, member: str) -> list[Expect]:
    if closed and year > int(closed[:4]):
        return []
    return [
        Expect(f"remind:{year}", at_local(f"{year + 1}-03-01", time(0, 0))),
        Expect(f"overdue:{year}", _overdue_at(year), awaits=ANNUAL, of=member or "ENT"),
    ]


def _overdue_at(year: int) -> datetime:
    return passed(f"{year + 1}-03-31")


def _next(state: Reported) -> int:
    if not state.enterprise.since:
        return 0
    return max(state.last + 1, int(state.enterprise.since[:4]))


def _causes(state: Reported, year: int) -> tuple[str, str, str]:
    cause = f"annual:{state.enterprise.uscc}:{year}"
    return f"{cause}:soon", f"{cause}:enterprise", f"{cause}:police"


def _alert(state: Reported, cause: str, to: str | Role, code: str, year: int) -> Alert:
    uscc, due_on = state.enterprise.uscc, f"{year + 1}-03-31"
    return Alert(
        cause=cause,
        rule_id="P4",
        type=ALERT,
        to=to,
        data={"uscc": uscc, "due_on": due_on},
        title_code=f"precursor.{code}",
        params={"uscc": uscc, "year": year, "due_on": due_on},
    )
