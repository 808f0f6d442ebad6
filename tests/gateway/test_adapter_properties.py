"""Up to the member's own system: whatever breaks, it has each message once, and nobody holds a
receipt for what it does not have.

The histories of `test_properties`, through the edge's real writer (pieces that share a transaction,
beside one that breaks), its sinks (that can't be reached, or do their work and then fail, or are
killed) and its sending.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from tests.e2e.kit import ENROL, enrolment
from tests.gateway.test_properties import (
    CLINIC,
    DYING,
    POLICE,
    STEPS,
    THE_WAY,
    Setting,
    Step,
    World,
    live,
)

from jdgate.bus.port import Outgoing
from jdgate.clock import Clock
from jdgate.edge import outbox as writing
from jdgate.edge.adapters import Condition
from jdgate.edge.sending import Sending
from jdgate.edge.working import Working
from jdgate.errors import TransportFailed
from jdgate.plugins.adapters import Delivery, Health
from jdgate.store import inbox
from jdgate.store.writer import Writer


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


class Killed(BaseException):
    """The process ends here, whoever would catch an exception."""


class Registry:
    """The police registry: takes a delivery once, by its id, as every adapter must."""

    name = "registry"
    types = frozenset({ENROL})

    def __init__(self) -> None:
        self.taken: dict[str, list[str]] = {}
        self.trouble = ""

    async def check(self) -> Health:
        return Health(ok=True)

    async def deliver(self, delivery: Delivery) -> None:
        trouble, self.trouble = self.trouble, ""
        if trouble == "away":
            raise TransportFailed("bus.unavailable")
        self.taken.setdefault(delivery.id, [one["id_no"] for one in delivery.records])
        if trouble == "fails after its work":
            raise TransportFailed("bus.unavailable")
        if trouble == "killed after its work":
            raise Killed


class Line:
    """The police's way to the gateway; `cut`: the process dies as it would say something."""

    healthy = True

    def __init__(self, world: AdaptedWorld) -> None:
        self._world = world
        self.cut = False

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def fetch(self, limit: int, wait: float) -> list[Any]:
        return []

    async def ack_many(self, incoming: Sequence[Any]) -> None: ...

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        if self.cut:
            raise Killed
        self._world.ingress.extend(messages)


class AdaptedWorld(World):
    """A world whose police have a system of their own, and whose edge has its writer."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        super().__init__(setting, folder)
        self.registry = Registry()
        self.sinks[POLICE] = (ENROL,)

    def push(self, count: int) -> None:
        """Each record for itself and all at once, beside a piece of work that breaks."""
        numbers = range(self.pushed, self.pushed + count)

        def piece(number: int) -> Any:
            desk = self.desks[CLINIC]
            return lambda conn: writing.submit(conn, desk, ENROL, [enrolment(number)], self.now)

        def breaks(conn: Connection) -> None:
            piece(9_999)(conn)
            raise ZeroDivisionError

        async def write() -> list[Any]:
            writer = Writer(self.edge, "edge")
            works = [piece(number) for number in numbers]
            works.insert(len(works) // 2, breaks)
            done = await asyncio.gather(*map(writer.run, works), return_exceptions=True)
            await writer.close()
            return done

        done = asyncio.run(write())
        assert [type(one) for one in done].count(ZeroDivisionError) == 1
        self.pushed += count

    def adapters(self, *how: str) -> None:
        """The registry is given what came, and may behave badly once."""
        try:
            asyncio.run(self._deliver(*how))
        except Killed:
            self.crash()

    async def _deliver(self, trouble: str = "", cut: bool = False) -> None:
        self.registry.trouble = trouble
        writer, clock, line = Writer(self.edge, "edge"), Clock(lambda: self.now), Line(self)
        line.cut = cut
        warnings: Counter[str] = Counter()
        sending = Sending(self.desks, {POLICE: line}, clock, writer.run, warnings)
        working = Working(self.desks, clock, writer.run, sending, warnings)
        condition = Condition(POLICE, self.registry.name, "sink")
        try:
            rows = await writer.run(lambda conn: inbox.due_for(conn, POLICE, [ENROL], self.now, 50))
            for row in rows:
                await working._deliver_one(POLICE, self.registry, condition, row)
        finally:
            await writer.close()

    def assert_receipts_are_true(self) -> None:
        """What the gateway counts as delivered is in the registry."""
        super().assert_receipts_are_true()
        with self.books.read() as conn:
            query = "SELECT id FROM delivery WHERE state = 'delivered' AND type = ?"
            delivered = set(conn.exec_driver_sql(query, (ENROL,)).scalars())
        assert delivered <= set(self.registry.taken)

    def received(self) -> Counter[str]:
        """Who is in the registry, and how often."""
        return Counter(person for people in self.registry.taken.values() for person in people)


TROUBLES = st.sampled_from(["", "", "away", "fails after its work", "killed after its work"])
MORE_STEPS = st.one_of(
    STEPS,
    st.tuples(st.just("adapters"), TROUBLES),
    st.tuples(st.just("adapters"), st.just(""), st.just(True)),
)


THE_WAY_IN: tuple[Step, ...] = (*THE_WAY[:3], ("adapters",), *THE_WAY[3:])


def with_one_fault_at_the_system() -> Iterator[tuple[Step, ...]]:
    """The way to the member's own system, with one thing gone wrong there."""
    before, after = THE_WAY_IN[:3], THE_WAY_IN[4:]
    for trouble in ("away", "fails after its work", "killed after its work"):
        yield (*before, ("adapters", trouble), *after)
    yield (*before, ("adapters", "", True), *after)
    # nobody may hold a receipt before the system has it, nor when it never gets it
    yield (*before, *after, ("adapters",))
    for death in DYING:
        yield (*before[:2], ("member", POLICE, 6, death), *after, ("adapters",))


def test_no_single_fault_at_a_members_system_loses_or_doubles_a_message(setting: Setting) -> None:
    for steps in with_one_fault_at_the_system():
        with tempfile.TemporaryDirectory() as folder:
            live(AdaptedWorld(setting, Path(folder)), steps)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(MORE_STEPS, min_size=15, max_size=30))
def test_the_members_own_system_has_each_message_once_and_receipts_are_true(
    setting: Setting, steps: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live(AdaptedWorld(setting, Path(folder)), [("send", False), *steps])
