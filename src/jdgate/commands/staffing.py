"""Commands on operators and on systems that call the HTTP API.

They work on `people.db`: through the daemon where it serves the console, else on the file itself
(`jdgate.cli.operator`). A link is answered as its token; nothing else shows it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.errors import Refused, UsageError
from jdgate.people import accounts, credentials
from jdgate.people.house import House
from jdgate.running import Running
from jdgate.store import people, web_sessions
from jdgate.store.master_key import MasterKey
from jdgate.store.web_sessions import TokenRow

MOST_DAYS = 366


class Staffing:
    """Operators of this machine's members."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def operator_add(self, login: str, name: str, member: str, role: str) -> dict[str, Any]:
        """A new operator, with the token of the link that lets them in."""
        house, trust, now = self._house(), self._running.trust, self._running.clock.now()
        return self._at(
            await house.run(
                lambda conn: add(conn, house.key, trust, login, name, member, role, now)
            )
        )

    async def operator_reset(self, login: str) -> dict[str, Any]:
        """Void how an operator signs in; the token of a new link."""
        house, now = self._house(), self._running.clock.now()
        return self._at(await house.run(lambda conn: reset(conn, house.key, login, now)))

    async def operator_disable(self, login: str) -> dict[str, Any]:
        """Let an operator in no more."""
        return await self._house().run(lambda conn: disable(conn, login))

    async def operator_list(self, member: str | None = None) -> list[dict[str, Any]]:
        """Operators, by member."""
        return await self._house().run(lambda conn: listed(conn, member))

    async def token_add(
        self, member: str, name: str, types: list[str], receives: bool, days: int
    ) -> dict[str, Any]:
        """A token for a department's system, shown this once."""
        running, now = self._running, self._running.clock.now()
        trust, catalogue = running.trust, running.catalogue
        return await self._house().run(
            lambda conn: add_token(conn, trust, catalogue, member, name, types, receives, days, now)
        )

    async def token_list(self) -> list[dict[str, Any]]:
        """Systems that have, or had, a token."""
        return await self._house().run(tokens)

    async def token_revoke(self, id: str) -> dict[str, Any]:
        """End a token at once."""
        now = self._running.clock.now()
        return await self._house().run(lambda conn: revoke_token(conn, id, now))

    def _house(self) -> House:
        if self._running.house is None:
            raise UsageError("people.not_served")
        return self._running.house

    def _at(self, made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "web_url": self._running.web_url}


def add(
    conn: Connection,
    key: MasterKey,
    trust: Trust,
    login: str,
    name: str,
    member: str,
    role: str,
    now: datetime,
) -> dict[str, Any]:
    """A new operator of a member that is in the directory.

    Raises:
        Refused: `member.unknown`, `people.…`.
    """
    trust.member(member)
    token = accounts.add(conn, key, login=login, name=name, member=member, role=role, now=now)
    return _linked(login, token, now + accounts.LINK_LIFETIME)


def reset(conn: Connection, key: MasterKey, login: str, now: datetime) -> dict[str, Any]:
    """A new link for an operator."""
    token = accounts.reset(conn, key, login, now)
    return _linked(login, token, now + accounts.LINK_LIFETIME)


def disable(conn: Connection, login: str) -> dict[str, Any]:
    """Let an operator in no more."""
    accounts.disable(conn, login)
    return {"login": login, "state": "disabled"}


def listed(conn: Connection, member: str | None) -> list[dict[str, Any]]:
    """Operators as commands show them: nothing of how they sign in."""
    return [
        {
            "login": row.login,
            "name": row.name,
            "member": row.member,
            "role": row.role,
            "state": row.state if row.password or row.state != people.ACTIVE else "invited",
            "second_factor": row.totp is not None,
            "created_at": iso(row.created_at),
        }
        for row in people.search(conn, member)
    ]


def add_token(
    conn: Connection,
    trust: Trust,
    catalogue: Catalogue,
    member: str,
    name: str,
    types: list[str],
    receives: bool,
    days: int,
    now: datetime,
) -> dict[str, Any]:
    """A token that may send these types, and fetch what came if it `receives`.

    Raises:
        Refused: `member.unknown`, `people.token_types`, `people.days`.
    """

    roles = trust.member(member).roles
    for type in types:
        sheet = catalogue.sheets.get(type)
        if sheet is None or type.startswith("sys.") or not sheet.may_send(roles):
            raise Refused("people.token_types", type=type[:64], member=member)
    if not 1 <= days <= MOST_DAYS:
        raise Refused("people.days")
    token = credentials.token()
    row = TokenRow(
        id=token[:8],  # of 43 characters: nothing is lost by showing where it begins
        token=credentials.digest(token),
        member=member,
        name=name,
        types=sorted(set(types)),
        receives=receives,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    web_sessions.add_token(conn, row)
    return {"id": row.id, "token": token, "expires_at": iso(row.expires_at)}


def tokens(conn: Connection) -> list[dict[str, Any]]:
    """Systems and what they may do."""
    return [
        {
            "id": row.id,
            "member": row.member,
            "name": row.name,
            "types": row.types,
            "receives": row.receives,
            "expires_at": iso(row.expires_at),
            "revoked_at": iso(row.revoked_at) if row.revoked_at else None,
        }
        for row in web_sessions.tokens(conn)
    ]


def revoke_token(conn: Connection, id: str, now: datetime) -> dict[str, Any]:
    """End a token at once.

    Raises:
        Refused: `people.token_unknown`.
    """
    if not web_sessions.revoke_token(conn, id, now):
        raise Refused("people.token_unknown", id=id[:16])
    return {"id": id, "revoked": True}


def _linked(login: str, token: str, expires: datetime) -> dict[str, Any]:
    return {"login": login, "link": f"/first/{token}", "expires_at": iso(expires)}
