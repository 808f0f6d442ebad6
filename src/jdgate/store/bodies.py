"""Where the books keep what a key of a day seals, so that a day can be forgotten as a whole.

A key belongs to a type and a day (`vault`), and everything sealed by it came or was made on that
day. So what is asked and erased here is always one day of one type.

    day = KeyDay(key_id, "mmt.attendance.v1", date(2026, 1, 5))
    bodies.erase(conn, day, until, now, limit=500)      # what may go
    bodies.left(conn, day)                              # whether something still needs the key
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, and_, exists, func, select, update

from jdgate.store.columns import slices
from jdgate.store.day_secrets import KeyOfDay
from jdgate.store.tables import (
    alert,
    body_key,
    dead,
    delivery,
    draft,
    message,
    subject_person,
    subject_request,
)

UNOPENED, HELD, DRAFT = "sys.unopened", "sys.held", "sys.draft.v1"
"""What is sealed under no sheet of its own: bodies that nobody could open, dead letters; and what
a draft proposes."""
REQUEST, PERSON = "sys.subject.request", "sys.subject.person"
"""Of a request for a subject report: its details, and whom it is about."""


class _Place(NamedTuple):
    """A column with sealed content, when its row came, and which rows have content of a type:
    all of one `type`, or those that say so in a column."""

    body: Column[bytes]
    at: Column[datetime]
    type: Column[str] | str


_PLACES = (
    _Place(message.c.body, message.c.received_at, message.c.type),
    _Place(delivery.c.body, delivery.c.created_at, delivery.c.type),
    _Place(alert.c.body, alert.c.raised_at, alert.c.type),
    _Place(draft.c.prefill, draft.c.created_at, DRAFT),
    _Place(dead.c.body, dead.c.at, HELD),
    _Place(subject_request.c.body, subject_request.c.asked_at, REQUEST),
    _Place(subject_person.c.body, subject_person.c.asked_at, PERSON),
)
SEALED = tuple(place.body for place in _PLACES)
"""Every column of the books that a key of a day seals."""

_OPEN_DELIVERY = exists().where(delivery.c.message_id == message.c.id, delivery.c.state == "open")
_MAY_GO = {
    message.c.body: ~_OPEN_DELIVERY,
    delivery.c.body: delivery.c.state != "open",
}
"""What keeps a body beyond its time: a delivery that is still open."""


class Gone(NamedTuple):
    """How many bodies were dropped, and the ids of those messages and deliveries among them that
    the ledger speaks of."""

    number: int
    exchanged: list[str]


_KEPT = select(func.min(body_key.c.day), func.count()).where(body_key.c.wrapped.is_not(None))


def days_kept(conn: Connection) -> tuple[date | None, int]:
    """The oldest day of which something sealed may still be opened, and how many keys of a type
    and a day there are."""
    row = conn.execute(_KEPT).one()
    return row[0], int(row[1])


def erase(conn: Connection, key: KeyOfDay, until: datetime, at: datetime, limit: int) -> Gone:
    """Drop up to `limit` bodies of that type and day that are older than `until`."""
    count = 0
    exchanged: list[str] = []
    for place, condition in _of(key, until):
        body = place.body
        ids = body.table.c.id
        query = select(ids).where(condition, _MAY_GO.get(body, ids.is_not(None)))
        found = list(conn.execute(query.limit(limit - count)).scalars())
        for part in slices(found):
            change = update(body.table).where(ids.in_(part)).values({body.name: None})
            if "erased_at" in body.table.c:
                change = change.values(erased_at=at)
            conn.execute(change)
        count += len(found)
        if body.table.name in ("message", "delivery"):
            exchanged += found
    return Gone(count, exchanged)


def left(conn: Connection, key: KeyOfDay) -> bool:
    """Whether anything is kept that only this key opens."""
    queries = (
        select(place.body.table.c.id).where(condition).limit(1) for place, condition in _of(key)
    )
    return any(conn.execute(query).first() is not None for query in queries)


def _of(
    key: KeyOfDay, until: datetime | None = None
) -> Iterable[tuple[_Place, ColumnElement[bool]]]:
    """Where bodies under a key are, and which rows those are."""
    key_id, type, day = key
    since = datetime.combine(day, time(), UTC)
    end = since + timedelta(days=1)
    kept_as = "" if type == UNOPENED else type
    for place in _PLACES:
        if isinstance(place.type, str):
            if place.type != type:
                continue
            of_type = and_(place.body.is_not(None))
        else:
            of_type = and_(place.type == kept_as, place.body.is_not(None))
        span = and_(place.at >= since, place.at < (end if until is None else min(end, until)))
        yield place, and_(of_type, span, place.body.table.c.key_id == key_id)
