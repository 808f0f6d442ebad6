"""Checking records against their type's JSON Schema, and saying what is wrong with them.

Rules:
- the batch is tried whole, in one call; only when it fails is each record looked at, and only a
  record that fails is explained;
- one fault per place, the most telling one, with its path as a JSON Pointer (RFC 6901);
- a fault tells form, never content: length, kind, what was expected. No value of a record is in
  it, and a field name only when it looks like a name;
- a schema may name the fault of its `pattern` or `not` itself with the annotation `x-fault`;
- this never raises for bad data.

    validator = compile_schema(schema)
    faults = check_records(validator, sheet, message.data)        # {} or index → faults
    faults[3][0].text("zh", sheet)                                # a sentence for a nurse
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from itertools import combinations, pairwise
from typing import Any

import jsonschema_rs

from jdgate.core import identity, regions
from jdgate.core.fault import Fault, Params
from jdgate.core.forbidden import forbidden_word
from jdgate.core.message import MEMBER_ID
from jdgate.core.sheet import Sheet

__all__ = [
    "FORMATS",
    "Fault",
    "Params",
    "RecordValidator",
    "check_record",
    "check_records",
    "compile_schema",
]

ADULT_CONTENT_AGE = 14
"""Below this age a person's data needs a guardian's consent (个保法 28, 31)."""

_OWN_FORMATS: dict[str, Callable[[str], str | None]] = {
    "cn-id-no": identity.check_id_no,
    "uscc": identity.check_uscc,
    "cas": identity.check_cas,
    "division-code": regions.check_division,
    "member-id": lambda text: None if MEMBER_ID.fullmatch(text) else "record.bad_member",
}
_STANDARD_FORMATS = {
    "date": "record.bad_date",
    "date-time": "record.bad_time",
    "uuid": "record.bad_uuid",
}
FORMATS: frozenset[str] = frozenset((*_OWN_FORMATS, *_STANDARD_FORMATS))
"""The formats a schema may use."""

_SHOWABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_KINDS = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}
_LIMITS = {
    "minLength": ("record.too_short", "least"),
    "maxLength": ("record.too_long", "most"),
    "minimum": ("record.too_small", "least"),
    "exclusiveMinimum": ("record.too_small", "least"),
    "maximum": ("record.too_big", "most"),
    "exclusiveMaximum": ("record.too_big", "most"),
    "minItems": ("record.too_few", "least"),
    "maxItems": ("record.too_many", "most"),
    "maxProperties": ("record.too_many", "most"),
}
# Which fault of one place is told, when several apply: the lowest.
_RANK = {"type": 0, "required": 1, "additionalProperties": 1, "enum": 2, "const": 2, "format": 3}


class RecordValidator:
    """One type's compiled schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = dict(schema)
        self._one = _compile(self.schema)
        self._all = _compile({"type": "array", "items": self.schema})

    def all_valid(self, records: list[dict[str, Any]]) -> bool:
        """Whether every record holds, in one call."""
        return _holds(self._all, records)

    def valid(self, record: object) -> bool:
        """Whether one record holds."""
        return _holds(self._one, record)

    def faults(self, record: object) -> list[Fault]:
        """What is wrong with a record, sorted by path; at least one fault if it is not valid."""
        best: dict[str, tuple[int, Fault]] = {}
        try:
            errors = list(self._one.iter_errors(record))
        except (ValueError, TypeError, OverflowError):
            return [_unreadable(record)]
        for error in errors:
            for rank, fault in _explain(error, record, self.schema):
                known = best.get(fault.path)
                if known is None or rank < known[0]:
                    best[fault.path] = (rank, fault)
        return [best[path][1] for path in sorted(best)]


def compile_schema(schema: Mapping[str, Any]) -> RecordValidator:
    """A validator for records of one type.

    Raises:
        ValueError: from jsonschema-rs, when it is no JSON Schema. The catalogue reports it.
    """
    return RecordValidator(schema)


def check_record(
    validator: RecordValidator,
    sheet: Sheet,
    record: dict[str, Any],
    today: date | None = None,
) -> list[Fault]:
    """The faults of one record; empty when it is good."""
    return check_records(validator, sheet, [record], today).get(0, [])


def check_records(
    validator: RecordValidator,
    sheet: Sheet,
    records: list[dict[str, Any]],
    today: date | None = None,
) -> dict[int, list[Fault]]:
    """Index → faults of the records that are not good; empty when all are.

    `today` (the local day) lets ages and days be checked: people under 14 are refused where the
    sheet names no guardian's consent, and what has happened can't be of a later day.
    """
    faults: dict[int, list[Fault]] = {}
    if not validator.all_valid(records):
        for index, record in enumerate(records):
            if not validator.valid(record):
                faults[index] = validator.faults(record) or [Fault("record.bad_form")]
    if sheet.across or (today is not None and (sheet.subject is not None or sheet.happened)):
        for index, record in enumerate(records):
            if index not in faults:
                found = _across(sheet, record, today)
                if found:
                    faults[index] = found
    return faults


def _across(sheet: Sheet, record: Mapping[str, Any], today: date | None) -> list[Fault]:
    """Checks that look at more than one field of a record that fits its schema."""
    faults = [
        Fault("record.cross_field", f"/{rule.fields[0]}", {"fields": "|".join(rule.fields)})
        for rule in sheet.forbid
        if all(record.get(field) is not None for field in rule.fields)
    ]
    for fields in sheet.distinct:
        held = [value for field in fields if (value := record.get(field)) is not None]
        if any(one == other for one, other in combinations(held, 2)):
            params: Params = {"fields": "|".join(fields)}
            faults.append(Fault("record.not_distinct", f"/{fields[-1]}", params))
    for fields in sheet.ascending:
        for lower, upper in pairwise(field for field in fields if record.get(field) is not None):
            if record[lower] > record[upper]:
                params = {"fields": f"{lower}|{upper}"}
                faults.append(Fault("record.not_ascending", f"/{lower}", params))
    if today is not None:
        # both are texts of the form 2026-11-21, which sort as the days do
        latest = today.isoformat()
        faults += [
            Fault("record.future_date", f"/{name}", {"field": name, "latest": latest})
            for name in sheet.happened
            if isinstance(day := record.get(name), str) and day > latest
        ]
    if today is not None and sheet.subject is not None and sheet.guardian is None:
        id_no = record.get(sheet.subject.field)
        if isinstance(id_no, str) and identity.check_id_no(id_no) is None:
            age = identity.age_on(id_no, today)
            if age is not None and age < ADULT_CONTENT_AGE:
                path = f"/{sheet.subject.field}"
                params = {"field": sheet.subject.field, "least": ADULT_CONTENT_AGE}
                faults.append(Fault("record.minor", path, params))
    return faults


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        schema,
        formats={name: _as_predicate(check) for name, check in _OWN_FORMATS.items()},
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
        registry=jsonschema_rs.Registry([]),
        # Linear-time regular expressions: a plugin's pattern can't hang the gateway.
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def _as_predicate(check: Callable[[str], str | None]) -> Callable[[object], bool]:
    def predicate(text: object) -> bool:
        return not isinstance(text, str) or check(text) is None

    return predicate


def _holds(validator: jsonschema_rs.Validator, value: object) -> bool:
    try:
        return validator.is_valid(value)
    except (ValueError, TypeError, OverflowError):
        return False


def _explain(
    error: jsonschema_rs.ValidationError, record: object, schema: Mapping[str, Any]
) -> list[tuple[int, Fault]]:
    """(rank, fault) of one error; several for several unknown fields."""
    keyword = error.kind.name
    steps = list(error.instance_path)
    rank = _RANK.get(keyword, 5)
    if keyword == "propertyNames":
        return [(rank, Fault("record.field_unknown", _pointer(steps), _about(steps)))]
    if keyword == "required":
        missing = str(error.kind.as_dict()["property"])
        return [(rank, _at("record.field_missing", [*steps, missing]))]
    if keyword == "additionalProperties":
        unexpected = error.kind.as_dict()["unexpected"]
        return [(rank, _unknown(steps, str(name))) for name in unexpected]
    value = _value_at(record, steps)
    if keyword == "type":
        if not steps:
            return [(rank, Fault("record.not_object"))]
        kinds = "|".join(sorted(error.kind.as_dict()["types"]))
        got = _KINDS.get(type(value), "null")
        return [(rank, _at("record.wrong_type", steps, got=got, expected=kinds))]
    if keyword in ("enum", "const"):
        options = error.kind.as_dict()
        listed = options.get("options", [options.get("expected_value")])
        allowed = "|".join(str(option) for option in listed)
        return [(rank, _at("record.not_allowed", steps, allowed=allowed))]
    if keyword == "format":
        return [(rank, _format_fault(str(error.kind.as_dict()["format"]), steps, value))]
    if keyword in _LIMITS:
        code, name = _LIMITS[keyword]
        limit = int(error.kind.as_dict()["limit"])
        if keyword == "minLength" and value == "":
            return [(4, _at("record.empty", steps))]
        params: Params = {name: limit}
        if isinstance(value, (str, list, dict)):
            params["got"] = len(value)
        return [(4, _at(code, steps, **params))]
    code = _named_fault(schema, list(error.schema_path)) or "record.bad_form"
    return [(rank, _at(code, steps))]


def _format_fault(name: str, steps: list[str | int], value: object) -> Fault:
    own = _OWN_FORMATS.get(name)
    if own is None:
        return _at(_STANDARD_FORMATS.get(name, "record.bad_form"), steps)
    code = (own(value) if isinstance(value, str) else None) or "record.bad_form"
    if code == "record.bad_id_length" and isinstance(value, str):
        return _at(code, steps, got=len(value), expected=18)
    return _at(code, steps)


def _unreadable(record: object) -> Fault:
    """For what no JSON text can hold: half a surrogate pair."""
    if isinstance(record, dict):
        for name, value in record.items():
            if isinstance(value, str) and _SHOWABLE.fullmatch(name):
                try:
                    value.encode()
                except UnicodeEncodeError:
                    return _at("record.bad_text", [name])
    return Fault("record.bad_text")


def _named_fault(schema: object, schema_path: list[str | int]) -> str | None:
    """The `x-fault` nearest to the keyword that failed."""
    found: str | None = None
    for step in [*schema_path, None]:
        if isinstance(schema, Mapping):
            named = schema.get("x-fault")
            if isinstance(named, str):
                found = named
            if step == schema_path[-1] and step == "not" and isinstance(schema.get("not"), Mapping):
                return str(schema["not"].get("x-fault", found or "record.bad_form"))
            schema = schema.get(step)
        elif isinstance(schema, list) and isinstance(step, int):
            schema = schema[step]
        else:
            break
    return found


def _unknown(steps: list[str | int], name: str) -> Fault:
    # A name of another form may be a value that slipped into the header: it is not repeated.
    shown = name if _SHOWABLE.fullmatch(name) else "?"
    forbidden = forbidden_word(name)
    if forbidden is not None:
        word, reason = forbidden
        if shown == "?":
            shown = word
        return Fault(
            "record.field_forbidden", _pointer([*steps, shown]), {"field": shown, "reason": reason}
        )
    return Fault("record.field_unknown", _pointer([*steps, shown]), {"field": shown})


def _at(code: str, steps: list[str | int], **params: str | int) -> Fault:
    return Fault(code, _pointer(steps), {**_about(steps), **params})


def _about(steps: list[str | int]) -> Params:
    return {"field": str(steps[0])} if steps else {}


def _pointer(steps: list[str | int]) -> str:
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _value_at(value: object, steps: list[str | int]) -> object:
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
