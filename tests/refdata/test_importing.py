"""Files that become versions: what is taken, what is refused, and which version applies."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import openpyxl
import pytest

from jdgate.errors import Misuse, Refused
from jdgate.refdata import ImportRefused, References, TableName

from .conftest import NOW, Add, Write

PLACES = """\
邻水县行政区划（2026年）,,
统计用区划代码,城乡分类代码,名称
511623000000,,邻水县
511623101000,121,鼎屏镇
511623101201,121,石滓村
511623102,220,城北镇
511623102201,220,石滓村
"""


def codes(refused: ImportRefused) -> list[tuple[int, str]]:
    return [(int(str(fault.params["row"])), fault.code) for fault in refused.found.faults]


def test_a_countys_table_names_its_towns_and_villages(add: Add, folder: Path) -> None:
    done = add("divisions", PLACES, "2026-07-01")
    assert done.version.rows == 5
    assert done.version.covers == {"511623"}
    assert done.warnings == (), "villages of the same name in two towns are no mistake"
    places = References(folder).divisions
    assert places.path("511623101201") == "四川省广安市邻水县鼎屏镇石滓村"
    assert places.name("511623102000") == "城北镇"
    assert places.warning("511623999000", date(2026, 7, 1)) == "refdata.division_unknown"
    assert places.warning("511623101000", date(2026, 6, 30)) is None
    assert places.known("110105", date(2026, 7, 1)), "the rest of the country stays"


def test_excel_is_taken_too(folder: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("代码", "名称"), (511623101000, "鼎屏镇"), ("511623102000", "城北镇")):
        sheet.append(row)
    path = tmp_path / "places.xlsx"
    book.save(path)
    tables = References(folder)
    tables.add("divisions", path, source="民政局", since=date(2026, 7, 1), now=NOW)
    assert tables.divisions.name("511623101") == "鼎屏镇"
    assert tables.divisions.name("511623102") == "城北镇"


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("51162310,甲镇\n", [(2, "refdata.row_code")]),
        ("511623101000,甲镇\n511623101000,乙镇\n", [(3, "refdata.row_twice")]),
        ("511623101000,甲镇\n511623101,甲镇\n", [(3, "refdata.row_twice")]),
        ("511623101201,甲村\n", [(2, "refdata.row_orphan")]),
        ("511623101000,Town\n", [(2, "refdata.row_name")]),
        ("000000101000,甲镇\n", [(2, "refdata.row_code")]),
        ("511600000000,广安市\n511623101000,甲镇\n", []),
        (",甲镇\n", [(2, "files.cell_missing")]),
        ("511623101000,甲镇\n5,乙镇\n511623102201,丙村\n", [(3, "refdata.row_code"),
                                                      (4, "refdata.row_orphan")]),
    ],
)  # fmt: skip
def test_a_places_table_is_checked_row_by_row(
    rows: str, wrong: list[tuple[int, str]], add: Add, folder: Path
) -> None:
    if not wrong:
        add("divisions", f"代码,名称\n{rows}")
        return
    with pytest.raises(ImportRefused) as refused:
        add("divisions", f"代码,名称\n{rows}")
    assert codes(refused.value) == wrong
    assert not folder.exists(), "whole or not at all"


def test_what_older_tables_do_not_know_is_a_warning(add: Add) -> None:
    done = add("divisions", "代码,名称\n511699101000,新镇\n511699102000,新镇\n")
    assert [fault.code for fault in done.warnings] == [
        "refdata.row_new_county",
        "refdata.row_new_county",
        "refdata.row_same_name",
    ]


def test_a_fault_never_shows_what_the_cell_holds(add: Add) -> None:
    with pytest.raises(ImportRefused) as refused:
        add("divisions", "代码,名称\n110101199001011234,张三丰\n")
    for lang in ("zh", "en"):
        told = " ".join(fault.text(lang) for fault in refused.value.found.faults)
        assert "110101" not in told and "张三丰" not in told
        assert "2" in told


def test_a_newer_table_replaces_the_older_from_its_day(add: Add, folder: Path) -> None:
    add("divisions", "代码,名称\n511623101000,鼎屏镇\n511623102000,城北镇\n", "2026-01-01")
    add("divisions", "代码,名称\n511623101000,鼎屏街道\n", "2026-07-01")
    places = References(folder).divisions
    day = date(2026, 7, 1)
    assert places.name("511623101000", day - timedelta(1)) == "鼎屏镇"
    assert places.name("511623101000", day) == "鼎屏街道"
    assert places.warning("511623102000", day - timedelta(1)) is None
    assert places.warning("511623102000", day) == "refdata.division_not_then"


def test_neighbour_counties_have_tables_of_their_own(add: Add, folder: Path) -> None:
    add("divisions", "代码,名称\n511623101000,鼎屏镇\n", "2026-01-01")
    add("divisions", "代码,名称\n511621101000,九龙镇\n", "2026-02-01")
    tables = References(folder)
    assert tables.divisions.known("511623101000", date(2026, 3, 1))
    applied = tables.in_force("divisions", date(2026, 3, 1))
    assert [version.number for version in applied] == [0, 1, 2]


def test_which_version_applied_on_a_day_can_be_asked(add: Add, folder: Path) -> None:
    add("divisions", PLACES, "2026-07-01")
    add("divisions", PLACES, "2027-01-01")
    add("divisions", PLACES, "2026-03-01", source="late")  # imported last, applies first
    tables = References(folder)

    def applied(day: str) -> list[int]:
        return [one.number for one in tables.in_force("divisions", date.fromisoformat(day))]

    assert [one.number for one in tables.versions("divisions")] == [0, 1, 2, 3]
    assert applied("2026-02-28") == [0]
    assert applied("2026-03-01") == [0, 3]
    assert applied("2026-07-01") == [0, 1]
    assert applied("2027-01-01") == [0, 2]
    assert tables.in_force("grounds", date(2020, 1, 1)) == []


ADDED = "类别,名称,CAS号,列管日期\n第二类,新物质,64-17-5,2027-03-01\n"


def test_a_newly_listed_substance_counts_from_its_day(add: Add, folder: Path) -> None:
    add("precursors", ADDED, "2027-01-01")
    catalogue = References(folder).precursors
    assert catalogue.category("64-17-5", date(2027, 2, 28)) is None
    assert catalogue.category("64-17-5", date(2027, 3, 1)) == 2
    assert len(catalogue.listed_on(date(2027, 3, 1))) == 48
    found = catalogue.find("新物质")[0]
    assert (found.source, found.category_tag) == ("test", "local")


def test_a_substance_moves_to_another_category_on_a_day(add: Add, folder: Path) -> None:
    add("precursors", "类别,名称,CAS号\n1,哌啶,110-89-4\n", "2027-01-01")
    catalogue = References(folder).precursors
    assert catalogue.category("哌啶", date(2026, 12, 31)) == 2
    assert catalogue.category("哌啶", date(2027, 1, 1)) == 1
    assert catalogue.category("piperidine", date(2027, 1, 1)) == 1, "its other names stay"
    assert len(catalogue.listed_on(date(2027, 1, 1))) == 47


def test_a_listing_can_end(add: Add, folder: Path) -> None:
    add("precursors", "类别,名称,列管日期,解除列管日期\n3,丙酮,2005-11-01,2027-01-01\n")
    catalogue = References(folder).precursors
    assert catalogue.category("acetone", date(2026, 12, 31)) == 3
    assert catalogue.category("acetone", date(2027, 1, 1)) is None


def test_the_day_of_a_listing_can_be_made_precise(add: Add, folder: Path) -> None:
    add("precursors", "类别,名称,列管日期\n一类,羟亚胺,2008-08-01\n")
    catalogue = References(folder).precursors
    assert catalogue.status("羟亚胺", date(2008, 7, 31)) == "no"
    assert catalogue.status("羟亚胺", date(2008, 8, 1)) == "yes"
    assert catalogue.category("90717-16-1", date(2008, 8, 1)) == 1, "its number stays"


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ("1,甲,64-17-6,", [(2, "refdata.row_cas")]),
        ("4,甲,64-17-5,", [(2, "files.choice_unknown")]),
        ("1,丙酮,108-88-3,", [(2, "refdata.row_two_items")]),
        ("1,甲,,2020-01-01", [(2, "refdata.row_dates")]),
        ("1,甲,,\n2,甲,,", [(3, "refdata.row_twice")]),
    ],
)
def test_a_catalogue_is_checked_row_by_row(
    rows: str, wrong: list[tuple[int, str]], add: Add, folder: Path
) -> None:
    with pytest.raises(ImportRefused) as refused:
        add("precursors", f"类别,名称,CAS号,解除列管日期\n{rows}\n")
    assert codes(refused.value) == wrong
    assert not folder.exists()


def test_two_new_items_may_not_share_a_number(add: Add, folder: Path) -> None:
    with pytest.raises(Refused) as refused:
        add("precursors", "类别,名称,CAS号\n1,甲,64-17-5\n1,乙,64-17-5\n")
    assert refused.value.code == "refdata.cas_twice"
    assert not folder.exists()


GROUND = "代码,中文,英文,规定,条款,处理,期限天数\n"


def test_a_ground_can_be_added_and_changed(add: Add, folder: Path) -> None:
    add(
        "grounds",
        f"{GROUND}99-1-new,新依据,a new ground,新规定,99(一),注销,\n"
        "67-2-own-application,六十日内申请,within 60 days,新规定,67(2),own_application,60\n",
        "2027-01-01",
    )
    grounds = References(folder).grounds
    assert grounds.get("99-1-new", date(2026, 12, 31)) is None
    assert grounds.get("99-1-new", date(2027, 1, 1)) is not None

    def days(day: date) -> int | None:
        ground = grounds.get("67-2-own-application", day)
        return ground.deadline_days if ground else None

    assert (days(date(2026, 12, 31)), days(date(2027, 1, 1))) == (30, 60)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("依据,甲,a,法,1,注销,", "refdata.row_ground_code"),
        ("a-1,甲,a,法,1,拘留,", "files.choice_unknown"),
        ("a-1,甲,a,法,1,注销,0", "refdata.row_days"),
        ("a-1,甲,a,法,1,注销,x", "refdata.row_days"),
    ],
)
def test_grounds_are_checked_row_by_row(row: str, code: str, add: Add) -> None:
    with pytest.raises(ImportRefused) as refused:
        add("grounds", f"{GROUND}{row}\n")
    assert codes(refused.value) == [(2, code)]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("2026-11-23,也许\n", "files.choice_unknown"),
        ("明天,是\n", "files.date_unreadable"),
        ("2026-11-23,是\n2026/11/23,否\n", "refdata.row_twice"),
    ],
)
def test_overrides_are_checked_row_by_row(rows: str, code: str, add: Add) -> None:
    with pytest.raises(ImportRefused) as refused:
        add("working-days", f"日期,是否工作日\n{rows}")
    assert [fault.code for fault in refused.value.found.faults] == [code]


@pytest.mark.parametrize("table", ["divisions", "working-days", "precursors", "grounds"])
def test_a_file_without_the_columns_is_refused_whole(table: TableName, add: Add) -> None:
    with pytest.raises(Refused) as refused:
        add(table, "甲,乙\n1,2\n")
    assert refused.value.code == "files.header_wrong"


def test_without_a_folder_nothing_can_be_imported(write: Write) -> None:
    with pytest.raises(Misuse):
        References().add("divisions", write(PLACES), source="x", since=date(2026, 1, 1), now=NOW)


def test_what_was_imported_is_seen_at_once(folder: Path, write: Write) -> None:
    tables = References(folder)
    assert not tables.divisions.known("511623101000")
    tables.add("divisions", write(PLACES), source="x", since=date(2026, 1, 1), now=NOW)
    assert tables.divisions.known("511623101000")
