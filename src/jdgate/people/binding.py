"""Which operator an OpenID provider's user is. No account is made for anybody.

Rules:
- an operator is found by issuer and subject, which never change. A name that the provider gives
  finds an operator who is linked to nobody yet, and links them once they are let in: whoever gets
  that name at the provider later is somebody else. That they were linked is kept like all else
  that is done about accounts;
- whom nobody here is linked to, and who was disabled, hears the same.

    row = operator_of(conn, issuer, subject, login)
    needs_code(row, strong=False, wanted=True)
    token = let_in(conn, row, issuer, subject, now)
    token = sign_in(conn, key, issuer, subject, login, code, now)
    row = same(conn, row.login, issuer, subject)
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from jdgate.errors import Refused
from jdgate.people import accounts, noting
from jdgate.store import people
from jdgate.store.master_key import MasterKey
from jdgate.store.people import OperatorRow


class Person(NamedTuple):
    """Who a provider says it is. `login`: the claim that is trusted to name an operator; `strong`:
    whether it says that a second factor was used."""

    subject: str
    login: str | None
    strong: bool


def operator_of(conn: Connection, issuer: str, subject: str, login: str | None) -> OperatorRow:
    """The operator of a subject. `login`: whom the provider's claim names, if that is trusted.
    Nothing is changed.

    Raises:
        Refused: `people.not_linked`.
    """
    row = people.by_subject(conn, issuer, subject)
    if row is None and login is not None:
        row = people.get(conn, login)
        row = row if row is not None and row.subject is None else None
    if row is None or row.state != people.ACTIVE:
        raise Refused("people.not_linked")
    return row


def same(conn: Connection, login: str, issuer: str, subject: str) -> OperatorRow:
    """The operator `login`, if it is they whom their provider knows as `subject`.

    Raises:
        Refused: `people.another`.
    """
    row = people.by_subject(conn, issuer, subject)
    if row is None or row.login != login or row.state != people.ACTIVE:
        raise Refused("people.another")
    return row


def needs_code(row: OperatorRow, *, strong: bool, wanted: bool) -> bool:
    """Whether to ask for a code of our own. `strong`: the provider saw a second factor; `wanted`:
    people need one here.

    Raises:
        Refused: `people.no_factor`, one is needed and they have no code generator.
    """
    if strong:
        return False
    if row.totp is None and wanted:
        raise Refused("people.no_factor")
    return row.totp is not None


def let_in(conn: Connection, row: OperatorRow, issuer: str, subject: str, now: datetime) -> str:
    """Begin a session of whom the provider knows, linked from now on; its token."""
    if row.subject is None:
        people.change(conn, row.login, issuer=issuer, subject=subject)
        noting.linked(conn, row.login, now)
    return accounts.begin(conn, row.login, now)


def sign_in(
    conn: Connection,
    key: MasterKey,
    issuer: str,
    subject: str,
    login: str | None,
    code: str,
    now: datetime,
) -> str:
    """Begin a session of who the provider knows, by a code of their generator; its token.

    Raises:
        Refused: `people.not_linked`, `people.no_factor`, they were disabled, reset or linked anew
            meanwhile; `people.wrong`.
    """
    row = operator_of(conn, issuer, subject, login)
    take_code(conn, key, row, code, now)
    return let_in(conn, row, issuer, subject, now)


def take_code(conn: Connection, key: MasterKey, row: OperatorRow, code: str, now: datetime) -> None:
    """Take a code of the generator of who the provider knows.

    Raises:
        Refused: `people.no_factor`, they have none; `people.wrong`.
    """
    needs_code(row, strong=False, wanted=True)
    accounts.check_code(conn, key, row, code, now)
    people.drop_tries(conn, login=row.login, before=now - accounts.FORGET_TRIES)
