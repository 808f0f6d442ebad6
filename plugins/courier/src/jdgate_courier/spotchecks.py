"""K4: what a spot check found and nobody has put right by the day that was set.

- A failed check stands until the outlet passes one on a later day. A pass on the same day
  leaves it standing: the day does not tell which came first.
- When one check is told with two fix-by dates, the later counts: it was extended.

    rule = SpotCheckRule()
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .days import passed, plausible
from .rates import ALERT, POST

SPOTCHECK = "courier.spotcheck.result.v1"
MOST_FAILED = 20
"""Failed checks kept per outlet, the latest."""


class Checked(Struct, frozen=True, array_like=True, gc=False):
    """One outlet: the day it last passed, and the fix-by date of each check failed since."""

    outlet: str = ""
    region: str = ""
    passed: str = ""
    failed: dict[str, str] = {}


class SpotCheckRule:
    """Expects that what failed is put right in time."""

    name = "courier.spotcheck"
    version = 1
    types = frozenset({SPOTCHECK})
    state = Checked
    explains: ClassVar = {"K4": "courier.rule_spotcheck"}
    outcomes: ClassVar = {
        "K4": {
            "fixed": "courier.outcome_fixed",
            "extended": "courier.outcome_extended",
            "transferred": "alert.outcome_transferred",
        },
    }

    def key(self, fact: Fact) -> str | None:
        """The outlet."""
        return str(fact.data["outlet"])

    def step(self, state: Checked, fact: Fact, now: datetime) -> tuple[Checked, Sequence[Effect]]:
        """Note the result; a pass settles what failed before it, as does a later fix-by date."""
        data, day = fact.data, fact.data["date"]
        if not plausible(day, now):
            return state, ()
        last, failed = state.passed, state.failed
        if data["result"] == "passed":
            last = max(last, day)
        else:
            failed = {**failed, day: max(failed.get(day, ""), data["fix_by"])}
        kept = sorted(one for one in failed if one >= last)[-MOST_FAILED:]
        new = Checked(
            data["outlet"],
            max(state.region, fact.region or ""),
            last,
            {one: failed[one] for one in kept},
        )
        if new == state:
            return state, ()
        gone: list[Effect] = [
            Settle(_cause(state, one))
            for one, due_on in state.failed.items()
            if new.failed.get(one) != due_on
        ]
        return new, [*gone, *changes(_standing(state), _standing(new))]

    def due(self, state: Checked, name: str, now: datetime) -> tuple[Checked, Sequence[Effect]]:
        """The day has passed."""
        day = name.partition(":")[2]
        due_on = state.failed.get(day)
        if due_on is None:
            return state, ()
        return state, [
            Alert(
                cause=_cause(state, day),
                rule_id="K4",
                type=ALERT,
                to=Role(POST, state.region or None),
                data={"outlet": state.outlet, "due_on": due_on},
                title_code="courier.fix_overdue",
                params={"outlet": state.outlet, "checked_on": day, "due_on": due_on},
            )
        ]


def _standing(state: Checked) -> list[Expect]:
    return [Expect(f"fix:{day}", passed(due_on)) for day, due_on in state.failed.items()]


def _cause(state: Checked, day: str) -> str:
    return f"fix:{state.outlet}:{day}"
