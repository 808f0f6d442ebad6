"""How things look on a terminal: aligned tables, local times, wrapped sentences. Pure.

Rules:
- a Chinese character takes two columns; every width here is counted in columns;
- what came from outside is cleaned first: no control character and no mark that turns the
  direction of writing reaches a terminal;
- times are shown as the county's offices read them (China Standard Time), to the second.

    table(["row", "reason"], [["5", "…"]], width=80)     # list of lines
    pairs([("county", "邻水县")])
    local("2026-11-21T08:00:00.000Z")                    # 2026-11-21 16:00:00
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from jdgate.wording import clean as clean
from jdgate.wording import listed as listed
from jdgate.wording import local as local

GAP = 2
NARROWEST = 24
"""Columns that the last column of a table is given at least."""
LONGEST_RULE = 60

_NO_LINE_START = frozenset("，。、；：？！）》」』】”’…,.;:?!)]}%")


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    return sum(map(_char_columns, text))


def _char_columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def pad(text: str, width: int) -> str:
    """`text` with spaces after it up to `width` columns."""
    return text + " " * max(0, width - columns(text))


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, where a line may break.

    It may break at a space and beside a wide character, but not before closing punctuation.
    A word longer than a line is cut.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if columns(line) + columns(piece.rstrip()) <= width:
            line += piece
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = piece.lstrip()
        while columns(line.rstrip()) > width:
            cut = _fitting(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    if line.strip() or not lines:
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """The parts of a text that must not be split: words with the space after them, wide
    characters with the punctuation that follows."""
    pieces: list[str] = []
    for char in text:
        last = pieces[-1][-1] if pieces else ""
        joins = char == " " or char in _NO_LINE_START
        word = last not in ("", " ") and _char_columns(char) < 2 and _char_columns(last) < 2
        if pieces and (joins or word):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _fitting(text: str, width: int) -> int:
    used = 0
    for index, char in enumerate(text):
        used += _char_columns(char)
        if used > width:
            return max(1, index)
    return len(text)


def table(
    titles: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None
) -> list[str]:
    """Aligned lines, titles first. With a `width` the last column is wrapped to fit it."""
    cells = [[clean(cell) for cell in row] for row in rows]
    head = [clean(title) for title in titles]
    widths = [max(columns(row[i]) for row in [head, *cells]) for i in range(len(head))]
    rule = ["─" * min(w, LONGEST_RULE) for w in widths]
    before = sum(widths[:-1]) + GAP * (len(widths) - 1)
    room = max(NARROWEST, width - before) if width else None
    if room is not None and widths[-1] > room:
        rule[-1] = "─" * min(room, LONGEST_RULE)
    lines: list[str] = []
    for row in [head, rule, *cells]:
        last = wrap(row[-1], room) if room is not None else [row[-1]]
        first = "".join(pad(cell, w + GAP) for cell, w in zip(row[:-1], widths, strict=False))
        lines.append((first + last[0]).rstrip())
        lines += [" " * before + more for more in last[1:]]
    return lines


def pairs(rows: Iterable[tuple[str, object]], width: int | None = None) -> list[str]:
    """Labels and values, the values aligned. An empty value leaves the line out."""
    kept = [(label, clean(value)) for label, value in rows if value not in (None, "", [], ())]
    indent = max((columns(label) for label, _ in kept), default=0) + GAP
    lines: list[str] = []
    for label, value in kept:
        parts = wrap(value, max(NARROWEST, width - indent)) if width else [value]
        lines.append((pad(label, indent) + parts[0]).rstrip())
        lines += [" " * indent + part for part in parts[1:]]
    return lines
