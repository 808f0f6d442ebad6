"""One sheet of an .xlsx as a stream of rows, and the strings that all sheets share.

sheet = SheetTable(archive, name, part, strings, shown, day_0, limits)
for number, cells in sheet.rows(): ...
"""

from __future__ import annotations

import datetime as dt
import re
from array import array
from collections.abc import Callable, Generator, Iterator
from typing import TypeVar

from jdgate.errors import Refused
from jdgate.files.archive import CHUNK, Archive
from jdgate.files.cells import Cell, from_serial
from jdgate.files.importer import Limits
from jdgate.files.merges import Merge, MergeFill
from jdgate.files.xml_parts import Attributes, feed, local, new_parser

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGE = re.compile(rb"""<[\w:]*mergeCell\b[^>]*?ref\s*=\s*["']([A-Z]+)(\d+):([A-Z]+)(\d+)["']""")
_MAX_MERGES = 200_000

V = TypeVar("V")
Shown = str | int | None
"""What a cell style shows: "date", the width of a format of zeros, or None (a plain number)."""


class Strings:
    """The workbook's shared strings, packed: their UTF-8 bytes and where each one starts."""

    def __init__(self, limit: int, cell_chars: int) -> None:
        self._bytes = bytearray()
        self._starts = array("Q", [0])
        self._limit = limit
        self._cell_chars = cell_chars
        self._text: list[str] = []
        self._size = 0
        self._open = False
        self._phonetic = False

    def start(self, tag: str, _: Attributes) -> None:
        """Expat: an element opens."""
        if tag == "si":
            self._text, self._size = [], 0
        elif tag == "rPh":  # how a name is pronounced; not part of it
            self._phonetic = True
        elif tag == "t":
            self._open = not self._phonetic

    def chars(self, text: str) -> None:
        """Expat: text."""
        if self._open:
            self._size += len(text)
            if self._size <= self._cell_chars:
                self._text.append(text)

    def end(self, tag: str) -> None:
        """Expat: an element closes."""
        if tag == "t":
            self._open = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            self._bytes += "".join(self._text).encode()
            self._starts.append(len(self._bytes))
            if len(self._bytes) + 8 * len(self._starts) > self._limit:
                raise Refused("files.zip_bomb", limit=self._limit // 2**20)

    def __getitem__(self, index: int) -> str:
        if index < 0:
            raise IndexError(index)
        return _unescape(self._bytes[self._starts[index] : self._starts[index + 1]].decode())


def _unescape(text: str) -> str:
    """Undoes `_x000D_`, Office's way to write what XML can't hold."""
    if "_x" not in text:
        return text

    def char(match: re.Match[str]) -> str:
        code = int(match[1], 16)
        return match[0] if 0xD800 <= code < 0xE000 else chr(code)

    return _ESCAPED.sub(char, text)


class SheetTable:
    """One sheet as rows of cells. `total` and `position` are bytes of its XML."""

    def __init__(
        self,
        archive: Archive,
        name: str,
        part: str,
        strings: Strings,
        shown: list[Shown],
        day_0: int,
        limits: Limits,
    ) -> None:
        self.name: str | None = name
        self.position = 0
        self._archive = archive
        self._part = part
        self._strings = strings
        self._shown = shown
        self._day_0 = day_0
        self._limits = limits
        self._merges: list[Merge] = []
        self.total = archive.check(self._part, self._look_for_merges())

    def _look_for_merges(self) -> Callable[[bytes], None]:
        """Merged ranges stand after the rows; they are collected on the first walk."""
        rest = b""

        def look(chunk: bytes) -> None:
            nonlocal rest
            seen = rest + chunk
            end = 0
            if b"mergeCell" in seen:
                for match in _MERGE.finditer(seen):
                    end = match.end()
                    first, last = int(match[2]), int(match[4])
                    if last > first and len(self._merges) < _MAX_MERGES:
                        self._merges.append((first, last, _column_index(match[1].decode())))
            rest = seen[max(end, len(seen) - 200) :]

        return look

    def rows(self) -> Generator[tuple[int, list[Cell]]]:
        """(row number, cells) of the rows present, in order. Raises: Refused."""
        fill = MergeFill(self._merges)
        reader = _RowReader(self._cell, self._limits)
        self.position = 0
        with self._archive.stream(self._part) as stream:
            while chunk := stream.read(CHUNK):
                feed(reader.parser, chunk)
                reader.check()
                self.position += len(chunk)
                for number, cells in reader.take():
                    yield number, fill.apply(number, cells)
        feed(reader.parser, b"", final=True)

    def _cell(self, kind: str, style: str, text: str) -> Cell:
        """The value of one cell, ECMA-376 part 1 §18.3.1.4 and §18.18.11 (cell types)."""
        if kind == "s":
            return self._strings[int(text)]
        if kind in ("inlineStr", "str"):
            return _unescape(text)
        if kind == "e":
            return text
        if kind == "b":
            return text.strip() in ("1", "true")
        if kind == "d":
            try:
                return dt.datetime.fromisoformat(text.strip())
            except ValueError:
                return text
        if not text.strip():
            return None
        number = float(text)
        shown = self._shown[int(style)] if style and int(style) < len(self._shown) else None
        if shown == "date":
            moment = from_serial(number + self._day_0)
            return number if moment is None else moment
        if isinstance(shown, int) and number.is_integer() and 0 <= number < 2**53:
            return str(int(number)).zfill(shown)
        return number


def _column_index(letters: str) -> int:
    index = 0
    for letter in letters[:4]:
        index = index * 26 + ord(letter.upper()) - 64
    return index - 1


def _remember(known: dict[str, V], key: str, value: V) -> V:
    """Keeps `value` unless a hostile file has filled the memory of names already."""
    if len(known) < 20_000 and len(key) < 100:
        known[key] = value
    return value


class _RowReader:
    """Expat handlers that gather the rows of one sheet."""

    def __init__(self, cell: Callable[[str, str, str], Cell], limits: Limits) -> None:
        self.parser = parser = new_parser()
        self._limits = limits
        self._done: list[tuple[int, list[Cell]]] = []
        self._text: list[str] = []
        columns: dict[str, int] = {}
        text = self._text
        number = 0
        column = -1
        cells: list[Cell] = []
        kind = style = ""
        phonetic = has_value = False
        # Tag names as this sheet writes them; a prefix is learnt from the root element.
        c, v, t, row, rph = "c", "v", "t", "row", "rPh"
        rooted = False

        def start(tag: str, attributes: Attributes) -> None:
            nonlocal number, column, cells, kind, style, phonetic, has_value
            nonlocal c, v, t, row, rph, rooted
            if tag == c:
                ref = attributes.get("r")
                if ref:
                    letters = ref.rstrip("0123456789")
                    known = columns.get(letters)
                    if known is None:
                        known = _remember(columns, letters, _column_index(letters))
                    column = known
                else:
                    column += 1
                kind = attributes.get("t", "n")
                style = attributes.get("s", "")
                has_value = False
                text.clear()
            elif tag == v or (tag == t and not phonetic):
                has_value = True
                parser.CharacterDataHandler = text.append
            elif tag == row:
                ref = attributes.get("r")
                number = int(ref) if ref else number + 1
                column = -1
                cells = []
            elif tag == rph:
                phonetic = True
            elif not rooted:
                rooted = True
                prefix = tag[: -len(local(tag))]
                c, v, t, row, rph = (f"{prefix}{name}" for name in (c, v, t, row, rph))

        def end(tag: str) -> None:
            nonlocal phonetic
            if tag in (v, t):
                parser.CharacterDataHandler = None
            elif tag == c:
                if has_value and 0 <= column < limits.columns:
                    if column >= len(cells):
                        cells.extend([None] * (column + 1 - len(cells)))
                    cells[column] = cell(kind, style, "".join(text))
            elif tag == row:
                self._done.append((number, cells))
            elif tag == rph:
                phonetic = False

        parser.StartElementHandler = start
        parser.EndElementHandler = end

    def check(self) -> None:
        """Raises: Refused when one cell grows beyond what a spreadsheet allows."""
        if len(self._text) > 1 and sum(map(len, self._text)) > 4 * self._limits.cell_chars:
            raise Refused("files.damaged")

    def take(self) -> Iterator[tuple[int, list[Cell]]]:
        """The rows finished since the last call."""
        done, self._done = self._done, []
        yield from done
