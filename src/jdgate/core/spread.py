"""How figures are spread: quantiles of what took how long. Pure.

Of fewer than five nothing is told, as in digests: the median of two is one of them.

    told([3.0, 5.0, 8.0, 9.0, 40.0])        # Spread(count=5, median=8.0, p90=27.6)
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from jdgate.core.digests import LEAST


class Spread(Struct, frozen=True):
    """Neither number where there were too few; then `count` is not told either."""

    count: int | None = None
    median: float | None = None
    p90: float | None = None


def quantile(ordered: list[float], share: float) -> float:
    """The value below which `share` of them lie, between neighbours in proportion.

    Raises:
        ValueError: there are none.
    """
    if not ordered:
        raise ValueError("no values")
    place = (len(ordered) - 1) * share
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def told(values: Iterable[float]) -> Spread:
    """Median and 90th percentile, where there are enough."""
    ordered = sorted(values)
    if len(ordered) < LEAST:
        return Spread()
    return Spread(len(ordered), quantile(ordered, 0.5), quantile(ordered, 0.9))
