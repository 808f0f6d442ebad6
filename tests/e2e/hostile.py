"""A member that keeps to no rule: real keys, a real connection, and any bytes it likes.

raw = await RawMember.open(county, "cln-09")
message = raw.message(data=[enrolment(1)])
await raw.send(raw.outgoing(raw.sign(encode(message)), message.id))
(receipt,) = await raw.receipts(message.id)
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.e2e.kit import ENROL, WITHIN, County, enrolment

from jdgate.bus.jetstream import connect_member
from jdgate.bus.port import MemberBus, Outgoing
from jdgate.clock import machine_time
from jdgate.core.admission import Arrival, Opened, open_arrival
from jdgate.core.keys import MemberKeys
from jdgate.core.message import Message, encode, whole_ms
from jdgate.core.sealing import SealingKey, context, seal
from jdgate.core.signing import TYP_MESSAGE, SigningKey, sign
from jdgate.gateway.ground import new_id

PURPOSES = {ENROL: "mmt.filing", "mmt.attendance.v1": "mmt.continuity"}


class RawMember:
    """One connection of a member that the tests play by hand."""

    def __init__(self, county: County, keys: MemberKeys, bus: MemberBus) -> None:
        self.county, self.keys, self.bus = county, keys, bus
        self.member = keys.member
        self.trust = county.trust
        self.number = 0
        self.heard: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.got: list[Opened] = []

    @classmethod
    async def open(cls, county: County, member: str, keys: MemberKeys | None = None) -> RawMember:
        """Connect with the member's own key (or `keys`). Raises: TransportFailed `bus.denied`."""
        keys = keys or county.keys(member)
        private = Ed25519PrivateKey.from_private_bytes(keys.bus)
        bus = await connect_member(county.daemon.nats_url, member, private)
        await bus.start()
        return cls(county, keys, bus)

    async def close(self) -> None:
        await self.bus.close()

    # --- making messages

    def message(self, type: str = ENROL, **other: Any) -> Message:
        """A good message, but for what is given."""
        self.number += 1
        fields: dict[str, Any] = {
            "id": new_id(),
            "source": self.member,
            "type": type,
            "time": whole_ms(machine_time()),
            "recipient": "gateway",
            "data": [enrolment(900)],
            "sequence": self.number,
            "purpose": PURPOSES.get(type),
        }
        return Message(**(fields | other))

    def sign(self, payload: bytes | Message, key: SigningKey | None = None) -> bytes:
        """A JWS by the member's own key, or by `key`."""
        data = encode(payload) if isinstance(payload, Message) else payload
        return sign(data, key or self.keys.signer, TYP_MESSAGE)

    def outgoing(self, jws: bytes, id: str, **other: Any) -> Outgoing:
        """Sealed to the gateway. `to`, `sender`, `recipient`, `key` change how."""
        to = other.pop("to", "gateway")
        key: SealingKey = other.pop("key", None) or self.trust.sealing_key(to, machine_time())
        sender = other.pop("sender", self.member)
        recipient = other.pop("recipient", to)
        body = seal(jws, key, context(sender, recipient, id))
        fields = {"member": self.member, "id": id, "msg_id": id, "kid": key.kid, "body": body}
        return Outgoing(**(fields | other))

    def sealed(self, message: Message, **other: Any) -> Outgoing:
        """A message signed and sealed as it should be, but for what is given."""
        return self.outgoing(self.sign(message), message.id, **other)

    # --- talking

    async def send(self, *messages: Outgoing) -> None:
        """Publish; returns when the bus has stored them."""
        await self.bus.publish(list(messages))

    async def receipts(self, id: str, count: int = 1) -> list[dict[str, Any]]:
        """The first `count` receipt records about a message of ours, each proven."""
        deadline = time.monotonic() + WITHIN
        while len(self.heard[id]) < count:
            await self.listen(0.2)
            self.county.assert_alive()
            assert time.monotonic() < deadline, f"{len(self.heard[id])} receipts for {id}"
        return self.heard[id][:count]

    async def listen(self, wait: float) -> list[Opened]:
        """Take what the mailbox has."""
        incoming = await self.bus.fetch(100, wait)
        found: list[Opened] = []
        for one in incoming:
            arrival = Arrival(self.member, one.id, one.kid, one.body, machine_time())
            opened = open_arrival(arrival, self.trust, self.keys, sender="gateway")
            assert isinstance(opened, Opened), opened
            found.append(opened)
            if opened.message.type == "sys.receipt.v1":
                for record in opened.message.data:
                    self.heard[record["message_id"]].append(record)
        await self.bus.ack_many(incoming)
        self.got += found
        await asyncio.sleep(0)
        return found
