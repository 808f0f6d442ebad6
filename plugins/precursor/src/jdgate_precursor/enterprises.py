"""The register of enterprises, made from what is told about them: inspections, filings, permits.

- An enterprise is known from the first day that anything about it was told.
- It lies where the newest message about it that has a region says.
- It is closed when all its permits that are known of have been revoked or cancelled.

    enterprise = noted(Enterprise(), fact, now)      # None: nothing about an enterprise
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from jdgate.plugins import Fact

from .days import day_in, plausible

INSPECTION = "precursor.inspect.result.v1"
SALE = "precursor.sale.filed.v1"
ANNUAL = "precursor.annual.report.v1"
LOSS = "precursor.loss.report.v1"
PERMIT = "precursor.permit.change.v1"
ALERT = "precursor.alert.v1"
OWN = frozenset({SALE, ANNUAL, LOSS})
"""Types that the enterprise itself sends."""
ALL = frozenset({INSPECTION, PERMIT, *OWN})
MOST_PERMITS = 40


class Enterprise(Struct, frozen=True, array_like=True, gc=False):
    """One enterprise. `since` the first day known of; `placed` and `owner`: the newest day with
    a region, and with a message of its own, each with what it said; `permits`: by number, the
    day of the newest change and whether that ended it."""

    uscc: str = ""
    since: str = ""
    placed: tuple[str, str] = ("", "")
    owner: tuple[str, str] = ("", "")
    permits: dict[str, tuple[str, bool]] = {}

    @property
    def region(self) -> str | None:
        """The division code it lies in."""
        return self.placed[1] or None

    @property
    def member(self) -> str:
        """Its own member id; "" while it has sent nothing."""
        return self.owner[1]

    @property
    def closed(self) -> str:
        """The day its last permit ended; "" while one runs or none is known."""
        if not self.permits or not all(ended for _, ended in self.permits.values()):
            return ""
        return max(day for day, _ in self.permits.values())


def uscc_of(fact: Fact) -> str:
    """The enterprise a fact is about: of a sale the seller."""
    return str(fact.data["seller" if fact.type == SALE else "uscc"])


def day_told(fact: Fact) -> str | None:
    """The day a fact is about."""
    if fact.type == ANNUAL:
        return f"{fact.data['year']}-12-31"
    return day_in(fact.data["found_at"]) if fact.type == LOSS else fact.data["date"]


def noted(old: Enterprise, fact: Fact, now: datetime) -> Enterprise:
    """The register's entry with a fact merged in."""
    day = day_told(fact)
    if day is None or not plausible(day, now):
        return old
    permits = old.permits
    if fact.type == PERMIT:
        number, ended = fact.data["permit_no"], fact.data["action"] in ("revoked", "cancelled")
        newest = max(permits.get(number, ("", False)), (day, ended))
        grown = {**permits, number: newest}
        kept = sorted(grown, key=lambda one: (grown[one][0], one))[-MOST_PERMITS:]
        permits = {one: grown[one] for one in sorted(kept)}
    return Enterprise(
        uscc_of(fact),
        min(old.since or day, day),
        max(old.placed, (day, fact.region)) if fact.region else old.placed,
        max(old.owner, (day, fact.source)) if fact.type in OWN else old.owner,
        permits,
    )
