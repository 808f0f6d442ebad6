"""Edge: tables that somebody handed in over the console, until they are sent or a day is over.

The file and what was read of it are sealed by the key of the day it came. States: `unclear` (what
it is has to be said) → `ready` → `sending` → `sent`.

    uploads.add(conn, UploadRow(…))
    uploads.step(conn, id, "ready", "sending")        # False: somebody was faster
    uploads.went(conn, id, rows=1000, messages=[…], refused=[…])
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, func, insert, select, update

from jdgate.store.columns import Reader
from jdgate.store.edge_tables import upload

State = Literal["unclear", "ready", "sending", "sent"]


class UploadHead(Struct, kw_only=True):
    """One upload without its content. `good`, `bad`: rows when it was read; `sent`: good rows put
    into the outbox so far, in `messages`; `refused`: what was refused at that, by row number."""

    id: str
    member: str
    by: str
    at: datetime
    type: str | None
    state: str
    key_id: str
    good: int = 0
    bad: int = 0
    approved_by: list[str] = []
    sent: int = 0
    messages: list[str] = []
    refused: list[dict[str, Any]] = []


class UploadRow(UploadHead, kw_only=True):
    """One upload. `file`: what came, sealed; `body`: what was read of it, sealed."""

    file: bytes | None
    body: bytes | None


_HEADS = Reader(upload, UploadHead)
_ROWS = Reader(upload, UploadRow)


def add(conn: Connection, row: UploadRow) -> None:
    """Keep a new one."""
    conn.execute(insert(upload), [structs.asdict(row)])


def head(conn: Connection, member: str, id: str) -> UploadHead | None:
    """An upload of a member, without its content."""
    where = (upload.c.id == id, upload.c.member == member)
    return _HEADS.row(conn.execute(_HEADS.select.where(*where)))


def get(conn: Connection, member: str, id: str) -> UploadRow | None:
    """An upload of a member."""
    where = (upload.c.id == id, upload.c.member == member)
    return _ROWS.row(conn.execute(_ROWS.select.where(*where)))


def of_member(conn: Connection, member: str) -> list[UploadHead]:
    """A member's uploads, newest first."""
    query = _HEADS.select.where(upload.c.member == member)
    return _HEADS.rows(conn.execute(query.order_by(upload.c.at.desc(), upload.c.id.desc())))


def files(conn: Connection, member: str) -> int:
    """How many files of a member are kept."""
    query = select(func.count()).where(upload.c.member == member, upload.c.file.is_not(None))
    return int(conn.execute(query).scalar_one())


def change(conn: Connection, id: str, **values: Any) -> None:
    """Set columns of one."""
    conn.execute(update(upload).where(upload.c.id == id).values(**values))


def step(conn: Connection, id: str, before: State, after: State) -> bool:
    """Go on from one state to another; False when it is in another one."""
    moved = update(upload).where(upload.c.id == id, upload.c.state == before)
    return conn.execute(moved.values(state=after)).rowcount == 1


def went(
    conn: Connection, id: str, rows: int, messages: Sequence[str], refused: Sequence[dict[str, Any]]
) -> None:
    """So many more of its good rows were put into the outbox."""
    kept = select(upload.c.sent, upload.c.messages, upload.c.refused).where(upload.c.id == id)
    sent, before, known = conn.execute(kept).one()
    change(conn, id, sent=sent + rows, messages=[*before, *messages], refused=[*known, *refused])


def drop(conn: Connection, member: str, id: str) -> bool:
    """Erase a member's upload that is not being sent; False when there is none."""
    gone = delete(upload).where(
        upload.c.id == id, upload.c.member == member, upload.c.state != "sending"
    )
    return conn.execute(gone).rowcount == 1


def drop_old(conn: Connection, before: datetime) -> int:
    """Erase what came before `before`; how many."""
    return conn.execute(delete(upload).where(upload.c.at < before)).rowcount
