"""Deliveries that go out once more, and those that nobody is there to take.

Rules:
- what goes out again is what was kept, byte for byte, as long as its signature counts. Once the
  key it was signed with has run out or was revoked, it is signed anew: the same message under the
  same id and number, with a new time. While no receipt is there the new bytes take the old ones'
  place, with an entry of their own in the ledger, and only a receipt for them is taken;
- a delivery that was receipted keeps the bytes that its receipt names: a recipient that lost its
  inbox gets a copy signed now, and nothing changes in the books;
- an open delivery to a member that is suspended, has left or lost the role becomes a dead letter:
  its body must not be kept for ever. `dead retry` sends it once the member is back.

    outbound = send_again(conn, ground, rows, now)
    more = set_aside_absent(conn, ground, effects, now)
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from jdgate.core import leaves, message, signing
from jdgate.core.message import show_time
from jdgate.core.resending import resend_wait
from jdgate.errors import Refused
from jdgate.gateway.compose import Outbound
from jdgate.gateway.effects import UNDELIVERABLE, Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.store import dead, deliveries, ledger
from jdgate.store.dead import DeadRow
from jdgate.store.deliveries import DeliveryRow

log = logging.getLogger(__name__)

ERASED = "books.erased"
AT_ONCE = 500
"""Deliveries set aside in one transaction."""
_ABSENT = {
    "suspended": "delivery.member_suspended",
    "left": "delivery.member_left",
    "active": "delivery.role_gone",
}


def send_again(
    conn: Connection, ground: Ground, rows: Sequence[DeliveryRow], now: datetime
) -> list[Outbound]:
    """The signed messages of these deliveries again, each counted as one more attempt.

    One whose body was shredded can't be sent: books restored from an older copy may still call it
    open. It becomes a dead letter.
    """
    waits: dict[timedelta, list[str]] = defaultdict(list)
    for row in rows:
        waits[resend_wait(row.attempts)].append(row.id)
    for wait, ids in waits.items():
        deliveries.mark_sent(conn, ids, now + wait)
    again = reopened(conn, ground, rows, now)
    sent = {each.id for each in again}
    lost = [row for row in rows if row.state == deliveries.OPEN and row.id not in sent]
    give_up(conn, lost, ERASED, now, lambda row: {"key": row.key_id or "-"})
    return again


def counts(ground: Ground, jws: bytes, now: datetime) -> bool:
    """Whether its readers still accept our signature on this, or a new one would be no better."""
    kid, newest = signing.peek(jws).kid, ground.keys.signer.kid
    return kid == newest or ground.counts(kid, now) or not ground.counts(newest, now)


def signed_now(ground: Ground, jws: bytes, now: datetime) -> bytes:
    """The same message with the time and the key of today."""
    said = message.decode(signing.payload_unverified(jws))
    payload = message.encode(msgspec.structs.replace(said, time=now))
    return signing.sign(payload, ground.keys.signer, signing.TYP_MESSAGE)


def reopened(
    conn: Connection, ground: Ground, rows: Iterable[DeliveryRow], now: datetime
) -> list[Outbound]:
    """The signed messages of these deliveries once more, those whose body is kept."""
    again = []
    for row in rows:
        jws = kept(conn, ground, row)
        if jws is None:
            continue
        if not counts(ground, jws, now):
            jws = signed_now(ground, jws, now)
            if row.state != deliveries.DELIVERED:
                _replace(conn, ground, row, jws, now)
        digest, attempt = hashlib.sha256(jws).digest(), row.attempts + 1
        again.append(Outbound(row.id, row.recipient, row.type, jws, digest, True, attempt))
    return again


def kept(conn: Connection, ground: Ground, row: DeliveryRow) -> bytes | None:
    """The signed message of a delivery; None when it was erased or is spoilt."""
    if row.key_id is None or row.body is None:
        return None
    try:
        return ground.vault.open(conn, row.key_id, row.body, row.id.encode())
    except Refused as reason:
        # neither may keep the others from being sent
        log.warning("a delivery to %s can't be sent again: %s", row.recipient, reason)
        return None


def _replace(conn: Connection, ground: Ground, row: DeliveryRow, jws: bytes, now: datetime) -> None:
    """Keep the message as it is signed now, and write down that this is what goes out."""
    written = [leaf for leaf in ledger.find(conn, row.id) if leaf.kind == "disclosed"]
    before = leaves.decode(written[-1].body)
    assert isinstance(before, leaves.DisclosedLeaf)
    salt = ground.salt()
    leaf = msgspec.structs.replace(
        before,
        at=show_time(now),
        directory=ground.version,
        commitment=leaves.commitment(salt, jws),
    )
    place = ledger.append(conn, [(leaves.encode(leaf), salt)])
    # under the key of the day it was made: that is the day on which retention looks for it
    sealed = ground.vault.seal(conn, row.type, row.created_at.date(), jws, row.id.encode())
    digest = hashlib.sha256(jws).digest()
    deliveries.replace(conn, row.id, digest, sealed.key_id, sealed.blob, place)


def give_up(
    conn: Connection,
    rows: Sequence[DeliveryRow],
    code: str,
    now: datetime,
    params: Callable[[DeliveryRow], dict[str, object]],
) -> None:
    """No more tries for these: a dead letter for each, which says why."""
    deliveries.give_up(conn, [row.id for row in rows], code)
    letters = [
        DeadRow(
            id=row.id,
            direction="out",
            member=row.recipient,
            type=row.type,
            code=code,
            params=params(row),
            at=now,
            attempts=row.attempts,
        )
        for row in rows
    ]
    dead.add(conn, letters)


def absence(ground: Ground, member_id: str, role: str | None) -> str | None:
    """Why a member can't be sent anything in this role just now, as a text code; None: it can."""
    member = ground.trust.members.get(member_id)
    if member is None:
        return _ABSENT["left"]
    if member.status == "active" and (not role or role in member.roles):
        return None
    return _ABSENT[member.status]


def set_aside_absent(conn: Connection, ground: Ground, effects: Effects, now: datetime) -> bool:
    """Give up on deliveries to members that are not there, and tell the authority of each such
    member; take that back when it is. Whether there are more."""
    room = AT_ONCE
    away = set()
    for recipient, role in sorted(deliveries.open_desks(conn)):
        code = absence(ground, recipient, role)
        if code is None or room <= 0:
            continue
        rows = deliveries.open_of(conn, recipient, role, room)
        give_up(conn, rows, code, now, lambda row: {"member": row.recipient})
        room -= len(rows)
        if recipient not in away:
            away.add(recipient)
            params = {"member": recipient}
            cause = f"recipient:{recipient}"
            effects.tell_authority(UNDELIVERABLE, cause, "alert.recipient_away", params)
            effects.notices.append(Notice("story.recipient_away", {"to": recipient}))
    for member in ground.trust.active():
        if member.id not in away:
            effects.settle_own(f"recipient:{member.id}")
    return room <= 0
