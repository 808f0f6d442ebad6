"""Edge: what corrections say of the messages that a member got, so that a reader sees it first.

A mark belongs to one record of one message in the inbox; it stays when the body is forgotten and
may be there before the message itself, because the two may come in any order.

    marks.add(conn, [MarkRow(member="tra", id=…, record=0, mark="withdrawn", by=…, at=now)])
    marks.standing(conn, "tra", ids)        # id → record → the mark that counts now
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, bindparam

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader, any_of, slices, values
from jdgate.store.edge_tables import inbox_mark


class MarkRow(Struct, kw_only=True):
    """Message `by` says that record number `record` of message `id` is `mark`.

    `mark`: disputed, corrected, withdrawn or upheld; `item`: the field, where it may be known;
    `replaced_by`: the provider's message that replaces the record.
    """

    member: str
    id: str
    record: int
    by: str
    mark: str
    at: datetime
    item: str | None = None
    replaced_by: str | None = None


_ROWS = Reader(inbox_mark, MarkRow)
_ADD = Upsert(inbox_mark)
_OF = _ROWS.select.where(
    inbox_mark.c.member == bindparam("whose"), inbox_mark.c.id.in_(any_of("ids"))
).order_by(inbox_mark.c.at, inbox_mark.c.by)


def add(conn: Connection, rows: Sequence[MarkRow]) -> None:
    """Keep marks; what a message said before stays."""
    _ADD.run(conn, values(rows))


def standing(conn: Connection, member: str, ids: Iterable[str]) -> dict[str, dict[int, MarkRow]]:
    """Of each of these messages that has one: the latest mark of each record."""
    found: dict[str, dict[int, MarkRow]] = {}
    for part in slices(ids):
        for row in _ROWS.rows(conn.execute(_OF, {"whose": member, "ids": part})):
            found.setdefault(row.id, {})[row.record] = row
    return found
