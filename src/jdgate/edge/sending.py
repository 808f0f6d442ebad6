"""Sending: what the outbox holds goes out until a signed receipt comes, later and later.

What could not be stored on the bus is due again at once; what was stored and not receipted is
due after a pause that doubles. Untracked messages (receipts, requests to send again) are sent
once: they are made anew when they are needed again.

    sending = Sending(desks, buses, clock, run, warnings)
    task = asyncio.create_task(sending.forever())
    sending.wanted.set()                       # something was put into the outbox
    await sending.say("cln-01", "sys.receipt.v1", records)
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from jdgate.bus.port import MemberBus, NotStored, Outgoing
from jdgate.clock import Clock
from jdgate.core.resending import resend_wait
from jdgate.core.sealing import context, seal
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.errors import JdgateError, Refused, TransportFailed
from jdgate.store import outbox
from jdgate.store.outbox import OutboxRow

log = logging.getLogger(__name__)

T = TypeVar("T")


class Run(Protocol):
    """Does a piece of work in a transaction, on the database thread."""

    def __call__(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """What `work` returns."""


class Sending:
    """The sending side of all members hosted here. `wanted` is set when there is new work."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        buses: Mapping[str, MemberBus],
        clock: Clock,
        run: Run,
        warnings: dict[str, int],
    ) -> None:
        self._desks, self._buses = desks, buses
        self._clock, self._run, self._warnings = clock, run, warnings
        self.wanted = asyncio.Event()

    async def forever(self) -> None:
        """Send what is due, and again what nobody receipted."""
        while True:
            self.wanted.clear()
            sent = 0
            try:
                sent = await self.due()
            except JdgateError as reason:  # also a gateway that has no key to seal to just now
                self._warnings[reason.code] += 1
                await asyncio.sleep(0.5)
            if not sent:
                # the timeout brings messages back whose receipt did not come
                try:
                    async with asyncio.timeout(1.0):
                        await self.wanted.wait()
                except TimeoutError:
                    pass

    async def due(self) -> int:
        """Send one group of what is due; how many there were."""
        now = self._clock.now()
        members = [member for member, bus in self._buses.items() if bus.healthy]

        def prepare(conn: Connection) -> list[Outgoing]:
            rows = outbox.due(conn, members, now, 256)
            waits: dict[timedelta, list[str]] = defaultdict(list)
            for row in rows:
                waits[resend_wait(row.attempts)].append(row.id)
            for wait, ids in waits.items():
                outbox.mark_sent(conn, ids, now + wait)
            made = (self._row(conn, row) for row in rows)
            return [each for each in made if each is not None]

        outgoing = await self._run(prepare)
        by_member: dict[str, list[Outgoing]] = defaultdict(list)
        for message in outgoing:
            by_member[message.member].append(message)
        results = await asyncio.gather(
            *(self._publish(member, messages) for member, messages in by_member.items())
        )
        if not all(results):
            await asyncio.sleep(0.2)
        return len(outgoing)

    async def _publish(self, member: str, messages: list[Outgoing]) -> bool:
        try:
            await self._buses[member].publish(messages)
        except NotStored as reason:
            self._warnings[reason.code] += 1
            failed = [each.id for each in messages if each.msg_id in reason.failed]
            again = self._clock.now() + timedelta(seconds=1)
            await self._run(lambda conn: outbox.postpone(conn, failed, again))
            return False
        return True

    def _row(self, conn: Connection, row: OutboxRow) -> Outgoing | None:
        desk = self._desks[row.member]
        assert row.key_id is not None and row.body is not None
        try:
            jws = desk.vault.open(conn, row.key_id, row.body, row.id.encode())
        except Refused as reason:
            # erased: restored from an old copy, which does not know that this was answered;
            # tampered: the row is spoilt. Neither may keep the other messages from being sent
            self._warnings[reason.code] += 1
            log.warning("%s: a message of the outbox can't be sent: %s", row.member, reason)
            return None
        return self._sealed(desk, row.id, jws, row.attempts)

    def _sealed(self, desk: Desk, message_id: str, jws: bytes, attempt: int = 0) -> Outgoing:
        gateway = desk.gateway
        key = desk.trust.sealing_key(gateway, self._clock.now())
        body = seal(jws, key, context(desk.member, gateway, message_id))
        msg_id = f"{message_id}.{attempt}" if attempt else message_id
        return Outgoing(member=desk.member, id=message_id, msg_id=msg_id, kid=key.kid, body=body)

    async def say(self, member: str, type: str, records: list[dict[str, Any]]) -> None:
        """Send an untracked message now; it is made again if it is lost."""
        desk, now = self._desks[member], self._clock.now()
        jws, message_id = writing.signed(desk, type, records, now)
        try:
            await self._buses[member].publish([self._sealed(desk, message_id, jws)])
        except TransportFailed as reason:
            self._warnings[reason.code] += 1
