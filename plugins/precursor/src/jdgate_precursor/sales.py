"""P3 and P6: a sale filed late, and a purchase that may not happen. Judged sale by sale.

P3. The day of filing is the day the sale first reached the exchange; the same sale sent again
with next month's file is not late. Late filings of one seller, substance and day are one alert.

P6. Told to the police, never refused: the sale has happened, and its filing is the evidence.
- a private person bought a substance of category 1 or 2;
- cash was paid, save by a private person for category 3;
- the buyer showed neither permit nor filing, save a person who bought potassium permanganate;
- the substance was listed only a short while before, and old habits may run on.

Emergency management is told, by substance, what was sold of it by the sales that were filed in a
month: each counts once, in the month in which it first came in, so nothing is added afterwards.

    rule = SaleRule(Listings(References().precursors), Settings())
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days, day_of, days_between
from jdgate.plugins import Alert, Effect, Fact, Period, Role, Total, changes

from .days import month_of, plausible
from .enterprises import ALERT, SALE
from .listing import Listing, Listings
from .settings import Settings

TOTAL = "precursor.sales.total.v1"
PERMANGANATE = "7722-64-7"
"""What a private person may buy in small quantity without a filing (条例 17)."""


class Sale(Struct, frozen=True, array_like=True, gc=False):
    """One sale. `filed`: the day it first came in; `cash` if any filing says so, `permit` too."""

    key: str = ""
    seller: str = ""
    cas: str = ""
    date: str = ""
    person: bool = False
    cash: bool = False
    permit: bool = False
    region: str = ""
    filed: str = ""
    qty: float = 0
    unit: str = ""


class SaleRule:
    """P3 and P6, per sale."""

    name = "precursor.sale"
    version = 1
    types = frozenset({SALE})
    state = Sale
    explains: ClassVar = {"P3": "precursor.rule_filing", "P6": "precursor.rule_purchase"}
    outcomes: ClassVar = {
        "P3": {
            "filed": "precursor.outcome_filed",
            "investigated": "precursor.outcome_investigated",
            "false_alarm": "alert.outcome_false_alarm",
        },
        "P6": {
            "lawful": "precursor.outcome_lawful",
            "investigated": "precursor.outcome_investigated",
            "false_alarm": "alert.outcome_false_alarm",
        },
    }

    def __init__(self, listings: Listings, settings: Settings | None = None) -> None:
        self._listings = listings
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The sale: seller, buyer, substance, quantity and day."""
        data = {**fact.data, "qty": float(fact.data["qty"])}
        names = ("buyer_kind", "buyer", "cas", "qty", "unit", "date")
        told = "|".join(str(data.get(name, "")) for name in names)
        return f"{data['seller']}/{hashlib.sha256(told.encode()).hexdigest()[:24]}"

    def step(self, state: Sale, fact: Fact, now: datetime) -> tuple[Sale, Sequence[Effect]]:
        """Merge filings of one sale."""
        data, today = fact.data, day_of(now)
        if not plausible(data["date"], now):
            return state, ()
        new = Sale(
            self.key(fact) or "",
            data["seller"],
            data["cas"],
            data["date"],
            data["buyer_kind"] == "person",
            state.cash or data["payment"] == "cash",
            state.permit or "permit_no" in data,
            max(state.region, fact.region or ""),
            min(state.filed or today, today),
            data["qty"],
            data["unit"],
        )
        if new == state:
            return state, ()
        return new, changes(self.standing(state), self.standing(new))

    def due(self, state: Sale, name: str, now: datetime) -> tuple[Sale, Sequence[Effect]]:
        """Nothing here waits for a time."""
        return state, ()

    def totals(self, state: Sale, period: Period) -> list[Total]:
        """What the sale adds to its substance in the month in which it was filed."""
        if month_of(state.filed) != month_of(period.first):
            return []
        if not self._listings.of(state.cas, state.date).regulated:
            return []
        about = {"month": month_of(period.first), "cas": state.cas, "unit": state.unit}
        to = Role("EMA", state.region or None)
        return [Total(TOTAL, to, about, {"qty": state.qty, "sales_n": 1})]

    def standing(self, state: Sale) -> list[Alert]:
        """What there is to say about a sale."""
        if not state.seller:
            return []
        listing = self._listings.of(state.cas, state.date)
        if not listing.regulated:
            return []
        return [*self._late(state, listing), *self._barred(state, listing)]

    def _late(self, state: Sale, listing: Listing) -> list[Alert]:
        settings = self._settings
        days = settings.file_days_first if listing.category == 1 else settings.file_days_other
        due_on = add_days(state.date, days)
        if state.filed <= due_on:
            return []
        params = {
            "seller": state.seller,
            "cas": state.cas,
            "date": state.date,
            "due_on": due_on,
            "days": days_between(due_on, state.filed),
        }
        cause = f"late:{state.seller}:{state.cas}:{state.filed}"
        return [_alert(state, "P3", cause, "precursor.sale_late", params, due_on=due_on)]

    def _barred(self, state: Sale, listing: Listing) -> list[Alert]:
        reasons = []
        high = listing.category in (1, 2)
        if state.person and high:
            reasons.append("person")
        if state.cash and not (state.person and not high):
            reasons.append("cash")
        if not state.permit and "person" not in reasons and not self._free(state):
            reasons.append("no_permit")
        since = listing.since
        if since and days_between(since, state.date) < self._settings.newly_listed_days:
            reasons.append("newly_listed")
        params = {"seller": state.seller, "cas": state.cas, "date": state.date}
        return [
            _alert(state, "P6", f"sale:{state.key}:{one}", f"precursor.sale_{one}", params)
            for one in reasons
        ]

    def _free(self, state: Sale) -> bool:
        return state.person and state.cas == PERMANGANATE


def _alert(
    state: Sale, rule_id: str, cause: str, code: str, params: dict[str, Any], **data: Any
) -> Alert:
    return Alert(
        cause=cause,
        rule_id=rule_id,
        type=ALERT,
        to=Role("POL", state.region or None),
        data={"uscc": state.seller, "cas": state.cas, **data},
        title_code=code,
        params=params,
    )
