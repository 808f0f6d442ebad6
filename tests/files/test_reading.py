"""Whole files: where the header is, what is skipped, what is left out, what a row becomes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import openpyxl
import pytest

from jdgate.errors import Misuse, Refused
from jdgate.files import Column, Importer, Limits, Reading, Row, open_file
from jdgate.texts import LANGUAGES

VECTORS = Path(__file__).parent / "vectors"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_csv_reads_the_same_in_every_encoding_and_separator(
    make_text, read, good_record, encoding, separator, line_end
) -> None:
    lines = [("编号", "日期", "到诊"), ("P0001", "2026-11-21", "√"), ("P0002", "2026-11-21", "×")]
    text = line_end.join(separator.join(line) for line in lines) + line_end
    reading, rows = read(make_text(text, encoding))
    assert [row.record for row in rows] == [
        good_record,
        {"ref": "P0002", "day": "2026-11-21", "came": False},
    ]
    assert [row.number for row in rows] == [2, 3]
    assert reading.encoding == {"utf-8-sig": "utf-8-sig", "utf-16": "utf-16"}.get(
        encoding, "gb18030" if encoding == "gb18030" else "utf-8"
    )


def test_a_workbook_reads_like_the_csv_it_could_be_saved_as(
    make_book, make_text, read, header
) -> None:
    day = dt.date(2026, 11, 21)
    book = make_book([header, ["P0001", day, "√"], [12, dt.datetime(2026, 11, 21, 8), True]])
    text = make_text("编号,日期,到诊\nP0001,2026-11-21,√\n12,2026-11-21 08:00:00,TRUE\n")
    assert [row.record for row in read(book)[1]] == [row.record for row in read(text)[1]]


def test_columns_may_stand_in_any_order_and_in_english(make_book, read, good_record) -> None:
    path = make_book([["Attended", "DATE", "Patient  Number"], ["Y", "2026-11-21", "P0001"]])
    assert read(path)[1][0].record == good_record


@pytest.mark.parametrize(
    "title",
    [
        "日期（必填）",
        "日 期",
        "日期\n(必填)",
        "* 日期：",
        "服药日期【年-月-日】",
        "\u3000日期\u200b",
    ],
)
def test_titles_match_despite_notes_spaces_and_marks(make_book, read, good_record, title) -> None:
    path = make_book([["编号", title, "是否到诊"], ["P0001", "2026-11-21", "√"]])
    assert read(path)[1][0].record == good_record


def test_titles_above_the_header_and_merged_cells_are_passed_over(
    make_book, read, header, good, good_record
) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        book.worksheets[0].merge_cells("A1:C1")

    path = make_book([["服药到诊登记表"], [], ["填表单位：某门诊"], header, good], merge)
    reading, rows = read(path)
    assert rows[0].record == good_record
    assert (reading.header_row, rows[0].number) == (4, 5)


def test_a_header_below_the_fifteenth_row_is_not_looked_for(make_book, read, header, good) -> None:
    with pytest.raises(Refused) as caught:
        read(make_book([*[["说明"]] * 15, header, good]))
    assert caught.value.code == "files.header_none"


def test_a_date_merged_over_several_rows_counts_for_each_of_them(make_book, read, header) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        book.worksheets[0].merge_cells("B2:B4")

    rows = [
        header,
        ["P1", "2026-11-21", "√"],
        ["P2", None, "×"],
        ["P3", None, "√"],
        ["P4", None, 1],
    ]
    _, read_rows = read(make_book(rows, merge))
    assert [row.record and row.record["day"] for row in read_rows] == [*["2026-11-21"] * 3, None]
    assert read_rows[3].faults[0].code == "files.cell_missing"


def test_a_header_of_two_merged_rows_is_found(make_book, read, good_record) -> None:
    def merge(book: openpyxl.Workbook) -> None:
        sheet = book.worksheets[0]
        sheet.merge_cells("A1:B1")
        sheet.merge_cells("C1:C2")

    path = make_book(
        [["患者", None, "到诊"], ["编号", "日期", None], ["P0001", "2026-11-21", "√"]], merge
    )
    reading, rows = read(path)
    assert reading.header_row == 2
    assert rows[0].record == good_record


def test_blank_total_sign_off_and_repeated_header_rows_are_skipped_and_counted(
    make_book, read, header, good
) -> None:
    rows = [
        ["序号", *header],
        [1, *good],
        [],
        [2, None, None, None],
        ["小 计", None, None, 1],
        ["序号", *header],
        [3, *good],
        ["合计：", None, None, 2],
        [None, "Total", None, 2],
        ["制表人：某某", None, "审核人：某某"],
    ]
    reading, read_rows = read(make_book(rows))
    assert [row.number for row in read_rows] == [2, 7]
    assert reading.skipped == {"blank": 2, "total": 3, "note": 1, "header": 1, "same": 0}


def test_a_remark_does_not_make_a_full_row_a_total(make_book, read, header, good) -> None:
    _, rows = read(make_book([[*header, "备注"], [*good, "小计"]]))
    assert rows[0].record is not None


def test_blank_rows_at_the_end_are_not_counted(make_text, read) -> None:
    reading, _ = read(make_text("编号,日期,到诊\nP1,2026-11-21,1\n,,\n\n,,\n"))
    assert reading.skipped["blank"] == 0


def test_columns_that_must_not_be_sent_are_dropped_and_unknown_ones_are_told(
    make_book, read, header, good, good_record
) -> None:
    path = make_book([["姓名", *header, "剂量（ml）", "颜色"], ["某某", *good, 45, "红"]])
    reading, rows = read(path)
    assert rows[0].record == good_record
    assert reading.dropped == ("姓名", "剂量(ml)")
    assert reading.unknown == ("颜色",)


def test_an_id_number_is_left_out_where_there_is_a_patient_number(
    make_book, read, header, good, good_record
) -> None:
    path = make_book([["身份证号", *header], ["999999199001011234", *good]])
    reading, rows = read(path)
    assert rows[0].record == good_record
    assert reading.dropped == ("身份证号",)


def test_an_id_number_serves_where_there_is_no_patient_number(make_book, read) -> None:
    path = make_book([["身份证号", "日期", "到诊"], ["99999919900101123x", "2026-11-21", "√"]])
    assert read(path)[1][0].record == {
        "id_no": "99999919900101123X",
        "day": "2026-11-21",
        "came": True,
    }


def test_defaults_fill_a_column_or_a_cell_that_is_absent(make_book, importer) -> None:
    needs_site = Importer(
        type="test.visit.v1",
        zh="到访",
        en="visits",
        columns=(
            *(column for column in importer.columns if column.field in ("ref", "day")),
            Column("site", "code", ("服药点",), "site"),
        ),
    )
    without = make_book([["编号", "日期"], ["P1", "2026-11-21"]], name="a.xlsx")
    with pytest.raises(Refused) as caught:
        open_file(without, needs_site)
    assert "服药点" in caught.value.text("zh")
    with open_file(without, needs_site, defaults={"site": "cln-01"}) as reading:
        assert next(reading.rows).record == {"ref": "P1", "day": "2026-11-21", "site": "cln-01"}
    rows = [
        ["编号", "日期", "服药点"],
        ["P1", "2026-11-21", None],
        ["P2", "2026-11-21", "cln-01-a"],
    ]
    with open_file(make_book(rows), needs_site, defaults={"site": "cln-01"}) as reading:
        assert [row.record and row.record["site"] for row in reading.rows] == ["cln-01", "cln-01-a"]


def test_every_fault_of_a_row_is_told_and_no_value_is(make_book, read, header) -> None:
    secret = "张三疑似值"
    _, rows = read(make_book([header, [5.11623e17, secret, secret]]))
    assert rows[0].record is None
    assert [fault.code for fault in rows[0].faults] == [
        "files.number_changed",
        "files.date_unreadable",
        "files.bool_unreadable",
    ]
    for fault in rows[0].faults:
        for lang in LANGUAGES:
            text = fault.text(lang)
            assert fault.title in text
            assert "2" in text  # the row number
            assert secret not in text
            assert "511623" not in text
            assert "{" not in text


def test_raw_cells_are_kept_only_for_rows_with_faults(make_book, read, header, good) -> None:
    _, rows = read(make_book([header, good, ["P2", "昨天", "√"]]))
    assert rows[0].raw is None
    assert rows[1].raw == {"ref": "P2", "day": "昨天", "came": "√"}


def test_the_one_visible_sheet_with_data_is_read_and_the_others_are_named(
    make_book, read, header, good
) -> None:
    def hide(book: openpyxl.Workbook) -> None:
        book["旧表"].sheet_state = "hidden"

    sheets = {
        "说明": [["请按月填写"]],
        "旧表": [header, ["P9", "2020-01-01", "×"]],
        "11月": [header, good],
        "12月": [header],
    }
    reading, rows = read(make_book(sheets, hide))
    assert (reading.sheet, reading.others) == ("11月", ("说明",))
    assert len(rows) == 1


def test_several_sheets_with_data_are_not_read_before_one_is_named(
    make_book, importer, header, good
) -> None:
    path = make_book({"11月": [header, good], "说明": [["x"]], "12月": [header, good]})
    with pytest.raises(Refused) as caught:
        open_file(path, importer)
    assert caught.value.code == "files.sheets_several"
    assert caught.value.params["sheets"] == "11月、12月"


def about_a_day(importer: Importer) -> Importer:
    return msgspec.structs.replace(importer, unique=("ref", "id_no", "day"))


def read_all(path: Path, importer: Importer) -> tuple[Reading, list[Row]]:
    with open_file(path, importer) as reading:
        return reading, list(reading.rows)


def test_of_each_row_the_first_of_the_columns_that_is_filled_in_is_used(
    make_text, importer
) -> None:
    text = "编号,身份证号,日期,到诊\n,11,2026-11-20,是\nP2,,2026-11-20,是\n"
    reading, rows = read_all(make_text(text), importer)
    assert [row.record["id_no"] for row in rows if "id_no" in row.record] == ["11"]
    assert [row.record["ref"] for row in rows if "ref" in row.record] == ["P2"]
    assert reading.dropped == ()
    reading, rows = read_all(make_text("编号,身份证号,日期,到诊\nP1,11,2026-11-20,是\n"), importer)
    assert reading.dropped == ("身份证号",)
    assert "id_no" not in rows[0].record


def test_rows_that_contradict_each_other_are_all_refused_and_name_each_other(
    make_text, importer
) -> None:
    lines = ["编号,日期,到诊", "P1,2026-11-20,是", "P2,2026-11-20,是", "P1,2026/11/20,否"]
    lines += ["P1,2026-11-20,√", "P2,2026-11-21,否"]
    _, rows = read_all(make_text("\n".join(lines)), about_a_day(importer))
    found = {row.number: [(f.code, f.params["other"]) for f in row.faults] for row in rows}
    contradicted = "files.rows_contradict"
    assert found == {
        2: [(contradicted, 4)],
        3: [],
        4: [(contradicted, 2)],
        5: [(contradicted, 4)],
        6: [],
    }
    assert "“编号、日期”" in rows[0].faults[0].text("zh")
    both = "编号,身份证号,日期,到诊\nP1,,2026-11-20,是\nP1,,2026-11-20,否\n"
    _, rows = read_all(make_text(both), about_a_day(importer))
    assert "“编号、日期”" in rows[0].faults[0].text("zh")


def test_rows_that_say_the_same_count_once(make_text, importer) -> None:
    importer = about_a_day(importer)
    text = "编号,日期,到诊\nP1,2026-11-20,是\nP1,2026年11月20日,√\nP1,2026-11-21,是\n"
    reading, rows = read_all(make_text(text), importer)
    assert [row.number for row in rows] == [2, 4]
    assert reading.skipped["same"] == 1


def test_a_monthly_grid_is_told_how_to_become_a_list(make_book, importer) -> None:
    days = [f"{day}日" for day in range(1, 31)]
    path = make_book([["11月服药登记"], ["编号", "姓名", *days], ["P1", "x", *["√"] * 30]])
    with pytest.raises(Refused) as caught:
        open_file(path, importer)
    assert caught.value.code == "files.grid"


def test_a_wrong_header_names_only_the_columns_that_must_be_there(make_text, importer) -> None:
    with pytest.raises(Refused) as caught:
        open_file(make_text("编号,姓名\nP1,x\n"), importer)
    assert "日期" in str(caught.value.params["expected"])
    assert "服药点" not in str(caught.value.params["expected"])


def test_a_wrong_header_is_told_with_the_columns_expected_and_found(make_book, read) -> None:
    with pytest.raises(Refused) as caught:
        read(make_book([["药品名称", "单价", "数量"], ["某药", 1, 2]]))
    assert caught.value.code == "files.header_wrong"
    for lang in LANGUAGES:
        text = caught.value.text(lang)
        assert all(title in text for title in ("编号", "身份证号", "日期", "到诊"))
        assert all(title in text for title in ("药品名称", "单价", "数量"))


def test_a_header_that_lacks_one_column_says_which(make_text, read) -> None:
    with pytest.raises(Refused) as caught:
        read(make_text("编号,日期,姓名\nP1,2026-11-21,某某\n"))
    assert caught.value.params["missing"] == "到诊"
    assert caught.value.params["found"] == "编号、日期、姓名"


def test_a_file_without_a_header_does_not_show_its_data(make_text, read) -> None:
    for line in ("P0001,张三,2026-11-21,√", "张三,是", "张三,张三"):
        with pytest.raises(Refused) as caught:
            read(make_text(f"{line}\n{line}\n"))
        assert caught.value.code == "files.header_none"
        assert "张三" not in caught.value.text("zh")


def test_a_column_that_stands_there_twice_is_refused(make_book, read, good) -> None:
    with pytest.raises(Refused) as caught:
        read(make_book([["编号", "日期", "到诊", "服药日期"], [*good, "2026-11-22"]]))
    assert caught.value.code == "files.column_twice"
    assert caught.value.params["titles"] == "日期、服药日期"


def test_a_file_with_a_header_alone_is_refused(make_book, make_text, read, header) -> None:
    for path in (
        make_book([["标题"], header, []]),
        make_text("编号,日期,到诊\r\n\r\n,,\r\n合计,,\r\n"),
    ):
        with pytest.raises(Refused) as caught:
            read(path)
        assert caught.value.code == "files.no_rows"


def test_dates_of_the_1904_calendar_are_read_right(make_book, read, header) -> None:
    def old_mac(book: openpyxl.Workbook) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    _, rows = read(make_book([header, ["P1", dt.date(2026, 11, 21), "√"]], old_mac))
    assert rows[0].record is not None
    assert rows[0].record["day"] == "2026-11-21"


def test_a_number_shown_with_leading_zeros_is_read_as_shown(make_book, read, header) -> None:
    def zeros(book: openpyxl.Workbook) -> None:
        book.worksheets[0]["A2"].number_format = "0000"

    _, rows = read(make_book([header, [12, "2026-11-21", "√"]], zeros))
    assert rows[0].record is not None
    assert rows[0].record["ref"] == "0012"


def test_an_old_excel_file_is_read_like_a_new_one(read) -> None:
    reading, rows = read(VECTORS / "attendance.xls")
    assert (reading.sheet, reading.header_row) == ("到诊", 4)
    assert rows[0].record == {
        "ref": "P0001",
        "day": "2026-11-16",
        "came": True,
        "site": "cln-01",
    }
    assert [fault.code for fault in rows[1].faults] == ["files.date_impossible"]
    assert [row.record["day"] for row in rows[2:] if row.record] == ["2026-11-16"] * 2
    assert reading.skipped["total"] == 1


def test_progress_ends_at_the_hint(make_book, make_text, read, header, good) -> None:
    text = make_text("编号,日期,到诊\n" + "P1,2026-11-21,√\n" * 1000)
    for path in (make_book([header, *[good] * 1000]), text, VECTORS / "attendance.xls"):
        reading, _ = read(path)
        assert reading.position == reading.total_hint > 0


def test_rows_beyond_the_limit_are_refused_when_they_are_reached(
    make_text, importer, good_record
) -> None:
    path = make_text("编号,日期,到诊\n" + "P0001,2026-11-21,√\n" * 4)
    with open_file(path, importer, limits=Limits(rows=3)) as reading:
        assert [next(reading.rows).record for _ in range(3)] == [good_record] * 3
        with pytest.raises(Refused) as caught:
            next(reading.rows)
    assert caught.value.code == "files.rows_many"


def test_an_importer_that_contradicts_itself_is_a_bug() -> None:
    column = Column("ref", "ref", ("编号",), "number")
    with pytest.raises(Misuse):
        Importer(type="t", zh="", en="", columns=(column, column))
    with pytest.raises(Misuse):
        Importer(type="t", zh="", en="", columns=(column,), either=(("ref", "id_no"),))


def test_the_sheet_that_was_named_is_read_although_another_has_the_header_too(
    tmp_path: Path, importer: Importer
) -> None:
    book = openpyxl.Workbook()
    for title, ref in (("十月", "P1"), ("十一月", "P2")):
        sheet = book.create_sheet(title)
        for row in (["编号", "日期", "到诊"], [ref, "2026-11-20", "是"]):
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    with open_file(tmp_path / "a.xlsx", importer, sheet="十一月") as reading:
        assert reading.sheet == "十一月"
        assert [row.record["ref"] for row in reading.rows if row.record] == ["P2"]
    with pytest.raises(Refused) as refusal:
        open_file(tmp_path / "a.xlsx", importer, sheet="九月")
    assert refusal.value.code == "files.sheet_unknown"
    assert "十月" in refusal.value.text("zh")
