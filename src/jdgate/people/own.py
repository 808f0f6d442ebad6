"""What operators do about their own account, on the connection of a transaction.

Rules:
- changing how one signs in ends every other session;
- a session is named by the beginning of its token's digest, which opens nothing.

    change_password(conn, "wang", kept, session, now)
    sessions(conn, "wang", session)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core.encoding import b64u
from jdgate.errors import Refused
from jdgate.people import accounts, credentials
from jdgate.people.accounts import Limits
from jdgate.store import people, web_sessions

_ID = 9
"""Bytes of a digest that name a session."""


def change_password(conn: Connection, login: str, kept: str, now: datetime) -> str:
    """Use another password (`kept`, its hash) from now on; the token of the only session left."""
    people.change(conn, login, password=kept)
    people.drop_links(conn, login)
    web_sessions.end_all(conn, login)
    return accounts.session(conn, login, now)


def sessions(
    conn: Connection, login: str, token: str, limits: Limits, now: datetime
) -> list[dict[str, Any]]:
    """Where somebody is signed in; `here`: the browser of this token."""
    mine = credentials.digest(token)
    return [
        {
            "id": b64u(row.token[:_ID]),
            "began_at": row.began_at.isoformat(timespec="milliseconds"),
            "seen_at": row.seen_at.isoformat(timespec="milliseconds"),
            "here": row.token == mine,
        }
        for row in web_sessions.of(conn, login)
        if not accounts.is_over(row, limits, now)
    ]


def end_session(conn: Connection, login: str, id: str) -> None:
    """End one of somebody's own sessions.

    Raises:
        Refused: `people.session_unknown`.
    """
    for row in web_sessions.of(conn, login):
        if b64u(row.token[:_ID]) == id:
            web_sessions.end(conn, row.token)
            return
    raise Refused("people.session_unknown")


def end_others(conn: Connection, login: str, token: str) -> None:
    """End all of somebody's sessions but the one of this token."""
    web_sessions.end_all(conn, login, but=credentials.digest(token))
