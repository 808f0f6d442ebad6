"""Edge: what a member has to send, kept until the gateway's signed receipt came.

States: `open` → `accepted`, `part` or `refused`, as the receipt says. A message is sent again
whenever `next_at` has passed. Its number is taken in the transaction that adds it
(`sequences.next_sequences(conn, "gateway", n, member=…)`), so a crash leaves no hole.

    outbox.add_many(conn, rows)
    for row in outbox.due(conn, ["cln-01"], now, 100): …      # publish, then
    outbox.mark_sent(conn, ids, next_at)
    outbox.close_many(conn, [Answer(id=message_id, state="part", …)], receipt_id, at)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from jdgate.store.bulk import Insert, Lookup
from jdgate.store.columns import Reader, any_of, slices, values
from jdgate.store.edge_tables import outbox

OPEN = "open"
State = Literal["accepted", "part", "refused"]


class OutboxRow(Struct, kw_only=True):
    """`body`: the member's JWS, sealed by `key_id`; `rows`: the row number in the pushed file of
    each record; `notice`: whether it is one of the exchange's own types; `tracked`: whether it is
    numbered and receipted; `verdict`: the receipt's record; `renewed_as`: the message that says
    the same, signed anew.
    """

    id: str
    member: str
    type: str
    created_at: datetime
    next_at: datetime
    tracked: bool
    digest: bytes
    sequence: int | None = None
    key_id: str | None = None
    body: bytes | None = None
    rows: list[int] | None = None
    records: int = 1
    notice: bool = False
    state: str = OPEN
    attempts: int = 0
    receipt_id: str | None = None
    verdict: Any = None
    closed_at: datetime | None = None
    renewed_as: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What a receipt said of one message, and the rows of the file it was made of."""

    id: str
    state: str
    verdict: Any = None
    rows: list[int] | None = None
    renewed_as: str | None = None


class Said(Struct, frozen=True, kw_only=True):
    """A message as lists show it, without its body."""

    id: str
    member: str
    type: str
    created_at: datetime
    records: int
    rows: list[int] | None
    state: str
    verdict: Any
    receipt_id: str | None
    closed_at: datetime | None
    renewed_as: str | None


_ROWS = Reader(outbox, OutboxRow)
_SAID = Reader(outbox, Said)
_WAITING_ROWS = Lookup(outbox, _ROWS.names, fixed=["member", "state"], key="id")
_FIELDS = Answer.__struct_fields__
_ANSWERS = Lookup(outbox, _FIELDS, key="id")
_ADD = Insert(outbox)
_GET = _ROWS.select.where(outbox.c.id == bindparam("id"))
_DUE = (
    _ROWS.select.where(
        outbox.c.state == OPEN,
        outbox.c.next_at <= bindparam("now"),
        outbox.c.member.in_(any_of("members")),
    )
    .order_by(outbox.c.next_at, outbox.c.sequence)
    .limit(bindparam("limit"))
)
_SENT = (
    update(outbox)
    .where(outbox.c.id.in_(any_of("ids")), outbox.c.state == OPEN)
    .values(attempts=outbox.c.attempts + 1, next_at=bindparam("at"))
)
_POSTPONE = (
    update(outbox)
    .where(outbox.c.id.in_(any_of("ids")), outbox.c.state == OPEN)
    .values(next_at=bindparam("at"))
)
_WAKE = (
    update(outbox)
    .where(
        outbox.c.state == OPEN,
        outbox.c.attempts == 1,
        outbox.c.next_at > bindparam("at"),
        outbox.c.member.in_(any_of("members")),
    )
    .values(attempts=0, next_at=bindparam("at"))
)
_CLOSE = (
    update(outbox)
    .where(outbox.c.id == bindparam("the_id"), outbox.c.state == OPEN)
    .values(
        state=bindparam("now_state"),
        receipt_id=bindparam("receipt"),
        verdict=bindparam("answer"),
        closed_at=bindparam("at"),
        renewed_as=bindparam("newer"),
    )
)
_ASKED_FOR = (
    select(outbox.c.id)
    .where(
        outbox.c.member == bindparam("whose"),
        outbox.c.sequence.between(bindparam("first"), bindparam("last")),
        outbox.c.body.is_not(None),
        outbox.c.state != "refused",
    )
    .order_by(outbox.c.sequence)
    .limit(bindparam("limit"))
)
_REQUEUE = (
    update(outbox).where(outbox.c.id.in_(any_of("ids"))).values(state=OPEN, next_at=bindparam("at"))
)
_REFUSED_IN = (
    select(outbox.c.sequence)
    .where(
        outbox.c.member == bindparam("whose"),
        outbox.c.sequence.between(bindparam("first"), bindparam("last")),
    )
    .group_by(outbox.c.sequence)
    .having(func.min(outbox.c.state) == "refused", func.max(outbox.c.state) == "refused")
    .order_by(outbox.c.sequence)
    .limit(bindparam("limit"))
)
# both in one: for a minimum alone SQLite walks all that a member ever sent, in order of time
_OPEN = select(func.count(), func.min(outbox.c.created_at)).where(
    outbox.c.state == OPEN, outbox.c.member == bindparam("member")
)
_ERASE = (
    update(outbox)
    .where(
        outbox.c.member == bindparam("whose"),
        outbox.c.state != OPEN,
        outbox.c.closed_at < bindparam("before"),
        outbox.c.body.is_not(None),
    )
    .values(body=None)
)


def add_many(conn: Connection, rows: Sequence[OutboxRow]) -> None:
    """Insert new messages; the caller's transaction makes a group of them whole."""
    _ADD.run(conn, values(rows))


def get(conn: Connection, message_id: str) -> OutboxRow | None:
    """One message by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": message_id}))


def due(conn: Connection, members: Sequence[str], now: datetime, limit: int) -> list[OutboxRow]:
    """Open messages of these members whose time to be sent has come, in their order."""
    given = {"members": list(members), "now": now, "limit": limit}
    return _ROWS.rows(conn.execute(_DUE, given)) if members else []


def mark_sent(conn: Connection, ids: Iterable[str], next_at: datetime) -> None:
    """Count an attempt; without a receipt it is due again at `next_at`."""
    for part in slices(ids):
        conn.execute(_SENT, {"ids": part, "at": next_at})


def wake(conn: Connection, members: Sequence[str], now: datetime) -> int:
    """Have what was sent once and not receipted sent now, as if for the first time; how many.

    After a start: a process that was killed may have noted a sending that never happened. The
    bus drops what it has already, for it comes under the same `Nats-Msg-Id`.
    """
    return conn.execute(_WAKE, {"members": list(members), "at": now}).rowcount if members else 0


def postpone(conn: Connection, ids: Iterable[str], until: datetime) -> None:
    """The bus did not take these; try again at `until`."""
    for part in slices(ids):
        conn.execute(_POSTPONE, {"ids": part, "at": until})


def close(
    conn: Connection,
    message_id: str,
    state: State,
    receipt_id: str | None,
    verdict: Any,
    at: datetime,
    renewed_as: str | None = None,
) -> bool:
    """The gateway's receipt came; False if the message is unknown or was closed before."""
    given = {
        "the_id": message_id,
        "now_state": state,
        "receipt": receipt_id,
        "answer": verdict,
        "at": at,
        "newer": renewed_as,
    }
    return conn.execute(_CLOSE, given).rowcount == 1


def waiting_rows(conn: Connection, member: str, ids: Iterable[str]) -> list[OutboxRow]:
    """Those messages of `member` among `ids` that have no receipt yet."""
    names = _ROWS.names
    return [
        OutboxRow(**dict(zip(names, row, strict=True)))
        for row in _WAITING_ROWS.run(conn, (member, OPEN), ids)
    ]


def close_many(
    conn: Connection, answers: Sequence[Answer], receipt_id: str | None, at: datetime
) -> None:
    """One receipt answered all these; what was closed before stays as it is."""
    given = [
        {
            "the_id": one.id,
            "now_state": one.state,
            "receipt": receipt_id,
            "answer": one.verdict,
            "at": at,
            "newer": None,
        }
        for one in answers
    ]
    if given:
        conn.execute(_CLOSE, given)


def answers(conn: Connection, ids: Iterable[str]) -> list[Answer]:
    """How these messages stand, those that have no answer too."""
    return [Answer(**dict(zip(_FIELDS, row, strict=True))) for row in _ANSWERS.run(conn, (), ids)]


def answers_by_now(conn: Connection, ids: Iterable[str]) -> list[Answer]:
    """How these messages stand; of one that was signed anew, the one that took its place."""
    found = answers(conn, ids)
    newer = [one.renewed_as for one in found if one.renewed_as is not None]
    kept = [one for one in found if one.renewed_as is None]
    return [*kept, *answers_by_now(conn, newer)] if newer else kept


def closed(conn: Connection, ids: Iterable[str]) -> list[Answer]:
    """The answers to those of `ids` that have one."""
    return [one for one in answers(conn, ids) if one.state != OPEN]


def requeue(
    conn: Connection, member: str, first: int, last: int, now: datetime, limit: int = 200
) -> int:
    """Have the lowest `limit` of the numbers `first` to `last` sent again; how many can be.

    An accepted message is sent again too, for a gateway restored from an older copy of its books
    asks for what it once had; a refused one is not.
    """
    span = {"whose": member, "first": first, "last": last, "limit": limit}
    ids = conn.execute(_ASKED_FOR, span).scalars().all()
    for part in slices(ids):
        conn.execute(_REQUEUE, {"ids": part, "at": now})
    return len(ids)


def refused_in(conn: Connection, member: str, first: int, last: int, limit: int) -> list[int]:
    """The lowest `limit` of the numbers `first` to `last` under which all that was sent was
    refused."""
    span = {"whose": member, "first": first, "last": last, "limit": limit}
    return list(conn.execute(_REFUSED_IN, span).scalars())


def unanswered(conn: Connection, member: str) -> tuple[int, datetime | None]:
    """How many messages of `member` have no receipt yet, and when the oldest was made."""
    count, oldest = conn.execute(_OPEN, {"member": member}).one()
    return int(count), oldest


def search(
    conn: Connection, member: str, *, state: str | None = None, limit: int = 100
) -> list[OutboxRow]:
    """The latest messages of `member`, newest first."""
    wanted: list[ColumnElement[bool]] = [outbox.c.member == member]
    if state is not None:
        wanted.append(outbox.c.state == state)
    query = _ROWS.select.where(*wanted).order_by(outbox.c.created_at.desc(), outbox.c.id.desc())
    return _ROWS.rows(conn.execute(query.limit(limit)))


def said(conn: Connection, message_id: str) -> Said | None:
    """One message without its body."""
    return _SAID.row(conn.execute(_SAID.select.where(outbox.c.id == message_id)))


def page(
    conn: Connection,
    member: str,
    *,
    notices: bool,
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Said]:
    """Messages of `member` without their bodies, newest first: its records, or `notices` of the
    exchange's own types. `before`: moment and id of the last one seen."""
    wanted: list[ColumnElement[bool]] = [outbox.c.member == member, outbox.c.notice == notices]
    if before is not None:
        at, message_id = before
        wanted += [
            outbox.c.created_at <= at,
            (outbox.c.created_at < at) | (outbox.c.id < message_id),
        ]
    order = (outbox.c.created_at.desc(), outbox.c.id.desc())
    return _SAID.rows(conn.execute(_SAID.select.where(*wanted).order_by(*order).limit(limit)))


def erase_closed(conn: Connection, member: str, before: datetime) -> int:
    """Drop the bodies of messages receipted before `before`; how many."""
    return conn.execute(_ERASE, {"whose": member, "before": before}).rowcount
