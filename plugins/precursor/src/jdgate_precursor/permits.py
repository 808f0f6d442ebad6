"""P7: a revocation that reached market regulation later than it should have.

Telling the exchange is telling market regulation: the permit change goes to its desk. A change
that first came in more than five days after its date is told to whoever issued it.

    rule = RevocationRule(Settings())
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days, day_of, days_between
from jdgate.plugins import Alert, Effect, Fact, changes

from .days import plausible
from .enterprises import ALERT, PERMIT
from .settings import Settings


class Revoked(Struct, frozen=True, array_like=True, gc=False):
    """One revocation and the day it first came in."""

    issuer: str = ""
    uscc: str = ""
    permit_no: str = ""
    date: str = ""
    told: str = ""


class RevocationRule:
    """P7, per permit and day of revocation."""

    name = "precursor.revocation"
    version = 1
    types = frozenset({PERMIT})
    state = Revoked
    explains: ClassVar = {"P7": "precursor.rule_revocation"}
    outcomes: ClassVar = {
        "P7": {
            "notified": "precursor.outcome_notified",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._days = (settings or Settings()).revoked_days

    def key(self, fact: Fact) -> str | None:
        """Issuer, enterprise, permit and day; other changes are of no concern."""
        data = fact.data
        if data["action"] != "revoked":
            return None
        permit = hashlib.sha256(data["permit_no"].encode()).hexdigest()[:24]
        return f"{fact.source}/{data['uscc']}/{permit}/{data['date']}"

    def step(self, state: Revoked, fact: Fact, now: datetime) -> tuple[Revoked, Sequence[Effect]]:
        """Keep the day it first came in."""
        data, today = fact.data, day_of(now)
        if not plausible(data["date"], now):
            return state, ()
        told = min(state.told or today, today)
        new = Revoked(fact.source, data["uscc"], data["permit_no"], data["date"], told)
        if new == state:
            return state, ()
        return new, changes(self.standing(state), self.standing(new))

    def due(self, state: Revoked, name: str, now: datetime) -> tuple[Revoked, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()

    def standing(self, state: Revoked) -> list[Alert]:
        """The lateness, if it was late."""
        if not state.date:
            return []
        due_on = add_days(state.date, self._days)
        if state.told <= due_on:
            return []
        permit = hashlib.sha256(state.permit_no.encode()).hexdigest()[:24]
        return [
            Alert(
                cause=f"revoked:{state.issuer}:{state.uscc}:{permit}:{state.date}",
                rule_id="P7",
                type=ALERT,
                to=state.issuer,
                data={"uscc": state.uscc, "permit_no": state.permit_no, "due_on": due_on},
                title_code="precursor.revocation_late",
                params={
                    "uscc": state.uscc,
                    "permit_no": state.permit_no,
                    "date": state.date,
                    "due_on": due_on,
                    "days": days_between(due_on, state.told),
                },
            )
        ]
