"""Signing in and out, kept until it stands in the ledger (`jdgate.web.acting`), in the transaction
in which it happens.

A failed try is not kept, and neither is a name that nobody has: what was typed there may be a
password. That a name rests, because too many tries failed, is.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jdgate.store import people
from jdgate.store.people import ActRow

LINKED = "operator.linked"
SIGNED_IN, SIGNED_OUT, RESTING = people.SIGN_INS


def came(conn: Connection, login: str, now: datetime) -> None:
    """Somebody signed in."""
    _note(conn, SIGNED_IN, login, login, now)


def left(conn: Connection, login: str, now: datetime) -> None:
    """Somebody signed out."""
    _note(conn, SIGNED_OUT, login, login, now)


def linked(conn: Connection, login: str, now: datetime) -> None:
    """Somebody came by a provider for the first time, and is known by it from now on."""
    _note(conn, LINKED, login, login, now)


def rests(conn: Connection, login: str, now: datetime) -> None:
    """A try just failed; note it if the name rests now."""
    tried = people.get_try(conn, login)
    if tried is not None and tried.until > now:
        _note(conn, RESTING, login, "", now)


def _note(conn: Connection, act: str, login: str, by: str, now: datetime) -> None:
    row = people.get(conn, login)
    if row is not None:
        people.note_act(conn, ActRow(at=now, act=act, about=login, member=row.member, by=by))
