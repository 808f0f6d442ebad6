"""What both buses promise. The same sentences are tried in memory and on a real nats-server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jdgate.bus.memory import MemoryHub
from jdgate.bus.port import NotStored
from jdgate.bus.streams import Quota
from jdgate.errors import Misuse

pytestmark = pytest.mark.anyio

PER_MEMBER = 50


class Ends:
    gateway: Any
    m1: Any
    m2: Any


@pytest.fixture(params=["memory", "jetstream"])
async def ends(request: pytest.FixtureRequest, tmp_path: Any, tools: Any) -> AsyncIterator[Ends]:
    ends = Ends()
    if request.param == "memory":
        hub = MemoryHub(per_member=PER_MEMBER)
        ends.gateway, ends.m1, ends.m2 = hub.gateway(), hub.member("m1"), hub.member("m2")
        await ends.gateway.start()
        await ends.gateway.ensure_members(["m1", "m2"])
        yield ends
        return
    county = tools.County(tmp_path / "nats")
    await county.server.start()
    try:
        # a machine that is slow for some seconds changes nothing
        quota = Quota(per_member=PER_MEMBER, ack_wait=120)
        ends.gateway = await county.gateway("m1", "m2", quota=quota, confirm=30)
        ends.m1 = await county.member("m1", confirm=30)
        ends.m2 = await county.member("m2", confirm=30)
        yield ends
    finally:
        await county.close()


async def test_what_a_member_sends_reaches_the_gateway_whole(ends: Ends, tools: Any) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = tools.message("m1", 1, bytes(range(256)), msg_id="id-1.2", traceparent=trace)
    await ends.m1.publish([sent])
    (got,) = await ends.gateway.fetch(10, wait=30)
    assert (got.member, got.id, got.msg_id, got.kid) == ("m1", "id-1", "id-1.2", "kid-1")
    assert (got.body, got.traceparent, got.redelivered) == (bytes(range(256)), trace, 0)


async def test_a_mailbox_is_emptied_and_the_others_are_not(ends: Ends, tools: Any) -> None:
    mail = [tools.message(m, f"{m}-old") for m in ("m1", "m2")]
    await ends.gateway.publish(mail)
    await ends.gateway.clear("m1")
    await ends.gateway.publish([tools.message("m1", "m1-new")])
    assert [one.id for one in await ends.m1.fetch(10, wait=30)] == ["id-m1-new"]
    assert [one.id for one in await ends.m2.fetch(10, wait=30)] == ["id-m2-old"]


async def test_each_member_gets_its_own_mail_and_no_other(ends: Ends, tools: Any) -> None:
    await ends.gateway.publish(
        [tools.message(m, f"{m}-{n}") for n in range(3) for m in ("m1", "m2")]
    )
    for bus, name in ((ends.m1, "m1"), (ends.m2, "m2")):
        got = await tools.fetch_all(bus, 3)
        assert [g.id for g in got] == [f"id-{name}-{n}" for n in range(3)]
        assert {g.member for g in got} == {name}


async def test_order_is_kept(ends: Ends, tools: Any) -> None:
    await ends.m1.publish([tools.message("m1", n) for n in range(40)])
    assert [g.id for g in await tools.fetch_all(ends.gateway, 40)] == [f"id-{n}" for n in range(40)]


async def test_a_waiting_fetch_gets_a_message_that_arrives(ends: Ends, tools: Any) -> None:
    waiting = asyncio.create_task(ends.gateway.fetch(10, wait=30))
    await asyncio.sleep(0)
    await ends.m2.publish([tools.message("m2", 1)])
    assert [g.id for g in await waiting] == ["id-1"]


async def test_a_fetch_of_nothing_is_empty(ends: Ends) -> None:
    assert await ends.gateway.fetch(10, wait=0.05) == []


async def test_a_fetch_returns_no_more_than_its_limit(ends: Ends, tools: Any) -> None:
    await ends.m1.publish([tools.message("m1", n) for n in range(9)])
    seen: list[str] = []
    while len(seen) < 9:
        batch = await ends.gateway.fetch(4, wait=30)
        assert 1 <= len(batch) <= 4
        seen += [g.id for g in batch]
    assert seen == [f"id-{n}" for n in range(9)]


async def test_the_same_msg_id_is_stored_once(ends: Ends, tools: Any) -> None:
    for _ in range(3):
        await ends.m1.publish([tools.message("m1", 1)])
    await ends.m1.publish([tools.message("m1", 1, msg_id="id-1.1")])
    assert [g.msg_id for g in await tools.fetch_all(ends.gateway, 2)] == ["id-1", "id-1.1"]
    assert await ends.gateway.fetch(10, wait=0.05) == []


@pytest.mark.parametrize("count", [5, 30])
async def test_what_was_stored_can_be_sent_again_with_more(
    ends: Ends, tools: Any, count: int
) -> None:
    first = [tools.message("m1", n) for n in range(count)]
    await ends.gateway.publish(first)
    await ends.gateway.publish([*first, tools.message("m1", count)])
    got = [g.id for g in await tools.fetch_all(ends.m1, count + 1)]
    assert got == [f"id-{n}" for n in range(count + 1)]
    assert await ends.m1.fetch(10, wait=0.05) == []


async def test_a_nak_brings_it_again_and_counts(ends: Ends, tools: Any) -> None:
    await ends.gateway.publish([tools.message("m1", 1)])
    (got,) = await ends.m1.fetch(10, wait=30)
    await got.nak()
    (again,) = await ends.m1.fetch(10, wait=30)
    assert (again.id, again.redelivered) == ("id-1", 1)


async def test_a_nak_with_a_delay_waits_for_it(ends: Ends, tools: Any) -> None:
    await ends.gateway.publish([tools.message("m1", 1)])
    (got,) = await ends.m1.fetch(10, wait=30)
    before = time.monotonic()
    await got.nak(delay=0.5)
    assert [g.id for g in await ends.m1.fetch(10, wait=30)] == ["id-1"]
    assert time.monotonic() - before > 0.49


@pytest.mark.parametrize("verdict", ["ack", "term"])
async def test_what_is_settled_is_gone(ends: Ends, tools: Any, verdict: str) -> None:
    await ends.gateway.publish([tools.message("m1", 1)])
    (got,) = await ends.m1.fetch(10, wait=30)
    await getattr(got, verdict)()

    async def empty() -> bool:
        lag = (await ends.gateway.lag()).mailboxes["m1"]
        return (lag.pending, lag.unsettled) == (0, 0)

    await tools.until(empty)


async def test_lag_tells_what_waits_and_what_is_out(ends: Ends, tools: Any) -> None:
    await ends.m1.publish([tools.message("m1", n) for n in range(3)])
    await ends.gateway.publish([tools.message("m2", "a"), tools.message("m2", "b")])

    async def told() -> bool:  # the server counts a little after it has stored
        lag = await ends.gateway.lag()
        return (lag.ingress.pending, lag.mailboxes["m2"].pending) == (3, 2)

    await tools.until(told)
    lag = await ends.gateway.lag()
    assert (lag.mailboxes["m1"].pending, lag.mailboxes["m1"].unsettled) == (0, 0)
    await ends.gateway.fetch(1, wait=30)

    async def out() -> bool:
        lag = (await ends.gateway.lag()).ingress
        return lag.unsettled >= 1 and lag.pending + lag.unsettled == 3

    await tools.until(out)


@pytest.mark.parametrize("free", [1, 30])
async def test_a_full_mailbox_refuses_and_the_others_take(
    ends: Ends, tools: Any, free: int
) -> None:
    await ends.gateway.publish([tools.message("m1", n) for n in range(PER_MEMBER - free)])
    fitting = [tools.message("m1", f"fits {n}") for n in range(free)]
    with pytest.raises(NotStored) as refused:
        await ends.gateway.publish(
            [*fitting, tools.message("m1", "over"), tools.message("m2", "ok")]
        )
    assert set(refused.value.failed) == {"id-over"}
    assert refused.value.code == "bus.full"
    assert [g.id for g in await tools.fetch_all(ends.m2, 1)] == ["id-ok"]
    assert len(await tools.fetch_all(ends.m1, PER_MEMBER)) == PER_MEMBER


async def test_a_member_who_floods_fills_only_its_own_share(ends: Ends, tools: Any) -> None:
    with pytest.raises(NotStored) as refused:
        await ends.m1.publish([tools.message("m1", n) for n in range(PER_MEMBER + 3)])
    assert len(refused.value.failed) == 3
    assert {f.code for f in refused.value.failed.values()} == {"bus.full"}
    await ends.m2.publish([tools.message("m2", "fine")])
    got = await tools.fetch_all(ends.gateway, PER_MEMBER + 1)
    assert "id-fine" in {g.id for g in got}

    async def settled() -> bool:
        lag = (await ends.gateway.lag()).ingress
        return (lag.pending, lag.unsettled) == (0, 0)

    await tools.until(settled)
    await ends.m1.publish([tools.message("m1", "room again")])


async def test_what_is_too_large_fails_alone(ends: Ends, tools: Any) -> None:
    with pytest.raises(NotStored) as refused:
        await ends.m1.publish(
            [
                tools.message("m1", 1),
                tools.message("m1", 2, bytes(3_000_000)),
                tools.message("m1", 3),
            ]
        )
    assert isinstance(refused.value.failed["id-2"], Misuse)
    assert refused.value.code == "bus.too_large"
    assert [g.id for g in await tools.fetch_all(ends.gateway, 2)] == ["id-1", "id-3"]


async def test_a_member_can_not_send_as_another(ends: Ends, tools: Any) -> None:
    with pytest.raises(Misuse, match="m1"):
        await ends.m1.publish([tools.message("m2", 1)])


@pytest.mark.parametrize("name", ["", "m", "M1", "m.1", "*", ">", "m 1", "m" * 40])
async def test_a_name_that_would_change_a_subject_is_refused(
    ends: Ends, tools: Any, name: str
) -> None:
    with pytest.raises(Misuse) as refused:
        await ends.gateway.ensure_members([name])
    assert refused.value.code == "bus.member_name"
    with pytest.raises(Misuse):
        await ends.gateway.publish([tools.message(name, 1)])


async def test_what_a_machine_fetched_before_it_was_killed_comes_again_at_its_start(
    ends: Ends, tools: Any
) -> None:
    """The bus itself would wait for longer than this fetch does."""
    await ends.gateway.publish([tools.message(m, f"{m}-1") for m in ("m1", "m2")])
    await ends.m1.fetch(10, wait=30)
    await ends.m2.fetch(10, wait=30)
    await ends.gateway.reclaim(["m1"])
    (again,) = await ends.m1.fetch(10, wait=30)
    assert again.msg_id == "id-m1-1"
    assert await ends.m2.fetch(10, wait=0.2) == []
