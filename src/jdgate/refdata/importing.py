"""Reads a file that is to become a new version of a table, and says of every row what is wrong.

Rules:
- whole or not at all: one wrong row and nothing is stored;
- what the tables in place don't know (a county that is newer than they are) is a warning;
- a fault names row and column, as for every file that jdgate reads.

    read = read_import(path, "divisions", date(2026, 7, 1), references)
    read.rows, read.faults, read.warnings
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from jdgate.core import regions
from jdgate.core.identity import check_cas
from jdgate.core.refdata import Divisions, Precursors
from jdgate.errors import Refused
from jdgate.files import RowFault, open_file
from jdgate.refdata.columns import IMPORTERS
from jdgate.refdata.version import TableName

_SEPARATORS = re.compile(r"[;；、,，\s]+")
_NAME_SEPARATORS = re.compile(r"\s*[;；、，]\s*")
_GROUND_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
_CHINESE = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")

Record = dict[str, object]


class InPlace(Protocol):
    """The tables a new file is checked against."""

    @property
    def divisions(self) -> Divisions: ...
    @property
    def precursors(self) -> Precursors: ...


class Import(Struct, frozen=True):
    """A file as it was read: rows ready to be stored, and what was found."""

    rows: tuple[dict[str, str], ...]
    faults: tuple[RowFault, ...]
    warnings: tuple[RowFault, ...]
    read: int


class ImportRefused(Refused):
    """A file with faulty rows; nothing of it was stored."""

    def __init__(self, found: Import, file: str) -> None:
        wrong = len({fault.params["row"] for fault in found.faults})
        super().__init__("refdata.rows_wrong", file=file, wrong=wrong, rows=found.read)
        self.found = found


def read_import(path: Path, table: TableName, since: date, tables: InPlace) -> Import:
    """The rows of `path` for `table`, checked; `since` is the day from which they shall apply.

    Raises:
        Refused: `files.*`, when the file can't be read at all.
    """
    records: list[tuple[int, Record]] = []
    faults: list[RowFault] = []
    read = 0
    with open_file(path, IMPORTERS[table]) as reading:
        for row in reading.rows:
            read += 1
            if row.record is None:
                faults.extend(row.faults)
            else:
                records.append((row.number, row.record))
    check = _Check(table, since, tables)
    rows = tuple(_CHECKS[table](check, records))
    faults.extend(check.faults)
    faults.sort(key=lambda fault: int(str(fault.params["row"])))
    return Import(rows, tuple(faults), tuple(check.warnings), read)


class _Check:
    """One file under examination."""

    def __init__(self, table: TableName, since: date, tables: InPlace) -> None:
        self.since = since
        self.tables = tables
        self.faults: list[RowFault] = []
        self.warnings: list[RowFault] = []
        self._titles = {column.field: column.titles[0] for column in IMPORTERS[table].columns}

    def fault(self, code: str, row: int, field: str, **params: object) -> None:
        title = self._titles[field]
        self.faults.append(RowFault(code, title, {"row": row, "title": title, **params}))

    def warn(self, code: str, row: int, field: str, **params: object) -> None:
        title = self._titles[field]
        self.warnings.append(RowFault(code, title, {"row": row, "title": title, **params}))

    def once(self, row: int, field: str, key: object, seen: dict[object, int]) -> bool:
        """Whether `key` stands in the file for the first time."""
        first = seen.setdefault(key, row)
        if first != row:
            self.fault("refdata.row_twice", row, field, first=first)
        return first == row


def _divisions(check: _Check, records: list[tuple[int, Record]]) -> Iterator[dict[str, str]]:
    seen: dict[object, int] = {}
    siblings: dict[tuple[str, str], int] = {}
    codes = {_code(record) for _, record in records}
    for row, record in records:
        written, name = str(record["code"]), str(record["name"])
        code = _code(record)
        if len(written) not in (6, 9, 12) or not regions.is_code(written) or len(code) < 6:
            check.fault("refdata.row_code", row, "code")
            continue
        if not check.once(row, "code", code, seen):
            continue
        if not _CHINESE.search(name):
            check.fault("refdata.row_name", row, "name")
        parent = code[:-3] if len(code) > 6 else ""
        if len(code) == 12 and parent not in codes:
            check.fault("refdata.row_orphan", row, "code", parent=parent.ljust(12, "0"))
        if len(code) == 9 and parent not in codes and not check.tables.divisions.known(parent):
            check.warn("refdata.row_new_county", row, "code", parent=parent)
        same = siblings.setdefault((parent, name), row)
        if parent and same != row:
            check.warn("refdata.row_same_name", row, "name", first=same)
        yield {"code": code, "name": name}


def _code(record: Mapping[str, object]) -> str:
    """The code without its empty levels, but not above the county's."""
    code = str(record["code"])
    while len(code) > 6 and len(code) % 3 == 0 and code.endswith("000"):
        code = code[:-3]
    return code


def _working_days(check: _Check, records: list[tuple[int, Record]]) -> Iterator[dict[str, str]]:
    seen: dict[object, int] = {}
    for row, record in records:
        if check.once(row, "date", record["date"], seen):
            yield {
                "date": str(record["date"]),
                "working": str(record["working"]),
                "note": str(record.get("note", "")),
            }


def _precursors(check: _Check, records: list[tuple[int, Record]]) -> Iterator[dict[str, str]]:
    seen: dict[object, int] = {}
    for row, record in records:
        name = str(record["name"])
        numbers = [one for one in _SEPARATORS.split(str(record.get("cas", ""))) if one]
        for number in numbers:
            if check_cas(number) is not None:
                check.fault("refdata.row_cas", row, "cas")
        table = check.tables.precursors
        ids = {one.id for what in (*numbers, name) for one in table.find(what, salts=False)}
        if "id" in record:
            ids = {str(record["id"])}
        if len(ids) > 1:
            check.fault("refdata.row_two_items", row, "name", items="、".join(sorted(ids)))
            continue
        own = ids.pop() if ids else name
        if not check.once(row, "name", own, seen):
            continue
        old = next((one for one in reversed(table.items) if one.id == own), None)
        listed = str(record.get("listed") or check.since.isoformat())
        until = str(record.get("until", ""))
        if until and until <= listed:
            check.fault("refdata.row_dates", row, "until")
        yield {
            "id": own,
            "category": str(record["category"]),
            "name": name,
            "en": str(record.get("en") or (old.en if old else "")),
            "aliases": ";".join(
                one for one in _NAME_SEPARATORS.split(str(record.get("aliases", ""))) if one
            )
            or ";".join(old.aliases if old else ()),
            "cas": ";".join(numbers) or ";".join(one.number for one in (old.cas if old else ())),
            "pharmaceutical": "yes" if record.get("pharmaceutical") else "no",
            "listed": listed,
            "until": until,
        }


def _grounds(check: _Check, records: list[tuple[int, Record]]) -> Iterator[dict[str, str]]:
    seen: dict[object, int] = {}
    for row, record in records:
        code = str(record["code"]).casefold()
        if not _GROUND_CODE.fullmatch(code):
            check.fault("refdata.row_ground_code", row, "code")
            continue
        if not check.once(row, "code", code, seen):
            continue
        days = str(record.get("days", ""))
        if days and not (days.isascii() and days.isdigit() and int(days) > 0):
            check.fault("refdata.row_days", row, "days")
        listed = str(record.get("listed") or check.since.isoformat())
        until = str(record.get("until", ""))
        if until and until <= listed:
            check.fault("refdata.row_dates", row, "until")
        told = {name: str(record[name]) for name in ("zh", "en", "law", "article", "effect")}
        yield {"code": code, **told, "listed": listed, "until": until, "days": days}


_CHECKS: Mapping[
    TableName, Callable[[_Check, list[tuple[int, Record]]], Iterator[dict[str, str]]]
] = {
    "divisions": _divisions,
    "working-days": _working_days,
    "precursors": _precursors,
    "grounds": _grounds,
}
