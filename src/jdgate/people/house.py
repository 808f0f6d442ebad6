"""`people.db`, opened: what the daemon, `jdgate operator` and the founding of a county work with.

with House.open(home) as house:                       # a command, while no daemon has it
    token = house.now(lambda conn: accounts.add(conn, house.key, …))
house = House.open(home)                              # the daemon
await house.run(lambda conn: …)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from jdgate.config import Home
from jdgate.errors import Refused
from jdgate.people import accounts, binding, credentials, noting, own
from jdgate.people.binding import Person
from jdgate.store import master_key
from jdgate.store.database import Database
from jdgate.store.master_key import MasterKey
from jdgate.store.writer import Writer

T = TypeVar("T")
HASHED_AT_ONCE = 2
"""Passwords judged at one time: each takes 64 MiB."""


class House:
    """The database of operators, and the key that their code generators' secrets are sealed by."""

    def __init__(self, database: Database, key: MasterKey) -> None:
        self._database = database
        self.key = key
        self._writer: Writer | None = None
        self._hashing = asyncio.Semaphore(HASHED_AT_ONCE)

    @classmethod
    def open(cls, home: Home) -> House:
        """Open it; it is made on first use.

        Raises:
            UsageError: `books.in_use`, a daemon has it. Refused: `books.…`, `vault.loose`.
        """
        file = home.keys / "people.master"
        database = Database.open(f"sqlite:///{home.people}", "people")
        try:
            if not file.exists():
                master_key.make(file)
            return cls(database, MasterKey.read(file))
        except BaseException:
            database.close()
            raise

    def now(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, on this thread."""
        with self._database.transaction() as conn:
            return work(conn)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, on a thread of its own."""
        if self._writer is None:
            self._writer = Writer(self._database, "people")
        return await self._writer.run(work)

    async def sign_in(self, login: str, password: str, code: str, now: datetime) -> str:
        """Let somebody in; the token of their session.

        Raises:
            Refused: `people.wrong` (of which part of it is not said), `people.resting`.
        """
        async with self._judging(login, now):
            kept = await self._known(login, password, now)
            return await self.run(
                lambda conn: accounts.sign_in(conn, self.key, login, kept, code, now)
            )

    async def use_link(
        self, token: str, password: str | None, code: str | None, now: datetime
    ) -> str | None:
        """Set a password by a link, and begin a session; its token. Where no passwords are used
        (`password` None) the link sets a code generator alone, and lets nobody in.

        Raises:
            Refused: `people.link_void`, `people.password_…`, `people.code_wrong`.
        """
        offer = await self.run(lambda conn: accounts.open_link(conn, self.key, token, now))
        kept = None
        if password is not None:
            fit = credentials.fit(offer.operator.login, password)
            kept = await self._hashed(lambda: credentials.keep(fit))

        def use(conn: Connection) -> str | None:
            row = accounts.use_link(conn, self.key, token, kept, code, now)
            return accounts.begin(conn, row.login, now) if kept is not None else None

        return await self.run(use)

    async def sign_in_with_code(
        self, issuer: str, subject: str, named: str | None, code: str, now: datetime
    ) -> str:
        """Let somebody in whom their provider knows, by a code of ours; the session's token.
        `named`: whom its claim names, if that is trusted.

        Raises:
            Refused: `people.not_linked`, `people.wrong`, `people.resting`.
        """

        def tried(conn: Connection) -> str:
            row = binding.operator_of(conn, issuer, subject, named)
            accounts.knock(conn, row.login, now)
            return row.login

        login = await self.run(tried)  # counted before it is judged
        async with self._judging(login, now):
            return await self.run(
                lambda conn: binding.sign_in(conn, self.key, issuer, subject, named, code, now)
            )

    async def change_password(self, login: str, old: str, new: str, now: datetime) -> str:
        """Set another password after the one so far; the token of the only session left.

        Raises:
            Refused: `people.wrong`, `people.resting`, `people.password_…`.
        """
        fit = credentials.fit(login, new)
        if new == old:
            raise Refused("people.password_same")
        async with self._judging(login, now):
            kept = await self._known(login, old, now)
        hashed = await self._hashed(lambda: credentials.keep(fit))

        def change(conn: Connection) -> str:
            accounts.prove(conn, self.key, login, password=kept, code=None, now=now)
            return own.change_password(conn, login, hashed, now)

        return await self.run(change)

    async def prove(self, login: str, password: str, code: str, now: datetime) -> str:
        """Go on only with somebody's password and a code of their generator, if they have one;
        which proof that is (`leaves.AdminLeaf`).

        Raises:
            Refused: `people.wrong`, `people.resting`.
        """
        async with self._judging(login, now):
            kept = await self._known(login, password, now)
            row = await self.run(
                lambda conn: accounts.prove(
                    conn, self.key, login, password=kept, code=code, now=now
                )
            )
        return "password" if row.totp is None else "password-code"

    async def prove_there(
        self, login: str, issuer: str, person: Person, code: str, now: datetime, *, wanted: bool
    ) -> str:
        """Go on only if `person`, whom the provider let in again, is who has this account, and, if
        it saw no second factor, with a code of their generator; which proof that is. `wanted`:
        people need a second factor here.

        Raises:
            Refused: `people.another`, `people.no_factor`, `people.wrong`, `people.resting`.
        """

        def tried(conn: Connection) -> bool:
            row = binding.same(conn, login, issuer, person.subject)
            asked = binding.needs_code(row, strong=person.strong, wanted=wanted)
            if asked:
                accounts.knock(conn, login, now)
            return asked

        def take(conn: Connection) -> None:
            row = binding.same(conn, login, issuer, person.subject)
            binding.take_code(conn, self.key, row, code, now)

        if not await self.run(tried):
            return "provider"
        async with self._judging(login, now):
            await self.run(take)
        return "provider-code"

    @asynccontextmanager
    async def _judging(self, login: str, now: datetime) -> AsyncIterator[None]:
        """Around a try that was counted: if it was wrong, and one too many, that is noted."""
        try:
            yield
        except Refused as reason:
            if reason.code == "people.wrong":
                await self.run(lambda conn: noting.rests(conn, login, now))
            raise

    async def _known(self, login: str, password: str, now: datetime) -> str | None:
        """The password as it is kept, if this is it; the try is counted.

        Raises:
            Refused: `people.wrong`, `people.resting`.
        """
        row = await self.run(lambda conn: accounts.knock(conn, login, now))
        kept = row.password if row is not None else None
        if not await self._hashed(lambda: credentials.check(kept, password)):
            raise Refused("people.wrong")
        return kept

    async def _hashed(self, work: Callable[[], T]) -> T:
        async with self._hashing:
            return await asyncio.to_thread(work)

    async def stop(self) -> None:
        """Finish what is under way and close."""
        if self._writer is not None:
            await self._writer.close()
        self._database.close()

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()
