"""Fetching from a durable consumer: at once when something comes, in batches when much waits.

Rules
- One pull request stands open at the server all the time somebody fetches, so a message that
  arrives is pushed without a round trip. A request asks for `limit` messages; what it has left
  (its credit) serves the fetches after this one.
- The server says with each message how many more wait. More are coming: a few milliseconds are
  worth waiting for a fuller batch. None: the message is handed over at once.
- A request can die without a word (server restarted, consumer deleted and made again), so the
  server must send a heartbeat every second on an idle one; two missed, and we ask again.
- Every status the server answers with ends the request. 409 and 503 with a pause that grows to
  a second, after which the owner gets the chance to mend the consumer.
- Whatever else lands in the inbox is dropped: a delivery must carry an acknowledgement subject
  of *our* stream and durable. Others can aim the server's answers at us (see `access`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence

import msgspec

from jdgate.bus.port import HEADER_ID, HEADER_KID, HEADER_TRACE, Incoming, message_id
from jdgate.bus.wire import Frame, Wire
from jdgate.errors import TransportFailed

log = logging.getLogger(__name__)

_HEARTBEAT = 1.0
_SILENCE = 2.2 * _HEARTBEAT
_EXPIRES = 30.0
_LINGER = 0.005
_MAX_BYTES = 16 * 1024 * 1024
_NS = 1_000_000_000


class Fetched:
    """A message out of a stream: an `Incoming`."""

    __slots__ = ("_headers", "_pull", "_reply", "body", "member", "redelivered")

    def __init__(self, pull: Pull, frame: Frame, delivered: int) -> None:
        self._pull, self._reply, self._headers = pull, frame.reply, frame.headers
        self.member = frame.subject.rpartition(".")[2]
        self.body = frame.data
        self.redelivered = delivered - 1

    @property
    def msg_id(self) -> str:
        """See `Incoming.msg_id`."""
        return self._headers.get(HEADER_ID, "")

    @property
    def id(self) -> str:
        """See `Incoming.id`."""
        return message_id(self.msg_id)

    @property
    def kid(self) -> str:
        """See `Incoming.kid`."""
        return self._headers.get(HEADER_KID, "")

    @property
    def traceparent(self) -> str | None:
        """See `Incoming.traceparent`."""
        return self._headers.get(HEADER_TRACE)

    async def ack(self) -> None:
        """See `Incoming.ack`."""
        await self._pull.settle(self._reply, b"+ACK")

    async def nak(self, delay: float = 0.0) -> None:
        """See `Incoming.nak`."""
        told = b' {"delay":%d}' % int(delay * _NS) if delay > 0 else b""
        await self._pull.settle(self._reply, b"-NAK" + told)

    async def term(self) -> None:
        """See `Incoming.term`."""
        await self._pull.settle(self._reply, b"+TERM")


class Pull:
    """One durable consumer, read by one task at a time.

    `accepts` says whether a subject is one that this reader may get; `on_gone` is called when
    the consumer or its stream seems to be missing.
    """

    def __init__(
        self,
        wire: Wire,
        stream: str,
        durable: str,
        *,
        accepts: Callable[[str], bool],
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        self._wire, self._stream, self._durable = wire, stream, durable
        self._accepts, self._on_gone = accepts, on_gone
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._ready: deque[Fetched] = deque()
        self._wake = asyncio.Event()
        self._asked = 0  # number of the standing request
        self._credit = 0  # how many messages it may still bring
        self._epoch = -1  # the connection it was made on
        self._heard = 0.0
        self._coming = 0  # how many more waited when the last message left the server
        self._pause = 0.0
        self._not_before = 0.0
        wire.listen("p", self._on_frame)
        wire.on_change(self._wake.set)

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """See `GatewayBus.fetch`."""
        deadline = time.monotonic() + wait
        while not self._ready:
            now = time.monotonic()
            if now >= deadline:
                return []
            until = deadline
            if self._wire.connected:
                if now >= self._not_before and not self._standing(now):
                    await self._ask(limit)
                silent = self._heard + _SILENCE
                until = min(until, silent if self._standing(now) else self._not_before)
            await self._sleep(until - now)
        linger = time.monotonic() + _LINGER
        while len(self._ready) < limit and self._coming > 0 and self._credit > 0:
            left = linger - time.monotonic()
            if left <= 0:
                break
            await self._sleep(left)
        batch: list[Incoming] = [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]
        if self._coming > 0 and self._credit <= 0 and not self._ready and self._wire.connected:
            await self._ask(limit)  # the next batch travels while this one is worked on
        return batch

    async def settle(self, reply: str, verdict: bytes) -> None:
        """Answer a delivery.

        Raises:
            TransportFailed: `bus.unavailable`.
        """
        await self._wire.send(reply, verdict)

    async def hand_back(self) -> None:
        """Return what was prefetched and nobody got, so that it comes again at once."""
        while self._ready:
            message = self._ready.popleft()
            try:
                await message.nak()
            except TransportFailed:
                return

    def resume(self) -> None:
        """The consumer was mended: ask at once."""
        self._pause = self._not_before = 0.0
        self._credit = 0
        self._wake.set()

    async def _sleep(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _standing(self, now: float) -> bool:
        return self._credit > 0 and self._epoch == self._wire.epoch and now - self._heard < _SILENCE

    async def _ask(self, limit: int) -> None:
        self._asked += 1
        self._epoch, self._credit, self._heard = self._wire.epoch, limit, time.monotonic()
        self._coming = 0
        request = {
            "batch": limit,
            "expires": int(_EXPIRES * _NS),
            "idle_heartbeat": int(_HEARTBEAT * _NS),
            "max_bytes": _MAX_BYTES,
        }
        try:
            await self._wire.send(
                self._next, msgspec.json.encode(request), self._wire.inbox("p", str(self._asked))
            )
        except TransportFailed:
            self._credit = 0
            self._back_off()

    def _on_frame(self, frame: Frame) -> None:
        if frame.reply:
            self._on_message(frame)
        elif frame.status and frame.subject.endswith(f".{self._asked}"):
            self._on_status(frame)

    def _on_message(self, frame: Frame) -> None:
        delivered = self._delivery(frame)
        if delivered is None or not self._accepts(frame.subject):
            log.warning("bus: dropped something that is not a delivery of %s", self._durable)
            return
        times, self._coming = delivered
        self._credit -= 1
        self._heard = time.monotonic()
        self._pause = 0.0
        self._ready.append(Fetched(self, frame, times))
        self._wake.set()

    def _delivery(self, frame: Frame) -> tuple[int, int] | None:
        """(times delivered, how many more wait), or None if it is no delivery of ours."""
        tokens = frame.reply.split(".")
        # $JS.ACK.<stream>.<durable>.<delivered>.<seq>.<seq>.<time>.<pending>, or with domain and
        # account hash before the stream, and then perhaps a random token at the end.
        at = 2 if len(tokens) == 9 else 4
        if len(tokens) not in (9, 11, 12) or tokens[:2] != ["$JS", "ACK"]:
            return None
        if tokens[at : at + 2] != [self._stream, self._durable]:
            return None
        try:
            return int(tokens[at + 2]), int(tokens[at + 6])
        except ValueError:
            return None

    def _on_status(self, frame: Frame) -> None:
        self._heard = time.monotonic()
        if frame.status == "100":
            return
        self._credit = 0
        self._coming = 0
        text = frame.text.lower()
        if frame.status in ("404", "408") or "batch completed" in text or "maxbytes" in text:
            self._pause = 0.0
        else:
            self._back_off()
            if frame.status == "503" or "deleted" in text or "no longer" in text:
                self._on_gone()
        self._wake.set()

    def _back_off(self) -> None:
        self._pause = min(max(self._pause * 2, 0.05), 1.0)
        self._not_before = time.monotonic() + self._pause


async def settle_all(incoming: Sequence[Incoming]) -> None:
    """`ack` each."""
    for message in incoming:
        await message.ack()
