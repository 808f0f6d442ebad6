"""From a company's file to the record that is sent: computed, checked, nothing of a customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jdgate.core import catalogue
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Importer, open_file, write_table
from jdgate.texts import LANGUAGES, read_file
from jdgate_courier import plugin
from jdgate_courier.importers import IMPORTERS, NEVER_SENT, STAT, SUSPECT
from jdgate_courier.rows import prepare

TITLES = [
    "网点编号",
    "期间自",
    "期间至",
    "收寄件数",
    "实名件数",
    "验视件数",
    "过机安检件数",
    "寄件人电话",
]
CELLS: list[object] = ["A1", "2026-11-14", "2026-11-20", "1,200", 1200, 1200, 1187, "x"]
SUSPECT_TITLES = ["运单号", "网点", "发现时间", "环节", "物品说明", "已隔离保管"]
SUSPECT_CELLS: list[object] = ["SF1234567", "A1", "2026/11/21 09:30", "分拣", "白色粉末", "是"]


def read_one(path: Path, importer: Importer) -> dict[str, object]:
    with open_file(path, importer) as reading:
        (row,) = reading.rows
    assert row.record is not None, row.faults
    return row.record


def faults_of(type: str, record: dict[str, Any]) -> list[str]:
    known = catalogue.load([catalogue.default_path()])
    return [one.code for one in check_record(known.validator(type), known.sheet(type), record)]


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_row_of_counts_becomes_a_record_with_its_rates(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stat.{suffix}"
    if suffix == "xlsx":
        write_table(path, "1", TITLES, [CELLS])
    else:
        cells = [f'"{one}"' for one in CELLS]
        path.write_text(f"{','.join(TITLES)}\n{','.join(cells)}\n", encoding="utf-8-sig")
    record = prepare(STAT.type, read_one(path, STAT))
    assert record is not None
    assert (record["n"], record["xray_n"]) == (1200, 1187)
    assert (record["realname_rate"], record["xray_rate"]) == (100, 98.91)
    assert faults_of(STAT.type, record) == []


def test_a_rate_in_the_file_is_not_believed() -> None:
    row = {"outlet": "A1", "n": 10, "realname_n": 10, "inspect_n": 10, "xray_n": 9}
    record = prepare(STAT.type, {**row, "xray_rate": "100%"})
    assert record is not None
    assert record["xray_rate"] == 90


def test_as_many_as_were_taken_in_is_accepted_and_one_more_refused() -> None:
    row = {"outlet": "A1", "n": 10, "realname_n": 10, "inspect_n": 10, "xray_n": 10}
    assert prepare(STAT.type, row) is not None
    with pytest.raises(Refused) as caught:
        prepare(STAT.type, {**row, "inspect_n": 11})
    assert caught.value.code == "courier.count_exceeds"
    assert caught.value.params == {"field": "inspect_n", "got": 11, "most": 10}


@pytest.mark.parametrize("cell", ["12.5", "-1", "1,20", "十二"])
def test_what_is_no_count_is_a_fault_of_its_row(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "stat.xlsx"
    write_table(path, "1", TITLES, [[*CELLS[:3], cell, *CELLS[4:]]])
    with open_file(path, STAT) as reading:
        (row,) = reading.rows
    assert [fault.title for fault in row.faults] == ["收寄件数"]


def test_a_suspect_item_is_reported_with_the_moment_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "suspect.xlsx"
    write_table(path, "1", SUSPECT_TITLES, [SUSPECT_CELLS])
    record = prepare(SUSPECT.type, read_one(path, SUSPECT))
    assert record is not None
    assert record["found_at"] == "2026-11-21T01:30:00Z"
    assert faults_of(SUSPECT.type, record) == []


def test_a_moment_nobody_can_read_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        prepare(SUSPECT.type, {"found_at": "昨天"})
    assert caught.value.code == "courier.moment_unreadable"


def test_rows_of_other_types_are_left_alone() -> None:
    assert prepare("courier.spotcheck.result.v1", {"outlet": "A1"}) is None


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_customers_stay_behind(importer: Importer) -> None:
    read = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not read & set(importer.dropped)
    assert {"收件人", "寄件人电话", "证件号码"} <= set(NEVER_SENT) <= set(importer.dropped)


def test_the_plugin_gives_its_hooks_and_reasons_in_both_languages() -> None:
    assert plugin.jdgate_importers() == list(IMPORTERS)
    (path,) = plugin.jdgate_texts()
    texts = read_file(path)
    for code in ("count_exceeds", "moment_unreadable"):
        assert set(texts[f"courier.{code}"]) == set(LANGUAGES)
