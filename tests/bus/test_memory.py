"""The troubles that the bus in memory can play."""

from __future__ import annotations

from typing import Any

import pytest

from jdgate.bus.memory import MemoryHub
from jdgate.bus.port import NotStored

pytestmark = pytest.mark.anyio


async def test_redeliver_brings_what_was_not_settled(tools: Any) -> None:
    hub = MemoryHub()
    gateway, m1 = hub.gateway(), hub.member("m1")
    await m1.publish([tools.message("m1", 1), tools.message("m1", 2)])
    first, _ = await gateway.fetch(10, wait=1)
    await first.ack()
    assert await gateway.fetch(10, wait=0) == []
    hub.redeliver()
    (again,) = await gateway.fetch(10, wait=1)
    assert (again.id, again.redelivered) == ("id-2", 1)


async def test_wipe_forgets_messages_and_ids(tools: Any) -> None:
    hub = MemoryHub()
    gateway, m1 = hub.gateway(), hub.member("m1")
    await m1.publish([tools.message("m1", 1)])
    (held,) = await gateway.fetch(10, wait=1)
    hub.wipe()
    await held.ack()
    assert await gateway.fetch(10, wait=0) == []
    await m1.publish([tools.message("m1", 1)])
    assert [g.id for g in await gateway.fetch(10, wait=1)] == ["id-1"]


async def test_while_away_everything_fails_and_nothing_is_forgotten(tools: Any) -> None:
    hub = MemoryHub()
    gateway, m1 = hub.gateway(), hub.member("m1")
    await m1.publish([tools.message("m1", 1)])
    hub.away = True
    with pytest.raises(NotStored) as failed:
        await m1.publish([tools.message("m1", 2)])
    assert failed.value.code == "bus.unavailable"
    assert not gateway.healthy
    assert await gateway.fetch(10, wait=0.05) == []
    hub.away = False
    assert [g.id for g in await gateway.fetch(10, wait=1)] == ["id-1"]
