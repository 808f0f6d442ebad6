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
_POSTPONE = (
    update(delivery)
    .where(delivery.c.id == bindparam("the_id"), delivery.c.state == OPEN)
    .values(code=bindparam("why"), next_at=bindparam("at"))
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
_REOPEN = (
    update(delivery)
    .where(
        delivery.c.recipient == bindparam("whom"),
        delivery.c.sequence.between(bindparam("first"), bindparam("last")),
        delivery.c.state == OPEN,
    )
    .values(next_at=bindparam("at"))
)
_SETTLED_RANGE = (
    _ROWS.select.where(
        delivery.c.recipient == bindparam("whom"),
        delivery.c.sequence.between(bindparam("first"), bindparam("last")),
        delivery.c.state != OPEN,
        delivery.c.body.is_not(None),
    )
    .order_by(delivery.c.sequence)
    .limit(bindparam("limit"))
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
_BODIES_DUE = (
    select(delivery.c.id)
    .where(
        delivery.c.type == bindparam("type"),
        delivery.c.created_at < bindparam("before"),
        delivery.c.state != OPEN,
        delivery.c.body.is_not(None),
    )
    .order_by(delivery.c.created_at)
    .limit(bindparam("limit"))
)
_ERASE = (
    update(delivery)
    .where(delivery.c.id.in_(any_of("ids")))
    .values(body=None, erased_at=bindparam("at"))
)


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


def reopen_range(
    conn: Connection, recipient: str, first: int, last: int, now: datetime, limit: int = 200
) -> list[DeliveryRow]:
    """Have numbers `first` to `last` sent again now, as the recipient asked.

    Returns up to `limit` of the range that are not open and still have their body: a recipient
    that lost its inbox asks for what its receipt was given for, and that can be published again.
    """
    span = {"whom": recipient, "first": first, "last": last}
    conn.execute(_REOPEN, {**span, "at": now})
    return _ROWS.rows(conn.execute(_SETTLED_RANGE, {**span, "limit": limit}))


def postpone(conn: Connection, delivery_id: str, code: str, next_at: datetime) -> None:
    """The recipient could not take it (`code`); try again at `next_at`."""
    conn.execute(_POSTPONE, {"the_id": delivery_id, "why": code, "at": next_at})


def give_up(conn: Connection, ids: Iterable[str], code: str) -> None:
    """Stop sending; the caller writes the dead letter."""
    for part in slices(ids):
        conn.execute(_KILL, {"ids": part, "why": code})


def revive(conn: Connection, ids: Iterable[str], now: datetime) -> None:
    """Send again what was given up."""
    for part in slices(ids):
        conn.execute(_REVIVE, {"ids": part, "at": now})


def oldest_open(conn: Connection, type: str | None = None) -> datetime | None:
    """When the oldest open delivery (of `type`) was made."""
    query = _OLDEST if type is None else _OLDEST.where(delivery.c.type == type)
    found: datetime | None = conn.execute(query).scalar()
    return found


def silent(conn: Connection, before: datetime) -> set[str]:
    """Recipients that have not receipted something made before `before`."""
    return set(conn.execute(_SILENT, {"before": before}).scalars())


def counts(conn: Connection, state: str = OPEN) -> dict[str, int]:
    """How many deliveries each recipient has in `state`."""
    return {row[0]: row[1] for row in conn.execute(_COUNTS, {"state": state})}


def bodies_due(conn: Connection, type: str, before: datetime, limit: int = 1000) -> list[str]:
    """Deliveries of `type` made before `before`, no longer open, whose body is still kept."""
    given = {"type": type, "before": before, "limit": limit}
    return list(conn.execute(_BODIES_DUE, given).scalars())


def erase_body(conn: Connection, ids: Iterable[str], at: datetime) -> None:
    """Drop the bodies; digests and receipts stay."""
    for part in slices(ids):
        conn.execute(_ERASE, {"ids": part, "at": at})
