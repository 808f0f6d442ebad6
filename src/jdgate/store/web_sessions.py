"""Who is signed in, and which systems may call the HTTP API. Tokens are kept as their SHA-256.

web_sessions.begin(conn, digest, "wang", now)
web_sessions.get(conn, digest)
web_sessions.add_token(conn, TokenRow(…))
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import Connection, delete, func, insert, select, update

from jdgate.store.columns import Reader
from jdgate.store.people_tables import api_token, web_session


class SessionRow(Struct, frozen=True, kw_only=True):
    """A browser that is signed in."""

    token: bytes
    login: str
    began_at: datetime
    seen_at: datetime


class TokenRow(Struct, frozen=True, kw_only=True):
    """A department's system: it may send `types`, and fetch what came if it `receives`. One of a
    member with its `own_key` brings finished messages instead."""

    id: str
    token: bytes
    member: str
    name: str
    types: list[str]
    receives: bool
    created_at: datetime
    expires_at: datetime
    own_key: bool = False
    revoked_at: datetime | None = None


_SESSIONS = Reader(web_session, SessionRow)
_TOKENS = Reader(api_token, TokenRow)


def begin(conn: Connection, row: SessionRow) -> None:
    """Somebody signed in."""
    conn.execute(insert(web_session), [structs.asdict(row)])


def get(conn: Connection, token: bytes) -> SessionRow | None:
    """The session of a token's digest, however old."""
    return _SESSIONS.row(conn.execute(_SESSIONS.select.where(web_session.c.token == token)))


def several(conn: Connection, tokens: Collection[bytes]) -> list[SessionRow]:
    """The sessions of these tokens' digests, however old."""
    return _SESSIONS.rows(conn.execute(_SESSIONS.select.where(web_session.c.token.in_(tokens))))


def seen(conn: Connection, token: bytes, at: datetime) -> None:
    """Its person did something."""
    conn.execute(update(web_session).where(web_session.c.token == token).values(seen_at=at))


def end(conn: Connection, token: bytes) -> None:
    """That browser is signed out."""
    conn.execute(delete(web_session).where(web_session.c.token == token))


def of(conn: Connection, login: str) -> list[SessionRow]:
    """Where somebody is signed in, the latest first."""
    query = _SESSIONS.select.where(web_session.c.login == login)
    return _SESSIONS.rows(conn.execute(query.order_by(web_session.c.began_at.desc())))


def end_all(conn: Connection, login: str, *, but: bytes = b"") -> int:
    """An operator is signed out everywhere, in one browser not (`but`); of how many browsers."""
    mine = (web_session.c.login == login, web_session.c.token != but)
    return conn.execute(delete(web_session).where(*mine)).rowcount


def drop_old(conn: Connection, *, began: datetime) -> None:
    """Forget sessions that began before `began`."""
    conn.execute(delete(web_session).where(web_session.c.began_at < began))


def count(conn: Connection, *, began: datetime, seen: datetime) -> int:
    """How many browsers are signed in: begun and used after these moments."""
    alive = (web_session.c.began_at > began, web_session.c.seen_at > seen)
    return int(conn.execute(select(func.count()).where(*alive)).scalar_one())


def count_tokens(conn: Connection, now: datetime) -> int:
    """How many systems have a token that is good."""
    good = (api_token.c.revoked_at.is_(None), api_token.c.expires_at > now)
    return int(conn.execute(select(func.count()).where(*good)).scalar_one())


def add_token(conn: Connection, row: TokenRow) -> None:
    """Keep a system's token."""
    conn.execute(insert(api_token), [structs.asdict(row)])


def token(conn: Connection, digest: bytes) -> TokenRow | None:
    """The system whose token has this digest."""
    return _TOKENS.row(conn.execute(_TOKENS.select.where(api_token.c.token == digest)))


def tokens(conn: Connection, members: Collection[str] | None = None) -> list[TokenRow]:
    """All of them, or those of some members, by member and name."""
    wanted = [] if members is None else [api_token.c.member.in_(members)]
    order = (api_token.c.member, api_token.c.name, api_token.c.id)
    return _TOKENS.rows(conn.execute(_TOKENS.select.where(*wanted).order_by(*order)))


def token_of(conn: Connection, id: str) -> TokenRow | None:
    """The system of a token's id."""
    return _TOKENS.row(conn.execute(_TOKENS.select.where(api_token.c.id == id)))


def revoke_token(conn: Connection, id: str, at: datetime) -> bool:
    """End a token; False when there is none that is alive."""
    alive = update(api_token).where(api_token.c.id == id, api_token.c.revoked_at.is_(None))
    return conn.execute(alive.values(revoked_at=at)).rowcount == 1
