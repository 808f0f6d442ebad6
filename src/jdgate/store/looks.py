"""Whom operators of hosted members opened content about today, and who may open nothing (S2).

seen = looks.seen(conn, "pol", "wang", "2026-01-05")
looks.note(conn, "pol", "wang", "2026-01-05", tokens)
looks.hold(conn, "pol", "wang", now)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from jdgate.store.bulk import Upsert
from jdgate.store.edge_tables import look, look_hold

_NOTE = Upsert(look)
_HOLD = Upsert(look_hold)


def seen(conn: Connection, member: str, operator: str, day: str) -> set[bytes]:
    """The people of a day, as pseudonyms; those of other days are forgotten here."""
    mine = (look.c.member == member, look.c.operator == operator)
    conn.execute(delete(look).where(*mine, look.c.day != day))
    return set(conn.execute(select(look.c.person).where(*mine)).scalars())


def note(conn: Connection, member: str, operator: str, day: str, people: Iterable[bytes]) -> None:
    """An operator opens content about these people."""
    rows = [
        {"member": member, "operator": operator, "day": day, "person": person}
        for person in sorted(people)
    ]
    _NOTE.run(conn, rows)


def hold(conn: Connection, member: str, operator: str, at: datetime) -> None:
    """From now on the operator may open nothing; who is held already stays so."""
    _HOLD.run(conn, [{"member": member, "operator": operator, "since": at}])


def held(conn: Connection, member: str, operator: str) -> bool:
    """Whether an operator may open nothing."""
    query = select(look_hold.c.since).where(
        look_hold.c.member == member, look_hold.c.operator == operator
    )
    return conn.execute(query).first() is not None


def lift(conn: Connection, member: str, operator: str) -> None:
    """An operator may open content again, and the day is counted anew."""
    for table in (look_hold, look):
        conn.execute(delete(table).where(table.c.member == member, table.c.operator == operator))
