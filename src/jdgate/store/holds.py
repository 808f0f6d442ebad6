"""Members whose queries are suspended, and whom a member asked about; operators who may open no
content (S2).

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
_LOOKS = "looks:"


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


def stop_looks(conn: Connection, member: str, operator: str, now: datetime) -> None:
    """A member says that its operator was stopped."""
    meta.put(conn, f"{_LOOKS}{member}:{operator}", str(to_ms(now)))


def resume_looks(conn: Connection, member: str, operator: str) -> bool:
    """The operator may go on; False when they were not stopped."""
    key = f"{_LOOKS}{member}:{operator}"
    if meta.get(conn, key) is None:
        return False
    meta.drop(conn, key)
    return True


def stopped(conn: Connection) -> list[tuple[str, str, datetime]]:
    """Member and operator who may open nothing, and since when."""
    found = []
    for key in meta.find(conn, _LOOKS, 1000):
        member, _, operator = key.removeprefix(_LOOKS).partition(":")
        if (kept := meta.get(conn, key)) is not None:
            found.append((member, operator, from_ms(int(kept))))
    return found


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
