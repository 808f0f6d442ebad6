"""P6: a purchase with a permit or filing that had ended or run out on the day of the sale.

- What a permit was on a day is what the newest change before that day said; on the day itself
  nobody can tell which came first. A permit that no change was told of is not judged.
- A revocation that is told late still finds the sales made after its date.

    rule = PurchaseRule()
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Fact, Role, changes

from .days import plausible
from .enterprises import ALERT, PERMIT, SALE

MOST_SALES = 400
"""Purchases kept per buyer, the latest."""
MOST_PERMITS = 40
MOST_CHANGES = 10
"""Changes kept per permit, the latest."""
ENDED = ("revoked", "cancelled")


class Bought(Struct, frozen=True, array_like=True, gc=False, order=True):
    """One purchase. Ordered by day."""

    date: str = ""
    cas: str = ""
    seller: str = ""
    permit: str = ""
    region: str = ""


class Change(Struct, frozen=True, array_like=True, gc=False, order=True):
    """One change of a permit; of two on one day the one that ends it counts."""

    date: str = ""
    ended: bool = False
    valid_to: str = ""


class Buyer(Struct, frozen=True, array_like=True, gc=False):
    """One buyer: its purchases, and the changes of its permits by (shortened) number."""

    bought: tuple[Bought, ...] = ()
    permits: dict[str, tuple[Change, ...]] = {}


class PurchaseRule:
    """P6 per buyer: sales to it against its permits."""

    name = "precursor.purchase"
    version = 1
    types = frozenset({SALE, PERMIT})
    state = Buyer
    explains: ClassVar = {"P6": "precursor.rule_purchase"}
    outcomes: ClassVar = {
        "P6": {
            "lawful": "precursor.outcome_lawful",
            "investigated": "precursor.outcome_investigated",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def key(self, fact: Fact) -> str | None:
        """The buyer, or the holder of the permit; a sale without both is of no concern."""
        if fact.type == PERMIT:
            return str(fact.data["uscc"])
        return fact.data.get("buyer") if "permit_no" in fact.data else None

    def step(self, state: Buyer, fact: Fact, now: datetime) -> tuple[Buyer, Sequence[Effect]]:
        """Add a purchase or a change of a permit."""
        data, day = fact.data, fact.data["date"]
        if not plausible(day, now):
            return state, ()
        permit = _short(data["permit_no"])
        bought, permits = state.bought, state.permits
        if fact.type == SALE:
            one = Bought(day, data["cas"], data["seller"], permit, fact.region or "")
            bought = tuple(sorted({*bought, one})[-MOST_SALES:])
        else:
            change = Change(day, data["action"] in ENDED, data.get("valid_to", ""))
            told = sorted({*permits.get(permit, ()), change})[-MOST_CHANGES:]
            grown = {**permits, permit: tuple(told)}
            kept = sorted(grown, key=lambda one: (grown[one][-1], one))[-MOST_PERMITS:]
            permits = {one: grown[one] for one in sorted(kept)}
        new = Buyer(bought, permits)
        if new == state:
            return state, ()
        return new, changes(_standing(state), _standing(new))

    def due(self, state: Buyer, name: str, now: datetime) -> tuple[Buyer, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()


def _standing(state: Buyer) -> list[Alert]:
    if not state.permits:
        return []
    return [_alert(one) for one in state.bought if _ended(state.permits.get(one.permit, ()), one)]


def _ended(told: tuple[Change, ...], sale: Bought) -> bool:
    before = [one for one in told if one.date < sale.date]
    if not before:
        return False
    newest = before[-1]
    return newest.ended or bool(newest.valid_to and newest.valid_to < sale.date)


def _alert(sale: Bought) -> Alert:
    return Alert(
        cause=f"permit:{sale.seller}:{sale.permit}:{sale.cas}:{sale.date}",
        rule_id="P6",
        type=ALERT,
        to=Role("POL", sale.region or None),
        data={"uscc": sale.seller, "cas": sale.cas},
        title_code="precursor.sale_permit_ended",
        params={"seller": sale.seller, "cas": sale.cas, "date": sale.date},
    )


def _short(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:24]
