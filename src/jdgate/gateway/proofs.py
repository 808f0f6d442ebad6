"""Proofs out of the books: the evidence of one message, the inclusion of one entry, and the
check of the whole ledger against its own checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from jdgate.core import checkpoints, corrections, evidence, evidence_missed, leaves
from jdgate.core.encoding import b64u
from jdgate.core.evidence import Parts, Proof
from jdgate.core.leaves import ArrivedLeaf, MissedLeaf
from jdgate.core.ledger import Frontier, leaf_hash
from jdgate.core.message import MAX_WHOLE, decode
from jdgate.core.signing import payload_unverified
from jdgate.errors import Refused
from jdgate.gateway import checkpointer
from jdgate.gateway.ground import Ground
from jdgate.store import deliveries, directories, ledger, messages, receipts
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.ledger import StoredLeaf, TileReader
from jdgate.store.messages import MessageRow

OLDER_CHECKPOINTS = 3


class _Prover:
    """Makes proofs of leaves against one checkpoint."""

    def __init__(self, conn: Connection, size: int) -> None:
        self._conn, self._size, self._reader = conn, size, TileReader(conn)
        self.versions: set[int] = set()

    def of(self, stored: StoredLeaf) -> Proof:
        proved = ledger.prove(self._conn, stored.index, self._size, self._reader)
        leaf = leaves.decode(stored.body)
        self.versions.add(getattr(leaf, "directory", 0))
        return evidence.proof(stored.index, stored.body, stored.salt, proved.path)

    def unopened(self, stored: StoredLeaf) -> Proof:
        """That a leaf is there, without its salt, which may be erased."""
        leaf = leaves.decode(stored.body)
        if isinstance(leaf, MissedLeaf):
            self.versions.add(leaf.directory)
        proved = ledger.prove(self._conn, stored.index, self._size, self._reader)
        return evidence.unopened(stored.index, stored.body, proved.path)


def export(conn: Connection, ground: Ground, message_id: str, now: datetime) -> bytes:
    """The evidence file of a message, a delivery, or a statement that one was missing, by its id.

    Raises:
        Refused: `evidence.unknown`, `evidence.erased`.
    """
    checkpoint = checkpointer.current(conn, ground, now)
    head = checkpoints.unverified(checkpoint)
    prover = _Prover(conn, head.size)
    row = messages.get(conn, message_id) or refused_as(conn, message_id)
    statement = None if row else next(iter(_about(conn, message_id, "missed")), None)
    if statement is not None:
        return _missed(conn, ground, statement, checkpoint, prover)
    if row is None:
        parts = _of_own(conn, ground, message_id, prover)
    else:
        found = {leaf.id: leaf for leaf in ledger.find(conn, row.id)}
        if row.id not in found or row.receipt_id is None:
            raise Refused("evidence.unknown", id=message_id[:64])
        receipt = receipts.get_many(conn, [row.receipt_id])[row.receipt_id]
        shown = deliveries.for_message(conn, row.id)
        parts = Parts(
            original=_body(conn, ground, row.key_id, row.body, row.id),
            checkpoint=checkpoint,
            directories=(),
            acceptance=(receipt, prover.of(found[row.id])),
            disclosures=_disclosures(conn, ground, shown, prover),
            deliveries=_deliveries(conn, shown, prover),
        )
        if row.type in corrections.TYPES:
            past = _past(conn, parts.original, row.type, prover)
            parts = msgspec.structs.replace(parts, past=past)
    parts = msgspec.structs.replace(
        parts,
        checkpoint=checkpoint,
        directories=_directories(conn, prover.versions | {ground.version}),
        older=_older(conn, head.size),
    )
    return evidence.seal(evidence.build(parts), ground.keys.signer)


def _past(conn: Connection, correction: bytes, type: str, prover: _Prover) -> list[Proof]:
    """The leaves about the records that a correction speaks of."""
    about: dict[str, None] = {}
    for record in decode(payload_unverified(correction)).data:
        named = record["message_id"]
        if type == corrections.REQUEST:
            delivery = deliveries.get(conn, named)
            named = delivery.message_id if delivery else None
        if named is not None:
            about[named] = None
    return [
        prover.unopened(stored)
        for message_id in about
        for stored in ledger.find(conn, message_id)
        if (stored.kind == "accepted" and stored.id == message_id) or stored.kind == "disclosed"
    ]


def refused_as(conn: Connection, claimed: str) -> MessageRow | None:
    """What was refused under an id that it only claimed, and so was kept under another."""
    leaf = next((one for one in ledger.find(conn, claimed) if one.kind == "refused"), None)
    return None if leaf is None else messages.get(conn, leaf.id)


def _about(conn: Connection, about: str, kind: str) -> list[StoredLeaf]:
    return [leaf for leaf in ledger.find(conn, about) if (leaf.id, leaf.kind) == (about, kind)]


def _missed(
    conn: Connection, ground: Ground, statement: StoredLeaf, checkpoint: bytes, prover: _Prover
) -> bytes:
    """The evidence of a statement that a message had not come, and of its arrival since."""
    arrival = next(iter(_about(conn, statement.id, "arrived")), None)
    shown = prover.unopened(statement)
    document = evidence_missed.Missed(
        arrival=prover.unopened(arrival) if arrival else None,
        checkpoint=checkpoint.decode(),
        directories=tuple(
            jws.decode() for jws in _directories(conn, {*prover.versions, ground.version})
        ),
        format=evidence_missed.FORMAT,
        older=evidence.older(_older(conn, checkpoints.unverified(checkpoint).size)),
        statement=shown,
    )
    return evidence_missed.seal(document, ground.keys.signer)


def missed(conn: Connection, statement_id: str) -> dict[str, object]:
    """What a statement says, and what came after all.

    Raises:
        Refused: `expect.unknown`.
    """
    found = _about(conn, statement_id, "missed")
    if not found:
        raise Refused("expect.unknown", id=statement_id[:64])
    leaf = leaves.decode(found[0].body)
    assert isinstance(leaf, MissedLeaf)
    arrivals = [leaves.decode(each.body) for each in _about(conn, statement_id, "arrived")]
    arrival = next((each for each in arrivals if isinstance(each, ArrivedLeaf)), None)
    return {
        "id": leaf.id,
        "type": leaf.type,
        "member": leaf.source,
        "rule": leaf.rule,
        "about": leaf.about,
        "since": leaf.since,
        "due_at": leaf.due,
        "at": leaf.at,
        "size": leaf.size,
        "entry": found[0].index,
        "arrived_at": arrival.at if arrival else None,
        "message": arrival.message if arrival else None,
    }


def _of_own(conn: Connection, ground: Ground, delivery_id: str, prover: _Prover) -> Parts:
    """What the gateway originated itself: an alert, a draft."""
    row = deliveries.get(conn, delivery_id)
    if row is None:
        raise Refused("evidence.unknown", id=delivery_id[:64])
    if row.message_id is not None:
        raise Refused("evidence.ask_for_message", id=delivery_id, message=row.message_id)
    return Parts(
        original=_body(conn, ground, row.key_id, row.body, row.id),
        checkpoint=b"",
        directories=(),
        disclosures=_disclosures(conn, ground, [row], prover),
        deliveries=_deliveries(conn, [row], prover),
    )


def _body(
    conn: Connection, ground: Ground, key_id: str | None, body: bytes | None, id_: str
) -> bytes:
    if key_id is None or body is None:
        raise Refused("evidence.erased", index=id_)
    return ground.vault.open(conn, key_id, body, id_.encode())


def _leaf_of(conn: Connection, row: DeliveryRow, kind: str) -> StoredLeaf | None:
    """The latest leaf of that kind: a delivery that failed first has one for each answer."""
    found = [leaf for leaf in ledger.find(conn, row.id) if leaf.kind == kind and leaf.id == row.id]
    return found[-1] if found else None


def _disclosures(
    conn: Connection, ground: Ground, rows: list[DeliveryRow], prover: _Prover
) -> list[tuple[bytes, Proof]]:
    found = []
    for row in rows:
        leaf = _leaf_of(conn, row, "disclosed")  # the latest: of the bytes that are kept
        if leaf is not None:
            jws = _body(conn, ground, row.key_id, row.body, row.id)
            found.append((jws, prover.of(leaf)))
    return found


def _deliveries(
    conn: Connection, rows: list[DeliveryRow], prover: _Prover
) -> list[tuple[bytes, Proof]]:
    found = []
    for row in rows:
        leaf = _leaf_of(conn, row, "delivered")
        if leaf is not None and row.receipt_id is not None:
            receipt = receipts.get_many(conn, [row.receipt_id])[row.receipt_id]
            found.append((receipt, prover.of(leaf)))
    return found


def _directories(conn: Connection, versions: set[int]) -> list[bytes]:
    found = [directories.get(conn, version) for version in sorted(versions) if version]
    return [one.jws for one in found if one is not None]


def _older(conn: Connection, size: int) -> list[tuple[bytes, list[bytes]]]:
    return [
        (jws, ledger.prove_consistency(conn, checkpoints.unverified(jws).size, size))
        for jws in ledger.checkpoints_below(conn, size, OLDER_CHECKPOINTS)
    ]


def inclusion(conn: Connection, ground: Ground, about: str, now: datetime) -> dict[str, object]:
    """Where the ledger speaks of a message, delivery or draft, with the path to its head.

    Raises:
        Refused: `evidence.unknown`.
    """
    found = ledger.find(conn, about)
    if not found:
        raise Refused("evidence.unknown", id=about[:64])
    checkpoint = checkpointer.current(conn, ground, now)
    head = checkpoints.unverified(checkpoint)
    reader = TileReader(conn)
    entries = []
    for leaf in found:
        proved = ledger.prove(conn, leaf.index, head.size, reader)
        entries.append(
            {
                "index": leaf.index,
                "kind": leaf.kind,
                "leaf": leaf.body.decode(),
                "path": [b64u(each) for each in proved.path],
            }
        )
    return {
        "size": head.size,
        "root": b64u(head.root),
        "checkpoint": checkpoint.decode(),
        "entries": entries,
    }


class Recomputed(NamedTuple):
    """How many entries of how many were hashed again, and how many checkpoints fitted so far."""

    done: int
    total: int
    checkpoints: int


def recompute(conn: Connection) -> Iterator[Recomputed]:
    """Hash every leaf again and compare with every signed checkpoint, telling as it goes.

    Raises:
        Refused: `ledger.broken` naming the first size at which the books and a checkpoint differ.
    """
    total = ledger.head(conn).size
    frontier, fitted = Frontier(), 0
    while frontier.size < total:
        rows = ledger.leaves_from(conn, frontier.size, 1000)
        if not rows:
            raise Refused("ledger.broken", size=frontier.size)
        signed = ledger.checkpoints_between(conn, frontier.size, frontier.size + len(rows))
        roots = {head.size: head.root for head in map(checkpoints.unverified, signed)}
        for row in rows:
            frontier, _ = frontier.append([leaf_hash(row.body)])
            root = roots.get(frontier.size)
            if root is not None and root != frontier.root():
                raise Refused("ledger.broken", size=frontier.size)
        fitted += len(roots)
        yield Recomputed(frontier.size, total, fitted)
    beyond = ledger.checkpoints_between(conn, total, MAX_WHOLE)
    if beyond or frontier.root() != ledger.head(conn).root():
        raise Refused("ledger.broken", size=total)
