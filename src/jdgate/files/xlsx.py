"""Reads .xlsx and .xlsm as a stream: memory does not grow with the number of rows.

Why not a library: python-calamine builds each sheet as one dense table, 113 MB for 200,000 rows
of seven columns, and a 5 KB file with two cells far apart makes it ask for 64 GB and abort the
process; openpyxl takes three times as long. Expat over the sheet's XML needs under 5 MB.
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

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from jdgate.errors import Refused
from jdgate.files.archive import Archive
from jdgate.files.importer import Limits
from jdgate.files.xlsx_sheet import SheetTable, Shown, Strings
from jdgate.files.xml_parts import Attributes, attribute, parse

# ECMA-376 part 1 §18.8.30: built-in formats that show a date; those from 27 on are the East Asian
# ones.
_DATE_FORMATS = {*range(14, 18), 22, *range(27, 32), 36, *range(50, 55), 57, 58}
_LITERALS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!\$)[^\]]*\]|\[\$[^\]]*\]')
_SCIENTIFIC = re.compile("e[+-]")
_DAY_1904 = 1462


class _Sheet(Struct, frozen=True):
    name: str
    part: str


def _shown_by(code: str) -> Shown:
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
                if attribute(attributes, "date1904") in ("1", "true"):
                    self._day_0 = _DAY_1904
            elif tag == "sheet":
                target, kind = relations.get(attribute(attributes, "id"), ("", ""))
                visible = attributes.get("state", "visible") == "visible"
                if visible and kind.endswith("/worksheet") and archive.has(target):
                    self._sheets.append(_Sheet(attributes.get("name", ""), target))

        parse(archive, book, start)
        if not is_workbook:
            raise Refused("files.not_spreadsheet")
        if len(self._sheets) > self._limits.sheets:
            raise Refused("files.sheets_many", limit=self._limits.sheets)
        self._shown: list[Shown] = []
        self._strings = Strings(self._limits.strings_bytes, self._limits.cell_chars)
        for target, kind in relations.values():
            if kind.endswith("/styles") and archive.has(target):
                self._shown = _read_styles(archive, target)
            elif kind.endswith("/sharedStrings") and archive.has(target):
                strings = self._strings
                parse(archive, target, strings.start, strings.end, strings.chars)

    def tables(self) -> Iterator[SheetTable]:
        """The visible sheets in their order."""
        for sheet in self._sheets:
            yield SheetTable(
                self._archive,
                sheet.name,
                sheet.part,
                self._strings,
                self._shown,
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

    parse(archive, part, start)
    return found


def _read_styles(archive: Archive, part: str) -> list[Shown]:
    codes: dict[int, str] = {}
    shown: list[Shown] = []
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
                shown.append(_shown_by(codes[number]))
            else:
                shown.append("date" if number in _DATE_FORMATS else None)

    def end(tag: str) -> None:
        nonlocal in_cells
        if tag == "cellXfs":
            in_cells = False

    parse(archive, part, start, end)
    return shown
