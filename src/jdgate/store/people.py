"""Operators, the links that let them in for the first time, and tries to sign in.

people.add(conn, OperatorRow(login="wang", name="王医生", member="cln-01", role="approver", …))
people.get(conn, "wang")
people.note_try(conn, TryRow(…))
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.people_tables import act, link, operator, sign_in_try

ACTIVE, DISABLED = "active", "disabled"
SIGN_INS = ("operator.signed_in", "operator.signed_out", "operator.resting")
"""Acts that are kept only until the ledger has them."""


class OperatorRow(Struct, frozen=True, kw_only=True):
    """A person at a member. `password`: Argon2id, None until a link was used."""

    login: str
    name: str
    member: str
    role: str
    created_at: datetime
    state: str = ACTIVE
    password: str | None = None
    totp: bytes | None = None
    totp_step: int | None = None
    signed_in_at: datetime | None = None
    issuer: str | None = None
    subject: str | None = None


class ActRow(Struct, frozen=True, kw_only=True):
    """What was done about an operator or a system. `by`: a login; empty: a command."""

    at: datetime
    act: str
    about: str
    member: str
    by: str


class LinkRow(Struct, frozen=True, kw_only=True):
    """A link that sets a password once. `totp`: the secret it offers, sealed."""

    token: bytes
    login: str
    totp: bytes
    expires_at: datetime


class TryRow(Struct, frozen=True, kw_only=True):
    """Failures in a row under one name; nothing is tried before `until`."""

    login: str
    failures: int
    last_at: datetime
    until: datetime


_OPERATORS = Reader(operator, OperatorRow)
_LINKS = Reader(link, LinkRow)
_TRIES = Reader(sign_in_try, TryRow)
_ACTS = Reader(act, ActRow)
_PUT_TRY = Upsert(sign_in_try, on=["login"], update=["failures", "last_at", "until"])


def add(conn: Connection, row: OperatorRow) -> None:
    """Keep a new operator."""
    conn.execute(insert(operator), [structs.asdict(row)])


def get(conn: Connection, login: str) -> OperatorRow | None:
    """The operator of that name to sign in with."""
    return _OPERATORS.row(conn.execute(_OPERATORS.select.where(operator.c.login == login)))


def several(conn: Connection, logins: Collection[str]) -> list[OperatorRow]:
    """The operators of these names."""
    return _OPERATORS.rows(conn.execute(_OPERATORS.select.where(operator.c.login.in_(logins))))


def by_subject(conn: Connection, issuer: str, subject: str) -> OperatorRow | None:
    """The operator whom an OpenID provider knows as `subject`."""
    same = (operator.c.issuer == issuer, operator.c.subject == subject)
    return _OPERATORS.row(conn.execute(_OPERATORS.select.where(*same)))


def search(conn: Connection, members: Collection[str] | None = None) -> list[OperatorRow]:
    """All operators, or those of some members, by member and login."""
    wanted: list[ColumnElement[bool]] = []
    if members is not None:
        wanted.append(operator.c.member.in_(members))
    query = _OPERATORS.select.where(*wanted).order_by(operator.c.member, operator.c.login)
    return _OPERATORS.rows(conn.execute(query))


def is_taken(conn: Connection, member: str, name: str) -> bool:
    """Whether somebody at `member` is called so."""
    query = select(operator.c.login).where(operator.c.member == member, operator.c.name == name)
    return conn.execute(query).first() is not None


def change(conn: Connection, login: str, **values: Any) -> None:
    """Set columns of one operator."""
    conn.execute(update(operator).where(operator.c.login == login).values(**values))


def take_step(conn: Connection, login: str, step: int) -> bool:
    """Note that the code of a time step was used; False when it, or a later one, was before."""
    fresh = operator.c.totp_step.is_(None) | (operator.c.totp_step < step)
    mine = update(operator).where(operator.c.login == login, fresh)
    return conn.execute(mine.values(totp_step=step)).rowcount == 1


def note_act(conn: Connection, row: ActRow) -> None:
    """Keep what was done."""
    conn.execute(insert(act), [structs.asdict(row)])


def acts(conn: Connection, members: Collection[str], limit: int) -> list[ActRow]:
    """What was done at some members, the latest first; signing in and out is not among it."""
    wanted = (act.c.member.in_(members), act.c.act.not_in(SIGN_INS))
    query = _ACTS.select.where(*wanted).order_by(act.c.id.desc()).limit(limit)
    return _ACTS.rows(conn.execute(query))


def add_link(conn: Connection, row: LinkRow) -> None:
    """Keep a link; earlier ones of the same operator are void from now on."""
    drop_links(conn, row.login)
    conn.execute(insert(link), [structs.asdict(row)])


def get_link(conn: Connection, token: bytes) -> LinkRow | None:
    """The link of a token's digest."""
    return _LINKS.row(conn.execute(_LINKS.select.where(link.c.token == token)))


def drop_links(conn: Connection, login: str) -> int:
    """Void an operator's links; how many there were."""
    return conn.execute(delete(link).where(link.c.login == login)).rowcount


def get_try(conn: Connection, login: str) -> TryRow | None:
    """What was tried under a name."""
    return _TRIES.row(conn.execute(_TRIES.select.where(sign_in_try.c.login == login)))


def note_try(conn: Connection, row: TryRow) -> None:
    """Keep what was tried under a name."""
    _PUT_TRY.run(conn, [structs.asdict(row)])


def drop_tries(conn: Connection, *, login: str | None = None, before: datetime) -> None:
    """Forget tries under a name, and all whose last was before `before`."""
    conn.execute(
        delete(sign_in_try).where((sign_in_try.c.login == login) | (sign_in_try.c.last_at < before))
    )
