"""P2: the books say one quantity, the store holds another.

- Compared per substance in the newest inspection: books less natural loss against stock. Of
  category 1 any difference counts, of 2 and 3 one of more than a share of the books' quantity.
- Too much counts as too little does.
- When one inspection states a substance twice, the larger difference counts.
- A newer inspection in which they agree settles it.

    rule = StockRule(Listings(References().precursors), Settings())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Fact, Role, changes

from .days import plausible
from .enterprises import ALERT, INSPECTION
from .listing import Listings
from .settings import Settings

MOST_LINES = 200
"""Substances kept per enterprise; the catalogue has 47."""


class Line(Struct, frozen=True, array_like=True, gc=False, order=True):
    """One substance in one inspection. Ordered by day, then by how far it is off."""

    day: str = ""
    off: float = 0
    book: float = 0
    stock: float = 0
    loss: float = 0


class Stocks(Struct, frozen=True, array_like=True, gc=False):
    """One enterprise; `lines` by "CAS unit", of the newest inspection each."""

    uscc: str = ""
    placed: tuple[str, str] = ("", "")
    lines: dict[str, Line] = {}


class StockRule:
    """Compares books with stock."""

    name = "precursor.stock"
    version = 1
    types = frozenset({INSPECTION})
    state = Stocks
    explains: ClassVar = {"P2": "precursor.rule_stock"}
    outcomes: ClassVar = {
        "P2": {
            "explained": "precursor.outcome_explained",
            "investigated": "precursor.outcome_investigated",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def __init__(self, listings: Listings, settings: Settings | None = None) -> None:
        self._listings = listings
        self._percent = Decimal(str((settings or Settings()).tolerance_percent))

    def key(self, fact: Fact) -> str | None:
        """The enterprise."""
        return str(fact.data["uscc"])

    def step(self, state: Stocks, fact: Fact, now: datetime) -> tuple[Stocks, Sequence[Effect]]:
        """Take over what a newer inspection found."""
        data, day = fact.data, fact.data["date"]
        if not plausible(day, now):
            return state, ()
        lines = dict(state.lines)
        for one in data["stocks"]:
            book, stock, loss = one["book_qty"], one["stock_qty"], one.get("loss_qty", 0)
            line = Line(day, float(_off(book, stock, loss)), book, stock, loss)
            name = f"{one['cas']} {one['unit']}"
            lines[name] = max(lines.get(name, Line()), line)
        placed = max(state.placed, (day, fact.region)) if fact.region else state.placed
        new = Stocks(data["uscc"], placed, {one: lines[one] for one in sorted(lines)[:MOST_LINES]})
        if new == state:
            return state, ()
        return new, changes(self.standing(state), self.standing(new))

    def due(self, state: Stocks, name: str, now: datetime) -> tuple[Stocks, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()

    def standing(self, state: Stocks) -> list[Alert]:
        """The differences beyond what is tolerated."""
        found = []
        for name, line in state.lines.items():
            if not line.off:
                continue
            cas, _, unit = name.partition(" ")
            listing = self._listings.of(cas, line.day)
            off = _off(line.book, line.stock, line.loss)
            first = listing.category == 1
            allowed = Decimal(0) if first else Decimal(str(line.book)) * self._percent / 100
            if listing.regulated and off > allowed:
                found.append(_alert(state, cas, unit, line))
        return found


def _off(book: float, stock: float, loss: float) -> Decimal:
    """How far apart, exactly as written: 0.3 less 0.1 less 0.2 is nothing."""
    return abs(Decimal(str(book)) - Decimal(str(loss)) - Decimal(str(stock)))


def _alert(state: Stocks, cas: str, unit: str, line: Line) -> Alert:
    return Alert(
        cause=f"stock:{state.uscc}:{cas}:{unit}:{line.day}",
        rule_id="P2",
        type=ALERT,
        to=Role("POL", state.placed[1] or None),
        data={"uscc": state.uscc, "cas": cas},
        title_code="precursor.stock_differs",
        params={
            "uscc": state.uscc,
            "cas": cas,
            "day": line.day,
            "unit": unit,
            "book": line.book,
            "stock": line.stock,
            "loss": line.loss,
            "off": line.off,
        },
    )
