"""What is due, by day: expectations that wait for a message, and the deadlines of alerts.

A day is one of the county's (UTC+8). What is due at midnight is due by the end of the day before,
so a span of time is open at its beginning and closed at its end. Nothing here reads a whole table:
days are counted from the indexes of what is due, and lists are read a page at a time from where the
last one ended.

    agenda.by_day(conn, begin, end, of="cln-01")           # {date: Day(open=3, missed=1, …)}
    agenda.awaited(conn, begin, end, after=cursor, limit=50)
    agenda.missed(conn, limit=50)
    agenda.owed(conn, begin, end, limit=50)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    func,
    select,
    tuple_,
    type_coerce,
)

from jdgate.core.alerts import AlertLife
from jdgate.store.columns import EPOCH, Reader
from jdgate.store.expectations import FIRED, OPEN, SETTLED, ExpectationRow
from jdgate.store.tables import alert, expectation

_DAY_MS, _EAST_MS = 86_400_000, 8 * 3_600_000


class Day(Struct, frozen=True):
    """How many messages were awaited by a day's end and have not come yet (`open`), have come
    (`came`) or came after it (`late`), and are missing (`missed`); deadlines of alerts (`owed`)."""

    open: int = 0
    came: int = 0
    late: int = 0
    missed: int = 0
    owed: int = 0


class Awaited(Struct, frozen=True):
    """So many messages of a type awaited by one moment, from one sender, by one rule."""

    due_at: datetime
    awaits: str
    of: str
    rule: str
    count: int


_EXPECTATIONS = Reader(expectation, ExpectationRow)
_ALERTS = Reader(alert, AlertLife)
_GROUP = (expectation.c.due_at, expectation.c.awaits, expectation.c.of, expectation.c.rule)
_IS_MISSED = expectation.c.statement.is_not(None)


def _day(column: Any) -> ColumnElement[int]:
    return (type_coerce(column, BigInteger) - 1 + _EAST_MS) // _DAY_MS


def _between(column: Any, begin: datetime | None, end: datetime | None) -> list[Any]:
    return [
        *([] if begin is None else [column > begin]),
        *([] if end is None else [column <= end]),
    ]


def _past(columns: Sequence[Any], after: Sequence[Any]) -> Any:
    """Further on than a row with these values."""
    given = [
        bindparam(f"past{place}", value, type_=column.type)
        for place, (column, value) in enumerate(zip(columns, after, strict=True))
    ]
    return tuple_(*columns) > tuple_(*given)


def by_day(
    conn: Connection, begin: datetime, end: datetime, of: str | None = None
) -> dict[date, Day]:
    """What falls due on each day of a span on which anything does; of all senders and desks, or of
    one."""
    days: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    mine = [] if of is None else [expectation.c.of == of]
    waits = [expectation.c.awaits != "", *_between(expectation.c.due_at, begin, end), *mine]
    day = _day(expectation.c.due_at)
    names = {OPEN: "open", SETTLED: "came", FIRED: "late"}
    for state, name in names.items():
        query = select(day, func.count()).where(expectation.c.state == state, *waits).group_by(day)
        for place, count in conn.execute(query):
            days[place][name] += count
    for place, count in conn.execute(
        select(day, func.count()).where(_IS_MISSED, *waits).group_by(day)
    ):
        days[place]["missed"] += count
        days[place]["late"] -= count  # what fired and is missing has not come late: not at all
    desk = [] if of is None else [alert.c.recipient == of]
    due = _day(alert.c.deadline_at)
    owed = select(due, func.count()).where(*_between(alert.c.deadline_at, begin, end), *desk)
    for place, count in conn.execute(owed.group_by(due)):
        days[place]["owed"] += count
    first = EPOCH.date().toordinal()
    return {
        date.fromordinal(first + place): Day(**{name: max(n, 0) for name, n in found.items()})
        for place, found in sorted(days.items())
    }


def awaited(
    conn: Connection,
    begin: datetime | None,
    end: datetime,
    *,
    of: str | None = None,
    after: Sequence[Any] = (),
    limit: int,
) -> list[Awaited]:
    """What has not come yet and is awaited by then, the first due first; alike ones counted
    together. `after`: the first four values of the last row of the page before."""
    wanted = [
        expectation.c.state == OPEN,
        expectation.c.awaits != "",
        *_between(expectation.c.due_at, begin, end),
        *([] if of is None else [expectation.c.of == of]),
        *([_past(_GROUP, after)] if after else []),
    ]
    query = select(*_GROUP, func.count()).where(*wanted).group_by(*_GROUP).order_by(*_GROUP)
    return [Awaited(*row) for row in conn.execute(query.limit(limit))]


def missed(
    conn: Connection,
    begin: datetime | None = None,
    end: datetime | None = None,
    *,
    of: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int,
) -> list[ExpectationRow]:
    """What had not come by its deadline and has not come since, the last due first. `before`: due
    time and statement of the last row of the page before."""
    place = (expectation.c.due_at, expectation.c.statement)
    wanted = [
        _IS_MISSED,
        *_between(expectation.c.due_at, begin, end),
        *([] if of is None else [expectation.c.of == of]),
    ]
    if before is not None:
        due, statement = before
        given: tuple[Any, ...] = (
            bindparam("due", due, type_=place[0].type),
            bindparam("statement_", statement),
        )
        wanted.append(tuple_(*place) < tuple_(*given))
    query = _EXPECTATIONS.select.where(*wanted).order_by(*(each.desc() for each in place))
    return _EXPECTATIONS.rows(conn.execute(query.limit(limit)))


def missed_by(conn: Connection, of: str | None = None) -> list[tuple[str, str, int]]:
    """How many messages are missing: (type, sender, count), most first."""
    mine = [] if of is None else [expectation.c.of == of]
    kinds = (expectation.c.awaits, expectation.c.of)
    query = select(*kinds, func.count()).where(_IS_MISSED, *mine).group_by(*kinds)
    rows = [(row[0], row[1], int(row[2])) for row in conn.execute(query)]
    return sorted(rows, key=lambda row: (-row[2], row[0], row[1]))


def owed(
    conn: Connection,
    begin: datetime | None,
    end: datetime,
    *,
    of: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[AlertLife]:
    """Alerts on which a desk owes the next step by then, the first due first; without what they
    say. `after`: deadline and id of the last row of the page before."""
    place = (alert.c.deadline_at, alert.c.id)
    wanted = [
        *_between(alert.c.deadline_at, begin, end),
        *([] if of is None else [alert.c.recipient == of]),
        *([_past(place, after)] if after else []),
    ]
    query = _ALERTS.select.where(*wanted).order_by(*place).limit(limit)
    return [structs.replace(life, body=None) for life in _ALERTS.rows(conn.execute(query))]
