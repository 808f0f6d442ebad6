"""The edge at work: one or more members, each with its own bus connection, in one database.

    host = EdgeHost(...)
    await host.start()
    await host.submit("cln-01", "mmt.attendance.v1", records, rows=rows)
    async for answer in host.answers(ids): …
    await host.stop()

All database work and cryptography runs on one thread of its own, a group at a time; the event
loop only moves bytes. Three loops do the work: one sends what the outbox holds, one for each
member reads its mailbox, one runs what is due (adapters, gaps, erasure).
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection

from jdgate.bus.port import Incoming, MemberBus, NotStored, Outgoing
from jdgate.clock import Clock
from jdgate.core.admission import Arrival
from jdgate.core.directory import Directory, Trust
from jdgate.core.sealing import context, seal
from jdgate.edge import adapters, drafting
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.adapters import Condition
from jdgate.edge.desk import Desk
from jdgate.edge.inbox import Answered, Taken
from jdgate.edge.outbox import Submission
from jdgate.errors import JdgateError, Refused, TransportFailed
from jdgate.plugins.adapters import Batch, Delivery, Sink, Source
from jdgate.store import draft_box, inbox, meta, outbox, sequences
from jdgate.store.database import Database
from jdgate.store.inbox import InboxRow
from jdgate.store.outbox import OutboxRow
from jdgate.store.sequences import Gap
from jdgate.store.writer import Writer

log = logging.getLogger(__name__)
T = TypeVar("T")

RESEND_AFTER = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=10)
GAP_PATIENCE = timedelta(seconds=5)
FORGET_EVERY_S = 3600.0
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
        self._db = database
        self._clock = clock
        self._connect = connect
        self._keep = keep
        self._writer = Writer(database, "edge")
        self._buses: dict[str, MemberBus] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._to_send = asyncio.Event()
        self._to_deliver = asyncio.Event()
        self._waiting: dict[str, list[asyncio.Future[Answered]]] = defaultdict(list)
        self._followers: dict[str, list[asyncio.Queue[InboxRow]]] = defaultdict(list)
        self._sinks: dict[str, dict[str, tuple[Sink, Condition]]] = defaultdict(dict)
        self._sources: list[tuple[str, Source, Condition]] = []
        self.conditions: list[Condition] = []
        self.warnings: dict[str, int] = defaultdict(int)

    # --- life

    async def start(self) -> None:
        """Connect every member and begin to work.

        Raises:
            TransportFailed: `bus.…` when the bus can't be reached.
            Refused: when a plugin's adapter or setting is wrong.
        """
        self._clock.raise_floor(await self.run(meta.clock))
        for member, desk in self.desks.items():
            self._add_adapters(member, desk)
        for member in self.desks:
            await self._start_member(member)
        self._spawn(self._send_forever(), "send")
        self._spawn(self._tick_forever(), "tick")
        self._spawn(self._forget_forever(), "forget")
        for member, source, condition in self._sources:
            self._spawn(self._collect(member, source, condition), f"collect {source.name}")
        for member, sinks in self._sinks.items():
            for sink, condition in {id(s): (s, c) for s, c in sinks.values()}.values():
                self._spawn(self._deliver_forever(member, sink, condition), f"sink {sink.name}")

    async def stop(self) -> None:
        """Stop reading and sending; what is under way is finished or left for the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for bus in self._buses.values():
            await bus.close()
        await self._writer.close()

    def _add_adapters(self, member: str, desk: Desk) -> None:
        roles = desk.trust.member(member).roles
        for _, adapter in desk.plugins.adapters(member, roles):
            if isinstance(adapter, Sink):
                condition = Condition(member, adapter.name, "sink")
                self.conditions.append(condition)
                for type in adapter.types:
                    self._sinks[member][type] = (adapter, condition)
            if isinstance(adapter, Source):
                condition = Condition(member, adapter.name, "source")
                self.conditions.append(condition)
                self._sources.append((member, adapter, condition))

    async def _start_member(self, member: str) -> None:
        bus = await self._connect(member)
        await bus.start()
        self._buses[member] = bus
        self._spawn(self._read_forever(member, bus), f"read {member}")

    def _spawn(self, work: Any, name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=f"edge {name}"))

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
            Refused: `member.not_hosted`.
        """
        desk = self.desks.get(member)
        if desk is None:
            raise Refused("member.not_hosted", member=member[:40], hosted=", ".join(self.desks))
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
        batch: int = writing.BATCH,
        mark: tuple[str, str] | None = None,
    ) -> Submission:
        """Put records into the outbox; they are on disk when this returns.

        `mark`: a key and value noted in the same transaction, by which a sender that was
        interrupted knows how far it came.

        Raises:
            Refused: `member.not_hosted`, `agreement.no_type`, `agreement.sender_role`.
            TransportFailed: `books.full` and the like; nothing was kept then.
        """
        desk = self.desk(member)
        now = self._clock.now()

        def keep(conn: Connection) -> Submission:
            if mark is not None:
                meta.put(conn, *mark)
            return writing.submit(
                conn, desk, type, records, now, rows=rows, region=region, batch=batch
            )

        submission = await self.run(keep)
        self._to_send.set()
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

    async def approve(self, draft_id: str, by: str, checked: Sequence[str]) -> list[str]:
        """A named person approves a draft of a hosted member; ids of the messages sent."""
        desk, now = await self._desk_of_draft(draft_id), self._clock.now()
        ids = await self.run(
            lambda conn: drafting.approve(conn, desk, draft_id, by=by, checked=checked, now=now)
        )
        self._to_send.set()
        return ids

    async def reject(self, draft_id: str, by: str, reason: str) -> list[str]:
        """A named person rejects a draft of a hosted member; ids of the messages sent."""
        desk, now = await self._desk_of_draft(draft_id), self._clock.now()
        ids = await self.run(
            lambda conn: drafting.reject(conn, desk, draft_id, by=by, reason=reason, now=now)
        )
        self._to_send.set()
        return ids

    async def _desk_of_draft(self, draft_id: str) -> Desk:
        def find(conn: Connection) -> str | None:
            for member in self.desks:
                if draft_box.get(conn, member, draft_id) is not None:
                    return member
            return None

        member = await self.run(find)
        if member is None:
            raise Refused("draft.unknown", draft=draft_id[:64])
        return self.desks[member]

    async def _send_forever(self) -> None:
        while True:
            self._to_send.clear()
            sent = 0
            try:
                sent = await self._send_due()
            except JdgateError as reason:  # also a gateway that has no key to seal to just now
                self.warnings[reason.code] += 1
                await asyncio.sleep(0.5)
            if not sent:
                # the timeout brings messages back whose receipt did not come
                try:
                    async with asyncio.timeout(1.0):
                        await self._to_send.wait()
                except TimeoutError:
                    pass

    async def _send_due(self) -> int:
        now = self._clock.now()
        members = [member for member, bus in self._buses.items() if bus.healthy]

        def prepare(conn: Connection) -> list[Outgoing]:
            rows = outbox.due(conn, members, now, 256)
            waits: dict[timedelta, list[str]] = defaultdict(list)
            for row in rows:
                waits[min(RESEND_AFTER * 2 ** min(row.attempts, 6), LONGEST_WAIT)].append(row.id)
            for wait, ids in waits.items():
                outbox.mark_sent(conn, ids, now + wait)
            return [self._sealed_row(conn, row) for row in rows]

        outgoing = await self.run(prepare)
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
            self.warnings[reason.code] += 1
            failed = [each.id for each in messages if each.msg_id in reason.failed]
            again = self._clock.now() + timedelta(seconds=1)
            await self.run(lambda conn: outbox.postpone(conn, failed, again))
            return False
        return True

    def _sealed_row(self, conn: Connection, row: OutboxRow) -> Outgoing:
        desk = self.desks[row.member]
        assert row.key_id is not None and row.body is not None
        jws = desk.vault.open(conn, row.key_id, row.body, row.id.encode())
        return self._sealed(desk, row.id, jws, row.attempts)

    def _sealed(self, desk: Desk, message_id: str, jws: bytes, attempt: int = 0) -> Outgoing:
        gateway = desk.gateway
        key = desk.trust.sealing_key(gateway, self._clock.now())
        body = seal(jws, key, context(desk.member, gateway, message_id))
        msg_id = f"{message_id}.{attempt}" if attempt else message_id
        return Outgoing(member=desk.member, id=message_id, msg_id=msg_id, kid=key.kid, body=body)

    async def _say(self, member: str, type: str, records: list[dict[str, Any]]) -> None:
        """Send an untracked message now; it is made again if it is lost."""
        desk, now = self.desks[member], self._clock.now()
        jws, message_id = writing.signed(desk, type, records, now)
        try:
            await self._buses[member].publish([self._sealed(desk, message_id, jws)])
        except TransportFailed as reason:
            self.warnings[reason.code] += 1

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
        except Exception:
            log.exception("%s: %d messages could not be taken", member, len(incoming))
            self.warnings["edge.broke"] += 1
            if len(incoming) == 1:
                await incoming[0].nak(60.0)
                return
            for one in incoming:
                await self._take_all(member, bus, [one])

    async def _take(self, member: str, bus: MemberBus, incoming: list[Incoming]) -> None:
        desk, now = self.desks[member], self._clock.now()
        arrivals = [Arrival(member, each.id, each.kid, each.body, now) for each in incoming]
        sinks = self._sinks[member]
        taken = await self.run(lambda conn: reading.take(conn, desk, arrivals, now, sinks))
        for at in range(0, len(taken.receipts), 500):
            await self._say(member, RECEIPT, taken.receipts[at : at + 500])
        await bus.ack_many(incoming)
        self._tell(member, taken)

    def _tell(self, member: str, taken: Taken) -> None:
        for answered in taken.answered:
            for future in self._waiting.pop(answered.id, ()):
                if not future.done():
                    future.set_result(answered)
        for row in taken.fresh:
            for queue in self._followers[member]:
                queue.put_nowait(row)
        for warning in taken.warnings:
            self.warnings[warning.code] += 1
            log.warning("%s: %s", member, warning)
        if taken.directory is not None:
            self.adopt(taken.directory)
        if taken.resend:
            self._to_send.set()
        if taken.fresh:
            self._to_deliver.set()

    def adopt(self, directory: Directory) -> None:
        """Use a newer directory from now on."""
        trust = Trust(directory)
        for desk in self.desks.values():
            if directory.version > desk.trust.directory.version:
                desk.trust = trust

    async def answers(self, ids: Sequence[str]) -> AsyncIterator[Answered]:
        """The gateway's verdicts on these messages, as they come; ends when all have one."""
        loop = asyncio.get_running_loop()
        futures: dict[str, asyncio.Future[Answered]] = {}
        for message_id in ids:
            futures[message_id] = loop.create_future()
            self._waiting[message_id].append(futures[message_id])
        try:
            for message_id, answered in (await self.run(lambda c: _closed(c, ids))).items():
                if not futures[message_id].done():
                    futures[message_id].set_result(answered)
            for done in asyncio.as_completed(futures.values()):
                answered = await done
                yield answered
                if answered.renewed_as is not None:
                    async for again in self.answers([answered.renewed_as]):
                        yield again
        finally:
            for message_id, future in futures.items():
                future.cancel()
                left = [each for each in self._waiting.pop(message_id, []) if not each.done()]
                if left:
                    self._waiting[message_id] = left

    async def follow(self, member: str) -> AsyncIterator[InboxRow]:
        """What comes for a member from now on."""
        self.desk(member)
        queue: asyncio.Queue[InboxRow] = asyncio.Queue()
        self._followers[member].append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers[member].remove(queue)

    # --- adapters

    async def _deliver_forever(self, member: str, sink: Sink, condition: Condition) -> None:
        types = [type for type, (one, _) in self._sinks[member].items() if one is sink]
        while True:
            now = self._clock.now()
            self._to_deliver.clear()
            rows: list[InboxRow] = []
            try:
                rows = await self.run(lambda conn: inbox.due_for(conn, member, types, now, 50))  # noqa: B023
                for row in rows:
                    await self._deliver_one(member, sink, condition, row)
            except TransportFailed as reason:  # what the sink took comes again: it knows the id
                self.warnings[reason.code] += 1
                await asyncio.sleep(0.5)
            if not rows:
                try:
                    async with asyncio.timeout(1.0):
                        await self._to_deliver.wait()
                except TimeoutError:
                    pass

    async def _deliver_one(
        self, member: str, sink: Sink, condition: Condition, row: InboxRow
    ) -> None:
        desk = self.desks[member]
        try:
            body = await self.run(lambda conn: reading.read_body(conn, desk, row))
        except Refused as reason:
            code = reason.code
            await self.run(lambda conn: inbox.fail(conn, member, [row.id], code))
            return
        sheet = desk.sheet(row.type)
        delivery = Delivery(
            id=row.id,
            type=row.type,
            sender=row.origin or row.source,
            time=row.received_at,
            records=body["data"],
            purpose=body.get("purpose"),
            inreplyto=body.get("inreplyto"),
            title={"zh": sheet.title.zh, "en": sheet.title.en},
        )
        outcome = await adapters.deliver(sink, delivery, condition)
        now = self._clock.now()
        digest = await self.run(lambda conn: reading.digest(conn, desk, row))
        if outcome is True:
            await self.run(lambda conn: inbox.mark_done(conn, member, [row.id]))
            await self._say(member, RECEIPT, [reading.delivered(row.id, digest)])
            await self.run(lambda conn: inbox.receipted(conn, member, [row.id], now))
        elif isinstance(outcome, Refused):
            await self.run(lambda conn: inbox.fail(conn, member, [row.id], outcome.code))
            await self._say(member, RECEIPT, [reading.failed(row.id, digest, outcome.code)])
        else:
            again = now + adapters.pause(row.attempts)
            code = condition.trouble
            await self.run(lambda conn: inbox.postpone(conn, member, row.id, code, again))

    async def _collect(self, member: str, source: Source, condition: Condition) -> None:
        key = f"mark:{member}:{source.name}"
        desk = self.desks[member]

        async def mark() -> str | None:
            return await self.run(lambda conn: meta.get(conn, key))

        async def keep(batch: Batch) -> None:
            now = self._clock.now()

            def both(conn: Connection) -> Submission:
                submission = writing.submit(
                    conn, desk, batch.type, batch.records, now,
                    region=batch.region, inreplyto=batch.inreplyto,
                )  # fmt: skip
                if batch.mark is not None:
                    meta.put(conn, key, batch.mark)
                return submission

            submission = await self.run(both)
            for refused in submission.refused:
                log.warning(
                    "%s: a record of %s was not sent: %s", member, source.name, refused.code
                )
            self._to_send.set()

        await adapters.collect_forever(source, condition, mark, keep)

    # --- what is due

    async def _tick_forever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._tick()
            except JdgateError as reason:
                self.warnings[reason.code] += 1

    async def _forget_forever(self) -> None:
        """Erase bodies that are older than an edge keeps them, with the keys of those days."""
        while True:
            now = self._clock.now()
            before = now - self._keep

            def erase(conn: Connection) -> int:
                gone = 0
                for member in self.desks:
                    gone += outbox.erase_closed(conn, member, before)  # noqa: B023
                    gone += inbox.erase_done(conn, member, before)  # noqa: B023
                return gone

            try:
                if await self.run(erase):
                    self._db.scrub()
            except TransportFailed as reason:
                self.warnings[reason.code] += 1
            await asyncio.sleep(FORGET_EVERY_S)

    async def _tick(self) -> None:
        now = self._clock.now()

        def work(conn: Connection) -> list[Gap]:
            meta.raise_clock(conn, now)
            gaps = sequences.gaps_due(conn, now, GAP_PATIENCE)
            sequences.mark_asked(conn, gaps, now)
            return gaps

        for gap in await self.run(work):
            if gap.member in self._buses:
                record = {"first": gap.first, "last": gap.last}
                await self._say(gap.member, RESEND, [record])


def _closed(conn: Connection, ids: Sequence[str]) -> dict[str, Answered]:
    return {
        one.id: Answered(one.id, one.state, one.verdict or {}, one.rows)
        for one in outbox.closed(conn, ids)
    }
