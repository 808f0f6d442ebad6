"""The directory: who is a member, with which roles, regions and keys. Signed by the authority.

Rules (learned from The Update Framework):
- signed by an authority key that was pinned at installation; once a directory is held, by one
  that *it* names, so that a key the authority has rotated out signs nothing any more;
- one reading only: canonical JSON, no member or key id twice;
- a lower version is refused (rollback); the same version with other content too;
- a document past its expiry is refused (freeze); who holds a good copy goes on with it and says
  that it is old;
- a signature is judged by the key's state when the message was signed *and* when it arrived:
  inside its window at both moments, not revoked at the second.

    jws = publish(directory, authority_key)
    trust = Trust(accept(jws, pinned, current=None, now=now))
    key = trust.signing_key("cln-01.sig.1", "cln-01", signed_at, received_at)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec

from jdgate.core.encoding import b64u, unb64u
from jdgate.core.message import MEMBER_ID
from jdgate.core.sealing import SealingKey
from jdgate.core.signing import TYP_DIRECTORY, PublicKey, SigningKey, peek, sign, verify
from jdgate.errors import Refused

Use = Literal["sig", "enc", "bus"]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment with its zone: one without can't be compared with the clock."""
Version = Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One public key. `public` is base64url; the window is [not_before, not_after)."""

    kid: str
    use: Use
    suite: str
    public: str
    not_before: Moment
    not_after: Moment
    revoked_at: Moment | None = None


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A department on the bus. `regions` are 12-digit division codes it answers for."""

    id: str
    name: str
    kind: Literal["authority", "gateway", "department"]
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    keys: tuple[KeyRecord, ...]
    status: Literal["active", "suspended", "left"] = "active"


class AuthorityKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that may sign directories. `public` is base64url."""

    kid: str
    suite: str
    public: str


class Directory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document itself. `catalogue` is the SHA-256 (hex) of the catalogue in force."""

    version: Version
    issued: Moment
    expires: Moment
    county: str
    catalogue: str
    authority: tuple[AuthorityKey, ...]
    members: tuple[Member, ...]


_decoder = msgspec.json.Decoder(Directory)


def encode(directory: Directory) -> bytes:
    """The document's one form in bytes."""
    return msgspec.json.encode(directory, order="sorted")


def publish(directory: Directory, key: SigningKey) -> bytes:
    """The signed directory, a JWS of its JSON."""
    return sign(encode(directory), key, TYP_DIRECTORY)


def authority_key(key: SigningKey) -> AuthorityKey:
    """What the directory shows of an authority's signing key."""
    return AuthorityKey(key.kid, key.alg, b64u(key.public().public))


def read(jws: bytes, pinned: Iterable[AuthorityKey]) -> Directory:
    """A directory whose signature holds, whatever its age.

    Raises:
        Refused: `directory.authority_unknown`, `directory.malformed`, `signing.*`.
    """
    kid = peek(jws).kid
    for known in pinned:
        if known.kid == kid:
            payload = verify(jws, PublicKey(kid, known.suite, unb64u(known.public)), TYP_DIRECTORY)
            break
    else:
        raise Refused("directory.authority_unknown", kid=kid[:80])
    try:
        directory = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("directory.malformed") from None
    if encode(directory) != payload or not _is_unambiguous(directory):
        raise Refused("directory.malformed")
    return directory


def _is_unambiguous(directory: Directory) -> bool:
    """Whether every id stands for one thing and every key is a text of bytes."""
    members = [member.id for member in directory.members]
    keys = [key for member in directory.members for key in member.keys]
    kids = [key.kid for key in keys]
    authority = [key.kid for key in directory.authority]
    if any(len(set(ids)) != len(ids) for ids in (members, kids, authority)):
        return False
    try:
        for public in (*(k.public for k in keys), *(k.public for k in directory.authority)):
            unb64u(public)
    except Refused:
        return False
    return all(MEMBER_ID.fullmatch(member) for member in members)


def accept(
    jws: bytes, pinned: Sequence[AuthorityKey], current: Directory | None, now: datetime
) -> Directory:
    """The directory to use from now on.

    Raises:
        Refused: what `read` raises; `directory.rollback`, `directory.expired`,
            `directory.forked` (same version, other content).
    """
    offered = read(jws, current.authority if current else pinned)
    if offered.expires <= now:
        raise Refused("directory.expired", version=offered.version, expired=offered.expires.date())
    if current is not None:
        if offered.version < current.version:
            raise Refused("directory.rollback", got=offered.version, expected=current.version)
        if offered.version == current.version and offered != current:
            raise Refused("directory.forked", version=offered.version)
    return offered


class Trust:
    """A directory made ready for questions. Built once per version."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.members = {member.id: member for member in directory.members}
        self._keys = {key.kid: (member, key) for member in directory.members for key in member.keys}
        self._raw = {kid: unb64u(key.public) for kid, (_, key) in self._keys.items()}

    def member(self, member_id: str) -> Member:
        """The member named `member_id`.

        Raises:
            Refused: `member.unknown`.
        """
        try:
            return self.members[member_id]
        except KeyError:
            raise Refused("member.unknown", member=member_id[:40]) from None

    def active(self) -> list[Member]:
        """Members that may take part now."""
        return [member for member in self.directory.members if member.status == "active"]

    @property
    def gateway(self) -> Member:
        """The county's own gateway.

        Raises:
            Refused: `directory.no_gateway`.
        """
        for member in self.directory.members:
            if member.kind == "gateway" and self.directory.county in member.regions:
                return member
        raise Refused("directory.no_gateway")

    @property
    def authority(self) -> Member:
        """The member that answers for the county (禁毒办): alerts without a desk go there.

        Raises:
            Refused: `directory.no_authority`.
        """
        for member in self.directory.members:
            if member.kind == "authority":
                return member
        raise Refused("directory.no_authority")

    def signing_key(
        self, kid: str, member_id: str, signed_at: datetime, received_at: datetime
    ) -> PublicKey:
        """The verification key `kid` of `member_id`, judged at both moments.

        Raises:
            Refused: `member.unknown`, `member.suspended`, `key.unknown`, `key.not_theirs`,
                `key.wrong_use`, `key.not_yet_valid`, `key.expired`, `key.revoked`.
        """
        key, public = self.claimed_key(kid, member_id)
        for moment in (signed_at, received_at):
            if moment < key.not_before:
                raise Refused("key.not_yet_valid", kid=kid, since=key.not_before.date())
            if moment >= key.not_after:
                raise Refused("key.expired", kid=kid, until=key.not_after.date())
        if key.revoked_at is not None and received_at >= key.revoked_at:
            raise Refused("key.revoked", kid=kid, at=key.revoked_at.date())
        return public

    def claimed_key(self, kid: str, member_id: str) -> tuple[KeyRecord, PublicKey]:
        """The key a header names, before its time of use is known.

        Raises:
            Refused: `member.unknown`, `member.suspended`, `key.unknown`, `key.not_theirs`,
                `key.wrong_use`.
        """
        member = self.member(member_id)
        if member.status != "active":
            raise Refused("member.suspended", member=member_id)
        found = self._keys.get(kid)
        if found is None:
            raise Refused("key.unknown", kid=kid[:80])
        owner, key = found
        if owner.id != member_id:
            raise Refused("key.not_theirs", kid=kid, member=member_id)
        if key.use != "sig":
            raise Refused("key.wrong_use", kid=kid)
        return key, PublicKey(kid, key.suite, self._raw[kid])

    def sealing_key(self, member_id: str, now: datetime) -> SealingKey:
        """The newest valid key to seal to `member_id` with.

        Raises:
            Refused: `member.unknown`, `key.none_to_seal`.
        """
        usable = _usable(self.member(member_id), "enc", now)
        if not usable:
            raise Refused("key.none_to_seal", member=member_id)
        newest = usable[-1]
        return SealingKey(newest.kid, newest.suite, self._raw[newest.kid])

    def bus_keys(self, now: datetime) -> dict[str, bytes]:
        """Member → raw public key of its NATS user, the newest, if it may connect now."""
        return {
            member.id: self._raw[usable[-1].kid]
            for member in self.active()
            if (usable := _usable(member, "bus", now))
        }


def _usable(member: Member, use: Use, now: datetime) -> list[KeyRecord]:
    """A member's keys of one use that are valid at `now`, the newest last."""
    found = [
        key
        for key in member.keys
        if key.use == use
        and key.not_before <= now < key.not_after
        and (key.revoked_at is None or now < key.revoked_at)
    ]
    return sorted(found, key=lambda key: (key.not_before, key.kid))
