"""Whatever a cell or a file holds: rows or a refusal, never another exception."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import openpyxl
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from jdgate.errors import Refused
from jdgate.files import Importer, Row, open_file
from jdgate.files.cells import CellFault, read_cell
from jdgate.texts import LANGUAGES

_ODD = st.sampled_from(
    [
        "2026-11-21",
        "2026-02-30",
        "９９９９年９９月９９日",
        "١٢٣٤-٠١-٠١",
        "√",
        "×",
        "x",
        "5.1E+17",
        "1e400",
        "#N/A",
        "合计",
        "编号",
        '"',
        "'",
        "=1+1",
        "\u200b",
        "\u3000",
        "\ufdfa" * 50,
        "①",
        "_x000D_",
        "_xD800_",
        "0" * 300,
    ]
)
_CELL = st.one_of(
    _ODD,
    st.none(),
    st.text(max_size=40),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
)
_PREFIXES = [b"", b"PK\3\4", b"\xff\xfe", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<?xml"]
_SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(rows: list[Row], importer: Importer) -> None:
    fields = {column.field for column in importer.columns}
    numbers = [row.number for row in rows]
    assert numbers == sorted(set(numbers))
    for row in rows:
        assert (row.record is None) == bool(row.faults)
        if row.record is not None:
            assert row.record.keys() <= fields
            assert isinstance(row.record["came"], bool)
            dt.date.fromisoformat(str(row.record["day"]))
            assert row.record.get("ref", row.record.get("id_no"))
            json.dumps(row.record)
        for fault in row.faults:
            assert all(fault.code != fault.text(lang) for lang in LANGUAGES)


@_SETTINGS
@given(cell=_CELL)
@example(cell=float("nan"))
@example(cell=float("-inf"))
@example(cell="\ufdfa" * 100)
def test_any_cell_gives_a_value_or_a_fault(importer, cell) -> None:
    for column in importer.columns:
        try:
            value = read_cell(column, cell)
        except CellFault as fault:
            assert fault.code.startswith("files.")
        else:
            assert isinstance(value, bool if column.kind == "bool" else str)


@_SETTINGS
@given(rows=st.lists(st.lists(_CELL, min_size=3, max_size=5), max_size=6))
def test_any_cells_in_a_workbook_give_rows_or_a_refusal(tmp_path, importer, header, rows) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(header))
    for number, row in enumerate(rows, start=2):
        for column, value in enumerate(row, start=1):
            if isinstance(value, str):
                value = ILLEGAL_CHARACTERS_RE.sub("", value).encode(errors="ignore").decode()
            try:
                sheet.cell(number, column).value = value
            except (ValueError, OverflowError):
                continue  # what openpyxl can't write, no file of its making can hold
    path = tmp_path / "odd.xlsx"
    try:
        book.save(path)
    except (ValueError, OverflowError):
        return
    read_all(path, importer)


@_SETTINGS
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300), bom=st.booleans())
def test_any_text_below_the_header_gives_rows_or_a_refusal(tmp_path, importer, text, bom) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(f"编号,日期,到诊\n{text}", encoding="utf-8-sig" if bom else "utf-8")
    read_all(path, importer)


@_SETTINGS
@given(
    data=st.binary(max_size=400), prefix=st.sampled_from([b"", b"PK\3\4", b"\xff\xfe", b"<?xml"])
)
def test_any_bytes_give_rows_or_a_refusal(tmp_path, importer, data, prefix) -> None:
    path = tmp_path / "odd.bin"
    path.write_bytes(prefix + data)
    read_all(path, importer)


@_SETTINGS
@given(data=st.data())
def test_a_damaged_workbook_gives_rows_or_a_refusal(tmp_path, importer, header, good, data) -> None:
    path = tmp_path / "whole.xlsx"
    if not path.exists():
        book = openpyxl.Workbook()
        for row in (header, good, good):
            book.worksheets[0].append(list(row))
        book.save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = tmp_path / "damaged.xlsx"
    damaged.write_bytes(content)
    read_all(damaged, importer)


def read_all(path: Path, importer: Importer) -> None:
    try:
        with open_file(path, importer) as reading:
            check(list(reading.rows), importer)
    except Refused as error:
        assert error.code.startswith("files.")
