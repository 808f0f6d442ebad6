"""The catalogue: every message type with its JSON Schema and its exchange sheet.

Rules:
- a type is two files, `<domain>/<name>.v<n>.json` and `.toml`; one without the other is refused;
- a catalogue is loaded whole or not at all, and says everything that is wrong with it;
- a field that no route shows to anyone says which rule needs it, or it may not exist;
- what domain reference §6 forbids can't be declared, by any name;
- a relation that a route asks for is opened by some type;
- the digest (SHA-256 over names and bytes) goes into the signed directory, so the authority
  signs the agreements too.

    catalogue = load([default_path()])
    sheet = catalogue.sheets["mmt.dropout.notice.v1"]
    faults = check_records(catalogue.validator(sheet.type), sheet, records)
    catalogue.recipients("mmt.dropout.notice.v1")      # its routes
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.core.forbidden import forbidden_field
from jdgate.core.schema import RecordValidator, compile_schema
from jdgate.core.schema_form import Problem, form_problems, read_schema
from jdgate.core.schema_parts import parts_of
from jdgate.core.sheet import Route, Sheet
from jdgate.core.sheet_reader import read_sheet
from jdgate.errors import Misuse, Refused
from jdgate.texts import Lang, say

__all__ = ["Catalogue", "CatalogueRefused", "build", "default_path", "forbidden_field", "load"]

_FILE = re.compile(r"([a-z][a-z0-9]*)/([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9][0-9]*)")


class CatalogueRefused(Refused):
    """A catalogue with problems: all of them, file by file, are in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.code, str(p.params))))
        files = len({problem.file for problem in problems})
        super().__init__("catalogue.refused", problems=len(problems), files=files)

    def text(self, lang: Lang) -> str:
        """The count, then one line per problem."""
        lines = [problem.text(lang) for problem in self.problems]
        return "\n  ".join([super().text(lang), *lines])


class Catalogue:
    """The message types in force. Immutable; made by `load` or `build`."""

    def __init__(
        self, sheets: Mapping[str, Sheet], schemas: Mapping[str, dict[str, Any]], digest: str
    ) -> None:
        self.sheets: dict[str, Sheet] = dict(sheets)
        self.digest = digest
        self._validators = {name: compile_schema(schema) for name, schema in schemas.items()}

    def sheet(self, type_name: str) -> Sheet:
        """The agreement for a type.

        Raises:
            Refused: `agreement.no_type`.
        """
        found = self.sheets.get(type_name)
        if found is None:
            raise Refused("agreement.no_type", type=type_name[:80])
        return found

    def validator(self, type_name: str) -> RecordValidator:
        """The compiled schema of a type in the catalogue.

        Raises:
            Misuse: `catalogue.no_validator`: ask `sheets` first.
        """
        found = self._validators.get(type_name)
        if found is None:
            raise Misuse("catalogue.no_validator", type=type_name[:80])
        return found

    def schema(self, type_name: str) -> dict[str, Any]:
        """The JSON Schema of one record, as published."""
        return self.validator(type_name).schema

    def recipients(self, type_name: str) -> tuple[Route, ...]:
        """Who may be told of a type, and how each is found. Empty for an unknown type."""
        found = self.sheets.get(type_name)
        return found.routes if found else ()

    def fields_for(self, type_name: str, role: str) -> tuple[str, ...]:
        """What a role may see at most of a type. Empty when it is no recipient."""
        found = self.sheets.get(type_name)
        return found.fields_for(role) if found else ()

    def rules_needed(self) -> frozenset[str]:
        """The rules that some field exists for, so that a missing plugin can be noticed."""
        return frozenset(
            field.needed_by
            for sheet in self.sheets.values()
            for field in sheet.fields.values()
            if field.needed_by is not None
        )

    def describe(self, type_name: str, lang: Lang) -> dict[str, Any]:
        """Everything a person may want to know of a type, in plain values for CLI and docs.

        Raises:
            Refused: `agreement.no_type`.
        """
        sheet = self.sheet(type_name)
        schema = self.schema(type_name)
        return {
            "type": sheet.type,
            "title": sheet.title.get(lang),
            "about": sheet.about.get(lang),
            "domain": sheet.domain,
            "senders": [_named("role", role, lang) for role in sheet.senders],
            "share": _named("share", sheet.share, lang),
            "purpose": sheet.purpose,
            "retention_days": sheet.retention_days,
            "expires_days": sheet.expires_days,
            "answer_days": sheet.answer_days,
            "approval": _named("approval", sheet.approval, lang),
            "tracked": sheet.tracked,
            "basis": [
                {
                    "law": basis.law,
                    "article": basis.article,
                    "tag": _named("tag", basis.tag, lang),
                    "roles": list(basis.roles),
                }
                for basis in sheet.basis
            ],
            "recipients": [
                {
                    "role": _named("role", route.role, lang),
                    "find": _named("find", route.find, lang),
                    "relation": route.relation,
                    "when": route.when if route.find == "relation" else None,
                    "only": _describe_only(sheet, route, lang),
                    "fields": list(route.fields),
                }
                for route in sheet.routes
            ],
            "fields": [_describe_field(sheet, schema, field, lang) for field in sheet.fields],
            "forbidden_together": [
                {"fields": list(rule.fields), "why": rule.why.get(lang)} for rule in sheet.forbid
            ],
            "distinct": [list(fields) for fields in sheet.distinct],
            "ascending": [list(fields) for fields in sheet.ascending],
        }


def _named(group: str, code: str, lang: Lang) -> dict[str, str]:
    name = "any" if code == "*" else code
    return {"code": code, "title": say(f"catalogue.{group}.{name}", lang)}


def _describe_only(sheet: Sheet, route: Route, lang: Lang) -> dict[str, Any] | None:
    if route.only is None:
        return None
    field = route.only.field
    return {
        "field": field,
        "title": sheet.field_title(field, lang),
        "values": [
            {"value": value, "title": sheet.value_title(field, value, lang)}
            for value in route.only.values
        ],
    }


def _describe_field(
    sheet: Sheet, schema: Mapping[str, Any], name: str, lang: Lang
) -> dict[str, Any]:
    """A field, and the fields inside it in `parts`: what is said of it holds for them."""
    field, form = sheet.fields[name], schema["properties"][name]
    handled = {
        "personal": field.personal,
        "shown_to": [route.role for route in sheet.routes if name in route.fields],
        "needed_by": field.needed_by,
        "sealed_to": field.sealed_to,
    }
    parts = [] if field.sealed_to else parts_of(name, form)
    return {
        **_describe_form(sheet, name, form, name in schema.get("required", []), lang),
        **handled,
        "parts": [
            {**_describe_form(sheet, path, part, required, lang), **handled}
            for path, part, required in parts
        ],
    }


def _describe_form(
    sheet: Sheet, path: str, form: Mapping[str, Any], required: bool, lang: Lang
) -> dict[str, Any]:
    kind = form.get("type", "string")
    return {
        "name": path,
        "title": sheet.field_title(path, lang),
        "kind": kind if isinstance(kind, str) else "|".join(kind),
        "format": form.get("format"),
        "most": form.get("maxLength"),
        "required": required,
        "values": [
            {"value": value, "title": sheet.value_title(path, value, lang)}
            for value in form.get("enum", [])
        ],
    }


def build(files: Mapping[str, bytes]) -> Catalogue:
    """A catalogue from file contents, by name relative to their folder (`mmt/attendance.v1.toml`).

    Raises:
        CatalogueRefused: with every problem of every file.
    """
    problems: list[Problem] = []
    sheets: dict[str, Sheet] = {}
    schemas: dict[str, dict[str, Any]] = {}
    stems = sorted({name.rpartition(".")[0] for name in files})
    if not stems:
        problems.append(Problem("schemas", "catalogue.empty"))
    for stem in stems:
        sheet, schema, found = _one(stem, files)
        problems += found
        if sheet is not None and schema is not None:
            sheets[sheet.type] = sheet
            schemas[sheet.type] = schema
    if not problems:
        problems += _relations(sheets)
    if problems:
        raise CatalogueRefused(problems)
    return Catalogue(sheets, schemas, digest(files))


def digest(files: Mapping[str, bytes]) -> str:
    """SHA-256 (hex) over all files in order of name: name, length and bytes of each."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\n{len(files[name])}\n".encode())
        total.update(files[name])
    return total.hexdigest()


def _one(
    stem: str, files: Mapping[str, bytes]
) -> tuple[Sheet | None, dict[str, Any] | None, list[Problem]]:
    named = _FILE.fullmatch(stem)
    if named is None:
        return None, None, [Problem(stem, "catalogue.file_name")]
    type_name = f"{named[1]}.{named[2]}"
    json_file, toml_file = f"{stem}.json", f"{stem}.toml"
    if json_file not in files:
        return None, None, [Problem(toml_file, "catalogue.no_schema", {"expected": json_file})]
    if toml_file not in files:
        return None, None, [Problem(json_file, "catalogue.no_sheet", {"expected": toml_file})]
    schema, problems = read_schema(json_file, files[json_file])
    if schema is None:
        return None, None, problems
    sheet, found = read_sheet(toml_file, files[toml_file], schema)
    # A map's names are not fixed, so only the gateway and the exchange itself may send one.
    maps = sheet is None or sheet.domain == "sys" or sheet.senders == ("GW",)
    problems += form_problems(json_file, schema, type_name, maps) + found
    if sheet is not None and (sheet.type, sheet.domain) != (type_name, named[1]):
        params: dict[str, str | int] = {"got": sheet.type, "expected": type_name}
        problems.append(Problem(toml_file, "catalogue.type_name", params))
    return sheet, schema, problems


def _relations(sheets: Mapping[str, Sheet]) -> Iterable[Problem]:
    """Routes that ask for a relation which no type opens."""
    opened = {
        sheet.relation.name
        for sheet in sheets.values()
        if sheet.relation is not None and sheet.relation.action == "open"
    }
    for sheet in sheets.values():
        asked = {route.relation for route in sheet.routes}
        if sheet.relation is not None:
            asked.add(sheet.relation.name)
        for name in sorted(asked - opened - {None}, key=str):
            yield Problem(sheet.type, "catalogue.relation_unopened", {"relation": str(name)})


def load(paths: Sequence[Path]) -> Catalogue:
    """The catalogue in one or more folders: the packaged one and those that plugins add.

    This and `default_path` read files, the only place in the core that does: agreements are
    part of the rules, and everything below them works on bytes.

    Raises:
        CatalogueRefused: `catalogue.no_folder`, `catalogue.unreadable`, `catalogue.twice` and
            every problem that `build` finds.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for folder in paths:
        if not folder.is_dir():
            problems.append(Problem(folder.name, "catalogue.no_folder"))
        for path in sorted([*folder.rglob("*.json"), *folder.rglob("*.toml")]):
            name = path.relative_to(folder).as_posix()
            if name in files:
                problems.append(Problem(name, "catalogue.twice"))
                continue
            try:
                files[name] = path.read_bytes()
            except OSError:
                problems.append(Problem(name, "catalogue.unreadable"))
    try:
        catalogue = build(files)
    except CatalogueRefused as refused:
        raise CatalogueRefused([*problems, *refused.problems]) from None
    if problems:
        raise CatalogueRefused(problems)
    return catalogue


def default_path() -> Path:
    """The folder of the types that come with jdgate: in the wheel, else in the repository."""
    package = Path(__file__).parent.parent
    packaged = package / "schemas"
    return packaged if packaged.is_dir() else package.parent.parent / "schemas"
