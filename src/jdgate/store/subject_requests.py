"""Requests for subject reports, in the books.

subject_requests.add(conn, row, person)
subject_requests.decide(conn, id, APPROVED, by="wu", name="吴审计", at=now, until=later, …)
subject_requests.page(conn, before=None, limit=50)
subject_requests.expire(conn, now)
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert, update

from jdgate.store.columns import Reader
from jdgate.store.tables import subject_person, subject_request

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"


class RequestRow(Struct, frozen=True, kw_only=True):
    """A request. `asked_by`, `decided_by` are logins; `body` is sealed (see the tables)."""

    id: str
    ground: str
    asked_at: datetime
    asked_by: str
    asked_name: str
    until: datetime
    state: str = WAITING
    decided_at: datetime | None = None
    decided_by: str | None = None
    decided_name: str | None = None
    key_id: str | None = None
    body: bytes | None = None


class PersonRow(Struct, frozen=True, kw_only=True):
    """Whom the request `id` is about: pseudonyms, sealed."""

    id: str
    asked_at: datetime
    until: datetime
    key_id: str
    body: bytes | None


_REQUESTS = Reader(subject_request, RequestRow)
_PERSONS = Reader(subject_person, PersonRow)


def add(conn: Connection, row: RequestRow, person: PersonRow) -> None:
    """Keep a new request."""
    conn.execute(insert(subject_request), [structs.asdict(row)])
    conn.execute(insert(subject_person), [structs.asdict(person)])


def get(conn: Connection, id: str) -> RequestRow | None:
    """The request of this id."""
    return _REQUESTS.row(conn.execute(_REQUESTS.select.where(subject_request.c.id == id)))


def person(conn: Connection, id: str) -> PersonRow | None:
    """Whom a request is about, as long as that is kept."""
    return _PERSONS.row(conn.execute(_PERSONS.select.where(subject_person.c.id == id)))


def page(conn: Connection, before: str | None, limit: int) -> list[RequestRow]:
    """Requests, the latest first; those asked before the one named `before` (ids follow time)."""
    query = _REQUESTS.select.order_by(subject_request.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(subject_request.c.id < before)
    return _REQUESTS.rows(conn.execute(query))


def decide(
    conn: Connection,
    id: str,
    state: str,
    *,
    by: str,
    name: str,
    at: datetime,
    until: datetime,
    key_id: str | None,
    body: bytes | None,
    person: PersonRow | None,
) -> bool:
    """Write a decision down; False when there was one before, or the time for it is over.

    `person`: whom it is about, from now on; None: that is forgotten.
    """
    waits = (subject_request.c.state == WAITING, subject_request.c.until > at)
    mine = update(subject_request).where(subject_request.c.id == id, *waits)
    change = mine.values(
        state=state, decided_at=at, decided_by=by, decided_name=name, until=until, key_id=key_id,
        body=body,
    )  # fmt: skip
    if conn.execute(change).rowcount != 1:
        return False
    conn.execute(delete(subject_person).where(subject_person.c.id == id))
    if person is not None:
        conn.execute(insert(subject_person), [structs.asdict(person)])
    return True


def expire(conn: Connection, now: datetime) -> int:
    """Forget whom requests whose time is over are about; how many that was."""
    return conn.execute(delete(subject_person).where(subject_person.c.until <= now)).rowcount
