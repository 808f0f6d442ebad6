"""The lists of a township office: read under the titles they have, cut to what the type holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugins.community.tests.township import PERSON

from jdgate.cli.push import defaults_for
from jdgate.core import catalogue
from jdgate.core.schema import check_record
from jdgate.files import Importer, open_file, write_table
from jdgate_community.importers import (
    ABSENCE_NOTED,
    CHECKIN_DONE,
    CHECKIN_OVERDUE,
    IMPORTERS,
    NEVER_SENT,
    TEST_RESULT,
    TRANSFER_HANDOVER,
    VISIT_RESULT,
    VISIT_TASK,
)

KNOWN = catalogue.load([catalogue.default_path()])
WHO = {"姓名": PERSON["name"], "身份证号": PERSON["id_no"], "联系电话": "x", "备注": "x"}
DOC = {"文号": "邻公社戒〔2026〕1号"}
FILES: list[tuple[Importer, dict[str, object], dict[str, object]]] = [
    (
        CHECKIN_DONE,
        {**WHO, **DOC, "报到日期": "2026年8月10日", "协议编号": "协-1"},
        {"date": "2026-08-10", "doc_no": "邻公社戒〔2026〕1号", "agreement_no": "协-1"},
    ),
    (
        CHECKIN_OVERDUE,
        {**WHO, **DOC, "应报到日期": "2026-08-18", "联系次数": "3次", "原因": "患病住院"},
        {"contact_attempts": 3, "reason": "ill"},
    ),
    (TEST_RESULT, {**WHO, "尿检日期": "2026-09-01", "尿检结果": "阴性"}, {"state": "attended"}),
    (TEST_RESULT, {**WHO, "尿检日期": "2026-09-01", "尿检情况": "拒检"}, {"state": "refused"}),
    (TEST_RESULT, {**WHO, "检测日期": "2026-09-01", "结果": "阳性"}, {"state": "positive_held"}),
    (
        TEST_RESULT,
        {**WHO, "检测日期": "2026-09-01", "结果": "复检阳性", "复检日期": "2026-09-03"},
        {"state": "positive_confirmed", "retest_on": "2026-09-03"},
    ),
    (
        ABSENCE_NOTED,
        {**WHO, **DOC, "外出日期": "2026-09-01", "返回日期": "", "是否请假": "否", "去向": "x"},
        {"left_on": "2026-09-01", "approved": False},
    ),
    (
        ABSENCE_NOTED,
        {**WHO, **DOC, "请假日期": "2026-09-01", "销假日期": "2026-09-09", "准假": "是"},
        {"back_on": "2026-09-09", "approved": True},
    ),
    (
        TRANSFER_HANDOVER,
        {
            **WHO, **DOC, "转入地代码": "511623102000",
            "移交材料": "决定书、社区戒毒协议；执行记录",
            "已执行天数": "200天", "下次检测日期": "2026-12-01", "移交日期": "2026-09-01",
        },
        {"docs": ["decision", "agreement", "record"], "served_days": 200},
    ),
    (
        VISIT_TASK,
        {
            "任务编号": "V-1", "姓名": "甄某", "地址": "一村1组", "网格代码": "511623101201",
            "期限": "2026-12-01", "人员类别": "x",
        },
        {"code": "routine", "place": "511623101201"},
    ),
    (
        VISIT_RESULT,
        {"任务编号": "V-1", "走访日期": "2026-11-12", "见到本人": "是", "需求": "就业"},
        {"met": True, "need_code": "job"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("importer", "cells", "wanted"), FILES)
def test_a_row_becomes_a_record_that_its_schema_accepts(
    tmp_path: Path, importer: Importer, cells: dict[str, object], wanted: dict[str, object]
) -> None:
    path = tmp_path / "file.xlsx"
    write_table(path, "1", list(cells), [list(cells.values())])
    with open_file(path, importer) as reading:
        (row,) = reading.rows
    assert row.record is not None, row.faults
    assert {name: row.record[name] for name in wanted} == wanted
    assert "x" not in row.record.values()
    validator, sheet = KNOWN.validator(importer.type), KNOWN.sheet(importer.type)
    assert check_record(validator, sheet, dict(row.record)) == []


def test_a_list_of_leave_needs_no_column_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "请假.xlsx"
    cells = {**WHO, **DOC, "请假开始日期": "2026-09-01", "销假日期": "2026-09-09"}
    write_table(path, "1", list(cells), [list(cells.values())])
    defaults = defaults_for(ABSENCE_NOTED, "com-01", ("approved=是",))
    with open_file(path, ABSENCE_NOTED, defaults=defaults) as reading:
        (row,) = reading.rows
    assert row.record is not None
    assert row.record["approved"] is True


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_what_stays_behind_is_not_read(importer: Importer) -> None:
    read = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not read & set(importer.dropped)
    assert {"检测值", "风险等级", "电话"} <= set(NEVER_SENT)
