"""Exchange sheets: who may send a type, which desk sees which field, why, and for how long.

A sheet is the agreement for one message type; without one nothing moves. This module holds what
a sheet says. `sheet_reader` makes one from TOML and refuses it with every reason at once.

    sheet = catalogue.sheets["mmt.dropout.notice.v1"]
    sheet.may_send(member.roles)                 # is this member a sender of the type?
    sheet.fields_for("COM")                      # ("name", "id_type", "id_no", "confirmed_on")
    sheet.cite("COM")                            # the legal basis, with its confidence tag
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Literal

import msgspec

from jdgate.texts import Lang

ROLES: tuple[str, ...] = (
    "POL", "PS", "TRA", "CLN", "COM", "GRD", "DTX", "CIV", "HRS", "HOU", "POST", "CUR",
    "ENT", "EMA", "MPA", "SAMR", "NCO", "FIN", "BIZ", "HLT", "EDU", "CHAM", "SOC", "GW",
)  # fmt: skip
"""Departments by what they do (domain reference §3), and the gateway itself."""

ANY = "*"
"""Any role. Only the types of `OPEN_DOMAINS` may say so."""

OPEN_DOMAINS = frozenset(("sys", "share", "correct", "subject", "supervise"))
"""What any member may send or get: the exchange's own types, and the procedures that every
department is party to (政务数据共享条例 20–22, 26; 个保法 44–50; supervision by the authority)."""

Tag = Literal["read", "local", "news", "web", "known", "unsure"]
"""How sure a legal basis is: text read, local text read, seen in news or on a web page,
known from memory, not verified."""

Share = Literal["unconditional", "conditional", "withheld"]
"""无条件共享 / 有条件共享 / 不予共享 (政务数据共享条例 14)."""

Find = Literal[
    "region", "relation", "care_team", "named", "sender", "origin", "past_recipients", "all"
]
Approval = Literal["none", "human", "two"]
Place = Literal["own", "any"]
"""For which places a sender may speak: those in its own regions, or any in the county."""


class Title(msgspec.Struct, frozen=True):
    """The same words in both languages."""

    zh: str
    en: str

    def get(self, lang: Lang) -> str:
        """The words in `lang`."""
        return self.zh if lang == "zh" else self.en


class Basis(msgspec.Struct, frozen=True):
    """One legal basis. `roles` narrows it to some recipients; empty means all of them."""

    law: str
    article: str
    tag: Tag
    roles: tuple[str, ...] = ()

    def cite(self) -> str:
        """E.g. `戒毒条例 12 [read]`. The name of a law is not translated."""
        return f"{self.law} {self.article} [{self.tag}]"


class Only(msgspec.Struct, frozen=True):
    """A route for some records: those whose field has one of the values, or any when empty."""

    field: str
    values: tuple[str, ...] = ()


class Route(msgspec.Struct, frozen=True):
    """One recipient role, how it is found, and what it sees.

    `only` keeps a record that is none of the recipient's business from it altogether.
    """

    role: str
    find: Find
    fields: tuple[str, ...]
    relation: str | None = None
    when: Literal["active", "known"] = "active"
    region_field: str | None = None
    member_field: str | None = None
    optional: bool = False
    only: Only | None = None


class Subject(msgspec.Struct, frozen=True):
    """The field that names the person a record is about."""

    field: str


class Alias(msgspec.Struct, frozen=True):
    """A sender's own reference for the person, valid for that sender alone.

    `defines`: this type says whose reference it is. `required`: without a known person the
    record is refused (`record.not_enrolled`).
    """

    field: str
    defines: bool
    required: bool = False


class CloseWhen(msgspec.Struct, frozen=True):
    """Field values that make a record close the relation instead of opening it."""

    field: str
    values: tuple[str, ...]


class Relation(msgspec.Struct, frozen=True):
    """How a record of this type opens or closes a relation between a person and a desk.

    `on`, `region`, `key` are field names; `member="sender"` ties it to the sending member.
    """

    name: str
    action: Literal["open", "close"]
    on: str
    region: str | None = None
    key: str | None = None
    member: Literal["sender"] | None = None
    close_when: CloseWhen | None = None


class Field(msgspec.Struct, frozen=True):
    """One field's words and handling. A field that no route shows says which rule needs it.

    `happened`: the field is the day of something that has happened, so no later day is taken.
    """

    title: Title
    personal: bool = False
    needed_by: str | None = None
    sealed_to: str | None = None
    happened: bool = False


class Forbid(msgspec.Struct, frozen=True):
    """Fields that may not stand in one record together."""

    fields: tuple[str, ...]
    why: Title


class Sheet(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The agreement for one message type.

    `distinct`: fields that may not hold the same value (two reviewers are two people).
    `ascending`: numbers or days of which none may be above the next (a part and its whole).
    `region`: whether a message may be about a place outside its sender's own regions.
    `parts`: the words of fields inside a field, by path (`schema_parts`). Whatever is said of the
    field they stand in holds for them; `values` go by path too.
    """

    type: str
    domain: str
    senders: tuple[str, ...]
    share: Share
    purpose: str
    retention_days: int
    expires_days: int
    approval: Approval
    tracked: bool
    title: Title
    about: Title
    basis: tuple[Basis, ...]
    fields: dict[str, Field]
    values: dict[str, dict[str, Title]]
    parts: dict[str, Title]
    routes: tuple[Route, ...] = ()
    subject: Subject | None = None
    alias: Alias | None = None
    relation: Relation | None = None
    forbid: tuple[Forbid, ...] = ()
    distinct: tuple[tuple[str, ...], ...] = ()
    ascending: tuple[tuple[str, ...], ...] = ()
    guardian: str | None = None
    answer_days: int | None = None
    region: Place = "own"

    @property
    def personal(self) -> bool:
        """Whether records are about a person (by identity number or by a member's reference)."""
        return self.subject is not None or self.alias is not None

    @cached_property
    def happened(self) -> tuple[str, ...]:
        """The fields that are days of something that has happened."""
        return tuple(name for name, field in self.fields.items() if field.happened)

    @cached_property
    def across(self) -> bool:
        """Whether some check looks at more than one field of a record."""
        return bool(self.forbid or self.distinct or self.ascending)

    @cached_property
    def sealed(self) -> dict[str, str]:
        """Field → the role that alone can read it."""
        return {n: field.sealed_to for n, field in self.fields.items() if field.sealed_to}

    @property
    def approvers(self) -> int:
        """How many different persons must stand behind a message of the type."""
        return {"none": 0, "human": 1, "two": 2}[self.approval]

    @cached_property
    def _shown(self) -> frozenset[str]:
        return frozenset(field for route in self.routes for field in route.fields)

    def names_approvers_to(self, fields: Iterable[str]) -> bool:
        """Whether a desk that is shown these fields learns who approved: only one that is shown
        all that anybody is."""
        return self._shown.issubset(fields)

    def may_send(self, roles: Iterable[str]) -> bool:
        """Whether a member with these roles may send the type."""
        return ANY in self.senders or not set(self.senders).isdisjoint(roles)

    def fields_for(self, role: str) -> tuple[str, ...]:
        """What `role` may see at most, in the sheet's order; empty when it is no recipient."""
        seen = {f for route in self.routes if route.role in (role, ANY) for f in route.fields}
        return tuple(field for field in self.fields if field in seen)

    def cite(self, role: str) -> tuple[str, ...]:
        """The legal bases for showing the type to `role`."""
        return tuple(b.cite() for b in self.basis if not b.roles or role in b.roles)

    def field_title(self, field: str, lang: Lang) -> str:
        """The title of a field, or of one inside a field by its path; its name when the sheet
        does not know it."""
        known = self.fields.get(field)
        title = known.title if known else self.parts.get(field)
        return title.get(lang) if title else field

    def value_title(self, field: str, value: str, lang: Lang) -> str:
        """The title of an enum value of a field (inside another: by its path), or the value
        itself."""
        known = self.values.get(field, {}).get(value)
        return known.get(lang) if known else value
