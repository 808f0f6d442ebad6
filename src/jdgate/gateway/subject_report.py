"""What a subject report says, shaped from the books: who sent what about one person, who was shown
which fields on what basis, who looked, and until when the content is kept. Pure, but for `read`.

Rules:
- no bodies: kinds, members, fields, times. Each line names its leaf, so that it can be checked;
- of a batch only what concerns this person's own records: who got others of it is not told;
- what the law keeps from everybody is not listed, and the report always says so, whether there is
  any of it or not: otherwise the remark itself would tell.

    found = read(conn, vault, tokens)
    report = shape(found, retention_days)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from jdgate.core import corrections, leaves
from jdgate.core.encoding import b64u
from jdgate.core.leaves import (
    AcceptedLeaf,
    AlertLeaf,
    DecidedLeaf,
    DeliveredLeaf,
    DisclosedLeaf,
    DraftedLeaf,
    LookedLeaf,
)
from jdgate.store import ledger, subject_traces, subjects
from jdgate.store.subject_traces import HeldDelivery, HeldMessage, Standing
from jdgate.store.subjects import Appearance

WITHHELD: dict[str, tuple[str, ...]] = {
    "sealed": ("治安管理处罚法（2025修订） 136 [news]", "个人信息保护法 35 [read]"),
    "tip": ("禁毒法 9 [read]", "个人信息保护法 35 [read]"),
}
"""Domains of which nothing is listed, with why: queries of sealed records, whose askers must keep
them to themselves, and tips, whose senders are protected."""
MOST = 10_000
"""Entries of one pseudonym that are read."""

L = TypeVar("L")


class Found(Struct, frozen=True):
    """What the books hold: `entries` are leaves with their places, in order."""

    appearances: list[Appearance]
    entries: list[tuple[int, leaves.Leaf]]
    messages: dict[str, HeldMessage]
    deliveries: dict[str, HeldDelivery]
    alerts: dict[str, str]
    standing: list[Standing]
    size: int
    root: bytes


class Content(Struct, frozen=True):
    """The gateway's copy of a body: erased then, or kept until about then."""

    erased_at: datetime | None = None
    until: datetime | None = None


class Receipt(Struct, frozen=True):
    """The recipient's signed answer."""

    at: str
    verdict: str
    leaf: int


class Message(Struct, frozen=True):
    """A member sent something about the person. `records`: how many of it concern them."""

    at: str
    type: str
    source: str
    records: int
    id: str
    leaf: int
    content: Content


class Disclosure(Struct, frozen=True):
    """A member was shown fields about the person. `source`: empty for the exchange itself."""

    at: str
    type: str
    source: str
    to: str
    role: str
    fields: tuple[str, ...]
    basis: tuple[str, ...]
    purpose: str
    id: str
    leaf: int
    receipt: Receipt | None
    content: Content


class Look(Struct, frozen=True):
    """An operator opened what has this id."""

    at: str
    member: str
    operator: str
    why: str
    type: str
    id: str
    leaf: int


class Step(Struct, frozen=True):
    """What happened to an alert or a draft, and where it lay then."""

    at: str
    act: str
    desk: str
    leaf: int


class Case(Struct, frozen=True):
    """An alert or a draft with its steps."""

    type: str
    rule: str
    id: str
    steps: list[Step]


class Report(Struct, frozen=True):
    """The whole report; the ledger had `size` leaves under `root` (base64url) when it was made."""

    messages: list[Message]
    corrections: list[Message]
    disclosures: list[Disclosure]
    looks: list[Look]
    alerts: list[Case]
    drafts: list[Case]
    standing: list[Standing]
    withheld: dict[str, tuple[str, ...]]
    size: int
    root: str
    cut: bool = False


def read(conn: Connection, wanted: Mapping[str, bytes]) -> Found:
    """Everything in the books about one person, by their pseudonyms (domain → pseudonym)."""
    appearances = [
        one for token in wanted.values() for one in subjects.appearances(conn, token, MOST)
    ]
    appearances += [
        Appearance(subject=wanted[domain], domain=domain, message_id=id, record_index=place)
        for domain, id, place in subjects.unshown(conn, wanted)
    ]
    ids = {one.message_id for one in appearances}
    entries = _entries(conn, ids)
    sent = {leaf.id for _, leaf in entries.items() if isinstance(leaf, DisclosedLeaf)}
    entries |= _entries(conn, sent - ids)
    head = ledger.head(conn)
    return Found(
        appearances,
        sorted(entries.items()),
        subject_traces.messages_of(conn, ids),
        subject_traces.deliveries_of(conn, ids | sent),
        subject_traces.alerts_of(conn, ids),
        subject_traces.standing(conn, list(wanted.values())),
        head.size,
        head.root(),
    )


def _entries(conn: Connection, ids: Iterable[str]) -> dict[int, leaves.Leaf]:
    return {one.index: leaves.decode(one.body) for one in ledger.about_many(conn, ids)}


def shape(found: Found, retention: Mapping[str, int]) -> Report:
    """The report. `retention`: days that bodies of a type are kept."""
    return _Shaping(found, retention).report()


class _Shaping:
    """The leaves put in order once, so that each section is one walk over them."""

    def __init__(self, found: Found, retention: Mapping[str, int]) -> None:
        self._found = found
        self._retention = retention
        self._records: dict[str, set[int]] = defaultdict(set)
        for one in found.appearances:
            if one.domain not in WITHHELD:
                self._records[one.message_id].add(one.record_index)
        self._accepted = {
            leaf.id: (at, leaf) for at, leaf in self._of(AcceptedLeaf) if leaf.id in self._records
        }
        self._disclosed = self._disclosures()
        self._receipts = {
            leaf.id: Receipt(leaf.at, leaf.verdict, at) for at, leaf in self._of(DeliveredLeaf)
        }
        self._types = {
            **{id: leaf.type for id, (_, leaf) in self._accepted.items()},
            **found.alerts,
            **{leaf.id: leaf.type for _, leaf in self._of(DraftedLeaf)},
            **{id: leaf.type for id, (_, leaf) in self._disclosed.items()},
        }

    def report(self) -> Report:
        """All sections, each by time."""
        found, sent = self._found, [self._message(*one) for one in self._accepted.values()]
        counts: dict[bytes, int] = defaultdict(int)
        for one in found.appearances:
            counts[one.subject] += 1
        return Report(
            messages=[one for one in sent if one.type not in corrections.TYPES],
            corrections=[one for one in sent if one.type in corrections.TYPES],
            disclosures=[self._shown(*one) for one in self._disclosed.values()],
            looks=self._looks(),
            alerts=self._alerts(),
            drafts=self._drafts(),
            standing=[one for one in found.standing if _domain(one.name) not in WITHHELD],
            withheld=WITHHELD,
            size=found.size,
            root=b64u(found.root),
            cut=any(number >= MOST for number in counts.values()),
        )

    def _of(self, kind: type[L]) -> list[tuple[int, L]]:
        return [(at, leaf) for at, leaf in self._found.entries if isinstance(leaf, kind)]

    def _disclosures(self) -> dict[str, tuple[int, DisclosedLeaf]]:
        """Delivery → its leaf, for deliveries that hold a record about the person. One that was
        signed anew has a second leaf; the first says when."""
        kept: dict[str, tuple[int, DisclosedLeaf]] = {}
        for at, leaf in self._of(DisclosedLeaf):
            if leaf.message == leaf.id:
                holds = leaf.id in self._records
            else:
                accepted = self._accepted.get(leaf.message)
                holds = accepted is not None and not self._records[leaf.message].isdisjoint(
                    corrections.held_records(accepted[1], leaf)
                )
            if holds:
                kept.setdefault(leaf.id, (at, leaf))
        return kept

    def _message(self, at: int, leaf: AcceptedLeaf) -> Message:
        held = self._found.messages.get(leaf.id)
        content = self._content(leaf.type, held.received_at, held.erased_at) if held else Content()
        return Message(
            leaf.at, leaf.type, leaf.source, len(self._records[leaf.id]), leaf.id, at, content
        )

    def _shown(self, at: int, leaf: DisclosedLeaf) -> Disclosure:
        held = self._found.deliveries.get(leaf.id)
        content = self._content(leaf.type, held.created_at, held.erased_at) if held else Content()
        accepted = self._accepted.get(leaf.message)
        return Disclosure(
            leaf.at,
            leaf.type,
            accepted[1].source if accepted else "",
            leaf.recipient,
            leaf.role,
            leaf.fields,
            leaf.basis,
            leaf.purpose,
            leaf.id,
            at,
            self._receipts.get(leaf.id),
            content,
        )

    def _looks(self) -> list[Look]:
        return [
            Look(
                leaf.at, leaf.source, leaf.operator, leaf.reason, self._types.get(leaf.id, ""),
                leaf.id, at,
            )
            for at, leaf in self._of(LookedLeaf)
            if leaf.id in self._records or leaf.id in self._disclosed
        ]  # fmt: skip

    def _alerts(self) -> list[Case]:
        cases: dict[str, Case] = {}
        for at, leaf in self._of(AlertLeaf):
            if leaf.id in self._records:
                case = cases.setdefault(
                    leaf.id, Case(self._types.get(leaf.id, ""), leaf.rule, leaf.id, [])
                )
                case.steps.append(Step(leaf.at, leaf.act, leaf.recipient, at))
        return list(cases.values())

    def _drafts(self) -> list[Case]:
        cases: dict[str, Case] = {}
        for at, leaf in self._of(DraftedLeaf):
            if leaf.id in self._records:
                step = Step(leaf.at, "drafted", leaf.recipient, at)
                cases[leaf.id] = Case(leaf.type, leaf.rule, leaf.id, [step])
        for at, decided in self._of(DecidedLeaf):
            if decided.id in cases:
                step = Step(decided.at, decided.decision, decided.source, at)
                cases[decided.id].steps.append(step)
        return list(cases.values())

    def _content(self, type: str, since: datetime, erased_at: datetime | None) -> Content:
        if erased_at is not None:
            return Content(erased_at=erased_at)
        days = self._retention.get(type)
        return Content(until=since + timedelta(days=days) if days is not None else None)


def _domain(name: str) -> str:
    return name.partition(".")[0]
