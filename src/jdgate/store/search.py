"""Finding messages in the books: what members sent, what was made for members, by id.

Rules:
- a page is the next rows below a place (`Place`): the moment and the id of the row before it, so
  that any page costs what the first one does. Nothing is counted;
- what was sent is a row of `message`, what was made for a member one of `delivery`. Bodies are
  never read here.

    rows = search.sent(conn, Wanted(member="cln-01", verdict="refused"), below=None, limit=50)
    rows = search.made(conn, Wanted(member="pol"), below=Place(rows[-1].at, rows[-1].id), limit=50)
    known = search.named(conn, some_id)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, or_, select

from jdgate.store.columns import slices
from jdgate.store.tables import delivery, draft, message, subject_index

HOUSEKEEPING = tuple(
    f"sys.{name}.v1"
    for name in (
        "alert.life", "alert.step", "draft.decision", "draft.withdrawn", "looks.resumed",
        "operator.acted", "record.looked",
    )
)  # fmt: skip
"""The exchange's own notices, which stand in the chains of what they are about: found only by their
type."""


class Place(NamedTuple):
    """Where a page begins: below the row of this moment and id."""

    at: datetime
    id: str


class Wanted(Struct, frozen=True, kw_only=True):
    """What is looked for; None: any. `since` is included, `until` is not."""

    member: str | None = None
    type: str | None = None
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Found(Struct, frozen=True, kw_only=True):
    """A message as its sender knows it (`kind` message), or as a recipient does (delivery).

    `message`: the message a delivery came from; None for what the gateway originated.
    """

    kind: Literal["message", "delivery"]
    id: str
    at: datetime
    type: str
    source: str = ""
    recipient: str = ""
    verdict: str = ""
    code: str | None = None
    records: int | None = None
    accepted: int | None = None
    state: str = ""
    message: str | None = None
    alert: str | None = None
    draft: str | None = None
    erased_at: datetime | None = None


_m, _d = message.c, delivery.c
_SENT = select(
    _m.id, _m.received_at.label("at"), _m.type, _m.source, _m.verdict, _m.code, _m.records,
    _m.accepted, _m.erased_at,
)  # fmt: skip
_MADE = select(
    _d.id, _d.created_at.label("at"), _d.type, _d.recipient, _d.state,
    _d.message_id.label("message"), _d.alert_id.label("alert"), _d.draft_id.label("draft"),
    _d.erased_at, func.coalesce(_m.source, "").label("source"),
).select_from(delivery.outerjoin(message, _d.message_id == _m.id))  # fmt: skip

_DRAFT_OF = select(draft.c.id).where(draft.c.message_id == bindparam("message")).limit(1)


def sent(conn: Connection, wanted: Wanted, *, below: Place | None, limit: int) -> list[Found]:
    """What members sent and the gateway judged, newest first; `wanted.member` is the sender."""
    return [_sent(row) for row in conn.execute(sent_query(wanted, below, limit))]


def sent_query(wanted: Wanted, below: Place | None, limit: int) -> Select[Any]:
    """The query of `sent`."""
    tests: list[ColumnElement[bool]] = []
    if wanted.member is not None:
        tests.append(_m.source == wanted.member)
    tests.append(
        _m.type == wanted.type if wanted.type is not None else _m.type.not_in(HOUSEKEEPING)
    )
    if wanted.verdict is not None:
        tests.append(_m.verdict == wanted.verdict)
    return _page(_SENT.where(*tests), _m.received_at, _m.id, wanted, below, limit)


def made(
    conn: Connection, wanted: Wanted, *, below: Place | None, limit: int, own: bool = False
) -> list[Found]:
    """What was made for members, newest first; `wanted.member` is the recipient.

    `own`: only what the gateway originated (alerts, drafts), not what came from a message.
    """
    return [_made(row) for row in conn.execute(made_query(wanted, below, limit, own=own))]


def made_query(wanted: Wanted, below: Place | None, limit: int, *, own: bool) -> Select[Any]:
    """The query of `made`."""
    tests: list[ColumnElement[bool]] = []
    if wanted.member is not None:
        tests.append(_d.recipient == wanted.member)
    if own:
        tests.append(_d.message_id.is_(None))
    if wanted.type is not None:
        tests.append(_d.type == wanted.type)
    else:
        tests.append(_d.type.not_in(HOUSEKEEPING))
    return _page(_MADE.where(*tests), _d.created_at, _d.id, wanted, below, limit)


def about(
    conn: Connection, subjects: Iterable[bytes], limit: int, without: Iterable[str] = ()
) -> list[Found]:
    """Messages with a record about one of these pseudonyms that was shown to somebody, newest
    first, at most `limit`; none of the domains `without`."""
    wanted = list(subjects)
    ids = (
        select(subject_index.c.message_id)
        .where(subject_index.c.subject.in_(wanted), subject_index.c.domain.not_in(list(without)))
        .distinct()
        # ids are sorted by time (UUIDv7)
        .order_by(subject_index.c.message_id.desc())
        .limit(limit)
    )
    found: list[Found] = []
    for part in slices(conn.execute(ids).scalars()):
        # a message, or what the gateway made of its own
        found += [_sent(row) for row in conn.execute(_SENT.where(_m.id.in_(part)))]
        found += [_made(row) for row in conn.execute(_MADE.where(_d.id.in_(part)))]
    return sorted(found, key=lambda row: (row.at, row.id), reverse=True)


def named(conn: Connection, id_: str) -> list[Found]:
    """What has this id, or was made for an alert or a draft of this id, in the order it was
    made."""
    found = [_sent(row) for row in conn.execute(_SENT.where(_m.id == id_))]
    for column in (_d.id, _d.alert_id, _d.draft_id):
        query = _MADE.where(column == id_).order_by(_d.created_at, _d.id)
        found += [_made(row) for row in conn.execute(query)]
    return found


def told(conn: Connection, message_ids: Iterable[str]) -> dict[str, list[str]]:
    """Message → whom something of it was made for."""
    found: dict[str, list[str]] = {}
    for part in slices(message_ids):
        query = select(_d.message_id, _d.recipient).where(_d.message_id.in_(part))
        for id_, recipient in conn.execute(query.order_by(_d.message_id, _d.recipient)):
            found.setdefault(id_, []).append(recipient)
    return found


def told_of(
    conn: Connection, subjects: Iterable[bytes], message_ids: Iterable[str]
) -> dict[str, list[str]]:
    """Message → who was shown a record in it about one of these pseudonyms: not everybody whom
    something of a message with many people's records was made for."""
    wanted, found = list(subjects), dict[str, list[str]]()
    shown = (subject_index.c.subject.in_(wanted), subject_index.c.recipient != "")
    columns = (subject_index.c.message_id, subject_index.c.recipient)
    for part in slices(message_ids):
        query = select(*columns).where(*shown, subject_index.c.message_id.in_(part)).distinct()
        for id_, recipient in conn.execute(query.order_by(*columns)):
            found.setdefault(id_, []).append(recipient)
    return found


def draft_of(conn: Connection, message_id: str) -> str | None:
    """The draft that a message was sent for."""
    found: str | None = conn.execute(_DRAFT_OF, {"message": message_id}).scalar()
    return found


def corrections_of(conn: Connection, message_id: str, limit: int) -> list[str]:
    """Corrections about the people of a message, by their ids: some may be of other records."""
    people = select(subject_index.c.subject).where(subject_index.c.message_id == message_id)
    query = (
        select(subject_index.c.message_id)
        .where(subject_index.c.subject.in_(people), subject_index.c.domain == "correct")
        .distinct()
        .order_by(subject_index.c.message_id)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def _page(
    query: Select[Any], at: Any, id_: Any, wanted: Wanted, below: Place | None, limit: int
) -> Select[Any]:
    if wanted.since is not None:
        query = query.where(at >= wanted.since)
    if wanted.until is not None:
        query = query.where(at < wanted.until)
    if below is not None:
        # the first test is for the index, the second for rows of one moment
        query = query.where(at <= below.at, or_(at < below.at, id_ < below.id))
    return query.order_by(at.desc(), id_.desc()).limit(limit)


def _sent(row: Any) -> Found:
    return Found(kind="message", **row._mapping)


def _made(row: Any) -> Found:
    return Found(kind="delivery", **row._mapping)
