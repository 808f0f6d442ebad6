"""From a file to the record that is sent: substances by name, quantities, moments, no people."""

from __future__ import annotations

from pathlib import Path

import pytest

from jdgate.core import catalogue
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Importer, open_file, write_table
from jdgate.refdata import References
from jdgate_precursor.importers import (
    ANNUAL_REPORT,
    IMPORTERS,
    LOSS_REPORT,
    NEVER_SENT,
    PERMIT_CHANGE,
    SALE_FILED,
)
from jdgate_precursor.rows import prepare

PRECURSORS = References().precursors
USCC = "91511623MA00000015"
BUYER = "91511623MA00000028"
FILES: list[tuple[Importer, dict[str, object], dict[str, object]]] = [
    (
        SALE_FILED,
        {
            "销售单位": USCC,
            "买方种类": "单位",
            "购买单位": BUYER,
            "品名": "丙酮",
            "数量": "1,200.5",
            "单位": "千克",
            "销售日期": "2026年11月20日",
            "付款方式": "银行转账",
            "备案证明号": "川备2026-1",
            "经办人": "x",
        },
        {"cas": "67-64-1", "qty": 1200.5, "unit": "kg", "payment": "transfer"},
    ),
    (
        ANNUAL_REPORT,
        {
            "统一社会信用代码": USCC,
            "年度": "2025年",
            "CAS号": "67-64-1",
            "单位": "升",
            "购进数量": 12.5,
            "使用数量": 10,
            "年末库存": "2.5",
            "备案部门": "公安",
        },
        {"year": 2025, "in": 12.5, "out": 10, "stock": 2.5, "authority": "POL"},
    ),
    (
        LOSS_REPORT,
        {
            "统一社会信用代码": USCC,
            "品名": "甲苯",
            "数量": 3,
            "单位": "kg",
            "发现时间": "2026/11/21 09:30",
            "情形": "被盗",
        },
        {"cas": "108-88-3", "found_at": "2026-11-21T01:30:00Z", "kind": "stolen"},
    ),
    (
        PERMIT_CHANGE,
        {
            "统一社会信用代码": USCC,
            "许可证号": "川备2026-1",
            "变动": "吊销",
            "变动日期": "2026-11-20",
        },
        {"permit_no": "川备2026-1", "action": "revoked", "date": "2026-11-20"},
    ),
]


@pytest.mark.parametrize(
    ("importer", "cells", "wanted"), FILES, ids=lambda one: getattr(one, "type", "")
)
def test_a_row_becomes_a_record_that_its_schema_accepts(
    tmp_path: Path, importer: Importer, cells: dict[str, object], wanted: dict[str, object]
) -> None:
    path = tmp_path / "file.xlsx"
    write_table(path, "1", list(cells), [list(cells.values())])
    with open_file(path, importer) as reading:
        (row,) = reading.rows
    assert row.record is not None, row.faults
    made = prepare(importer.type, row.record, PRECURSORS) or dict(row.record)
    assert {name: made[name] for name in wanted} == wanted
    known = catalogue.load([catalogue.default_path()])
    assert check_record(known.validator(importer.type), known.sheet(importer.type), made) == []


@pytest.mark.parametrize(
    ("type", "field", "cell", "code"),
    [
        (SALE_FILED.type, "cas", "石灰", "precursor.substance_unknown"),
        (SALE_FILED.type, "cas", "67-64-2", "precursor.substance_unknown"),
        (LOSS_REPORT.type, "found_at", "昨天", "precursor.moment_unreadable"),
    ],
)
def test_what_nobody_can_read_is_refused_by_field(
    type: str, field: str, cell: str, code: str
) -> None:
    with pytest.raises(Refused) as caught:
        prepare(type, {field: cell}, PRECURSORS)
    assert (caught.value.code, caught.value.params) == (code, {"field": field})


def test_rows_of_other_types_are_left_alone() -> None:
    assert prepare("precursor.inspect.result.v1", {"uscc": USCC}, PRECURSORS) is None


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_people_stay_behind(importer: Importer) -> None:
    read = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not read & set(importer.dropped)
    assert {"身份证号", "经办人", "电话"} <= set(NEVER_SENT) <= set(importer.dropped)
