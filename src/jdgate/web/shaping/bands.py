"""Where the parts of the flow picture stand: three columns of boxes and the bands between. Pure.

Who sends is on the left, what is sent in the middle, who receives on the right. The height of a box
goes by its count, with a least height so that its name can be read; the width of a band goes by its
count. A band has a part for what went well and parts for what did not (`Link.parts`), each with
the name of a style.

Rules:
- the order of boxes does not depend on counts, so that a picture which is drawn again every few
  seconds does not jump: left and right stay as they are given, the middle goes by what it is
  connected with;
- a part that is not nothing can be seen, however small it is beside the others.

    drawing = draw(left=[Box("CLN", "门诊", …)], middle=[…], right=[…], links=[Link(…)])
    drawing.height, drawing.boxes, drawing.bands
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

Side = Literal["left", "middle", "right"]
WIDTH = 1000.0
LABEL, BAR, BOX = 230.0, 12.0, 210.0
LEAST, GAP, TOP = 26.0, 9.0, 6.0
TALL = 520.0
"""Height that counts are scaled to; least heights may make it more."""
THIN = 1.6
_LEFT_END = LABEL + BAR
_MIDDLE = (WIDTH - BOX) / 2
_RIGHT_AT = WIDTH - LABEL - BAR


class Box(NamedTuple):
    """A sender, a kind of message or a recipient. `key` is unique in its column."""

    key: str
    label: str
    href: str = ""
    note: str = ""


class Link(NamedTuple):
    """From a box on the left to one in the middle, or from there to one on the right. `parts`:
    style → count."""

    source: str
    target: str
    parts: Mapping[str, int]
    into_middle: bool

    @property
    def number(self) -> int:
        """All of it."""
        return sum(self.parts.values())


class Placed(NamedTuple):
    """A box with its place; `number` is what its larger side comes to."""

    box: Box
    side: Side
    x: float
    y: float
    width: float
    height: float
    number: int

    @property
    def middle(self) -> float:
        """Where its name stands."""
        return self.y + self.height / 2


class Band(NamedTuple):
    """One part of a link as an SVG path. `title` names its ends and count."""

    style: str
    path: str
    source: str
    target: str
    number: int


class Drawing(NamedTuple):
    """A whole picture, `WIDTH` by `height`."""

    height: float
    boxes: list[Placed]
    bands: list[Band]


def draw(
    left: Sequence[Box], middle: Sequence[Box], right: Sequence[Box], links: Sequence[Link]
) -> Drawing:
    """Boxes that no link touches are left out."""
    links = [one for one in links if one.number > 0]
    middle = _by_neighbours(left, middle, right, links)
    counts = _counts(links)
    columns: dict[Side, list[Box]] = {
        "left": [box for box in left if counts["left", box.key]],
        "middle": [box for box in middle if counts["middle", box.key]],
        "right": [box for box in right if counts["right", box.key]],
    }
    scale = _scale(columns, counts)
    heights = {
        side: [max(LEAST, counts[side, box.key] * scale) for box in boxes]
        for side, boxes in columns.items()
    }
    tallest = max((_total(column) for column in heights.values()), default=0.0)
    placed: dict[tuple[Side, str], Placed] = {}
    for side, boxes in columns.items():
        y = TOP + (tallest - _total(heights[side])) / 2
        x, width = _across(side)
        for box, height in zip(boxes, heights[side], strict=True):
            count = counts[side, box.key]
            placed[side, box.key] = Placed(box, side, x, _r(y), width, _r(height), count)
            y += height + GAP
    return Drawing(_r(tallest + 2 * TOP), list(placed.values()), _bands(placed, links, scale))


def _across(side: Side) -> tuple[float, float]:
    return {"left": (LABEL, BAR), "middle": (_MIDDLE, BOX), "right": (_RIGHT_AT, BAR)}[side]


def _counts(links: Sequence[Link]) -> dict[tuple[Side, str], int]:
    """What each box comes to; in the middle that of the side with more."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in links:
        first, second = ("left", "into") if one.into_middle else ("out", "right")
        sums[first, one.source] += one.number
        sums[second, one.target] += one.number
    found: dict[tuple[Side, str], int] = defaultdict(int)
    for (where, key), count in sums.items():
        side: Side = "left" if where == "left" else "right" if where == "right" else "middle"
        found[side, key] = max(found[side, key], count)
    return found


def _scale(columns: Mapping[Side, Sequence[Box]], counts: Mapping[tuple[Side, str], int]) -> float:
    """Units of height for one message: such that no column is much higher than `TALL`."""
    scales = []
    for side, boxes in columns.items():
        total = sum(counts[side, box.key] for box in boxes)
        room = TALL - GAP * len(boxes)
        if total and room > 0:
            scales.append(room / total)
    return min(scales, default=0.0)


def _total(heights: Sequence[float]) -> float:
    return sum(heights) + GAP * max(len(heights) - 1, 0)


def _by_neighbours(
    left: Sequence[Box], middle: Sequence[Box], right: Sequence[Box], links: Sequence[Link]
) -> list[Box]:
    """The middle in the order of what it is connected with, so that fewer bands cross."""
    at = {
        True: {box.key: index / max(len(left), 1) for index, box in enumerate(left)},
        False: {box.key: index / max(len(right), 1) for index, box in enumerate(right)},
    }
    near: dict[str, list[float]] = defaultdict(list)
    for one in links:
        own, other = (one.target, one.source) if one.into_middle else (one.source, one.target)
        near[own].append(at[one.into_middle].get(other, 0.5))

    def place(box: Box) -> tuple[float, str]:
        places = near[box.key]
        return (sum(places) / len(places) if places else 0.5, box.key)

    return sorted(middle, key=place)


def _bands(
    placed: Mapping[tuple[Side, str], Placed], links: Sequence[Link], scale: float
) -> list[Band]:
    """Every part of every link. On each side of a box they stand one below the other, in the order
    of what they lead to, and around its middle where they do not fill it."""
    order = {place: index for index, place in enumerate(placed)}
    ends: dict[int, tuple[Placed, Placed]] = {}
    for number, one in enumerate(links):
        sides: tuple[Side, Side] = ("left", "middle") if one.into_middle else ("middle", "right")
        ends[number] = (placed[sides[0], one.source], placed[sides[1], one.target])
    spans: dict[tuple[int, int], tuple[float, float]] = {}
    for end in (0, 1):
        groups: dict[tuple[Side, str, bool], list[int]] = defaultdict(list)
        for number, pair in ends.items():
            here = pair[end]
            groups[here.side, here.box.key, links[number].into_middle].append(number)
        for numbers in groups.values():
            others = {each: ends[each][1 - end] for each in numbers}
            numbers.sort(key=lambda each: order[others[each].side, others[each].box.key])
            here = ends[numbers[0]][end]
            counts = [links[each].number for each in numbers]
            used = min(here.height, max(sum(counts) * scale, THIN * len(counts)))
            shares = share(used, counts)
            y = here.y + (here.height - used) / 2
            for each, height in zip(numbers, shares, strict=True):
                spans[each, end] = (y, height)
                y += height
    bands: list[Band] = []
    for number, one in enumerate(links):
        start, stop = ends[number]
        bands += _parts(one, start.x + start.width, stop.x, spans[number, 0], spans[number, 1])
    return bands


def _parts(
    link: Link, x0: float, x1: float, begin: tuple[float, float], end: tuple[float, float]
) -> list[Band]:
    styles = [style for style, count in link.parts.items() if count > 0]
    counts = [link.parts[style] for style in styles]
    y0, y1 = begin[0], end[0]
    found = []
    for style, count, high0, high1 in zip(
        styles, counts, share(begin[1], counts), share(end[1], counts), strict=True
    ):
        path = _ribbon(x0, x1, y0, y1, high0, high1)
        found.append(Band(style, path, link.source, link.target, count))
        y0, y1 = y0 + high0, y1 + high1
    return found


def share(height: float, counts: Sequence[int]) -> list[float]:
    """`height` among counts, in proportion, but nothing thinner than can be seen (as far as
    that is possible at all)."""
    total = sum(counts)
    least = min(THIN, height / max(len(counts), 1))
    plain = [height * count / total for count in counts]
    lacking = sum(max(least - one, 0.0) for one in plain)
    spare = sum(max(one - least, 0.0) for one in plain)
    keep = 1 - lacking / spare if spare else 1.0
    return [least + (one - least) * keep if one > least else least for one in plain]


def _ribbon(x0: float, x1: float, y0: float, y1: float, high0: float, high1: float) -> str:
    """A band between two upright edges, bent so that it leaves and arrives level."""
    bend = (x0 + x1) / 2
    return (
        f"M{_r(x0)} {_r(y0)}C{_r(bend)} {_r(y0)} {_r(bend)} {_r(y1)} {_r(x1)} {_r(y1)}"
        f"V{_r(y1 + high1)}"
        f"C{_r(bend)} {_r(y1 + high1)} {_r(bend)} {_r(y0 + high0)} {_r(x0)} {_r(y0 + high0)}Z"
    )


def _r(value: float) -> float:
    return round(value, 1)
