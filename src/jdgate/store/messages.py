"""Every message the gateway judged: what it was, what was said of it, its sealed body.

A duplicate is answered with the receipt that was given the first time (`receipts`).

    known = messages.seen(conn, ids)              # one query for a batch
    messages.add_many(conn, rows)
    messages.search(conn, source="cln-01", verdict="part", limit=50)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from jdgate.store.bulk import Insert, Lookup
from jdgate.store.columns import Reader, values
from jdgate.store.tables import message


class MessageRow(Struct, kw_only=True):
    """One judged message. `digest`: SHA-256 of the JWS; `body`: the JWS, sealed by `key_id`."""

    id: str
    source: str
    type: str
    sent_at: datetime
    received_at: datetime
    verdict: str
    records: int
    accepted: int
    digest: bytes
    sequence: int | None = None
    region: str | None = None
    code: str | None = None
    key_id: str | None = None
    body: bytes | None = None
    receipt_id: str | None = None
    claimed_id: str | None = None
    leaf_index: int | None = None
    erased_at: datetime | None = None


class Seen(NamedTuple):
    """What is needed to judge a message that came before."""

    source: str
    digest: bytes
    receipt_id: str | None


_ROWS = Reader(message, MessageRow)
_ADD = Insert(message)
_SEEN = Lookup(message, ["id", "source", "digest", "receipt_id"], key="id")
_TOTAL = select(func.count()).select_from(message)
_GET = _ROWS.select.where(message.c.id == bindparam("id"))


def seen(conn: Connection, ids: Iterable[str]) -> dict[str, Seen]:
    """Those of `ids` that were judged before."""
    return {id_: Seen(*known) for id_, *known in _SEEN.run(conn, (), ids)}


def add_many(conn: Connection, rows: Sequence[MessageRow]) -> None:
    """Insert new messages; an id that exists is a bug of the caller (see `seen`)."""
    _ADD.run(conn, values(rows))


def get(conn: Connection, message_id: str) -> MessageRow | None:
    """One message by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": message_id}))


def total(conn: Connection) -> int:
    """How many messages were judged."""
    return int(conn.execute(_TOTAL).scalar_one())


def search(
    conn: Connection,
    *,
    source: str | None = None,
    type: str | None = None,
    verdict: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[MessageRow]:
    """The latest messages that match all given filters, newest first; without their bodies.

    `since` is included, `until` is not; both are times of receipt.
    """
    wanted: list[ColumnElement[bool]] = []
    if source is not None:
        wanted.append(message.c.source == source)
    if type is not None:
        wanted.append(message.c.type == type)
    if verdict is not None:
        wanted.append(message.c.verdict == verdict)
    if since is not None:
        wanted.append(message.c.received_at >= since)
    if until is not None:
        wanted.append(message.c.received_at < until)
    columns = [message.c[name] for name in _BARE]
    query = select(*columns).where(*wanted)
    query = query.order_by(message.c.received_at.desc(), message.c.id.desc()).limit(limit)
    return [MessageRow(**row._mapping) for row in conn.execute(query)]


_BARE = tuple(name for name in _ROWS.names if name != "body")
