"""Operators and their sessions: decisions on `people.db`, in the caller's transaction.

Rules:
- nobody is given a password: a link, good once and for a day, lets a person set their own and take
  a code generator. A new link voids the password, the generator and every session before it;
- a try to sign in is counted before it is judged, so that many at once are as few as one by one;
  after five in a row the name rests, longer each time, at most a quarter of an hour;
- a code is taken once;
- a session ends after half an hour without a request and after twelve hours in any case.

    token = add(conn, key, login="wang", name="王医生", member="cln-01", role="approver", now=now)
    open_link(conn, key, token, now)
    use_link(conn, key, token, hash, code, now)
    knock(conn, "wang", now) … sign_in(conn, key, row, code, now)
    signed_in(conn, session, limits, now)
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection

from jdgate.core import approval
from jdgate.errors import Refused
from jdgate.people import credentials, noting
from jdgate.people.rights import ROLES, may
from jdgate.store import people, web_sessions
from jdgate.store.master_key import MasterKey
from jdgate.store.people import LinkRow, OperatorRow, TryRow
from jdgate.store.web_sessions import SessionRow

LINK_LIFETIME = timedelta(hours=24)
FREE_TRIES = 5
FIRST_REST = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=15)
FORGET_TRIES = timedelta(days=1)
SEEN_EVERY = timedelta(minutes=1)
"""How often the time of the last request is written down."""
LONGEST_SESSION = timedelta(days=1)
"""Whatever is configured: what began before is not kept."""
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class Limits(NamedTuple):
    """How long a session lasts: since the last request, and since it began."""

    idle: timedelta
    whole: timedelta


class Offer(NamedTuple):
    """Whom a link is for, and the secret for their code generator."""

    operator: OperatorRow
    secret: str


def add(
    conn: Connection,
    key: MasterKey,
    *,
    login: str,
    name: str,
    member: str,
    role: str,
    now: datetime,
) -> str:
    """A new operator; the token of the link that lets them in.

    Raises:
        Refused: `people.login_form`, `people.role_unknown`, `people.login_taken`,
            `people.name_taken`, `approval.name`.
    """
    if not _LOGIN.fullmatch(login):
        raise Refused("people.login_form")
    if role not in ROLES:
        raise Refused("people.role_unknown", known=", ".join(ROLES))
    (person,) = approval.named([name])
    if people.get(conn, login) is not None:
        raise Refused("people.login_taken", login=login)
    # two persons are told apart by their names where a draft wants two
    if people.is_taken(conn, member, person):
        raise Refused("people.name_taken", member=member)
    row = OperatorRow(login=login, name=person, member=member, role=role, created_at=now)
    people.add(conn, row)
    return _link(conn, key, login, now)


def reset(conn: Connection, key: MasterKey, login: str, now: datetime) -> str:
    """Void how an operator signs in, enable them, and give them a new link; its token.

    Raises:
        Refused: `people.unknown`.
    """
    _known(conn, login)
    people.change(
        conn, login, password=None, totp=None, totp_step=None, issuer=None, subject=None,
        state=people.ACTIVE,
    )  # fmt: skip
    web_sessions.end_all(conn, login)
    people.drop_tries(conn, login=login, before=now - FORGET_TRIES)
    return _link(conn, key, login, now)


def disable(conn: Connection, login: str) -> None:
    """Let an operator in no more, and end what is open.

    Raises:
        Refused: `people.unknown`.
    """
    _known(conn, login)
    people.change(conn, login, state=people.DISABLED)
    people.drop_links(conn, login)
    web_sessions.end_all(conn, login)


def change_role(conn: Connection, row: OperatorRow, role: str) -> None:
    """Give an operator another role; they sign in again.

    Raises:
        Refused: `people.role_unknown`; `people.role_apart`, one account would have managed and
            read.
    """
    if role not in ROLES:
        raise Refused("people.role_unknown", known=", ".join(ROLES))
    if may(row.role, "manage") != may(role, "manage"):
        raise Refused("people.role_apart")
    people.change(conn, row.login, role=role)
    web_sessions.end_all(conn, row.login)


def open_link(conn: Connection, key: MasterKey, token: str, now: datetime) -> Offer:
    """Whom a link is for, while it is good.

    Raises:
        Refused: `people.link_void`.
    """
    row = people.get_link(conn, credentials.digest(token))
    operator = people.get(conn, row.login) if row is not None else None
    if row is None or operator is None or row.expires_at <= now:
        raise Refused("people.link_void")
    return Offer(operator, _unseal(key, operator.login, row.totp))


def use_link(
    conn: Connection, key: MasterKey, token: str, kept: str | None, code: str | None, now: datetime
) -> OperatorRow:
    """Set the password (`kept` is its hash) and, with a `code` of it, the code generator.

    None: this installation asks for none.

    Raises:
        Refused: `people.link_void`, `people.code_wrong`.
    """
    offer = open_link(conn, key, token, now)
    login = offer.operator.login
    people.change(conn, login, password=kept, totp=None, totp_step=None)
    if code is not None:
        set_generator(conn, key, login, offer.secret, code, now)
    people.drop_links(conn, login)
    return _known(conn, login)


def knock(conn: Connection, login: str, now: datetime) -> OperatorRow | None:
    """Count a try to sign in under a name; who has it, if somebody who may sign in does.

    Raises:
        Refused: `people.resting`, too many failed.
    """
    if not _LOGIN.fullmatch(login):
        return None  # nobody's, whatever was typed there: not kept
    before = people.get_try(conn, login)
    failures = before.failures if before and now - before.last_at < FORGET_TRIES else 0
    if before is not None and failures >= FREE_TRIES and now < before.until:
        minutes = -(-(before.until - now) // timedelta(minutes=1))
        raise Refused("people.resting", minutes=minutes)
    failures += 1
    rest = timedelta(0)
    if failures >= FREE_TRIES:
        rest = min(FIRST_REST * 2 ** min(failures - FREE_TRIES, 10), LONGEST_REST)
    people.note_try(conn, TryRow(login=login, failures=failures, last_at=now, until=now + rest))
    row = people.get(conn, login)
    return row if row is not None and row.state == people.ACTIVE else None


def sign_in(
    conn: Connection, key: MasterKey, login: str, password: str | None, code: str, now: datetime
) -> str:
    """Begin a session of an operator whose password (`password`, as it was kept) was right; its
    token.

    Raises:
        Refused: as `prove`.
    """
    prove(conn, key, login, password=password, code=code, now=now)
    return begin(conn, login, now)


def prove(
    conn: Connection,
    key: MasterKey,
    login: str,
    *,
    password: str | None,
    code: str | None,
    now: datetime,
) -> OperatorRow:
    """Who they are, after their password (as it was kept) was found right. `code` None: it is not
    asked for.

    Raises:
        Refused: `people.wrong`, the code is not one of now, was used, or who this was has been
            disabled or reset meanwhile.
    """
    row = people.get(conn, login)
    if row is None or row.state != people.ACTIVE or not password or row.password != password:
        raise Refused("people.wrong")
    if code is not None:
        check_code(conn, key, row, code, now)
    if code is not None or row.totp is None:  # else codes could be guessed in between
        people.drop_tries(conn, login=login, before=now - FORGET_TRIES)
    return row


def check_code(
    conn: Connection, key: MasterKey, row: OperatorRow, code: str, now: datetime
) -> None:
    """Take a code of an operator's generator, if they have one.

    Raises:
        Refused: `people.wrong`.
    """
    if row.totp is not None:
        step = credentials.totp_step(_unseal(key, row.login, row.totp), code, now)
        if step is None or not people.take_step(conn, row.login, step):
            raise Refused("people.wrong")


def set_generator(
    conn: Connection, key: MasterKey, login: str, secret: str, code: str, now: datetime
) -> None:
    """Use another code generator from now on, which has given `code`.

    Raises:
        Refused: `people.code_wrong`.
    """
    step = credentials.totp_step(secret, code, now)
    if step is None:
        raise Refused("people.code_wrong")
    people.change(conn, login, totp=key.wrap(secret.encode(), _place(login)), totp_step=step)


def begin(conn: Connection, login: str, now: datetime) -> str:
    """Somebody signed in; the token of their session."""
    people.change(conn, login, signed_in_at=now)
    noting.came(conn, login, now)
    return session(conn, login, now)


def session(conn: Connection, login: str, now: datetime) -> str:
    """A new session of somebody who proved who they are; its token."""
    token = credentials.token()
    digest = credentials.digest(token)
    web_sessions.drop_old(conn, began=now - LONGEST_SESSION)
    web_sessions.begin(conn, SessionRow(token=digest, login=login, began_at=now, seen_at=now))
    return token


def signed_in(
    conn: Connection, token: str, limits: Limits, now: datetime, *, by_hand: bool
) -> OperatorRow | None:
    """Whose session it is, while it lasts. `by_hand`: a person asked, not a page by itself."""
    digest = credentials.digest(token)
    row = web_sessions.get(conn, digest)
    if row is None:
        return None
    operator = _owner(conn, row, people.get(conn, row.login), limits, now)
    if operator is not None and by_hand and now - row.seen_at >= SEEN_EVERY:
        web_sessions.seen(conn, digest, now)
    return operator


def still_signed_in(
    conn: Connection, tokens: Collection[str], limits: Limits, now: datetime
) -> dict[str, OperatorRow]:
    """Whose the sessions of pages are that change by themselves; those that are over are left out.
    Two queries, however many they are."""
    digests = {credentials.digest(token): token for token in tokens}
    rows = web_sessions.several(conn, digests.keys())
    known = {one.login: one for one in people.several(conn, {row.login for row in rows})}
    found = {}
    for row in rows:
        operator = _owner(conn, row, known.get(row.login), limits, now)
        if operator is not None:
            found[digests[row.token]] = operator
    return found


def _owner(
    conn: Connection, row: SessionRow, operator: OperatorRow | None, limits: Limits, now: datetime
) -> OperatorRow | None:
    if is_over(row, limits, now) or operator is None or operator.state != people.ACTIVE:
        web_sessions.end(conn, row.token)
        return None
    return operator


def is_over(row: SessionRow, limits: Limits, now: datetime) -> bool:
    """Whether a session has lasted long enough."""
    return now - row.seen_at >= limits.idle or now - row.began_at >= limits.whole


def _known(conn: Connection, login: str) -> OperatorRow:
    row = people.get(conn, login)
    if row is None:
        raise Refused("people.unknown", login=login[:32])
    return row


def _link(conn: Connection, key: MasterKey, login: str, now: datetime) -> str:
    token = credentials.token()
    people.add_link(
        conn,
        LinkRow(
            token=credentials.digest(token),
            login=login,
            totp=key.wrap(credentials.totp_secret().encode(), _place(login)),
            expires_at=now + LINK_LIFETIME,
        ),
    )
    return token


def _place(login: str) -> bytes:
    return f"totp\0{login}".encode()


def _unseal(key: MasterKey, login: str, sealed: bytes) -> str:
    try:
        return key.unwrap(sealed, _place(login)).decode()
    except InvalidTag:
        raise Refused("people.other_key") from None
