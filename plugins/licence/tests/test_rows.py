"""From a file to the record that is sent: people by number, grounds by word, nobody by name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jdgate.core import catalogue
from jdgate.core.identity import synthetic_id_no
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Importer, open_file, write_table
from jdgate.refdata import References
from jdgate_licence.cases import BASIS
from jdgate_licence.grounds import Cancelling
from jdgate_licence.importers import (
    ACTION_RESULT,
    BASIS_NOTICE,
    ELIGIBILITY_ANSWER,
    ELIGIBILITY_QUERY,
    IMPORTERS,
    OBJECTION,
    RESTORATION,
)
from jdgate_licence.restoring import complete, note
from jdgate_licence.rows import prepare

ID_NO = synthetic_id_no(date(1990, 1, 1), 1)
GROUNDS = Cancelling(References().grounds)
PERSON = {"姓名": "某甲", "身份证号": ID_NO, "联系电话": "x"}
DOC = {"决定书文号": "邻公强戒〔2026〕1号"}
FILES: list[tuple[Importer, dict[str, object], dict[str, object]]] = [
    (
        BASIS_NOTICE,
        {
            **PERSON,
            **DOC,
            "核对方式": "身份证原件",
            "依据": "强戒",
            "生效日期": "2026年3月2日",
            "核对民警甲": "民警甲",
            "核对民警乙": "民警乙",
        },
        {"matched_by": "id_document", "ground_code": "79-6-isolation", "id_type": "ric"},
    ),
    (
        ACTION_RESULT,
        {**PERSON, **DOC, "办理结果": "已书面告知", "办理日期": "2026/3/5", "准驾车型": "C1"},
        {"action": "notified", "date": "2026-03-05"},
    ),
    (
        OBJECTION,
        {**PERSON, **DOC, "异议理由": "数据有误", "提出日期": "2026-03-10"},
        {"ref": DOC["决定书文号"], "ground": "data_error"},
    ),
    (
        RESTORATION,
        {**PERSON, **DOC, "处理决定": "恢复", "决定人": "民警丙", "决定日期": "2026-03-20"},
        {"decision": "restore", "decided_by": "民警丙"},
    ),
    (
        ELIGIBILITY_QUERY,
        {**PERSON, "受理编号": "受-1", "申请类别": "校车"},
        {"application_no": "受-1", "class": "school_bus"},
    ),
    (
        ELIGIBILITY_ANSWER,
        {"查询单位": "tra-01", "受理编号": "受-1", "是否符合": "否", "依据条款": "令162第87条"},
        {"eligible": False, "rule_code": "162-87"},
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
    made = prepare(importer.type, row.record, GROUNDS) or dict(row.record)
    assert {name: made[name] for name in wanted} == wanted
    known = catalogue.load([catalogue.default_path()])
    assert check_record(known.validator(importer.type), known.sheet(importer.type), made) == []


@pytest.mark.parametrize(
    ("field", "cell", "code"),
    [
        ("matched_by", "姓名一致", "licence.by_name_only"),
        ("matched_by", "同名", "licence.by_name_only"),
        ("matched_by", "name", "licence.by_name_only"),
        ("matched_by", "电话", "licence.match_unknown"),
        ("ground_code", "参加美沙酮治疗", "licence.ground_unknown"),
        ("ground_code", "67-2-own-application", "licence.ground_unknown"),
        ("effective_on", "2022-03-31", "licence.ground_not_then"),
    ],
)
def test_nobody_is_notified_by_name_or_without_a_ground(field: str, cell: str, code: str) -> None:
    record: dict[str, Any] = {
        "matched_by": "证件号码",
        "ground_code": "社区戒毒",
        "effective_on": "2022-04-01",
    }
    assert prepare(BASIS, record, GROUNDS) == {
        **record,
        "matched_by": "id_number",
        "ground_code": "79-6-community-treatment",
    }
    with pytest.raises(Refused) as caught:
        prepare(BASIS, {**record, field: cell}, GROUNDS)
    assert caught.value.code == code


def test_a_row_without_an_identity_number_is_no_record(tmp_path: Path) -> None:
    cells = {**FILES[0][1], "身份证号": ""}
    path = tmp_path / "file.xlsx"
    write_table(path, "1", list(cells), [list(cells.values())])
    with open_file(path, BASIS_NOTICE) as reading:
        (row,) = reading.rows
    assert row.record is None


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_what_is_dropped_is_read_by_no_column(importer: Importer) -> None:
    read = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not read & set(importer.dropped)
    assert {"联系电话", "地址", "驾驶证号"} <= set(importer.dropped)


class Notes(dict[tuple[str, str], Any]):
    """A register in memory."""

    def put(self, kind: str, key: str, value: Any) -> None:
        self[kind, key] = value

    def get(self, kind: str, key: str) -> Any:  # type: ignore[override]
        return super().get((kind, key))


class Approved:
    type, decided_by = "licence.restore.v1", "民警丙"
    decided_at = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
    id, prefill = "d", {"ref": "D1"}


def test_a_restoration_knows_the_person_from_the_bureau_s_own_results() -> None:
    notes: Any = Notes()
    person = {"name": "某甲", "id_type": "ric", "id_no": ID_NO}
    decision = {
        "ref": "D1",
        "decision": "restore",
        "decided_by": "民警丙",
        "decided_on": "2026-11-22",
    }
    assert complete(Approved(), notes) == decision  # whoever approves fills the person in
    note("licence.action.result.v1", [{**person, "doc_no": "D1", "date": "2026-11-01"}], notes)
    assert complete(Approved(), notes) == person | decision
