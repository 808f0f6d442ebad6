"""What an importer must hold to, tried on files made with the titles it declares."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.core.calendar import local_day
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Column, Importer, Row, open_file, write_table
from jdgate.kit.bench import Bench, Broken
from jdgate.kit.records import NOW, Maker
from jdgate.kit.strings import STRANGE, WORDS
from jdgate.texts import LANGUAGES

ROWS = 12


def fields(importer: Importer, bench: Bench) -> None:
    """Every column fills a field of the type, and every required field has a column."""
    sheet = bench.catalogue.sheets.get(importer.type)
    if sheet is None:
        raise Broken(f"no catalogue has the type {importer.type}")
    schema = bench.catalogue.schema(importer.type)
    known = set(schema["properties"])
    either = {name for group in importer.either for name in group}
    for column in importer.columns:
        # of an `either` group all but the one that is sent may be turned into it before sending
        if column.field not in known and column.field not in either:
            raise Broken(f"the column {column.field} is no field of {importer.type}")
        form = schema["properties"].get(column.field, {})
        options = (form["items"] if column.kind == "list" else form).get("enum")
        if options and set(column.choices.values()) - set(options):
            wrong = sorted(set(column.choices.values()) - set(options))
            raise Broken(f"{column.field}: {', '.join(wrong)} is no value of {importer.type}")
    lacking = set(schema.get("required", ())) - {column.field for column in importer.columns}
    if lacking:
        raise Broken(f"no column fills {', '.join(sorted(lacking))}, which is required")
    titles = [title for column in importer.columns for title in column.titles]
    if not importer.zh or not importer.en or not all(titles):
        raise Broken("a title is empty; every column and the importer have words in both languages")


def round_trip(importer: Importer, bench: Bench) -> None:
    """Every declared column is read under every title, from XLSX and CSV, as it was written."""
    for way in _ways(importer):
        for number in range(max(1, *(len(column.titles) + 2 for column in way))):
            titles = [_title(column, number) for column in way]
            records = _records(importer, bench, way, number)
            for write in (_xlsx, _csv):
                rows = [[_cell(column, record.get(column.field)) for column in way]
                        for record in records]  # fmt: skip
                got = _read(importer, write, titles, rows)
                for row, record in zip(got, records, strict=True):
                    if row.record is None:
                        fault = row.faults[0]
                        raise Broken(f"under the title {fault.title} a good cell is refused: "
                                     f"{fault.code}")  # fmt: skip
                    for column in way:
                        if row.record.get(column.field) != record.get(column.field):
                            raise Broken(f"{column.field} is not read as it was written")


def records(importer: Importer, bench: Bench) -> None:
    """What is read from a good file passes the gateway's own check."""
    sheet, validator = (
        bench.catalogue.sheet(importer.type),
        bench.catalogue.validator(importer.type),
    )
    way = _ways(importer)[0]
    made = _records(importer, bench, way, 0)
    rows = [[_cell(column, record.get(column.field)) for column in way] for record in made]
    closed: dict[str, Any] = {}
    for one in Maker(bench.catalogue).records(importer.type, ROWS):
        closed |= one  # not each has every optional field
    for row in _read(importer, _xlsx, [column.titles[0] for column in way], rows):
        record = dict(row.record or {})
        # what only the recipient may read is open in the file; the edge closes it before the check
        record |= {field: closed[field] for field in sheet.sealed if field in record}
        faults = check_record(validator, sheet, record, local_day(NOW))
        if faults:
            raise Broken(f"a good file gives a record that is refused: {faults[0].code} at "
                         f"{faults[0].path}")  # fmt: skip


def choices(importer: Importer, bench: Bench) -> None:
    """Every choice is read as its value."""
    way = _ways(importer)[0]
    base = _records(importer, bench, way, 0)[0]
    for column in way:
        for title, value in column.choices.items():
            cells = [title if one is column else _cell(one, base.get(one.field)) for one in way]
            (row,) = _read(importer, _xlsx, [one.titles[0] for one in way], [cells])
            wanted = [value] if column.kind == "list" else value
            if row.record is None or row.record.get(column.field) != wanted:
                raise Broken(f"{column.field}: a choice it declares is not read as its value")


def header(importer: Importer, bench: Bench) -> None:
    """A file without a needed column is refused, with the titles that were expected."""
    way = _ways(importer)[0]
    made = _records(importer, bench, way, 0)
    either = {name for group in importer.either for name in group}
    for column in way:
        needed = (column.required and column.default is None) or column.field in either
        rest = [one for one in way if one is not column]
        if not needed or not rest:
            continue
        rows = [[_cell(one, record.get(one.field)) for one in rest] for record in made]
        try:
            _read(importer, _xlsx, [one.titles[0] for one in rest], rows)
        except Refused as reason:
            if any(not reason.text(lang) for lang in LANGUAGES):
                raise Broken("the refusal has no words") from None
        else:
            raise Broken(f"a file without the column {column.field} is read all the same")


def odd_cells(importer: Importer, bench: Bench) -> None:
    """Strange, empty, huge and mistyped cells are faults of their row and nothing worse."""
    way = _ways(importer)[0]
    base = _records(importer, bench, way, 0)[0]
    odd: list[object] = [*STRANGE, "", " ", "x" * 5_000, "2026-13-45", "1e400", "NaN", "#REF!"]
    odd += ["None", "0", "-1", "99999999999999999999", "是否", "\u202e"]
    for column in way:
        rows = [
            [cell if one is column else _cell(one, base.get(one.field)) for one in way]
            for cell in odd
        ]
        for write in (_xlsx, _csv):
            try:
                got = _read(importer, write, [one.titles[0] for one in way], rows)
            except Refused:
                continue
            for row in got:
                for fault in row.faults:
                    if any("{" in fault.text(lang) for lang in LANGUAGES):
                        raise Broken(f"{fault.code} lacks a parameter")


def _ways(importer: Importer) -> list[list[Column]]:
    """The sets of columns a file may have: one field of each `either` group."""
    plain = [c for c in importer.columns if not importer.group(c.field)]
    found = [plain]
    for group in importer.either:
        found = [[*way, importer.column(field)] for field in group for way in found]
    return found


def _title(column: Column, number: int) -> str:
    known = [*column.titles, column.en, column.field]
    return known[number % len(known)]


def _records(
    importer: Importer, bench: Bench, way: Sequence[Column], seed: int
) -> list[dict[str, Any]]:
    """Good records as a file has them, cut to the columns of this way; a field the type lacks gets
    a number of the kind its column has."""
    sealed = bench.catalogue.sheet(importer.type).sealed
    either = {name for group in importer.either for name in group}
    own = getattr(bench.trial, "record", None)
    maker = Maker(bench.catalogue, 300 + seed)
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for index in range(ROWS):
        record = (own and own(importer.type, index)) or maker.record(importer.type)
        cut: dict[str, Any] = {}
        for column in way:
            if column.field in sealed:
                cut[column.field] = WORDS[index % len(WORDS)]
            elif column.field in record:
                value = record[column.field]
                cut[column.field] = list(dict.fromkeys(value)) if column.kind == "list" else value
            elif column.kind == "id_no":
                cut[column.field] = maker.record("mmt.custody.notice.v1")["id_no"]
            elif column.field in either and column.kind == "ref":
                cut[column.field] = f"P{index:05d}"
            elif column.default is not None:
                cut[column.field] = column.default
        about = tuple(str(cut.get(field)) for field in importer.unique) or (str(index),)
        made.setdefault(about, cut)  # two rows about the same thing would contradict each other
    return list(made.values())


def _cell(column: Column, value: object) -> object:
    """A value as a department would write it."""
    return "" if value is None else column.written(value)


def _xlsx(folder: Path, titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    path = folder / "file.xlsx"
    write_table(path, "1", titles, rows)
    return path


def _csv(folder: Path, titles: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    text = io.StringIO()
    csv.writer(text).writerows([titles, *rows])
    path = folder / "file.csv"
    path.write_bytes(text.getvalue().encode("utf-8-sig", "replace"))
    return path


def _read(
    importer: Importer, write: Any, titles: Sequence[str], rows: Sequence[Sequence[object]]
) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="jdgate-kit-") as folder:
        path = write(Path(folder), titles, rows)
        with open_file(path, importer) as reading:
            return list(reading.rows)


IMPORTERS: Mapping[str, Any] = {
    "importer.fields": fields,
    "importer.round_trip": round_trip,
    "importer.records": records,
    "importer.choices": choices,
    "importer.header": header,
    "importer.odd_cells": odd_cells,
}
