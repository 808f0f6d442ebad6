"""Subject reports under dual control: one auditor asks, another decides, both may open it for a
while. Every step is a leaf of the ledger.

Rules:
- two persons: another operator of another name. The second types the identity number from the
  document too, and the two must be the same number: so none is kept, and none is mistyped;
- another number is noted, and after five of them nobody approves by guessing on: that operator may
  refuse the request, or another auditor decide it;
- what is kept are the person's pseudonyms, sealed, until the request is refused or its time is
  over: seven days to decide, seven to open (this project's choice);
- a leaf names the request and who did the step, and nothing of the person.

    id = ask(conn, ground, asked, who, now)
    decide(conn, ground, id, approve=True, id_no=…, reason="", who=other, now=now)
    tokens = open_report(conn, ground, id, who, now)
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from jdgate.core import approval, leaves
from jdgate.core.identity import ptoken
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.gateway import persons
from jdgate.gateway.ground import Ground
from jdgate.store import ledger, subject_requests
from jdgate.store.bodies import PERSON, REQUEST
from jdgate.store.subject_requests import APPROVED, REFUSED, WAITING, PersonRow, RequestRow

DECIDED_WITHIN = timedelta(days=7)
OPEN_FOR = timedelta(days=7)
WRONG_NUMBERS = 5
MISTYPED = "subject.mistyped"
GROUNDS = {
    "access": ("个人信息保护法 45 [read]", "个人信息保护法 50 [read]"),
    "audit": ("个人信息保护法 54 [read]", "政务数据共享条例 29 [read]"),
}
"""Why a report may be asked for: the person's own right of access, or an audit."""
NAME_CHARS, REFERENCE_CHARS, REASON_CHARS = 64, 120, 500
State = Literal["waiting", "approved", "refused", "lapsed", "over"]


class Who(NamedTuple):
    """An auditor of the authority: the name to sign in with, and the person's."""

    login: str
    name: str
    member: str


class Asked(Struct, frozen=True, kw_only=True):
    """What an auditor types: about whom, who asks for it, why, by which letter or file."""

    id_type: str
    id_no: str
    name: str
    ground: str
    reference: str


class Details(Struct, frozen=True):
    """What is kept of a request besides who did what when. `ending`: of the identity number."""

    name: str
    id_type: str
    ending: str
    reference: str
    reason: str = ""


class Request(Struct, frozen=True):
    """A request as people are shown it. `details` None: erased."""

    row: RequestRow
    state: State
    details: Details | None


def ask(conn: Connection, ground: Ground, asked: Asked, who: Who, now: datetime) -> str:
    """Keep a request; its id.

    Raises:
        Refused: `person.id_type`, `record.bad_id_…`, `subject.text`, `subject.ground`.
    """
    id_no = persons.checked(asked.id_type, asked.id_no)
    if asked.ground not in GROUNDS:
        raise Refused("subject.ground", known=", ".join(GROUNDS))
    details = Details(
        _text(asked.name, NAME_CHARS), asked.id_type, id_no[-4:],
        _text(asked.reference, REFERENCE_CHARS),
    )  # fmt: skip
    id, vault = ground.new_id(), ground.vault
    told = vault.seal(conn, REQUEST, now.date(), msgspec.json.encode(details), id.encode())
    until = now + DECIDED_WITHIN
    subject_requests.add(
        conn,
        RequestRow(
            id=id, ground=asked.ground, asked_at=now, asked_by=who.login, asked_name=who.name,
            until=until, key_id=told.key_id, body=told.blob,
        ),
        _person(conn, ground, id, now, until, _tokens(conn, ground, id_no)),
    )  # fmt: skip
    _note(conn, ground, "subject.asked", id, who, now)
    return id


def decide(
    conn: Connection,
    ground: Ground,
    id: str,
    *,
    approve: bool,
    id_no: str,
    reason: str,
    who: Who,
    now: datetime,
) -> int | None:
    """Approve a request, with the identity number typed again, or refuse it with a reason. None:
    it is decided; else the number was another one, which is noted: how many more may be typed.

    Raises:
        Refused: `subject.unknown`, `subject.decided`, `subject.same_person`,
            `subject.too_many_wrong`, `subject.text`, `record.bad_id_…`.
    """
    request = get(conn, ground, id, now)
    row, details = request.row, request.details
    if request.state != WAITING or details is None:
        raise Refused("subject.decided", id=id)
    try:
        approval.named([row.asked_name, who.name])
    except Refused:
        raise Refused("subject.same_person") from None
    if who.login == row.asked_by:
        raise Refused("subject.same_person")
    person, until = None, now
    if approve:
        until = now + OPEN_FOR
        left = WRONG_NUMBERS - mistyped(steps(conn, id), who.login)
        if left <= 0:
            raise Refused("subject.too_many_wrong")
        tokens = _same(conn, ground, id, persons.checked(details.id_type, id_no))
        if tokens is None:
            _note(conn, ground, MISTYPED, id, who, now)
            return left - 1
        person = _person(conn, ground, row.id, row.asked_at, until, tokens)
    else:
        details = msgspec.structs.replace(details, reason=_text(reason, REASON_CHARS))
    text = msgspec.json.encode(details)
    told = ground.vault.seal(conn, REQUEST, row.asked_at.date(), text, id.encode())
    kept = subject_requests.decide(
        conn, id, APPROVED if approve else REFUSED, by=who.login, name=who.name, at=now,
        until=until, key_id=told.key_id, body=told.blob, person=person,
    )  # fmt: skip
    if not kept:
        raise Refused("subject.decided", id=id)
    _note(conn, ground, "subject.approved" if approve else "subject.refused", id, who, now)
    return None


def open_report(
    conn: Connection, ground: Ground, id: str, who: Who, now: datetime
) -> tuple[Request, dict[str, bytes]]:
    """Note that one of the two opens the report; the request and the person's pseudonyms.

    Raises:
        Refused: `subject.unknown`, `subject.not_open`, `subject.not_yours`.
    """
    request = get(conn, ground, id, now)
    row = request.row
    if who.login not in (row.asked_by, row.decided_by):
        raise Refused("subject.not_yours")
    person = subject_requests.person(conn, id) if request.state == APPROVED else None
    if person is None or person.body is None:
        raise Refused("subject.not_open", id=id)
    opened = ground.vault.open(conn, person.key_id, person.body, id.encode())
    tokens = msgspec.json.decode(opened, type=dict[str, bytes])
    _note(conn, ground, "subject.opened", id, who, now)
    return request, {domain: token for domain, token in tokens.items() if domain}


def get(conn: Connection, ground: Ground, id: str, now: datetime) -> Request:
    """A request.

    Raises:
        Refused: `subject.unknown`.
    """
    row = subject_requests.get(conn, id)
    if row is None:
        raise Refused("subject.unknown", id=id[:64])
    return _request(conn, ground, row, now)


def page(
    conn: Connection, ground: Ground, now: datetime, before: str | None, limit: int
) -> list[Request]:
    """Requests, the latest first."""
    subject_requests.expire(conn, now)
    rows = subject_requests.page(conn, before, limit)
    return [_request(conn, ground, row, now) for row in rows]


def steps(conn: Connection, id: str) -> list[leaves.AdminLeaf]:
    """Every step of a request, as the ledger has it."""
    found = (leaves.decode(stored.body) for stored in ledger.find(conn, id))
    return [leaf for leaf in found if isinstance(leaf, leaves.AdminLeaf)]


def mistyped(done: Iterable[leaves.AdminLeaf], login: str) -> int:
    """How many wrong numbers an operator typed, by the steps of a request."""
    return sum(one.act == MISTYPED and one.operator == login for one in done)


def _request(conn: Connection, ground: Ground, row: RequestRow, now: datetime) -> Request:
    over: dict[str, State] = {WAITING: "lapsed", APPROVED: "over"}
    known: dict[str, State] = {WAITING: "waiting", APPROVED: "approved", REFUSED: "refused"}
    state = over.get(row.state, "refused") if row.until <= now else known[row.state]
    if row.key_id is None or row.body is None:
        return Request(row, state, None)
    try:
        opened = ground.vault.open(conn, row.key_id, row.body, row.id.encode())
    except Refused:
        return Request(row, state, None)
    return Request(row, state, msgspec.json.decode(opened, type=Details))


def _tokens(conn: Connection, ground: Ground, id_no: str) -> dict[str, bytes]:
    """The pseudonyms; under no domain, one by which two numbers are compared."""
    compared = ptoken(ground.vault.named_key(conn, "subject", "compared"), id_no)
    return {**persons.pseudonyms(conn, ground.vault, id_no), "": compared}


def _person(
    conn: Connection,
    ground: Ground,
    id: str,
    asked_at: datetime,
    until: datetime,
    tokens: dict[str, bytes],
) -> PersonRow:
    sealed = ground.vault.seal(
        conn, PERSON, asked_at.date(), msgspec.json.encode(tokens), id.encode()
    )
    return PersonRow(id=id, asked_at=asked_at, until=until, key_id=sealed.key_id, body=sealed.blob)


def _same(conn: Connection, ground: Ground, id: str, id_no: str) -> dict[str, bytes] | None:
    """The pseudonyms of a number by now; None if it is not the one that was asked with."""
    person = subject_requests.person(conn, id)
    if person is None or person.body is None:
        raise Refused("subject.decided", id=id)
    opened = ground.vault.open(conn, person.key_id, person.body, id.encode())
    kept, tokens = msgspec.json.decode(opened, type=dict[str, bytes]), _tokens(conn, ground, id_no)
    return tokens if hmac.compare_digest(kept[""], tokens[""]) else None


def _text(typed: str, most: int) -> str:
    text = " ".join(typed.split())
    if not 1 <= len(text) <= most or not text.isprintable():
        raise Refused("subject.text", most=most)
    return text


def _note(conn: Connection, ground: Ground, act: str, id: str, who: Who, now: datetime) -> None:
    leaf = leaves.AdminLeaf(
        id=id, at=show_time(now), act=act, operator=who.login, source=who.member, target=id
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])
