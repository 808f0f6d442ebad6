"""Finds the row of titles in a table and says which column is what.

Pure. Titles match in any order, in Chinese or English, whatever their width, case, spaces, line
breaks, marks (* ：) and notes in brackets: “日期（必填）” is 日期.

Rules
- A row is the header if it has every required column and one of each `either` group.
- A title met twice is refused: which of the two is meant can't be known.
- What was found is shown to the person only if it looks like titles. A file without a header
  starts with data, and data has no place in an error.

    layout = match(importer, cells)        # Layout, or Missing with what lacks
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct

from jdgate.files.cells import FALSE_WORDS, TRUE_WORDS, Cell, as_text, fold
from jdgate.files.importer import Column, Importer

_NOTE = re.compile(r"[(\[{<【〔《「].*?[)\]}>】〕》」]")
_MARKS = re.compile(r"[\s*:_\-./\\、,;'\"#]+")
# Columns that number the rows of the sheet, and the two that a list of refused rows adds.
_SERIALS = frozenset({"序号", "行号", "序", "serial", "rowno", "原行号", "row"})
_GRID_DAY = re.compile(r"(?:\d{4}[-/.年])?(?:\d{1,2}[-/.月])?(\d{1,2})[日号]?", re.ASCII)
_GRID_DAYS = 7
_REPORT = frozenset({"原因", "不通过原因", "reason", "reasons"})


class Layout(Struct, frozen=True):
    """Where the columns are: positions are 0-based within a row."""

    at: dict[str, int]  # field → position
    titles: dict[str, str]  # field → title as the file has it
    dropped: tuple[str, ...]
    unknown: tuple[str, ...]
    serials: frozenset[int]  # positions that only number the rows
    keys: tuple[str, ...]  # the whole row, to recognise it when it is printed again
    rivals: tuple[tuple[str, ...], ...] = ()  # fields of which each row gives one


class Missing(Struct, frozen=True):
    """A row that is not the header: how many titles matched, and what lacks."""

    matched: int
    lacking: tuple[tuple[Column, ...], ...]  # one of each tuple would do
    twice: tuple[str, ...] = ()


@lru_cache(maxsize=4096, typed=True)
def title_key(cell: Cell) -> str:
    """What a title is compared by; "" for a cell that is not text."""
    if not isinstance(cell, str):
        return ""
    text = fold(cell)
    plain = _MARKS.sub("", _NOTE.sub("", text))
    return (plain or _MARKS.sub("", text)).casefold()


def match(
    importer: Importer, cells: Sequence[Cell], given: frozenset[str] = frozenset()
) -> Layout | Missing:
    """Whether `cells` is the header for `importer`. Fields in `given` have a value already."""
    names: dict[str, Column] = {}
    for column in importer.columns:
        for title in (*column.titles, column.en, column.field):
            names[title_key(title)] = column
    keys = [title_key(cell) for cell in cells]
    at: dict[str, int] = {}
    titles: dict[str, str] = {}
    twice: list[str] = []
    for position, key in enumerate(keys):
        found = names.get(key) if key else None
        if found is None:
            continue
        shown = fold(str(cells[position]))
        if found.field in at:
            twice += [titles[found.field], shown]
        else:
            at[found.field] = position
            titles[found.field] = shown
    lacking = _lacking(importer, at, given)
    if lacking or twice:
        return Missing(len(at), tuple(lacking), tuple(twice))
    known = {title_key(title) for title in importer.dropped}
    dropped: list[str] = []
    unknown: list[str] = []
    serials: set[int] = set()
    for position, key in enumerate(keys):
        if not key or key in names:
            continue
        if key in _SERIALS or key in _REPORT:
            serials.add(position)
        else:
            (dropped if key in known else unknown).append(fold(str(cells[position])))
    return Layout(
        at=at,
        titles=titles,
        dropped=tuple(dropped),
        unknown=tuple(unknown),
        serials=frozenset(serials),
        keys=tuple(keys),
        rivals=tuple(_present(group, at) for group in importer.either),
    )


def is_needed(column: Column, given: frozenset[str]) -> bool:
    """Whether a file must have this column, or one that it shares an `either` group with."""
    return column.required and column.default is None and column.field not in given


def is_grid(cells: Sequence[Cell]) -> bool:
    """Whether a row looks like the head of a monthly grid: one column for each day."""
    days = [match for match in map(_GRID_DAY.fullmatch, map(_plain, cells)) if match]
    numbers = [int(match[1]) for match in days]
    return len(numbers) >= _GRID_DAYS and numbers == sorted(set(numbers))


def _plain(cell: Cell) -> str:
    return fold(as_text(cell)).replace(" ", "")


def _lacking(
    importer: Importer, at: dict[str, int], given: frozenset[str]
) -> list[tuple[Column, ...]]:
    lacking: list[tuple[Column, ...]] = []
    for column in importer.columns:
        grouped = importer.group(column.field)
        if is_needed(column, given) and not grouped and column.field not in at:
            lacking.append((column,))
    for group in importer.either:
        if not any(field in at for field in group):
            lacking.append(tuple(importer.column(field) for field in group))
    return lacking


def _present(group: tuple[str, ...], at: dict[str, int]) -> tuple[str, ...]:
    return tuple(field for field in group if field in at)


def shown_titles(cells: Sequence[Cell], matched: int) -> tuple[str, ...]:
    """The titles of a row that is not the wanted header, as far as they may be shown.

    A row none of whose titles is known is shown only if nothing in it could be data: text
    alone, at least two different cells, no digit, no yes or no.
    """
    texts = [fold(cell) for cell in cells if isinstance(cell, str) and fold(cell)]
    if any(cell is not None and not isinstance(cell, str) for cell in cells):
        return ()
    if not matched:
        words = {text.casefold() for text in texts}
        if len(words) < 2 or len(words) != len(texts):
            return ()
        if any(char.isdigit() for text in texts for char in text):
            return ()
        if words & (TRUE_WORDS | FALSE_WORDS):
            return ()
    safe = [text for text in texts if matched or len(text) <= 20]
    return tuple(text[:30] for text in safe if not any(c.isdigit() for c in text))
