"""How far a section of the registry was read: exact, also when rows appear late.

A change marker alone does not tell what is new. Two rows may bear the same one, and a transaction
that took its marker first may commit last. So what is kept is

- a floor, the last row (marker and key) below which nothing is looked at any more, and
- the rows above it that were dealt with, as 64-bit digests.

Every round reads from the floor on and passes over what was dealt with: a row that commits late
is found as long as its marker is not further back than the section's `late`. The floor follows
the newest marker at that distance. It moves from row to row in the database's own order, so that
its collation and precision never matter. A marker that lies in the future moves nothing. After
`MOST` rows within the distance the floor follows the oldest of them, so that the state stays
small; beyond that point a late commit among that very bulk would be passed over.

The state is text without any personal value (the key must be a technical one), and the edge keeps
it in the transaction that keeps the records.

    progress = Progress.read(states.get("orders"), late=600)
    for marker, key in rows:                     # in the order of marker and key
        if progress.passes(marker, key, now): deal with the row
    progress.finish()                            # the round came to the end of the table
    states["orders"] = progress.state()
"""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from jdgate.core.calendar import LOCAL

MOST = 10_000
"""Rows above the floor whose digests are kept."""


class Progress:
    """One section's position. Markers and keys are values as the driver gives them."""

    def __init__(self, floor: tuple[Any, Any] | None, dealt: list[str], late: int) -> None:
        self.floor = floor
        self._dealt = dict.fromkeys(dealt)
        self._late = late
        self._top: float | None = None
        self._above: deque[tuple[float | None, Any, Any, str]] = deque()
        self._met: set[str] = set()

    @classmethod
    def read(cls, state: dict[str, Any] | None, late: int) -> Progress:
        """The position that `state` gave; the beginning for None."""
        if state is None:
            return cls(None, [], late)
        floor = state.get("floor")
        return cls(
            (_decoded(floor[0]), _decoded(floor[1])) if floor else None, state["dealt"], late
        )

    def state(self) -> dict[str, Any]:
        """What to keep, as JSON can hold it."""
        floor = [_encoded(one) for one in self.floor] if self.floor else None
        return {"floor": floor, "dealt": list(self._dealt)}

    def passes(self, marker: Any, key: Any, now: datetime) -> bool:
        """Note the next row of this round; whether it is a new one. `now` is UTC."""
        known = digest(marker, key)
        fresh = known not in self._dealt
        self._met.add(known)
        self._dealt[known] = None
        place = _place(marker)
        self._above.append((place, marker, key, known))
        if place is not None and not (_is_time(marker) and place > now.timestamp()):
            self._top = place if self._top is None else max(self._top, place)
        self._rise()
        return fresh

    def finish(self) -> None:
        """The round saw every row above its floor: what it did not meet is gone from there."""
        self._dealt = dict.fromkeys(one for one in self._dealt if one in self._met)

    def _rise(self) -> None:
        while self._above:
            place, marker, key, known = self._above[0]
            far = place is not None and self._top is not None and place < self._top - self._late
            if not far and len(self._above) <= MOST:
                return
            self._above.popleft()
            self._dealt.pop(known, None)
            self.floor = (marker, key)


def digest(marker: Any, key: Any) -> str:
    """A row at a marker, as 11 characters; two rows share one once in 10¹⁹."""
    whole = hashlib.sha256(repr((_encoded(marker), _encoded(key))).encode()).digest()
    return base64.urlsafe_b64encode(whole[:8]).decode().rstrip("=")


def _is_time(marker: Any) -> bool:
    return isinstance(marker, date | str)


def _place(marker: Any) -> float | None:
    """Where a marker lies, in seconds or as a number; None when it can't be told."""
    if isinstance(marker, str):
        try:
            marker = datetime.fromisoformat(marker.strip())
        except ValueError:
            return None
    if isinstance(marker, datetime):
        aware = marker if marker.tzinfo else marker.replace(tzinfo=LOCAL)
        return aware.timestamp()
    if isinstance(marker, date):
        return datetime.combine(marker, time(), LOCAL).timestamp()
    return float(marker) if isinstance(marker, int | float | Decimal) else None


def _encoded(value: Any) -> list[str | int | float]:
    match value:
        case bool():
            return ["i", int(value)]
        case int():
            return ["i", value]
        case float():
            return ["f", value]
        case Decimal():
            return ["d", str(value)]
        case datetime():
            return ["t", value.isoformat()]
        case date():
            return ["y", value.isoformat()]
        case timedelta():
            return ["s", str(value)]
        case bytes() | memoryview():
            return ["b", bytes(value).hex()]
        case _:
            return ["s", str(value)]


def _decoded(pair: list[Any]) -> Any:
    kind, value = pair
    match kind:
        case "d":
            return Decimal(value)
        case "t":
            return datetime.fromisoformat(value)
        case "y":
            return date.fromisoformat(value)
        case "b":
            return bytes.fromhex(value)
        case _:
            return value
