"""Signed directories: all versions the gateway published, and the copies members hold.

A message is judged by the directory in force when it came, so old versions are kept.

    directories.publish(conn, version, jws, now)
    directories.in_force(conn, received_at)
    directories.keep_copy(edge_conn, "cln-01", version, jws, now)
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, bindparam, insert, select

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.edge_tables import directory_copy
from jdgate.store.tables import directory


class Published(Struct, frozen=True):
    """A published directory: the authority's JWS, byte for byte."""

    version: int
    jws: bytes
    published_at: datetime


_ROWS = Reader(directory, Published)
_PUBLISH = insert(directory)
_GET = _ROWS.select.where(directory.c.version == bindparam("version"))
_LATEST = _ROWS.select.order_by(directory.c.version.desc()).limit(1)
_IN_FORCE = (
    _ROWS.select.where(directory.c.published_at <= bindparam("at"))
    .order_by(directory.c.version.desc())
    .limit(1)
)
_KEEP = Upsert(directory_copy, on=["member", "version"])
_COPIES = (
    select(directory_copy.c.version, directory_copy.c.jws, directory_copy.c.received_at)
    .where(directory_copy.c.member == bindparam("member"))
    .order_by(directory_copy.c.version)
)


def publish(conn: Connection, version: int, jws: bytes, at: datetime) -> None:
    """Keep a new version; versions are never replaced."""
    conn.execute(_PUBLISH, {"version": version, "jws": jws, "published_at": at})


def get(conn: Connection, version: int) -> Published | None:
    """One version."""
    return _ROWS.row(conn.execute(_GET, {"version": version}))


def latest(conn: Connection) -> Published | None:
    """The newest version."""
    return _ROWS.row(conn.execute(_LATEST))


def in_force(conn: Connection, at: datetime) -> Published | None:
    """The version that was the newest at `at`."""
    return _ROWS.row(conn.execute(_IN_FORCE, {"at": at}))


def keep_copy(conn: Connection, member: str, version: int, jws: bytes, at: datetime) -> None:
    """Edge: keep a verified copy for `member`. Its verifier refuses lower versions, not this."""
    row = {"member": member, "version": version, "jws": jws, "received_at": at}
    _KEEP.run(conn, [row])


def copies(conn: Connection, member: str) -> list[Published]:
    """Edge: all copies `member` holds, lowest version first: each is signed by a key that an
    earlier one names."""
    return [Published(*row) for row in conn.execute(_COPIES, {"member": member})]
