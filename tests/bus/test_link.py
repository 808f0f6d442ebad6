"""The connection: what it does when streams vanish, lines go silent, or TLS is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jdgate.bus.access import Tls
from jdgate.bus.embedded import EmbeddedServer
from jdgate.bus.jetstream import connect_gateway, connect_member
from jdgate.bus.port import NotStored
from jdgate.bus.streams import Quota
from jdgate.errors import TransportFailed, UsageError

pytestmark = pytest.mark.anyio


class Line:
    """A wire between client and server that can be made to swallow everything."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.silent = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.silent:
                    writer.write(data)
                    await writer.drain()
        writer.close()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.silent = False  # the next line is a good one
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, back]
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(*pair))
            self._tasks.add(task)

    async def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)


@pytest.fixture
async def line(county: Any) -> AsyncIterator[tuple[Line, str]]:
    line = Line(int(county.server.url.rpartition(":")[2]))
    server = await asyncio.start_server(line.accept, "127.0.0.1", 0)
    yield line, f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await line.close()
    await server.wait_closed()


async def test_a_line_that_goes_silent_is_left_for_a_new_one(
    county: Any, tools: Any, line: tuple[Line, str]
) -> None:
    wire, url = line
    gateway = await county.gateway("m1")
    m1 = await county.member("m1", url, watch_every=0.1, watch_patience=2, confirm=20)
    await m1.publish([tools.message("m1", 1)])
    before, wire.silent = m1._wire.epoch, True
    with pytest.raises(NotStored) as failed:
        await m1.publish([tools.message("m1", 2)])
    assert failed.value.code in ("bus.unavailable", "bus.unconfirmed")
    await tools.until(lambda: m1.healthy and m1._wire.epoch > before)
    await m1.publish([tools.message("m1", 3)])
    assert [g.id for g in await tools.fetch_all(gateway, 2)] == ["id-1", "id-3"]
    await m1.close()


async def test_a_fetch_that_waits_survives_a_silent_line(
    county: Any, tools: Any, line: tuple[Line, str]
) -> None:
    wire, url = line
    gateway = await county.gateway("m1", quota=Quota(ack_wait=0.5))
    m1 = await county.member("m1", url, watch_every=0.1, watch_patience=2)
    waiting = asyncio.create_task(m1.fetch(10, wait=30))
    await tools.until(lambda: m1._pull._credit > 0)
    wire.silent = True
    await gateway.publish([tools.message("m1", 1)])
    # What went out on the silent line is out: it comes again after the acknowledgement wait.
    assert {g.id for g in await waiting} == {"id-1"}
    await m1.close()


@pytest.mark.parametrize("lost", ["STREAM.DELETE.JD_IN", "CONSUMER.DELETE.JD_IN.gateway"])
async def test_an_ingress_that_vanishes_is_made_again(county: Any, tools: Any, lost: str) -> None:
    gateway = await county.gateway("m1")
    m1 = await county.member("m1")
    waiting = asyncio.create_task(gateway.fetch(10, wait=30))
    await tools.until(lambda: gateway._pull._credit > 0)
    await gateway._wire.request(lost)

    async def stored() -> bool:
        with contextlib.suppress(NotStored):
            await m1.publish([tools.message("m1", 1)])
            return True
        return False

    await tools.until(stored)
    assert [g.id for g in await waiting] == ["id-1"]


async def test_a_mailbox_stream_that_vanishes_is_made_again_by_a_publish(
    county: Any, tools: Any
) -> None:
    gateway = await county.gateway("m1", "m2")
    m1 = await county.member("m1")
    await gateway._wire.request("STREAM.DELETE.JD_BOX")
    await gateway.publish([tools.message(m, n) for n, m in enumerate(("m1", "m2", "m1"))])
    assert [g.id for g in await tools.fetch_all(m1, 2)] == ["id-0", "id-2"]


async def test_a_member_that_is_there_first_gets_its_mail_when_the_mailbox_comes(
    county: Any, tools: Any
) -> None:
    m1 = await county.member("m1")
    waiting = asyncio.create_task(m1.fetch(10, wait=30))
    with pytest.raises(NotStored) as failed:
        await m1.publish([tools.message("m1", "too early")])
    assert failed.value.code == "bus.unavailable"
    gateway = await county.gateway("m1")
    await gateway.publish([tools.message("m1", 1)])
    assert [g.id for g in await waiting] == ["id-1"]


async def test_streams_with_older_settings_are_brought_up_to_date(county: Any) -> None:
    first = await county.gateway("m1", quota=Quota(per_member=10))
    await first.close()
    second = await county.gateway("m1", quota=Quota(per_member=20))
    info = await second._wire.request("STREAM.INFO.JD_BOX")
    assert info["config"]["max_msgs_per_subject"] == 20


async def test_a_new_gateway_gets_at_once_what_the_last_one_had_in_hand(
    county: Any, tools: Any
) -> None:
    first = await county.gateway("m1", quota=Quota(ack_wait=3600))
    m1 = await county.member("m1")
    await m1.publish([tools.message("m1", 1)])
    assert len(await first.fetch(10, wait=30)) == 1
    await first.close()
    second = await county.gateway("m1", quota=Quota(ack_wait=3600))
    assert [g.id for g in await second.fetch(10, wait=30)] == ["id-1"]


async def test_what_was_prefetched_is_handed_back_on_close(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1", quota=Quota(ack_wait=3600))
    m1 = await county.member("m1")
    await gateway.publish([tools.message("m1", n) for n in range(30)])
    (first,) = await m1.fetch(1, wait=30)
    await first.ack()
    await m1.close()
    again = await county.member("m1")
    assert len(await tools.fetch_all(again, 29)) == 29


async def test_what_is_not_settled_comes_again_after_the_wait(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1", quota=Quota(ack_wait=0.5))
    m1 = await county.member("m1")
    await m1.publish([tools.message("m1", 1)])
    first, *_ = await gateway.fetch(10, wait=30)
    # more than once, if this machine was busy for as long
    again, *_ = await gateway.fetch(10, wait=30)
    assert first.id == again.id == "id-1"
    assert again.redelivered > first.redelivered


async def test_a_stream_that_may_hold_no_more_bytes_refuses(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1", quota=Quota(max_bytes_box=100_000))
    with pytest.raises(NotStored) as failed:
        await gateway.publish([tools.message("m1", n, bytes(30_000)) for n in range(5)])
    assert failed.value.code == "bus.full"
    assert set(failed.value.failed) == {"id-3", "id-4"}


async def test_without_a_server_connecting_fails_in_time_or_goes_on_behind(
    county: Any, tools: Any
) -> None:
    url = county.server.url
    await county.server.stop()
    with county.keeping_the_port():
        with pytest.raises(TransportFailed) as failed:
            await connect_member(url, "m1", county.keys["m1"], patience=0.3)
        assert failed.value.code == "bus.unavailable"
        m1 = await county.member("m1", url, patience=0)
        assert not m1.healthy
        assert await m1.fetch(10, wait=0.05) == []
        with pytest.raises(NotStored):
            await m1.publish([tools.message("m1", 1)])
        await county.server.start()
    await tools.until(lambda: m1.healthy)


@pytest.mark.parametrize("url", ["nats://10.1.2.3:4222", "nats://bus.example:4222", "bus:4222"])
async def test_another_machine_is_not_talked_to_without_tls(county: Any, url: str) -> None:
    with pytest.raises(UsageError) as refused:
        await connect_member(url, "m1", county.keys["m1"])
    assert refused.value.code == "bus.tls_required"


async def test_a_server_that_offers_no_tls_is_told_nothing(county: Any) -> None:
    url = county.server.url.replace("nats://", "tls://")
    with pytest.raises(TransportFailed) as failed:
        await connect_member(
            url, "m1", county.keys["m1"], tls=ssl.create_default_context(), patience=4
        )
    assert failed.value.code == "bus.insecure"


def _certificate(directory: Path) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bus")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    tls = Tls(directory / "cert.pem", directory / "key.pem")
    tls.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return tls


async def test_over_tls_everything_works_and_a_foreign_certificate_does_not(
    county: Any, tools: Any, tmp_path: Path
) -> None:
    tls = _certificate(tmp_path)
    server = EmbeddedServer(tmp_path / "tls", users=county.users("gateway", "m1"), tls=tls)
    await server.start()
    try:
        assert server.url.startswith("tls://")
        trusting = ssl.create_default_context(cafile=str(tls.cert))
        gateway = await connect_gateway(server.url, county.keys["gateway"], tls=trusting)
        await gateway.start()
        await gateway.ensure_members(["m1"])
        m1 = await connect_member(server.url, "m1", county.keys["m1"], tls=trusting)
        await m1.publish([tools.message("m1", 1)])
        assert [g.id for g in await gateway.fetch(10, wait=30)] == ["id-1"]
        await m1.close()
        await gateway.close()
        with pytest.raises(TransportFailed) as refused:
            await connect_member(server.url, "m1", county.keys["m1"], patience=4)
        assert refused.value.code == "bus.insecure"
    finally:
        await server.stop()
