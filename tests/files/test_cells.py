"""One cell at a time: what people type and what Excel makes of it."""

from __future__ import annotations

import datetime as dt

import pytest

from jdgate.errors import Misuse
from jdgate.files.cells import Cell, CellFault, fold, from_serial, is_blank, read_cell, tidy
from jdgate.files.importer import Column, Importer

DAY = Column("day", "date", ("日期",), "date")
CAME = Column("came", "bool", ("到诊",), "attended")
REF = Column("ref", "ref", ("编号",), "number")
ID_NO = Column("id_no", "id_no", ("身份证号",), "ID number")
NAME = Column("name", "name", ("姓名",), "name")
TEXT = Column("text", "text", ("说明",), "text")
SITE = Column("site", "code", ("服药点",), "site")
PAPERS = Column(
    "docs", "list", ("文书",), "papers",
    choices={"决定书": "decision", "协议书": "agreement", "协议": "agreement"},
)  # fmt: skip
STATE = Column("state", "choice", ("状态",), "status", choices={"在治": "active", "终止": "ended"})


def fault_of(column: Column, cell: Cell) -> str:
    with pytest.raises(CellFault) as caught:
        read_cell(column, cell)
    return caught.value.code


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-21",
        "2026/11/21",
        "2026.11.21",
        "20261121",
        "2026年11月21日",
        "2026年11月21",
        "２０２６年１１月２１日",
        " 2026 年 11 月 21 日 ",
        "2026－11－21",
        "2026-11-21 00:00:00",
        "2026-11-21T08:30:00.000",
        "2026/11/21 8:30",
        "\ufeff2026-11-21\u200b",
        dt.date(2026, 11, 21),
        dt.datetime(2026, 11, 21, 8, 30),
        46347,
        46347.0,
        46347.354,
        "46347",
        20261121.0,
    ],
)
def test_a_date_is_read_however_it_is_written(cell: Cell) -> None:
    assert read_cell(DAY, cell) == "2026-11-21"


def test_a_date_with_short_month_and_day_is_read() -> None:
    assert read_cell(DAY, "2026年1月5日") == "2026-01-05"
    assert read_cell(DAY, "2026/1/5") == "2026-01-05"


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "2026年11月31日", "2025-02-29", "20261301", "2026-00-10"]
)
def test_a_date_that_does_not_exist_is_a_fault(cell: Cell) -> None:
    assert fault_of(DAY, cell) == "files.date_impossible"


@pytest.mark.parametrize(
    "cell",
    [
        "11/12/2026",
        "26-11-21",
        "11月21日",
        "明天",
        "########",
        "2026-11/21",
        "2026年11-21",
        "2026-11-21 99:00",
        True,
        0.5,
        dt.time(8, 30),
        float("nan"),
        float("inf"),
        99999,
    ],
)
def test_a_date_that_can_be_read_in_two_ways_or_none_is_a_fault(cell: Cell) -> None:
    assert fault_of(DAY, cell) == "files.date_unreadable"


@pytest.mark.parametrize("cell", ["1898-01-01", "2206-11-21", dt.date(1900, 1, 1)])
def test_a_year_out_of_range_is_a_fault(cell: Cell) -> None:
    assert fault_of(DAY, cell) == "files.date_range"


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("是", "否"),
        ("√", "×"),
        ("✓", "✗"),
        ("✔\ufe0f", "❌"),
        ("到", "未到"),
        ("已到", "缺"),
        ("1", "0"),
        (1.0, 0.0),
        (1, 0),
        ("Y", "N"),
        ("ｙ", "ｎ"),
        ("true", "FALSE"),
        (True, False),
        (" 是\u3000", "\u00a0否"),
    ],
)
def test_yes_and_no_are_read_however_they_are_written(yes: Cell, no: Cell) -> None:
    assert read_cell(CAME, yes) is True
    assert read_cell(CAME, no) is False


@pytest.mark.parametrize("cell", ["x", "X", "ｘ", "也许", "2", 2.0, "○", dt.date(2026, 1, 1)])
def test_what_may_mean_yes_or_no_is_a_fault(cell: Cell) -> None:
    assert fault_of(CAME, cell) == "files.bool_unreadable"


@pytest.mark.parametrize(
    ("cell", "ref"),
    [
        ("P0001", "P0001"),
        ("Ｐ０００１", "P0001"),
        (" P 0001\u3000", "P0001"),
        ("P\u200b0001\ufeff", "P0001"),
        ("0012", "0012"),
        (12.0, "12"),
        (12, "12"),
        ("12.0", "12"),
        (float(2**53 - 1), str(2**53 - 1)),
        ("1E5", "1E5"),
    ],
)
def test_a_reference_keeps_its_digits(cell: Cell, ref: str) -> None:
    assert read_cell(REF, cell) == ref


@pytest.mark.parametrize(
    "cell",
    [
        511623199001011230.0,
        float(2**53),
        12.5,
        -3.0,
        float("nan"),
        float("inf"),
        "5.11623E+17",
        "５.１１６２３Ｅ＋１７",
        "511623199001011230.0",
    ],
)
def test_a_number_that_excel_may_have_changed_is_refused_for_references(cell: Cell) -> None:
    assert fault_of(REF, cell) == "files.number_changed"
    assert fault_of(ID_NO, cell) == "files.number_changed"


def test_an_id_number_is_text_and_its_x_is_upper_case() -> None:
    assert read_cell(ID_NO, " 99999919900101123ｘ") == "99999919900101123X"
    assert read_cell(ID_NO, "999999 19900101 1234") == "999999199001011234"


def test_excel_keeps_fifteen_digits_so_a_numeric_id_number_may_have_no_more() -> None:
    assert read_cell(ID_NO, 123456789012345.0) == "123456789012345"
    assert fault_of(ID_NO, 1234567890123456.0) == "files.number_changed"


def test_a_reference_that_excel_made_a_date_or_a_truth_value_is_refused() -> None:
    assert fault_of(REF, dt.date(2026, 11, 1)) == "files.number_became_date"
    assert fault_of(REF, True) == "files.not_a_number_text"


def test_names_lose_stray_space_and_keep_their_characters() -> None:
    assert read_cell(NAME, "\u3000张\u200b三 ") == "张三"
    assert read_cell(NAME, "阿依古丽•买买提") == "阿依古丽·买买提"
    assert read_cell(NAME, "阿依古丽 ・ 买买提") == "阿依古丽·买买提"
    assert read_cell(NAME, "ＡＢ") == "AB"
    # NFKC would turn this into another character.
    assert read_cell(NAME, "㈱﨑") == "㈱﨑"


def test_text_is_only_tidied() -> None:
    assert read_cell(TEXT, "ａ\u00a0 b\n c") == "ａ b c"


def test_codes_are_folded_and_keep_their_case() -> None:
    assert read_cell(SITE, "ｃｌｎ－０１－ａ ") == "cln-01-a"
    assert read_cell(SITE, "S01") == "S01"


def test_a_choice_is_its_value_and_a_wrong_one_says_what_is_allowed() -> None:
    assert read_cell(STATE, " 在治 ") == "active"
    with pytest.raises(CellFault) as caught:
        read_cell(STATE, "脱失")
    assert caught.value.params == {"allowed": "在治、终止"}


@pytest.mark.parametrize(
    "cell",
    [
        "决定书、协议书",
        "决定书，协议",
        "决定书,协议",
        " 决定 书；协议书； ",
        "决定书;协议书",
        "决定书 / 协议书",
        "决定书／协议",
        "决定书\r\n协议书\n",
        "决定书、协议书、协议、决定书",
    ],
)
def test_a_list_is_its_values_each_once_however_they_are_parted(cell: str) -> None:
    assert read_cell(PAPERS, cell) == ["decision", "agreement"]


def test_of_a_list_one_wrong_entry_is_a_fault_and_nothing_is_left_out() -> None:
    assert read_cell(PAPERS, "协议") == ["agreement"]
    for cell in ("决定书、照片", "决定书协议书", 7):
        with pytest.raises(CellFault) as caught:
            read_cell(PAPERS, cell)
        assert caught.value.code == "files.choice_unknown"
        assert caught.value.params == {"allowed": "决定书、协议书"}


def test_a_choice_of_a_list_holds_no_mark_that_parts_entries() -> None:
    column = Column("docs", "list", ("文书",), "papers", choices={"决定书/通知书": "decision"})
    with pytest.raises(Misuse) as caught:
        Importer(type="test.v1", zh="测试", en="test", columns=(column,))
    assert caught.value.code == "files.importer_choice_parted"


@pytest.mark.parametrize("cell", ["#N/A", " #REF! ", "#value!"])
def test_a_formula_error_is_a_fault_in_every_kind_of_column(cell: str) -> None:
    for column in (DAY, CAME, REF, ID_NO, NAME, TEXT, SITE, STATE, PAPERS):
        assert fault_of(column, cell) == "files.cell_error"


def test_a_text_that_is_too_long_is_a_fault_that_says_how_long() -> None:
    with pytest.raises(CellFault) as caught:
        read_cell(NAME, "长" * 201)
    assert caught.value.code == "files.cell_long"
    assert caught.value.params == {"chars": 201, "limit": 200}


def test_what_a_person_sees_as_empty_is_blank() -> None:
    for cell in (None, "", " ", "\u3000", "\u200b", "\ufeff\u00a0\n", "\u2060"):
        assert is_blank(cell)
    for filled in ("0", 0, 0.0, False, "-"):
        assert not is_blank(filled)


def test_serials_count_from_the_last_day_of_1899_and_end() -> None:
    assert from_serial(1.0) == dt.datetime(1899, 12, 31)
    assert from_serial(46347.5) == dt.datetime(2026, 11, 21, 12)
    assert from_serial(-1) is None
    assert from_serial(1e12) is None
    assert from_serial(float("nan")) is None


def test_folding_twice_changes_nothing_more() -> None:
    for text in ("Ａ\u3000Ｂ", "①", "ﬁ", "　x　", "１２３"):
        assert fold(fold(text)) == fold(text)
        assert tidy(tidy(text)) == tidy(text)


COUNT = Column("n", "whole", ("件数",), "count", units=("件",))
AMOUNT = Column("qty", "number", ("数量",), "quantity")
CHANGE = Column("change", "number", ("增减",), "change", negative=True)


@pytest.mark.parametrize(
    "cell", [1200, 1200.0, "1200", "1,200", "１，２００", " 1 200 ", "1200.0", "1200件", "+1200"]
)
def test_a_whole_number_is_read_however_it_is_written(cell: Cell) -> None:
    got = read_cell(COUNT, cell)
    assert (got, type(got)) == (1200, int)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (1.5, "files.number_fraction"),
        ("1.5", "files.number_fraction"),
        (-1, "files.number_negative"),
        ("−1", "files.number_negative"),
        ("1,20", "files.number_unreadable"),
        ("十二", "files.number_unreadable"),
        ("nan", "files.number_unreadable"),
        (float("nan"), "files.number_unreadable"),
        (float("inf"), "files.number_unreadable"),
        (True, "files.number_unreadable"),
        (dt.date(2026, 11, 21), "files.number_unreadable"),
        ("1.2E+05", "files.number_rounded"),
        (2.0**53, "files.number_large"),
        ("9" * 400, "files.number_large"),
    ],
)
def test_what_is_no_count_is_a_fault(cell: Cell, code: str) -> None:
    assert fault_of(COUNT, cell) == code


def test_a_quantity_keeps_its_fraction_and_is_below_nothing_only_where_it_may() -> None:
    assert read_cell(AMOUNT, "1,200.05") == 1200.05
    assert read_cell(AMOUNT, "０．５") == 0.5
    assert read_cell(CHANGE, "-0.5") == -0.5
    assert fault_of(AMOUNT, "-0.5") == "files.number_negative"
    assert fault_of(AMOUNT, 1e15) == "files.number_large"
