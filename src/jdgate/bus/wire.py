"""What the JetStream side needs from a connection, so that one file alone knows the NATS client.

A `Wire` is a connection that comes back by itself. Each time it does, `epoch` grows and it has
a new inbox with an unguessable part, on which everything given to `listen` listens again.
What was asked on the old connection is answered with a failure, never left hanging.

    wire.listen("p", on_frame)                       # before it opens
    answer = await wire.post("jd.in.nco", body)      # a future; pipeline as many as you like
    failure = stored(await wire.answer(answer))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.errors import JdgateError


class Frame(NamedTuple):
    """One message as it came: `status` is "" unless the server itself speaks (404, 409, 503…)."""

    subject: str
    reply: str
    data: bytes
    headers: Mapping[str, str]
    status: str
    text: str


Answer = Frame | JdgateError


class Wire(Protocol):
    """A connection of one user."""

    @property
    def epoch(self) -> int:
        """How many connections there have been."""

    @property
    def connected(self) -> bool:
        """Whether a connection stands right now."""

    @property
    def healthy(self) -> bool:
        """Whether it stands and the server answered the last check."""

    @property
    def limit(self) -> int:
        """Bytes of headers and body that the server takes."""

    def log_in_with(self, private: Ed25519PrivateKey) -> None:
        """Use this key from the next login on. A connection that stands goes on: it ends when the
        server is told that its user is gone."""

    def listen(self, name: str, on_frame: Callable[[Frame], None]) -> None:
        """Hear what is sent to `inbox(name, …)`, on this and every later connection."""

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call when a connection was made or lost."""

    def inbox(self, name: str, token: str) -> str:
        """A subject that reaches the listener `name`. Valid for this epoch."""

    async def send(
        self,
        subject: str,
        data: bytes = b"",
        reply: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send and hope.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def post(
        self, subject: str, data: bytes = b"", headers: dict[str, str] | None = None
    ) -> asyncio.Future[Answer]:
        """Send; the future has the answer. It never holds an exception, so it may be dropped.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def answer(self, future: asyncio.Future[Answer]) -> Answer:
        """Wait for one answer, a few seconds at most; `bus.unconfirmed` when none comes."""

    async def request(self, subject: str, body: object = None) -> dict[str, Any]:
        """Ask the JetStream API; `body` is sent as JSON.

        Raises:
            ApiRefused: the API answered with an error.
            TransportFailed: `bus.unavailable`, `bus.unconfirmed`, `bus.denied`.
        """

    def stored(self, answer: Answer) -> JdgateError | None:
        """What the answer to a publish means: None when the message is on disk."""

    async def close(self) -> None:
        """Send what is buffered and disconnect for good."""
