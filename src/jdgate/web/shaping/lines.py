"""Where the lines, bars and whiskers of charts stand. Pure; numbers in the units of the picture.

chart = lines({"realname": [(…"2026-10", 99.2), …]}, low=90.0)
chart.drawn["realname"].path, chart.drawn["realname"].dots
whisker(median=12.0, p90=95.0)               # on a scale from a minute to a month
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

WIDTH, HEIGHT, EDGE = 240.0, 90.0, 6.0
SPAN = 600.0
_LEAST, _MOST = 1.0, 60.0 * 24 * 30
TICKS = (
    (1, "1m"),
    (10, "10m"),
    (60, "1h"),
    (360, "6h"),
    (1440, "1d"),
    (10080, "7d"),
    (43200, "30d"),
)
"""Minutes that a scale of times names."""


class Line(NamedTuple):
    """One line: its path, and its points as (x, y, label, value)."""

    path: str
    dots: list[tuple[float, float, str, float]]


class Chart(NamedTuple):
    """Lines by name, and where 100 and the lowest value stand."""

    drawn: dict[str, Line]
    top: float
    bottom: float
    low: float


class Whisker(NamedTuple):
    """From nothing to the median, and on to where nine in ten were done."""

    median: float
    p90: float


def floor_of(values: Sequence[float]) -> float:
    """A low end that all charts of a page share: five or ten steps below 100, so that a fall of
    one in a hundred is seen and one to nothing still fits."""
    lowest = min(values, default=100.0)
    for low in (95.0, 90.0, 80.0, 50.0):
        if lowest >= low:
            return low
    return 0.0


def lines(series: Mapping[str, Sequence[tuple[str, float]]], low: float) -> Chart:
    """Percentages over time, `low` to 100. Every series has a point at the same labels, or fewer;
    labels are put in order."""
    labels = sorted({label for points in series.values() for label, _ in points})
    step = (WIDTH - 2 * EDGE) / max(len(labels) - 1, 1)
    first = EDGE if len(labels) > 1 else WIDTH / 2
    at = {label: _r(first + place * step) for place, label in enumerate(labels)}
    top, bottom = EDGE, HEIGHT - EDGE

    def height(value: float) -> float:
        share = (min(max(value, low), 100.0) - low) / (100.0 - low)
        return _r(bottom - share * (bottom - top))

    drawn = {}
    for name, points in series.items():
        dots = [(at[label], height(value), label, value) for label, value in sorted(points)]
        path = "M" + "L".join(f"{x} {y}" for x, y, _, _ in dots) if dots else ""
        drawn[name] = Line(path, dots)
    return Chart(drawn, top, bottom, low)


def along(minutes: float) -> float:
    """How far from the left a time stands on a scale of times, 0 to `SPAN`: each tenfold is as
    wide as the next, since minutes and weeks stand on one."""
    inside = min(max(minutes, _LEAST), _MOST)
    return _r(SPAN * math.log(inside / _LEAST) / math.log(_MOST / _LEAST))


def whisker(median: float, p90: float) -> Whisker:
    """The bar of a median and its whisker."""
    return Whisker(max(along(median), 2.0), max(along(p90), 2.0))


def _r(value: float) -> float:
    return round(value, 1)
