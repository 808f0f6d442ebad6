"""The two streams, their consumers, and the two ends that use them.

Rules
- `JD_IN` and `JD_BOX` are work queues on disk: a message stays until it is settled. They
  refuse what doesn't fit (`discard new`) instead of dropping what waits, and hold so many
  messages per member that one who floods fills only its own share.
- The gateway makes streams and consumers; a member only ever asks its own durable for messages.
- Nothing is assumed to be still there. Every five seconds, on each new connection and whenever
  an answer says so, the keeper compares what exists with what should and makes what is missing.
- What counts is a signed receipt, so no publish is all or nothing (see `publishing`).

An API error is `ApiRefused` and holds the server's number, which is how a stream that exists
with other settings (10058) is told from one that can't be made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.bus.port import (
    GATEWAY_DURABLE,
    STREAM_BOX,
    STREAM_IN,
    SUBJECTS_BOX,
    SUBJECTS_IN,
    GatewayLag,
    Incoming,
    Lag,
    NotStored,
    Outgoing,
    check_member,
    subject_box,
    subject_in,
)
from jdgate.bus.publishing import WINDOW, Publisher, parts
from jdgate.bus.pull import Pull, settle_all
from jdgate.bus.wire import Wire
from jdgate.ending import end
from jdgate.errors import JdgateError, Misuse, TransportFailed

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_EXISTS_OTHERWISE = 10058
_AUDIT_EVERY = 5.0


class ApiRefused(TransportFailed):
    """The JetStream API answered with an error: its `number` (err_code) and `status` (code)."""

    def __init__(self, code: str, /, *, number: int | None, status: int | None) -> None:
        super().__init__(code, number=number)
        self.number, self.status = number, status


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the streams; -1 is no limit.

    `per_member`: messages that one member may have waiting in each stream. `ack_wait`: seconds
    after which a message that was fetched and not settled comes again. `replicas`: 3 or 5 in a
    cluster.
    """

    per_member: int = 200_000
    max_bytes_in: int = -1
    max_bytes_box: int = -1
    ack_wait: float = 10.0
    dedupe: float = 60.0
    replicas: int = 1


class GatewayStreams:
    """A `GatewayBus` over a wire.

    `reclaim`: on start, have everything delivered again at once that an earlier process fetched
    and didn't settle, instead of after the acknowledgement wait. Only where a single gateway
    reads the ingress.
    """

    def __init__(self, wire: Wire, quota: Quota, *, reclaim: bool) -> None:
        self._wire, self._quota, self._reclaim = wire, quota, reclaim
        self._members: set[str] = set()
        self._attention = asyncio.Event()
        self._mending = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None
        self._publisher = Publisher(wire)
        self._pull = Pull(
            wire,
            STREAM_IN,
            GATEWAY_DURABLE,
            accepts=lambda subject: subject.startswith("jd.in."),
            on_gone=self._attention.set,
        )
        wire.on_change(self._attention.set)

    @property
    def healthy(self) -> bool:
        """See `GatewayBus.healthy`."""
        return self._wire.healthy

    async def start(self) -> None:
        """See `GatewayBus.start`."""
        await self._mend(refresh=True)
        if self._reclaim:
            await self._reset(STREAM_IN, GATEWAY_DURABLE)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())

    async def ensure_members(self, members: Sequence[str]) -> None:
        """See `GatewayBus.ensure_members`."""
        self._members.update(check_member(member) for member in members)
        await self._mend()

    async def reclaim(self, members: Sequence[str]) -> None:
        """See `GatewayBus.reclaim`."""
        for start in range(0, len(members), WINDOW):
            await _all(self._reset(STREAM_BOX, m) for m in members[start : start + WINDOW])

    async def clear(self, member: str) -> None:
        """See `GatewayBus.clear`."""
        await self._wire.request(f"STREAM.PURGE.{STREAM_BOX}", {"filter": subject_box(member)})

    async def _reset(self, stream: str, durable: str) -> None:
        # Servers before 2.14 don't know it; then the acknowledgement wait does the same.
        with contextlib.suppress(TransportFailed):
            await self._wire.request(f"CONSUMER.RESET.{stream}.{durable}")

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """See `GatewayBus.fetch`."""
        return await self._pull.fetch(limit, wait)

    async def ack_many(self, incoming: Sequence[Incoming]) -> None:
        """See `GatewayBus.ack_many`."""
        await settle_all(incoming)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `GatewayBus.publish`."""
        pairs = [(subject_box(message.member), message) for message in messages]
        failed = self._publisher.too_large(messages)
        pairs = [pair for pair in pairs if pair[1].msg_id not in failed]
        for part in parts(pairs):
            lost = await self._publisher.several(part)
            if any(error.code == "bus.unavailable" for error in lost.values()):
                # Perhaps only the stream is gone: make it again and try once more.
                with contextlib.suppress(TransportFailed):
                    await self._mend()
                    lost = await self._publisher.several([p for p in part if p[1].msg_id in lost])
            failed |= lost
        if failed:
            raise NotStored(failed)

    async def lag(self) -> GatewayLag:
        """See `GatewayBus.lag`."""
        ingress = await self._wire.request(f"CONSUMER.INFO.{STREAM_IN}.{GATEWAY_DURABLE}")
        boxes: dict[str, Lag] = {}
        async for page in self._pages(f"CONSUMER.LIST.{STREAM_BOX}", "consumers"):
            boxes |= {info["name"]: _lag(info) for info in page}
        return GatewayLag(_lag(ingress), boxes)

    async def close(self) -> None:
        """See `GatewayBus.close`."""
        await end(self._keeper)
        await self._pull.hand_back()
        await self._wire.close()

    # -- keeping streams and consumers -----------------------------------------------------

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AUDIT_EVERY):
                    await self._attention.wait()
            self._attention.clear()
            if not self._wire.connected:
                continue
            try:
                if await self._mend():
                    self._pull.resume()
            except JdgateError as error:
                log.warning("bus: streams can't be checked: %s", error.code)
                await asyncio.sleep(0.5)
                self._attention.set()

    async def _mend(self, *, refresh: bool = False) -> bool:
        """Make what is missing, with `refresh` also bring settings up to date; what was made."""
        async with self._mending:
            made = await self._mend_stream(self._stream(STREAM_IN), refresh)
            made |= await self._mend_stream(self._stream(STREAM_BOX), refresh)
            there = {name async for name in self._consumers(STREAM_IN)}
            if refresh or GATEWAY_DURABLE not in there:
                await self._make_consumer(STREAM_IN, GATEWAY_DURABLE, SUBJECTS_IN)
                made = True
            there = {name async for name in self._consumers(STREAM_BOX)}
            missing = sorted(self._members - there)
            for start in range(0, len(missing), WINDOW):
                some = missing[start : start + WINDOW]
                await _all(self._make_consumer(STREAM_BOX, m, subject_box(m)) for m in some)
            if made and not refresh:
                log.warning("bus: streams or consumers were missing and have been made again")
            return made or bool(missing)

    async def _mend_stream(self, config: Mapping[str, object], refresh: bool) -> bool:
        name = config["name"]
        try:
            if not refresh:
                await self._wire.request(f"STREAM.INFO.{name}")
                return False
        except ApiRefused as error:
            if error.status != 404:
                raise
        try:
            await self._wire.request(f"STREAM.CREATE.{name}", config)
        except ApiRefused as error:
            if error.number != _EXISTS_OTHERWISE:
                raise
            await self._wire.request(f"STREAM.UPDATE.{name}", config)
        return True

    def _stream(self, name: str) -> dict[str, object]:
        quota = self._quota
        inward = name == STREAM_IN
        return {
            "name": name,
            "subjects": [SUBJECTS_IN if inward else SUBJECTS_BOX],
            "retention": "workqueue",
            "storage": "file",
            "discard": "new",
            "discard_new_per_subject": quota.per_member > 0,
            "max_msgs_per_subject": quota.per_member,
            "max_bytes": quota.max_bytes_in if inward else quota.max_bytes_box,
            "duplicate_window": int(quota.dedupe * _NS),
            "num_replicas": quota.replicas,
            # A member can write to JD_IN, and with batches hold the server's memory.
            "allow_atomic": not inward,
        }

    async def _make_consumer(self, stream: str, durable: str, subject: str) -> None:
        config = {
            "name": durable,
            "durable_name": durable,
            "ack_policy": "explicit",
            "ack_wait": int(self._quota.ack_wait * _NS),
            "max_deliver": -1,
            "max_ack_pending": 10_000 if stream == STREAM_IN else 2_000,
            "filter_subject": subject,
        }
        await self._wire.request(
            f"CONSUMER.CREATE.{stream}.{durable}.{subject}",
            {"stream_name": stream, "config": config},
        )

    async def _consumers(self, stream: str) -> Any:
        async for page in self._pages(f"CONSUMER.NAMES.{stream}", "consumers"):
            for name in page:
                yield name

    async def _pages(self, subject: str, key: str) -> Any:
        offset = 0
        while True:
            answer = await self._wire.request(subject, {"offset": offset})
            page = answer.get(key) or []
            yield page
            offset += len(page)
            if not page or offset >= answer.get("total", 0):
                return


class MemberStreams:
    """A `MemberBus` over a wire."""

    def __init__(self, wire: Wire, member: str) -> None:
        self._wire, self._member = wire, check_member(member)
        self._publisher = Publisher(wire)
        own = subject_box(member)
        self._pull = Pull(wire, STREAM_BOX, member, accepts=lambda subject: subject == own)

    @property
    def healthy(self) -> bool:
        """See `MemberBus.healthy`."""
        return self._wire.healthy

    def log_in_with(self, private: Ed25519PrivateKey) -> None:
        """See `MemberBus.log_in_with`."""
        self._wire.log_in_with(private)

    async def start(self) -> None:
        """See `MemberBus.start`: there is nothing a member may make."""

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """See `MemberBus.fetch`."""
        return await self._pull.fetch(limit, wait)

    async def ack_many(self, incoming: Sequence[Incoming]) -> None:
        """See `MemberBus.ack_many`."""
        await settle_all(incoming)

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See `MemberBus.publish`."""
        if any(message.member != self._member for message in messages):
            raise Misuse("bus.not_own", member=self._member)
        subject = subject_in(self._member)
        failed = self._publisher.too_large(messages)
        failed |= await self._publisher.each(
            [(subject, message) for message in messages if message.msg_id not in failed]
        )
        if failed:
            raise NotStored(failed)

    async def close(self) -> None:
        """See `MemberBus.close`."""
        await self._pull.hand_back()
        await self._wire.close()


def _lag(info: Mapping[str, Any]) -> Lag:
    return Lag(info["num_pending"], info["num_ack_pending"])


async def _all(tasks: Iterator[Awaitable[None]]) -> None:
    await asyncio.gather(*tasks)
