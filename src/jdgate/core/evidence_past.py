"""Evidence of a correction: that everyone who ever got the record was told. Pure.

A correction's document shows, besides the correction's own way, the ledger's leaves about each
record it speaks of: its acceptance and every disclosure of it. They are shown with their paths
and without salts, because nothing of them is opened: they stay when the record is erased. From
them follows whose record it was, who got it, and how each of them calls it (`core.corrections`).

    past = Past(document.past, checkpoint)
    findings = past.findings(original, judged, sent, trust)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from jdgate.core import corrections
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.corrections import Copy, copies, held_records, hidden
from jdgate.core.directory import Trust
from jdgate.core.evidence import Proof
from jdgate.core.evidence_checks import included, leaf_in
from jdgate.core.evidence_report import Finding, passed, pending
from jdgate.core.leaves import AcceptedLeaf, DisclosedLeaf
from jdgate.core.message import Message
from jdgate.errors import Refused


class _Record(NamedTuple):
    """One record that a correction speaks of, and who got it."""

    message: str
    place: int
    held: list[Copy]

    def known_to(self, member: str) -> tuple[str, int]:
        """How a member calls it."""
        for copy in self.held:
            if copy.recipient == member:
                return copy.delivery, copy.record
        return self.message, self.place


class Past:
    """The leaves about the records that a correction speaks of."""

    def __init__(self, proofs: Sequence[Proof], checkpoint: Checkpoint) -> None:
        self._accepted: dict[str, AcceptedLeaf] = {}
        self._disclosed: dict[str, DisclosedLeaf] = {}
        for before, after in pairwise(proofs):
            if after.index <= before.index:
                raise Refused("evidence.leaf_order", index=after.index)
        for shown in proofs:
            leaf: AcceptedLeaf | DisclosedLeaf = leaf_in(shown, AcceptedLeaf | DisclosedLeaf)
            included(shown, checkpoint)
            if shown.salt:
                raise Refused("evidence.malformed")
            if isinstance(leaf, AcceptedLeaf):
                self._accepted[leaf.id] = leaf
            else:
                self._disclosed[leaf.id] = leaf

    def findings(
        self,
        original: Message,
        judged: AcceptedLeaf,
        sent: Sequence[tuple[DisclosedLeaf, Message]],
        trust: Trust,
    ) -> list[Finding]:
        """What the leaves prove of this correction.

        Raises:
            Refused: `evidence.past_…`, the first thing that does not hold.
        """
        for accepted in self._accepted.values():
            for delivery in accepted.deliveries:
                if delivery not in self._disclosed:
                    raise Refused("evidence.past_disclosure", delivery=delivery[:80])
        about = {
            index: self._record(original, record)
            for index, record in enumerate(original.data)
            if index not in judged.refused
        }
        told: dict[tuple[str, int], dict[str, Any]] = {}
        for leaf, message in sent:
            for index, record in zip(held_records(judged, leaf), message.data, strict=True):
                named = tuple(record.get(name) for name in corrections.NAMES)
                if named != about[index].known_to(leaf.recipient):
                    raise Refused("evidence.past_name", delivery=leaf.id[:80])
                told[leaf.recipient, index] = record
        found: list[Finding] = []
        for index, spoken_of in about.items():
            finding = original.data[index]
            for copy in spoken_of.held:
                unseen = hidden(finding, copy)
                if unseen is None or copy.recipient == original.source:
                    continue
                heard = told.get((copy.recipient, index))
                if heard is not None and ("item" in heard or "item" in unseen):
                    continue
                member = trust.members.get(copy.recipient)
                if member is not None and member.status == "active":
                    raise Refused("evidence.past_untold", member=member.id, index=index)
                found.append(pending("evidence.past_gone", member=copy.recipient))
        reached = ", ".join(sorted({member for member, _ in told}))
        return [*found, passed("evidence.past", records=len(about), members=reached or "—")]

    def _record(self, original: Message, record: dict[str, Any]) -> _Record:
        """The record that the original's sender names."""
        named, place = record["message_id"], record["record"]
        if original.type == corrections.RESULT:
            accepted = self._accepted.get(named)
            owner = accepted.source if accepted else ""
        else:
            leaf = self._disclosed.get(named)
            accepted = self._accepted.get(leaf.message) if leaf else None
            owner = leaf.recipient if leaf else ""
            if accepted is not None and leaf is not None:
                held = held_records(accepted, leaf)
                place = held[place] if place < len(held) else accepted.records
        if accepted is None or owner != original.source or place >= accepted.records:
            raise Refused("evidence.past_unknown", got=str(named)[:80])
        return _Record(accepted.id, place, copies(accepted, self._disclosed.values(), place))
