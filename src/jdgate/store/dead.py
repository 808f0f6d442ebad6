"""Dead letters: what could not be processed (`in`) or delivered (`out`), kept for a person.

States: `open` → `retried` or `dropped`, by a named operator.

    dead.add(conn, [DeadRow(id=…, direction="in", member="cln-01", code="plugin.failed", …)])
    dead.decide(conn, dead_id, "retried", by="admin", at=now)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader, values
from jdgate.store.tables import dead

OPEN, RETRIED, DROPPED = "open", "retried", "dropped"


class DeadRow(Struct, kw_only=True):
    """`id`: of the message or delivery; `member`: from or to whom; `params` fill the text `code`.

    `body`: what came, sealed by `key_id`, as long as the letter is open and retention lets it
    live (`erased_at`); None for what the books keep elsewhere.
    """

    id: str
    direction: Literal["in", "out"]
    member: str
    code: str
    params: dict[str, Any]
    at: datetime
    attempts: int
    type: str | None = None
    key_id: str | None = None
    body: bytes | None = None
    state: str = OPEN
    decided_at: datetime | None = None
    by: str | None = None
    erased_at: datetime | None = None


_ROWS = Reader(dead, DeadRow)
_ADD = Upsert(
    dead,
    on=["id"],
    update=[
        "code",
        "params",
        "at",
        "attempts",
        "key_id",
        "body",
        "state",
        "decided_at",
        "by",
        "erased_at",
    ],
)
_GET = _ROWS.select.where(dead.c.id == bindparam("id"))
_COUNT = select(func.count()).where(dead.c.state == OPEN)


def add(conn: Connection, rows: Sequence[DeadRow]) -> None:
    """Keep dead letters; one that failed again after a retry is open again."""
    _ADD.run(conn, values(rows))


def get(conn: Connection, dead_id: str) -> DeadRow | None:
    """One dead letter by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": dead_id}))


def search(
    conn: Connection,
    *,
    state: str | None = OPEN,
    member: str | None = None,
    below: DeadRow | None = None,
    limit: int = 100,
) -> list[DeadRow]:
    """Dead letters that match all given filters, newest first; those that come after `below`."""
    wanted: list[ColumnElement[bool]] = []
    if state is not None:
        wanted.append(dead.c.state == state)
    if member is not None:
        wanted.append(dead.c.member == member)
    if below is not None:
        later = or_(dead.c.at < below.at, dead.c.id < below.id)
        wanted += [dead.c.at <= below.at, later]
    query = _ROWS.select.where(*wanted).order_by(dead.c.at.desc(), dead.c.id.desc())
    return _ROWS.rows(conn.execute(query.limit(limit)))


def decide(
    conn: Connection,
    dead_id: str,
    decision: Literal["retried", "dropped"],
    *,
    by: str,
    at: datetime,
) -> bool:
    """Note an operator's decision; False if the letter is not open. Its body is done with."""
    change = update(dead).where(dead.c.id == dead_id, dead.c.state == OPEN)
    told = {"state": decision, "by": by, "decided_at": at, "body": None}
    return conn.execute(change.values(told)).rowcount == 1


def count_open(conn: Connection) -> int:
    """How many wait for a person."""
    return int(conn.execute(_COUNT).scalar_one())
