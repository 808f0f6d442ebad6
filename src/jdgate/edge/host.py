"""The edge at work: one or more members, each with its own bus connection, in one database.

    host = EdgeHost(...)
    await host.start()
    await host.submit("cln-01", "mmt.attendance.v1", records, rows=rows)
    async for answer in host.answers(ids): …
    await host.stop()

All database work and cryptography runs on one thread of its own, a group at a time; the event
loop only moves bytes. One loop sends what the outbox holds (`sending`), one for each member reads
its mailbox, one for each adapter works (`working`), one sees to what is due (gaps, erasure).
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from jdgate.bus.port import Incoming, MemberBus
from jdgate.clock import Clock
from jdgate.core.admission import Arrival
from jdgate.core.directory import Directory
from jdgate.core.keys import MemberKeys, bus_key
from jdgate.edge import adopting, answering, drafting
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.adapters import Condition
from jdgate.edge.desk import Desk
from jdgate.edge.following import Bell, Follower, Verdicts
from jdgate.edge.forgetting import forget
from jdgate.edge.inbox import Taken
from jdgate.edge.judged import Answered
from jdgate.edge.noting import note_again
from jdgate.edge.outbox import Submission
from jdgate.edge.sending import Sending
from jdgate.edge.working import Working
from jdgate.ending import end
from jdgate.errors import JdgateError, Refused, TransportFailed, UsageError
from jdgate.plainlog import broke
from jdgate.store import draft_box, meta, outbox, sequences
from jdgate.store.database import Database
from jdgate.store.inbox import InboxRow
from jdgate.store.sequences import Asked
from jdgate.store.writer import Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

GAP_PATIENCE = timedelta(seconds=5)
FORGET_EVERY_S = 3600.0
NOTE_AGAIN_TICKS = 15
RECEIPT = "sys.receipt.v1"
RESEND = "sys.resend.v1"


class EdgeHost:
    """Hosts members on this machine. `connect` opens a member's bus connection."""

    def __init__(
        self,
        *,
        desks: dict[str, Desk],
        database: Database,
        clock: Clock,
        connect: Callable[[str], Awaitable[MemberBus]],
        keep: timedelta = timedelta(days=90),
    ) -> None:
        self.desks = desks
        self.database = database
        self._clock = clock
        self._connect = connect
        self._keep = keep
        self._writer = Writer(database, "edge")
        self._buses: dict[str, MemberBus] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._verdicts = Verdicts(self.run)
        self.bell = Bell()
        self._followers: dict[str, list[Follower]] = defaultdict(list)
        self.warnings: dict[str, int] = defaultdict(int)
        self._sending = Sending(desks, self._buses, clock, self.run, self.warnings)
        self._working = Working(desks, clock, self.run, self._sending, self.warnings)

    # --- life

    async def start(self) -> None:
        """Connect every member and begin to work.

        Raises:
            TransportFailed: `bus.…` when the bus can't be reached.
            Refused: when a plugin's adapter or setting is wrong.
        """
        self._clock.raise_floor(await self.run(meta.clock))
        await self.run(lambda conn: outbox.wake(conn, list(self.desks), self._clock.now()))
        for member, desk in self.desks.items():
            self._working.add(member, desk)
        for member in self.desks:
            await self._start_member(member)
        self._spawn(self._sending.forever(), "send")
        self._spawn(self._tick_forever(), "tick")
        self._spawn(self._forget_forever(), "forget")
        for name, work in self._working.loops():
            self._spawn(work, name)

    async def stop(self) -> None:
        """Stop reading and sending; what is under way is finished or left for the next start."""
        await end(*self._tasks)
        for bus in self._buses.values():
            await bus.close()
        await self._writer.close()

    async def _start_member(self, member: str) -> None:
        bus = await self._connect(member)
        await bus.start()
        self._buses[member] = bus
        self._spawn(self._read_forever(member, bus), f"read {member}")

    def _spawn(self, work: Any, name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"edge {name}"))

    @property
    def conditions(self) -> list[Condition]:
        """How each adapter is doing."""
        return self._working.conditions

    def healthy(self, member: str) -> bool:
        """Whether the bus answered this member lately."""
        bus = self._buses.get(member)
        return bus is not None and bus.healthy

    @property
    def failed(self) -> BaseException | None:
        """Why a loop ended by itself, which none should."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    # --- the database thread

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, on the database thread. It may run twice (see `Writer`)."""
        return await self._writer.run(work)

    def desk(self, member: str) -> Desk:
        """The desk of a hosted member.

        Raises:
            UsageError: `member.not_hosted`, `member.is_gateway`.
        """
        desk = self.desks.get(member)
        if desk is None:
            gateway = any(one.gateway == member for one in self.desks.values())
            code = "member.is_gateway" if gateway else "member.not_hosted"
            raise UsageError(code, member=member[:40], hosted=", ".join(self.desks) or "—")
        return desk

    # --- sending

    async def submit(
        self,
        member: str,
        type: str,
        records: Sequence[dict[str, Any]],
        *,
        rows: Sequence[int] | None = None,
        region: str | None = None,
        approved_by: Sequence[str] = (),
        batch: int = writing.BATCH,
        noted: Callable[[Connection, Submission], None] | None = None,
    ) -> Submission:
        """Put records into the outbox; they are on disk when this returns.

        `noted` keeps something in the same transaction, by which a sender that was interrupted
        knows how far it came. `approved_by`: who approved the records, where that is wanted.

        Raises:
            UsageError: `member.not_hosted`. Refused: `agreement.…`, `approval.…`.
            TransportFailed: `books.full` and the like; nothing was kept then.
        """
        desk = self.desk(member)
        now = self._clock.now()

        def keep(conn: Connection) -> Submission:
            made = writing.submit(
                conn, desk, type, records, now, rows=rows, region=region,
                approved_by=approved_by, batch=batch,
            )  # fmt: skip
            if noted is not None:
                noted(conn, made)
            return made

        submission = await self.run(keep)
        self._sending.wanted.set()
        return submission

    async def check(
        self, member: str, type: str, records: Sequence[dict[str, Any]], rows: Sequence[int] | None
    ) -> tuple[int, list[writing.RefusedRow]]:
        """How many records would be sent, and those that would not, without sending any."""
        desk, now = self.desk(member), self._clock.now()
        good, refused = await self.run(
            lambda conn: writing.check(conn, desk, type, records, now, rows)
        )
        return len(good), refused

    async def approve(
        self,
        draft_id: str,
        by: str,
        checked: Sequence[str],
        filled: Mapping[str, Any] | None = None,
        member: str | None = None,
        read: str | None = None,
    ) -> list[str]:
        """A named person approves a draft of a hosted member; ids of the messages sent. `read`:
        the version that they read."""
        desk, now = await self._desk_of_draft(draft_id, member), self._clock.now()
        ids = await self.run(
            lambda conn: drafting.approve(
                conn, desk, draft_id, by=by, checked=checked, now=now, filled=filled, read=read
            )
        )
        self._changed(desk.member)
        return ids

    async def reject(
        self, draft_id: str, by: str, reason: str, member: str | None = None
    ) -> list[str]:
        """A named person rejects a draft of a hosted member; ids of the messages sent."""
        desk, now = await self._desk_of_draft(draft_id, member), self._clock.now()
        ids = await self.run(
            lambda conn: drafting.reject(conn, desk, draft_id, by=by, reason=reason, now=now)
        )
        self._changed(desk.member)
        return ids

    async def answer_alert(
        self,
        member: str,
        alert_id: str,
        step: str,
        *,
        by: str = "",
        outcome: str | None = None,
        to: str | None = None,
    ) -> str | None:
        """A hosted member's people did something about an alert; id of the message sent."""
        desk, now = self.desk(member), self._clock.now()
        message = await self.run(
            lambda conn: answering.send(
                conn, desk, alert_id, step, now=now, by=by, outcome=outcome, to=to
            )
        )
        self._changed(member)
        return message

    def _changed(self, member: str) -> None:
        self._sending.wanted.set()
        self.bell.ring(member)

    async def _desk_of_draft(self, draft_id: str, member: str | None) -> Desk:
        wanted = [each for each in self.desks if member in (None, each)]

        def find(conn: Connection) -> list[str]:
            return [each for each in wanted if draft_box.get(conn, each, draft_id) is not None]

        if not (found := await self.run(find)):
            raise Refused("draft.unknown", draft=draft_id[:64])
        return self.desks[found[0]]

    # --- receiving

    async def _read_forever(self, member: str, bus: MemberBus) -> None:
        while True:
            try:
                incoming = await bus.fetch(256, 5.0)
                if incoming:
                    await self._take_all(member, bus, incoming)
            except TransportFailed as reason:
                self.warnings[reason.code] += 1
                await asyncio.sleep(0.5)

    async def _take_all(self, member: str, bus: MemberBus, incoming: list[Incoming]) -> None:
        """The whole group, or one by one when something in it breaks our own code."""
        try:
            await self._take(member, bus, incoming)
        except TransportFailed:
            raise
        except Exception as error:
            broke(log, "%s: %d messages could not be taken", member, len(incoming), error=error)
            self.warnings["edge.broke"] += 1
            if len(incoming) == 1:
                await incoming[0].nak(60.0)
                return
            for one in incoming:
                await self._take_all(member, bus, [one])

    async def _take(self, member: str, bus: MemberBus, incoming: list[Incoming]) -> None:
        desk, now = self.desks[member], self._clock.now()
        arrivals = [Arrival(member, each.id, each.kid, each.body, now) for each in incoming]
        sinks = self._working.sinks(member)
        taken = await self.run(lambda conn: reading.take(conn, desk, arrivals, now, sinks))
        for at in range(0, len(taken.receipts), 500):
            await self._sending.say(member, RECEIPT, taken.receipts[at : at + 500])
        if taken.void:
            await self._sending.say(member, RESEND, taken.void)
        self._tell(member, taken)
        await bus.ack_many(incoming)

    def _tell(self, member: str, taken: Taken) -> None:
        for answered in taken.answered:
            self._verdicts.tell(answered)
        for row in taken.fresh:
            for follower in list(self._followers[member]):
                follower.tell(row)
        for warning in taken.warnings:
            self.warnings[warning.code] += 1
            log.warning("%s: %s", member, warning)
        if taken.directory is not None:
            self.adopt(taken.directory)
        if taken.resend:
            self._sending.wanted.set()
        if taken.fresh:
            self._working.wanted.set()
        self.bell.ring(member)

    def adopt(self, directory: Directory) -> None:
        """Use a newer directory from now on (`adopting`)."""
        adopting.adopt(self.desks.values(), directory, self.warnings)

    async def answers(self, ids: Sequence[str]) -> AsyncIterator[Answered]:
        """The gateway's verdicts on these messages, as they come; ends when all have one."""
        async for answered in self._verdicts.of(ids):
            yield answered

    def rekey(self, keys: MemberKeys) -> None:
        """Open with a member's new keys from now on, log in with its new bus key the next time,
        and sign with the newest key as soon as the directory here names it."""
        self.desks[keys.member].keys = keys
        if (bus := self._buses.get(keys.member)) is not None:
            bus.log_in_with(bus_key(keys))

    async def follow(self, member: str) -> AsyncIterator[InboxRow]:
        """What comes for a member from now on.

        Raises:
            TransportFailed: `inbox.follower_slow`, more came than was read.
        """
        self.desk(member)
        follower = Follower()
        self._followers[member].append(follower)
        try:
            async for row in follower.rows():
                yield row
        finally:
            self._followers[member].remove(follower)

    # --- what is due

    async def _tick_forever(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(1.0)
            ticks += 1
            try:
                await self._tick()
                if ticks % NOTE_AGAIN_TICKS == 0:
                    await self.run(lambda conn: note_again(conn, self.desks))
            except JdgateError as reason:
                self.warnings[reason.code] += 1

    async def _forget_forever(self) -> None:
        """Erase bodies that are older than an edge keeps them, with the keys of those days."""
        while True:
            now = self._clock.now()
            try:
                if await self.run(lambda conn: forget(conn, self.desks, self._keep, now)):  # noqa: B023
                    await self._writer.aside(self.database.scrub)
            except TransportFailed as reason:
                self.warnings[reason.code] += 1
            await asyncio.sleep(FORGET_EVERY_S)

    async def _tick(self) -> None:
        now = self._clock.now()

        def work(conn: Connection) -> dict[Asked, list[tuple[int, int]]]:
            meta.raise_clock(conn, now)
            return sequences.ask(conn, now, GAP_PATIENCE)

        for (member, _), ranges in (await self.run(work)).items():
            if member in self._buses:
                await self._sending.say(member, RESEND, reading.asked(ranges))
