"""Messages about the exchange itself: receipts of deliveries, requests to send again, decisions
on drafts, steps of alerts, looks at records, acts of operators. They change the books and reach no
other member.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Opened, Verdict
from jdgate.core.encoding import b64u
from jdgate.core.message import show_time
from jdgate.core.resending import AT_ONCE, merged
from jdgate.core.rules import Failure
from jdgate.gateway import acting, redelivery
from jdgate.gateway.effects import GAP, UNDELIVERABLE, Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.gateway.past import counts
from jdgate.store import dead, deliveries, drafts, receipts, sequences
from jdgate.store.dead import DeadRow
from jdgate.store.deliveries import DeliveryRow

RULE_FAILED = "rule.failed"


def take(
    conn: Connection, ground: Ground, verdict: Verdict, effects: Effects, now: datetime
) -> None:
    """Carry out an accepted message about the exchange; others only settle a draft of their sender,
    if they answer one."""
    opened = verdict.opened
    assert opened is not None
    handler = _HANDLERS.get(opened.message.type)
    if handler is not None:
        records = [opened.message.data[index] for index in verdict.accepted]
        handler(conn, ground, opened, records, effects, now)
    elif opened.message.inreplyto is not None:
        _draft_sent(conn, opened, effects)


def _receipt(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """A recipient says what became of deliveries. Only its own, and only for these very bytes."""
    source = opened.message.source
    said = {record["message_id"]: record for record in records}
    open_rows = {
        row.id: row
        for row in deliveries.unreceipted(conn, list(said))
        if row.recipient == source and said[row.id].get("digest") == b64u(row.digest)
    }
    if not open_rows:
        return
    receipts.add(conn, opened.message.id, source, opened.jws, now)
    taken = [row for row in open_rows.values() if said[row.id]["verdict"] == "delivered"]
    deliveries.close_many(conn, [row.id for row in taken], opened.message.id, now)
    for row in taken:
        effects.leaves.append(_delivered_leaf(ground, row, opened, "delivered", now))
        if row.alert_id is not None:
            effects.alerts.delivered(row.alert_id, row.id)
        if not row.type.startswith("sys."):
            effects.notices.append(
                Notice("story.delivered", {"type": row.type, "to": row.recipient})
            )
    for row in open_rows.values():
        record = said[row.id]
        if record["verdict"] == "failed" and row.state == deliveries.OPEN:
            code = record.get("code", "delivery.failed")
            _failed(conn, row, code, record.get("params", {}), effects, now)
            effects.leaves.append(_delivered_leaf(ground, row, opened, "failed", now))


def _delivered_leaf(
    ground: Ground, row: DeliveryRow, opened: Opened, verdict: str, now: datetime
) -> tuple[bytes, bytes]:
    salt = ground.salt()
    leaf = leaves.DeliveredLeaf(
        id=row.id,
        at=show_time(now),
        message=row.message_id or row.id,
        recipient=row.recipient,
        verdict=verdict,
        directory=ground.version,
        commitment=leaves.commitment(salt, opened.jws),
    )
    return leaves.encode(leaf), salt


def _failed(
    conn: Connection,
    row: DeliveryRow,
    code: str,
    params: dict[str, Any],
    effects: Effects,
    now: datetime,
) -> None:
    """The recipient's system can't take it: no more tries, a dead letter, the authority knows."""
    redelivery.give_up(conn, [row], code, now, lambda _: params)
    params = {"to": row.recipient, "type": row.type, "delivery": row.id}
    effects.tell_authority(UNDELIVERABLE, f"delivery:{row.id}", "alert.delivery_failed", params)


def _resend(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """A recipient misses numbers: what is still open is sent at once, whatever its mailbox holds.

    What it receipted before is sent again too, under its old id, while its body is kept: it asks
    because it lost its own database. Of numbers whose messages were refused it says that nothing
    will come: they are waited for no longer.
    """
    room, source = AT_ONCE, opened.message.source
    gone = merged((one["first"], one["last"]) for one in records if one.get("void"))
    for first, last in gone:
        sequences.void(conn, source, first, last, now)
    where = sequences.position(conn, source)
    if gone and where.contiguous == where.highest:
        effects.settle_own(f"{GAP}:{source}")
    for first, last in merged(
        (one["first"], one["last"]) for one in records if not one.get("void")
    ):
        rows = deliveries.wanted(conn, source, first, last, limit=room)
        room -= len(rows)
        effects.outbound += redelivery.send_again(conn, ground, rows, now)


def _decision(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """A named person decided a draft of their own member."""
    for record in records:
        row = drafts.get(conn, record["draft_id"])
        if row is None or row.owner != opened.message.source:
            continue
        decision = record["decision"]
        # the reason's words stay in the signed decision, which is kept sealed
        if not drafts.decide(conn, row.id, decision, by=record["by"], reason=None, at=now):
            continue
        salt = ground.salt()
        leaf = leaves.DecidedLeaf(
            id=row.id,
            at=show_time(now),
            source=opened.message.source,
            decision=decision,
            directory=ground.version,
            commitment=leaves.commitment(salt, opened.jws),
            message=opened.message.id,
        )
        effects.leaves.append((leaves.encode(leaf), salt))
        effects.notices.append(
            Notice(f"story.draft_{decision}", {"type": row.type, "by": opened.message.source})
        )


def _alert_step(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """A desk reports what its people did about an alert."""
    for record in records:
        effects.alerts.step(opened.message.source, record, opened)


def _looked(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """A person at the sender's looked at records: who, at which and why, and nothing more."""
    for record in records:
        salt = ground.salt()
        leaf = leaves.LookedLeaf(
            id=record["about"],
            at=show_time(now),
            source=opened.message.source,
            operator=record["operator"],
            reason=record["reason"],
            directory=ground.version,
            commitment=leaves.commitment(salt, opened.jws),
            message=opened.message.id,
        )
        effects.leaves.append((leaves.encode(leaf), salt))


def _draft_sent(conn: Connection, opened: Opened, effects: Effects) -> None:
    message = opened.message
    assert message.inreplyto is not None
    row = drafts.get(conn, message.inreplyto)
    if row is not None and row.owner == message.source and row.type == message.type:
        drafts.follow(conn, row.id, "accepted", message.id)


def draft_refused(conn: Connection, verdict: Verdict) -> None:
    """The message of an approved draft is refused: its owner decides again."""
    opened = verdict.opened
    if opened is None or verdict.outcome != "refused" or not counts(verdict):
        return
    if opened.message.inreplyto is not None:
        drafts.reopen(conn, opened.message.inreplyto, opened.message.source)


def keep_failure(conn: Connection, failure: Failure, now: datetime) -> None:
    """A rule broke on accepted records: kept, so that they can be put to it again.

    The letter names messages, whose bodies stay in the books for their retention.
    """
    for message_id in dict.fromkeys(fact.message_id for fact in failure.facts):
        fact = next(fact for fact in failure.facts if fact.message_id == message_id)
        letter = DeadRow(
            id=f"{message_id}.{failure.rule}",
            direction="in",
            member=fact.source,
            type=fact.type,
            code=RULE_FAILED,
            params={"rule": failure.rule, "error": failure.error, "message": message_id},
            at=now,
            attempts=1,
        )
        dead.add(conn, [letter])


_Handler = Callable[[Connection, Ground, Opened, list[dict[str, Any]], Effects, datetime], None]
_HANDLERS: dict[str, _Handler] = {
    "sys.receipt.v1": _receipt,
    "sys.resend.v1": _resend,
    "sys.draft.decision.v1": _decision,
    "sys.alert.step.v1": _alert_step,
    "sys.record.looked.v1": _looked,
    "sys.operator.acted.v1": acting.take,
}
