"""What the books know that admission asks about, fetched for a whole group of messages at once.

One view serves one transaction. It is filled with one query per question, answers from memory,
and learns from the messages admitted before in the same group (`note`), so that an enrolment and
the attendance that follows it may arrive together.

    past = PastView(conn, ground, opened)
    verdict = judge(opened_message, arrival, trust, catalogue, me, past)
    past.note(verdict)
    past.write(now)              # what was learnt, to the books
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from jdgate.core import routing
from jdgate.core.admission import Opened, Verdict
from jdgate.core.care import DOMAIN, place_of
from jdgate.core.identity import Pseudonyms
from jdgate.core.message import Message
from jdgate.core.routing import RelationChange, RelationFact
from jdgate.core.sheet import Sheet
from jdgate.gateway.corrections import Corrections
from jdgate.gateway.ground import Ground
from jdgate.store import care, messages, sequences, subjects
from jdgate.store.messages import Seen
from jdgate.store.subjects import Relation

NOT_COUNTED = frozenset(
    ("admission.id_reused", "admission.sequence_used", "admission.sequence_jump")
)
"""Reasons for which a proven message leaves its sender's numbers as they were."""


class PastView:
    """The `Past` of admission, over the books."""

    def __init__(self, conn: Connection, ground: Ground, opened: Sequence[Opened]) -> None:
        self._conn = conn
        self._ground = ground
        self._pseudonyms: dict[str, Pseudonyms] = {}
        self._tokens: dict[tuple[str, str], bytes] = {}
        self._seen: dict[str, Seen] = messages.seen(conn, [one.message.id for one in opened])
        self._digests = {id_: seen.digest for id_, seen in self._seen.items()}
        self._used = self._used_sequences(opened)
        self._highest: dict[str, int] = {}
        self._aliases: dict[tuple[str, str, str], bytes] = {}
        self._load_aliases(opened)
        self._relations: dict[tuple[str, str], list[RelationFact]] = {}
        self._new_aliases: dict[tuple[str, str], dict[bytes, bytes]] = defaultdict(dict)
        self._changed: list[Relation] = []
        self.corrections = Corrections(conn, ground)

    # --- asked by admission

    def digest_of(self, message_id: str) -> bytes | None:
        return self._digests.get(message_id)

    def sequence_used(self, source: str, sequence: int) -> bool:
        return sequence in self._used[source]

    def next_sequence(self, source: str) -> int:
        if source not in self._highest:
            self._highest[source] = sequences.position(self._conn, source).highest
        return self._highest[source] + 1

    def subject_of_alias(self, domain: str, member: str, alias: str) -> bytes | None:
        return self._aliases.get((domain, member, alias))

    def pseudonym(self, domain: str, id_no: str) -> bytes:
        key = (domain, id_no)
        token = self._tokens.get(key)
        if token is None:
            token = self._tokens[key] = self._of(domain).token(id_no)
        return token

    # --- asked when answering

    def was_known(self, message_id: str) -> bool:
        """Whether the books held this message before the group."""
        return message_id in self._seen

    def receipt_of(self, message_id: str) -> str | None:
        """The receipt given for a message judged before the group."""
        seen = self._seen.get(message_id)
        return seen.receipt_id if seen else None

    # --- asked by routing

    def relation(self, name: str, id_no: str) -> list[RelationFact]:
        """What is known of a relation of one person (see `load_relations`)."""
        return self._relations.get((name, id_no), [])

    def relation_key(self, name: str, value: str) -> str:
        """How the books write the key of a relation (a document number): a keyed hash, so that
        a copy of them names no decision about anybody."""
        if not value:
            return ""
        # with the name before it, which is no member's id, it can be no alias's token
        return self._of(routing.relation_domain(name)).token(f"{name}\n{value}").hex()

    # --- kept up to date by the pipeline

    def note(self, verdict: Verdict) -> None:
        """Learn from a verdict: its id, its sequence number, the references it defines and the
        relations it opens or closes. The last two are for `write`."""
        opened = verdict.opened
        if opened is None or verdict.outcome == "duplicate":
            return
        message = opened.message
        self._digests.setdefault(message.id, opened.digest)
        # a forged `source` or a revoked key must not use up a member's numbers
        if counts(verdict) and message.sequence is not None:
            following = self.next_sequence(message.source)
            self._used[message.source].add(message.sequence)
            self._highest[message.source] = max(following - 1, message.sequence)
        sheet = self._ground.catalogue.sheets.get(message.type)
        if sheet is None or verdict.outcome == "refused":
            return
        self._note_aliases(verdict, message, sheet)
        self._note_relations(verdict, message, sheet)

    def write(self, now: datetime) -> None:
        """Write references and relations that were noted to the books."""
        for (domain, member), rows in self._new_aliases.items():
            subjects.add_aliases(self._conn, domain, member, rows, now)
        subjects.merge_relations(self._conn, self._changed)
        self._new_aliases.clear()
        self._changed.clear()

    def load_relations(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Fetch (relation name, identity number) pairs that routing will ask for."""
        by_name: dict[str, dict[bytes, str]] = defaultdict(dict)
        for name, id_no in wanted:
            domain = routing.relation_domain(name)
            by_name[name][self.pseudonym(domain, id_no)] = id_no
        for name, people in by_name.items():
            if (place := _place(name)) is not None:
                for subject, member in care.holders(self._conn, place, list(people)).items():
                    self._relations[name, people[subject]] = [RelationFact(True, member)]
                continue
            found = subjects.relations(self._conn, name, list(people))
            for subject, facts in found.items():
                self._relations[name, people[subject]] = [
                    RelationFact(fact.active, fact.member or None, fact.region or None, fact.key)
                    for fact in facts
                ]

    def _of(self, domain: str) -> Pseudonyms:
        known = self._pseudonyms.get(domain)
        if known is None:
            key = self._ground.vault.domain_key(self._conn, domain)
            known = self._pseudonyms[domain] = Pseudonyms(key)
        return known

    def _used_sequences(self, opened: Sequence[Opened]) -> dict[str, set[int]]:
        """Of the sequence numbers in this group, those that other messages hold already."""
        asked: dict[str, set[int]] = defaultdict(set)
        for one in opened:
            if one.message.sequence is not None and one.message.id not in self._digests:
                asked[one.message.source].add(one.message.sequence)
        used: dict[str, set[int]] = defaultdict(set)
        for source, numbers in asked.items():
            used[source] = sequences.used(self._conn, source, numbers)
        return used

    def _load_aliases(self, opened: Sequence[Opened]) -> None:
        wanted: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in opened:
            sheet = self._ground.catalogue.sheets.get(one.message.type)
            if sheet is None or sheet.alias is None:
                continue
            for record in one.message.data:
                value = record.get(sheet.alias.field)
                if isinstance(value, str):
                    wanted[sheet.domain, one.message.source].add(value)
        for (domain, member), values in wanted.items():
            tokens = {self._alias_token(domain, member, value): value for value in values}
            for token, subject in subjects.find_aliases(
                self._conn, domain, member, list(tokens)
            ).items():
                self._aliases[domain, member, tokens[token]] = subject

    def _alias_token(self, domain: str, member: str, alias: str) -> bytes:
        # The member is part of it: two clinics may both have a patient number 12.
        return self._of(domain).token(f"{member}\n{alias}")

    def _note_aliases(self, verdict: Verdict, message: Message, sheet: Sheet) -> None:
        if sheet.alias is None or not sheet.alias.defines:
            return
        rows = self._new_aliases[sheet.domain, message.source]
        for index, subject in verdict.subjects.items():
            value = message.data[index].get(sheet.alias.field)
            if isinstance(value, str):
                self._aliases[sheet.domain, message.source, value] = subject
                rows[self._alias_token(sheet.domain, message.source, value)] = subject

    def _note_relations(self, verdict: Verdict, message: Message, sheet: Sheet) -> None:
        if sheet.relation is None:
            return
        for index in verdict.accepted:
            record = message.data[index]
            id_no = routing.subject_value(sheet, record)
            if id_no is None:
                continue
            for change in routing.relation_changes(sheet, record, message.source):
                subject = self.pseudonym(routing.relation_domain(change.name), id_no)
                key = self.relation_key(change.name, change.key)
                self._changed.append(_relation(subject, key, change))


def counts(verdict: Verdict) -> bool:
    """Whether a message's sequence number is used up: it is its sender's, and may be counted."""
    code = verdict.reason.code if verdict.reason is not None else ""
    return verdict.proven and code not in NOT_COUNTED


def _place(name: str) -> str | None:
    """The place in a care team that a relation's name stands for; None for any other relation."""
    domain, _, role = name.partition(".")
    return place_of(role) if domain == DOMAIN else None


def _relation(subject: bytes, key: str, change: RelationChange) -> Relation:
    opened = change.action == "open"
    return Relation(
        name=change.name,
        subject=subject,
        key=key,
        opened_on=change.on if opened else None,
        closed_on=None if opened else change.on,
        member=change.member or "",
        region=change.region or "",
    )
