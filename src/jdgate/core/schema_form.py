"""What a JSON Schema must look like to be a message type here.

Rules: JSON Schema 2020-12; one JSON object with every object in it closed; every field with a
title; every text, list and map with an upper bound; only formats we check; no forbidden field
at any depth. A map (an object whose names are not fixed) may hold only plain values, and only
the gateway and the exchange's own types may have one.

    for problem in form_problems("mmt/attendance.v1.json", schema, "mmt.attendance.v1", False): …
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import msgspec

from jdgate.core.forbidden import forbidden_field
from jdgate.core.schema import FORMATS, compile_schema
from jdgate.texts import Lang, all_texts, say

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_SCALARS = {"string", "integer", "number", "boolean", "null"}
_COMBINERS = ("allOf", "anyOf", "oneOf", "if", "then", "else", "not", "prefixItems")


class Problem(msgspec.Struct, frozen=True):
    """Why a file of the catalogue is refused. `file` is relative to the catalogue's folder."""

    file: str
    code: str
    params: dict[str, str | int] = {}

    def text(self, lang: Lang) -> str:
        """File and reason in one line."""
        words: dict[str, object] = dict(self.params)
        if "reason" in words:
            words["reason"] = say(f"catalogue.forbidden.{words['reason']}", lang)
        return f"{self.file}: {say(self.code, lang, **words)}"


class _DuplicateKeyError(ValueError):
    pass


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DuplicateKeyError
    return found


def read_schema(file: str, content: bytes) -> tuple[dict[str, Any] | None, list[Problem]]:
    """The JSON object in `content`, or why there is none."""
    try:
        value = json.loads(content.decode(), object_pairs_hook=_pairs)
    except _DuplicateKeyError:
        return None, [Problem(file, "catalogue.duplicate_key")]
    except (ValueError, RecursionError):
        return None, [Problem(file, "catalogue.not_json")]
    if not isinstance(value, dict):
        return None, [Problem(file, "catalogue.not_json")]
    return value, []


def form_problems(
    file: str, schema: dict[str, Any], type_name: str, maps_allowed: bool
) -> list[Problem]:
    """Everything that keeps `schema` from being the schema of `type_name`."""
    problems: list[Problem] = []
    if schema.get("$schema") != DRAFT:
        problems.append(Problem(file, "catalogue.schema_draft", {"expected": DRAFT}))
    expected = f"urn:jdgate:{type_name}"
    if schema.get("$id") != expected:
        problems.append(Problem(file, "catalogue.schema_id", {"expected": expected}))
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        problems.append(Problem(file, "catalogue.schema_object"))
        return problems
    walker = _Walker(file, maps_allowed)
    walker.main(schema, "", titled=True)
    problems += walker.problems
    try:
        compile_schema(schema)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        reason = str(error).splitlines()[0][:200]
        problems.append(Problem(file, "catalogue.schema_invalid", {"detail": reason}))
    return problems


class _Walker:
    """One pass over a schema, collecting problems."""

    def __init__(self, file: str, maps_allowed: bool) -> None:
        self.file = file
        self.maps_allowed = maps_allowed
        self.problems: list[Problem] = []

    def say(self, code: str, **params: str | int) -> None:
        self.problems.append(Problem(self.file, f"catalogue.{code}", params))

    def main(self, schema: Mapping[str, Any], path: str, *, titled: bool) -> None:
        """A schema that alone describes a value: it must bound it."""
        where = path or "/"
        if titled and not isinstance(schema.get("title"), str):
            self.say("schema_title", path=where)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if not kinds and "enum" not in schema and "const" not in schema and "$ref" not in schema:
            self.say("schema_untyped", path=where)
        if "string" in kinds and not ({"maxLength", "enum", "const"} & schema.keys()):
            self.say("schema_unbounded", path=where, key="maxLength")
        if "array" in kinds:
            if "maxItems" not in schema:
                self.say("schema_unbounded", path=where, key="maxItems")
            if not isinstance(schema.get("items"), Mapping):
                self.say("schema_untyped", path=where)
        if "object" in kinds:
            self._object(schema, where)
        self._names(schema, path)
        for name, part in self._properties(schema):
            self.main(part, f"{path}/{name}", titled=True)
        items = schema.get("items")
        if isinstance(items, Mapping):
            self.main(items, f"{path}/*", titled=False)
        for name, part in _members(schema.get("$defs")):
            self.main(part, f"{path}/$defs/{name}", titled=False)
        self._further(schema, path)

    def part(self, schema: object, path: str) -> None:
        """A schema that only adds conditions to another."""
        if isinstance(schema, Mapping):
            self._names(schema, path)
            for name, part in self._properties(schema):
                self.part(part, f"{path}/{name}")
            self.part(schema.get("items"), f"{path}/*")
            self._further(schema, path)

    def _further(self, schema: Mapping[str, Any], path: str) -> None:
        for keyword in _COMBINERS:
            value = schema.get(keyword)
            for part in value if isinstance(value, list) else [value]:
                self.part(part, path)

    def _object(self, schema: Mapping[str, Any], where: str) -> None:
        rest = schema.get("additionalProperties")
        if rest is False:
            required = schema.get("required", [])
            for name in required if isinstance(required, list) else []:
                if name not in schema.get("properties", {}):
                    self.say("schema_required", path=where, field=str(name))
            return
        if not self.maps_allowed or not isinstance(rest, Mapping) or "properties" in schema:
            self.say("schema_open", path=where)
            return
        kinds = rest.get("type", [])
        plain = {kinds} if isinstance(kinds, str) else set(kinds)
        if not plain or not plain <= _SCALARS or ("string" in plain and "maxLength" not in rest):
            self.say("schema_map", path=where)
        if "maxProperties" not in schema or "propertyNames" not in schema:
            self.say("schema_map", path=where)

    def _properties(self, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return _members(schema.get("properties"))

    def _names(self, schema: Mapping[str, Any], path: str) -> None:
        where = path or "/"
        if "patternProperties" in schema or "unevaluatedProperties" in schema:
            self.say("schema_open", path=where)
        name = schema.get("format")
        if name is not None and name not in FORMATS:
            self.say(
                "schema_format", path=where, got=str(name), expected=", ".join(sorted(FORMATS))
            )
        fault = schema.get("x-fault")
        if fault is not None and fault not in all_texts():
            self.say("schema_fault", path=where, got=str(fault))
        for field, part in self._properties(schema):
            title = part.get("title")
            reason = forbidden_field(field) or (
                forbidden_field(title) if isinstance(title, str) else None
            )
            if reason is not None:
                self.say("forbidden_field", field=field, reason=reason)


def _members(table: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(table, Mapping):
        for name, part in table.items():
            if isinstance(part, Mapping):
                yield str(name), part
