"""Steps 6 to 11 of the evidence plan: one message from its sender to everyone who was told. Pure.

`evidence_verify` runs these after it has established the directories and the checkpoint. Each
method is one step, called in order once; each raises `Refused` for the first thing that does
not hold, and otherwise says what it found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from jdgate.core import corrections
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.directory import Trust
from jdgate.core.evidence import Acceptance, Evidence, Signed
from jdgate.core.evidence_checks import (
    agree,
    included,
    leaf_in,
    opens,
    receipt_about,
    records_cut_down,
    signed_message,
)
from jdgate.core.evidence_past import Past
from jdgate.core.evidence_report import Finding, Outcome, Shown, Summary, passed, pending, skipped
from jdgate.core.leaves import AcceptedLeaf, DeliveredLeaf, DisclosedLeaf, RefusedLeaf
from jdgate.core.message import Message, read_time, show_time
from jdgate.core.sheet import ANY
from jdgate.errors import Refused

TrustOf = Callable[[int, datetime], Trust]
"""(directory version, moment) → that directory, in force at that moment."""


class Chain:
    """One message's way, step by step."""

    def __init__(self, document: Evidence, trust_of: TrustOf, checkpoint: Checkpoint) -> None:
        self._document = document
        self._trust_of = trust_of
        self._at_checkpoint = checkpoint
        self._acceptance: Acceptance | None = document.acceptance
        self._judgement: AcceptedLeaf | RefusedLeaf | None = None
        self._trust: Trust
        self._message: Message | None = None
        self._id = ""
        self._sent: dict[str, tuple[Signed, DisclosedLeaf, Trust, Message]] = {}
        self._answers: dict[str, DeliveredLeaf] = {}

    # Step 6. The leaf is read here for the moment and the directory to judge by; what it says
    # is proven in steps 8 and 9.
    def sender(self) -> list[Finding]:
        """The sender's signature over the original."""
        if self._acceptance is None:
            return self._own()
        judged = leaf_in(self._acceptance.proof, AcceptedLeaf | RefusedLeaf)
        self._judgement = judged
        # a refused message is kept under another id when the one it claimed was not its own
        claimed = judged.message if isinstance(judged, RefusedLeaf) else ""
        self._id = claimed or judged.id
        at = read_time(judged.at, "at")
        self._trust = self._trust_of(judged.directory, at)
        try:
            message = signed_message(self._document.original, judged.source, self._trust, at)
        except Refused:
            if isinstance(judged, AcceptedLeaf):
                raise
            # A message can be refused for its very signature. Its bytes are still the ones
            # that the leaf and the receipt speak of (steps 7 and 8).
            return [skipped("evidence.sender_unproven", member=judged.source)]
        self._message = message
        signed = passed(
            "evidence.sender",
            member=message.source,
            message=message.id,
            type=message.type,
            sent=show_time(message.time),
        )
        return [signed, *_approved(message)]

    def _own(self) -> list[Finding]:
        """The gateway's own message: its leaf is that of its first disclosure."""
        if not self._document.disclosures:
            raise Refused("evidence.no_acceptance")
        leaf = leaf_in(self._document.disclosures[0].proof, DisclosedLeaf)
        at = read_time(leaf.at, "at")
        self._trust = self._trust_of(leaf.directory, at)
        gateway = self._trust.gateway.id
        try:
            self._message = signed_message(self._document.original, gateway, self._trust, at)
        except Refused as fault:
            if fault.code.startswith("key."):
                raise Refused("evidence.no_acceptance") from None
            raise
        self._id = self._message.id
        return [passed("evidence.sender_gateway", gateway=gateway, message=self._id)]

    # Step 7
    def receipt(self) -> list[Finding]:
        """The gateway's receipt for the original."""
        judged = self._judgement
        if self._acceptance is None or judged is None:
            return [skipped("evidence.own_message")]
        record = receipt_about(
            self._acceptance.receipt,
            self._trust,
            read_time(judged.at, "at"),
            self._trust.gateway.id,
            judged.source,
            self._id,
            self._document.original,
        )
        pairs: list[tuple[str, object, object]] = [
            ("verdict", record.get("verdict"), self._verdict())
        ]
        if "leaf" in record:
            pairs.append(("leaf", record["leaf"], self._acceptance.proof.index))
        if isinstance(judged, RefusedLeaf):
            pairs.append(("code", record.get("code"), judged.code))
            agree("evidence.receipt_disagrees", pairs)
            return [passed("evidence.receipt_refused", message=self._id, why=judged.code)]
        listed = sorted({item["index"] for item in record.get("refused", ())})
        pairs.append(("refused", listed, list(judged.refused)))
        kept = judged.records - len(judged.refused)
        if "accepted" in record:
            pairs.append(("accepted", record["accepted"], kept))
        agree("evidence.receipt_disagrees", pairs)
        return [
            passed(
                "evidence.receipt", message=judged.id, accepted=kept, refused=len(judged.refused)
            )
        ]

    def _verdict(self) -> Literal["accepted", "part", "refused", "own"]:
        match self._judgement:
            case None:
                return "own"
            case RefusedLeaf():
                return "refused"
            case AcceptedLeaf(refused=refused):
                return "part" if refused else "accepted"

    # Step 8
    def leaf(self) -> list[Finding]:
        """The leaf opens to the original and says the same of it."""
        judged, message = self._judgement, self._message
        if self._acceptance is None or judged is None:
            return [skipped("evidence.own_message")]
        opens(self._acceptance.proof, judged.commitment, self._document.original)
        if isinstance(judged, AcceptedLeaf) and message is not None:
            pairs: list[tuple[str, object, object]] = [
                ("id", judged.id, message.id),
                ("type", judged.type, message.type),
                ("source", judged.source, message.source),
                ("recipient", judged.recipient, message.recipient),
                ("time", judged.time, show_time(message.time)),
                ("records", judged.records, len(message.data)),
                ("gateway", judged.recipient, self._trust.gateway.id),
            ]
            agree("evidence.leaf_disagrees", pairs)
        return [passed("evidence.leaf", index=self._acceptance.proof.index, at=judged.at)]

    # Step 9
    def inclusion(self) -> list[Finding]:
        """The leaf is in the ledger."""
        if self._acceptance is None:
            return [skipped("evidence.own_message")]
        included(self._acceptance.proof, self._at_checkpoint)
        size = self._at_checkpoint.size
        return [passed("evidence.inclusion", index=self._acceptance.proof.index, size=size)]

    # Step 10
    def disclosures(self) -> list[Finding]:
        """Everyone who was told: what, and on which ground."""
        judged = self._judgement
        if isinstance(judged, RefusedLeaf) and self._document.disclosures:
            raise Refused("evidence.refused_but_disclosed", message=judged.id)
        findings = [self._disclosure(shown) for shown in self._ascending("disclosures")]
        if isinstance(judged, AcceptedLeaf):
            missing = [name for name in judged.deliveries if name not in self._sent]
            if missing:
                raise Refused("evidence.disclosure_missing", delivery=missing[0][:80])
            findings += self._past(judged)
        elif self._document.past:
            raise Refused("evidence.past_uncalled")
        return findings or [skipped("evidence.disclosure_none")]

    def _past(self, judged: AcceptedLeaf) -> list[Finding]:
        """Of a correction: everyone who ever got the record was told."""
        message = self._message
        if message is None or message.type not in corrections.TYPES:
            if self._document.past:
                raise Refused("evidence.past_uncalled")
            return []
        past = Past(self._document.past, self._at_checkpoint)
        sent = [(leaf, message) for _, leaf, _, message in self._sent.values()]
        return past.findings(message, judged, sent, self._trust)

    def _ascending(self, name: Literal["disclosures", "deliveries"]) -> Sequence[Signed]:
        """The parts of one list, no leaf shown twice."""
        shown: Sequence[Signed] = getattr(self._document, name)
        for before, after in pairwise(shown):
            if after.proof.index <= before.proof.index:
                raise Refused("evidence.leaf_order", index=after.proof.index)
        return shown

    def _disclosure(self, shown: Signed) -> Finding:
        leaf: DisclosedLeaf = leaf_in(shown.proof, DisclosedLeaf)
        original = self._message
        at = read_time(leaf.at, "at")
        trust = self._trust_of(leaf.directory, at)
        if leaf.id in self._sent:
            raise Refused("evidence.delivery_twice", delivery=leaf.id[:80])
        if original is None or leaf.message != self._id:
            raise Refused("evidence.other_message", index=shown.proof.index, got=leaf.message[:80])
        sent = signed_message(shown.jws, trust.gateway.id, trust, at)
        judged = self._judgement
        own = judged is None
        pairs: list[tuple[str, object, object]] = [
            ("id", sent.id, leaf.id),
            ("type", sent.type, leaf.type),
            ("type", sent.type, original.type),
            ("recipient", sent.recipient, leaf.recipient),
            ("records", len(sent.data), leaf.records),
            ("purpose", sent.purpose or "", leaf.purpose),
            ("origin", sent.origin, sent.origin if own else original.source),
            ("approvedby", sent.approvedby, original.approvedby if sent.approvedby else ()),
        ]
        agree("evidence.delivery_disagrees", pairs)
        member = trust.member(leaf.recipient)
        if leaf.role not in ("", ANY, *member.roles):
            raise Refused("evidence.role", member=member.id, role=leaf.role)
        renamed = corrections.NAMES if original.type in corrections.TYPES else ()
        rows = _rows(judged, leaf, original)
        records_cut_down(leaf, sent.data, rows, None if own else leaf.fields, renamed)
        agree("evidence.delivery_disagrees", [("records", len(sent.data), len(rows))])
        opens(shown.proof, leaf.commitment, shown.jws)
        included(shown.proof, self._at_checkpoint)
        self._sent[leaf.id] = (shown, leaf, trust, sent)
        return passed(
            "evidence.disclosure",
            member=leaf.recipient,
            delivery=leaf.id,
            fields=", ".join(_fields(leaf, sent)),
            basis="; ".join(leaf.basis),
            index=shown.proof.index,
        )

    # Step 11
    def deliveries(self) -> list[Finding]:
        """Every recipient's own signed word that it has the message."""
        findings = [self._delivery(shown) for shown in self._ascending("deliveries")]
        findings += [
            pending("evidence.delivery_pending", member=leaf.recipient, delivery=name)
            for name, (_, leaf, _, _) in self._sent.items()
            if name not in self._answers
        ]
        return findings or [skipped("evidence.delivery_none")]

    def _delivery(self, shown: Signed) -> Finding:
        leaf: DeliveredLeaf = leaf_in(shown.proof, DeliveredLeaf)
        known = self._sent.get(leaf.id)
        if known is None:
            raise Refused("evidence.delivery_unknown", delivery=leaf.id[:80])
        sent, disclosed, _, _ = known
        agree(
            "evidence.answer_disagrees",
            [
                ("message", leaf.message, self._id),
                ("recipient", leaf.recipient, disclosed.recipient),
                ("order", shown.proof.index > sent.proof.index, True),
            ],
        )
        at = read_time(leaf.at, "at")
        trust = self._trust_of(leaf.directory, at)
        record = receipt_about(
            shown.jws, trust, at, leaf.recipient, trust.gateway.id, leaf.id, sent.jws
        )
        agree("evidence.answer_disagrees", [("verdict", record.get("verdict"), leaf.verdict)])
        opens(shown.proof, leaf.commitment, shown.jws)
        included(shown.proof, self._at_checkpoint)
        self._answers[leaf.id] = leaf
        delivered = leaf.verdict == "delivered"
        return passed(
            "evidence.delivery" if delivered else "evidence.delivery_failed",
            member=leaf.recipient,
            delivery=leaf.id,
            at=leaf.at,
            index=shown.proof.index,
        )

    def summary(self, checkpoint: Checkpoint) -> Summary:
        """The proven story, once every step held."""
        judged, message = self._judgement, self._message
        refusal = judged if isinstance(judged, RefusedLeaf) else None
        source = message.source if message else (refusal.source if refusal else "")
        members = self._trust.members
        return Summary(
            county=checkpoint.ledger,
            message=self._id,
            type=message.type if message else (refusal.type if refusal else ""),
            sender=source,
            sender_name=members[source].name if source in members else "",
            sent=show_time(message.time) if message else "",
            approved_by=message.approvedby if message else (),
            verdict=self._verdict(),
            reason=refusal.code if refusal else "",
            judged=judged.at if judged else None,
            records=len(message.data) if message else 0,
            refused=judged.refused if isinstance(judged, AcceptedLeaf) else (),
            disclosures=tuple(self._shown(*known) for known in self._sent.values()),
            ledger_size=checkpoint.size,
            checkpoint_at=show_time(checkpoint.at),
        )

    def _shown(self, _: Signed, leaf: DisclosedLeaf, trust: Trust, sent: Message) -> Shown:
        answer = self._answers.get(leaf.id)
        outcome: Outcome = "pending"
        if answer is not None:
            outcome = "delivered" if answer.verdict == "delivered" else "failed"
        return Shown(
            delivery=leaf.id,
            recipient=leaf.recipient,
            recipient_name=trust.member(leaf.recipient).name,
            role=leaf.role,
            at=leaf.at,
            fields=_fields(leaf, sent),
            basis=leaf.basis,
            purpose=leaf.purpose,
            records=leaf.records,
            outcome=outcome,
            answered=answer.at if answer else None,
        )


def _rows(
    judged: AcceptedLeaf | RefusedLeaf | None, leaf: DisclosedLeaf, original: Message
) -> list[dict[str, Any]]:
    """The records of the original that a delivery holds, as its leaf has them."""
    if not isinstance(judged, AcceptedLeaf):
        return original.data
    held = corrections.held_records(judged, leaf)
    good = {*range(len(original.data))} - {*judged.refused}
    if not good.issuperset(held):
        most = len(original.data) - 1
        agree("evidence.delivery_disagrees", [("indexes", held, f"0…{most}")])
    return [original.data[index] for index in held]


def _approved(message: Message) -> list[Finding]:
    """Who approved it, as its sender signed it."""
    if not message.approvedby:
        return []
    return [passed("evidence.approved", member=message.source, by=", ".join(message.approvedby))]


def _fields(leaf: DisclosedLeaf, sent: Message) -> tuple[str, ...]:
    """The fields shown: as the leaf lists them; an own message shows all that it has."""
    return leaf.fields or tuple(sorted({name for record in sent.data for name in record}))
