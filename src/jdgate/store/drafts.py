"""Messages that wait for a named person's approval, as the gateway keeps them.

One waiting draft for a (rule, cause). States: `waiting` → `approved` → `sent` → `accepted`, or
`rejected`, or `withdrawn` when its cause is gone. What is prefilled may name a person and is
sealed (`key_id`).

    draft_id, is_new = drafts.offer(conn, row)
    drafts.decide(conn, draft_id, "approved", by="王医生", reason=None, at=now)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.tables import draft

WAITING, APPROVED, REJECTED, WITHDRAWN = "waiting", "approved", "rejected", "withdrawn"
SENT, ACCEPTED = "sent", "accepted"


class DraftRow(Struct, kw_only=True):
    """`prefill`: the sealed record; `params` fill the text `reason_code`; `checks`: text codes of
    what the approver must have checked; `message_id`: the message sent for it."""

    id: str
    rule: str
    cause: str
    owner: str
    type: str
    key_id: str
    prefill: bytes | None
    reason_code: str
    params: dict[str, Any]
    checks: list[str]
    created_at: datetime
    state: str = WAITING
    decided_at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    message_id: str | None = None


_ROWS = Reader(draft, DraftRow)
_NEW = Upsert(draft)
_GET = _ROWS.select.where(draft.c.id == bindparam("id"))
_FOR_MESSAGE = _ROWS.select.where(draft.c.message_id == bindparam("id"))
_WAITING = (
    draft.c.rule == bindparam("rule"),
    draft.c.cause == bindparam("cause"),
    draft.c.state == WAITING,
)
_WAITING_ID = select(draft.c.id).where(*_WAITING)
_WAITING_ROW = _ROWS.select.where(*_WAITING)


def offer(conn: Connection, row: DraftRow) -> tuple[str, bool]:
    """Add the draft unless one waits for the same cause; (id of the waiting one, is new)."""
    given = {"rule": row.rule, "cause": row.cause}
    waiting = conn.execute(_WAITING_ID, given).scalar()
    if waiting is None:
        _NEW.run(conn, [structs.asdict(row)])
        waiting = conn.execute(_WAITING_ID, given).scalar_one()
    return str(waiting), waiting == row.id


def decide(
    conn: Connection,
    draft_id: str,
    decision: Literal["approved", "rejected"],
    *,
    by: str,
    reason: str | None,
    at: datetime,
) -> bool:
    """Note a person's decision; False if the draft does not wait (decided, withdrawn, unknown)."""
    change = update(draft).where(draft.c.id == draft_id, draft.c.state == WAITING)
    done = conn.execute(change.values(state=decision, by=by, reason=reason, decided_at=at))
    return done.rowcount == 1


def follow(
    conn: Connection, draft_id: str, state: Literal["sent", "accepted"], message_id: str
) -> bool:
    """Note that the message of an approved draft was sent, or accepted."""
    before = (APPROVED,) if state == SENT else (APPROVED, SENT)
    change = update(draft).where(draft.c.id == draft_id, draft.c.state.in_(before))
    return conn.execute(change.values(state=state, message_id=message_id)).rowcount == 1


def settle(conn: Connection, rule: str, cause: str, at: datetime) -> DraftRow | None:
    """Withdraw the draft waiting for a cause that is gone; the row as it was, or None."""
    row = _ROWS.row(conn.execute(_WAITING_ROW, {"rule": rule, "cause": cause}))
    if row is not None:
        change = update(draft).where(draft.c.id == row.id)
        conn.execute(change.values(state=WITHDRAWN, decided_at=at))
    return row


def get(conn: Connection, draft_id: str) -> DraftRow | None:
    """One draft by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": draft_id}))


def for_message(conn: Connection, message_id: str) -> DraftRow | None:
    """The draft a message was sent for."""
    return _ROWS.row(conn.execute(_FOR_MESSAGE, {"id": message_id}))


def search(
    conn: Connection, *, owner: str | None = None, state: str | None = None, limit: int = 100
) -> list[DraftRow]:
    """Drafts that match all given filters, newest first."""
    wanted: list[ColumnElement[bool]] = []
    if owner is not None:
        wanted.append(draft.c.owner == owner)
    if state is not None:
        wanted.append(draft.c.state == state)
    query = _ROWS.select.where(*wanted).order_by(draft.c.created_at.desc(), draft.c.id.desc())
    return _ROWS.rows(conn.execute(query.limit(limit)))
