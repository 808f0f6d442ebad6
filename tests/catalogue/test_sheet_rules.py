"""What the catalogue's types made necessary in a sheet is held to, and refused when it is wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from catalogue_examples import GOOD

from jdgate.core.agreement_words import with_parts
from jdgate.core.catalogue import Catalogue, CatalogueRefused, build, default_path
from jdgate.core.schema import Fault, check_record
from jdgate.core.sheet import OPEN_DOMAINS

SCHEMAS = default_path()
FILES = {
    path.relative_to(SCHEMAS).as_posix(): path.read_bytes()
    for path in sorted(SCHEMAS.rglob("*.*"))
    if path.suffix in (".json", ".toml")
}
STAT, INSPECT, NOTICE = "courier/stat.v1", "precursor/inspect.result.v1", "licence/basis.notice.v1"
TRANSFER, SHARE, REFERRAL = "mmt/transfer.request.v1", "share/apply.v1", "aid/referral.v1"
HANDOVER = "comm/transfer.handover.v1"


def with_sheet(stem: str, old: str, new: str) -> dict[str, bytes]:
    text = FILES[f"{stem}.toml"].decode()
    assert old in text, old
    return {**FILES, f"{stem}.toml": text.replace(old, new, 1).encode()}


def with_form(stem: str, field: str, form: dict[str, Any]) -> dict[str, bytes]:
    schema = json.loads(FILES[f"{stem}.json"])
    schema["properties"][field] = {"title": schema["properties"][field]["title"], **form}
    return {**FILES, f"{stem}.json": json.dumps(schema).encode()}


def refusals(files: dict[str, bytes]) -> list[str]:
    with pytest.raises(CatalogueRefused) as refused:
        build(files)
    for lang in ("zh", "en"):
        assert "catalogue." not in refused.value.text(lang), "a code without words"
    return [problem.code.removeprefix("catalogue.") for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("stem", "old", "new", "code"),
    [
        (REFERRAL, 'only = { field = "need_type"', 'only = { field = "wish"', "field_unknown"),
        (REFERRAL, 'in = ["housing"]', 'in = ["castle"]', "value_unknown"),
        (REFERRAL, 'in = ["housing"]', 'of = ["housing"]', "key_unknown"),
        (NOTICE, 'fields = ["reviewer1", "reviewer2"]', 'fields = ["reviewer1"]', "forbid_few"),
        (NOTICE, '["reviewer1", "reviewer2"]', '["reviewer1", "reviewer3"]', "field_unknown"),
        (STAT, '["realname_n", "n"]', '["realname_n", "total"]', "field_unknown"),
        (STAT, '["realname_n", "n"]', '["period_to", "n"]', "field_format"),
        (STAT, '["realname_n", "n"]', '["realname_n", "outlet"]', "field_format"),
        (TRANSFER, 'sealed_to = "CLN"', 'sealed_to = "POL"', "sealed_unseen"),
        (TRANSFER, '"id_no", "to"]', '"id_no", "to", "sealed_clinical"]', "sealed_shown"),
        (TRANSFER, 'en = "Valid until"', 'en = "Valid until"\nsealed_to = "CLN"', "sealed_form"),
        (STAT, 'senders = ["CUR"]', 'senders = ["*"]', "key_value"),
        (STAT, 'role = "POST"', 'role = "*"', "key_value"),
        (INSPECT, '[fields."stocks.unit"]', '[fields."stocks.size"]', "field_untitled"),
        (INSPECT, '[fields."stocks.unit"]', '[fields."stocks.size"]', "field_unknown"),
        (INSPECT, '[fields."stocks.unit"]', "[fields.stocks.unit]", "part_path"),
        (INSPECT, 'en = "Unit"', 'en = "Unit"\npersonal = true', "key_unknown"),
        (INSPECT, 'zh = "单位"', 'zh = "风险等级"', "forbidden_field"),
        (INSPECT, 'en = "Unit"', 'en = "Child"', "minor_field"),
        (INSPECT, '[values."stocks.unit".kg]', '[values."stocks.unit".g]', "value_untitled"),
        (INSPECT, '[values."stocks.unit".kg]', '[values."stocks.unit".g]', "value_unknown"),
        (INSPECT, '[values."stocks.unit".kg]', '[values."stocks.size".kg]', "field_unknown"),
        (INSPECT, '[values."stocks.unit".kg]', "[values.stocks.unit.kg]", "part_path"),
        (HANDOVER, "[values.docs.decision]", "[values.docs.paper]", "value_untitled"),
    ],
)
def test_a_sheet_that_says_it_wrong_is_refused(stem: str, old: str, new: str, code: str) -> None:
    assert code in refusals(with_sheet(stem, old, new))


@pytest.mark.parametrize(
    "form",
    [
        {"type": "string", "maxLength": 99},
        {"type": "object", "properties": {}, "additionalProperties": False},
        {
            "type": "object",
            "properties": {
                "kid": {"title": "Key", "type": "string", "maxLength": 9},
                "sealed": {"title": "Value", "type": "string", "maxLength": 9},
                "open": {"title": "Open", "type": "string", "maxLength": 9},
            },
            "required": ["kid", "sealed", "open"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "kid": {"title": "Key", "type": "string", "maxLength": 9},
                "sealed": {"title": "Value", "type": "string", "maxLength": 9},
            },
            "required": ["kid"],
            "additionalProperties": False,
        },
    ],
)
def test_a_sealed_field_has_no_room_for_an_open_value(form: dict[str, Any]) -> None:
    assert refusals(with_form(TRANSFER, "sealed_clinical", form)) == ["sealed_form"]


def test_what_lies_deep_inside_has_words_under_its_path() -> None:
    closed = {"type": "object", "additionalProperties": False}
    number = {"title": "Number", "type": "string", "maxLength": 9}
    lot = {**closed, "title": "Lot", "properties": {"no": number}, "required": ["no"]}
    row = {**closed, "properties": {"unit": {"title": "Unit", "enum": ["kg", "L"]}, "lot": lot}}
    files = with_form(INSPECT, "stocks", {"type": "array", "maxItems": 9, "items": row})
    with pytest.raises(CatalogueRefused) as refused:
        build(files)
    said = refused.value.text("en")
    assert 'the field “stocks.lot.no” has no titles (fields."stocks.lot.no")' in said
    sheet = files[f"{INSPECT}.toml"].decode()
    for part in ("cas", "book_qty", "stock_qty", "loss_qty"):
        sheet = re.sub(rf'\[fields."stocks.{part}"\]\nzh = .*\nen = .*\n', "", sheet)
    for part, zh, en in (("lot", "批次", "Lot"), ("lot.no", "批号", "Lot number")):
        sheet += f'\n[fields."stocks.{part}"]\nzh = "{zh}"\nen = "{en}"\n'
    catalogue = build({**files, f"{INSPECT}.toml": sheet.encode()})
    about = catalogue.describe("precursor.inspect.result.v1", "zh")
    told = {one["name"]: (one["title"], one["required"]) for one in with_parts(about)}
    assert told["stocks.lot"] == ("批次", False)
    assert told["stocks.lot.no"] == ("批号", True)
    fault = Fault("record.field_missing", "/stocks/1/lot/no", {"field": "stocks"})
    assert "“账实核对 2 · 批次 · 批号”" in fault.text("zh", catalogue.sheets[about["type"]])


def test_one_role_may_be_told_of_different_records_by_different_routes() -> None:
    text = FILES[f"{REFERRAL}.toml"].decode()
    again = text.replace('in = ["housing"]', 'in = ["job"]').replace('role = "HOU"', 'role = "HRS"')
    assert build({**FILES, f"{REFERRAL}.toml": again.encode()}).sheets
    twice = again.replace('in = ["job"]', 'in = ["job", "training"]')
    assert refusals({**FILES, f"{REFERRAL}.toml": twice.encode()}) == ["route_twice"]


def test_any_role_stands_only_in_procedures_that_all_are_party_to() -> None:
    assert {"sys", "share", "correct", "subject", "supervise"} == OPEN_DOMAINS
    assert build(with_sheet(SHARE, "answer_days = 10", "answer_days = 9")).sheets


def faults(catalogue: Catalogue, name: str, **changes: Any) -> list[str]:
    record = {**GOOD[name], **changes}
    return [
        fault.path
        for fault in check_record(catalogue.validator(name), catalogue.sheets[name], record)
    ]


def test_three_in_a_row_are_compared_pair_by_pair_and_what_is_absent_is_passed_over() -> None:
    row = '["realname_n", "inspect_n", "n"]'
    catalogue = build(with_sheet(STAT, '["realname_n", "n"]', row))
    name = "courier.stat.v1"
    assert faults(catalogue, name, realname_n=998) == []
    assert faults(catalogue, name) == ["/realname_n"]
    assert faults(catalogue, name, realname_n=998, inspect_n=1001)[0] == "/inspect_n"
