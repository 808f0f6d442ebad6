"""Opens a file as it really is: finds out what it is, and where its header stands.

Rules
- What the file is decides its content, not its name.
- The header may stand below titles, on any visible sheet. Of several sheets with data none is
  read before somebody says which: nobody would notice what was left out.
- What can't be read is refused with the reason and the way out, before any row is read.

    with open_file(path, importer, defaults={"site": "cln-01"}) as reading: ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from msgspec import structs

from jdgate.errors import Refused
from jdgate.files import header
from jdgate.files.cells import Cell, fold, is_blank
from jdgate.files.delimited import Delimited
from jdgate.files.importer import Importer, Limits
from jdgate.files.reading import Reading, Source, Table
from jdgate.files.xls import OldWorkbook
from jdgate.files.xlsx import Workbook

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OF_A_HEADER = ("files.grid", "files.header_none", "files.header_wrong", "files.column_twice")
_OTHER_FORMATS = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
)


def open_file(
    path: Path,
    importer: Importer,
    *,
    limits: Limits | None = None,
    defaults: Mapping[str, object] | None = None,
    sheet: str | None = None,
) -> Reading:
    """Opens a CSV, XLSX or XLS file and finds the header for `importer`.

    `defaults` gives values for fields whose column or cell is absent (the clinic's own site);
    `sheet` names the one to read, otherwise the only one with the header and data below it is.

    Raises: Refused — `files.missing`, `files.unreadable`, `files.too_large`, `files.empty`,
    `files.password`, `files.not_spreadsheet`, `files.web_page`, `files.damaged`, `files.zip_bomb`,
    `files.encoding`, `files.sheet_unknown`, `files.sheets_several`, `files.header_wrong`,
    `files.header_none`, `files.grid`, `files.column_twice`, `files.no_rows`, and while rows are
    read also `files.line_long`, `files.rows_many`.
    """
    limits = limits or Limits()
    defaults = defaults or {}
    source = _open(path, limits)
    try:
        found, others = _find(source, importer, limits, frozenset(defaults), sheet)
        readings = [Reading(source, *each, importer, limits, defaults) for each in found]
        if len(readings) > 1:
            readings = [each for each in readings if each.holds_rows()] or readings[:1]
        if len(readings) > 1:
            sheets = "、".join(str(each.sheet) for each in readings)
            raise Refused("files.sheets_several", count=len(readings), sheets=sheets[:400])
        reading = readings[0]
        reading.others = others
        reading.begin()
        return reading
    except BaseException:
        source.close()
        raise


class Fit(NamedTuple):
    """A table that an importer can read. `known`: how many of its titles that importer knows."""

    importer: Importer
    known: int
    sheet: str | None


def survey(
    path: Path, importers: Iterable[tuple[Importer, Mapping[str, object]]], limits: Limits
) -> list[Fit]:
    """What a file may be: every importer (given with its defaults) and sheet that go together, the
    best known first. Empty when none does.

    Raises: Refused — what `open_file` raises of a file that no importer could read; of one that
    holds a header and nothing else `files.no_rows`.
    """
    fits: list[Fit] = []
    bare: int | None = None
    begun = monotonic()
    with closing(_open(path, limits)) as opened:
        source = _Known(opened)
        for importer, defaults in importers:
            try:
                found, others = _find(source, importer, limits, frozenset(defaults), None)
            except Refused as reason:
                if reason.code in _OF_A_HEADER:
                    continue
                raise
            for table, row, layout in found:
                left = limits.seconds - (monotonic() - begun)  # all of them share the time
                within = structs.replace(limits, seconds=left)
                reading = Reading(source, table, row, layout, importer, within, defaults)
                if reading.holds_rows():
                    fits.append(Fit(importer, len(layout.at), table.name))
                elif not others:
                    bare = row
    if bare is not None and not fits:
        raise Refused("files.no_rows", row=bare)
    return sorted(fits, key=lambda fit: -fit.known)


class _Known:
    """A source whose tables are looked up once, however many importers try them."""

    def __init__(self, source: Source) -> None:
        self.encoding = source.encoding
        self.close = source.close
        self._tables = list(source.tables())

    def tables(self) -> Iterable[Table]:
        return self._tables


def _open(path: Path, limits: Limits) -> Source:
    if path.is_dir():
        raise Refused("files.is_folder")
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise Refused("files.missing") from error
    except OSError as error:
        raise Refused("files.unreadable", reason=error.strerror or type(error).__name__) from error
    if size > limits.file_bytes:
        raise Refused("files.too_large", limit=limits.file_bytes // 2**20)
    if head.startswith(_OLE):
        if _contains(path, _ENCRYPTED):
            raise Refused("files.password")
        return OldWorkbook(path, limits)
    if head.startswith(b"PK"):
        return Workbook(path, limits)
    if head.startswith(_OTHER_FORMATS):
        raise Refused("files.not_spreadsheet")
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if size < 10_000 and not _text_of(path).strip():
        raise Refused("files.empty")
    if re.match(rb"<(?:!doctype|html|table|meta|head|body|\?xml)", plain, re.IGNORECASE):
        raise Refused("files.web_page")
    return Delimited(path, limits)


def _contains(path: Path, wanted: bytes) -> bool:
    rest = b""
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            if wanted in rest + chunk:
                return True
            rest = chunk[-len(wanted) :]
    return False


def _text_of(path: Path) -> str:
    """What a small file says, leniently: only to see whether it says anything."""
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return fold(data.decode(encoding, errors="replace")).strip(',;"')


def _find(
    source: Source,
    importer: Importer,
    limits: Limits,
    given: frozenset[str],
    sheet: str | None,
) -> tuple[list[tuple[Table, int, header.Layout]], tuple[str, ...]]:
    """The tables with the header, its row number, and where the columns are; and the names of
    the sheets that hold something else."""
    matches: list[tuple[Table, int, header.Layout]] = []
    others: list[str] = []
    best: tuple[int, int, header.Missing, Sequence[Cell]] | None = None
    anything = False
    grid = False
    # Of what does not match, the row most like the header is told of.
    for table in _wanted(source, sheet):
        empty = True
        with closing(table.rows()) as rows:
            for number, cells in rows:
                if number > limits.header_rows:
                    break
                if all(is_blank(cell) for cell in cells):
                    continue
                anything, empty = True, False
                outcome = header.match(importer, cells, given)
                if isinstance(outcome, header.Layout):
                    matches.append((table, number, outcome))
                    break
                grid = grid or header.is_grid(cells)
                width = len(header.shown_titles(cells, outcome.matched))
                if best is None or (outcome.matched, width) > best[:2]:
                    best = (outcome.matched, width, outcome, cells)
            else:
                others += [] if empty or table.name is None else [table.name]
        if matches and table.name is None:
            break  # a CSV is read with the first separator that fits
    if matches:
        return matches, tuple(others)
    expected = _expected(importer, given)
    if grid and any(column.kind == "date" for column in importer.columns):
        raise Refused("files.grid", **expected)
    if best is None:
        if not anything:
            raise Refused("files.empty")
        raise Refused("files.header_none", rows=limits.header_rows, **expected)
    matched, _, missing, seen = best
    if missing.twice and not missing.lacking:
        raise Refused("files.column_twice", titles="、".join(dict.fromkeys(missing.twice)))
    found = header.shown_titles(seen, matched)
    if not found:
        raise Refused("files.header_none", rows=limits.header_rows, **expected)
    lacking = "、".join(" / ".join(c.titles[0] for c in group) for group in missing.lacking)
    raise Refused("files.header_wrong", found="、".join(found), missing=lacking, **expected)


def _wanted(source: Source, sheet: str | None) -> Iterable[Table]:
    """The tables to look at: all, or the one called `sheet`."""
    if sheet is None:
        return source.tables()
    tables = list(source.tables())
    named = [table for table in tables if table.name == sheet]
    if not named:
        found = "、".join(table.name for table in tables if table.name) or "—"
        raise Refused("files.sheet_unknown", wanted=sheet[:40], found=found[:200])
    return named


def _expected(importer: Importer, given: frozenset[str]) -> dict[str, object]:
    """The columns that must be there, each with its Chinese and English title."""
    done: set[str] = set()
    wanted: list[str] = []
    for column in importer.columns:
        if column.field in done:
            continue
        group = importer.group(column.field) or (column.field,)
        done.update(group)
        if len(group) > 1 or header.is_needed(column, given):
            both = [f"{c.titles[0]} ({c.en})" for c in map(importer.column, group)]
            wanted.append(" / ".join(both))
    return {"expected": "、".join(wanted)}
