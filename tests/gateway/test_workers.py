"""Worker processes: what they open is what the gateway opens, and nothing hangs on their life."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import ENROL, County, enrolment

from jdgate.core.admission import Arrival, open_signed
from jdgate.core.message import encode
from jdgate.core.sealing import HYBRID, OpeningKey, context, unseal
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.workers import Workers

pytestmark = pytest.mark.anyio


def _processes(gateway: Gateway) -> list[int]:
    pool = gateway._workers._pool
    assert pool is not None
    return list(pool._processes)


async def _enrol(county: County, numbers: range) -> None:
    await asyncio.gather(*(county.push("cln-01", ENROL, [enrolment(n)]) for n in numbers))


async def _arrived(county: County, count: int) -> bool:
    return len(await county.ask("inbox.list", member="pol", limit=1000)) == count


async def test_messages_that_workers_open_arrive_and_a_killed_worker_is_replaced(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path)
    text = county.home.config.read_text()
    county.home.config.write_text(text.replace("[run]\n", "[run]\nworkers = 1\n"))
    async with county.running():
        gateway = county.daemon.gateway
        assert gateway is not None
        await _enrol(county, range(40))
        await county.until(lambda: _arrived(county, 40))
        first = _processes(gateway)
        for pid in first:
            os.kill(pid, signal.SIGKILL)
        await _enrol(county, range(40, 80))
        await county.until(lambda: _arrived(county, 80))
        assert set(_processes(gateway)).isdisjoint(first)


async def test_workers_open_and_seal_as_the_gateway_does_and_leave_it_what_they_cannot_open(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path)
    async with county.running():
        raw = await RawMember.open(county, "cln-09")
        messages = [raw.message() for _ in range(9)]
        sealed = [raw.outgoing(raw.sign(encode(message)), message.id) for message in messages]
        await raw.close()
        gateway = county.daemon.gateway
        assert gateway is not None
        ground = gateway.ground
    arrivals = [Arrival("cln-09", one.id, one.kid, one.body, messages[0].time) for one in sealed]
    spoilt = arrivals[3].body[:-1] + bytes([arrivals[3].body[-1] ^ 1])
    arrivals[3] = msgspec.structs.replace(arrivals[3], body=spoilt)
    key = OpeningKey("k", HYBRID, os.urandom(96))
    tasks = [(b"%d" % n, key.public(), context("a", "b", str(n))) for n in range(9)]
    workers = Workers(2)
    workers.trust(ground.trust, ground.keys)
    try:
        opened = await workers.open(arrivals)
        bodies = await workers.seal(tasks)
    finally:
        workers.stop()
    assert opened.pop(3) is None
    del arrivals[3]
    for arrival, jws in zip(arrivals, opened, strict=True):
        assert jws == open_signed(arrival, ground.trust, ground.keys)
    for body, (text, _, info) in zip(bodies, tasks, strict=True):
        assert unseal(body, key, info) == text
