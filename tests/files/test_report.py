"""The list of refused rows: it tells why, can be corrected and sent again, and holds no formula."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
import python_calamine

from jdgate.errors import Refused
from jdgate.files import (
    Column,
    Importer,
    Limits,
    Row,
    RowFault,
    open_file,
    write_refused,
    write_table,
)
from jdgate.files.report import safe_text

FAULT = RowFault("files.cell_missing", "日期", {"row": 3, "title": "日期"})


def test_the_list_holds_the_refused_rows_with_their_reasons(
    make_book, importer, header, good, tmp_path
) -> None:
    path = make_book([header, good, ["P2", "昨天", "也许"]])
    out = tmp_path / "refused.xlsx"
    with open_file(path, importer) as reading:
        assert write_refused(out, reading.rows, importer, "zh") == 1
    titles, row = openpyxl.load_workbook(out).worksheets[0].iter_rows(values_only=True)
    assert titles[:3] == ("行号", "不通过原因", "编号")
    assert row[0] == 3
    assert "“日期”" in row[1]
    assert "“到诊”" in row[1]
    assert "昨天" in row


def test_a_corrected_list_can_be_sent_again(make_text, importer, tmp_path) -> None:
    path = make_text("编号,日期,到诊\nP2,昨天,√\n@P3,昨天,×\n")
    out = tmp_path / "refused.xlsx"
    with open_file(path, importer) as reading:
        write_refused(out, reading.rows, importer, "en")
    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    day = [cell.value for cell in sheet[1]].index("date") + 1
    for number in (2, 3):
        sheet.cell(number, day).value = "2026-11-21"
    book.save(out)
    with open_file(out, importer) as reading:
        records = [row.record for row in reading.rows]
        assert records == [
            {"ref": "P2", "day": "2026-11-21", "came": True},
            {"ref": "@P3", "day": "2026-11-21", "came": False},
        ]
        assert reading.unknown == ()


@pytest.mark.parametrize(
    ("titles", "wrong", "right"),
    [
        (["编号", "日期"], ["P1", "昨天"], {"ref": "P1"}),
        (["身份证号", "日期"], ["99999919900101123X", "昨天"], {"id_no": "99999919900101123X"}),
        (["编号", "身份证号", "日期"], ["", "11", "昨天"], {"id_no": "11"}),
        (["编号", "身份证号", "日期"], ["P1", "11", "昨天"], {"ref": "P1"}),
        (["服药日期（必填）", "病历号", "姓名"], ["昨天", "P1", "x"], {"ref": "P1"}),
    ],
)
def test_the_list_of_every_header_can_be_corrected_and_sent_again(
    make_book, importer, tmp_path, titles, wrong, right
) -> None:
    given = {"site": "cln-01-a"}
    path = make_book([[*titles, "到诊"], [*wrong, "是"]])
    out = tmp_path / "refused.xlsx"
    with open_file(path, importer, defaults=given) as reading:
        write_refused(out, reading.rows, importer, "zh", {*reading.columns, *given})
    book = openpyxl.load_workbook(out)
    sheet = book.worksheets[0]
    shown = [cell.value for cell in sheet[1]]
    assert "姓名" not in shown
    sheet.cell(2, shown.index("日期") + 1).value = "2026-11-21"
    book.save(out)
    with open_file(out, importer) as reading:
        assert [row.record for row in reading.rows] == [
            {**right, "day": "2026-11-21", "came": True, **given}
        ]


@pytest.mark.parametrize(
    "hostile",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u3000=cmd|' /C calc'!A0"],
)
def test_no_cell_can_become_a_formula(importer, tmp_path, hostile) -> None:
    out = tmp_path / "refused.xlsx"
    row = Row(3, None, (FAULT,), {"ref": hostile, "site": "ok"})
    write_refused(out, [row], importer, "zh")
    cells = list(openpyxl.load_workbook(out).worksheets[0].iter_rows())[1]
    assert all(cell.data_type in ("s", "n", "inlineStr") for cell in cells)
    assert safe_text(hostile).startswith("'")
    assert cells[2].value.startswith("'")


def test_a_row_refused_later_shows_its_record(importer, tmp_path) -> None:
    out = tmp_path / "refused.xlsx"
    row = Row(3, {"ref": "P9999", "day": "2026-11-21", "came": True}, (FAULT,))
    assert write_refused(out, [row], importer, "zh") == 1
    values = list(openpyxl.load_workbook(out).worksheets[0].iter_rows(values_only=True))[1]
    assert "P9999" in values
    assert "是" in values


def test_the_list_is_for_its_owner_alone(importer, tmp_path) -> None:
    out = tmp_path / "refused.xlsx"
    write_refused(out, [], importer, "zh")
    assert out.stat().st_mode & 0o077 == 0


def test_control_characters_do_not_break_the_list(importer, tmp_path) -> None:
    out = tmp_path / "refused.xlsx"
    write_refused(out, [Row(3, None, (FAULT,), {"ref": "a\x00\x0bb"})], importer, "zh")
    assert openpyxl.load_workbook(out).worksheets[0]["C2"].value == "ab"


def test_a_list_broken_off_leaves_nothing_behind(make_text, importer, tmp_path) -> None:
    path = make_text("编号,日期,到诊\n" + "P1,昨天,√\n" * 5)
    out = tmp_path / "refused.xlsx"
    with open_file(path, importer, limits=Limits(rows=3)) as reading, pytest.raises(Refused):
        write_refused(out, reading.rows, importer, "zh")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_list_is_read_by_other_programs(importer, tmp_path) -> None:
    out = tmp_path / "refused.xlsx"
    write_refused(out, [Row(3, None, (FAULT,), {"ref": "<P&1>\r\n"})], importer, "zh")
    sheet = python_calamine.CalamineWorkbook.from_path(str(out)).get_sheet_by_name("未通过的行")
    assert sheet.to_python()[1][2].startswith("<P&1>")


def test_a_list_that_cannot_be_written_says_so(importer, tmp_path) -> None:
    with pytest.raises(Refused) as caught:
        write_refused(Path(tmp_path / "none" / "x.xlsx"), [], importer, "zh")
    assert caught.value.code == "files.unwritable"


def test_a_table_is_written_as_text_that_no_program_takes_for_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    write_table(path, "到诊", ["日期", "姓名"], [["2026-11-21", "=1+1"], [True, None]])
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None and sheet.title == "到诊"
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows == [["日期", "姓名"], ["2026-11-21", "'=1+1"], ["是", ""]]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["table.xlsx"]


def test_a_list_and_a_choice_refused_later_come_back_in_words_that_are_read_again(
    make_book, tmp_path
) -> None:
    papers = Importer(
        type="test.papers.v1",
        zh="文书",
        en="papers",
        columns=(
            Column("ref", "ref", ("编号",), "number"),
            Column("docs", "list", ("文书",), "papers", default=["decision"],
                   choices={"决定书": "decision", "协议书": "agreement"}),
            Column("kind", "choice", ("种类",), "kind", choices={"移交": "handed"}),
        ),
        unique=("ref",),
    )  # fmt: skip
    path = make_book(
        [
            ["编号", "文书", "种类"],
            ["A1", "决定书、协议书", "移交"],
            ["A1", "决定书，协议书", "移交"],
            ["A2", "", "移交"],
            ["A3", "、", "移交"],
        ]
    )
    with open_file(path, papers) as reading:
        rows = list(reading.rows)
        assert reading.skipped["same"] == 1
    good = [row.record for row in rows if row.record]
    assert [one["docs"] for one in good] == [["decision", "agreement"], ["decision"]]
    assert [fault.code for fault in rows[2].faults] == ["files.cell_missing"]
    out = tmp_path / "refused.xlsx"
    later = [Row(row.number, row.record, (FAULT,)) for row in rows if row.record]
    assert write_refused(out, later, papers, "zh") == 2
    with open_file(out, papers) as reading:
        assert [row.record for row in reading.rows] == good
