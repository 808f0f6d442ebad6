"""K2: a suspect item, told to the police at once.

The waybill number stays in the report, which the police get beside the alert: neither the state,
nor the alert, nor its cause holds it. Two items found at one outlet at one moment are one alert.

    rule = SuspectRule()
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Fact, Role, changes

from .rates import ALERT

REPORT = "courier.suspect.report.v1"


class Suspect(Struct, frozen=True, array_like=True, gc=False):
    """What was found where and when; `isolated` while nobody said that it isn't."""

    company: str = ""
    outlet: str = ""
    found_at: str = ""
    region: str = ""
    isolated: bool = True


class SuspectRule:
    """An urgent alert per outlet and moment."""

    name = "courier.suspect"
    version = 1
    types = frozenset({REPORT})
    state = Suspect
    explains: ClassVar = {"K2": "courier.rule_suspect"}
    outcomes: ClassVar = {
        "K2": {
            "drugs": "courier.outcome_drugs",
            "harmless": "courier.outcome_harmless",
            "transferred": "alert.outcome_transferred",
        },
    }

    def key(self, fact: Fact) -> str | None:
        """Outlet and moment; never the waybill number."""
        return f"{fact.source}/{fact.data['outlet']}/{fact.data['found_at']}"

    def step(self, state: Suspect, fact: Fact, now: datetime) -> tuple[Suspect, Sequence[Effect]]:
        """Raise it; say so when the item is not set aside."""
        data = fact.data
        new = Suspect(
            fact.source,
            data["outlet"],
            data["found_at"],
            max(state.region, fact.region or ""),
            state.isolated and data["isolated"],
        )
        if new == state:
            return state, ()
        return new, changes(_standing(state), _standing(new))

    def due(self, state: Suspect, name: str, now: datetime) -> tuple[Suspect, Sequence[Effect]]:
        """Nothing here waits for a time: the alert's own life counts the fifteen minutes."""
        return state, ()


def _standing(state: Suspect) -> list[Alert]:
    if not state.outlet:
        return []
    code = "courier.suspect_isolated" if state.isolated else "courier.suspect_at_large"
    return [
        Alert(
            cause=f"suspect:{state.company}:{state.outlet}:{state.found_at}",
            rule_id="K2",
            type=ALERT,
            to=Role("POL", state.region or None),
            data={"outlet": state.outlet},
            title_code=code,
            params={"outlet": state.outlet, "found_at": state.found_at},
            urgent=True,
        )
    ]
