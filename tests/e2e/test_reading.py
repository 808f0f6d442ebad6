"""Whoever looks something up in the books neither holds up the exchange nor waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.e2e.kit import ENROL, WITHIN, County, enrolment

from jdgate.errors import Misuse
from jdgate.store import messages

pytestmark = pytest.mark.anyio

ASKED: dict[str, dict[str, Any]] = {
    "messages.search": {},
    "messages.show": {"id": "…"},
    "ledger.head": {},
    "ledger.entry": {"id": "…"},
    "ledger.checkpoint": {},
    "flows.show": {},
    "charts.show": {},
    "expect.month": {"month": "2026-01"},
    "expect.list": {},
    "alerts.list": {},
    "queries.list": {},
    "dead.list": {},
    "status": {},
}
"""What people ask the books, and keep asking: command → what with."""


class Held:
    """Work on the books that goes on until it is let go."""

    def __init__(self) -> None:
        self._begun, self._let_go = threading.Event(), threading.Event()

    def __call__(self, conn: object) -> None:
        self._begun.set()
        assert self._let_go.wait(2 * WITHIN)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._begun.wait, WITHIN)

    def let_go(self) -> None:
        self._let_go.set()


@asynccontextmanager
async def busy(run: Callable[[Held], Awaitable[None]]) -> AsyncIterator[None]:
    """`gateway.read` or `gateway.run`, in the middle of something."""
    held = Held()
    task = asyncio.ensure_future(run(held))
    try:
        await held.begun()
        yield
        assert not task.done()
    finally:
        held.let_go()
        await task


async def test_a_slow_reader_does_not_hold_up_a_message(county: County) -> None:
    async with busy(county.gateway.read):
        (id,) = await county.submit("cln-01", ENROL, [enrolment(1)])
        (verdict,) = await county.verdicts([id])
        assert verdict["verdict"] == "accepted"
        await county.until(lambda: county.inbox("pol"))
    row = await county.gateway.read(lambda conn: messages.get(conn, id))
    assert row is not None and row.verdict == "accepted"


async def test_what_people_ask_does_not_wait_for_the_gateway(county: County) -> None:
    (id,) = await county.submit("cln-01", ENROL, [enrolment(2)])
    await county.verdicts([id])
    await county.quiet()
    async with busy(county.gateway.run):
        for method, given in ASKED.items():
            params = {name: id if value == "…" else value for name, value in given.items()}
            async with asyncio.timeout(WITHIN):
                assert await county.ask(method, **params) is not None or method.endswith("point")


async def test_a_stop_waits_for_who_still_reads(own: Callable[..., County]) -> None:
    county = own()
    await county.start()
    gateway, held = county.gateway, Held()
    task = asyncio.create_task(gateway.read(held))
    await held.begun()
    stopping = asyncio.create_task(county.stop())

    async def takes_nothing_more() -> bool:
        try:
            async with asyncio.timeout(0.05):  # it would wait for its turn
                await gateway.read(lambda conn: None)
        except (Misuse, TimeoutError) as reason:
            return isinstance(reason, Misuse)
        return False

    await county.until(takes_nothing_more)
    assert not stopping.done() and not task.done()
    held.let_go()
    await stopping
    assert task.done()
