"""What the flow picture shows of what went from whom to whom: who is one box, and who has their
own. Pure.

Rules:
- members are drawn together by their first role, so that a county of seventy has twenty boxes;
- `of` is a role whose members are drawn one by one, or one member; for who oversees the county
  only what they sent and got is left then;
- who sees one member's part alone sees all of it whatever `of` says;
- beyond `MOST_TYPES` kinds of messages the rarest are drawn together.

    shown = view(data, naming, of="PS", member=None)
    shown.drawing, shown.came, shown.went
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from jdgate.core.calendar import LOCAL
from jdgate.web.shaping.bands import Box, Drawing, Link, draw

MOST_TYPES = 16
OTHERS = "*"
UNREAD = ""
"""The type of what could not be read."""
_STEPS = {"hour": timedelta(minutes=10), "day": timedelta(hours=1), "week": timedelta(days=1)}


class Naming(NamedTuple):
    """How things are called, and who is what. `roles`: member → its first role; `order`: roles as
    they are to stand; `others`: the name of so many types drawn together; `at`: the address of the
    picture of a role or member."""

    roles: Mapping[str, str]
    order: Mapping[str, int]
    member: Callable[[str], str]
    role: Callable[[str], str]
    type: Callable[[str], str]
    others: Callable[[int], str]
    at: Callable[[str], str]


class Row(NamedTuple):
    """One band in words: from a box to a box, with the counts of its parts."""

    source: str
    target: str
    number: int
    parts: Mapping[str, int]


class Bar(NamedTuple):
    """What came in a piece of the time; `share` of the highest, 0–100."""

    label: str
    messages: int
    refused: int
    share: int


class Sums(NamedTuple):
    """The picture in five numbers. For one member, what came from it and what went to it."""

    came: int
    refused: int
    went: int
    waiting: int
    dead: int


class View(NamedTuple):
    """All that the page shows."""

    drawing: Drawing
    came: list[Row]
    went: list[Row]
    sums: Sums
    bars: list[Bar]


def view(data: Mapping[str, Any], naming: Naming, of: str, member: str | None) -> View:
    """The picture of an answer of `flows.show`, which was asked for `member` or for all."""
    gateway = data["gateway"]
    focus = {member} if member is not None else _focus(naming, of)
    grouped = _grouping(naming, of, member, gateway)
    came = [one for one in data["came"] if focus is None or one["source"] in focus]
    legs = [
        one
        for one in data["legs"]
        if focus is None or one["source"] in focus or one["recipient"] in focus
    ]
    ins, outs = _sides(came, legs, focus, gateway, grouped)
    kinds = _kinds(ins, outs)
    boxes = _boxes({key for key, _ in ins} | {key for _, key in outs}, naming, grouped)
    links = _links(ins, outs, kinds)
    rare = {type for type, kind in kinds.items() if kind == OTHERS}
    middle = [
        Box(kind, naming.others(len(rare)) if kind == OTHERS else naming.type(kind))
        for kind in dict.fromkeys(kinds.values())
    ]
    drawing = draw(boxes, middle, boxes, links)
    names = {box.key: box.label for box in boxes} | {box.key: box.label for box in middle}
    rows = [
        (Row(names[one.source], names[one.target], one.number, one.parts), one.into_middle)
        for one in links
        if one.number
    ]
    return View(
        drawing,
        _largest(row for row, inward in rows if inward),
        _largest(row for row, inward in rows if not inward),
        Sums(
            sum(one["messages"] for one in came),
            sum(one["refused"] for one in came),
            sum(one["messages"] for one in legs if member in (None, one["recipient"])),
            sum(one["waiting"] for one in legs),
            sum(one["dead"] for one in legs),
        ),
        bars(data) if member is not None or not of else [],
    )


def _largest(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.number, row.source, row.target))


def _focus(naming: Naming, of: str) -> set[str] | None:
    if not of:
        return None
    return {of} if of in naming.roles else {id for id, role in naming.roles.items() if role == of}


def _grouping(naming: Naming, of: str, member: str | None, gateway: str) -> Callable[[str], str]:
    def grouped(id: str) -> str:
        alone = id in (of, member, gateway) or id not in naming.roles or naming.roles[id] == of
        return id if alone else naming.roles[id]

    return grouped


_Sums = dict[tuple[str, str], dict[str, int]]


def _sides(
    came: Iterable[Mapping[str, Any]],
    legs: Iterable[Mapping[str, Any]],
    focus: set[str] | None,
    gateway: str,
    grouped: Callable[[str], str],
) -> tuple[_Sums, _Sums]:
    """(sender, type) → parts, and (type, recipient) → parts."""
    ins: _Sums = defaultdict(lambda: defaultdict(int))
    outs: _Sums = defaultdict(lambda: defaultdict(int))
    for one in came:
        parts = ins[grouped(one["source"]), one["type"]]
        parts["ok"] += one["messages"] - one["refused"] - one["part"]
        parts["part"] += one["part"]
        parts["bad"] += one["refused"]
    for one in legs:
        # what others sent did not come in from here: it shows as what went out to here
        own = one["source"] == gateway if focus is None else one["source"] not in focus
        if own:
            ins[grouped(one["source"]), one["type"]]["ok"] += one["messages"]
        parts = outs[one["type"], grouped(one["recipient"])]
        parts["ok"] += one["messages"] - one["waiting"] - one["dead"]
        parts["waiting"] += one["waiting"]
        parts["bad"] += one["dead"]
    return ins, outs


def _kinds(ins: _Sums, outs: _Sums) -> dict[str, str]:
    """Type → the box it is drawn in: its own, or that of the rare ones."""
    numbers: dict[str, int] = defaultdict(int)
    for (_, type), parts in ins.items():
        numbers[type] += sum(parts.values())
    for (type, _), parts in outs.items():
        numbers[type] += sum(parts.values())
    ordered = sorted(numbers, key=lambda type: (-numbers[type], type))
    kept = ordered if len(ordered) <= MOST_TYPES else ordered[: MOST_TYPES - 1]
    return {type: type if type in kept else OTHERS for type in sorted(numbers)}


def _links(ins: _Sums, outs: _Sums, kinds: Mapping[str, str]) -> list[Link]:
    merged: dict[tuple[str, str, bool], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (source, type), parts in ins.items():
        for style, number in parts.items():
            merged[source, kinds[type], True][style] += number
    for (type, recipient), parts in outs.items():
        for style, number in parts.items():
            merged[kinds[type], recipient, False][style] += number
    return [
        Link(source, target, parts, inward)
        for (source, target, inward), parts in sorted(merged.items(), key=lambda one: one[0])
    ]


def _boxes(keys: set[str], naming: Naming, grouped: Callable[[str], str]) -> list[Box]:
    """Senders and recipients, by role and then by name. A role with one member has its name."""
    members: dict[str, list[str]] = defaultdict(list)
    for id in naming.roles:
        members[grouped(id)].append(id)

    def place(key: str) -> tuple[int, str]:
        return (naming.order.get(naming.roles.get(key, key), len(naming.order)), key)

    found = []
    for key in sorted(keys, key=place):
        own = members.get(key, [])
        if key in naming.roles:
            found.append(Box(key, naming.member(key), naming.at(key)))
        elif len(own) == 1:
            found.append(Box(key, naming.member(own[0]), naming.at(own[0])))
        elif own:
            found.append(Box(key, f"{naming.role(key)} ({len(own)})", naming.at(key)))
        else:
            found.append(Box(key, naming.member(key)))
    return found


def bars(data: Mapping[str, Any]) -> list[Bar]:
    """What came, by pieces of the time: every piece has a bar, also one in which nothing came."""
    step = _STEPS.get(str(data["span"]), _STEPS["day"])
    begin = _floor(datetime.fromisoformat(data["since"]), step)
    until = datetime.fromisoformat(data["until"])
    numbers: dict[datetime, list[int]] = {}
    while begin <= until:
        numbers[begin] = [0, 0]
        begin += step
    for one in data["course"]:
        piece = numbers.get(_floor(datetime.fromisoformat(one["at"]), step))
        if piece is not None:
            piece[0] += one["messages"]
            piece[1] += one["refused"]
    highest = max((piece[0] for piece in numbers.values()), default=0) or 1
    form = "%m-%d" if step >= timedelta(days=1) else "%H:%M"
    return [
        Bar(at.astimezone(LOCAL).strftime(form), came, refused, round(100 * came / highest))
        for at, (came, refused) in numbers.items()
    ]


def _floor(at: datetime, step: timedelta) -> datetime:
    """The beginning of a local piece of time."""
    here = at.astimezone(LOCAL)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (here - midnight) // step * step


def clip(text: str, most: float) -> str:
    """`text` as far as it fits: a wide character counts 1, any other a little over a half."""
    width = 0.0
    for place, char in enumerate(text):
        width += 1.0 if unicodedata.east_asian_width(char) in "WFA" else 0.55
        if width > most:
            return text[: max(place - 1, 1)] + "…"
    return text
