"""Forgetting at the edge: bodies older than an edge keeps them, and the keys nothing needs now.

gone = forget(conn, desks, timedelta(days=90), now)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jdgate.edge.desk import Desk
from jdgate.store import edge_keys, inbox, outbox


def forget(conn: Connection, desks: Mapping[str, Desk], keep: timedelta, now: datetime) -> int:
    """Erase bodies closed more than `keep` ago, and shred keys of those days; how many of both.

    Keys are shared by the members of one database, so a key stays while any of them needs it.
    """
    before = now - keep
    gone = 0
    for member in desks:
        gone += outbox.erase_closed(conn, member, before)
        gone += inbox.erase_done(conn, member, before)
    for vault in {id(desk.vault): desk.vault for desk in desks.values()}.values():
        gone += vault.shred_idle(conn, before.date(), edge_keys.in_use(conn), now)
    return gone
