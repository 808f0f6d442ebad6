"""What systems asked for over HTTP, by their own ids: asked again, it is answered and not done.

requests.get(conn, "cln-01", system, "2026-11-21/1")
requests.add(conn, RequestRow(…))                      # in the transaction that did it
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, insert

from jdgate.store.columns import Reader
from jdgate.store.edge_tables import api_request


class RequestRow(Struct, frozen=True, kw_only=True):
    """`digest`: SHA-256 of what was asked; `answer`: what was answered."""

    member: str
    system: str
    id: str
    digest: bytes
    answer: Any
    at: datetime


_ROWS = Reader(api_request, RequestRow)


def get(conn: Connection, member: str, system: str, id: str) -> RequestRow | None:
    """The request of this id."""
    where = (
        api_request.c.member == member, api_request.c.system == system, api_request.c.id == id
    )  # fmt: skip
    return _ROWS.row(conn.execute(_ROWS.select.where(*where)))


def add(conn: Connection, row: RequestRow) -> None:
    """Keep a request with its answer."""
    conn.execute(insert(api_request), [structs.asdict(row)])


def drop_old(conn: Connection, before: datetime) -> int:
    """Forget requests made before `before`; how many."""
    return conn.execute(delete(api_request).where(api_request.c.at < before)).rowcount
