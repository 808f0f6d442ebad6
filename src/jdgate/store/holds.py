"""Members whose queries are suspended, and whom a member asked about.

holds.suspend(conn, "tra", now)
asked = holds.asked_about(conn, "tra", types, since)      # pseudonyms, per domain
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from jdgate.store import meta
from jdgate.store.columns import from_ms, to_ms
from jdgate.store.tables import message, subject_index

_PREFIX = "hold:"


def suspend(conn: Connection, member: str, now: datetime) -> None:
    """From now on its queries are refused."""
    meta.put(conn, _PREFIX + member, str(to_ms(now)))


def lift(conn: Connection, member: str) -> bool:
    """Its queries are let in again; False when they were not suspended."""
    if meta.get(conn, _PREFIX + member) is None:
        return False
    meta.drop(conn, _PREFIX + member)
    return True


def since(conn: Connection, member: str) -> datetime | None:
    """Since when its queries are suspended; None when they are not."""
    kept = meta.get(conn, _PREFIX + member)
    return None if kept is None else from_ms(int(kept))


def suspended(conn: Connection) -> list[tuple[str, datetime]]:
    """All members whose queries are suspended, and since when."""
    members = [key.removeprefix(_PREFIX) for key in meta.find(conn, _PREFIX, 1000)]
    return [(member, at) for member in members if (at := since(conn, member)) is not None]


def asked_about(conn: Connection, member: str, types: Iterable[str], since: datetime) -> set[bytes]:
    """The people whom a member's accepted queries since then were about, each once."""
    query = (
        select(subject_index.c.subject)
        .join(message, message.c.id == subject_index.c.message_id)
        .where(
            message.c.source == member,
            message.c.received_at >= since,
            message.c.type.in_(list(types)),
        )
        .distinct()
    )
    return set(conn.execute(query).scalars())
