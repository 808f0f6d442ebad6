"""The streaming XLSX reader against another reader, and against its own promise of flat memory."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
import python_calamine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jdgate.errors import Refused
from jdgate.files.cells import Cell, as_text, is_blank
from jdgate.files.importer import Limits
from jdgate.files.xlsx import Workbook, _shown_by

# What openpyxl can write and both readers can tell apart.
_LEGAL = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
_TEXT = st.text(_LEGAL, max_size=20).filter(lambda t: not t.startswith("=") and "_x" not in t)
_CELLS = st.one_of(
    st.none(),
    _TEXT,
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.dates(dt.date(1901, 1, 1), dt.date(2199, 12, 31)),
    st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2199, 12, 31)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
)


def sheet_of(path: Path) -> dict[int, list[Cell]]:
    """The first sheet's rows that hold anything, by number, without blank cells at the end."""
    book = Workbook(path, Limits())
    rows = {}
    for number, cells in next(iter(book.tables())).rows():
        while cells and is_blank(cells[-1]):
            cells.pop()
        if cells:
            rows[number] = cells
    book.close()
    return rows


def calamine_of(path: Path) -> dict[int, list[Cell]]:
    """The same through python-calamine."""
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    rows = {}
    table = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    for number, cells in enumerate(table, start=1):
        while cells and is_blank(cells[-1]):
            cells.pop()
        if cells:
            rows[number] = [None if is_blank(cell) else cell for cell in cells]
    return rows


def comparable(cell: Cell) -> object:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float):
        return float(cell)
    return None if is_blank(cell) else as_text(cell)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(st.lists(_CELLS, max_size=6), min_size=1, max_size=8))
def test_the_stream_reads_what_calamine_reads(tmp_path, rows) -> None:
    book = openpyxl.Workbook()
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = book.worksheets[0].cell(number, column)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"
    path = tmp_path / "book.xlsx"
    book.save(path)
    ours, theirs = sheet_of(path), calamine_of(path)
    assert {n: [comparable(c) for c in row] for n, row in ours.items()} == {
        n: [comparable(c) for c in row] for n, row in theirs.items()
    }


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("General", None),
        ("0.00", None),
        ("0.00E+00", None),
        ("#,##0.00_ ", None),
        ('0.0"day"', None),
        ("[Red]0", None),
        ("h:mm:ss", None),
        ("@", None),
        ("yyyy-mm-dd", "date"),
        ('yyyy"年"m"月"d"日";@', "date"),
        ("[$-804]yyyy年m月d日", "date"),
        ("m/d", "date"),
        ("00000", 5),
    ],
    ids=repr,
)
def test_a_number_format_says_whether_it_shows_a_date(code, shown) -> None:
    assert _shown_by(code) == shown


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def write_parts(path: Path, sheet: str, strings: str, prefix: str = "") -> Path:
    """A workbook as Excel writes it, with shared strings, which openpyxl never does."""
    name = f":{prefix.rstrip(':')}" if prefix else ""
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="/xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="表" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/Sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<{prefix}worksheet xmlns{name}="{_MAIN}">'
        f"<{prefix}sheetData>{sheet}</{prefix}sheetData></{prefix}worksheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">{strings}</sst>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in parts.items():
            archive.writestr(part, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return path


def test_shared_strings_are_read_with_their_runs_and_without_their_pronunciation(tmp_path) -> None:
    strings = (
        "<si><t>编号</t></si>"
        "<si><r><t>张</t></r><r><t xml:space='preserve'>三 </t></r>"
        "<rPh sb='0' eb='1'><t>zhang</t></rPh></si>"
        "<si/><si><t>a_x000D_b &amp; _xD83D_</t></si>"
    )
    sheet = (
        "<row r='2'><c r='B2' t='s'><v>0</v></c><c t='s'><v>1</v></c></row>"
        "<row><c t='s'><v>2</v></c><c t='s'><v>3</v></c><c t='str'><f>1+1</f><v>二</v></c></row>"
    )
    assert sheet_of(write_parts(tmp_path / "a.xlsx", sheet, strings)) == {
        2: [None, "编号", "张三 "],
        3: ["", "a\rb & _xD83D_", "二"],
    }


def test_a_sheet_whose_tags_have_a_prefix_is_read_too(tmp_path) -> None:
    sheet = "<x:row r='1'><x:c r='A1' t='inlineStr'><x:is><x:t>值</x:t></x:is></x:c></x:row>"
    assert sheet_of(write_parts(tmp_path / "a.xlsx", sheet, "", "x:")) == {1: ["值"]}


def test_a_string_that_is_not_there_is_damage(tmp_path) -> None:
    for index in ("1", "-1", "x"):
        sheet = f"<row><c t='s'><v>{index}</v></c></row>"
        with pytest.raises(Refused) as caught:
            sheet_of(write_parts(tmp_path / "a.xlsx", sheet, "<si><t>a</t></si>"))
        assert caught.value.code == "files.damaged"


_MEASURE = """
import sys
from pathlib import Path
from jdgate.files import Column, Importer, open_file

def high_water():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])

importer = Importer(type="t", zh="", en="", columns=(
    Column("ref", "ref", ("编号",), "number"), Column("day", "date", ("日期",), "date")))
with open_file(Path(sys.argv[1]), importer) as warm:
    list(warm.rows)
before = high_water()
with open_file(Path(sys.argv[2]), importer) as reading:
    count = sum(1 for row in reading.rows if row.record)
print(count, high_water() - before)
"""


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path, kind) -> None:
    def make(name: str, count: int) -> Path:
        path = tmp_path / f"{name}.{kind}"
        rows = ((f"P{n:06d}", "2026-11-21", f"姓名{n}") for n in range(count))
        if kind == "csv":
            with path.open("w", encoding="utf-8") as file:
                file.write("编号,日期,姓名\n")
                file.writelines(f"{','.join(row)}\n" for row in rows)
        else:
            book = openpyxl.Workbook(write_only=True)
            sheet = book.create_sheet()
            sheet.append(["编号", "日期", "姓名"])
            for row in rows:
                sheet.append(row)
            book.save(path)
        return path

    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(make("small", 500)), str(make("large", 30_000))],
        capture_output=True,
        text=True,
        check=True,
    )
    count, grown_kib = map(int, done.stdout.split())
    assert count == 30_000
    # A table of these rows in memory would take over 8 MB.
    assert grown_kib < 4_000
