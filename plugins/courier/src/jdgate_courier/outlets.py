"""The register of outlets, made from the reports themselves: who is missing, who fell silent.

- K0: some days after a period's end every outlet that its company reported before should be in
  it; the company is asked for each that is not. An outlet that did not exist yet when the
  period began is not missing, nor is one that K3 asks about already.
- K3: an outlet of which nothing newer came for thirty whole days; the postal bureau is asked.
  Counted from the day the newest period came in, so a monthly report is not late by nature.
- A company reports all its outlets by the same periods.

    rules = [CompanyRule(settings), OutletRule(settings)]
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days, day_of
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .days import passed, plausible
from .rates import ALERT, POST, STAT
from .settings import Settings

SILENT = "silent"
MOST_PERIODS = 8
"""Periods looked at per company, the latest."""
MOST_OUTLETS = 2_000
"""Outlets kept per company, those heard of last; more than any county has."""


class Outlet(Struct, frozen=True, array_like=True, gc=False):
    """One outlet: the end of its newest period, and the day on which that came in."""

    company: str = ""
    outlet: str = ""
    last: str = ""
    heard: str = ""
    region: str = ""


class OutletRule:
    """K3, per outlet."""

    name = "courier.silence"
    version = 1
    types = frozenset({STAT})
    state = Outlet
    explains: ClassVar = {"K3": "courier.rule_silence"}
    outcomes: ClassVar = {
        "K3": {
            "reported": "courier.outcome_reported",
            "closed_down": "courier.outcome_closed_down",
            "transferred": "alert.outcome_transferred",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The company's outlet."""
        return f"{fact.source}/{fact.data['outlet']}"

    def step(self, state: Outlet, fact: Fact, now: datetime) -> tuple[Outlet, Sequence[Effect]]:
        """A newer period settles the silence and starts the count again."""
        last, today, region = fact.data["period_to"], day_of(now), fact.region or ""
        if last < state.last or not plausible(last, now):
            return state, ()
        if last == state.last:
            today, region = min(today, state.heard), max(region, state.region)
        new = Outlet(fact.source, fact.data["outlet"], last, today, region)
        if new == state:
            return state, ()
        effects: list[Effect] = []
        if state.last and last > state.last:
            effects.append(Settle(_silence(state)))
        return new, [*effects, *changes(self.standing(state), self.standing(new))]

    def due(self, state: Outlet, name: str, now: datetime) -> tuple[Outlet, Sequence[Effect]]:
        """Nothing newer has come."""
        days = self._settings.silent_days
        params = {"outlet": state.outlet, "company": state.company, "last": state.last}
        alert = Alert(
            cause=_silence(state),
            rule_id="K3",
            type=ALERT,
            to=Role(POST, state.region or None),
            data={"outlet": state.outlet, "period_to": state.last},
            title_code="courier.outlet_silent",
            params={**params, "days": days},
        )
        return state, [alert]

    def standing(self, state: Outlet) -> list[Expect]:
        """When the outlet will have been silent for too long."""
        if not state.heard:
            return []
        due = passed(state.heard, self._settings.silent_days)
        return [Expect(SILENT, due, awaits=STAT, of=state.company)]


class Company(Struct, frozen=True, array_like=True, gc=False):
    """One company. `outlets`: the first day and the last each reported on; `periods`: by
    "end/beginning", the outlets that reported it."""

    company: str = ""
    outlets: dict[str, tuple[str, str]] = {}
    periods: dict[str, tuple[str, ...]] = {}


class CompanyRule:
    """K0, per company."""

    name = "courier.completeness"
    version = 1
    types = frozenset({STAT})
    state = Company
    explains: ClassVar = {"K0": "courier.rule_completeness"}
    outcomes: ClassVar = {
        "K0": {
            "reported": "courier.outcome_reported",
            "closed_down": "courier.outcome_closed_down",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The company."""
        return fact.source

    def step(self, state: Company, fact: Fact, now: datetime) -> tuple[Company, Sequence[Effect]]:
        """Note that the outlet reported the period."""
        outlet, first, last = (fact.data[name] for name in ("outlet", "period_from", "period_to"))
        if not plausible(last, now):
            return state, ()
        new = Company(fact.source, _grown(state, outlet, first, last), state.periods)
        period = f"{last}/{first}"
        there = state.periods.get(period, ())
        if outlet not in there:
            joined = {**state.periods, period: tuple(sorted({*there, outlet}))}
            latest = sorted(joined)[-MOST_PERIODS:]
            new = Company(fact.source, new.outlets, {one: joined[one] for one in latest})
        effects: list[Effect] = []
        if now >= self._due(period):
            effects.append(Settle(_missing(fact.source, outlet, period)))
        if new == state:
            return state, effects
        return new, [*effects, *changes(self.standing(state), self.standing(new))]

    def due(self, state: Company, name: str, now: datetime) -> tuple[Company, Sequence[Effect]]:
        """All outlets should have reported the period by now."""
        period = name.partition(":")[2]
        last, _, first = period.partition("/")
        there = state.periods.get(period, ())
        since = add_days(last, -self._settings.silent_days)
        lacking = [
            outlet
            for outlet, (begun, ended) in sorted(state.outlets.items())
            if outlet not in there and begun <= first and ended >= since
        ]
        return state, [self._alert(state.company, one, period) for one in lacking]

    def standing(self, state: Company) -> list[Expect]:
        """When each of the latest periods should be complete."""
        return [Expect(f"period:{one}", self._due(one)) for one in state.periods]

    def _due(self, period: str) -> datetime:
        return passed(period.partition("/")[0], self._settings.grace_days)

    def _alert(self, company: str, outlet: str, period: str) -> Alert:
        last, _, first = period.partition("/")
        return Alert(
            cause=_missing(company, outlet, period),
            rule_id="K0",
            type=ALERT,
            to=company,
            data={"outlet": outlet, "period_to": last},
            title_code="courier.outlet_missing",
            params={"outlet": outlet, "first": first, "last": last},
        )


def _grown(state: Company, outlet: str, first: str, last: str) -> dict[str, tuple[str, str]]:
    begun, ended = state.outlets.get(outlet, (first, last))
    grown = {**state.outlets, outlet: (min(begun, first), max(ended, last))}
    if len(grown) > MOST_OUTLETS:
        del grown[min(grown, key=lambda one: (grown[one][1], one))]
    return dict(sorted(grown.items()))


def _silence(state: Outlet) -> str:
    return f"silent:{state.company}:{state.outlet}:{state.last}"


def _missing(company: str, outlet: str, period: str) -> str:
    return f"missing:{company}:{outlet}:{period}"
