"""What the tests of file reading share: an importer, and real files made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pytest

from jdgate.files import Column, Importer, Reading, Row, open_file

VISITS = Importer(
    type="test.visit.v1",
    zh="到访",
    en="visits",
    columns=(
        Column("ref", "ref", ("编号", "病历号"), "patient number"),
        Column("id_no", "id_no", ("身份证号",), "ID number"),
        Column("day", "date", ("日期", "服药日期"), "date"),
        Column("came", "bool", ("到诊", "是否到诊"), "attended"),
        Column("site", "code", ("服药点",), "site", required=False),
        Column(
            "state",
            "choice",
            ("状态",),
            "status",
            required=False,
            choices={"在治": "active", "治疗中": "active", "终止": "ended"},
        ),
    ),
    either=(("ref", "id_no"),),
    dropped=("姓名", "电话", "剂量", "民族"),
)

HEADER = ("编号", "日期", "到诊")
GOOD = ("P0001", "2026-11-21", "√")
GOOD_RECORD = {"ref": "P0001", "day": "2026-11-21", "came": True}

MakeBook = Callable[..., Path]
MakeText = Callable[..., Path]
Read = Callable[..., tuple[Reading, list[Row]]]


@pytest.fixture
def importer() -> Importer:
    return VISITS


@pytest.fixture
def header() -> tuple[str, ...]:
    return HEADER


@pytest.fixture
def good() -> tuple[str, ...]:
    return GOOD


@pytest.fixture
def good_record() -> dict[str, object]:
    return dict(GOOD_RECORD)


@pytest.fixture
def make_book(tmp_path: Path) -> MakeBook:
    """Writes sheets (title → rows) to an .xlsx, `edit` having the last word on the workbook."""

    def make(
        sheets: dict[str, Sequence[Sequence[object]]] | Sequence[Sequence[object]],
        edit: Callable[[openpyxl.Workbook], None] | None = None,
        name: str = "book.xlsx",
    ) -> Path:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        named = sheets if isinstance(sheets, dict) else {"Sheet1": sheets}
        for title, rows in named.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(list(row))
        if edit is not None:
            edit(book)
        path = tmp_path / name
        book.save(path)
        return path

    return make


@pytest.fixture
def make_text(tmp_path: Path) -> MakeText:
    """Writes text to a .csv in an encoding."""

    def make(text: str, encoding: str = "utf-8", name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return make


@pytest.fixture
def read(importer: Importer) -> Read:
    """Opens a file, reads all of it and returns the reading with its rows."""

    def read_all(path: Path, **options: object) -> tuple[Reading, list[Row]]:
        with open_file(path, importer, **options) as reading:  # type: ignore[arg-type]
            return reading, list(reading.rows)

    return read_all
