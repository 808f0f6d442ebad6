"""What is done about operators and systems of this machine, in one transaction: and by whom it may
be done, decided here alone.

Rules:
- a command on the machine may do all of it. At the console an administrator manages the accounts
  of their own member; one of the authority, where the gateway runs, those of every member hosted
  there. What lies out of reach is not known to them;
- who acts is looked up in the same transaction: whoever was disabled just before does nothing;
- nobody acts on their own account here. So whoever shuts an administrator out is one who stays;
- an account never changes between administrator and a role that reads: one account would have
  managed and read;
- everything done is kept, for the member's own people to see. An administrator can invent a clerk:
  that can't be prevented, only seen.

    staff = Personnel(conn, key, machine, now, by="admin")
    staff.add(login="wang", name="王医生", member="cln-01", role="approver")
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.errors import Refused, UsageError
from jdgate.people import accounts, credentials
from jdgate.people.rights import require
from jdgate.store import people, web_sessions
from jdgate.store.master_key import MasterKey
from jdgate.store.people import ActRow, OperatorRow
from jdgate.store.web_sessions import TokenRow

MOST_DAYS = 366
ACTS_SHOWN = 50
TOKEN_ACTS = ("token.added", "token.revoked")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
"""OpenID Connect Core §2: at most 255 ASCII characters."""


class Machine(NamedTuple):
    """What matters of the machine. `catalogue` None: no daemon runs; `hosted`: its members;
    `gateway`: whether that runs here; `issuer` of the OpenID provider, empty where there is none.
    """

    trust: Trust
    catalogue: Catalogue | None = None
    hosted: frozenset[str] = frozenset()
    gateway: bool = False
    issuer: str = ""

    def reach(self, who: OperatorRow) -> frozenset[str]:
        """Members whose accounts an administrator manages."""
        member = self.trust.members.get(who.member)
        county = self.gateway and member is not None and member.kind == "authority"
        return frozenset({who.member}) | (self.hosted if county else frozenset())


class Personnel:
    """Operators and systems, for who acts: `by`, an operator's login; None: a command.

    Raises:
        Refused: `people.not_allowed`, who acts is no administrator (any more).
    """

    def __init__(
        self, conn: Connection, key: MasterKey, machine: Machine, now: datetime, by: str | None
    ) -> None:
        self._conn = conn
        self._key = key
        self._machine = machine
        self._now = now
        self._by = by
        self._reach: frozenset[str] | None = None
        if by is not None:
            who = people.get(conn, by)
            if who is None or who.state != people.ACTIVE:
                raise Refused("people.not_allowed")
            require(who.role, "manage")
            self._reach = machine.reach(who)

    # --- operators

    def add(self, login: str, name: str, member: str, role: str) -> dict[str, Any]:
        """A new operator of a member in the directory, with the link that lets them in.

        Raises:
            Refused: `member.unknown`, `people.…`.
        """
        self._within(member)
        self._machine.trust.member(member)
        token = accounts.add(
            self._conn, self._key, login=login, name=name, member=member, role=role, now=self._now
        )
        self._note("operator.added", login, member)
        return self._linked(login, token)

    def reset(self, login: str) -> dict[str, Any]:
        """Void how an operator signs in; a new link."""
        row = self._other(login)
        token = accounts.reset(self._conn, self._key, login, self._now)
        self._note("operator.reset", login, row.member)
        return self._linked(login, token)

    def disable(self, login: str) -> dict[str, Any]:
        """Let an operator in no more."""
        row = self._other(login)
        accounts.disable(self._conn, login)
        self._note("operator.disabled", login, row.member)
        return {"login": login, "state": people.DISABLED}

    def role(self, login: str, role: str) -> dict[str, Any]:
        """Another role for an operator, who signs in again.

        Raises:
            Refused: `people.role_unknown`, `people.role_apart`.
        """
        row = self._other(login)
        accounts.change_role(self._conn, row, role)
        self._note("operator.role", login, row.member)
        return {"login": login, "role": role}

    def link(self, login: str, subject: str | None) -> dict[str, Any]:
        """Whom the OpenID provider knows an operator as; None: as nobody.

        Raises:
            UsageError: `people.no_provider`. Refused: `people.subject_form`,
                `people.subject_taken`.
        """
        row, issuer = self._other(login), self._machine.issuer
        if not issuer:
            raise UsageError("people.no_provider")
        if subject is not None:
            if not _SUBJECT.fullmatch(subject):
                raise Refused("people.subject_form")
            held = people.by_subject(self._conn, issuer, subject)
            if held is not None and held.login != login:
                raise Refused("people.subject_taken")
        issuer_now = None if subject is None else issuer
        people.change(self._conn, login, issuer=issuer_now, subject=subject)
        web_sessions.end_all(self._conn, login)
        act = "operator.unlinked" if subject is None else "operator.linked"
        self._note(act, login, row.member)
        return {"login": login, "subject": subject}

    def operators(self, member: str | None = None) -> list[dict[str, Any]]:
        """Operators in reach: nothing of how they sign in."""
        return [
            {
                "login": row.login,
                "name": row.name,
                "member": row.member,
                "role": row.role,
                "state": _state(row),
                "second_factor": row.totp is not None,
                "linked": row.subject is not None,
                "created_at": _iso(row.created_at),
                "signed_in_at": _iso(row.signed_in_at),
            }
            for row in people.search(self._conn, self._asked(member))
        ]

    # --- systems

    def add_token(
        self,
        member: str,
        name: str,
        types: list[str],
        receives: bool,
        days: int,
        own_key: bool = False,
    ) -> dict[str, Any]:
        """A token that may send these types, and fetch what came if it `receives`; shown once.

        `own_key`: for a member whose key is not here; its system brings what the member signed.

        Raises:
            Refused: `member.unknown`, `people.token_types`, `people.token_own_key`,
                `people.token_name`, `people.days`, `web.hosted_here`.
            UsageError: `people.not_served`, `daemon.no_gateway`.
        """
        if own_key and types:
            raise Refused("people.token_own_key")
        self._within(member)
        roles = self._machine.trust.member(member).roles
        if own_key and not self._machine.gateway:
            raise UsageError("daemon.no_gateway")
        if own_key and member in self._machine.hosted:
            raise Refused("web.hosted_here", member=member)
        if self._machine.catalogue is None:
            raise UsageError("people.not_served")
        for type in types:
            sheet = self._machine.catalogue.sheets.get(type)
            if sheet is None or type.startswith("sys.") or not sheet.may_send(roles):
                raise Refused("people.token_types", type=type[:64], member=member)
        if not 1 <= days <= MOST_DAYS:
            raise Refused("people.days")
        if not name.strip() or len(name) > 64 or not name.isprintable():
            raise Refused("people.token_name")
        token = credentials.token()
        row = TokenRow(
            id=token[:8],  # of 43 characters: nothing is lost by showing where it begins
            token=credentials.digest(token),
            member=member,
            name=name,
            types=sorted(set(types)),
            receives=receives,
            own_key=own_key,
            created_at=self._now,
            expires_at=self._now + timedelta(days=days),
        )
        web_sessions.add_token(self._conn, row)
        self._note("token.added", row.id, member)
        return {"id": row.id, "token": token, "expires_at": _iso(row.expires_at)}

    def tokens(self) -> list[dict[str, Any]]:
        """Systems in reach and what they may do."""
        return [
            {
                "id": row.id,
                "member": row.member,
                "name": row.name,
                "types": row.types,
                "receives": row.receives,
                "own_key": row.own_key,
                "expires_at": _iso(row.expires_at),
                "revoked_at": _iso(row.revoked_at),
            }
            for row in web_sessions.tokens(self._conn, self._reach)
        ]

    def revoke_token(self, id: str) -> dict[str, Any]:
        """End a token at once.

        Raises:
            Refused: `people.token_unknown`.
        """
        row = web_sessions.token_of(self._conn, id)
        if row is None or not self._reaches(row.member):
            raise Refused("people.token_unknown", id=id[:16])
        if not web_sessions.revoke_token(self._conn, id, self._now):
            raise Refused("people.token_unknown", id=id[:16])
        self._note("token.revoked", id, row.member)
        return {"id": id, "revoked": True}

    # --- who may

    def _reaches(self, member: str) -> bool:
        return self._reach is None or member in self._reach

    def _within(self, member: str) -> None:
        if not self._reaches(member):
            raise Refused("people.out_of_reach")

    def _other(self, login: str) -> OperatorRow:
        """An operator in reach who is somebody else."""
        row = people.get(self._conn, login)
        if row is None or not self._reaches(row.member):
            raise Refused("people.unknown", login=login[:32])
        if login == self._by:
            raise Refused("people.own_account")
        return row

    def _asked(self, member: str | None) -> Collection[str] | None:
        """The members to list: all in reach, or one of them."""
        if member is None:
            return self._reach
        return [member] if self._reaches(member) else []

    def _note(self, act: str, about: str, member: str) -> None:
        row = ActRow(at=self._now, act=act, about=about, member=member, by=self._by or "")
        people.note_act(self._conn, row)

    def _linked(self, login: str, token: str) -> dict[str, Any]:
        expires = self._now + accounts.LINK_LIFETIME
        return {"login": login, "link": f"/first/{token}", "expires_at": _iso(expires)}


def acts(conn: Connection, members: Iterable[str]) -> list[dict[str, Any]]:
    """What was done lately about accounts of these members, for their own people. A system goes by
    its name."""
    reach = list(members)
    systems = {row.id: row.name for row in web_sessions.tokens(conn, reach)}
    return [
        {
            "at": _iso(row.at),
            "act": row.act,
            "about": systems.get(row.about, row.about) if row.act in TOKEN_ACTS else row.about,
            "member": row.member,
            "by": row.by,
        }
        for row in people.acts(conn, reach, ACTS_SHOWN)
    ]


def _state(row: OperatorRow) -> str:
    """`invited`: there is no way yet by which they could sign in."""
    if row.state != people.ACTIVE:
        return row.state
    return people.ACTIVE if row.password or row.subject else "invited"


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None
