"""Sending, first half: rows become checked, numbered, signed messages in the durable outbox.

Every row gets an answer. What is wrong is refused here already, with the gateway's own checks, so
that a mistyped identity number never leaves the department; what is good is batched, signed and
on disk before `submit` returns. The gateway's verdict comes later, in its receipt.

    submission = submit(conn, desk, "mmt.attendance.v1", records, now, rows=[3, 4, 5])
    submission.messages            # ids with the indexes of their records
    submission.refused             # index, row, code, path, parameters
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import approval, calendar, message, sealed_fields, signing
from jdgate.core.admission import check_place
from jdgate.core.message import MAX_DATA, Message
from jdgate.core.regions import RegionIndex
from jdgate.core.schema import Fault, check_records
from jdgate.core.sheet import Sheet
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.store import outbox, sequences
from jdgate.store.outbox import OutboxRow

_Group = list[tuple[int, dict[str, Any]]]

BATCH = 200
"""Records in one message: one signature, one seal and one disk sync for all of them."""


class RefusedRow(msgspec.Struct, frozen=True):
    """A record that was not sent. `row` is its place in the file, where there was one."""

    index: int
    row: int | None
    code: str
    path: str = ""
    params: dict[str, Any] = {}


class Batched(msgspec.Struct, frozen=True):
    """A message in the outbox and the indexes of the records it carries."""

    id: str
    indexes: list[int]


class Submission(msgspec.Struct, frozen=True):
    """What became of the records given to `submit`."""

    messages: list[Batched]
    refused: list[RefusedRow]


def check(
    conn: Connection,
    desk: Desk,
    type: str,
    records: Sequence[dict[str, Any]],
    now: datetime,
    rows: Sequence[int] | None = None,
    region: str | None = None,
) -> tuple[list[tuple[int, dict[str, Any]]], list[RefusedRow]]:
    """The records fit to be sent, by index, and those that are not, with every reason.

    Fields that only the final recipient may read are sealed to it here. Who approved is asked
    by `submit` alone.

    Raises:
        Refused: `agreement.no_type`, `agreement.sender_role`, `agreement.region`,
            `agreement.cross_region`.
    """
    sheet = desk.sheet(type)
    own = desk.trust.member(desk.member)
    if not sheet.may_send(own.roles):
        raise Refused(
            "agreement.sender_role",
            type=type,
            got="/".join(own.roles),
            expected="/".join(sheet.senders),
        )
    check_place(region, sheet, own, desk.trust.directory.county)
    closed, found = _closed_and_checked(desk, sheet, records, now, region)
    good: list[tuple[int, dict[str, Any]]] = []
    refused: list[RefusedRow] = []
    for index, record in enumerate(records):
        if index not in found:
            good.append((index, closed[index]))
            continue
        # A plugin may know how to complete what the department's file leaves out.
        try:
            prepared = desk.plugins.ask(
                "jdgate_prepare", type=type, record=record, register=desk.register(conn, type)
            )
        except Refused as reason:
            faults = [Fault(reason.code, "", {k: str(v) for k, v in reason.params.items()})]
        else:
            faults = found[index]
            if prepared is not None:
                [ready], wrong = _closed_and_checked(desk, sheet, [prepared], now, region)
                faults = wrong.get(0, [])
                if not faults:
                    good.append((index, ready))
                    continue
        row = rows[index] if rows is not None else None
        refused.extend(
            RefusedRow(index, row, fault.code, fault.path, dict(fault.params)) for fault in faults
        )
    return good, refused


def _closed_and_checked(
    desk: Desk,
    sheet: Sheet,
    records: Sequence[dict[str, Any]],
    now: datetime,
    region: str | None,
) -> tuple[list[dict[str, Any]], dict[int, list[Fault]]]:
    """The records with their sealed fields closed, and the faults of those not fit, by index."""
    closed, unclosed = list(records), dict[int, list[Fault]]()
    if sheet.sealed:
        index = RegionIndex(desk.trust.active())
        for at, record in enumerate(records):
            closed[at], faults = sealed_fields.close(
                sheet,
                record,
                sender=desk.member,
                region=region,
                index=index,
                key_of=lambda member: desk.trust.sealing_key(member, now),
            )
            if faults:
                unclosed[at] = faults
    validator = desk.catalogue.validator(sheet.type)
    found = check_records(validator, sheet, closed, calendar.local_day(now))
    for at, faults in unclosed.items():
        # what else is wrong is often why no recipient was found, and easier to put right
        open_fields = tuple(fault.path for fault in faults)
        others = [fault for fault in found[at] if not fault.path.startswith(open_fields)]
        found[at] = others or faults
    return closed, found


def submit(
    conn: Connection,
    desk: Desk,
    type: str,
    records: Sequence[dict[str, Any]],
    now: datetime,
    *,
    rows: Sequence[int] | None = None,
    region: str | None = None,
    inreplyto: str | None = None,
    approved_by: Iterable[str] = (),
    batch: int = BATCH,
) -> Submission:
    """Check, batch, number, sign and keep records, in the caller's transaction.

    `approved_by`: the persons who approved them, as many as the agreement asks.

    Raises:
        Refused: `agreement.no_type`, `agreement.sender_role`, `agreement.region`,
            `agreement.cross_region`, `agreement.approval`, `approval.…`.
    """
    names = approval.named(approved_by)
    good, refused = check(conn, desk, type, records, now, rows, region)
    if good:
        approval.require(desk.sheet(type), names)
    groups: list[_Group] = []
    for at in range(0, len(good), batch):
        groups += _of_a_size(good[at : at + batch])
    for large in [group for group in groups if len(group) == 1 and _bytes(group) > MAX_DATA]:
        groups.remove(large)
        index, params = large[0][0], {"got": _bytes(large), "most": MAX_DATA}
        place = rows[index] if rows is not None else None
        refused.append(RefusedRow(index, place, "record.too_large", "", params))
    first = sequences.next_sequences(conn, desk.gateway, len(groups), member=desk.member)
    made: list[OutboxRow] = []
    batched: list[Batched] = []
    for offset, group in enumerate(groups):
        indexes = [index for index, _ in group]
        row = build(
            conn,
            desk,
            type,
            [record for _, record in group],
            now,
            sequence=first + offset,
            region=region,
            inreplyto=inreplyto,
            approvedby=names,
        )
        row.rows = [rows[index] for index in indexes] if rows is not None else None
        made.append(row)
        batched.append(Batched(row.id, indexes))
    outbox.add_many(conn, made)
    return Submission(batched, refused)


def _of_a_size(group: _Group) -> list[_Group]:
    """The group, in as many parts as it takes for each to fit into one message."""
    if len(group) == 1 or _bytes(group) <= MAX_DATA:
        return [group]
    half = len(group) // 2
    return [*_of_a_size(group[:half]), *_of_a_size(group[half:])]


def _bytes(group: _Group) -> int:
    return len(msgspec.json.encode([record for _, record in group]))


def build(
    conn: Connection,
    desk: Desk,
    type: str,
    records: list[dict[str, Any]],
    now: datetime,
    *,
    sequence: int,
    region: str | None = None,
    inreplyto: str | None = None,
    approvedby: tuple[str, ...] = (),
) -> OutboxRow:
    """One signed message as a row of the outbox, due at once."""
    jws, message_id = signed(
        desk,
        type,
        records,
        now,
        sequence=sequence,
        region=region,
        inreplyto=inreplyto,
        approvedby=approvedby,
    )
    sealed = desk.vault.seal(conn, type, now.date(), jws, message_id.encode())
    return OutboxRow(
        id=message_id,
        member=desk.member,
        sequence=sequence,
        type=type,
        created_at=now,
        key_id=sealed.key_id,
        body=sealed.blob,
        digest=hashlib.sha256(jws).digest(),
        records=len(records),
        notice=type.startswith("sys."),
        tracked=True,
        next_at=now,
    )


def signed(
    desk: Desk,
    type: str,
    records: list[dict[str, Any]],
    now: datetime,
    *,
    sequence: int | None = None,
    region: str | None = None,
    inreplyto: str | None = None,
    approvedby: tuple[str, ...] = (),
) -> tuple[bytes, str]:
    """The member's JWS over one message to the gateway, and the message's id."""
    message_id = desk.new_id()
    payload = message.encode(
        Message(
            id=message_id,
            source=desk.member,
            type=type,
            time=now,
            recipient=desk.gateway,
            data=records,
            sequence=sequence,
            region=region,
            purpose=desk.sheet(type).purpose,
            inreplyto=inreplyto,
            approvedby=approvedby,
        )
    )
    return signing.sign(payload, desk.signer, signing.TYP_MESSAGE), message_id


def kept(conn: Connection, desk: Desk, row: OutboxRow) -> bytes:
    """The member's JWS in a row of the outbox."""
    assert row.key_id is not None and row.body is not None
    return desk.vault.open(conn, row.key_id, row.body, row.id.encode())


def records(conn: Connection, desk: Desk, row: OutboxRow) -> tuple[dict[str, Any], ...]:
    """What a message of the member's own said. Its body must still be there."""
    return tuple(message.decode(signing.payload_unverified(kept(conn, desk, row))).data)


def sign_anew(conn: Connection, desk: Desk, row: OutboxRow, number: int, now: datetime) -> str:
    """Send the records of a message once more under `number`, signed now with the newest key;
    the new message's id.

    It is needed when an edge lost its database and began to count from 1 again, and when a key
    ran out while its messages waited.
    """
    old = message.decode(signing.payload_unverified(kept(conn, desk, row)))
    fresh = build(
        conn,
        desk,
        old.type,
        old.data,
        now,
        sequence=number,
        region=old.region,
        inreplyto=old.inreplyto,
        approvedby=old.approvedby,
    )
    fresh.rows = row.rows
    outbox.add_many(conn, [fresh])
    return fresh.id
