"""Routing: which desks must get a record, and which fields each may see.

Rules:
- a desk exists only by a route of the sheet, and sees only that route's fields;
- `region`: the longest region that covers the record's `region_field`, else the message's
  region, else the sender's; `care_team`: the people assigned to this person, else by region;
  `relation`: the desk that a fact about this person names; `named`: the member in the record's
  `member_field`, or the one the caller names; `sender`, `origin`: back to where it came from;
  `past_recipients`: whoever got the record that this one speaks of, less the fields of it that
  each may not see; `all`: every member of the role;
- no match is a `NoDesk`, which becomes an alert to the authority, never a silent drop. The one
  exception: no *active* relation means nobody has to know, so there is neither desk nor alert
  (an active one whose desk is missing is an alert like any other);
- a route with `only` is for the records whose field says so, and is silent about the others;
- the sender gets no copy of its own record;
- a member reached by two routes is one desk, which sees what either shows it.

Relations are looked up by the identity number, which the caller turns into the pseudonym of the
relation's own domain (`relation_domain`): domains share no pseudonyms.

    for item in desks(sheet, record, sender="cln-01", message_region=None,
                      index=index, relations=facts):
        match item:
            case Desk(): …project(record, item.fields)…
            case NoDesk(): …alert the authority…
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal, Protocol

import msgspec

from jdgate.core.regions import RegionIndex
from jdgate.core.sheet import Find, Route, Sheet


class RelationFact(msgspec.Struct, frozen=True):
    """What is known of a relation of one person.

    `key` tells several of the same name apart, as the caller's `relation_key` writes it.
    """

    active: bool
    member: str | None = None
    region: str | None = None
    key: str = ""


class Fact(Protocol):
    """What routing reads of a relation; a row of the books fits as it is. Empty means none."""

    @property
    def active(self) -> bool: ...
    @property
    def member(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...
    @property
    def key(self) -> str: ...


Relations = Callable[[str, str], "Fact | Sequence[Fact] | None"]
"""(relation name, identity number) → the facts known."""

RelationKey = Callable[[str, str], str]
"""(relation name, a record's value) → how facts write that key: the books keep a keyed hash."""


PastRecipients = Callable[[Mapping[str, Any]], Mapping[str, Collection[str]]]
"""record → who ever got the record that it speaks of, and the fields each may not see."""


def _nobody(record: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
    return {}


def _as_it_is(name: str, value: str) -> str:
    return value


class RelationChange(msgspec.Struct, frozen=True):
    """An opening or closing that a record reports.

    Keep, per (name, person, key), the latest `on` of each action: the relation is active while
    it was opened later than it was closed. Then the order of arrival and repeats don't matter.
    On one and the same day closing wins, so that nothing is disclosed on a doubtful relation.
    """

    name: str
    action: Literal["open", "close"]
    region: str | None
    member: str | None
    on: date
    key: str


class Desk(msgspec.Struct, frozen=True):
    """One recipient of one record, what it may see, and by what law."""

    member: str
    role: str
    fields: tuple[str, ...]
    basis: tuple[str, ...]


class NoDesk(msgspec.Struct, frozen=True):
    """A route of the sheet that leads to nobody."""

    role: str
    find: Find
    region: str | None


def relation_domain(name: str) -> str:
    """The pseudonym domain of a relation: the first part of its name."""
    return name.partition(".")[0]


def relations_needed(sheet: Sheet) -> tuple[str, ...]:
    """The relations that routing a type asks for, so that a batch can fetch them at once."""
    names = dict.fromkeys(
        name for route in sheet.routes if (name := _relation_of(route)) is not None
    )
    return tuple(names)


def subject_value(sheet: Sheet, record: Mapping[str, Any]) -> str | None:
    """The identity number a record is about, where the type carries one."""
    if sheet.subject is None:
        return None
    value = record.get(sheet.subject.field)
    return value if isinstance(value, str) else None


def relation_changes(sheet: Sheet, record: Mapping[str, Any], sender: str) -> list[RelationChange]:
    """What an accepted record says about relations; empty for most types."""
    rule = sheet.relation
    if rule is None:
        return []
    action = rule.action
    if rule.close_when is not None and record.get(rule.close_when.field) in rule.close_when.values:
        action = "close"
    member = sender if rule.member == "sender" else None
    return [
        RelationChange(
            name=rule.name,
            action=action,
            region=record.get(rule.region) if rule.region and action == "open" else None,
            member=member,
            on=date.fromisoformat(record[rule.on]),
            key=record[rule.key] if rule.key else member or "",
        )
    ]


def desks(
    sheet: Sheet,
    record: Mapping[str, Any],
    *,
    sender: str,
    message_region: str | None,
    index: RegionIndex,
    relations: Relations,
    named: str | None = None,
    origin: str | None = None,
    relation_key: RelationKey = _as_it_is,
    past: PastRecipients = _nobody,
) -> list[Desk | NoDesk]:
    """The desks of one accepted record, in the order of the sheet's routes."""
    found: dict[str, Desk] = {}
    missing: list[NoDesk] = []
    for route in sheet.routes:
        if not _concerns(route, record):
            continue
        region = _region(route, record, message_region, sender, index)
        facts = _facts(sheet, route, record, relations, relation_key)
        unseen: Mapping[str, Collection[str]] = {}
        if route.find == "relation":
            members, lost = _by_relation(route, facts, index)
            missing += lost
        elif route.find == "past_recipients":
            unseen = past(record)
            members = [member for member in unseen if index.has_role(member, route.role)]
            missing += [NoDesk(member, route.find, None) for member in unseen.keys() - {*members}]
        else:
            members = _members(route, record, region, facts, sender, index, named, origin)
            if not members and not route.optional:
                missing.append(NoDesk(route.role, route.find, region))
        for member in members:
            if member == sender and route.find != "sender":
                continue
            shown = tuple(f for f in route.fields if f not in unseen.get(member, ()))
            found[member] = _merge(sheet, found.get(member), member, route, shown)
    return [*found.values(), *missing]


def desk_of(sheet: Sheet, member: str, index: RegionIndex) -> Desk | None:
    """The desk of a member that the gateway itself addresses (an alert, a draft, a receipt).

    It sees what the sheet shows to its roles; None when that is nothing, or when it is not an
    active member: then nothing may be sent.
    """
    found: Desk | None = None
    for route in sheet.routes:
        if index.has_role(member, route.role):
            found = _merge(sheet, found, member, route, route.fields)
    return found


def _concerns(route: Route, record: Mapping[str, Any]) -> bool:
    only = route.only
    if only is None:
        return True
    value = record.get(only.field)
    return value in only.values if only.values else value is not None


def _relation_of(route: Route) -> str | None:
    return f"care.{route.role}" if route.find == "care_team" else route.relation


def _facts(
    sheet: Sheet,
    route: Route,
    record: Mapping[str, Any],
    relations: Relations,
    relation_key: RelationKey,
) -> list[Fact]:
    name = _relation_of(route)
    subject = subject_value(sheet, record)
    if name is None or subject is None:
        return []
    answer = relations(name, subject)
    facts: list[Fact] = []
    if isinstance(answer, Sequence):
        facts += answer
    elif answer is not None:
        facts.append(answer)
    if route.find == "care_team" or route.when == "active":
        facts = [fact for fact in facts if fact.active]
    rule = sheet.relation
    if rule is not None and rule.name == name and rule.key is not None:
        # The record speaks of one relation by its key; another one's desk has no part in it.
        value = record.get(rule.key)
        spoken_of = relation_key(name, value) if isinstance(value, str) else None
        facts = [fact for fact in facts if fact.key in ("", spoken_of)]
    return facts


def _region(
    route: Route,
    record: Mapping[str, Any],
    message_region: str | None,
    sender: str,
    index: RegionIndex,
) -> str | None:
    if route.find not in ("region", "care_team"):
        return None
    if route.region_field is not None:
        value = record.get(route.region_field)
        if isinstance(value, str):
            return value
    return message_region or index.region_of(sender)


def _members(
    route: Route,
    record: Mapping[str, Any],
    region: str | None,
    facts: Sequence[Fact],
    sender: str,
    index: RegionIndex,
    named: str | None,
    origin: str | None,
) -> list[str]:
    """Members that a route leads to, each of them active and of the route's role."""
    one: object = None
    match route.find:
        case "care_team":
            assigned = [fact.member for fact in facts if fact.member]
            serving = [member for member in assigned if index.has_role(member, route.role)]
            return serving or (index.find(route.role, region) if region else [])
        case "region":
            return index.find(route.role, region) if region else []
        case "all":
            return index.with_role(route.role)
        case "named":
            one = record.get(route.member_field) if route.member_field else named
        case "sender":
            one = sender
        case "origin":
            one = origin
    return [one] if isinstance(one, str) and index.has_role(one, route.role) else []


def _by_relation(
    route: Route, facts: Sequence[Fact], index: RegionIndex
) -> tuple[list[str], list[NoDesk]]:
    """The desks that the facts name, and the facts that name none."""
    members: dict[str, None] = {}
    lost: list[NoDesk] = []
    for fact in facts:
        if fact.member:
            found = [fact.member] if index.has_role(fact.member, route.role) else []
        else:
            found = index.find(route.role, fact.region) if fact.region else []
        members.update(dict.fromkeys(found))
        if not found:
            lost.append(NoDesk(route.role, route.find, fact.region or None))
    if not facts and route.when == "known" and not route.optional:
        lost.append(NoDesk(route.role, route.find, None))
    return list(members), lost


def _merge(
    sheet: Sheet, known: Desk | None, member: str, route: Route, fields: tuple[str, ...]
) -> Desk:
    basis = sheet.cite(route.role)
    if known is None:
        return Desk(member, route.role, fields, basis)
    both = {*known.fields, *fields}
    return Desk(
        member,
        known.role,
        tuple(field for field in sheet.fields if field in both),
        tuple(dict.fromkeys((*known.basis, *basis))),
    )
