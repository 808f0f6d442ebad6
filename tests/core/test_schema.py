"""Records are checked in one go, and what is wrong is told without telling what stands there."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.catalogue import default_path, load
from jdgate.core.identity import synthetic_id_no
from jdgate.core.schema import Fault, check_record, check_records, compile_schema
from jdgate.core.sheet import Forbid, Sheet, Title

CATALOGUE = load([default_path()])
ID_NO = synthetic_id_no(date(1990, 1, 1), 1)
GOOD: dict[str, dict[str, Any]] = {
    "mmt.attendance.v1": {
        "site": "cln-01-a",
        "patient_ref": "A-0001",
        "date": "2026-11-21",
        "attended": True,
    },
    "mmt.enrol.filed.v1": {
        "name": "某甲",
        "id_type": "ric",
        "id_no": ID_NO,
        "site": "cln-01-a",
        "patient_ref": "A-0001",
        "date": "2026-11-21",
        "status": "active",
    },
    "mmt.dropout.notice.v1": {
        "name": "某甲",
        "id_type": "ric",
        "id_no": ID_NO,
        "site": "cln-01",
        "confirmed_on": "2026-11-21",
        "confirmer": "医师甲",
    },
    "mmt.custody.notice.v1": {
        "name": "某甲",
        "id_type": "ric",
        "id_no": ID_NO,
        "date": "2026-11-21",
    },
    "mmt.absence.alert.v1": {
        "alert_id": "a-1",
        "rule": "M1",
        "title_code": "clinic.absence",
        "params": {"days": 7},
        "patient_ref": "A-0001",
        "site": "cln-01",
        "last_attended": "2026-11-14",
        "absent_days": 7,
        "raised_at": "2026-11-21T08:00:00.000Z",
    },
    "comm.order.notice.v1": {
        "name": "某甲",
        "id_type": "ric",
        "id_no": ID_NO,
        "town": "511623101000",
        "measure": "community_treatment",
        "doc_no": "邻公社戒〔2026〕1号",
        "served_on": "2026-11-01",
    },
    "comm.status.change.v1": {
        "name": "某甲",
        "id_type": "ric",
        "id_no": ID_NO,
        "doc_no": "邻公社戒〔2026〕1号",
        "status": "released",
        "date": "2026-11-21",
    },
    "sys.receipt.v1": {
        "message_id": "0195",
        "digest": "abc",
        "verdict": "part",
        "accepted": 1,
        "refused": [{"index": 1, "code": "record.empty", "path": "/name", "params": {"got": 1}}],
        "leaf": 4,
    },
    "sys.checkpoint.v1": {"checkpoint": "a.b.c"},
    "sys.directory.v1": {"directory": "a.b.c"},
    "sys.resend.v1": {"first": 3, "last": 5, "void": True},
    "sys.draft.v1": {
        "draft_id": "d-1",
        "type": "mmt.dropout.notice.v1",
        "rule": "M2",
        "cause": "c",
        "reason_code": "clinic.dropout",
        "params": {},
        "prefill": {"site": "cln-01"},
        "checks": ["transfer", "custody", "hospital"],
    },
    "sys.draft.withdrawn.v1": {"draft_id": "d-1", "reason_code": "clinic.returned"},
    "sys.draft.decision.v1": {
        "draft_id": "d-1",
        "decision": "approved",
        "by": "医师甲",
        "checked": ["transfer"],
    },
    "sys.alert.v1": {
        "alert_id": "a-1",
        "rule": "no_desk",
        "title_code": "gateway.no_desk",
        "params": {"role": "COM"},
        "cause_ref": "m-1",
        "raised_at": "2026-11-21T08:00:00Z",
    },
}


def faults_of(type_name: str, record: dict[str, Any], today: date | None = None) -> list[Fault]:
    sheet = CATALOGUE.sheets[type_name]
    return check_record(CATALOGUE.validator(type_name), sheet, record, today)


def fault_of(type_name: str, **changes: Any) -> Fault:
    (fault,) = faults_of(type_name, {**GOOD[type_name], **changes})
    return fault


def test_the_good_examples_are_of_types_that_exist() -> None:
    assert set(GOOD) <= set(CATALOGUE.sheets)


def test_an_unknown_field_is_named() -> None:
    assert fault_of("mmt.attendance.v1", remark="x") == Fault(
        "record.field_unknown", "/remark", {"field": "remark"}
    )


def test_an_unknown_field_whose_name_may_be_a_value_is_not_repeated() -> None:
    fault = fault_of("mmt.attendance.v1", **{ID_NO: "x"})
    assert fault == Fault("record.field_unknown", "/?", {"field": "?"})


def test_of_a_forbidden_name_only_the_word_we_know_is_repeated() -> None:
    fault = fault_of("mmt.attendance.v1", **{f"{ID_NO}的民族": "x"})
    assert fault == Fault(
        "record.field_forbidden", "/民族", {"field": "民族", "reason": "ethnicity"}
    )


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"date": "2026-02-30"}, "record.bad_date", "/date"),
        ({"date": "2026/11/21"}, "record.bad_date", "/date"),
        ({"date": "2026年11月21日"}, "record.bad_date", "/date"),
        ({"date": 46347}, "record.wrong_type", "/date"),
        ({"attended": "是"}, "record.wrong_type", "/attended"),
        ({"attended": None}, "record.wrong_type", "/attended"),
        ({"patient_ref": ""}, "record.empty", "/patient_ref"),
        ({"patient_ref": "x" * 33}, "record.too_long", "/patient_ref"),
        ({"patient_ref": "a b"}, "record.bad_code", "/patient_ref"),
        ({"patient_ref": ID_NO}, "record.ref_holds_id_no", "/patient_ref"),
        ({"patient_ref": f"mz{ID_NO}"}, "record.ref_holds_id_no", "/patient_ref"),
        ({"site": "\ud800"}, "record.bad_text", "/site"),
    ],
)
def test_a_bad_attendance_field_gets_one_fault(
    changes: dict[str, Any], code: str, path: str
) -> None:
    fault = fault_of("mmt.attendance.v1", **changes)
    assert (fault.code, fault.path) == (code, path)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"id_no": ID_NO[:17]}, "record.bad_id_length"),
        ({"id_no": ID_NO[:17] + "x"}, "record.bad_id_characters"),
        ({"id_no": ID_NO[:17] + str((int(ID_NO[17]) + 1) % 10)}, "record.bad_id_check_digit"),
        ({"id_no": "999999199002300013"}, "record.bad_id_date"),
        ({"id_no": 9.99e17}, "record.wrong_type"),
        ({"id_type": "passport", "id_no": "e123"}, "record.bad_id_characters"),
        ({"status": "left"}, "record.not_allowed"),
        ({"name": " 某甲"}, "record.bad_text"),
        ({"name": "某\n甲"}, "record.bad_text"),
    ],
)
def test_a_bad_enrolment_field_gets_one_fault(changes: dict[str, Any], code: str) -> None:
    assert fault_of("mmt.enrol.filed.v1", **changes).code == code


def test_the_check_digit_is_asked_of_resident_cards_only() -> None:
    passport = {**GOOD["mmt.enrol.filed.v1"], "id_type": "passport", "id_no": "E12345678"}
    assert faults_of("mmt.enrol.filed.v1", passport) == []


def test_a_place_must_be_a_full_division_code() -> None:
    assert fault_of("comm.order.notice.v1", town="511623").code == "record.bad_division"


def test_a_fault_deep_inside_says_where() -> None:
    bad = {"index": 1, "code": "record.empty", "params": {"a": ["list"]}}
    fault = fault_of("sys.receipt.v1", refused=[bad])
    assert (fault.code, fault.path) == ("record.wrong_type", "/refused/0/params/a")


def test_several_faults_are_all_told_in_order_of_path() -> None:
    record = {**GOOD["mmt.enrol.filed.v1"], "date": "x", "name": "", "status": 1}
    found = faults_of("mmt.enrol.filed.v1", record)
    assert [fault.path for fault in found] == ["/date", "/name", "/status"]


def test_a_batch_tells_which_records_are_bad() -> None:
    good = GOOD["mmt.attendance.v1"]
    batch = [good, {**good, "date": "x"}, good, {**good, "dose": 60}]
    sheet = CATALOGUE.sheets["mmt.attendance.v1"]
    faults = check_records(CATALOGUE.validator(sheet.type), sheet, batch)
    assert {index: found[0].code for index, found in faults.items()} == {
        1: "record.bad_date",
        3: "record.field_forbidden",
    }


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\udfff"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
SECRET = "某甲乙丙丁不可外泄"


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_any_record_gets_an_answer_in_both_languages(type_name: str, data: Any) -> None:
    record = dict(GOOD[type_name])
    names = [*record, "remark", "民族"]
    for field in data.draw(st.lists(st.sampled_from(names), max_size=3)):
        record[field] = data.draw(values)
    for fault in faults_of(type_name, record):
        json.dumps(msgspec.to_builtins(fault), ensure_ascii=False).encode()
        for lang in ("zh", "en"):
            text = fault.text(lang, CATALOGUE.sheets[type_name])
            assert fault.code not in text, "the code has no text"
            assert "{" not in text, "a placeholder was left open"


@pytest.mark.parametrize("type_name", sorted(GOOD))
def test_no_value_of_a_record_is_ever_repeated(type_name: str) -> None:
    for field in GOOD[type_name]:
        for bad in (SECRET, SECRET * 200, [SECRET], {SECRET: SECRET}, f"\n{SECRET}"):
            found = faults_of(type_name, {**GOOD[type_name], field: bad})
            told = "".join(
                str(msgspec.to_builtins(f)) + f.text("zh", CATALOGUE.sheets[type_name])
                for f in found
            )
            assert SECRET not in told


def test_texts_name_fields_and_values_as_people_do() -> None:
    sheet = CATALOGUE.sheets["mmt.enrol.filed.v1"]
    record = {**GOOD[sheet.type], "status": "left"}
    (fault,) = faults_of(sheet.type, record)
    assert "“状态”" in fault.text("zh", sheet)
    assert "在治 (active)" in fault.text("zh", sheet)
    assert "In treatment (active)" in fault.text("en", sheet)
    assert "得到 17 位" in fault_of(sheet.type, id_no=ID_NO[:17]).text("zh", sheet)


def test_texts_name_the_row_and_the_field_inside_it() -> None:
    sheet = CATALOGUE.sheets["comm.violation.report.v1"]
    events = [{"date": "2026-11-01", "what": "missed"}, {"date": "2026-11-02", "what": "asleep"}]
    fault = next(
        one
        for one in CATALOGUE.validator(sheet.type).faults({"events": events})
        if one.path == "/events/1/what"
    )
    assert "“各次情形 2 · 情形”" in fault.text("zh", sheet)
    assert "“Events 2 · What happened”" in fault.text("en", sheet)
    assert "“What happened”" in fault.text("en", sheet, there=True), "where the row is seen"
    assert "Missed a test (missed)" in fault.text("en", sheet)


def test_a_fault_survives_the_wire() -> None:
    fault = fault_of("mmt.enrol.filed.v1", status="left")
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault


def with_rule(sheet: Sheet) -> Sheet:
    rule = Forbid(("site", "status"), Title("两者只报其一", "file one of them"))
    return msgspec.structs.replace(sheet, forbid=(rule,))


def test_fields_that_may_not_stand_together_are_refused_with_the_reason() -> None:
    sheet = with_rule(CATALOGUE.sheets["mmt.enrol.filed.v1"])
    (fault,) = check_record(CATALOGUE.validator(sheet.type), sheet, GOOD[sheet.type])
    assert fault.code == "record.cross_field"
    assert fault.text("zh", sheet) == "门诊或延伸服药点、状态不得同时填写：两者只报其一"


def test_people_under_fourteen_are_refused_where_no_guardian_consents() -> None:
    child = {**GOOD["mmt.custody.notice.v1"], "id_no": synthetic_id_no(date(2012, 11, 22), 1)}
    assert faults_of("mmt.custody.notice.v1", child) == []
    (fault,) = faults_of("mmt.custody.notice.v1", child, date(2026, 11, 21))
    assert fault.code == "record.minor"
    assert faults_of("mmt.custody.notice.v1", child, date(2026, 11, 22)) == []


def test_a_pattern_that_would_hang_other_engines_is_answered() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    validator = compile_schema(schema)
    assert not validator.valid({"a": "a" * 50_000 + "!"})


def test_what_has_happened_can_not_be_of_a_later_day() -> None:
    sheet = CATALOGUE.sheets["mmt.attendance.v1"]
    validator = CATALOGUE.validator("mmt.attendance.v1")
    record = GOOD["mmt.attendance.v1"]
    assert check_record(validator, sheet, record, date(2026, 11, 21)) == []
    [fault] = check_record(validator, sheet, record, date(2026, 11, 20))
    assert (fault.code, fault.path) == ("record.future_date", "/date")
    assert "2026-11-20" in fault.text("en", sheet)
