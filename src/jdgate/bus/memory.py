"""A bus in memory, behind the same protocols as JetStream: for the tests of rules and plugins.

Rules
- It keeps the promises of `port` that others build on: work queues, order per subject, one
  `msg_id` stored once, a message that is not settled comes again, a full queue refuses.
- It keeps nothing else: no access control, no disk. What the real bus does when it breaks is
  tried with a real bus.
- Trouble is asked for by name: `away` makes everything fail, `wipe` forgets all messages,
  `redeliver` does what the acknowledgement wait would do, without waiting for it.

    hub = MemoryHub()
    gateway, clinic = hub.gateway(), hub.member("cln-01")
    await clinic.publish([message])
    (incoming,) = await gateway.fetch(10, wait=1.0)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.bus.port import (
    MAX_PAYLOAD,
    GatewayLag,
    Incoming,
    Lag,
    NotStored,
    Outgoing,
    check_member,
    message_id,
)
from jdgate.errors import JdgateError, Misuse, TransportFailed

_INGRESS = ""  # no member has this name


class _Item:
    """One stored message: waiting from `due` on, or out at a reader."""

    __slots__ = ("delivered", "due", "message", "out")

    def __init__(self, message: Outgoing) -> None:
        self.message = message
        self.delivered = 0
        self.due = 0.0
        self.out = False


class MemoryIncoming:
    """A message out of a queue: an `Incoming`."""

    __slots__ = ("_hub", "_item", "_queue", "redelivered")

    def __init__(self, hub: MemoryHub, queue: str, item: _Item) -> None:
        self._hub, self._queue, self._item = hub, queue, item
        self.redelivered = item.delivered - 1

    @property
    def member(self) -> str:
        """See `Incoming.member`."""
        return self._item.message.member

    @property
    def msg_id(self) -> str:
        """See `Incoming.msg_id`."""
        return self._item.message.msg_id

    @property
    def id(self) -> str:
        """See `Incoming.id`."""
        return message_id(self.msg_id)

    @property
    def kid(self) -> str:
        """See `Incoming.kid`."""
        return self._item.message.kid

    @property
    def traceparent(self) -> str | None:
        """See `Incoming.traceparent`."""
        return self._item.message.traceparent

    @property
    def body(self) -> bytes:
        """See `Incoming.body`."""
        return self._item.message.body

    async def ack(self) -> None:
        """See `Incoming.ack`."""
        self._hub._settle(self._queue, self._item)

    async def nak(self, delay: float = 0.0) -> None:
        """See `Incoming.nak`."""
        self._hub._again(self._item, time.monotonic() + delay)

    async def term(self) -> None:
        """See `Incoming.term`."""
        self._hub._settle(self._queue, self._item)


class MemoryHub:
    """The queues. `per_member`: messages a member may have waiting in each direction."""

    def __init__(self, *, per_member: int = 200_000, max_payload: int = MAX_PAYLOAD) -> None:
        self._per_member, self._max_payload = per_member, max_payload
        self._queues: dict[str, list[_Item]] = {_INGRESS: []}
        self._stored: set[tuple[bool, str]] = set()
        self._changed = asyncio.Event()
        self.away = False

    def gateway(self) -> MemoryGateway:
        """The gateway's end."""
        return MemoryGateway(self)

    def member(self, name: str) -> MemoryMember:
        """`name`'s end.

        Raises:
            Misuse: `bus.member_name`.
        """
        return MemoryMember(self, check_member(name))

    def wipe(self) -> None:
        """Lose every message and every memory of ids, as a deleted store does."""
        self._queues = {_INGRESS: []}
        self._stored.clear()

    def redeliver(self) -> None:
        """Bring again whatever was fetched and not settled, at once."""
        for queue in self._queues.values():
            for item in queue:
                item.out, item.due = False, 0.0
        self._changed.set()

    def _check(self) -> None:
        if self.away:
            raise TransportFailed("bus.unavailable")

    def _settle(self, queue: str, item: _Item) -> None:
        self._check()
        if item in self._queues.get(queue, ()):
            self._queues[queue].remove(item)

    def _again(self, item: _Item, due: float) -> None:
        self._check()
        item.out, item.due = False, due
        self._changed.set()

    def _put(self, queue: str, message: Outgoing) -> JdgateError | None:
        if self.away:
            return TransportFailed("bus.unavailable")
        if len(message.body) > self._max_payload:
            return Misuse("bus.too_large", size=len(message.body), limit=self._max_payload)
        key = (queue == _INGRESS, message.msg_id)
        if key in self._stored:
            return None
        waiting = self._queues.setdefault(queue, [])
        if sum(item.message.member == message.member for item in waiting) >= self._per_member:
            return TransportFailed("bus.full")
        self._stored.add(key)
        waiting.append(_Item(message))
        self._changed.set()
        return None

    def _put_all(self, pairs: Sequence[tuple[str, Outgoing]]) -> None:
        failed: dict[str, JdgateError] = {}
        for queue, message in pairs:
            failure = self._put(queue, message)
            if failure is not None:
                failed[message.msg_id] = failure
        if failed:
            raise NotStored(failed)

    def _take(self, queue: str, limit: int) -> list[Incoming]:
        taken: list[Incoming] = []
        now = time.monotonic()
        for item in self._queues.get(queue, ()) if not self.away else ():
            if len(taken) == limit:
                break
            if not item.out and item.due <= now:
                item.out = True
                item.delivered += 1
                taken.append(MemoryIncoming(self, queue, item))
        return taken

    async def _fetch(self, queue: str, limit: int, wait: float) -> list[Incoming]:
        deadline = time.monotonic() + wait
        while True:
            self._changed.clear()
            if taken := self._take(queue, limit):
                return taken
            now = time.monotonic()
            if now >= deadline:
                return []
            later = [item.due for item in self._queues.get(queue, ()) if not item.out]
            until = min([deadline, *(due for due in later if due > now)])
            try:
                # `away` is a plain attribute and wakes nobody: look again now and then.
                async with asyncio.timeout(min(until - now, 0.02)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def _lag(self, queue: str) -> Lag:
        items = self._queues.get(queue, [])
        out = sum(item.out for item in items)
        return Lag(len(items) - out, out)


class _End:
    """What both ends have in common: one queue to read."""

    def __init__(self, hub: MemoryHub, queue: str) -> None:
        self._hub, self._queue = hub, queue

    @property
    def healthy(self) -> bool:
        """See `GatewayBus.healthy`."""
        return not self._hub.away

    async def start(self) -> None:
        """See `GatewayBus.start`."""
        self._hub._check()

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """See `GatewayBus.fetch`."""
        return await self._hub._fetch(self._queue, limit, wait)

    async def ack_many(self, incoming: Sequence[Incoming]) -> None:
        """See `GatewayBus.ack_many`."""
        for message in incoming:
            await message.ack()

    async def close(self) -> None:
        """See `GatewayBus.close`."""


class MemoryGateway(_End):
    """A `GatewayBus`."""

    def __init__(self, hub: MemoryHub) -> None:
        super().__init__(hub, _INGRESS)

    async def ensure_members(self, members: Sequence[str]) -> None:
        """See `GatewayBus.ensure_members`."""
        self._hub._check()
        for member in members:
            self._hub._queues.setdefault(check_member(member), [])

    async def reclaim(self, members: Sequence[str]) -> None:
        """See `GatewayBus.reclaim`."""
        for member in members:
            for item in self._hub._queues.get(member, ()):
                item.out, item.due = False, 0.0
        self._hub._changed.set()

    async def clear(self, member: str) -> None:
        """See `GatewayBus.clear`."""
        self._hub._check()
        self._hub._queues[check_member(member)] = []

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `GatewayBus.publish`."""
        self._hub._put_all([(check_member(message.member), message) for message in messages])

    async def lag(self) -> GatewayLag:
        """See `GatewayBus.lag`."""
        self._hub._check()
        boxes = {name: self._hub._lag(name) for name in self._hub._queues if name != _INGRESS}
        return GatewayLag(self._hub._lag(_INGRESS), boxes)


class MemoryMember(_End):
    """A `MemberBus`."""

    def log_in_with(self, private: Ed25519PrivateKey) -> None:
        """See `MemberBus.log_in_with`: nobody logs in here."""

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `MemberBus.publish`."""
        if any(message.member != self._queue for message in messages):
            raise Misuse("bus.not_own", member=self._queue)
        self._hub._put_all([(_INGRESS, message) for message in messages])
