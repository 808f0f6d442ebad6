"""Messages the gateway sends: numbered, signed, kept as open deliveries, written in the ledger.

A `Plan` says what is to go to whom; `compose` turns all plans of one transaction into signed
messages at once, so that each recipient's sequence is taken in one step. What is tracked becomes
a delivery row that stays open until the recipient's receipt; the rest (receipts, checkpoints) is
made anew when it is needed again.

    outbound = compose(conn, ground, plans, now)       # inside the transaction
    await dispatcher.send(outbound)                    # after its commit
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import leaves, message, signing
from jdgate.core.message import Message, show_time
from jdgate.core.resending import RESEND_AFTER
from jdgate.core.sheet import Sheet
from jdgate.core.signing import SigningKey
from jdgate.gateway.ground import Ground
from jdgate.store import deliveries, sequences, traffic
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.traffic import Leg, Tally

AT_ONCE = 500
"""Records in one message of figures."""


class Plan(msgspec.Struct, kw_only=True):
    """One message to one recipient, not yet numbered or signed.

    `source_indexes`: the records of message `message_id` that it holds; `partial`: not all that
    were accepted.
    """

    id: str
    recipient: str
    type: str
    records: list[dict[str, Any]]
    role: str = ""
    fields: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    message_id: str | None = None
    origin: str | None = None
    inreplyto: str | None = None
    region: str | None = None
    approvedby: tuple[str, ...] = ()
    alert_id: str | None = None
    draft_id: str | None = None
    source_indexes: tuple[int, ...] = ()
    partial: bool = False


def portions(
    ground: Ground, sheet: Sheet, member: str, role: str, records: Sequence[dict[str, Any]]
) -> Iterator[Plan]:
    """Plans that tell a member in its role all these records, so many at once."""
    for at in range(0, len(records), AT_ONCE):
        yield Plan(
            id=ground.new_id(),
            recipient=member,
            type=sheet.type,
            records=list(records[at : at + AT_ONCE]),
            role=role,
            fields=sheet.fields_for(role),
            basis=sheet.cite(role),
        )


class Outbound(msgspec.Struct, frozen=True):
    """A signed message ready to be sealed and sent. `attempt` counts sendings before this one."""

    id: str
    recipient: str
    type: str
    jws: bytes
    digest: bytes
    tracked: bool
    attempt: int = 0


def sign_plan(
    ground: Ground,
    plan: Plan,
    sequence: int | None,
    now: datetime,
    signer: SigningKey | None = None,
) -> Outbound:
    """The signed message of one plan, by our newest key if no other `signer` is named."""
    sheet = ground.catalogue.sheets[plan.type]
    payload = message.encode(
        Message(
            id=plan.id,
            source=ground.me,
            type=plan.type,
            time=now,
            recipient=plan.recipient,
            data=plan.records,
            sequence=sequence,
            region=plan.region,
            purpose=sheet.purpose,
            inreplyto=plan.inreplyto,
            origin=plan.origin,
            approvedby=plan.approvedby,
        )
    )
    jws = signing.sign(payload, signer or ground.keys.signer, signing.TYP_MESSAGE)
    return Outbound(
        plan.id, plan.recipient, plan.type, jws, hashlib.sha256(jws).digest(), sheet.tracked
    )


class Composed(msgspec.Struct, frozen=True):
    """What `compose` made: messages to send, rows for the books, leaves for the ledger, and what
    they add to the tallies."""

    outbound: list[Outbound]
    rows: list[DeliveryRow]
    leaves: list[tuple[bytes, bytes | None]]
    legs: list[tuple[Leg, Tally]]


def compose(conn: Connection, ground: Ground, plans: Sequence[Plan], now: datetime) -> Composed:
    """Number, sign and seal every plan. The rows still want their leaf index (`number_rows`)."""
    tracked = Counter(
        plan.recipient for plan in plans if ground.catalogue.sheets[plan.type].tracked
    )
    following = {
        recipient: sequences.next_sequences(conn, recipient, count)
        for recipient, count in tracked.items()
    }
    outbound: list[Outbound] = []
    rows: list[DeliveryRow] = []
    new_leaves: list[tuple[bytes, bytes | None]] = []
    legs: list[tuple[Leg, Tally]] = []
    for plan in plans:
        sequence = None
        if ground.catalogue.sheets[plan.type].tracked:
            sequence = following[plan.recipient]
            following[plan.recipient] += 1
        made = sign_plan(ground, plan, sequence, now)
        outbound.append(made)
        if sequence is None:
            continue
        sealed = ground.vault.seal(conn, plan.type, now.date(), made.jws, made.id.encode())
        rows.append(
            DeliveryRow(
                id=plan.id,
                message_id=plan.message_id,
                recipient=plan.recipient,
                role=plan.role,
                type=plan.type,
                sequence=sequence,
                fields=list(plan.fields),
                basis=list(plan.basis),
                created_at=now,
                next_at=now + RESEND_AFTER,
                digest=made.digest,
                key_id=sealed.key_id,
                body=sealed.blob,
                alert_id=plan.alert_id,
                draft_id=plan.draft_id,
            )
        )
        new_leaves.append(_leaf(ground, plan, made, now))
        leg = (plan.origin or ground.me, plan.recipient, plan.type)
        legs.append((leg, Tally(messages=1, records=len(plan.records))))
    return Composed(outbound, rows, new_leaves, legs)


def _leaf(ground: Ground, plan: Plan, made: Outbound, now: datetime) -> tuple[bytes, bytes | None]:
    salt = ground.salt()
    leaf = leaves.DisclosedLeaf(
        id=plan.id,
        at=show_time(now),
        message=plan.message_id or plan.id,
        type=plan.type,
        recipient=plan.recipient,
        role=plan.role,
        fields=tuple(sorted(plan.fields)),
        basis=plan.basis,
        records=len(plan.records),
        directory=ground.version,
        commitment=leaves.commitment(salt, made.jws),
        purpose=ground.catalogue.sheets[plan.type].purpose,
        indexes=plan.source_indexes if plan.partial else (),
    )
    return leaves.encode(leaf), salt


def store(conn: Connection, composed: Composed, first_leaf: int) -> None:
    """Write the deliveries, whose leaves stand in the ledger from `first_leaf` on, in order."""
    for offset, row in enumerate(composed.rows):
        row.leaf_index = first_leaf + offset
    deliveries.add_many(conn, composed.rows)
    if composed.rows:
        traffic.add(conn, composed.legs, composed.rows[0].created_at)
