"""Reads CSV as a stream: UTF-8 with or without BOM, UTF-16 with BOM, GB18030.

Rules
- The encoding is the first that decodes the whole file strictly; nothing is replaced by “?”.
- Comma, semicolon and tab are each offered as a table; the one whose header matches wins.
- Row numbers are what a spreadsheet program shows: a quoted cell with a line break is one row.
- A stray or unclosed quote spoils its own row, never the rest of the file: that row comes as a
  `BadQuote`.

    source = Delimited(path, limits)
    source.encoding                       # "gb18030"
    for table in source.tables(): ...
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO

from jdgate.errors import Refused
from jdgate.files.cells import Cell
from jdgate.files.importer import Limits

_CHUNK = 256 * 1024
_ROW_LINES = 50  # a quoted cell may hold this many line breaks
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class BadQuote(list[Cell]):
    """The cells of a row whose quotes don't pair up; their borders can't be trusted."""


def detect_encoding(path: Path) -> str:
    """The encoding of a text file. Raises: Refused `files.encoding`, `files.not_spreadsheet`."""
    with path.open("rb") as file:
        head = file.read(4096)
    named = next((name for bom, name in _BOMS if head.startswith(bom)), None)
    if named is None and b"\x00" in head:
        raise Refused("files.not_spreadsheet")
    for name in [named] if named else ["utf-8", "gb18030"]:
        if _decodes(path, name):
            return name
    raise Refused("files.encoding")


def _decodes(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


class Delimited:
    """A CSV file."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Raises: Refused `files.encoding`, `files.not_spreadsheet`."""
        self._path = path
        self._limits = limits
        self.encoding: str | None = detect_encoding(path)

    def tables(self) -> Iterator[DelimitedTable]:
        """The file read with each of the separators."""
        assert self.encoding is not None
        for separator in (",", ";", "\t"):
            yield DelimitedTable(self._path, self.encoding, separator, self._limits)

    def close(self) -> None:
        """Nothing stays open between reads."""


class DelimitedTable:
    """A CSV file read with one separator. `total` and `position` are bytes."""

    name: str | None = None

    def __init__(self, path: Path, encoding: str, separator: str, limits: Limits) -> None:
        self._path = path
        self._encoding = encoding
        self._separator = separator
        self._limits = limits
        self.position = 0
        self.total = path.stat().st_size

    def rows(self) -> Generator[tuple[int, list[Cell]]]:
        """(row number, cells), in order. Raises: Refused."""
        # newline=None: \n, \r\n and the old Mac's \r all end a line.
        with (
            self._path.open("rb") as raw,
            io.TextIOWrapper(raw, encoding=self._encoding, newline=None) as file,
        ):
            lines = _Lines(file, self._limits.line_chars)
            number = 0
            while (line := lines.next()) is not None:
                number += 1
                if number % 256 == 0:
                    self.position = raw.tell()
                if '"' not in line:
                    cells: list[Cell] = [*line.split(self._separator)]
                else:
                    cells = self._quoted(line, lines)
                yield number, cells
            self.position = self.total

    def _quoted(self, line: str, lines: _Lines) -> list[Cell]:
        ahead: list[str] = []
        quotes = line.count('"')
        while quotes % 2 and len(ahead) < _ROW_LINES:
            more = lines.next()
            if more is None:
                break
            ahead.append(more)
            quotes += more.count('"')
        if quotes % 2 == 0:
            cells = self._parse([line, *ahead])
            if cells is not None:
                return cells
        lines.back(ahead)
        alone = self._parse([line])  # a quote amid a bare cell is just a character
        return alone if alone is not None else BadQuote(line.split(self._separator))

    def _parse(self, lines: list[str]) -> list[Cell] | None:
        """The one row that `lines` are; None if the quotes make them none or several."""
        text = [f"{line}\n" for line in lines]
        try:
            rows = list(csv.reader(text, delimiter=self._separator, strict=True))
        except csv.Error:
            return None
        return [*rows[0]] if len(rows) == 1 else None


class _Lines:
    """The file's lines without their ends; lines read too far can be put back."""

    def __init__(self, file: IO[str], limit: int) -> None:
        self._file = file
        self._limit = limit
        self._ahead: deque[str] = deque()

    def next(self) -> str | None:
        """The next line, None at the end. Raises: Refused `files.line_long`."""
        if self._ahead:
            return self._ahead.popleft()
        try:
            line = self._file.readline(self._limit + 1)
        except UnicodeError:  # the file changed since its encoding was found
            raise Refused("files.encoding") from None
        if not line:
            return None
        if len(line) > self._limit:
            raise Refused("files.line_long", limit=self._limit)
        return line.removesuffix("\n")

    def back(self, lines: list[str]) -> None:
        """Puts lines back in front."""
        self._ahead.extendleft(reversed(lines))
