"""What a database driver raises, as one of ours: the only place that knows drivers' error codes.

    SQLITE_FULL, 53100                  TransportFailed("books.full")
    SQLITE_BUSY, deadlock, 55P03        TransportFailed("books.busy")
    SQLITE_CORRUPT, SQLITE_NOTADB, XX00x  Refused("books.corrupt")
    any other operational failure       TransportFailed("books.unavailable")

A violated constraint or a malformed statement is a bug of ours and stays what it is. The texts of
drivers may quote values, so only the name of the error is told.
"""

from __future__ import annotations

import sqlite3

from jdgate.errors import JdgateError, Refused, TransportFailed

_SQLITE_FULL = {sqlite3.SQLITE_FULL}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SQLITE_UNAVAILABLE = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_NOMEM,
}
_PG_BUSY = {"40001", "40P01", "55P03", "53300", "57014"}
_PG_CORRUPT = {"XX001", "XX002"}
# classes: connection, authorisation, resources, operator intervention, system error
_PG_UNAVAILABLE = {"08", "28", "3D", "53", "57", "58"}


def translate(error: BaseException, books: str) -> JdgateError | None:
    """Our error for a driver's, or None when it is not an operational failure.

    `books` names the database to the person who reads the error: a path, or a host and name.
    """
    if isinstance(error, sqlite3.Error):
        return _from_sqlite(error, books)
    if hasattr(error, "sqlstate"):
        return _from_postgresql(error, books)
    return None


def _from_sqlite(error: sqlite3.Error, books: str) -> JdgateError | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    reason = str(getattr(error, "sqlite_errorname", code))
    primary = code & 0xFF  # extended codes carry the primary one in their low byte
    if primary in _SQLITE_FULL:
        return TransportFailed("books.full", books=books)
    if primary in _SQLITE_BUSY:
        return TransportFailed("books.busy", books=books)
    if primary in _SQLITE_CORRUPT:
        return Refused("books.corrupt", books=books, reason=reason)
    if primary in _SQLITE_UNAVAILABLE:
        return TransportFailed("books.unavailable", books=books, reason=reason)
    return None


def _from_postgresql(error: BaseException, books: str) -> JdgateError | None:
    state = getattr(error, "sqlstate", None)
    if state is None:
        # psycopg raises OperationalError without a state when no server answers
        if type(error).__name__ in {"OperationalError", "ConnectionTimeout", "InterfaceError"}:
            return TransportFailed("books.unavailable", books=books, reason=type(error).__name__)
        return None
    if state == "53100":
        return TransportFailed("books.full", books=books)
    if state in _PG_BUSY:
        return TransportFailed("books.busy", books=books)
    if state in _PG_CORRUPT:
        return Refused("books.corrupt", books=books, reason=state)
    if state[:2] in _PG_UNAVAILABLE or state == "25006":
        return TransportFailed("books.unavailable", books=books, reason=state)
    return None


def corrupt(books: str, reason: str) -> Refused:
    """The error for a database found damaged by other means than a driver's error."""
    return Refused("books.corrupt", books=books, reason=reason)
