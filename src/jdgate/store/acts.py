"""Acts of operators that are on their way into the ledger, oldest first.

rows = acts.after(conn, told, 500)
acts.drop_sign_ins(conn, rows[-1].id)
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select

from jdgate.store.people import SIGN_INS
from jdgate.store.people_tables import act


class KeptAct(Struct, frozen=True):
    """An act of an operator, with its place in the order of all."""

    id: int
    at: datetime
    act: str
    about: str
    member: str
    by: str


def after(conn: Connection, id: int, limit: int) -> list[KeptAct]:
    """Acts after the one of this id."""
    columns = (act.c.id, act.c.at, act.c.act, act.c.about, act.c.member, act.c.by)
    query = select(*columns).where(act.c.id > id).order_by(act.c.id).limit(limit)
    return [KeptAct(*row) for row in conn.execute(query)]


def last(conn: Connection) -> int:
    """The number of the latest act."""
    return int(conn.execute(select(func.max(act.c.id))).scalar() or 0)


def drop_sign_ins(conn: Connection, told: int) -> None:
    """Forget sign-ins that the ledger has: all before the act `told`, which keeps the count."""
    conn.execute(delete(act).where(act.c.id < told, act.c.act.in_(SIGN_INS)))
