"""Edge: drafts that wait for a named person of a member, as the gateway sent them.

States: `waiting` → `approved` → `sent`, or `rejected`, or `withdrawn` by the gateway. What the
gateway refuses after it was sent is `refused`, and waits for a person again.

    draft_box.add(conn, row)                 # False: it is known
    draft_box.decide(conn, member, draft_id, "approved", by="王医生", reason=None, at=now)
    draft_box.sent(conn, member, draft_id, message_id)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.edge_tables import draft_box

WAITING, APPROVED, REJECTED, WITHDRAWN, SENT, REFUSED = (
    "waiting",
    "approved",
    "rejected",
    "withdrawn",
    "sent",
    "refused",
)
UNDECIDED = (WAITING, REFUSED)
"""A person has yet to decide."""


class DraftBoxRow(Struct, kw_only=True):
    """`prefill`: the proposed record, sealed by `key_id`; `params` fill the text `reason_code`;
    `checks`: text codes of what the approver must have checked; `approvers`: who approved so far;
    `refused`: {code, path, params} of why the gateway refused what was approved."""

    member: str
    id: str
    type: str
    rule: str
    cause: str
    reason_code: str
    params: dict[str, Any]
    key_id: str
    prefill: bytes | None
    checks: list[str]
    received_at: datetime
    state: str = WAITING
    decided_at: datetime | None = None
    by: str | None = None
    reason: str | None = None
    message_id: str | None = None
    approvers: list[str] = []
    refused: dict[str, Any] | None = None


_ROWS = Reader(draft_box, DraftBoxRow)
_ADD = Upsert(draft_box, on=["member", "id"])
_GET = _ROWS.select.where(
    draft_box.c.member == bindparam("member"), draft_box.c.id == bindparam("id")
)


_COUNT_UNDECIDED = select(func.count()).where(
    draft_box.c.member == bindparam("member"), draft_box.c.state.in_(UNDECIDED)
)


def add(conn: Connection, row: DraftBoxRow) -> bool:
    """Keep a draft that came; False if it is known, whatever became of it."""
    if get(conn, row.member, row.id) is not None:
        return False
    _ADD.run(conn, [structs.asdict(row)])
    return True


def get(conn: Connection, member: str, draft_id: str) -> DraftBoxRow | None:
    """One draft by its id."""
    return _ROWS.row(conn.execute(_GET, {"member": member, "id": draft_id}))


def decide(
    conn: Connection,
    member: str,
    draft_id: str,
    decision: Literal["approved", "rejected", "withdrawn"],
    *,
    by: str | None,
    reason: str | None,
    at: datetime,
) -> bool:
    """Note the decision; False if the draft does not wait (decided, withdrawn, unknown)."""
    change = _this(member, draft_id).where(draft_box.c.state.in_(UNDECIDED))
    done = conn.execute(change.values(state=decision, by=by, reason=reason, decided_at=at))
    return done.rowcount == 1


def approve_in_part(conn: Connection, member: str, draft_id: str, approvers: list[str]) -> None:
    """These persons approved; it takes more of them."""
    conn.execute(_this(member, draft_id).values(approvers=approvers))


def renewed(conn: Connection, member: str, message_id: str, newer_id: str) -> None:
    """The message of an approved draft was signed anew, under another id."""
    conn.execute(_of_message(member, message_id).values(message_id=newer_id))


def refused(conn: Connection, member: str, message_id: str, why: dict[str, Any]) -> None:
    """The gateway refused what was approved: a person decides again, knowing why."""
    conn.execute(
        _of_message(member, message_id)
        .where(draft_box.c.state == SENT)
        .values(state=REFUSED, refused=why, approvers=[], by=None, decided_at=None, message_id=None)
    )


def reseal(conn: Connection, member: str, draft_id: str, key_id: str, prefill: bytes) -> None:
    """Keep other sealed content in a draft's place."""
    conn.execute(_this(member, draft_id).values(key_id=key_id, prefill=prefill))


def sent(conn: Connection, member: str, draft_id: str, message_id: str) -> bool:
    """The message of an approved draft is in the outbox (same transaction)."""
    change = _this(member, draft_id).where(draft_box.c.state == APPROVED)
    return conn.execute(change.values(state=SENT, message_id=message_id)).rowcount == 1


def erase_decided(conn: Connection, member: str, before: datetime) -> int:
    """Drop the content of drafts decided or withdrawn before `before`; how many."""
    change = update(draft_box).where(
        draft_box.c.member == member,
        draft_box.c.state.not_in(UNDECIDED),
        draft_box.c.decided_at < before,
        draft_box.c.prefill.is_not(None),
    )
    return conn.execute(change.values(prefill=None)).rowcount


def search(
    conn: Connection,
    *,
    member: str | None = None,
    state: str | None = WAITING,
    before: DraftBoxRow | None = None,
    limit: int = 100,
) -> list[DraftBoxRow]:
    """Drafts that match all given filters, newest first. Who asks for those that wait gets the
    refused ones too. `before`: the last one seen."""
    wanted: list[ColumnElement[bool]] = []
    if member is not None:
        wanted.append(draft_box.c.member == member)
    if state == WAITING:
        wanted.append(draft_box.c.state.in_(UNDECIDED))
    elif state is not None:
        wanted.append(draft_box.c.state == state)
    if before is not None:
        wanted.append(draft_box.c.received_at <= before.received_at)
        wanted.append((draft_box.c.received_at < before.received_at) | (draft_box.c.id < before.id))
    query = _ROWS.select.where(*wanted).order_by(
        draft_box.c.received_at.desc(), draft_box.c.id.desc()
    )
    return _ROWS.rows(conn.execute(query.limit(limit)))


def count_undecided(conn: Connection, member: str) -> int:
    """How many drafts wait for a person of this member."""
    return int(conn.execute(_COUNT_UNDECIDED, {"member": member}).scalar_one())


def _of_message(member: str, message_id: str) -> Any:
    return update(draft_box).where(
        draft_box.c.member == member, draft_box.c.message_id == message_id
    )


def _this(member: str, draft_id: str) -> Any:
    return update(draft_box).where(draft_box.c.member == member, draft_box.c.id == draft_id)
