"""A catalogue is loaded whole or not at all, and every rule of sharing refuses what breaks it."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jdgate
from jdgate.core.catalogue import (
    CatalogueRefused,
    build,
    default_path,
    digest,
    forbidden_field,
    load,
)
from jdgate.core.forbidden import REASONS, is_minor_field
from jdgate.core.sheet import OPEN_DOMAINS, ROLES
from jdgate.errors import Misuse, Refused
from jdgate.texts import all_texts

SCHEMAS = default_path()
FILES = {
    path.relative_to(SCHEMAS).as_posix(): path.read_bytes()
    for path in sorted(SCHEMAS.rglob("*.*"))
    if path.suffix in (".json", ".toml")
}
CATALOGUE = load([SCHEMAS])

DROPOUT = "mmt/dropout.notice.v1"
ATTENDANCE = "mmt/attendance.v1"
ENROL = "mmt/enrol.filed.v1"


def refusals(files: dict[str, bytes]) -> list[tuple[str, str]]:
    """(file, code) of everything that keeps `files` from being a catalogue."""
    with pytest.raises(CatalogueRefused) as refused:
        build(files)
    for lang in ("zh", "en"):
        text = refused.value.text(lang)
        assert "catalogue." not in text, "a code without words"
        assert "{" not in text.replace("[{", ""), "a placeholder was left open"
    return [(problem.file, problem.code) for problem in refused.value.problems]


def with_sheet(stem: str, old: str, new: str) -> dict[str, bytes]:
    text = FILES[f"{stem}.toml"].decode()
    assert old in text
    return {**FILES, f"{stem}.toml": text.replace(old, new, 1).encode()}


def with_schema(stem: str, change: Callable[[dict[str, Any]], object]) -> dict[str, bytes]:
    schema = json.loads(FILES[f"{stem}.json"])
    change(schema)
    return {**FILES, f"{stem}.json": json.dumps(schema).encode()}


def with_field(name: str, **more: Any) -> dict[str, bytes]:
    """The dropout notice with one more field, shown to the police and titled."""
    form = {"title": "Another", "type": "string", "maxLength": 9, **more}
    files = with_schema(DROPOUT, lambda s: s["properties"].update({name: form}))
    sheet = FILES[f"{DROPOUT}.toml"].decode().replace('"confirmer"]', f'"confirmer", "{name}"]')
    sheet += f'\n[fields."{name}"]\nzh = "其他"\nen = "Another"\n'
    return {**files, f"{DROPOUT}.toml": sheet.encode()}


def test_the_catalogue_that_ships_loads() -> None:
    assert len(CATALOGUE.sheets) * 2 == len(FILES)
    assert CATALOGUE.digest == digest(FILES)


def test_one_more_innocent_field_is_fine() -> None:
    assert "remark" in build(with_field("remark")).fields_for("mmt.dropout.notice.v1", "POL")


@pytest.mark.parametrize(
    "name",
    ["ethnicity", "ethnic_group", "民族", "religion", "religious_belief", "宗教", "hiv",
     "hiv_status", "hivStatus", "HIV", "hepatitis_b", "mental_diagnosis", "精神诊断", "dose",
     "dosage_mg", "daily_dose", "服药剂量", "urine_value", "test_value", "尿检值", "risk_level",
     "风险等级", "gps", "last_track", "轨迹", "latitude", "face", "face_photo", "人脸照片",
     "spouse_name", "family", "家庭成员", "informant", "举报人", "case_details", "案情",
     "native_place", "籍贯", "sender_name", "寄件人", "penalty_record", "ranking", "排名",
     "state_secret"],
)  # fmt: skip
def test_what_may_never_be_exchanged_can_not_be_declared(name: str) -> None:
    assert forbidden_field(name) is not None
    assert (f"{DROPOUT}.json", "catalogue.forbidden_field") in refusals(with_field(name))


@pytest.mark.parametrize(
    "name",
    ["archive_no", "name", "id_no", "site", "patient_ref", "attended", "tracking_no",
     "waybill_no", "interface", "latest", "confirmer", "measure", "town", "dosing_site",
     "checklist", "surface", "agreement_no", "nationwide", "transparent"],
)  # fmt: skip
def test_innocent_names_that_look_alike_pass(name: str) -> None:
    assert forbidden_field(name) is None


def test_an_innocent_name_with_a_forbidden_title_is_refused() -> None:
    files = with_sheet(DROPOUT, 'zh = "核实医师"', 'zh = "民族"')
    assert (f"{DROPOUT}.toml", "catalogue.forbidden_field") in refusals(files)
    files = with_field("x1", title="HIV status")
    assert (f"{DROPOUT}.json", "catalogue.forbidden_field") in refusals(files)


def test_a_forbidden_field_deep_inside_is_found() -> None:
    inner = {"title": "Dose", "type": "string", "maxLength": 9}
    nested = {"type": "object", "properties": {"dose": inner}, "additionalProperties": False}
    assert (f"{DROPOUT}.json", "catalogue.forbidden_field") in refusals(
        with_field("more", type="array", items=nested, maxItems=3)
    )


def test_data_about_minors_needs_a_guardian_s_consent_field() -> None:
    assert is_minor_field("child_name")
    assert is_minor_field("未成年人姓名")
    assert (f"{DROPOUT}.toml", "catalogue.minor_field") in refusals(with_field("child_name"))
    files = with_field("child_name")
    sheet = files[f"{DROPOUT}.toml"].replace(
        b"retention_days", b'guardian = "site"\nretention_days'
    )
    assert build({**files, f"{DROPOUT}.toml": sheet}).sheets["mmt.dropout.notice.v1"].guardian


def test_a_field_nobody_sees_must_be_needed_by_a_rule() -> None:
    files = with_sheet(ATTENDANCE, 'en = "Day"\nneeded_by = "clinic.absence"', 'en = "Day"')
    assert refusals(files) == [(f"{ATTENDANCE}.toml", "catalogue.field_unseen")]


SHEET_FAULTS = [
    (DROPOUT, 'senders = ["CLN"]', 'senders = ["XYZ"]', "key_value"),
    (DROPOUT, 'senders = ["CLN"]', 'senders = ["*"]', "key_value"),
    (DROPOUT, 'senders = ["CLN"]', "senders = []", "key_missing"),
    (DROPOUT, 'senders = ["CLN"]', 'senders = "CLN"', "key_kind"),
    (DROPOUT, 'purpose = "mmt.continuity"', 'purpos = "mmt.continuity"', "key_unknown"),
    (DROPOUT, 'purpose = "mmt.continuity"', 'purpose = "anything"', "key_value"),
    (DROPOUT, "retention_days = 7", "retention_days = 0", "key_value"),
    (DROPOUT, "retention_days = 7", 'retention_days = "7"', "key_kind"),
    (DROPOUT, "retention_days = 7", "retention_days = true", "key_kind"),
    (DROPOUT, 'approval = "human"', 'approval = "timer"', "key_value"),
    (DROPOUT, 'share = "conditional"', 'share = "public"', "key_value"),
    (DROPOUT, 'share = "conditional"', 'share = "unconditional"', "unconditional_personal"),
    (DROPOUT, 'share = "conditional"', 'share = "withheld"', "withheld_routes"),
    (ATTENDANCE, 'share = "withheld"', 'share = "conditional"', "no_routes"),
    (DROPOUT, 'tag = "known"', 'tag = "certain"', "key_value"),
    (DROPOUT, 'tag = "read"', 'tag = "read"\nroles = ["DOC"]', "key_value"),
    (DROPOUT, 'role = "COM"', 'role = "KGB"', "key_value"),
    (DROPOUT, 'find = "region"', 'find = "oracle"', "key_value"),
    (DROPOUT, 'relation = "comm.order"\n', "", "key_missing"),
    (DROPOUT, 'find = "region"', 'find = "region"\nrelation = "comm.order"', "route_key"),
    (DROPOUT, 'relation = "comm.order"', 'relation = "comm.other"', "relation_unopened"),
    (DROPOUT, '"confirmer"]', '"confirmer", "height"]', "field_unknown"),
    (DROPOUT, '"confirmer"]', '"confirmer", "name"]', "key_twice"),
    (DROPOUT, '[subject]\nfield = "id_no"', "", "route_no_subject"),
    (DROPOUT, 'field = "id_no"', 'field = "height"', "field_unknown"),
    (DROPOUT, "[fields.site]", "[fields.place]", "field_untitled"),
    (DROPOUT, "[values.id_type.ric]", "[values.id_type.card]", "value_untitled"),
    (DROPOUT, "[values.id_type.ric]", "[values.id_type.card]", "value_unknown"),
    (DROPOUT, 'zh = "核实日期"\n', "", "key_missing"),
    (DROPOUT, 'en = "Confirmed on"', 'en = "Confirmed on"\nsealed_to = "TRA"', "sealed_unseen"),
    (DROPOUT, 'en = "Confirmed on"', 'en = "Confirmed on"\nneeded_by = "?"', "key_value"),
    (DROPOUT, 'domain = "mmt"', 'domain = "comm"', "type_name"),
    (DROPOUT, 'type = "mmt.dropout.notice.v1"', 'type = "mmt.dropout.v1"', "type_name"),
    (DROPOUT, "[title]", "[title", "not_toml"),
    (ENROL, 'on = "date"', 'on = "status"', "field_format"),
    (ENROL, 'member = "sender"\n', "", "relation_nowhere"),
    (ENROL, 'in = ["transferred"', 'in = ["moved"', "value_unknown"),
    (ENROL, '[subject]\nfield = "id_no"', "", "alias_no_subject"),
    (ENROL, "defines = true", "", "key_missing"),
    ("comm/order.notice.v1", 'region = "town"', 'region = "doc_no"', "field_format"),
    ("comm/order.notice.v1", 'region_field = "town"', 'region_field = "name"', "field_format"),
]  # fmt: skip


@pytest.mark.parametrize(("stem", "old", "new", "code"), SHEET_FAULTS)
def test_a_sheet_that_breaks_a_rule_is_refused(stem: str, old: str, new: str, code: str) -> None:
    found = refusals(with_sheet(stem, old, new))
    assert f"catalogue.{code}" in [problem for _, problem in found]


def forbid(fields: str) -> dict[str, bytes]:
    rule = f'[[forbid]]\nfields = {fields}\nwhy_zh = "不可"\nwhy_en = "No."\n\n[[routes]]'
    return with_sheet(DROPOUT, "[[routes]]", rule)


def test_a_forbidden_combination_must_make_sense() -> None:
    codes = [code for _, code in refusals(forbid('["site", "height"]'))]
    assert codes == ["catalogue.field_unknown"]
    assert refusals(forbid('["site"]'))[0][1] == "catalogue.forbid_few"
    assert refusals(forbid('["site", "name"]'))[0][1] == "catalogue.forbid_required"


def test_a_recipient_without_a_legal_basis_is_refused() -> None:
    text = FILES[f"{DROPOUT}.toml"].decode()
    text = text.replace('tag = "known"', 'tag = "known"\nroles = ["POL"]')
    text = text.replace('tag = "read"', 'tag = "read"\nroles = ["POL"]')
    found = refusals({**FILES, f"{DROPOUT}.toml": text.encode()})
    assert found == [(f"{DROPOUT}.toml", "catalogue.route_no_basis")]
    bare = re.sub(r"\[\[basis\]\]\nlaw.*\narticle.*\ntag.*\nroles.*\n", "", text)
    codes = [code for _, code in refusals({**FILES, f"{DROPOUT}.toml": bare.encode()})]
    assert "catalogue.no_basis" in codes


def _open_map(schema: dict[str, Any]) -> None:
    schema["properties"]["site"] = {
        "title": "Map",
        "type": "object",
        "maxProperties": 3,
        "propertyNames": {"maxLength": 3},
        "additionalProperties": {"type": "integer"},
    }


SCHEMA_FAULTS: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda s: s.update(additionalProperties=True), "schema_open"),
    (lambda s: s.pop("additionalProperties"), "schema_open"),
    (lambda s: s.update(patternProperties={}), "schema_open"),
    (lambda s: s.update({"$schema": "http://json-schema.org/draft-07/schema#"}), "schema_draft"),
    (lambda s: s.update({"$id": "urn:else"}), "schema_id"),
    (lambda s: s.update(type="array"), "schema_object"),
    (lambda s: s["properties"]["name"].pop("maxLength"), "schema_unbounded"),
    (lambda s: s["properties"]["name"].pop("title"), "schema_title"),
    (lambda s: s["properties"]["name"].pop("type"), "schema_untyped"),
    (lambda s: s["properties"]["name"].update({"x-fault": "record.nope"}), "schema_fault"),
    (lambda s: s["properties"]["confirmed_on"].update(format="datum"), "schema_format"),
    (lambda s: s["properties"]["name"].update(pattern="("), "schema_invalid"),
    (lambda s: s["properties"]["name"].update(minLength="1"), "schema_invalid"),
    (lambda s: s["required"].append("height"), "schema_required"),
    (_open_map, "schema_open"),
]


@pytest.mark.parametrize(("change", "code"), SCHEMA_FAULTS)
def test_a_schema_that_breaks_a_rule_is_refused(
    change: Callable[[dict[str, Any]], object], code: str
) -> None:
    found = refusals(with_schema(DROPOUT, change))
    assert (f"{DROPOUT}.json", f"catalogue.{code}") in found


def test_a_remote_reference_is_not_fetched() -> None:
    files = with_schema(
        DROPOUT, lambda s: s["properties"]["site"].update({"$ref": "https://example.org/x.json"})
    )
    assert (f"{DROPOUT}.json", "catalogue.schema_invalid") in refusals(files)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"NaN1"])
def test_a_schema_that_is_no_json_object_is_refused(content: bytes) -> None:
    found = refusals({**FILES, f"{DROPOUT}.json": content})
    assert found == [(f"{DROPOUT}.json", "catalogue.not_json")]


def test_the_same_key_twice_is_refused() -> None:
    content = FILES[f"{DROPOUT}.json"].replace(b'"type": "object",', b'"type": "object",' * 2, 1)
    found = refusals({**FILES, f"{DROPOUT}.json": content})
    assert found == [(f"{DROPOUT}.json", "catalogue.duplicate_key")]


def test_all_problems_of_all_files_are_told_at_once() -> None:
    files = with_sheet(DROPOUT, 'approval = "human"', 'approval = "timer"\nextra = 1')
    files[f"{ATTENDANCE}.json"] = b"{"
    assert refusals(files) == [
        (f"{ATTENDANCE}.json", "catalogue.not_json"),
        (f"{DROPOUT}.toml", "catalogue.key_unknown"),
        (f"{DROPOUT}.toml", "catalogue.key_value"),
    ]


def test_half_a_type_is_no_type() -> None:
    files = {name: data for name, data in FILES.items() if name != f"{DROPOUT}.toml"}
    assert refusals(files) == [(f"{DROPOUT}.json", "catalogue.no_sheet")]
    files = {name: data for name, data in FILES.items() if name != f"{DROPOUT}.json"}
    assert refusals(files) == [(f"{DROPOUT}.toml", "catalogue.no_schema")]


def test_file_names_say_the_type() -> None:
    assert refusals({"readme.toml": b""}) == [("readme", "catalogue.file_name")]
    assert refusals({}) == [("schemas", "catalogue.empty")]


def test_a_folder_that_is_not_there_is_named_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(CatalogueRefused) as refused:
        load([SCHEMAS, tmp_path / "more"])
    assert [(p.file, p.code) for p in refused.value.problems] == [("more", "catalogue.no_folder")]
    assert str(tmp_path) not in str(refused.value)


def test_a_plugin_adds_types_but_can_not_replace_one(tmp_path: Path) -> None:
    (tmp_path / "mmt").mkdir()
    for suffix in (".json", ".toml"):
        text = FILES[ATTENDANCE + suffix].decode().replace("attendance", "presence")
        (tmp_path / f"mmt/presence.v1{suffix}").write_text(text, encoding="utf-8")
    assert "mmt.presence.v1" in load([SCHEMAS, tmp_path]).sheets
    (tmp_path / f"{ATTENDANCE}.toml").write_bytes(FILES[f"{ATTENDANCE}.toml"])
    with pytest.raises(CatalogueRefused, match="several folders"):
        load([SCHEMAS, tmp_path])


def test_the_digest_changes_with_any_byte_and_not_with_order() -> None:
    assert digest(dict(reversed(FILES.items()))) == digest(FILES)
    assert digest({**FILES, f"{DROPOUT}.toml": FILES[f"{DROPOUT}.toml"] + b"\n"}) != digest(FILES)
    assert digest({"a": b"bc"}) != digest({"ab": b"c"})


def test_a_type_that_is_not_agreed_is_refused_and_has_no_recipients() -> None:
    with pytest.raises(Refused, match="no exchange agreement"):
        CATALOGUE.sheet("mmt.dose.v1")
    with pytest.raises(Misuse, match="no “mmt"):
        CATALOGUE.validator("mmt.dose.v1")
    assert CATALOGUE.recipients("mmt.dose.v1") == ()
    assert CATALOGUE.fields_for("mmt.dose.v1", "POL") == ()


def test_the_rules_that_fields_exist_for_are_known() -> None:
    assert CATALOGUE.rules_needed() == {
        "clinic.absence",
        "community.leave",
        "county.reconcile",
        "county.staffing",
        "tips.reward",
    }


def test_only_the_exchange_s_own_types_and_common_procedures_may_come_from_anyone() -> None:
    for sheet in CATALOGUE.sheets.values():
        assert sheet.may_send(["TRA"]) == (sheet.senders == ("*",) or "TRA" in sheet.senders)
        assert ("*" in sheet.senders) <= (sheet.domain in OPEN_DOMAINS)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_type_is_described_in_words(lang: Any) -> None:
    for type_name, sheet in CATALOGUE.sheets.items():
        told = CATALOGUE.describe(type_name, lang)
        assert "catalogue." not in json.dumps(told, ensure_ascii=False), type_name
        assert [field["name"] for field in told["fields"]] == list(sheet.fields)
        assert [r["role"]["code"] for r in told["recipients"]] == [r.role for r in sheet.routes]
        assert told["basis"], f"{type_name}: no legal basis told"


def test_the_same_field_of_a_person_looks_the_same_everywhere() -> None:
    for name in ("name", "id_type", "id_no", "site", "patient_ref"):
        forms = {
            json.dumps(schema["properties"][name], sort_keys=True)
            for schema in map(CATALOGUE.schema, CATALOGUE.sheets)
            if name in schema["properties"]
        }
        assert len(forms) == 1, name


def test_every_code_that_this_area_speaks_has_words_with_the_same_gaps() -> None:
    texts = all_texts()
    core = Path(jdgate.__file__).parent / "core"
    codes = {f"catalogue.role.{role}" for role in ROLES}
    codes |= {f"catalogue.forbidden.{reason}" for reason in REASONS}
    for name in ("catalogue", "schema", "schema_form", "sheet_reader", "sheet_rules", "fault",
                 "identity", "regions"):  # fmt: skip
        source = (core / f"{name}.py").read_text(encoding="utf-8")
        codes |= set(re.findall(r'"((?:record|catalogue|identity)\.[a-z_]+)"', source))
        codes |= {f"catalogue.{code}" for code in re.findall(r'\.say\(\s*"([a-z_]+)"', source)}
    assert len(codes) > 80
    for code in sorted(codes):
        assert code in texts, code
        gaps = [
            {part[1] for part in string.Formatter().parse(texts[code][lang]) if part[1]}
            for lang in ("zh", "en")
        ]
        assert gaps[0] == gaps[1], code
