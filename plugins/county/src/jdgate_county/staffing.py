"""W1: a township with fewer full-time workers than it needs.

- One for every 30 registered people, and one for every 20 in treatment, each rounded up: the
  larger number is needed. Both ratios are settings.
- The newest report counts; of two about one day the one that asks for more.
- The township is told how many it lacks. The anti-drug office is told that it lacks some, and
  not how many: from that it could work out the numbers that the sheet shows to nobody.

    rule = StaffingRule(Settings())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Fact, Role, changes

from .days import plausible
from .registers import ALERT
from .settings import Settings

REPORT = "staffing.report.v1"


class Staff(Struct, frozen=True, array_like=True, gc=False):
    """A town's newest report: how many workers it `lacks`, 0 or less when it has enough."""

    as_of: str = ""
    lacks: int = 0
    member: str = ""
    town: str = ""
    region: str = ""


class StaffingRule:
    """Holds the workers against the people they look after."""

    name = "county.staffing"
    version = 1
    types = frozenset({REPORT})
    state = Staff
    explains: ClassVar = {"W1": "county.rule_staffing"}
    outcomes: ClassVar = {
        "W1": {
            "hired": "county.outcome_hired",
            "applied": "county.outcome_applied",
            "corrected": "county.outcome_corrected",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self._registered, self._in_treatment = chosen.staff_registered, chosen.staff_in_treatment

    def key(self, fact: Fact) -> str | None:
        """The town."""
        return str(fact.data["town"])

    def step(self, state: Staff, fact: Fact, now: datetime) -> tuple[Staff, Sequence[Effect]]:
        """Keep the newest; say what stands now."""
        data = fact.data
        if not plausible(data["as_of"], now):
            return state, ()
        lacks = self._needed(data["registered_n"], data["in_treatment_n"]) - data["workers_n"]
        told = Staff(data["as_of"], lacks, fact.source, data["town"], fact.region or "")
        if _rank(told) <= _rank(state):
            return state, ()
        return told, changes(_standing(state), _standing(told))

    def due(self, state: Staff, name: str, now: datetime) -> tuple[Staff, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()

    def _needed(self, registered: int, in_treatment: int) -> int:
        return max(-(-registered // self._registered), -(-in_treatment // self._in_treatment))


def _rank(state: Staff) -> tuple[str, int, str, str]:
    return state.as_of, state.lacks, state.member, state.region


def _standing(state: Staff) -> list[Alert]:
    if state.lacks <= 0:
        return []
    cause, about = f"staff:{state.town}", {"unit": state.member}
    params = {"town": state.town, "as_of": state.as_of}
    office = Role("NCO", state.region or None)
    return [
        Alert(f"{cause}:unit", "W1", ALERT, state.member, {**about, "count": state.lacks},
              "county.staff_short", {**params, "count": state.lacks}),
        Alert(f"{cause}:office", "W1", ALERT, office, about, "county.staff_short_at", params),
    ]  # fmt: skip
