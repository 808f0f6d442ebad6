"""What the gateway and a member need from a bus, whichever bus it is.

Rules
- The bus carries opaque bodies. It reads nothing but the subject and three headers:
  `Nats-Msg-Id`, `Jd-Kid`, `traceparent`.
- `jd.in.<member>` goes from a member to the gateway, `jd.box.<member>` from the gateway to a
  member. The member in a subject is who the bus let publish or read there; who *wrote* a
  message is decided by its signature alone.
- Delivery is at least once and the bus is never the only copy: a message that was published
  may be lost with the bus's disk and one that was fetched may come again. Senders keep theirs
  until a signed receipt comes; receivers drop what they have by id.
- Nothing is settled by being fetched: `ack` removes a message, `nak` asks for it again, and
  silence brings it back after the bus's acknowledgement wait.
- Failures are `TransportFailed` (try again), `Misuse` (never will work) with codes `bus.*`.

Call sequence of a gateway (a member's is the same without `ensure_members`):

    bus = await connect_gateway(url, private)
    await bus.start()
    await bus.ensure_members(["nco", "cln-01"])
    while True:
        incoming = await bus.fetch(256, wait=1.0)
        ...                                     # one transaction in the books
        await bus.publish(outgoing)
        await bus.ack_many(incoming)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.errors import JdgateError, Misuse, TransportFailed

STREAM_IN = "JD_IN"
STREAM_BOX = "JD_BOX"
SUBJECTS_IN = "jd.in.*"
SUBJECTS_BOX = "jd.box.*"
GATEWAY_DURABLE = "gateway"

HEADER_ID = "Nats-Msg-Id"
HEADER_KID = "Jd-Kid"
HEADER_TRACE = "traceparent"

MAX_PAYLOAD = 2 * 1024 * 1024
"""Bytes of headers and body that one message may have."""

_MEMBER = re.compile(r"[a-z][a-z0-9-]{1,31}")


def check_member(member: str) -> str:
    """`member` as it came, when it may stand in a subject and a consumer's name.

    Raises:
        Misuse: `bus.member_name`: it holds anything but a-z, 0-9 and `-`, or has a wrong length.
    """
    if not _MEMBER.fullmatch(member):
        raise Misuse("bus.member_name", member=member[:40])
    return member


def subject_in(member: str) -> str:
    """The subject on which `member` sends to the gateway."""
    return f"jd.in.{check_member(member)}"


def subject_box(member: str) -> str:
    """The subject of `member`'s mailbox."""
    return f"jd.box.{check_member(member)}"


def message_id(msg_id: str) -> str:
    """The message's own id: a resend carries `<id>.<attempt>` so that it is not a duplicate."""
    return msg_id.partition(".")[0]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message to be published.

    `member` is whose mailbox it goes to (gateway) or who sends it (member). `id` is the
    message's id and `msg_id` the `Nats-Msg-Id`, which is the id or `<id>.<attempt>`; within a
    minute the bus stores one `msg_id` once. `kid` names the sealing key, `body` is sealed.
    """

    member: str
    id: str
    msg_id: str
    kid: str
    body: bytes
    traceparent: str | None = None


class Incoming(Protocol):
    """A message that was fetched and waits to be settled.

    A bus lets others put junk where they may publish, so every header can be missing: `id`,
    `msg_id` and `kid` are then empty and the body is whatever was there.
    """

    @property
    def member(self) -> str:
        """The member in the subject: the sender at the gateway, oneself at a member."""

    @property
    def id(self) -> str:
        """`msg_id` up to its first dot."""

    @property
    def msg_id(self) -> str:
        """The `Nats-Msg-Id` header."""

    @property
    def kid(self) -> str:
        """The `Jd-Kid` header: the recipient key that the body is sealed to."""

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context, if the sender gave one."""

    @property
    def body(self) -> bytes:
        """The sealed bytes, as they were published."""

    @property
    def redelivered(self) -> int:
        """How often it was delivered before this time."""

    async def ack(self) -> None:
        """Settle it: it is removed. Lost acknowledgements bring it again.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def nak(self, delay: float = 0.0) -> None:
        """Ask for it again after `delay` seconds.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def term(self) -> None:
        """Settle it as one that never will be dealt with; it is removed.

        Raises:
            TransportFailed: `bus.unavailable`.
        """


class Lag(msgspec.Struct, frozen=True):
    """How many messages wait (`pending`) and how many are out and not settled (`unsettled`)."""

    pending: int
    unsettled: int


class GatewayLag(msgspec.Struct, frozen=True):
    """The gateway's ingress and every member's mailbox by member id."""

    ingress: Lag
    mailboxes: Mapping[str, Lag]


class NotStored(TransportFailed):
    """Some messages of a `publish` were not confirmed as stored; all others were.

    `failed` has the reason for each by `msg_id`; the code and parameters are those of the first.
    A message whose reason is a `Misuse` will never be stored as it is.
    """

    def __init__(self, failed: Mapping[str, JdgateError]) -> None:
        first = next(iter(failed.values()))
        super().__init__(first.code, **first.params)
        self.failed = dict(failed)


class GatewayBus(Protocol):
    """The gateway's side: reads every ingress subject, writes every mailbox."""

    @property
    def healthy(self) -> bool:
        """Whether the bus answered lately."""

    async def start(self) -> None:
        """Make the streams and consumers that are missing.

        Raises:
            TransportFailed: `bus.unavailable`, `bus.denied`, `bus.full`.
        """

    async def ensure_members(self, members: Sequence[str]) -> None:
        """Make sure that each has a mailbox, now and whenever the bus loses its store.

        Raises:
            Misuse: `bus.member_name`.
            TransportFailed: as `start`.
        """

    async def reclaim(self, members: Sequence[str]) -> None:
        """Have all that these members fetched and did not settle delivered again at once.

        For a machine that hosts them and has just started: nobody else reads their mailboxes.
        """

    async def clear(self, member: str) -> None:
        """Throw away what waits in a mailbox, for a member that fetches in another way. What it
        is owed is in the books.

        Raises:
            TransportFailed: `bus.…`.
        """

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """Up to `limit` messages; the first is returned as soon as it is there.

        Waits at most `wait` seconds and then returns an empty list; while the bus is away it
        waits just so. One task at a time may fetch.
        """

    async def ack_many(self, incoming: Sequence[Incoming]) -> None:
        """`ack` for all of them.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Put messages into mailboxes, in this order; returns when all are on disk.

        They are not all or nothing: `NotStored` says which are missing.

        Raises:
            NotStored: some weren't: `bus.full`, `bus.unavailable`, `bus.unconfirmed`,
                `bus.too_large`.
            Misuse: `bus.member_name`.
        """

    async def lag(self) -> GatewayLag:
        """What waits where.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def close(self) -> None:
        """Hand back what was prefetched and disconnect. Can be called twice."""


class MemberBus(Protocol):
    """A member's side: writes its own ingress subject, reads its own mailbox."""

    @property
    def healthy(self) -> bool:
        """Whether the bus answered lately."""

    def log_in_with(self, private: Ed25519PrivateKey) -> None:
        """Use this key from the next login on. A connection that stands goes on."""

    async def start(self) -> None:
        """Get ready to fetch. Needs nothing from the gateway: the mailbox may come later."""

    async def fetch(self, limit: int, wait: float) -> list[Incoming]:
        """As `GatewayBus.fetch`, from the own mailbox; empty while there is no mailbox yet."""

    async def ack_many(self, incoming: Sequence[Incoming]) -> None:
        """`ack` for all of them.

        Raises:
            TransportFailed: `bus.unavailable`.
        """

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """Send to the gateway, in this order, up to 64 in flight; returns when all are on disk.

        Raises:
            NotStored: some weren't: `bus.full`, `bus.unavailable`, `bus.unconfirmed`,
                `bus.denied`, `bus.too_large`.
            Misuse: `bus.not_own`: a message's `member` is someone else.
        """

    async def close(self) -> None:
        """Hand back what was prefetched and disconnect. Can be called twice."""
