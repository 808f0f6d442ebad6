"""K1: an outlet whose real-name, inspection or X-ray rate was under 100% in a period.

- Judged by the counts: one parcel short is short, however the rate was rounded. A rate that
  says more than its counts do, or a whole point less, is told as such.
- A period in which no parcel was taken in has nothing to be short of.
- Of several reports about one period the lowest count of each kind stands: a better figure sent
  later clears nothing by itself, the postal bureau decides.

    rule = RatesRule(Settings())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days, day_of
from jdgate.plugins import Alert, Effect, Fact, Period, Point, Role, Tally, changes

from .days import plausible
from .settings import Settings

STAT = "courier.stat.v1"
ALERT = "courier.alert.v1"
POST = "POST"
KINDS = ("realname", "inspect", "xray")
FULL = 10_000


class Rates(Struct, frozen=True, array_like=True, gc=False):
    """One outlet in one period. `low` are hundredths of a percent, rounded down, by kind;
    `reported` is the day on which it was first reported, `wrong` that a rate belied its counts.
    """

    company: str = ""
    outlet: str = ""
    first: str = ""
    last: str = ""
    region: str = ""
    low: tuple[int, int, int] = (FULL, FULL, FULL)
    wrong: bool = False
    reported: str = ""


class RatesRule:
    """Compares counts with parcels taken in, per outlet and period."""

    name = "courier.rates"
    version = 1
    types = frozenset({STAT})
    state = Rates
    explains: ClassVar = {"K1": "courier.rule_rates"}
    outcomes: ClassVar = {
        "K1": {
            "fixed": "courier.outcome_fixed",
            "miscounted": "courier.outcome_miscounted",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The company's outlet and its period."""
        data = fact.data
        return f"{fact.source}/{data['outlet']}/{data['period_from']}/{data['period_to']}"

    def step(self, state: Rates, fact: Fact, now: datetime) -> tuple[Rates, Sequence[Effect]]:
        """Keep the lowest of each kind."""
        data, today = fact.data, day_of(now)
        if not plausible(data["period_to"], now):
            return state, ()
        realname, inspect, xray = (
            min(*pair) for pair in zip(state.low, rates_of(data), strict=True)
        )
        new = Rates(
            fact.source,
            data["outlet"],
            data["period_from"],
            data["period_to"],
            max(state.region, fact.region or ""),
            (realname, inspect, xray),
            state.wrong or belied(data),
            min(state.reported or today, today),
        )
        if new == state:
            return state, ()
        return new, changes(self.standing(state), self.standing(new))

    def due(self, state: Rates, name: str, now: datetime) -> tuple[Rates, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()

    def tally(self, state: Rates, period: Period) -> list[Tally]:
        """Of the outlet's periods that ended in this one, those at 100%, by kind."""
        if not period.first <= state.last <= period.last:
            return []
        return [
            Tally(state.company, kind, int(low == FULL), 1)
            for kind, low in zip(KINDS, state.low, strict=True)
        ]

    def points(self, state: Rates) -> list[Point]:
        """The three rates of the outlet in this period, in hundredths of a percent."""
        if not state.outlet:
            return []
        return [
            Point(
                f"courier.{kind}", state.company, state.outlet, state.first, state.last, low, FULL
            )
            for kind, low in zip(KINDS, state.low, strict=True)
        ]

    def standing(self, state: Rates) -> list[Alert]:
        """The fix notice that the figures call for, and the question about a wrong rate."""
        if not state.outlet:
            return []
        found = []
        if min(state.low) < self._settings.least_rate * 100:
            found.append(self._alert(state, "low", "courier.rate_low"))
        if state.wrong:
            found.append(self._alert(state, "declared", "courier.rate_wrong"))
        return found

    def _alert(self, state: Rates, what: str, code: str) -> Alert:
        due_on = add_days(state.reported, self._settings.fix_days)
        rates = {kind: low / 100 for kind, low in zip(KINDS, state.low, strict=True)}
        return Alert(
            cause=f"{what}:{state.company}:{state.outlet}:{state.first}:{state.last}",
            rule_id="K1",
            type=ALERT,
            to=Role(POST, state.region or None),
            data={
                "outlet": state.outlet,
                "period_to": state.last,
                "rate": min(state.low) / 100,
                "due_on": due_on,
            },
            title_code=code,
            params={
                "outlet": state.outlet,
                "company": state.company,
                "first": state.first,
                "last": state.last,
                "due_on": due_on,
                **rates,
            },
        )


def rates_of(data: Mapping[str, Any]) -> tuple[int, int, int]:
    """Real-name, inspection and X-ray rate in hundredths of a percent, rounded down."""
    n = data["n"]
    realname, inspect, xray = (
        min(data[f"{kind}_n"] * FULL // n, FULL) if n else FULL for kind in KINDS
    )
    return realname, inspect, xray


def belied(data: Mapping[str, Any]) -> bool:
    """Whether a rate says more than its counts do, or a whole point less."""
    n = data["n"]
    for kind in KINDS:
        told = Fraction(Decimal(str(data[f"{kind}_rate"])))
        true = Fraction(100 * data[f"{kind}_n"], n) if n else Fraction(100)
        if told > true or (n and told <= true - 1):
            return True
    return False
