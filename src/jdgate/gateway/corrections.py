"""Corrections at the gateway: who may speak of a record, who ever got it, how each one calls it.

Read from the ledger's leaves and never from bodies, so a correction finds its way after the body
was erased. `judge` refuses records that speak of what their sender neither sent nor got; to it
that looks the same as what never was, so nobody can probe for others' messages.

    corrections = Corrections(conn, ground)
    verdict = corrections.judge(verdict)              # faults, and the person concerned
    desks(…, past=corrections.past(message))
    corrections.told(message, index, "tra")           # as that member knows it
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from jdgate.core import corrections, leaves
from jdgate.core.admission import Verdict
from jdgate.core.fault import Fault
from jdgate.core.leaves import AcceptedLeaf, DisclosedLeaf
from jdgate.core.message import Message
from jdgate.gateway.ground import Ground
from jdgate.store import deliveries, ledger, subjects

UNKNOWN = Fault("correct.unknown_record", "/message_id", {})


class _Subject(NamedTuple):
    """The record that a correction speaks of, as the provider knows it."""

    accepted: AcceptedLeaf
    disclosed: list[DisclosedLeaf]
    record: int


class Corrections:
    """What the ledger knows of the records that corrections speak of, in one transaction."""

    def __init__(self, conn: Connection, ground: Ground) -> None:
        self._conn = conn
        self._ground = ground
        self._leaves: dict[str, tuple[AcceptedLeaf | None, list[DisclosedLeaf]]] = {}
        self._about: dict[tuple[str, int], _Subject] = {}

    def judge(self, verdict: Verdict) -> Verdict:
        """The verdict with a fault for every record that its sender may not speak of.

        `subjects` gets the pseudonym of the person concerned, in the domain of the record that is
        corrected: so that domain's rules find the case and can freeze it.
        """
        if verdict.opened is None or verdict.opened.message.type not in corrections.TYPES:
            return verdict
        message = verdict.opened.message
        faults, people = dict(verdict.faults), dict(verdict.subjects)
        for index in verdict.accepted:
            found = self._find(message, message.data[index])
            if isinstance(found, Fault):
                faults[index] = [found]
                continue
            self._about[message.id, index] = found
            person = subjects.of_record(self._conn, found.accepted.id, found.record)
            if person is not None:
                people[index] = person
        known = msgspec.structs.replace(verdict, subjects=people)
        return known if len(faults) == len(verdict.faults) else known.with_faults(faults)

    def past(self, message: Message) -> Callable[[Mapping[str, Any]], dict[str, Collection[str]]]:
        """For routing: who ever got the record that a record of `message` speaks of."""

        def recipients(record: Mapping[str, Any]) -> dict[str, Collection[str]]:
            index = next(at for at, one in enumerate(message.data) if one is record)
            about = self._about.get((message.id, index))
            found: dict[str, Collection[str]] = {}
            for copy in corrections.copies(*about) if about else ():
                unseen = corrections.hidden(record, copy)
                if unseen is not None and copy.recipient != message.source:
                    # who got it twice is told as far as it ever saw
                    found[copy.recipient] = unseen.intersection(found.get(copy.recipient, unseen))
            return found

        return recipients

    def told(self, message: Message, index: int, member: str) -> dict[str, Any]:
        """Record `index` of a request or finding, naming its subject as `member` knows it."""
        record = message.data[index]
        about = self._about.get((message.id, index))
        if about is None:
            return record
        for copy in corrections.copies(*about):
            if copy.recipient == member:
                return corrections.as_known_to(record, copy.delivery, copy.record)
        return corrections.as_known_to(record, about.accepted.id, about.record)

    def _find(self, message: Message, record: Mapping[str, Any]) -> _Subject | Fault:
        """The record spoken of, if its sender sent it (a finding) or got it (a request)."""
        named, place, item = record["message_id"], record["record"], record["item"]
        if message.type == corrections.RESULT:
            accepted, disclosed = self._of(named)
            if accepted is None or accepted.source != message.source:
                return UNKNOWN
            if place >= accepted.records or place in accepted.refused:
                return UNKNOWN
            sheet = self._ground.catalogue.sheets.get(accepted.type)
            known: Collection[str] = sheet.fields if sheet else ()
        else:
            row = deliveries.get(self._conn, named)
            if row is None or row.recipient != message.source or row.message_id is None:
                return UNKNOWN
            accepted, disclosed = self._of(row.message_id)
            leaf = next((one for one in disclosed if one.id == named), None)
            if accepted is None or leaf is None or place >= leaf.records:
                return UNKNOWN
            if record["to"] != accepted.source:
                expected = {"got": record["to"], "expected": accepted.source}
                return Fault("correct.not_provider", "/to", expected)
            place, known = corrections.held_records(accepted, leaf)[place], leaf.fields
        if item not in known:
            return Fault("correct.unknown_field", "/item", {"field": item})
        return _Subject(accepted, disclosed, place)

    def _of(self, message_id: str) -> tuple[AcceptedLeaf | None, list[DisclosedLeaf]]:
        if message_id not in self._leaves:
            accepted, disclosed = None, []
            for stored in ledger.find(self._conn, message_id):
                leaf = leaves.decode(stored.body)
                if isinstance(leaf, AcceptedLeaf) and leaf.id == message_id:
                    accepted = leaf
                elif isinstance(leaf, DisclosedLeaf) and leaf.message == message_id:
                    disclosed.append(leaf)
            self._leaves[message_id] = accepted, disclosed
        return self._leaves[message_id]
