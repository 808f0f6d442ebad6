"""A member's own private keys, and the public half that goes into the directory.

Three keys, one use each: `sig` signs messages, `enc` opens what is sealed to the member, `bus`
logs in to NATS. Rotation adds a key and keeps the old ones, so that what is under way can still
be opened; the newest signing key signs.

    keys = make("cln-01", os.urandom)            # at the department
    records = public_records(keys, not_before, not_after)   # into the directory
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jdgate.core.directory import KeyRecord
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.message import MEMBER_ID
from jdgate.core.sealing import HYBRID, SMALL, SUITES, OpeningKey
from jdgate.core.signing import DEFAULT_ALG, SigningKey
from jdgate.errors import Refused


class MemberKeys(msgspec.Struct, frozen=True):
    """Private keys of one member (or of the authority, which only signs)."""

    member: str
    signing: tuple[SigningKey, ...]
    opening: tuple[OpeningKey, ...]
    bus: bytes
    """Ed25519 seed of the NATS user (32 bytes)."""

    @property
    def signer(self) -> SigningKey:
        """The newest signing key."""
        return self.signing[-1]

    def opener(self, kid: str) -> OpeningKey:
        """The opening key named `kid`.

        Raises:
            Refused: `sealing.not_ours` when this member has no such key.
        """
        for key in self.opening:
            if key.kid == kid:
                return key
        raise Refused("sealing.not_ours", kid=kid[:80])

    @property
    def number(self) -> int:
        """What the newest keys are counted as."""
        return number_of(self.signer.kid)

    def newest(self) -> MemberKeys:
        """The newest signing and sealing key alone."""
        return msgspec.structs.replace(self, signing=self.signing[-1:], opening=self.opening[-1:])

    def beside(self, old: MemberKeys) -> MemberKeys:
        """These keys, and the old ones to open what is under way."""
        return msgspec.structs.replace(
            self, signing=(*old.signing, *self.signing), opening=(*old.opening, *self.opening)
        )

    def __repr__(self) -> str:
        return f"MemberKeys({self.member})"


class _StoredKey(msgspec.Struct, forbid_unknown_fields=True):
    kid: str
    suite: str
    private: str


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    member: str
    signing: list[_StoredKey]
    opening: list[_StoredKey]
    bus: str


def number_of(kid: str) -> int:
    """What a key is counted as: 2 for `cln-01.sig.2`; 0 for an id of another form."""
    number = kid.rpartition(".")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


_SIZES = {"EdDSA": 32, "ML-DSA-65": 32, SMALL: 32, HYBRID: 96}


def make(
    member: str,
    entropy: Callable[[int], bytes],
    *,
    alg: str = DEFAULT_ALG,
    kem: str = HYBRID,
    number: int = 1,
) -> MemberKeys:
    """New keys for `member`; `entropy(n)` gives n random bytes (`os.urandom`)."""
    return MemberKeys(
        member=member,
        signing=(SigningKey(f"{member}.sig.{number}", alg, entropy(_SIZES.get(alg, 32))),),
        opening=(OpeningKey(f"{member}.enc.{number}", kem, entropy(_SIZES[kem])),),
        bus=entropy(32),
    )


def dump(keys: MemberKeys) -> bytes:
    """The key file's JSON. Private: only ever written with mode 0600."""
    stored = _Stored(
        member=keys.member,
        signing=[_StoredKey(k.kid, k.alg, b64u(k.private)) for k in keys.signing],
        opening=[_StoredKey(k.kid, k.suite, b64u(k.private)) for k in keys.opening],
        bus=b64u(keys.bus),
    )
    return msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n"


def load(text: bytes, source: str) -> MemberKeys:
    """Keys from a key file; `source` names the file in errors.

    Raises:
        Refused: `keys.unreadable`.
    """
    try:
        stored = msgspec.json.decode(text, type=_Stored)
        keys = MemberKeys(
            member=stored.member,
            signing=tuple(SigningKey(k.kid, k.suite, unb64u(k.private)) for k in stored.signing),
            opening=tuple(OpeningKey(k.kid, k.suite, unb64u(k.private)) for k in stored.opening),
            bus=unb64u(stored.bus),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, Refused):
        raise Refused("keys.unreadable", file=source) from None
    if not _is_whole(keys):
        raise Refused("keys.unreadable", file=source)
    return keys


def _is_whole(keys: MemberKeys) -> bool:
    """Whether the keys can be used: of their suites' sizes, with one to sign and one to open.

    A suite that is not built in may come with a plugin; its keys are the plugin's to judge.
    """
    sized = [(k.alg, k.private) for k in keys.signing] + [
        (k.suite, k.private) for k in keys.opening
    ]
    return (
        bool(MEMBER_ID.fullmatch(keys.member) and keys.signing and keys.opening)
        and len(keys.bus) == 32
        and all(len(private) == _SIZES.get(suite, len(private)) for suite, private in sized)
        and all(key.suite in SUITES for key in keys.opening)
    )


def bus_key(keys: MemberKeys) -> Ed25519PrivateKey:
    """The key a member logs in to the bus with."""
    return Ed25519PrivateKey.from_private_bytes(keys.bus)


def bus_public(keys: MemberKeys) -> bytes:
    """The public half of the NATS key (32 bytes)."""
    return bus_key(keys).public_key().public_bytes_raw()


def public_records(
    keys: MemberKeys, not_before: datetime, not_after: datetime
) -> tuple[KeyRecord, ...]:
    """What the directory shows of these keys, valid in the given window."""
    records = []
    for signing in keys.signing:
        public = b64u(signing.public().public)
        records.append(KeyRecord(signing.kid, "sig", signing.alg, public, not_before, not_after))
    for opening in keys.opening:
        public = b64u(opening.public().public)
        records.append(KeyRecord(opening.kid, "enc", opening.suite, public, not_before, not_after))
    bus = b64u(bus_public(keys))
    kid = f"{keys.member}.bus.{keys.number}"
    records.append(KeyRecord(kid, "bus", DEFAULT_ALG, bus, not_before, not_after))
    return tuple(records)
