"""Messages that wait for a named person's approval, as the gateway keeps them.

One draft for a (rule, cause) until the rule settles the cause: once decided it stays decided.
States: `waiting` → `approved` → `sent` → `accepted`, or `rejected`, or `withdrawn` when its cause
is gone. What is prefilled may name a person and is sealed (`key_id`).

    draft_id, is_new = drafts.offer(conn, row)
    drafts.decide(conn, draft_id, "approved", by="王医生", reason=None, at=now)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam, select, update

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
_OF_CAUSE = (
    draft.c.rule == bindparam("rule"),
    draft.c.cause == bindparam("cause"),
    draft.c.state != WITHDRAWN,
)
_LIVE_ID = select(draft.c.id).where(*_OF_CAUSE)
_LIVE_ROW = _ROWS.select.where(*_OF_CAUSE)


def offer(conn: Connection, row: DraftRow) -> tuple[str, bool]:
    """Add the draft unless its cause has one, decided or not; (id of that one, is new)."""
    given = {"rule": row.rule, "cause": row.cause}
    live = conn.execute(_LIVE_ID, given).scalar()
    if live is None:
        _NEW.run(conn, [structs.asdict(row)])
        live = conn.execute(_LIVE_ID, given).scalar_one()
    return str(live), live == row.id


def decide(
    conn: Connection,
    draft_id: str,
    decision: Literal["approved", "rejected"],
    *,
    by: str,
    reason: str | None,
    at: datetime,
) -> bool:
    """Note a person's decision; False if there is nothing to decide (decided, withdrawn, unknown).

    An approval may come after the message it sent: then only who decided is noted.
    """
    told = {"by": by, "reason": reason, "decided_at": at}
    change = update(draft).where(draft.c.id == draft_id, draft.c.state == WAITING)
    if conn.execute(change.values(state=decision, **told)).rowcount == 1:
        return True
    if decision != "approved":
        return False
    ahead = update(draft).where(
        draft.c.id == draft_id, draft.c.state.in_((SENT, ACCEPTED)), draft.c.by.is_(None)
    )
    return conn.execute(ahead.values(**told)).rowcount == 1


def reopen(conn: Connection, draft_id: str, owner: str) -> bool:
    """What `owner` approved was refused: it decides again."""
    change = update(draft).where(
        draft.c.id == draft_id, draft.c.owner == owner, draft.c.state == APPROVED
    )
    return conn.execute(change.values(state=WAITING, by=None, decided_at=None)).rowcount == 1


def follow(
    conn: Connection, draft_id: str, state: Literal["sent", "accepted"], message_id: str
) -> bool:
    """Note that the message of an approved draft was sent, or accepted."""
    # the message of an approved draft may overtake the decision that it carries out
    before = (WAITING, APPROVED) if state == SENT else (WAITING, APPROVED, SENT)
    change = update(draft).where(draft.c.id == draft_id, draft.c.state.in_(before))
    return conn.execute(change.values(state=state, message_id=message_id)).rowcount == 1


def settle(conn: Connection, rule: str, cause: str, at: datetime) -> DraftRow | None:
    """Withdraw the draft of a cause that is gone, so that the cause may start anew.

    What was sent stays sent. Returns the row as it was if its owner may still have it to decide,
    else None.
    """
    row = _ROWS.row(conn.execute(_LIVE_ROW, {"rule": rule, "cause": cause}))
    if row is None or row.state in (SENT, ACCEPTED):
        return None
    change = update(draft).where(draft.c.id == row.id)
    conn.execute(change.values(state=WITHDRAWN, decided_at=row.decided_at or at))
    return row if row.state in (WAITING, APPROVED) else None


def get(conn: Connection, draft_id: str) -> DraftRow | None:
    """One draft by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": draft_id}))
