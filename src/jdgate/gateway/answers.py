"""What the gateway says back: a signed receipt for every message, one receipt message per sender.

A receipt names the message, the digest of the bytes that were judged, the verdict, and for each
refused record its index, reason and place. It is kept, so that the same message sent again gets
the very same answer.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core.admission import Verdict
from jdgate.core.encoding import b64u
from jdgate.errors import Refused
from jdgate.gateway import redelivery
from jdgate.gateway.compose import Outbound, Plan, sign_plan
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.gateway.past import PastView
from jdgate.store import receipts as kept
from jdgate.store.messages import MessageRow

RECEIPT = "sys.receipt.v1"
MAX_KEPT_UNOPENED = 65_536
"""Bytes of a body that could not be opened that are kept for inspection."""
MAX_FAULTS = 1_000
"""Refused records that one receipt message speaks of at most, unless one message has more."""


class Entry(msgspec.Struct):
    """A judged message on its way into the books. `leaf` is its place in the ledger."""

    verdict: Verdict
    row_id: str
    leaf: int | None = None


def enter(ground: Ground, verdicts: Iterable[Verdict], past: PastView) -> list[Entry]:
    """An entry for every verdict but duplicates.

    A message that could not be opened, that was not proven to be its sender's, or that used
    another's id, is kept under an id of our own: what an envelope claims must not occupy a real
    message's place.
    """
    taken: set[str] = set()
    entries = []
    for verdict in verdicts:
        if verdict.outcome == "duplicate":
            continue
        own = verdict.opened.message.id if verdict.opened and verdict.proven else None
        if own is None or own in taken or past.was_known(own):
            own = ground.new_id()
        taken.add(own)
        entries.append(Entry(verdict, own))
    return entries


def plain(params: Mapping[str, object]) -> dict[str, Any]:
    """Parameters of a text as a receipt may carry them: short and of JSON's own kinds."""
    return {name: _plain(value) for name, value in params.items()}


def _plain(value: object) -> Any:
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return str(value)[:256]


def message_row(conn: Connection, ground: Ground, entry: Entry, now: datetime) -> MessageRow:
    """The row of a judged message, its body sealed."""
    verdict, opened, arrival = entry.verdict, entry.verdict.opened, entry.verdict.arrival
    if opened is None:
        kept_bytes = arrival.body if len(arrival.body) <= MAX_KEPT_UNOPENED else b""
        sealed = ground.vault.seal(
            conn, "sys.unopened", now.date(), kept_bytes, entry.row_id.encode()
        )
        return MessageRow(
            id=entry.row_id,
            claimed_id=arrival.id[:64],
            source=arrival.member,
            type="",
            sent_at=now,
            received_at=now,
            verdict="refused",
            code=verdict.reason.code if verdict.reason else None,
            records=0,
            accepted=0,
            digest=hashlib.sha256(arrival.body).digest(),
            key_id=sealed.key_id,
            body=sealed.blob,
            leaf_index=entry.leaf,
        )
    message = opened.message
    sealed = ground.vault.seal(conn, message.type, now.date(), opened.jws, entry.row_id.encode())
    return MessageRow(
        id=entry.row_id,
        claimed_id=None if entry.row_id == message.id else message.id,
        source=arrival.member,
        type=message.type,
        sequence=message.sequence,
        region=message.region,
        sent_at=message.time,
        received_at=now,
        verdict=verdict.outcome,
        code=verdict.reason.code if verdict.reason else None,
        records=len(message.data),
        accepted=len(verdict.accepted),
        digest=opened.digest,
        key_id=sealed.key_id,
        body=sealed.blob,
        leaf_index=entry.leaf,
    )


def _record(entry: Entry) -> dict[str, Any]:
    """What a receipt says of one message."""
    verdict = entry.verdict
    opened = verdict.opened
    record: dict[str, Any] = {
        "message_id": opened.message.id if opened else verdict.arrival.id[:64] or entry.row_id,
        "verdict": verdict.outcome,
        "accepted": len(verdict.accepted),
    }
    if opened is not None:
        record["digest"] = b64u(opened.digest)
    if entry.leaf is not None:
        record["leaf"] = entry.leaf
    if verdict.reason is not None:
        record["code"] = verdict.reason.code
        record["params"] = plain(verdict.reason.params)
    if verdict.faults:
        record["refused"] = [
            {"index": i, "code": fault.code, "path": fault.path, "params": plain(fault.params)}
            for i, faults in sorted(verdict.faults.items())
            for fault in faults[:4]
        ]
    return record


def receipts(
    conn: Connection,
    ground: Ground,
    entries: Sequence[Entry],
    rows: dict[str, MessageRow],
    duplicates: Sequence[Verdict],
    past: PastView,
    now: datetime,
) -> list[Outbound]:
    """Receipts for this group, kept in the books; and those given before, for duplicates."""
    by_sender: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.row_id in rows and entry.verdict.arrival.member in ground.trust.members:
            by_sender[entry.verdict.arrival.member].append(entry)
    outbound = []
    for sender, own in by_sender.items():
        for group in _portions(own):
            plan = Plan(
                id=ground.new_id(),
                recipient=sender,
                type=RECEIPT,
                records=[_record(entry) for entry in group],
            )
            made = sign_plan(ground, plan, None, now)
            kept.add(conn, made.id, sender, made.jws, now)
            for entry in group:
                rows[entry.row_id].receipt_id = made.id
            outbound.append(made)
    return [*outbound, *_again(conn, ground, duplicates, past, now)]


def _portions(entries: list[Entry]) -> Iterable[list[Entry]]:
    portion: list[Entry] = []
    faults = 0
    for entry in entries:
        more = sum(min(len(found), 4) for found in entry.verdict.faults.values())
        if portion and (faults + more > MAX_FAULTS or len(portion) >= 200):
            yield portion
            portion, faults = [], 0
        portion.append(entry)
        faults += more
    if portion:
        yield portion


def _again(
    conn: Connection,
    ground: Ground,
    duplicates: Sequence[Verdict],
    past: PastView,
    now: datetime,
) -> list[Outbound]:
    """The receipts of messages that were judged before this group, as they were given; signed
    anew where the key has run out since, or the sender would ask for ever."""
    wanted: dict[str, str] = {}
    for verdict in duplicates:
        assert verdict.opened is not None
        receipt_id = past.receipt_of(verdict.opened.message.id)
        if receipt_id is not None:
            wanted[receipt_id] = verdict.arrival.member
    found = {
        id_: jws if redelivery.counts(ground, jws, now) else redelivery.signed_now(ground, jws, now)
        for id_, jws in kept.get_many(conn, wanted).items()
    }
    return [
        # a new attempt number each time: the bus would drop the same Nats-Msg-Id as a repeat
        Outbound(id_, wanted[id_], RECEIPT, jws, hashlib.sha256(jws).digest(), False, attempt)
        for attempt, (id_, jws) in enumerate(found.items(), start=_attempt_base(duplicates))
    ]


def _attempt_base(duplicates: Sequence[Verdict]) -> int:
    """A number that differs between repeats: taken from the time of arrival, in ms."""
    return int(duplicates[0].arrival.at.timestamp() * 1000) if duplicates else 0


def notice(ground: Ground, entry: Entry) -> Notice | None:
    """What is told of a judged message; nothing of receipts and the like that were let in."""
    verdict = entry.verdict
    opened = verdict.opened
    who = verdict.arrival.member
    if verdict.outcome == "refused":
        reason = verdict.reason or Refused("admission.no_record_left", records=0)
        params = {
            "from": who,
            "type": opened.message.type if opened else "?",
            "reason_code": reason.code,
            "reason_params": plain(reason.params),
        }
        return Notice("story.refused", params)
    assert opened is not None
    if not ground.catalogue.sheets[opened.message.type].tracked:
        return None
    told: dict[str, Any] = {
        "from": who,
        "type": opened.message.type,
        "records": len(opened.message.data),
        "accepted": len(verdict.accepted),
        "refused": len(verdict.faults),
    }
    return Notice("story.part" if verdict.faults else "story.accepted", told)
