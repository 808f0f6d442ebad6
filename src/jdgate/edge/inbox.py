"""Receiving: what came for a member is opened, proven, kept once, and answered.

Only what the gateway sealed to this member and signed is believed. Receipts close the outbox,
checkpoints are witnessed, drafts wait for a person, and everything else is put into the inbox
once, whatever its number of copies. The answer (a signed receipt) is made after the transaction
that keeps the message, never before.

    taken = take(conn, desk, arrivals, now, sinks={"mmt.dropout.notice.v1"})
    taken.receipts            # records of the receipt message to send now
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import approval, checkpoints, signing
from jdgate.core.admission import Arrival, Opened, check_envelope, open_arrival
from jdgate.core.directory import Directory, accept
from jdgate.core.encoding import b64u
from jdgate.core.message import Message, decode
from jdgate.core.resending import AT_ONCE, merged
from jdgate.core.schema import check_records
from jdgate.core.sealed_fields import open_records
from jdgate.core.signing import TYP_MESSAGE
from jdgate.edge import correcting, judged
from jdgate.edge.desk import Desk
from jdgate.edge.judged import Answered
from jdgate.errors import Refused
from jdgate.store import alert_box, directories, draft_box, inbox, looks, outbox, sequences, witness
from jdgate.store.alert_box import AlertBoxRow
from jdgate.store.draft_box import DraftBoxRow
from jdgate.store.inbox import InboxRow
from jdgate.store.witness import WitnessRow

log = logging.getLogger(__name__)


class Taken(msgspec.Struct):
    """What a group of arrivals led to; told to others only after the commit."""

    receipts: list[dict[str, Any]] = []
    answered: list[Answered] = []
    fresh: list[InboxRow] = []
    drafts: list[str] = []
    resend: bool = False
    void: list[dict[str, Any]] = []
    directory: Directory | None = None
    warnings: list[Refused] = []


def take(
    conn: Connection,
    desk: Desk,
    arrivals: Sequence[Arrival],
    now: datetime,
    sinks: Collection[str],
) -> Taken:
    """Process what the mailbox gave, in the caller's transaction. Bad input never raises."""
    taken = Taken()
    numbers: list[int] = []
    kept: list[tuple[Opened, InboxRow]] = []
    for arrival in arrivals:
        opened = _prove(desk, arrival)
        if isinstance(opened, Refused):
            taken.warnings.append(opened)
            continue
        message = opened.message
        if message.sequence is not None:
            numbers.append(message.sequence)
        handler = _HANDLERS.get(message.type)
        if handler is not None:
            handler(conn, desk, opened, now, taken)
        else:
            kept.append((opened, _row(conn, desk, opened, now, sinks)))
        if handler is not None and message.sequence is not None:
            taken.receipts.append(delivered(opened.message.id, opened.digest))
    _keep(conn, desk, kept, now, taken)
    for opened, _ in kept:
        correcting.heard(conn, desk.member, opened.message, now)
    if numbers:
        sequences.note(conn, desk.gateway, numbers, now, member=desk.member)
    return taken


def delivered(message_id: str, digest: bytes) -> dict[str, Any]:
    """What a receipt says of a delivery that is safely here."""
    return {"message_id": message_id, "digest": b64u(digest), "verdict": "delivered"}


def _prove(desk: Desk, arrival: Arrival) -> Opened | Refused:
    gateway = desk.gateway
    opened = open_arrival(arrival, desk.trust, desk.keys, sender=gateway)
    if isinstance(opened, Refused):
        return opened
    try:
        check_envelope(opened, arrival, desk.trust, desk.member, gateway)
        sheet = desk.sheet(opened.message.type)
        if opened.message.type.startswith("sys."):
            faults = check_records(desk.catalogue.validator(sheet.type), sheet, opened.message.data)
            if faults:
                raise Refused("edge.malformed", type=sheet.type)
    except Refused as reason:
        return reason
    return opened


def _row(
    conn: Connection, desk: Desk, opened: Opened, now: datetime, sinks: Collection[str]
) -> InboxRow:
    message = opened.message
    sealed = desk.vault.seal(conn, message.type, now.date(), opened.jws, message.id.encode())
    return InboxRow(
        member=desk.member,
        id=message.id,
        source=message.source,
        origin=message.origin,
        type=message.type,
        sequence=message.sequence,
        received_at=now,
        next_at=now,
        key_id=sealed.key_id,
        body=sealed.blob,
        # without an adapter the inbox itself is where the message was to go
        state=inbox.RECEIVED if message.type in sinks else inbox.DONE,
        receipt_at=None if message.type in sinks else now,
    )


def _keep(
    conn: Connection,
    desk: Desk,
    kept: Sequence[tuple[Opened, InboxRow]],
    now: datetime,
    taken: Taken,
) -> None:
    """Insert what is new; answer for all that is safely here, also for what came again.

    An id that comes with other content is not answered for: the receipt would prove the delivery
    of bytes that were never kept. The same message signed anew, because the gateway's key had run
    out, takes the place of what was kept.
    """
    first: dict[str, tuple[Opened, InboxRow]] = {}
    for opened, row in kept:
        first.setdefault(row.id, (opened, row))
    new = inbox.add_many(conn, [row for _, row in first.values()])
    taken.fresh += [row for _, row in first.values() if (row.member, row.id) in new]
    same = []
    for opened, row in kept:
        is_new = (row.member, row.id) in new
        if (first[row.id][0].digest if is_new else _kept(conn, desk, row.id)) == opened.digest:
            same.append((opened, row))
            continue
        before = _kept_message(conn, desk, row.id)
        if before is None or _signed_anew(before, opened.message) != opened.message:
            taken.warnings.append(Refused("edge.other_content", type=row.type))
        elif before.time < opened.message.time:  # never back to what an older key signed
            inbox.replace(conn, row)
            same.append((opened, row))
    known = [row.id for _, row in same if (row.member, row.id) not in new]
    done_before = inbox.done(conn, desk.member, known)
    # what its system refused comes again only when a person at the gateway asked for it
    inbox.retry(conn, desk.member, known, now)
    for opened, row in same:
        if row.state == inbox.DONE or row.id in done_before:
            taken.receipts.append(delivered(row.id, opened.digest))


def _kept_jws(conn: Connection, desk: Desk, message_id: str) -> bytes | None:
    """What is kept under this id, if it still can be read."""
    row = inbox.get(conn, desk.member, message_id)
    if row is None or row.key_id is None or row.body is None:
        return None
    try:
        return desk.vault.open(conn, row.key_id, row.body, row.id.encode())
    except Refused:
        return None


def _kept(conn: Connection, desk: Desk, message_id: str) -> bytes | None:
    """Its digest."""
    jws = _kept_jws(conn, desk, message_id)
    return None if jws is None else hashlib.sha256(jws).digest()


def _kept_message(conn: Connection, desk: Desk, message_id: str) -> Message | None:
    jws = _kept_jws(conn, desk, message_id)
    return None if jws is None else decode(signing.payload_unverified(jws))


def _signed_anew(before: Message, now: Message) -> Message:
    """What `before` would be, signed when `now` was."""
    return msgspec.structs.replace(before, time=now.time)


def _receipt(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    answered, anew = judged.close(conn, desk, opened, now)
    taken.answered += answered
    taken.resend |= anew


def _checkpoint(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    for record in opened.message.data:
        jws = record["checkpoint"].encode()
        try:
            kid = signing.peek(jws).kid
            key = desk.trust.signing_key(kid, desk.gateway, opened.message.time, now)
            seen = checkpoints.verify(jws, key)
        except Refused as reason:
            taken.warnings.append(reason)
            continue
        row = WitnessRow(desk.member, seen.size, seen.root, jws, now)
        if not witness.keep(conn, row):
            taken.warnings.append(Refused("edge.split_view", size=seen.size))


def _directory(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    for record in opened.message.data:
        jws = record["directory"].encode()
        current = desk.trust.directory
        try:
            offered = accept(jws, current.authority, current, now)
        except Refused as reason:
            taken.warnings.append(reason)
            continue
        directories.keep_copy(conn, desk.member, offered.version, jws, now)
        if offered.version > current.version:
            taken.directory = offered


def asked(ranges: Iterable[tuple[int, int]], **more: bool) -> list[dict[str, Any]]:
    """Ranges of numbers as `sys.resend.v1` has them."""
    return [{"first": first, "last": last, **more} for first, last in ranges]


def _resend(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    """What was accepted is sent again; what was refused stays so, and will not come."""
    room, void = AT_ONCE, list[int]()
    wanted = [one for one in opened.message.data if not one.get("void")]
    for first, last in merged((one["first"], one["last"]) for one in wanted):
        room -= outbox.requeue(conn, desk.member, first, last, now, limit=room)
        void += outbox.refused_in(conn, desk.member, first, last, AT_ONCE)
    taken.void += asked(merged((number, number) for number in void), void=True)
    taken.resend = True


def _draft(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    for record in opened.message.data:
        draft_id = record["draft_id"]
        sealed = desk.vault.seal(
            conn,
            opened.message.type,
            now.date(),
            msgspec.json.encode({"prefill": record["prefill"], "params": record.get("params", {})}),
            draft_id.encode(),
        )
        row = DraftBoxRow(
            member=desk.member,
            id=draft_id,
            type=record["type"],
            rule=record["rule"],
            cause=record["cause"],
            reason_code=record["reason_code"],
            params={},
            key_id=sealed.key_id,
            prefill=sealed.blob,
            checks=record.get("checks", []),
            received_at=now,
        )
        if draft_box.add(conn, row):
            taken.drafts.append(draft_id)


def _withdrawn(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    for record in opened.message.data:
        draft_box.decide(
            conn,
            desk.member,
            record["draft_id"],
            "withdrawn",
            by=None,
            reason=record["reason_code"],
            at=now,
        )


def _alert_life(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    """How an alert stands. The alert itself comes as a message of its own, to the inbox."""
    for record in opened.message.data:
        told = {name: value for name, value in record.items() if name not in ("alert_id", "due_at")}
        due_at = record.get("due_at")
        row = AlertBoxRow(
            member=desk.member,
            id=record["alert_id"],
            due_at=datetime.fromisoformat(due_at) if due_at else None,
            told=opened.message.sequence or 0,
            received_at=now,
            **told,
        )
        alert_box.hear(conn, row)


def _resumed(conn: Connection, desk: Desk, opened: Opened, now: datetime, taken: Taken) -> None:
    """Operators who were stopped may open content again."""
    for record in opened.message.data:
        looks.lift(conn, desk.member, record["operator"])


_HANDLERS: dict[str, Callable[[Connection, Desk, Opened, datetime, Taken], None]] = {
    "sys.receipt.v1": _receipt,
    "sys.checkpoint.v1": _checkpoint,
    "sys.directory.v1": _directory,
    "sys.resend.v1": _resend,
    "sys.draft.v1": _draft,
    "sys.draft.withdrawn.v1": _withdrawn,
    "sys.alert.life.v1": _alert_life,
    "sys.looks.resumed.v1": _resumed,
}


def read_body(conn: Connection, desk: Desk, row: InboxRow) -> dict[str, Any]:
    """The message in an inbox row, as its JSON, with the fields opened that were sealed to us.

    Raises:
        Refused: `books.erased` when its retention has passed.
    """
    if row.key_id is None or row.body is None:
        raise Refused("books.erased", key=row.id)
    jws = desk.vault.open(conn, row.key_id, row.body, row.id.encode())
    key = desk.trust.claimed_key(signing.peek(jws).kid, row.source)[1]
    body: dict[str, Any] = msgspec.json.decode(signing.verify(jws, key, TYP_MESSAGE))
    sheet = desk.catalogue.sheets.get(row.type)
    if sheet is not None:
        sender = body.get("origin") or row.source
        body["data"] = open_records(sheet, body["data"], sender=sender, keys=desk.keys)
    return body


def approvers(body: dict[str, Any]) -> tuple[str, ...]:
    """Who approved a message that `read_body` gave."""
    text = body.get("approvedby")
    return approval.read(text) if text else ()


def digest(conn: Connection, desk: Desk, row: InboxRow) -> bytes:
    """SHA-256 of the JWS of an inbox row: what its receipt names."""
    assert row.key_id is not None and row.body is not None
    return hashlib.sha256(desk.vault.open(conn, row.key_id, row.body, row.id.encode())).digest()


def failed(message_id: str, digest_of_jws: bytes, code: str) -> dict[str, Any]:
    """What a receipt says of a delivery that the member's system refuses to take."""
    return {
        "message_id": message_id,
        "digest": b64u(digest_of_jws),
        "verdict": "failed",
        "code": code,
    }
