"""The client for a member that signs with its own key, and opens what is sealed to it.

The key file never leaves the member's machine. What the authority vouches for is its directory: the
gateway's keys are taken from there, and its signatures verified with them.

    with OwnKey(url, token, read_keys("cln-09.key"), read_authority("authority.pub")) as me:
        message = me.sign("mmt.attendance.v1", records, purpose="mmt.continuity")
        keep(message)                        # until `hand_in` returns: it goes under one number
        judged = me.hand_in(message)
        for one in me.mailbox():
            keep(one)
            me.acknowledge(one)

Numbers: a member's messages are numbered without a gap. `sign` goes on from what the gateway has
seen and what was signed here; a message that was signed has to be handed in, in the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uuid_utils

from jdgate.client.answers import Judged, Sealed
from jdgate.client.api import Connected
from jdgate.core import admission, keys, signing
from jdgate.core.admission import Arrival, check_envelope
from jdgate.core.directory import AuthorityKey, Trust, accept
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.keys import MemberKeys
from jdgate.core.message import Message, decode, encode, whole_ms
from jdgate.core.signing import TYP_MESSAGE
from jdgate.errors import Refused

RECEIPT = "sys.receipt.v1"
RECEIPT_PURPOSE = "exchange.operation"
JOSE = {"content-type": "application/jose"}


class Signed(msgspec.Struct, frozen=True):
    """A message of the member's. The same bytes may be handed in any number of times."""

    id: str
    jws: bytes


class Opened(msgspec.Struct, frozen=True):
    """What came, opened and its signature verified. `digest` names its very bytes in a receipt."""

    id: str
    type: str
    origin: str
    records: list[dict[str, Any]]
    digest: bytes
    jws: bytes


class OwnKey(Connected):
    """A member with its own keys."""

    def __init__(
        self,
        url: str,
        token: str,
        own: MemberKeys,
        authority: AuthorityKey,
        *,
        patience: float = 60.0,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, token, patience=patience, http=http, sleep=sleep)
        self._keys = own
        self._authority = authority
        self._trust: Trust | None = None
        self._next: int | None = None

    @property
    def trust(self) -> Trust:
        """The directory, signed by the pinned authority. It is fetched once; see `refresh`."""
        return self._trust or self.refresh()

    def refresh(self) -> Trust:
        """Fetch the directory anew: keys are added and revoked.

        Raises:
            Refused: `directory.…`, `signing.…`: it is older than the one that is held, or not the
                authority's.
        """
        held = self._trust.directory if self._trust else None
        self._trust = Trust(accept(self.directory(), [self._authority], held, _now()))
        return self._trust

    def sign(
        self,
        type: str,
        records: Sequence[dict[str, Any]],
        *,
        purpose: str,
        region: str | None = None,
        inreplyto: str | None = None,
        approved_by: Sequence[str] = (),
    ) -> Signed:
        """A message to the gateway, numbered and signed; `purpose` as the agreement has it."""
        if self._next is None:
            self._next = self.status().next_sequence or 1
        number, self._next = self._next, self._next + 1
        return self._signed(
            type, list(records), purpose, sequence=number, region=region, inreplyto=inreplyto,
            approvedby=tuple(approved_by),
        )  # fmt: skip

    def hand_in(self, message: Signed) -> Judged:
        """Have a message judged; its receipt is verified.

        Raises:
            Refused: the receipt is not the gateway's. Problem, Unreachable: hand it in again.
        """
        judged = self._calls.read(
            Judged, "POST", "/messages/signed", content=message.jws, headers=JOSE
        )
        if judged.receipt is not None:
            self._verified(judged.receipt.encode())
        return judged

    def mailbox(self, *, follow: bool = False) -> Iterator[Opened]:
        """What the member was sent and has not receipted, opened; with `follow` for ever.

        Raises:
            Refused: it is not the gateway's, or not for us.
        """
        yield from map(self._open, self._coming("/mailbox", Sealed, follow))

    def acknowledge(self, *opened: Opened) -> None:
        """Hand in a signed receipt for what is safely stored."""
        said = [
            {"message_id": one.id, "digest": b64u(one.digest), "verdict": "delivered"}
            for one in opened
        ]
        if said:
            self.hand_in(self._signed(RECEIPT, said, RECEIPT_PURPOSE))

    def _signed(
        self, type: str, records: list[dict[str, Any]], purpose: str, **more: Any
    ) -> Signed:
        id = str(uuid_utils.uuid7())
        payload = encode(
            Message(
                id=id, source=self._keys.member, type=type, time=whole_ms(_now()),
                recipient=self.trust.gateway.id, data=records, purpose=purpose, **more,
            )
        )  # fmt: skip
        return Signed(id, signing.sign(payload, self._keys.signer, TYP_MESSAGE))

    def _open(self, sealed: Sealed) -> Opened:
        now, gateway = _now(), self.trust.gateway.id
        arrival = Arrival(self._keys.member, sealed.id, sealed.kid, unb64u(sealed.body), now)
        found = admission.open_arrival(arrival, self.trust, self._keys, sender=gateway)
        if isinstance(found, Refused):
            raise found
        check_envelope(found, arrival, self.trust, self._keys.member, gateway)
        said = found.message
        return Opened(
            said.id, said.type, said.origin or said.source, said.data, found.digest, found.jws
        )

    def _verified(self, receipt: bytes) -> Message:
        now = _now()
        kid = signing.peek(receipt).kid
        key = self.trust.signing_key(kid, self.trust.gateway.id, now, now)
        return decode(signing.verify(receipt, key, TYP_MESSAGE))


def read_keys(path: str | Path) -> MemberKeys:
    """The member's key file, as `jdgate key request` makes it.

    Raises:
        Refused: `keys.unreadable`. OSError.
    """
    return keys.load(Path(path).read_bytes(), Path(path).name)


def read_authority(path: str | Path) -> AuthorityKey:
    """The authority's public key, as `keys/authority.pub` holds it.

    Raises:
        Refused: `keys.authority_unreadable`. OSError.
    """
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=AuthorityKey)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("keys.authority_unreadable", file=Path(path).name) from None


def _now() -> datetime:
    return datetime.now(UTC)
