"""The gateway's other door: for a member that signs with its own key and comes without the bus.

Its system hands in finished messages where the gateway runs (the HTTP API), and fetches what the
gateway owes it. Nothing is judged here, and no private key but the gateway's own is needed:

- what is handed in is sealed to the gateway as its sender would have sealed it, and goes the way
  of what the bus brings; the subject that the bus would have let it publish to is the member that
  the system's token is of. So a message of another member is refused and recorded alike;
- the signed receipt is the answer, not a message for the mailbox. The same bytes again get the
  same receipt;
- what the member is owed comes from the books, byte for byte as on the bus: signed by the gateway,
  sealed to the member. It stays open until the member's own signed receipt is handed in;
- its mailbox on the bus is emptied meanwhile: what nobody reads must not fill the bus.

    answer = await hand_in(gateway, "cln-09", jws)
    for sealed in await mailbox(gateway, "cln-09", 20): …
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.bus.port import Outgoing
from jdgate.core import message, signing
from jdgate.core.admission import Arrival
from jdgate.core.message import MESSAGE_ID
from jdgate.core.sealing import SealingKey, context, seal
from jdgate.errors import Refused, TransportFailed
from jdgate.gateway import redelivery
from jdgate.gateway.answers import RECEIPT
from jdgate.gateway.compose import Outbound
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.pipeline import Processed
from jdgate.store import deliveries, receipts, sequences
from jdgate.store import messages as judged

PATIENCE_S = 20.0
"""Seconds a caller waits for the books. The message is judged in any case, and asked again it is
answered."""
MOST_RANGES = 50


class Answer(msgspec.Struct, frozen=True):
    """What was said of a message: the receipt's record, and the receipt itself (a JWS). Neither is
    there for an accepted message that is not receipted, itself a receipt for instance."""

    id: str
    record: dict[str, Any] | None
    receipt: bytes | None


class Position(msgspec.Struct, frozen=True):
    """Where a member stands: its next number, the ranges that never came, what it is owed."""

    next_sequence: int
    missing: list[tuple[int, int]]
    waiting: int


class _Claim(msgspec.Struct):
    id: str


async def hand_in(gateway: Gateway, member: str, jws: bytes) -> Answer:
    """Have a message judged that a system of `member` brought.

    Raises:
        TransportFailed: `web.busy` when the books take long; `admission.held` when our own code
            broke on it: it is kept whole then.
        Refused: `key.none_to_seal`.
    """
    # judged and sent on whatever becomes of the caller
    judging = gateway.errand(_judge(gateway, member, jws))
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await asyncio.shield(judging)
    except TimeoutError:
        raise TransportFailed("web.busy") from None


async def _judge(gateway: Gateway, member: str, jws: bytes) -> Answer:
    ground, now = gateway.ground, gateway.clock.now()
    id = claimed_id(jws) or ground.new_id()
    key = ground.trust.sealing_key(ground.me, now)
    body = seal(jws, key, context(member, ground.me, id))
    processed = await gateway.hand_in(Arrival(member, id, key.kid, body, now))
    own = [one for one in processed.outbound if _is_answer(one, member)]
    await gateway.send([one for one in processed.outbound if not _is_answer(one, member)])
    gateway.tell(processed.notices)
    if _was_held(processed):
        raise TransportFailed("admission.held")
    if not own:
        return Answer(id, None, None)
    return Answer(id, _record(own[0].jws, id), own[0].jws)


def _is_answer(one: Outbound, member: str) -> bool:
    return one.recipient == member and one.type == RECEIPT


def _was_held(processed: Processed) -> bool:
    return any(notice.code == "story.held" for notice in processed.notices)


def _record(receipt: bytes, id: str) -> dict[str, Any] | None:
    """What a receipt of ours says of one of the messages it speaks of."""
    said = message.decode(signing.payload_unverified(receipt)).data
    return next((record for record in said if record["message_id"] == id), None)


def claimed_id(jws: bytes) -> str | None:
    """The id that a message says it has, when it may be one."""
    try:
        claim = msgspec.json.decode(signing.payload_unverified(jws), type=_Claim)
    except (Refused, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return claim.id if MESSAGE_ID.fullmatch(claim.id) else None


async def outcome(
    gateway: Gateway, member: str, id: str
) -> tuple[judged.MessageRow, Answer] | None:
    """What was said of a message that a member sent before, whichever way it came."""

    def read(conn: Connection) -> tuple[judged.MessageRow, Answer] | None:
        row = judged.get(conn, id)
        if row is None or row.source != member:
            return None
        kept = receipts.get_many(conn, [row.receipt_id]) if row.receipt_id else {}
        jws = kept.get(row.receipt_id or "")
        return row, Answer(id, _record(jws, row.claimed_id or id) if jws else None, jws)

    return await gateway.run(read)


async def mailbox(
    gateway: Gateway, member: str, limit: int, after: int = 0
) -> list[tuple[int, Outgoing]]:
    """What a member is owed and has not receipted, by number, above `after`; sealed to it.

    Raises:
        Refused: `key.none_to_seal`. TransportFailed: `books.…`.
    """
    ground, now = gateway.ground, gateway.clock.now()
    key = ground.trust.sealing_key(member, now)

    def read(conn: Connection) -> list[tuple[int, Outgoing]]:
        rows = deliveries.open_to(conn, member, limit, after)
        number = {row.id: row.sequence or 0 for row in rows}
        return [
            (number[one.id], _sealed(ground.me, key, one))
            for one in redelivery.reopened(conn, ground, rows, now)
        ]

    return await gateway.run(read)


def _sealed(me: str, key: SealingKey, one: Outbound) -> Outgoing:
    body = seal(one.jws, key, context(me, one.recipient, one.id))
    return Outgoing(member=one.recipient, id=one.id, msg_id=one.id, kid=key.kid, body=body)


async def number_of(gateway: Gateway, member: str, id: str) -> int:
    """The number of something a member was sent; 0 when it is not its."""
    row = await gateway.run(lambda conn: deliveries.get(conn, id))
    return (row.sequence or 0) if row is not None and row.recipient == member else 0


async def position(gateway: Gateway, member: str) -> Position:
    """Where a member stands."""

    def read(conn: Connection) -> Position:
        return Position(
            sequences.position(conn, member).highest + 1,
            sequences.missing(conn, member, MOST_RANGES),
            deliveries.counts(conn).get(member, 0),
        )

    return await gateway.run(read)


async def empty_mailbox(gateway: Gateway, member: str) -> None:
    """Throw away the copies on the bus of what is fetched here; a bus that is away has time."""
    with contextlib.suppress(TransportFailed):
        await gateway.bus.clear(member)
