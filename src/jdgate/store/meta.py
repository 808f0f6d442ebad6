"""Small facts that a database keeps about itself: the county, the clock's high-water mark.

meta.put(conn, "county", "511623")
late = meta.raise_clock(conn, now)      # None, or the later time seen before: clock set back
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import from_ms, to_ms
from jdgate.store.tables import meta

_GET = select(meta.c.value).where(meta.c.key == bindparam("key"))
_PUT = Upsert(meta, on=["key"], update=["value"])
_CLOCK = "clock"


def get(conn: Connection, key: str) -> str | None:
    """The value kept under `key`."""
    found: str | None = conn.execute(_GET, {"key": key}).scalar()
    return found


def find(conn: Connection, prefix: str, limit: int) -> list[str]:
    """Up to `limit` keys that begin with `prefix`."""
    query = select(meta.c.key).where(meta.c.key.startswith(prefix, autoescape=True))
    return list(conn.execute(query.order_by(meta.c.key).limit(limit)).scalars())


def put(conn: Connection, key: str, value: str) -> None:
    """Keep `value` under `key`, over what was there."""
    _PUT.run(conn, [{"key": key, "value": value}])


def swap(conn: Connection, key: str, old: str, new: str) -> bool:
    """Keep `new` under `key` if `old` is there; False when somebody else was faster."""
    mine = update(meta).where(meta.c.key == key, meta.c.value == old)
    return conn.execute(mine.values(value=new)).rowcount == 1


def drop(conn: Connection, key: str) -> None:
    """Forget `key`."""
    conn.execute(delete(meta).where(meta.c.key == key))


def clock(conn: Connection) -> datetime | None:
    """The latest time noted by `raise_clock`."""
    found = get(conn, _CLOCK)
    return None if found is None else from_ms(int(found))


def raise_clock(conn: Connection, now: datetime) -> datetime | None:
    """Note `now` as the latest time seen.

    Returns the time seen before if it is later than `now` (the clock was set back), which is then
    kept; else None.
    """
    before = clock(conn)
    if before is not None and before > now:
        return before
    put(conn, _CLOCK, str(to_ms(now)))
    return None
