"""Evidence that an expected message had not come by its deadline. Pure.

When a deadline passes, the gateway writes down what was awaited, from whom, by when, and how
large the ledger was then (`MissedLeaf`), and signs a checkpoint over it at once, which every
member gets. This document holds that leaf with its path, and the note of a later arrival if there
is one. It names no person: what it was about is a keyed hash. Verified like any evidence
(`evidence_verify`); its own steps are here.

    data = seal(Missed(statement=…, arrival=None, checkpoint=…, …), gateway_key)
    report = evidence_verify.verify(data, pinned)
    report.missed
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from jdgate.core import evidence, signing
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.directory import Trust
from jdgate.core.evidence import Evidence, Older, Proof
from jdgate.core.evidence_checks import agree, included, leaf_in
from jdgate.core.evidence_report import Finding, MissedSummary, passed, skipped
from jdgate.core.leaves import ArrivedLeaf, MissedLeaf
from jdgate.core.message import read_time, show_time
from jdgate.errors import Refused

FORMAT = "jd-missed.v1"
"""What the payload says it is."""


class Missed(Struct, frozen=True, forbid_unknown_fields=True):
    """The document. Nothing in it is opened, so its proofs carry no salt."""

    arrival: Proof | None
    checkpoint: str
    directories: tuple[str, ...]
    format: str
    older: tuple[Older, ...]
    statement: Proof


class _Form(Struct):
    format: str = ""


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Missed)
_form = msgspec.json.Decoder(_Form)


def encode(document: Missed) -> bytes:
    """The canonical JSON bytes to sign."""
    return _encoder.encode(document)


def seal(document: Missed, gateway_key: signing.SigningKey) -> bytes:
    """The file: the document signed by the gateway."""
    return signing.sign(encode(document), gateway_key, signing.TYP_EVIDENCE)


def unverified(data: bytes) -> Evidence | Missed:
    """The document in a file of either form, its signature not yet looked at.

    Raises:
        Refused: what `evidence.unverified` raises.
    """
    if len(data) > evidence.MAX_BYTES:
        return evidence.unverified(data)
    payload = signing.payload_unverified(data)
    try:
        if _form.decode(payload).format != FORMAT:
            return evidence.unverified(data)
        document = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("evidence.malformed") from None
    if encode(document) != payload:
        raise Refused("evidence.malformed")
    return document


class Statement:
    """The steps of such a document that follow the checkpoint's, in order."""

    def __init__(
        self,
        document: Missed,
        trust_of: Callable[[int, datetime], Trust],
        checkpoint: Checkpoint,
    ) -> None:
        self._document = document
        self._trust_of = trust_of
        self._checkpoint = checkpoint
        self._leaf: MissedLeaf
        self._arrival: ArrivedLeaf | None = None

    def statement(self) -> list[Finding]:
        """The leaf says what was awaited, and was made after the deadline."""
        shown = self._document.statement
        self._leaf = leaf = leaf_in(shown, MissedLeaf)
        _bare(shown)
        at, due = read_time(leaf.at, "at"), read_time(leaf.due, "due")
        self._trust_of(leaf.directory, at)
        agree(
            "evidence.missed_disagrees",
            [
                ("due", due <= at, True),
                ("since", read_time(leaf.since, "since") <= due, True),
                ("size", leaf.size <= shown.index, True),
            ],
        )
        return [
            passed(
                "evidence.missed",
                type=leaf.type,
                member=leaf.source or "—",
                due=leaf.due,
                at=leaf.at,
                size=leaf.size,
            )
        ]

    def inclusion(self) -> list[Finding]:
        """The leaf is in the ledger."""
        shown = self._document.statement
        included(shown, self._checkpoint)
        return [passed("evidence.inclusion", index=shown.index, size=self._checkpoint.size)]

    def arrival(self) -> list[Finding]:
        """What came after all, and when."""
        shown = self._document.arrival
        if shown is None:
            at = show_time(self._checkpoint.at)
            return [skipped("evidence.not_arrived", at=at)]
        leaf: ArrivedLeaf = leaf_in(shown, ArrivedLeaf)
        _bare(shown)
        pairs: list[tuple[str, object, object]] = [
            ("statement", leaf.id, self._leaf.id),
            ("order", shown.index > self._document.statement.index, True),
        ]
        agree("evidence.missed_disagrees", pairs)
        included(shown, self._checkpoint)
        self._arrival = leaf
        return [passed("evidence.arrived", message=leaf.message, at=leaf.at, index=shown.index)]

    def summary(self) -> MissedSummary:
        """The proven story, once every step held."""
        leaf, arrival = self._leaf, self._arrival
        return MissedSummary(
            county=self._checkpoint.ledger,
            statement=leaf.id,
            type=leaf.type,
            member=leaf.source,
            rule=leaf.rule,
            about=leaf.about,
            since=leaf.since,
            due=leaf.due,
            at=leaf.at,
            size=leaf.size,
            arrived=arrival.at if arrival else None,
            message=arrival.message if arrival else None,
            ledger_size=self._checkpoint.size,
            checkpoint_at=show_time(self._checkpoint.at),
        )


def _bare(shown: Proof) -> None:
    if shown.salt:
        raise Refused("evidence.malformed")
