"""One of the benchmark's processes: a real daemon, and a few questions and tasks it is given.

The parent speaks over a pipe: it sends (method, arguments) and gets ("ok", result) or
("failed", text). A gateway counts its stages; an edge sends and receives.
"""

from __future__ import annotations

import asyncio
import io
import os
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import people
import stages
import uvloop
from sqlalchemy import Connection, func, select

from jdgate.config import Home, read_config
from jdgate.daemon import Daemon
from jdgate.edge import inbox as reading
from jdgate.people import accounts
from jdgate.store import deliveries, ledger, outbox, tables
from jdgate.store import inbox as inbox_rows
from jdgate.store import people as store_people
from jdgate.store.people import OperatorRow
from jdgate.teller import Teller

ATTENDANCE = "mmt.attendance.v1"
ENROLMENT = "mmt.enrol.filed.v1"
AHEAD = 48
"""Messages of a machine that may wait for their receipt, so that its outbox does not just grow."""
CALLERS = 96
"""Single messages of a machine on their way at one time: as many clerks who each wait for their
receipt."""


class GatewayParty:
    """The gateway and, as its child, nats-server."""

    def __init__(self, daemon: Daemon, watch: stages.Stopwatch | None) -> None:
        self._daemon = daemon
        self._watch = watch
        assert daemon.gateway is not None
        self._gateway = daemon.gateway

    async def address(self) -> str:
        """The URL of the bus."""
        return self._daemon.nats_url or ""

    async def counted(self) -> dict[str, Any]:
        """What happened since the start, and stage times since the last call."""
        counters = self._gateway.counters
        self._daemon.teller.flush()
        thread_cpu = await asyncio.get_running_loop().run_in_executor(
            self._gateway._thread, time.thread_time
        )
        return {
            "messages": counters.messages,
            "groups": counters.groups,
            "trouble": counters.trouble,
            "thread_cpu": thread_cpu,
            "cpu": sum(os.times()[:2]),
            "at": time.perf_counter(),
            "stages": self._watch.take() if self._watch else {},
        }

    async def settled(self) -> float:
        """Waits until no delivery is open; the moment."""
        while await asyncio.to_thread(self._open):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return time.perf_counter()

    def _open(self) -> int:
        with self._gateway.books.read() as conn:
            return sum(deliveries.counts(conn).values())

    async def head(self) -> int:
        """Leaves in the ledger."""
        with self._gateway.books.read() as conn:
            return ledger.head(conn).size


class EdgeParty:
    """One machine of departments: clinics that send, or the police that receive."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        assert daemon.edge is not None
        self._edge = daemon.edge
        self._clinics = sorted(int(each[4:]) for each in daemon.edge.desks if each[:4] == "cln-")
        self._arrived: dict[str, list[tuple[str, float]]] = {}
        self._following: list[asyncio.Task[None]] = []

    async def _send(self, member: str, type: str, records: list[Any], batch: int) -> int:
        """Push, and wait for the signed receipts; how many records were accepted."""
        submission = await self._edge.submit(member, type, records, batch=batch)
        if submission.refused:
            raise RuntimeError(f"refused at the edge: {submission.refused[0].code}")
        accepted = 0
        async for answered in self._edge.answers([one.id for one in submission.messages]):
            if answered.verdict != "accepted":
                raise RuntimeError(f"{answered.verdict}: {answered.record}")
            accepted += answered.record["accepted"]
        return accepted

    async def _all(self, work: list[Callable[[], Awaitable[int]]], callers: int) -> dict[str, Any]:
        queue, done = iter(work), 0
        begun, cpu = time.perf_counter(), sum(os.times()[:2])

        async def caller() -> None:
            nonlocal done
            for each in queue:
                accepted = await each()
                done += accepted

        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
        return {
            "records": done,
            "begun": begun,
            "ended": time.perf_counter(),
            "cpu": sum(os.times()[:2]) - cpu,
        }

    async def enrol(
        self, first: int, count: int, batch: int, only: int | None = None
    ) -> dict[str, Any]:
        """File patients, `batch` in a message: many callers with one message each."""
        clinics = self._clinics if only is None else [only]
        work: list[Callable[[], Awaitable[int]]] = []
        for at in range(first, first + count, batch):
            for clinic in clinics:
                numbers = range(at, min(at + batch, first + count))

                async def one(clinic: int = clinic, numbers: range = numbers) -> int:
                    records = [people.enrolment(clinic, number) for number in numbers]
                    return await self._send(f"cln-{clinic:02d}", ENROLMENT, records, batch)

                work.append(one)
        return await self._all(work, CALLERS if batch == 1 else AHEAD)

    async def attend(self, patients: int, first_day: date, days: int, batch: int) -> dict[str, Any]:
        """Send day sheets of all clinics, a push of up to 1,000 rows at a time."""
        work: list[Callable[[], Awaitable[int]]] = []
        push = 1 if batch == 1 else 1000
        for day in range(days):
            for start in range(0, patients, push):
                for clinic in self._clinics:
                    when = first_day + timedelta(days=day)

                    async def one(
                        clinic: int = clinic, start: int = start, when: date = when
                    ) -> int:
                        rows = list(people.day_sheet(clinic, patients, when, start, start + push))
                        return await self._send(f"cln-{clinic:02d}", ATTENDANCE, rows, batch)

                    work.append(one)
        return await self._all(work, CALLERS if batch == 1 else AHEAD * batch // push)

    async def absences(self, first: int, count: int, days: int) -> dict[str, Any]:
        """Patients `first`… of the first clinic miss `days` days in a row."""
        begin = people.LAST_DAY - timedelta(days=days)
        rows = [
            people.attendance(1, number, begin + timedelta(days=day), False)
            for number in range(first, first + count)
            for day in range(days)
        ]

        async def one() -> int:
            return await self._send("cln-01", ATTENDANCE, rows, 200)

        return await self._all([one], 1)

    async def follow(self, member: str) -> None:
        """From now on note when something comes into the inbox of `member`."""
        arrived = self._arrived[member] = []

        async def note() -> None:
            async for row in self._edge.follow(member):
                arrived.append((row.id, time.perf_counter()))

        self._following.append(asyncio.create_task(note()))
        await asyncio.sleep(0)

    async def seven_days(self, first: int, count: int, pause: float) -> list[tuple[str, float]]:
        """One by one those patients miss one more day: (patient, moment of the push)."""
        pushed = []
        for number in range(first, first + count):
            row = people.attendance(1, number, people.LAST_DAY, False)
            pushed.append((row["patient_ref"], time.perf_counter()))
            await self._edge.submit("cln-01", ATTENDANCE, [row])
            await asyncio.sleep(pause)
        return pushed

    async def file_singly(self, first: int, count: int, pause: float) -> list[tuple[str, float]]:
        """One by one new patients are filed: (message id, moment of the push)."""
        pushed = []
        for number in range(first, first + count):
            begun = time.perf_counter()
            submission = await self._edge.submit("cln-01", ENROLMENT, [people.enrolment(1, number)])
            pushed.append((submission.messages[0].id, begun))
            await asyncio.sleep(pause)
        return pushed

    async def arrivals(self, member: str, count: int) -> list[tuple[dict[str, Any], float]]:
        """What `follow` noted, once it is `count` or half a minute has passed, with contents."""
        arrived = self._arrived[member]
        deadline = time.perf_counter() + 30
        while len(arrived) < count and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        desk, found = self._edge.desk(member), []
        for message_id, moment in arrived:
            row = await self._edge.run(lambda c: inbox_rows.get(c, member, message_id))  # noqa: B023
            if row is not None:
                body = await self._edge.run(lambda c: reading.read_body(c, desk, row))  # noqa: B023
                found.append((body, moment))
        return found

    async def unanswered(self) -> int:
        """Messages in the outbox without a receipt."""
        members = list(self._edge.desks)
        return await self._edge.run(
            lambda conn: sum(outbox.unanswered(conn, member)[0] for member in members)
        )

    async def warnings(self) -> dict[str, int]:
        """Codes of what went wrong, and how often."""
        return dict(self._edge.warnings)


class ConsoleParty(GatewayParty, EdgeParty):
    """The gateway, departments and their console on one machine."""

    def __init__(self, daemon: Daemon, watch: stages.Stopwatch | None) -> None:
        GatewayParty.__init__(self, daemon, watch)
        EdgeParty.__init__(self, daemon)

    async def console(self) -> str:
        """The address of the console."""
        return self._daemon.web_url or ""

    async def let_in(self, role: str, members: list[str]) -> list[str]:
        """One operator more at each of these members, signed in: their cookies."""
        house, now = self._daemon.house, self._daemon.clock.now()
        assert house is not None

        def work(conn: Connection) -> list[str]:
            first = len(store_people.search(conn))
            cookies = []
            for number, member in enumerate(members, first):
                row = OperatorRow(
                    login=f"op{number}", name=f"合成员{number}", member=member, role=role,
                    created_at=now,
                )  # fmt: skip
                store_people.add(conn, row)
                cookies.append(accounts.begin(conn, row.login, now))
            return cookies

        return await house.run(work)

    async def known(self) -> dict[str, int]:
        """How many messages and alerts are in the books."""

        def read() -> dict[str, int]:
            with self._gateway.books.read() as conn:
                return {
                    name: conn.execute(select(func.count()).select_from(table)).scalar_one()
                    for name, table in (("messages", tables.message), ("alerts", tables.alert))
                }

        return await asyncio.to_thread(read)


def run(root: Path, pipe: Pipe, nats_url: str | None, timed: bool) -> None:
    """The main function of a process: serve the parent until it says `stop`."""
    watch = stages.Stopwatch() if timed else None
    if watch is not None:
        stages.install(watch)
    uvloop.run(_serve(root, pipe, nats_url, watch))


def _party(daemon: Daemon, watch: stages.Stopwatch | None) -> GatewayParty | EdgeParty:
    if daemon.gateway is None:
        return EdgeParty(daemon)
    return GatewayParty(daemon, watch) if daemon.edge is None else ConsoleParty(daemon, watch)


async def _serve(
    root: Path, pipe: Pipe, nats_url: str | None, watch: stages.Stopwatch | None
) -> None:
    home = Home(root)
    daemon = Daemon(home, read_config(home), teller=Teller("en", io.StringIO()), nats_url=nats_url)
    try:
        await daemon.start()
        daemon.teller.learn(daemon.catalogue, daemon.trust)
        party = _party(daemon, watch)
        pipe.send(("ok", os.getpid()))
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
        return
    try:
        while True:
            if not await asyncio.to_thread(pipe.poll, 0.5):
                daemon.teller.flush()
                if daemon.failed is not None:
                    raise daemon.failed
                continue
            method, args = pipe.recv()
            if method == "stop":
                break
            try:
                pipe.send(("ok", await getattr(party, method)(*args)))
            except Exception:
                pipe.send(("failed", traceback.format_exc()))
    finally:
        await daemon.stop()
        pipe.send(("ok", None))
