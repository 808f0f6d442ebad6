"""Whether an exchange sheet agrees with its schema and with the rules of sharing.

Rules: a field of the schema is either shown by a route or needed by a named rule, or it has no
reason to exist; every route, alias, relation and combination speaks of fields that exist; every
field and every enum value, at any depth, has words in both languages; every recipient has a legal
basis; what is withheld has no recipient (政务数据共享条例 14); personal data is never
unconditional; data about a minor needs a guardian's consent field (个保法 31).

    problems = disagreements("mmt/attendance.v1.toml", sheet, schema)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jdgate.core.forbidden import forbidden_field, is_minor_field
from jdgate.core.schema_form import Problem
from jdgate.core.schema_parts import options_of, parts_of
from jdgate.core.sheet import Only, Sheet, Title

SEALED_PARTS = {"kid", "sealed"}
"""What a sealed field holds on the wire (`sealing.seal_field`)."""


def disagreements(file: str, sheet: Sheet, schema: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with a sheet whose keys and kinds are right."""
    rules = _Rules(file, sheet, schema)
    rules.fields()
    rules.inside()
    rules.values()
    rules.routes()
    rules.share()
    rules.subject()
    rules.relation()
    rules.combinations()
    return rules.found


class _Rules:
    def __init__(self, file: str, sheet: Sheet, schema: Mapping[str, Any]) -> None:
        self.file = file
        self.sheet = sheet
        self.found: list[Problem] = []
        self.properties: dict[str, Any] = dict(schema.get("properties", {}))
        self.required: list[str] = list(schema.get("required", []))
        self.parts: dict[str, Mapping[str, Any]] = {
            path: part
            for name, form in self.properties.items()
            if name not in sheet.sealed
            for path, part, _ in parts_of(name, form)
        }

    def say(self, code: str, **params: str | int) -> None:
        self.found.append(Problem(self.file, f"catalogue.{code}", params))

    def exists(self, field: str | None, key: str) -> bool:
        if field is not None and field not in self.properties:
            self.say("field_unknown", key=key, field=field)
            return False
        return field is not None

    def fields(self) -> None:
        sheet = self.sheet
        shown = {field for route in sheet.routes for field in route.fields}
        for name, field in sheet.fields.items():
            self.exists(name, f"fields.{name}")
            self.allowed(name, field.title)
            if field.sealed_to is not None:
                self.sealed(name, field.sealed_to)
        for name in self.properties:
            known = sheet.fields.get(name)
            if known is None:
                self.say("field_untitled", field=name, key=f"fields.{name}")
            if name not in shown and (known is None or known.needed_by is None):
                self.say("field_unseen", field=name)
            self.grown_up(name, known.title if known else None)
        if self.exists(sheet.guardian, "guardian") and sheet.guardian not in self.required:
            self.say("field_optional", key="guardian", field=sheet.guardian or "")

    def inside(self) -> None:
        """Fields inside a field: they share its handling, and have words of their own."""
        for path, title in self.sheet.parts.items():
            if path not in self.parts:
                self.say("field_unknown", key=_quoted("fields", path), field=path)
            self.allowed(path, title)
        for path in self.parts:
            if path not in self.sheet.parts:
                self.say("field_untitled", field=path, key=_quoted("fields", path))
            self.grown_up(path.rpartition(".")[2], self.sheet.parts.get(path))

    def allowed(self, field: str, title: Title) -> None:
        """What may never be exchanged is not let in under an innocent name."""
        reason = forbidden_field(title.zh) or forbidden_field(title.en)
        if reason is not None:
            self.say("forbidden_field", field=field, reason=reason)

    def grown_up(self, field: str, title: Title | None) -> None:
        """A field about a minor needs a guardian's consent field."""
        words = (field, title.zh, title.en) if title else (field,)
        if self.sheet.guardian is None and any(map(is_minor_field, words)):
            self.say("minor_field", field=field)

    def sealed(self, name: str, role: str) -> None:
        """A field that the gateway can't open: it has the form of one, and one role to open it."""
        if name not in self.sheet.fields_for(role):
            self.say("sealed_unseen", field=name, role=role)
        for route in self.sheet.routes:
            if name in route.fields and route.role != role:
                self.say("sealed_shown", field=name, role=route.role)
        form = self.properties.get(name, {})
        parts = (set(form.get(key, ())) for key in ("properties", "required"))
        if any(part != SEALED_PARTS for part in parts):
            self.say("sealed_form", field=name)

    def values(self) -> None:
        forms = {**self.properties, **self.parts}
        for name, form in forms.items():
            options, titled = options_of(form), self.sheet.values.get(name, {})
            for value in options:
                if value not in titled:
                    key = f"{_quoted('values', name)}.{value}"
                    self.say("value_untitled", field=name, value=value, key=key)
            for value, title in titled.items():
                if options and value not in options:
                    self.say("value_unknown", field=name, value=value)
                self.allowed(f"{name}={value}", title)
        for name in self.sheet.values:
            if name not in forms:
                self.say("field_unknown", key=_quoted("values", name), field=name)

    def routes(self) -> None:
        seen: set[tuple[str, str, str | None, Only | None]] = set()
        for number, route in enumerate(self.sheet.routes):
            key = f"routes[{number}]"
            for field in route.fields:
                self.exists(field, f"{key}.fields")
            if self.exists(route.region_field, f"{key}.region_field"):
                self.format_is(route.region_field, "division-code", f"{key}.region_field")
            if self.exists(route.member_field, f"{key}.member_field"):
                self.format_is(route.member_field, "member-id", f"{key}.member_field")
            same = (route.role, route.find, route.relation, route.only)
            if same in seen:
                self.say("route_twice", key=key, role=route.role)
            seen.add(same)
            if route.only is not None and self.exists(route.only.field, f"{key}.only"):
                options = self.properties[route.only.field].get("enum", [])
                for value in set(route.only.values).difference(options):
                    self.say("value_unknown", field=route.only.field, value=value)
            if not self.sheet.cite(route.role):
                self.say("route_no_basis", key=key, role=route.role)
            if route.find in ("relation", "care_team") and self.sheet.subject is None:
                self.say("route_no_subject", key=key, find=route.find)

    def format_is(self, field: str | None, expected: str, key: str) -> None:
        if self.properties[str(field)].get("format") != expected:
            self.say("field_format", key=key, field=str(field), expected=expected)

    def share(self) -> None:
        sheet = self.sheet
        if not sheet.basis:
            self.say("no_basis")
        if sheet.share == "withheld" and sheet.routes:
            self.say("withheld_routes")
        if sheet.share != "withheld" and not sheet.routes:
            self.say("no_routes")
        if sheet.share == "unconditional" and any(f.personal for f in sheet.fields.values()):
            self.say("unconditional_personal")

    def subject(self) -> None:
        sheet = self.sheet
        for key, field in (
            ("subject.field", sheet.subject.field if sheet.subject else None),
            ("alias.field", sheet.alias.field if sheet.alias else None),
        ):
            if self.exists(field, key) and field is not None:
                if field not in self.required:
                    self.say("field_optional", key=key, field=field)
                if field in sheet.fields and not sheet.fields[field].personal:
                    self.say("not_personal", key=key, field=field)
        if sheet.alias is not None and sheet.alias.defines and sheet.subject is None:
            self.say("alias_no_subject")

    def relation(self) -> None:
        rule = self.sheet.relation
        if rule is None:
            return
        if self.sheet.subject is None:
            self.say("relation_no_subject")
        for key, field in (("on", rule.on), ("region", rule.region), ("key", rule.key)):
            if self.exists(field, f"relation.{key}") and field is not None:
                if field not in self.required:
                    self.say("field_optional", key=f"relation.{key}", field=field)
                if key != "key":
                    wanted = "date" if key == "on" else "division-code"
                    self.format_is(field, wanted, f"relation.{key}")
        if rule.action == "open" and rule.region is None and rule.member is None:
            self.say("relation_nowhere")
        when = rule.close_when
        if when is not None and self.exists(when.field, "relation.close_when"):
            for value in when.values:
                if value not in self.properties[when.field].get("enum", []):
                    self.say("value_unknown", field=when.field, value=value)

    def combinations(self) -> None:
        for number, rule in enumerate(self.sheet.forbid):
            for field in rule.fields:
                self.exists(field, f"forbid[{number}].fields")
            if set(rule.fields) <= set(self.required):
                self.say("forbid_required", key=f"forbid[{number}].fields")
        for number, fields in enumerate(self.sheet.distinct):
            for field in fields:
                self.exists(field, f"distinct[{number}].fields")
        for number, fields in enumerate(self.sheet.ascending):
            key = f"ascending[{number}].fields"
            if all([self.exists(field, key) for field in fields]):
                self.comparable(fields, key)

    def comparable(self, fields: tuple[str, ...], key: str) -> None:
        """Only numbers, or texts of one form, have an order."""
        form = _order_of(self.properties[fields[0]])
        for field in fields:
            if form is None or _order_of(self.properties[field]) != form:
                self.say("field_format", key=key, field=field, expected=form or "number | date")


def _quoted(table: str, path: str) -> str:
    """How a sheet writes the table of a field's words: `fields.name`, `fields."stocks.cas"`."""
    return f'{table}."{path}"' if "." in path else f"{table}.{path}"


def _order_of(schema: Mapping[str, Any]) -> str | None:
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return "number"
    form = schema.get("format") or schema.get("pattern")
    return str(form) if kind == "string" and form else None
