"""Reading an exchange sheet from TOML, with everything that is wrong with it at once.

Rules: unknown keys are refused; kinds, ranges and fixed sets of words are held to; one pass
reports every problem of the file. Whether a sheet that reads well is also a good agreement is
asked of `sheet_rules`.

    sheet, problems = read_sheet("mmt/attendance.v1.toml", content, schema)
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from jdgate.core import sheet as parts
from jdgate.core.schema_form import Problem
from jdgate.core.sheet import ANY, OPEN_DOMAINS, ROLES, Field, Relation, Route, Sheet, Title
from jdgate.core.sheet_rules import disagreements

_T = TypeVar("_T")

_DOMAIN = re.compile(r"[a-z][a-z0-9]{0,15}")
_WORD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_RULE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[a-z][a-z0-9_]*)*")


class _Table:
    """A TOML table that is read key by key and remembers what it was not asked for."""

    def __init__(self, table: Mapping[str, Any], where: str, file: str, found: list[Problem]):
        self.table, self.where, self.file, self.found = table, where, file, found
        self.asked: set[str] = set()

    def say(self, code: str, **params: str | int) -> None:
        self.found.append(Problem(self.file, f"catalogue.{code}", params))

    def at(self, key: str) -> str:
        return self.where + (key if _BARE.fullmatch(key) else f'"{key}"')

    def get(self, key: str, kind: type[_T], default: _T | None, expected: str) -> _T | None:
        """The value of `key`; a problem when it has another kind, or is missing without default."""
        self.asked.add(key)
        value = self.table.get(key)
        if value is None:
            if default is None:
                self.say("key_missing", key=self.at(key))
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.say("key_kind", key=self.at(key), expected=expected)
            return default
        return value

    def text(self, key: str, default: str | None = None) -> str:
        value = self.get(key, str, default, "text")
        if value is not None and not value.strip() and default is None:
            self.say("key_missing", key=self.at(key))
        return value or ""

    def maybe(self, key: str) -> str | None:
        return self.text(key, "") or None

    def flag(self, key: str, default: bool) -> bool:
        return bool(self.get(key, bool, default, "true / false"))

    def whole(self, key: str, least: int, most: int) -> int:
        value = self.get(key, int, None, f"{least}–{most}")
        if value is not None and not least <= value <= most:
            self.say("key_value", key=self.at(key), got=value, expected=f"{least}–{most}")
        return value or least

    def choice(self, key: str, options: tuple[str, ...], default: str | None = None) -> Any:
        value = self.text(key, default)
        if value and value not in options:
            self.say("key_value", key=self.at(key), got=value, expected=", ".join(options))
        return value

    def words(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.get(key, list, None if default is None else list(default), "[text, …]")
        texts = [item for item in value or [] if isinstance(item, str)]
        if value is not None and len(texts) != len(value):
            self.say("key_kind", key=self.at(key), expected="[text, …]")
        if len(set(texts)) != len(texts):
            self.say("key_twice", key=self.at(key))
        if default is None and value == []:
            self.say("key_missing", key=self.at(key))
        return tuple(texts)

    def roles(self, key: str, any_allowed: bool, default: tuple[str, ...] | None = None) -> Any:
        found = self.words(key, default)
        for role in found:
            self.role(key, role, any_allowed)
        return found

    def role(self, key: str, role: str, any_allowed: bool) -> None:
        if role and role not in ROLES and not (role == ANY and any_allowed):
            self.say("key_value", key=self.at(key), got=role, expected=", ".join(ROLES))

    def table_at(self, key: str, required: bool = False) -> _Table | None:
        value = self.get(key, dict, None if required else {}, "a table")
        if not value:
            return None
        return _Table(value, f"{self.at(key)}.", self.file, self.found)

    def tables(self, key: str) -> list[_Table]:
        """An array of tables."""
        value = self.get(key, list, [], "[[…]]") or []
        if not all(isinstance(item, dict) for item in value):
            self.say("key_kind", key=self.at(key), expected="[[…]]")
        return [
            _Table(item, f"{self.where}{key}[{i}].", self.file, self.found)
            for i, item in enumerate(value)
            if isinstance(item, dict)
        ]

    def named(self, key: str) -> dict[str, _Table]:
        """A table of tables."""
        group = self.table_at(key)
        return {} if group is None else {n: t for n in group.table if (t := group.table_at(n))}

    def title(self, zh: str = "zh", en: str = "en") -> Title:
        return Title(self.text(zh), self.text(en))

    def done(self) -> None:
        for key in self.table.keys() - self.asked:
            if self.where.startswith(("fields.", "values.")) and isinstance(self.table[key], dict):
                self.say("part_path", key=self.at(key))
            else:
                self.say("key_unknown", key=self.at(key), expected=", ".join(sorted(self.asked)))


def read_sheet(
    file: str, content: bytes, schema: Mapping[str, Any]
) -> tuple[Sheet | None, list[Problem]]:
    """The sheet in `content` for `schema`, and every problem; a sheet only when there is none."""
    try:
        raw = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        detail = str(error).splitlines()[0][:120]
        return None, [Problem(file, "catalogue.not_toml", {"detail": detail})]
    found: list[Problem] = []
    sheet = _sheet(_Table(raw, "", file, found))
    if not found:
        found = disagreements(file, sheet, schema)
    return (None if found else sheet), found


def _sheet(top: _Table) -> Sheet:
    domain = top.text("domain")
    own = domain in OPEN_DOMAINS
    title, about = top.table_at("title", True), top.table_at("about", True)
    nothing = Title("", "")
    fields = top.named("fields")
    sheet = Sheet(
        type=top.text("type"),
        domain=domain,
        senders=top.roles("senders", own),
        share=top.choice("share", get_args(parts.Share)),
        purpose=top.text("purpose"),
        retention_days=top.whole("retention_days", 1, 3650),
        expires_days=top.whole("expires_days", 1, 366),
        approval=top.choice("approval", get_args(parts.Approval)),
        tracked=top.flag("tracked", True),
        title=_closed(title, _Table.title) if title else nothing,
        about=_closed(about, _Table.title) if about else nothing,
        basis=tuple(_closed(t, _basis) for t in top.tables("basis")),
        routes=tuple(_closed(t, lambda r: _route(r, own)) for t in top.tables("routes")),
        fields={name: _closed(t, _field) for name, t in fields.items() if "." not in name},
        parts={name: _closed(t, _Table.title) for name, t in fields.items() if "." in name},
        values={
            name: {value: _closed(t, _Table.title) for value, t in _inner(group).items()}
            for name, group in top.named("values").items()
        },
        subject=_optional(top, "subject", lambda t: parts.Subject(t.text("field"))),
        alias=_optional(top, "alias", _alias),
        relation=_optional(top, "relation", _relation),
        forbid=tuple(_closed(t, _forbid) for t in top.tables("forbid")),
        distinct=tuple(_closed(t, _together) for t in top.tables("distinct")),
        ascending=tuple(_closed(t, _together) for t in top.tables("ascending")),
        guardian=top.maybe("guardian"),
        answer_days=top.whole("answer_days", 1, 366) if "answer_days" in top.table else None,
        region=top.choice("region", get_args(parts.Place), "own"),
    )
    top.done()
    if domain and not _DOMAIN.fullmatch(domain):
        top.say("key_value", key="domain", got=domain, expected="[a-z][a-z0-9]*")
    if sheet.purpose and not _WORD.fullmatch(sheet.purpose):
        top.say("key_value", key="purpose", got=sheet.purpose, expected="word.word")
    return sheet


def _closed(table: _Table, read: Any) -> Any:
    value = read(table)
    table.done()
    return value


def _optional(top: _Table, key: str, read: Any) -> Any:
    table = top.table_at(key)
    return _closed(table, read) if table else None


def _inner(group: _Table) -> dict[str, _Table]:
    return {name: t for name in group.table if (t := group.table_at(name))}


def _basis(t: _Table) -> parts.Basis:
    tag = t.choice("tag", get_args(parts.Tag))
    return parts.Basis(t.text("law"), t.text("article"), tag, t.roles("roles", False, ()))


def _route(t: _Table, own: bool) -> Route:
    role = t.text("role")
    t.role("role", role, own)
    route = Route(
        role=role,
        find=t.choice("find", get_args(parts.Find)),
        fields=t.words("fields"),
        relation=t.maybe("relation"),
        when=t.choice("when", ("active", "known"), "active"),
        region_field=t.maybe("region_field"),
        member_field=t.maybe("member_field"),
        optional=t.flag("optional", False),
        only=_optional(t, "only", lambda o: parts.Only(o.text("field"), o.words("in", ()))),
    )
    for key, value, finds in (
        ("relation", route.relation, ("relation",)),
        ("region_field", route.region_field, ("region", "care_team")),
        ("member_field", route.member_field, ("named",)),
    ):
        if value is not None and route.find not in finds:
            t.say("route_key", key=t.at(key), find=route.find)
    if route.find == "relation" and route.relation is None:
        t.say("key_missing", key=t.at("relation"))
    return route


def _field(t: _Table) -> Field:
    needed_by, sealed_to = t.maybe("needed_by"), t.maybe("sealed_to")
    if needed_by is not None and not _RULE.fullmatch(needed_by):
        t.say("key_value", key=t.at("needed_by"), got=needed_by, expected="plugin.rule")
    if sealed_to is not None:
        t.role("sealed_to", sealed_to, False)
    return Field(
        t.title(), t.flag("personal", False), needed_by, sealed_to, t.flag("happened", False)
    )


def _alias(t: _Table) -> parts.Alias:
    if "defines" not in t.table:
        t.say("key_missing", key=t.at("defines"))
    return parts.Alias(t.text("field"), t.flag("defines", False), t.flag("required", False))


def _relation(t: _Table) -> Relation:
    when = t.table_at("close_when")
    name = t.text("name")
    if name and not _WORD.fullmatch(name):
        t.say("key_value", key=t.at("name"), got=name, expected="domain.word")
    return Relation(
        name=name,
        action=t.choice("action", ("open", "close")),
        on=t.text("on"),
        region=t.maybe("region"),
        key=t.maybe("key"),
        member=t.choice("member", ("sender",), "") or None,
        close_when=_closed(when, lambda w: parts.CloseWhen(w.text("field"), w.words("in")))
        if when
        else None,
    )


def _forbid(t: _Table) -> parts.Forbid:
    return parts.Forbid(_together(t), t.title("why_zh", "why_en"))


def _together(t: _Table) -> tuple[str, ...]:
    fields = t.words("fields")
    if len(fields) < 2:
        t.say("forbid_few", key=t.at("fields"))
    return fields
