"""What a substance was on a day: its category, and whether it had only just been listed.

A CAS number that no table has may be that of a salt, which is listed with its substance (类1、2
的盐): it is `unknown`, and rules hold it to the wider limits rather than to none. A substance
that was listed only later was free on that day.

    Listings(References().precursors).of("41661-47-6", "2025-08-01")
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from jdgate.core.refdata import Category, Precursors


class Listing(NamedTuple):
    """`since` is the day from which it is surely listed; only `regulated` ones matter."""

    regulated: bool
    category: Category | None = None
    since: str | None = None

    @property
    def unknown(self) -> bool:
        """Held to be listed, though no table has it."""
        return self.regulated and self.category is None


class Listings:
    """The precursor catalogue as the rules ask it."""

    def __init__(self, precursors: Precursors) -> None:
        self._precursors = precursors
        self._of = lru_cache(maxsize=8192)(self._look_up)

    def of(self, cas: str, day: str) -> Listing:
        """What `cas` was on `day` (a day of the calendar)."""
        return self._of(cas, day)

    def _look_up(self, cas: str, day: str) -> Listing:
        item = self._precursors.on(cas, date.fromisoformat(day))
        if item is not None:
            return Listing(True, item.category, item.since.latest.isoformat())
        return Listing(not self._precursors.find(cas))
