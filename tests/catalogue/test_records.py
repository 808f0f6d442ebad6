"""Each type takes its good example and refuses what is missing, unknown or forbidden."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import jsonschema_rs
import pytest
from catalogue_examples import BUYER, COMPANY, DAY, GOOD, ID_NO, LATER, PERSON

from jdgate.core.catalogue import default_path, load
from jdgate.core.forbidden import REASONS, forbidden_field
from jdgate.core.schema import Fault, check_record
from jdgate.refdata import References

CATALOGUE = load([default_path()])
TODAY = date(2026, 11, 21)
TYPES = sorted(GOOD)
PERSONAL = [name for name in TYPES if CATALOGUE.sheets[name].subject]

FORBIDDEN = [
    "ethnicity", "民族", "religion", "宗教信仰", "native_place", "籍贯", "hiv_status", "hepatitis",
    "mental_diagnosis", "精神诊断", "dose", "服药剂量", "urine_value", "尿检值", "family_members",
    "配偶", "risk_level", "风险等级", "gps", "轨迹", "face_image", "人脸", "informant", "举报人",
    "case_details", "案情", "sender_name", "寄件人", "recipient_phone", "收件人", "penalty_record",
    "处罚记录", "ranking", "排名", "credit_punishment", "失信", "benefit_stop", "停发",
    "state_secret", "国家秘密", "work_secret", "工作秘密",
]  # fmt: skip
"""What may never be exchanged, by its names (domain reference §6)."""

NO_WHY = ["grid.visit.task", "grid.visit.result", "aid.referral", "aid.result"]
"""Types that go to people who must not learn why: grid workers, civil affairs, work, housing."""


def faults_of(name: str, record: dict[str, Any], today: date | None = TODAY) -> list[Fault]:
    return check_record(CATALOGUE.validator(name), CATALOGUE.sheets[name], record, today)


def without(name: str, *fields: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD[name].items() if key not in fields}


def codes(type_name: str, /, **changes: Any) -> list[str]:
    return [fault.code for fault in faults_of(type_name, {**GOOD[type_name], **changes})]


def test_every_type_has_its_example() -> None:
    assert sorted(CATALOGUE.sheets) == TYPES


@pytest.mark.parametrize("name", TYPES)
def test_the_good_example_passes_and_shows_every_field(name: str) -> None:
    assert faults_of(name, GOOD[name]) == []
    optional = {"n", "of", "suppressed"} if name == "county.digest.v1" else set()
    if not name.startswith("sys."):
        assert set(CATALOGUE.sheets[name].fields) - set(GOOD[name]) <= optional


def objects(name: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """The record and every object in it: path, schema, and the part of the good example."""
    yield "", CATALOGUE.schema(name), GOOD[name]
    for field, form in CATALOGUE.schema(name)["properties"].items():
        inner = form.get("items", {}) if form.get("type") == "array" else form
        if "properties" in inner and field in GOOD[name]:
            listed = form.get("type") == "array"
            part = GOOD[name][field][0] if listed else GOOD[name][field]
            yield f"/{field}/0" if listed else f"/{field}", inner, part


def put(name: str, path: str, part: dict[str, Any]) -> dict[str, Any]:
    """The good example with another object at `path`."""
    if not path:
        return part
    _, field, *place = path.split("/")
    return {**GOOD[name], field: [part, *GOOD[name][field][1:]] if place else part}


def required(form: dict[str, Any], part: dict[str, Any]) -> set[str]:
    """The fields that an object may not lack, also those that its own values ask for."""
    found = set(form.get("required", ()))
    for rule in form.get("allOf", ()):
        if "if" in rule and jsonschema_rs.is_valid(rule["if"], part):
            found.update(rule.get("then", {}).get("required", ()))
    return found


@pytest.mark.parametrize("name", TYPES)
def test_each_required_field_is_missed_by_name(name: str) -> None:
    for path, form, part in objects(name):
        for field in required(form, part):
            lacking = {key: value for key, value in part.items() if key != field}
            found = {(one.code, one.path) for one in faults_of(name, put(name, path, lacking))}
            assert ("record.field_missing", f"{path}/{field}") in found, (path, field)


@pytest.mark.parametrize("name", TYPES)
def test_what_may_never_be_exchanged_is_refused_as_such(name: str) -> None:
    for path, _, part in objects(name):
        for field in FORBIDDEN:
            (fault,) = faults_of(name, put(name, path, {**part, field: "x"}))
            assert fault.code == "record.field_forbidden", (path, field)
            assert "{" not in fault.text("en", CATALOGUE.sheets[name])
            assert "不得交换" in fault.text("zh", CATALOGUE.sheets[name])


def test_every_reason_why_a_field_is_forbidden_is_tried() -> None:
    assert {forbidden_field(field) for field in FORBIDDEN} == set(REASONS)


def test_an_unknown_field_is_refused() -> None:
    for name in TYPES:
        for path, _, part in objects(name):
            for field in ("remark", "drug_status", "school_name", "employer"):
                faults = faults_of(name, put(name, path, {**part, field: "x"}))
                assert [one.code for one in faults] == ["record.field_unknown"], (name, path)


def test_a_mistyped_identity_number_is_noticed() -> None:
    for name in PERSONAL:
        good = GOOD[name]["id_no"]
        wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
        assert codes(name, id_no=wrong) == ["record.bad_id_check_digit"], name


def test_what_has_happened_is_of_no_later_day() -> None:
    for name in TYPES:
        for field in CATALOGUE.sheets[name].happened:
            assert "record.future_date" in codes(name, **{field: "2026-11-22"}), (name, field)


def test_a_minor_passes_only_where_a_guardian_has_agreed() -> None:
    minor = GOOD["aid.child.referral.v1"]["id_no"]
    for name in PERSONAL:
        allowed = CATALOGUE.sheets[name].guardian is not None
        assert codes(name, id_no=minor) == ([] if allowed else ["record.minor"]), name


def test_no_customer_of_a_courier_can_be_named() -> None:
    for name in (one for one in TYPES if one.startswith("courier.")):
        assert CATALOGUE.sheets[name].subject is None
        for field in ("sender_name", "sender_phone", "recipient_name", "recipient_id", "consignee",
                      "寄件人电话", "收件人地址"):  # fmt: skip
            assert codes(name, **{field: "x"}) == ["record.field_forbidden"], (name, field)
        for field in PERSON:
            assert codes(name, **{field: PERSON[field]}) == ["record.field_unknown"], (name, field)


@pytest.mark.parametrize(
    ("name", "field"),
    [("courier.suspect.report.v1", "desc"), ("precursor.loss.report.v1", "desc"),
     ("supervise.notice.v1", "text"), ("supervise.reply.v1", "text"),
     ("share.apply.v1", "scope"), ("share.reply.v1", "reason")],
)  # fmt: skip
def test_a_free_text_holds_no_identity_or_telephone_number(name: str, field: str) -> None:
    for held in (ID_NO, f"某甲{ID_NO}，", "电话13800138000", "13800138000"):
        faults = faults_of(name, {**GOOD[name], field: held})
        assert [fault.code for fault in faults] == ["record.holds_person"]
        assert held not in faults[0].text("zh", CATALOGUE.sheets[name])


def test_an_identity_number_is_no_waybill_number() -> None:
    assert codes("courier.suspect.report.v1", waybill_no=ID_NO) == ["record.holds_person"]
    assert codes("courier.suspect.report.v1", waybill_no="773310203040506") == []


def test_a_tip_has_no_open_text_and_no_identity() -> None:
    assert codes("tip.sealed.v1", body="某人在某处") == ["record.wrong_type"]
    assert set(GOOD["tip.sealed.v1"]) == {"receipt_token", "received_on", "body"}
    for name in ("tip.reward.notice.v1", "tip.reward.pay.v1"):
        assert not {"name", "id_no", "case_no"} & CATALOGUE.schema(name)["properties"].keys()


@pytest.mark.parametrize("stem", NO_WHY)
def test_nothing_of_what_grid_and_aid_workers_read_tells_why(stem: str) -> None:
    sheet = CATALOGUE.sheets[f"{stem}.v1"]
    schema = CATALOGUE.schema(sheet.type)
    read = [sheet.type, sheet.purpose, sheet.title.zh, sheet.title.en, schema["title"]]
    read += [words for f in sheet.fields.values() for words in (f.title.zh, f.title.en)]
    read += [
        words
        for group in sheet.values.values()
        for value, title in group.items()
        for words in (value, title.zh, title.en)
    ]
    for role in {"GRD", "CIV", "HRS", "HOU"} & {route.role for route in sheet.routes}:
        read += sheet.cite(role)
    for words in read:
        for word in (
            "毒",
            "吸",
            "戒",
            "瘾",
            "尿",
            "drug",
            "addict",
            "treatment",
            "recovery",
            "mmt",
        ):
            assert word not in words.lower(), (stem, words)


def test_a_licence_notice_needs_the_number_and_the_decision_not_a_name() -> None:
    required = CATALOGUE.schema("licence.basis.notice.v1")["required"]
    assert {"id_no", "doc_no", "reviewer1", "reviewer2"} <= set(required)
    assert CATALOGUE.sheets["licence.basis.notice.v1"].approval == "two"


def test_one_officer_can_not_review_twice() -> None:
    name = "licence.basis.notice.v1"
    faults = faults_of(name, {**GOOD[name], "reviewer2": "民警甲"})
    assert [fault.code for fault in faults] == ["record.not_distinct"]
    assert "核对民警甲、核对民警乙" in faults[0].text("zh", CATALOGUE.sheets[name])


def test_a_licence_notice_says_by_what_the_person_was_matched() -> None:
    assert codes("licence.basis.notice.v1", matched_by="name") == ["record.not_allowed"]


def test_the_grounds_of_a_notice_are_those_of_the_table_that_make_the_office_cancel() -> None:
    """Maintenance treatment is none of them."""
    grounds = CATALOGUE.schema("licence.basis.notice.v1")["properties"]["ground_code"]["enum"]
    cancelling = References().grounds.in_force(date.fromisoformat(DAY), "cancel")
    assert grounds == [ground.code for ground in cancelling]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("courier.stat.v1", {"realname_n": 1001}),
        ("courier.stat.v1", {"xray_n": 1001}),
        ("courier.stat.v1", {"period_from": DAY, "period_to": "2026-11-19"}),
        ("courier.spotcheck.result.v1", {"fix_by": "2026-11-01"}),
        ("comm.absence.noted.v1", {"back_on": "2026-10-01"}),
        ("tip.reward.notice.v1", {"noticed_on": "2026-10-01"}),
    ],
)
def test_a_part_is_no_more_than_its_whole_and_an_end_is_not_before_its_beginning(
    name: str, changes: dict[str, Any]
) -> None:
    assert codes(name, **changes) == ["record.not_ascending"]


def test_a_sealed_record_is_asked_for_with_a_case_or_a_national_rule() -> None:
    name = "sealed.query.v1"
    for field in ("case_no", "national_rule"):
        assert faults_of(name, without(name, field)) == []
    faults = faults_of(name, without(name, "case_no", "national_rule"))
    assert [fault.code for fault in faults] == ["record.sealed_ground"]


def test_a_refusal_gives_its_reasons() -> None:
    for name, changes in (
        ("share.reply.v1", {"decision": "refused"}),
        ("subject.reply.v1", {"decision": "refused"}),
        ("correct.result.v1", {"decision": "upheld"}),
    ):
        record = {**without(name, "reason"), **changes}
        assert [fault.path for fault in faults_of(name, record)] == ["/reason"]
    name = "sealed.answer.v1"
    assert [fault.path for fault in faults_of(name, without(name, "reason_code"))] == [
        "/reason_code"
    ]


def test_an_eligibility_answer_agrees_with_its_rule() -> None:
    name = "licence.eligibility.answer.v1"
    assert codes(name, eligible=True, rule_code="none") == []
    assert codes(name, eligible=True) == ["record.not_allowed"]
    assert codes(name, rule_code="none") == ["record.not_allowed"]


def test_a_buyer_is_named_when_it_is_an_organisation() -> None:
    name = "precursor.sale.filed.v1"
    assert [f.path for f in faults_of(name, without(name, "buyer"))] == ["/buyer"]
    person = {**without(name, "buyer", "permit_no"), "buyer_kind": "person"}
    assert faults_of(name, person) == []
    assert codes(name, buyer=COMPANY) == ["record.not_distinct"]
    assert codes(name, buyer=BUYER[:-1] + "0") == ["record.bad_uscc"]


def test_what_failed_has_a_date_to_be_put_right() -> None:
    for name, good in (
        ("courier.spotcheck.result.v1", {}),
        ("venue.patrol.result.v1", {"warning_signs": True}),
    ):
        assert [f.path for f in faults_of(name, without(name, "fix_by"))] == ["/fix_by"]
        assert faults_of(name, {**without(name, "fix_by"), **good, "result": "passed"}) == []


def test_a_venue_has_not_passed_with_an_item_that_is_not_good() -> None:
    name = "venue.patrol.result.v1"
    record = {**without(name, "fix_by"), "result": "passed"}
    assert [fault.path for fault in faults_of(name, record)] == ["/warning_signs"]


def test_an_empty_register_is_told_by_its_total_alone() -> None:
    name = "reconcile.register.v1"
    assert faults_of(name, {**without(name, "token", "status"), "total": 0}) == []
    assert faults_of(name, {**GOOD[name], "total": 0})
    missing = faults_of(name, without(name, "token", "status"))
    assert sorted(fault.path for fault in missing) == ["/status", "/token"]


def test_an_unconfirmed_relapse_is_not_reported() -> None:
    assert codes("mmt.relapse.report.v1", confirmed=False) == ["record.not_allowed"]


def test_a_number_under_five_is_left_out_of_a_digest() -> None:
    name = "county.digest.v1"
    assert faults_of(name, {**without(name, "n"), "suppressed": True}) == []
    assert codes(name, suppressed=True) == ["record.cross_field"]


def test_a_month_is_written_as_a_month() -> None:
    assert codes("precursor.sales.total.v1", month="2026-13") == ["record.month_form"]
    assert codes("precursor.sales.total.v1", month="2026-1") == ["record.too_short"]
    assert codes("precursor.alert.v1", due_on=LATER) == []
