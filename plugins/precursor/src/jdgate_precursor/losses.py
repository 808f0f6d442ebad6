"""P5: precursors lost, stolen or robbed, told to police and departments at once.

Each desk has an alert of its own: police, emergency management, medical products, commerce and
health (条例 34). All are urgent; the alert's own life counts the fifteen minutes.

    rule = LossRule()
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Fact, Role, changes

from .enterprises import ALERT, LOSS

DESKS = ("POL", "EMA", "MPA", "BIZ", "HLT")
KINDS = ("lost", "stolen", "robbed")


class Lost(Struct, frozen=True, array_like=True, gc=False):
    """One loss; `kind` is an index of `KINDS`, the gravest told; `qty` the largest."""

    uscc: str = ""
    cas: str = ""
    found_at: str = ""
    unit: str = ""
    qty: float = 0
    kind: int = 0
    region: str = ""


class LossRule:
    """An urgent alert per loss and desk."""

    name = "precursor.loss"
    version = 1
    types = frozenset({LOSS})
    state = Lost
    explains: ClassVar = {"P5": "precursor.rule_loss"}
    outcomes: ClassVar = {
        "P5": {
            "found": "precursor.outcome_found",
            "investigated": "precursor.outcome_investigated",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def key(self, fact: Fact) -> str | None:
        """Enterprise, substance, unit and moment."""
        return "/".join(str(fact.data[name]) for name in ("uscc", "cas", "unit", "found_at"))

    def step(self, state: Lost, fact: Fact, now: datetime) -> tuple[Lost, Sequence[Effect]]:
        """Raise it at all desks."""
        data = fact.data
        new = Lost(
            data["uscc"],
            data["cas"],
            data["found_at"],
            data["unit"],
            max(state.qty, data["qty"]),
            max(state.kind, KINDS.index(data["kind"])),
            max(state.region, fact.region or ""),
        )
        if new == state:
            return state, ()
        return new, changes(_standing(state), _standing(new))

    def due(self, state: Lost, name: str, now: datetime) -> tuple[Lost, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()


def _standing(state: Lost) -> list[Alert]:
    if not state.uscc:
        return []
    cause = f"loss:{state.uscc}:{state.cas}:{state.unit}:{state.found_at}"
    return [
        Alert(
            cause=f"{cause}:{desk}",
            rule_id="P5",
            type=ALERT,
            to=Role(desk, state.region or None),
            data={"uscc": state.uscc, "cas": state.cas},
            title_code=f"precursor.{KINDS[state.kind]}",
            params={
                "uscc": state.uscc,
                "cas": state.cas,
                "qty": state.qty,
                "unit": state.unit,
                "found_at": state.found_at,
            },
            urgent=True,
        )
        for desk in DESKS
    ]
