"""The gateway at work: reads what members send, commits what follows, sends it on.

    gateway = Gateway(ground=ground, books=books, bus=bus, clock=clock, on_notice=print)
    await gateway.start()
    ...
    await gateway.stop()

One thread does all that the exchange does in the books, a group of messages at a time, and the
cryptography too unless there are `workers` for it (`workers.py`). Whoever only looks something up
reads beside it (`read`), and never holds it up. The order of things never changes: commit, publish,
acknowledge. When the books can't be written (disk full) the group waits and is tried again;
nothing was acknowledged, so nothing is lost. When processing a group breaks, its messages are
taken one by one and the one at fault is set aside as a dead letter, whole, for a person to look
at.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from jdgate.bus.port import GatewayBus, Incoming
from jdgate.clock import Clock
from jdgate.core.admission import Arrival
from jdgate.core.directory import Trust
from jdgate.core.rules import place_of
from jdgate.ending import end
from jdgate.errors import JdgateError, TransportFailed
from jdgate.gateway import dispatch, held, pipeline, redelivery, timekeeper, upkeep
from jdgate.gateway.compose import Outbound
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.gateway.pipeline import Processed
from jdgate.gateway.workers import Workers
from jdgate.plainlog import broke
from jdgate.store import deliveries, meta
from jdgate.store.database import Database
from jdgate.store.reader import Reader

log = logging.getLogger(__name__)
T = TypeVar("T")

GROUP = 128
"""Messages fetched at once, and enough of them for one transaction."""
UNFINISHED = 4
"""Groups that may be committed and not yet published."""
UPKEEP_EVERY = timedelta(hours=1)


class Group(msgspec.Struct, frozen=True):
    """What one fetch brought. `opening` ends with the JWS of each that a worker opened."""

    incoming: list[Incoming]
    arrivals: list[Arrival]
    trust: Trust
    opening: asyncio.Task[list[bytes | None]]


class Counters(msgspec.Struct):
    """What happened since the start. `latency_ms` holds the last group times."""

    messages: int = 0
    records: int = 0
    refused: int = 0
    dead: int = 0
    groups: int = 0
    trouble: str = ""
    trouble_at: datetime | None = None
    trouble_params: dict[str, object] = {}
    latency_ms: deque[float] = deque(maxlen=1000)


class Gateway:
    """The county's gateway. `on_notice` is told what happens, for people who watch."""

    def __init__(
        self,
        *,
        ground: Ground,
        books: Database,
        bus: GatewayBus,
        clock: Clock,
        directory_jws: bytes,
        checkpoint_every: timedelta = timedelta(seconds=60),
        workers: int = 0,
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self.ground = ground
        self.books = books
        self.bus = bus
        self.clock = clock
        self.counters = Counters(latency_ms=deque(maxlen=1000))
        self.directory_jws = directory_jws
        self._checkpoint_every = checkpoint_every
        self._on_notice = on_notice
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gateway")
        self._reader = Reader(books, "gateway")
        self._workers = Workers(workers)
        self._groups: asyncio.Queue[Group] = asyncio.Queue(2)
        self._unfinished = asyncio.Semaphore(UNFINISHED)
        self._finishing: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: set[asyncio.Task[Any]] = set()

    # --- life

    async def start(self) -> None:
        """Make the mailboxes, publish the directory and begin to work.

        Raises:
            TransportFailed: `bus.…`, `books.…`.
            Refused: `directory.rollback`, `directory.forked`.
        """
        self.clock.raise_floor(await self.run(meta.clock))
        await self.bus.start()
        await self.bus.ensure_members(self._members())
        await upkeep.note_directory(self)
        # what was committed just before the last process ended may never have been published
        await self.run(lambda conn: deliveries.wake(conn, self.clock.now()))
        self._workers.trust(self.ground.trust, self.ground.keys)
        for work in (
            self._read_forever,
            self._work_forever,
            self._resend_forever,
            self._keep_time,
            self._checkpoint_forever,
            self._keep_up_forever,
        ):
            self._tasks.append(asyncio.create_task(work(), name=f"gateway {work.__name__}"))

    async def stop(self) -> None:
        """Finish what is committed and stop."""
        await end(*self._tasks, *self._errands)
        await asyncio.gather(*self._finishing, return_exceptions=True)
        try:
            await upkeep.sign_head(self)
        except JdgateError as reason:
            self._trouble(reason)
        await self.bus.close()
        self._workers.stop()
        await self._reader.close()
        self._thread.shutdown()

    @property
    def failed(self) -> BaseException | None:
        """Why a loop ended by itself, which none should."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None

    @property
    def workers(self) -> int:
        """Processes that open and seal messages beside this one."""
        return self._workers.count

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction of the books, on the gateway's thread."""

        def in_transaction() -> T:
            with self.books.transaction() as conn:
                return work(conn)

        return await self.aside(in_transaction)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds in the books as they are committed; the exchange goes on meanwhile."""
        return await self._reader.run(work)

    async def aside(self, work: Callable[[], T]) -> T:
        """`work` on the gateway's thread, so that the event loop never waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def adopt(self, trust: Trust, directory_jws: bytes) -> None:
        """Go by a newer directory from the next group on, and tell every member of it.

        Raises:
            Refused: `directory.rollback`, `directory.forked`.
            TransportFailed: `bus.…`, `books.…`; then nothing has changed.
        """
        before = self.ground, self.directory_jws
        self.ground, self.directory_jws = self.ground.with_trust(trust), directory_jws
        try:
            await self.bus.ensure_members(self._members())
            await upkeep.note_directory(self)
        except BaseException:
            self.ground, self.directory_jws = before
            raise
        self._workers.trust(trust, self.ground.keys)
        try:
            await upkeep.announce_directory(self)
            await upkeep.set_aside_absent(self)
        except JdgateError as reason:  # it is in force: both are done again within the hour
            self._trouble(reason)

    def _members(self) -> list[str]:
        return [member.id for member in self.ground.trust.active() if member.id != self.ground.me]

    # --- in

    async def _read_forever(self) -> None:
        while True:
            try:
                incoming = await self.bus.fetch(GROUP, 5.0)
            except TransportFailed as reason:
                self._trouble(reason)
                await asyncio.sleep(0.5)
                continue
            if incoming:
                now, trust = self.clock.now(), self.ground.trust
                arrivals = [Arrival(one.member, one.id, one.kid, one.body, now) for one in incoming]
                opening = asyncio.create_task(self._workers.open(arrivals))
                await self._groups.put(Group(incoming, arrivals, trust, opening))

    async def _work_forever(self) -> None:
        while True:
            groups = [await self._groups.get()]
            incoming = list(groups[0].incoming)
            # what came while the last group was at work shares one transaction
            while len(incoming) < GROUP and not self._groups.empty():
                groups.append(self._groups.get_nowait())
                incoming += groups[-1].incoming
            processed = await self._process(groups)
            await self._unfinished.acquire()
            task = asyncio.create_task(self._finish(incoming, processed))
            self._finishing.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._finishing.discard(task)
        self._unfinished.release()

    async def _finish(self, incoming: list[Incoming], processed: Processed) -> None:
        """After the commit: publish, then let the bus forget."""
        await self.send(processed.outbound)
        try:
            await self.bus.ack_many(incoming)
        except TransportFailed as reason:
            self._trouble(reason)  # they come again and are known as duplicates
        self.tell(processed.notices)

    async def _process(self, groups: Sequence[Group]) -> Processed:
        arrivals = [arrival for group in groups for arrival in group.arrivals]
        begun = asyncio.get_running_loop().time()
        try:
            processed = await self._committed(arrivals, await self._opened(groups))
        except Exception as error:
            text = "a group of %d messages could not be processed"
            broke(log, text, len(arrivals), error=error)
            processed = Processed([], [])
            for arrival in arrivals:
                one = await self._process_one(arrival)
                processed.outbound.extend(one.outbound)
                processed.notices.extend(one.notices)
        self.counters.groups += 1
        self.counters.messages += len(arrivals)
        self.counters.latency_ms.append((asyncio.get_running_loop().time() - begun) * 1000)
        return processed

    def errand(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """`work` goes on whatever becomes of its caller, but not beyond the gateway."""
        task = asyncio.create_task(work, name="gateway errand")
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task

    async def hand_in(self, arrival: Arrival) -> Processed:
        """What a message leads to that came in another way than over the bus: judged by the same
        steps, counted alike, committed when this returns. The caller sends and tells (`door`)."""
        opening = asyncio.create_task(self._workers.open([arrival]))
        return await self._process([Group([], [arrival], self.ground.trust, opening)])

    async def _opened(self, groups: Sequence[Group]) -> list[bytes | None]:
        """What workers opened, under the directory in force now."""
        found: list[bytes | None] = []
        for group in groups:
            jws_of = await group.opening
            current = group.trust is self.ground.trust
            found += jws_of if current else [None] * len(group.arrivals)
        return found

    async def _committed(
        self, arrivals: Sequence[Arrival], opened: Sequence[bytes | None] = ()
    ) -> Processed:
        return await self._patiently(
            lambda conn, now: pipeline.process(conn, self.ground, arrivals, now, opened)
        )

    async def _patiently(self, work: Callable[[Connection, datetime], T]) -> T:
        """`work` in the books, however long the disk takes to have room for it."""
        wait = 0.5
        while True:
            now = self.clock.now()
            try:
                return await self.run(lambda conn: work(conn, now))  # noqa: B023
            except TransportFailed as reason:
                self._trouble(reason)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 30.0)

    async def _process_one(self, arrival: Arrival) -> Processed:
        try:
            processed = await self._committed([arrival])
        except Exception as error:
            return await self._set_aside(arrival, error)
        await self._patiently(lambda conn, now: held.went_through(conn, self.ground, arrival, now))
        return processed

    async def _set_aside(self, arrival: Arrival, error: Exception) -> Processed:
        place = place_of(error)
        self.counters.dead += 1
        due = await self._patiently(
            lambda conn, now: held.keep(conn, self.ground, arrival, place, now)
        )
        told = Notice("story.held", {"from": arrival.member, "error": place})
        return Processed(due.outbound, [told, *due.notices])

    # --- out

    async def send(self, outbound: Sequence[Outbound]) -> None:
        """Seal and publish what a transaction committed; what fails is sent again later."""
        now = self.clock.now()
        trouble = await dispatch.send(self.bus, self.ground, self._workers, outbound, now)
        if trouble is not None:
            self._trouble(TransportFailed(trouble))

    async def _resend_forever(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            try:
                await self._resend()
            except JdgateError as reason:
                self._trouble(reason)

    async def _resend(self) -> None:
        now = self.clock.now()
        due = await self.run(lambda conn: deliveries.due(conn, now, dispatch.AT_ONCE))
        if not due:
            return
        sendable, later = await dispatch.resend_due(self.bus, due)

        def open_and_note(conn: Connection) -> list[Outbound]:
            deliveries.wait(conn, [row.id for row in later], now + timedelta(seconds=15))
            return redelivery.send_again(conn, self.ground, sendable, now)

        await self.send(await self.run(open_and_note))

    # --- time

    async def _keep_time(self) -> None:
        while True:
            try:
                now = self.clock.now()
                due = await self.run(lambda conn: timekeeper.run_due(conn, self.ground, now))  # noqa: B023
                await self.send(due.outbound)
                self.tell(due.notices)
                if due.more:
                    continue
            except JdgateError as reason:
                self._trouble(reason)
            await asyncio.sleep(1.0)

    async def _checkpoint_forever(self) -> None:
        while True:
            await asyncio.sleep(self._checkpoint_every.total_seconds())
            try:
                await upkeep.sign_head(self)
            except JdgateError as reason:
                self._trouble(reason)

    async def _keep_up_forever(self) -> None:
        while True:
            try:
                await upkeep.hourly(self)
            except JdgateError as reason:
                self._trouble(reason)
            await asyncio.sleep(UPKEEP_EVERY.total_seconds())

    # --- told to operators

    def tell(self, notices: Sequence[Notice]) -> None:
        """What happened, to people who watch."""
        for notice in notices:
            self._on_notice(notice)

    def _trouble(self, reason: JdgateError) -> None:
        if self.counters.trouble != reason.code:
            log.warning("%s", reason)
        self.counters.trouble, self.counters.trouble_at = reason.code, self.clock.now()
        self.counters.trouble_params = reason.params
