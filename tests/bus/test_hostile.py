"""A member with its own valid key tries everything that is not its own business."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.bus.jetstream import connect_member
from jdgate.errors import JdgateError, TransportFailed

pytestmark = pytest.mark.anyio

FORBIDDEN_PUBLISHES = [
    "jd.in.m1",
    "jd.in.gateway",
    "jd.in.m2.more",
    "jd.box.m1",
    "jd.box.m2",
    "_INBOX_m1.reply",
    "_INBOX_gateway.reply",
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.UPDATE.JD_IN",
    "$JS.API.STREAM.DELETE.JD_BOX",
    "$JS.API.STREAM.PURGE.JD_BOX",
    "$JS.API.STREAM.INFO.JD_BOX",
    "$JS.API.STREAM.MSG.GET.JD_BOX",
    "$JS.API.STREAM.MSG.DELETE.JD_BOX",
    "$JS.API.STREAM.SNAPSHOT.JD_BOX",
    "$JS.API.DIRECT.GET.JD_BOX",
    "$JS.API.DIRECT.GET.JD_BOX.jd.box.m1",
    "$JS.API.CONSUMER.CREATE.JD_BOX",
    "$JS.API.CONSUMER.CREATE.JD_BOX.m1.jd.box.m1",
    "$JS.API.CONSUMER.CREATE.JD_BOX.m2.jd.box.m2",
    "$JS.API.CONSUMER.DURABLE.CREATE.JD_BOX.m2",
    "$JS.API.CONSUMER.DELETE.JD_BOX.m1",
    "$JS.API.CONSUMER.DELETE.JD_BOX.m2",
    "$JS.API.CONSUMER.PAUSE.JD_BOX.m1",
    "$JS.API.CONSUMER.RESET.JD_BOX.m1",
    "$JS.API.CONSUMER.INFO.JD_BOX.m1",
    "$JS.API.CONSUMER.LIST.JD_BOX",
    "$JS.API.CONSUMER.MSG.NEXT.JD_BOX.m1",
    "$JS.API.CONSUMER.MSG.NEXT.JD_IN.gateway",
    "$JS.ACK.JD_BOX.m1.1.1.1.1.0",
    "$JS.ACK.JD_IN.gateway.1.1.1.1.0",
    # The shorter form of m1's acknowledgement inside the longer form of m2's own.
    "$JS.ACK.JD_BOX.m1.JD_BOX.m2.1.1.0",
    "$JS.ACK.JD_IN.gateway.JD_BOX.m2.1.1.0",
    "$JS.FC.JD_BOX.m1.x",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "anything.else",
]

FORBIDDEN_SUBSCRIPTIONS = [
    ">",
    "*",
    "jd.>",
    "jd.in.m2",
    "jd.box.m1",
    "jd.box.m2",
    "_INBOX.>",
    "_INBOX_m1.>",
    "_INBOX_gateway.>",
    "*.>",
    "$JS.>",
    "$JS.EVENT.ADVISORY.>",
    "$JS.API.CONSUMER.MSG.NEXT.JD_BOX.m1",
    "$SYS.>",
]


async def test_everything_that_is_not_its_own_is_refused(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1", "m2")
    await gateway.publish([tools.message("m1", "for m1")])
    m1 = await county.member("m1")
    (held,) = await m1.fetch(10, wait=30)

    m2 = await county.raw("m2")
    for subject in FORBIDDEN_PUBLISHES:
        await m2.client.publish(subject, b"", reply=m2.client.new_inbox())
    subscriptions = [await m2.client.subscribe(subject) for subject in FORBIDDEN_SUBSCRIPTIONS]
    # One that is allowed, after all the others: when it was answered, they were all judged.
    await m2.client.request("jd.in.m2", b"", headers={"Nats-TTL": "1s"}, timeout=30)
    await m2.client.flush()
    allowed = [s for s in FORBIDDEN_PUBLISHES + FORBIDDEN_SUBSCRIPTIONS if not m2.was_refused(s)]
    assert allowed == []

    # And nothing came of it: m1's message is still m1's, and nothing was injected.
    await held.nak()
    assert [g.id for g in await m1.fetch(10, wait=30)] == ["id-for m1"]
    assert await gateway.fetch(10, wait=0.05) == []
    assert [s.pending_msgs for s in subscriptions] == [0] * len(subscriptions)


async def test_a_deliverys_settlement_in_another_members_name_changes_nothing(
    county: Any, tools: Any
) -> None:
    gateway = await county.gateway("m1", "m2")
    await gateway.publish([tools.message("m1", 1)])
    m1 = await county.member("m1")
    await m1.fetch(10, wait=30)
    m2 = await county.raw("m2")
    # Allowed by the pattern of m2's longer acknowledgements, if m1's stood in its first tokens.
    for tail in ("1.1.1.1.0", "1.1.1.1.0.x"):
        await m2.client.publish(f"$JS.ACK.JD_BOX.m1.JD_BOX.m2.{tail}", b"+ACK")
    await m2.client.request("jd.in.m2", b"", headers={"Nats-TTL": "1s"}, timeout=30)
    assert (await gateway.lag()).mailboxes["m1"].unsettled == 1


async def test_a_stranger_and_a_wrong_key_do_not_get_in(county: Any) -> None:
    with pytest.raises(TransportFailed) as refused:
        await connect_member(county.server.url, "m1", Ed25519PrivateKey.generate(), patience=4)
    assert refused.value.code == "bus.denied"


async def test_a_member_can_not_take_anothers_name(county: Any, tools: Any) -> None:
    """m2's key under m1's name: the server knows the key, and the name counts for nothing."""
    gateway = await county.gateway("m1", "m2")
    with pytest.raises(TransportFailed) as refused:
        bus = await connect_member(county.server.url, "m1", county.keys["m2"], patience=4)
        await bus.publish([tools.message("m1", 1)])
    assert refused.value.code in ("bus.denied", "bus.unavailable", "bus.unconfirmed")
    assert await gateway.fetch(10, wait=0.05) == []


async def test_a_reply_aimed_at_others_is_not_taken_for_a_message(county: Any, tools: Any) -> None:
    """Permissions don't bind replies: m2 can have the server write where it names."""
    gateway = await county.gateway("m1", "m2")
    m1 = await county.member("m1")
    m2 = await county.raw("m2")
    await gateway.publish([tools.message("m2", "own mail")])
    waiting = asyncio.create_task(m1.fetch(10, wait=30))
    gateway_waiting = asyncio.create_task(gateway.fetch(10, wait=30))
    await tools.until(lambda: m1._pull._credit > 0 and gateway._pull._credit > 0)
    request = json.dumps({"batch": 1, "expires": 10**9}).encode()
    # Even who knew the random part of the inbox can't have its own mail taken for another's…
    for inbox in (m1._wire.inbox("p", "1"), gateway._wire.inbox("p", "1")):
        await m2.client.publish("$JS.API.CONSUMER.MSG.NEXT.JD_BOX.m2", request, reply=inbox)
        await m2.client.publish("jd.in.m2", b"", reply=inbox)
    await m2.client.flush()
    # … and what it had stored at the gateway comes under its own name.
    got = await gateway_waiting
    assert {(g.member, g.msg_id) for g in got} == {("m2", "")}
    await gateway.publish([tools.message("m1", "true mail")])
    assert [(g.member, g.id) for g in await waiting] == [("m1", "id-true mail")]


async def test_junk_on_the_own_subject_is_handed_over_as_it_is(county: Any) -> None:
    gateway = await county.gateway("m1", "m2")
    m2 = await county.raw("m2")
    await m2.client.publish("jd.in.m2", b"", headers={"Status": "409", "Description": "Deleted"})
    await m2.client.publish("jd.in.m2", b"\x00", headers={"Nats-Msg-Id": "....", "Jd-Kid": " "})
    await m2.client.flush()
    got = []
    while len(got) < 2:
        got += await gateway.fetch(10, wait=30)
    assert [(g.member, g.id, g.kid, g.body) for g in got] == [
        ("m2", "", "", b""),
        ("m2", "", "", b"\x00"),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        {"Nats-Rollup": "all"},
        {"Nats-Rollup": "sub"},
        {"Nats-Schedule": "@at 2030-01-01T00:00:00Z", "Nats-Schedule-Target": "jd.in.m1"},
        {"Nats-TTL": "1s"},
        {"Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1", "Nats-Batch-Commit": "1"},
        {"Nats-Incr": "1"},
    ],
)
async def test_headers_that_command_the_stream_are_refused(
    county: Any, tools: Any, headers: dict[str, str]
) -> None:
    gateway = await county.gateway("m1", "m2")
    m1 = await county.member("m1")
    await m1.publish([tools.message("m1", 1)])
    m2 = await county.raw("m2")
    answer = await m2.client.request("jd.in.m2", b"x", headers=headers, timeout=30)
    assert "error" in json.loads(answer.data)
    assert [g.id for g in await gateway.fetch(10, wait=30)] == ["id-1"]


async def test_a_refusal_is_told_at_once_and_names_no_subject(county: Any, tools: Any) -> None:
    m2 = await county.member("m2")
    answer = await m2._wire.answer(await m2._wire.post("jd.in.m1", b"x"))
    assert isinstance(answer, JdgateError)
    assert answer.code == "bus.denied"
    assert "jd.in" not in str(answer)
