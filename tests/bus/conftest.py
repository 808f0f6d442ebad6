"""A county's bus for tests: a real nats-server with its own store, users and connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats.aio.client import Client
from tests.e2e.kit import kept_port

from jdgate.bus.access import BusUser, nkey_public
from jdgate.bus.embedded import EmbeddedServer
from jdgate.bus.jetstream import connect_gateway, connect_member
from jdgate.bus.port import Incoming, Outgoing
from jdgate.bus.streams import GatewayStreams, MemberStreams, Quota


def nkey(private: Ed25519PrivateKey) -> str:
    return nkey_public(private.public_key().public_bytes_raw())


async def until(condition: Callable[[], Any], within: float = 60.0) -> None:
    """Wait for a condition, looking often; fails when it does not come true."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


def message(member: str, number: int | str, body: bytes = b"sealed", **more: Any) -> Outgoing:
    fields = {"id": f"id-{number}", "msg_id": f"id-{number}", "kid": "kid-1"} | more
    return Outgoing(member=member, body=body, **fields)


async def fetch_all(bus: Any, count: int, within: float = 60.0) -> list[Incoming]:
    """Fetch and settle until `count` different messages have come."""
    got: dict[str, Incoming] = {}
    deadline = time.monotonic() + within
    while len(got) < count and time.monotonic() < deadline:
        batch = await bus.fetch(100, wait=0.5)
        got |= {incoming.msg_id: incoming for incoming in batch}
        await bus.ack_many(batch)
    return list(got.values())


class Raw:
    """A plain NATS client logged in as some user, which notes what the server refuses it."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.client = Client()
        self.client._public_nkey = nkey(private)
        self._name, self._private = name, private
        self.refused: list[str] = []

    async def connect(self, url: str) -> Raw:
        import base64

        async def note(error: Exception) -> None:
            self.refused.append(str(error).lower())

        await self.client.connect(
            url,
            error_cb=note,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            inbox_prefix=f"_INBOX_{self._name}",
            signature_cb=lambda nonce: base64.b64encode(self._private.sign(nonce.encode())),
        )
        return self

    def was_refused(self, subject: str) -> bool:
        return any(f'"{subject.lower()}"' in text for text in self.refused)


class County:
    """One server, a gateway user and members m1, m2; opens connections and closes them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.keys = {name: Ed25519PrivateKey.generate() for name in ("gateway", "m1", "m2", "m3")}
        self._open: list[Any] = []
        self.server = EmbeddedServer(directory, users=self.users("gateway", "m1", "m2"))

    def users(self, *names: str) -> list[BusUser]:
        return [
            BusUser(n, nkey(self.keys[n]), "gateway" if n == "gateway" else "member") for n in names
        ]

    async def gateway(
        self, *members: str, quota: Quota | None = None, **more: Any
    ) -> GatewayStreams:
        more = {"patience": 30.0} | more
        bus = await connect_gateway(self.server.url, self.keys["gateway"], quota=quota, **more)
        self._open.append(bus)
        await bus.start()
        await bus.ensure_members(members)
        return bus

    async def member(self, name: str, url: str | None = None, **more: Any) -> MemberStreams:
        more = {"patience": 30.0} | more
        bus = await connect_member(url or self.server.url, name, self.keys[name], **more)
        self._open.append(bus)
        await bus.start()
        return bus

    async def raw(self, name: str) -> Raw:
        raw = Raw(name, self.keys[name])
        self._open.append(raw.client)
        return await raw.connect(self.server.url)

    def keeping_the_port(self) -> AbstractContextManager[int]:
        """Nobody else gets the server's port while it is stopped, and it does."""
        return kept_port(int(self.server.url.rpartition(":")[2]))

    async def close(self) -> None:
        for bus in self._open:
            await bus.close()
        await self.server.stop()


@pytest.fixture
async def county(tmp_path: Path) -> AsyncIterator[County]:
    county = County(tmp_path / "nats")
    await county.server.start()
    try:
        yield county
    finally:
        await county.close()


@pytest.fixture
def tools() -> Any:
    """The functions above, since test modules can't import each other."""

    class Tools:
        pass

    for function in (nkey, until, message, fetch_all):
        setattr(Tools, function.__name__, staticmethod(function))
    Tools.Raw = Raw  # type: ignore[attr-defined]
    Tools.County = County  # type: ignore[attr-defined]
    return Tools
