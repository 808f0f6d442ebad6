"""What the gateway owes to whom: a delivery is open until the recipient's signed receipt came.

States: `open` → `delivered` (its receipt is kept), or `dead` (given up; see `dead`). A delivery
is sent again whenever `next_at` has passed; it may be sent many times and is closed once.

    deliveries.add_many(conn, rows)                  # in the transaction that accepts the message
    for row in deliveries.due(conn, now, 200): …     # publish, then
    deliveries.mark_sent(conn, ids, next_at)
    deliveries.close_many(conn, ids, receipt_id, at)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, bindparam, func, select, update

from jdgate.store.bulk import Insert, Lookup
from jdgate.store.columns import Reader, any_of, slices, values
from jdgate.store.tables import delivery

OPEN, DELIVERED, DEAD = "open", "delivered", "dead"
MOST_OPEN = 10_000
"""Of more than these to one recipient, `open_to` takes the lowest of those longest waiting."""


class DeliveryRow(Struct, kw_only=True):
    """One message to one recipient.

    `message_id`: the message it came from (None for what the gateway originates); `body`: the
    gateway's JWS, sealed by `key_id`; `digest`: SHA-256 of that JWS; `fields`, `basis`: what was
    shown and why.
    """

    id: str
    recipient: str
    type: str
    created_at: datetime
    next_at: datetime
    digest: bytes
    message_id: str | None = None
    role: str | None = None
    sequence: int | None = None
    fields: list[str] | None = None
    basis: Any = None
    key_id: str | None = None
    body: bytes | None = None
    state: str = OPEN
    attempts: int = 0
    code: str | None = None
    receipt_id: str | None = None
    delivered_at: datetime | None = None
    alert_id: str | None = None
    draft_id: str | None = None
    leaf_index: int | None = None
    erased_at: datetime | None = None


_ROWS = Reader(delivery, DeliveryRow)
_ADD = Insert(delivery)
_GET = _ROWS.select.where(delivery.c.id == bindparam("id"))
_DUE = (
    _ROWS.select.where(delivery.c.state == OPEN, delivery.c.next_at <= bindparam("now"))
    .order_by(delivery.c.next_at, delivery.c.id)
    .limit(bindparam("limit"))
)
_SENT = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")), delivery.c.state == OPEN)
    .values(attempts=delivery.c.attempts + 1, next_at=bindparam("at"))
)
_CLOSE = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")), delivery.c.state != DELIVERED)
    .values(state=DELIVERED, receipt_id=bindparam("receipt"), delivered_at=bindparam("at"))
)
# what a receipt is compared with, and no body
_BARE = tuple(name for name in _ROWS.names if name not in ("body", "fields", "basis"))
_THESE = Lookup(delivery, _BARE, key="id")
_WAIT = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")), delivery.c.state == OPEN)
    .values(next_at=bindparam("at"))
)
_KILL = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")), delivery.c.state == OPEN)
    .values(state=DEAD, code=bindparam("why"))
)
_REVIVE = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")), delivery.c.state == DEAD)
    .values(state=OPEN, code=None, next_at=bindparam("at"))
)
_RANGE = (
    _ROWS.select.where(
        delivery.c.recipient == bindparam("whom"),
        delivery.c.sequence.between(bindparam("first"), bindparam("last")),
        delivery.c.body.is_not(None),
    )
    .order_by(delivery.c.sequence)
    .limit(bindparam("limit"))
)
_REPLACE = (
    update(delivery)
    .where(delivery.c.id == bindparam("the_id"))
    .values(
        digest=bindparam("new_digest"),
        key_id=bindparam("key"),
        body=bindparam("sealed"),
        leaf_index=bindparam("leaf"),
    )
)
_OPEN_DESKS = (
    select(delivery.c.recipient, delivery.c.role).where(delivery.c.state == OPEN).distinct()
)
_OPEN_OF = (
    _ROWS.select.where(
        delivery.c.state == OPEN,
        delivery.c.recipient == bindparam("whom"),
        func.coalesce(delivery.c.role, "") == bindparam("as_role"),
    )
    .order_by(delivery.c.sequence)
    .limit(bindparam("limit"))
)
_OPEN_TO = (
    select(delivery.c.id, delivery.c.sequence)
    .where(delivery.c.state == OPEN, delivery.c.recipient == bindparam("whom"))
    .order_by(delivery.c.next_at, delivery.c.id)
    .limit(bindparam("limit"))
)
_BY_ID = _ROWS.select.where(delivery.c.id.in_(any_of("ids"))).order_by(delivery.c.sequence)
_WAKE = (
    update(delivery)
    .where(delivery.c.state == OPEN, delivery.c.attempts == 0, delivery.c.next_at > bindparam("at"))
    .values(next_at=bindparam("at"))
)
_SILENT = (
    select(delivery.c.recipient)
    .where(delivery.c.state == OPEN, delivery.c.created_at < bindparam("before"))
    .distinct()
)
_OLDEST = select(func.min(delivery.c.created_at)).where(delivery.c.state == OPEN)
_COUNTS = select(delivery.c.recipient, func.count()).where(delivery.c.state == bindparam("state"))
_COUNTS = _COUNTS.group_by(delivery.c.recipient)
_FOR_MESSAGE = _ROWS.select.where(delivery.c.message_id == bindparam("id")).order_by(delivery.c.id)


def add_many(conn: Connection, rows: Sequence[DeliveryRow]) -> None:
    """Insert new deliveries."""
    _ADD.run(conn, values(rows))


def get(conn: Connection, delivery_id: str) -> DeliveryRow | None:
    """One delivery by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": delivery_id}))


def for_message(conn: Connection, message_id: str) -> list[DeliveryRow]:
    """All deliveries that came from a message."""
    return _ROWS.rows(conn.execute(_FOR_MESSAGE, {"id": message_id}))


def due(conn: Connection, now: datetime, limit: int) -> list[DeliveryRow]:
    """Open deliveries whose time to be sent has come, longest waiting first."""
    return _ROWS.rows(conn.execute(_DUE, {"now": now, "limit": limit}))


def mark_sent(conn: Connection, ids: Iterable[str], next_at: datetime) -> None:
    """Count an attempt; without a receipt it is due again at `next_at`."""
    for part in slices(ids):
        conn.execute(_SENT, {"ids": part, "at": next_at})


def wait(conn: Connection, ids: Iterable[str], until: datetime) -> None:
    """Look at these again at `until`; it counts as no attempt."""
    for part in slices(ids):
        conn.execute(_WAIT, {"ids": part, "at": until})


def unreceipted(conn: Connection, ids: Iterable[str]) -> list[DeliveryRow]:
    """Those of `ids` whose receipt has not come, given up or not; without their bodies."""
    rows = (DeliveryRow(**dict(zip(_BARE, row, strict=True))) for row in _THESE.run(conn, (), ids))
    return [row for row in rows if row.state != DELIVERED]


def close_many(conn: Connection, ids: Iterable[str], receipt_id: str, at: datetime) -> None:
    """The recipient's receipt for these came (see `receipts`).

    A delivery that was given up is closed too: the receipt proves that it arrived.
    """
    for part in slices(ids):
        conn.execute(_CLOSE, {"ids": part, "receipt": receipt_id, "at": at})


def wanted(
    conn: Connection, recipient: str, first: int, last: int, limit: int = 200
) -> list[DeliveryRow]:
    """Numbers `first` to `last` of a recipient that misses them, at most `limit`, in order.

    Also those that it receipted, while their body is kept: it may have lost its inbox.
    """
    span = {"whom": recipient, "first": first, "last": last}
    return _ROWS.rows(conn.execute(_RANGE, {**span, "limit": limit}))


def replace(
    conn: Connection, delivery_id: str, digest: bytes, key_id: str, body: bytes, leaf_index: int
) -> None:
    """The message was signed anew: these bytes are what goes out and is receipted from now on."""
    given = {"new_digest": digest, "key": key_id, "sealed": body, "leaf": leaf_index}
    conn.execute(_REPLACE, {"the_id": delivery_id, **given})


def open_desks(conn: Connection) -> set[tuple[str, str]]:
    """To whom something is open, and in which role ("": in none)."""
    return {(recipient, role or "") for recipient, role in conn.execute(_OPEN_DESKS)}


def open_of(conn: Connection, recipient: str, role: str, limit: int) -> list[DeliveryRow]:
    """What is open to a recipient in one role, lowest number first."""
    given = {"whom": recipient, "as_role": role, "limit": limit}
    return _ROWS.rows(conn.execute(_OPEN_OF, given))


def open_to(conn: Connection, recipient: str, limit: int, after: int = 0) -> list[DeliveryRow]:
    """What is open to a recipient, lowest number first, above `after`."""
    found = conn.execute(_OPEN_TO, {"whom": recipient, "limit": MOST_OPEN}).all()
    above = [row for row in found if (row.sequence or 0) > after]
    lowest = sorted(above, key=lambda row: row.sequence or 0)[:limit]
    return _ROWS.rows(conn.execute(_BY_ID, {"ids": [row.id for row in lowest]})) if lowest else []


def wake(conn: Connection, now: datetime) -> int:
    """Have what was sent once and not receipted looked at now; how many.

    After a start: a process that was killed may have committed what it never published.
    """
    return conn.execute(_WAKE, {"at": now}).rowcount


def give_up(conn: Connection, ids: Iterable[str], code: str) -> None:
    """Stop sending; the caller writes the dead letter."""
    for part in slices(ids):
        conn.execute(_KILL, {"ids": part, "why": code})


def revive(conn: Connection, ids: Iterable[str], now: datetime) -> None:
    """Send again what was given up."""
    for part in slices(ids):
        conn.execute(_REVIVE, {"ids": part, "at": now})


def oldest_open(conn: Connection) -> datetime | None:
    """When the oldest open delivery was made."""
    found: datetime | None = conn.execute(_OLDEST).scalar()
    return found


def silent(conn: Connection, before: datetime) -> set[str]:
    """Recipients that have not receipted something made before `before`."""
    return set(conn.execute(_SILENT, {"before": before}).scalars())


def counts(conn: Connection, state: str = OPEN) -> dict[str, int]:
    """How many deliveries each recipient has in `state`."""
    return {row[0]: row[1] for row in conn.execute(_COUNTS, {"state": state})}
