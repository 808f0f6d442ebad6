"""Edge: what came for a member, kept until the adapter's effect is durable.

States: `received` → `done`, or `failed` when given up. The receipt is sent after `done`
(`receipt_at`); a message that comes again changes nothing and is receipted again.

    new = inbox.add_many(conn, rows)                     # ids not seen before
    for row in inbox.due(conn, now, 50): …               # adapter.deliver, then
    inbox.mark_done(conn, member, ids, at)
    inbox.receipted(conn, member, ids, at)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from jdgate.store.bulk import Lookup, Upsert
from jdgate.store.columns import Reader, any_of, slices, values
from jdgate.store.edge_tables import inbox

RECEIVED, DONE, FAILED = "received", "done", "failed"


class InboxRow(Struct, kw_only=True):
    """`origin`: the member a forwarded message came from; `body`: the JWS, sealed by `key_id`."""

    member: str
    id: str
    source: str
    type: str
    received_at: datetime
    next_at: datetime
    origin: str | None = None
    sequence: int | None = None
    key_id: str | None = None
    body: bytes | None = None
    state: str = RECEIVED
    attempts: int = 0
    error_code: str | None = None
    receipt_at: datetime | None = None
    fetched_at: datetime | None = None


_ROWS = Reader(inbox, InboxRow)
_ADD = Upsert(inbox)
_KNOWN = Lookup(inbox, ["id"], fixed=["member"], key="id")
_GET = _ROWS.select.where(inbox.c.member == bindparam("member"), inbox.c.id == bindparam("id"))
_DUE = (
    _ROWS.select.where(inbox.c.state == RECEIVED, inbox.c.next_at <= bindparam("now"))
    .order_by(inbox.c.next_at, inbox.c.received_at)
    .limit(bindparam("limit"))
)
_DUE_FOR = (
    _ROWS.select.where(
        inbox.c.state == RECEIVED,
        inbox.c.next_at <= bindparam("now"),
        inbox.c.member == bindparam("whose"),
        inbox.c.type.in_(any_of("types")),
    )
    .order_by(inbox.c.next_at, inbox.c.received_at)
    .limit(bindparam("limit"))
)
_DONE_OF = select(inbox.c.id).where(
    inbox.c.member == bindparam("whose"), inbox.c.id.in_(any_of("ids")), inbox.c.state == DONE
)
_THESE = (inbox.c.member == bindparam("whose"), inbox.c.id.in_(any_of("ids")))
_DONE = update(inbox).where(*_THESE).values(state=DONE, error_code=None)
_REPLACE = (
    update(inbox).where(*_THESE).values(key_id=bindparam("new_key"), body=bindparam("new_body"))
)
_RECEIPTED = update(inbox).where(*_THESE).values(receipt_at=bindparam("at"))
_POSTPONE = (
    update(inbox)
    .where(inbox.c.member == bindparam("whose"), inbox.c.id == bindparam("the_id"))
    .where(inbox.c.state == RECEIVED)
    .values(
        attempts=inbox.c.attempts + 1, error_code=bindparam("why"), next_at=bindparam("next_time")
    )
)
_FAIL = (
    update(inbox)
    .where(*_THESE, inbox.c.state == RECEIVED)
    .values(state=FAILED, error_code=bindparam("why"))
)
_RETRY = (
    update(inbox)
    .where(*_THESE, inbox.c.state == FAILED)
    .values(state=RECEIVED, next_at=bindparam("at"))
)
_UNFETCHED = (
    _ROWS.select.where(
        inbox.c.member == bindparam("member"),
        inbox.c.fetched_at.is_(None),
        inbox.c.body.is_not(None),
    )
    .order_by(inbox.c.received_at, inbox.c.id)
    .limit(bindparam("limit"))
)
_COUNT_UNFETCHED = select(func.count()).select_from(
    _UNFETCHED.with_only_columns(inbox.c.id).order_by(None).subquery()
)
_UNFETCHED_AFTER = _UNFETCHED.where(
    or_(
        inbox.c.received_at > bindparam("after_at"),
        and_(inbox.c.received_at == bindparam("after_at"), inbox.c.id > bindparam("after_id")),
    )
)
_FETCHED = update(inbox).where(*_THESE).values(fetched_at=bindparam("at"))
_COUNT = select(func.count()).where(inbox.c.member == bindparam("member"))
_ERASE = (
    update(inbox)
    .where(
        inbox.c.member == bindparam("whose"),
        inbox.c.state == DONE,
        inbox.c.receipt_at.is_not(None),
        inbox.c.received_at < bindparam("before"),
        inbox.c.body.is_not(None),
    )
    .values(body=None)
)


def known(conn: Connection, member: str, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that came before."""
    return {row[0] for row in _KNOWN.run(conn, (member,), ids)}


def add_many(conn: Connection, rows: Sequence[InboxRow]) -> set[tuple[str, str]]:
    """Insert what did not come before; the (member, id) of those inserted."""
    ids: dict[str, list[str]] = {}
    for row in rows:
        ids.setdefault(row.member, []).append(row.id)
    before = {
        (member, each) for member, theirs in ids.items() for each in known(conn, member, theirs)
    }
    new = {(row.member, row.id): row for row in rows if (row.member, row.id) not in before}
    _ADD.run(conn, values(new.values()))
    return set(new)


def get(conn: Connection, member: str, message_id: str) -> InboxRow | None:
    """One message by its id."""
    return _ROWS.row(conn.execute(_GET, {"member": member, "id": message_id}))


def due(conn: Connection, now: datetime, limit: int) -> list[InboxRow]:
    """Messages of all members that wait for their adapter, longest waiting first."""
    return _ROWS.rows(conn.execute(_DUE, {"now": now, "limit": limit}))


def due_for(
    conn: Connection, member: str, types: Sequence[str], now: datetime, limit: int
) -> list[InboxRow]:
    """Messages of these types that wait for `member`'s adapter, longest waiting first."""
    given = {"whose": member, "types": list(types), "now": now, "limit": limit}
    return _ROWS.rows(conn.execute(_DUE_FOR, given))


def done(conn: Connection, member: str, ids: Iterable[str]) -> set[str]:
    """Those of `ids` that are safely where they were to go."""
    found: set[str] = set()
    for part in slices(ids):
        found.update(conn.execute(_DONE_OF, {"whose": member, "ids": part}).scalars())
    return found


def mark_done(conn: Connection, member: str, ids: Iterable[str]) -> None:
    """The adapter's effect is durable."""
    for part in slices(ids):
        conn.execute(_DONE, {"whose": member, "ids": part})


def receipted(conn: Connection, member: str, ids: Iterable[str], at: datetime) -> None:
    """The receipts are in the outbox (same transaction) or were sent."""
    for part in slices(ids):
        conn.execute(_RECEIPTED, {"whose": member, "ids": part, "at": at})


def replace(conn: Connection, row: InboxRow) -> None:
    """Keep the body of `row` in the place of the one that is kept under its id."""
    these = {"whose": row.member, "ids": [row.id]}
    conn.execute(_REPLACE, {**these, "new_key": row.key_id, "new_body": row.body})


def postpone(conn: Connection, member: str, message_id: str, code: str, next_at: datetime) -> None:
    """The adapter failed (`code`); try again at `next_at`."""
    given = {"whose": member, "the_id": message_id, "why": code, "next_time": next_at}
    conn.execute(_POSTPONE, given)


def fail(conn: Connection, member: str, ids: Iterable[str], code: str) -> None:
    """Give up; a person may have it tried again (`retry`)."""
    for part in slices(ids):
        conn.execute(_FAIL, {"whose": member, "ids": part, "why": code})


def retry(conn: Connection, member: str, ids: Iterable[str], now: datetime) -> int:
    """Try failed messages again; how many."""
    done = 0
    for part in slices(ids):
        done += conn.execute(_RETRY, {"whose": member, "ids": part, "at": now}).rowcount
    return done


def search(
    conn: Connection,
    member: str,
    *,
    type: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    before: InboxRow | None = None,
    limit: int = 100,
) -> list[InboxRow]:
    """The latest messages for `member`, newest first. `before`: the last one seen."""
    wanted: list[ColumnElement[bool]] = [inbox.c.member == member]
    if type is not None:
        wanted.append(inbox.c.type == type)
    if state is not None:
        wanted.append(inbox.c.state == state)
    if since is not None:
        wanted.append(inbox.c.received_at >= since)
    if before is not None:
        wanted.append(inbox.c.received_at <= before.received_at)
        wanted.append((inbox.c.received_at < before.received_at) | (inbox.c.id < before.id))
    query = _ROWS.select.where(*wanted).order_by(inbox.c.received_at.desc(), inbox.c.id.desc())
    return _ROWS.rows(conn.execute(query.limit(limit)))


def unfetched(
    conn: Connection, member: str, limit: int, after: tuple[datetime, str] | None = None
) -> list[InboxRow]:
    """What no system of `member` has taken over HTTP, oldest first; `after` the moment and id of
    another."""
    given: dict[str, Any] = {"member": member, "limit": limit}
    if after is None:
        return _ROWS.rows(conn.execute(_UNFETCHED, given))
    later = {"after_at": after[0], "after_id": after[1]}
    return _ROWS.rows(conn.execute(_UNFETCHED_AFTER, given | later))


def count_unfetched(conn: Connection, member: str, most: int) -> int:
    """How many no system of `member` has taken over HTTP, counted up to `most`."""
    return int(conn.execute(_COUNT_UNFETCHED, {"member": member, "limit": most}).scalar_one())


def fetched(conn: Connection, member: str, message_id: str, at: datetime) -> bool:
    """A system of `member` has taken a message; False when there is none of that id."""
    given = {"whose": member, "ids": [message_id], "at": at}
    return conn.execute(_FETCHED, given).rowcount == 1


def count(conn: Connection, member: str) -> int:
    """How many messages for `member` are kept; by an index alone."""
    return int(conn.execute(_COUNT, {"member": member}).scalar_one())


def erase_done(conn: Connection, member: str, before: datetime) -> int:
    """Drop the bodies of messages done and receipted that came before `before`; how many."""
    return conn.execute(_ERASE, {"whose": member, "before": before}).rowcount
