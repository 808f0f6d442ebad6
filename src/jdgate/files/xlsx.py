"""Reads .xlsx and .xlsm as a stream: memory does not grow with the number of rows.

Why not a library: python-calamine builds each sheet as one dense table, 113 MB for 200,000 rows
of seven columns, and a 5 KB file with two cells far apart makes it ask for 64 GB and abort the
process; openpyxl takes over ten times as long. Expat over the sheet's XML needs about 1 MB.
The tests hold this reader to calamine's result.

Rules
- Each part is walked by `archive` before use; DTDs are refused, so no entity expands.
- A number in a date format is a date; one in a format of zeros (0000) is the text it shows.
- A formula counts as its last computed value. Hidden sheets are not read.

    book = Workbook(path, limits)
    for sheet in book.tables():
        for number, cells in sheet.rows(): ...
    book.close()
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from xml.parsers import expat

from msgspec import Struct

from jdgate.errors import Refused
from jdgate.files.archive import CHUNK, Archive
from jdgate.files.cells import Cell, from_serial
from jdgate.files.importer import Limits
from jdgate.files.merges import Merge, MergeFill

# ECMA-376 part 1 §18.8.30: built-in formats that show a date; those from 27 on are the East Asian
# ones.
_DATE_FORMATS = {*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58}
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!\$)[^\]]*\]|\[\$[^\]]*\]')
_SCIENTIFIC = re.compile("e[+-]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MERGE = re.compile(rb"""<[\w:]*mergeCell\b[^>]*?ref\s*=\s*["']([A-Z]+)(\d+):([A-Z]+)(\d+)["']""")
_MAX_MERGES = 200_000
_DAY_1904 = 1462

Attributes = dict[str, str]
V = TypeVar("V")


class _Sheet(Struct, frozen=True):
    name: str
    part: str


class _Styles(Struct):
    """What each cell style shows: "date", the width of a format of zeros, or None."""

    shown: list[str | int | None] = []


def _parse(
    archive: Archive,
    part: str,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], None] | None = None,
    chars: Callable[[str], None] | None = None,
) -> None:
    """Runs one small part through expat; tags arrive without their namespace prefix."""
    archive.check(part)
    parser = _parser()
    parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
    if end is not None:
        parser.EndElementHandler = lambda tag: end(_local(tag))
    if chars is not None:
        parser.CharacterDataHandler = chars
    with archive.stream(part) as stream:
        while chunk := stream.read(CHUNK):
            _feed(parser, chunk)
    _feed(parser, b"", final=True)


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise Refused("files.damaged")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def _feed(parser: expat.XMLParserType, chunk: bytes, final: bool = False) -> None:
    try:
        parser.Parse(chunk, final)
    except (expat.ExpatError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise Refused("files.damaged") from error


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]


def _attribute(attributes: Attributes, name: str) -> str:
    """The attribute `name` whatever its prefix."""
    for key, value in attributes.items():
        if _local(key) == name:
            return value
    return ""


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


def _shown_by(code: str) -> str | int | None:
    """What a number format shows: "date", the width of zeros, or None (a plain number)."""
    plain = _LITERALS.sub("", code.split(";", 1)[0]).strip().lower()
    if plain and not plain.strip("0"):
        return len(plain) if len(plain) > 1 else None
    if "general" in plain or _SCIENTIFIC.search(plain):
        return None
    return "date" if set(plain) & set("yde") else None


class Workbook:
    """An open workbook. Raises: Refused for anything that is not a readable .xlsx."""

    encoding = None

    def __init__(self, path: Path, limits: Limits) -> None:
        self._limits = limits
        self._archive = Archive(path, limits)
        try:
            self._read_frame()
        except BaseException:
            self._archive.close()
            raise

    def _read_frame(self) -> None:
        archive = self._archive
        book = "xl/workbook.xml"
        if archive.has("_rels/.rels"):
            for target, kind in _relations(archive, "_rels/.rels", "").values():
                if kind.endswith("/officeDocument"):
                    book = target
        if not book.casefold().endswith(".xml") or not archive.has(book):
            raise Refused("files.not_spreadsheet")
        folder, name = posixpath.split(book)
        rels = f"{folder}/_rels/{name}.rels".lstrip("/")
        relations = _relations(archive, rels, folder) if archive.has(rels) else {}
        self._day_0 = 0
        self._sheets: list[_Sheet] = []
        is_workbook = False

        def start(tag: str, attributes: Attributes) -> None:
            nonlocal is_workbook
            if tag == "workbook":
                is_workbook = True
            elif tag == "workbookPr":
                if _attribute(attributes, "date1904") in ("1", "true"):
                    self._day_0 = _DAY_1904
            elif tag == "sheet":
                target, kind = relations.get(_attribute(attributes, "id"), ("", ""))
                visible = attributes.get("state", "visible") == "visible"
                if visible and kind.endswith("/worksheet") and archive.has(target):
                    self._sheets.append(_Sheet(attributes.get("name", ""), target))

        _parse(archive, book, start)
        if not is_workbook:
            raise Refused("files.not_spreadsheet")
        if len(self._sheets) > self._limits.sheets:
            raise Refused("files.sheets_many", limit=self._limits.sheets)
        self._styles = _Styles()
        self._strings = Strings(self._limits.strings_bytes, self._limits.cell_chars)
        for target, kind in relations.values():
            if kind.endswith("/styles") and archive.has(target):
                self._styles = _read_styles(archive, target)
            elif kind.endswith("/sharedStrings") and archive.has(target):
                strings = self._strings
                _parse(archive, target, strings.start, strings.end, strings.chars)

    def tables(self) -> Iterator[SheetTable]:
        """The visible sheets in their order."""
        for sheet in self._sheets:
            yield SheetTable(
                self._archive,
                sheet,
                self._strings,
                self._styles.shown,
                self._day_0,
                self._limits,
            )

    def close(self) -> None:
        """Closes the file."""
        self._archive.close()


def _relations(archive: Archive, part: str, folder: str) -> dict[str, tuple[str, str]]:
    """Relation id → (part name, type URI), ECMA-376 part 2 §9.3; external ones are left out."""
    found: dict[str, tuple[str, str]] = {}

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "Relationship" and attributes.get("TargetMode") != "External":
            target = attributes.get("Target", "").replace("\\", "/")
            joined = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            found[attributes.get("Id", "")] = (joined, attributes.get("Type", ""))

    _parse(archive, part, start)
    return found


def _read_styles(archive: Archive, part: str) -> _Styles:
    codes: dict[int, str] = {}
    styles = _Styles([])
    in_cells = False

    def start(tag: str, attributes: Attributes) -> None:
        nonlocal in_cells
        if tag == "numFmt":
            codes[int(attributes["numFmtId"])] = attributes.get("formatCode", "")
        elif tag == "cellXfs":
            in_cells = True
        elif tag == "xf" and in_cells:
            number = int(attributes.get("numFmtId", "0"))
            if number in codes:
                styles.shown.append(_shown_by(codes[number]))
            else:
                styles.shown.append("date" if number in _DATE_FORMATS else None)

    def end(tag: str) -> None:
        nonlocal in_cells
        if tag == "cellXfs":
            in_cells = False

    _parse(archive, part, start, end)
    return styles


class SheetTable:
    """One sheet as rows of cells. `total` and `position` are bytes of its XML."""

    def __init__(
        self,
        archive: Archive,
        sheet: _Sheet,
        strings: Strings,
        shown: list[str | int | None],
        day_0: int,
        limits: Limits,
    ) -> None:
        self.name: str | None = sheet.name
        self.position = 0
        self._archive = archive
        self._part = sheet.part
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

    def rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """(row number, cells) of the rows present, in order. Raises: Refused."""
        fill = MergeFill(self._merges)
        reader = _RowReader(self._cell, self._limits)
        self.position = 0
        with self._archive.stream(self._part) as stream:
            while chunk := stream.read(CHUNK):
                _feed(reader.parser, chunk)
                reader.check()
                self.position += len(chunk)
                for number, cells in reader.take():
                    yield number, fill.apply(number, cells)
        _feed(reader.parser, b"", final=True)

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
        self.parser = parser = _parser()
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
                prefix = tag[: -len(_local(tag))]
                c, v, t, row, rph = (f"{prefix}{name}" for name in (c, v, t, row, rph))

        def end(tag: str) -> None:
            nonlocal phonetic
            if tag == v or tag == t:
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
