"""How long the console waits for who asks: a request that drips in keeps no connection.

Rules:
- a connection on which no request is under way is closed after `REST_S`: before its first one,
  between two, while the head of one comes in, and while the rest of a refused one does;
- the body of a request has `GRACE_S`, and a second more for every `SLOWEST` bytes that came. Only
  the time that is spent waiting for the client counts;
- beyond `MOST` connections a new one is closed at once: whoever opens thousands takes what the
  console has, and nothing of what the exchange needs.

Others are not kept waiting by it in the meantime: each connection costs its own few kilobytes.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from jdgate.errors import Refused

REST_S = 30.0
GRACE_S = 20.0
SLOWEST = 16 * 1024
"""Bytes a second: 16 MiB over a poor mobile connection take no more than a quarter of an hour."""

MOST = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2, 4096)
"""Connections: at most half of the files that the process may have open."""

Receive = Callable[[], Awaitable[Any]]


class Body:
    """One request's body, as it comes in. `slow`: it was given up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waited = 0.0
        self._came = 0
        self._whole = False
        self.slow = False

    async def receive(self) -> Any:
        """The next piece (ASGI).

        Raises:
            Refused: `web.slow`.
        """
        if self._whole:  # what comes now is that the client went away, whenever it does
            return await self._receive()
        clock = asyncio.get_running_loop().time
        begun, most = clock(), GRACE_S + self._came / SLOWEST
        try:
            async with asyncio.timeout(max(0.0, most - self._waited)):
                message = await self._receive()
        except TimeoutError:
            self.slow = True
            raise Refused("web.slow") from None
        self._waited += clock() - begun
        self._came += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message


class Connection(H11Protocol):
    """A connection that is closed when nothing is asked on it."""

    _resting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._look()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        self._wake()
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wake()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Count from now on if nothing is under way, and no longer if something is."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._wake()
        elif self._resting is None and not self.transport.is_closing():
            self._resting = self.loop.call_later(REST_S, self.transport.abort)

    def _wake(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
