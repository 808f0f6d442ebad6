"""How a department comes to be a member: its request, made with keys that never leave it. Pure.

- **Request**: who it is, for which roles and regions, and its public keys; signed with its new
  signing key, and inside with its new bus key, which proves that it has both. Its fingerprint is
  40 digits over all of that: read out over the telephone and compared, they are what ties the file
  to the department.
- **Welcome**: what the department needs to take part: the authority's key, the signed directory,
  the address of the bus. It holds nothing secret; the authority's fingerprint is compared alike.

    request = sign_request(make_request(keys, …), keys)         # at the department
    directory = admitted(directory, read_request(request), now, until)   # at the authority
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jdgate.core import keys as formats
from jdgate.core import signing
from jdgate.core.directory import AuthorityKey, Directory, KeyRecord, Member, Use
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.keys import MemberKeys
from jdgate.core.message import MEMBER_ID
from jdgate.core.regions import covers
from jdgate.core.sealing import SUITES
from jdgate.core.sheet import ROLES
from jdgate.errors import Refused

REQUEST_FORMAT, WELCOME_FORMAT = "jd-key-request.v1", "jd-welcome.v1"
MAX_BYTES = 64_000
MAX_WELCOME = 8_000_000
GROUPS, GROUP = 8, 5
"""A fingerprint is 8 groups of 5 digits: 132 bits, and nothing that sounds alike."""
EARLIER = timedelta(minutes=5)
"""Keys are valid from a little before their admission: clocks differ."""

DEPARTMENT_ROLES = frozenset(ROLES) - {"GW"}
_NAME = 64


class OfferedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One public key, not yet anybody's."""

    kid: str
    public: str
    suite: str
    use: Use


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a department asks to be. `bus_proof`: its bus key's signature over all the rest."""

    bus_proof: str
    county: str
    format: str
    keys: tuple[OfferedKey, ...]
    member: str
    name: str
    regions: tuple[str, ...]
    roles: tuple[str, ...]


class Welcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an admitted department needs. `ca`: PEM of the bus's own certificate authority."""

    authority: AuthorityKey
    ca: str
    county_name: str
    directory: str
    format: str
    member: str
    nats: str


_encoder = msgspec.json.Encoder(order="sorted")
_requests = msgspec.json.Decoder(Request)
_welcomes = msgspec.json.Decoder(Welcome)


def make_request(
    keys: MemberKeys, *, name: str, roles: Sequence[str], regions: Sequence[str], county: str
) -> bytes:
    """The signed request of a member to be, by the newest of these keys.

    Raises:
        Refused: `enrol.…`, as reading it would.
    """
    if not MEMBER_ID.fullmatch(keys.member):
        raise Refused("enrol.member", got=keys.member[:40])
    moment = datetime.max  # a request has no windows; the directory will
    offered = tuple(
        OfferedKey(one.kid, one.public, one.suite, one.use)
        for one in formats.public_records(keys.newest(), moment, moment)
    )
    request = Request(
        "", county, REQUEST_FORMAT, offered, keys.member, name, tuple(regions), tuple(roles)
    )
    bus = Ed25519PrivateKey.from_private_bytes(keys.bus)
    proven = msgspec.structs.replace(request, bus_proof=b64u(bus.sign(_encoder.encode(request))))
    signed = signing.sign(_encoder.encode(proven), keys.signer, signing.TYP_REQUEST)
    read_request(signed)
    return signed


def read_request(jws: bytes) -> Request:
    """A request whose maker has the private halves of its signing and bus keys.

    Raises:
        Refused: `enrol.malformed`, `enrol.not_proven`, `enrol.role`, `enrol.region`,
            `signing.…`.
    """
    if len(jws) > MAX_BYTES:
        raise Refused("enrol.malformed")
    try:
        payload = signing.payload_unverified(jws)
        request = _requests.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, Refused):
        raise Refused("enrol.malformed") from None
    if _encoder.encode(request) != payload or not _is_well_formed(request):
        raise Refused("enrol.malformed")
    by_kid = {key.kid: key for key in request.keys}
    signer = by_kid.get(signing.peek(jws).kid)
    if signer is None or signer.use != "sig":
        raise Refused("enrol.not_proven", member=request.member)
    signing.verify(
        jws,
        signing.PublicKey(signer.kid, signer.suite, unb64u(signer.public)),
        signing.TYP_REQUEST,
    )
    bus = next(key for key in request.keys if key.use == "bus")
    said = _encoder.encode(msgspec.structs.replace(request, bus_proof=""))
    try:
        Ed25519PublicKey.from_public_bytes(unb64u(bus.public)).verify(
            unb64u(request.bus_proof), said
        )
    except (InvalidSignature, ValueError):
        raise Refused("enrol.not_proven", member=request.member) from None
    return _within(request)


def granted(
    request: Request, *, name: str, roles: Sequence[str], regions: Sequence[str]
) -> Request:
    """The request with what the authority grants in place of what was asked for. The keys stay.

    Raises:
        Refused: `enrol.grant`, `enrol.role`, `enrol.region`.
    """
    given = msgspec.structs.replace(request, name=name, roles=tuple(roles), regions=tuple(regions))
    if not _is_well_formed(given):
        raise Refused("enrol.grant")
    return _within(given)


def _within(request: Request) -> Request:
    """The request, if roles and regions are those of a department in its county.

    Raises:
        Refused: `enrol.role`, `enrol.region`.
    """
    for role in request.roles:
        if role not in DEPARTMENT_ROLES:
            raise Refused("enrol.role", got=role[:16], expected=" ".join(sorted(DEPARTMENT_ROLES)))
    for region in request.regions:
        if not covers(request.county, region):
            raise Refused("enrol.region", got=region[:16], expected=request.county)
    return request


def _is_well_formed(request: Request) -> bool:
    uses = [key.use for key in request.keys]
    regions = [*request.regions, request.county]
    return (
        request.format == REQUEST_FORMAT
        and MEMBER_ID.fullmatch(request.member) is not None
        and 0 < len(request.name.strip()) == len(request.name) <= _NAME
        and request.name.isprintable()
        and 0 < len(request.roles) == len(set(request.roles)) <= 8
        and 0 < len(request.regions) == len(set(request.regions)) <= 64
        and all(len(code) == 12 and code.isascii() and code.isdigit() for code in regions)
        and sorted(uses) == ["bus", "enc", "sig"]
        and len({key.public for key in request.keys}) == len(uses)
        and all(
            key.kid.startswith(f"{request.member}.{key.use}.")
            and key.kid.rpartition(".")[2].isdecimal()
            and len(key.kid) <= 80
            for key in request.keys
        )
        and all(key.suite in SUITES for key in request.keys if key.use == "enc")
        and all(key.suite == signing.DEFAULT_ALG for key in request.keys if key.use == "bus")
    )


def fingerprint(document: Request | AuthorityKey) -> str:
    """What two people compare: 40 digits in groups of five."""
    number = int.from_bytes(sha256(_encoder.encode(document)).digest()) % 10 ** (GROUPS * GROUP)
    digits = f"{number:0{GROUPS * GROUP}d}"
    return " ".join(digits[at : at + GROUP] for at in range(0, len(digits), GROUP))


def check_fingerprint(document: Request | AuthorityKey, told: str) -> None:
    """Whether what was read out is the fingerprint; spaces and hyphens don't matter.

    Raises:
        Refused: `enrol.fingerprint`.
    """
    if _digits(told) != _digits(fingerprint(document)):
        raise Refused("enrol.fingerprint")


def misheard(document: Request | AuthorityKey, told: Sequence[str]) -> list[int]:
    """The numbers (from 1) of the groups that are not as they were heard, in their order. One may
    have been misheard; where most differ, it is another document."""
    groups = fingerprint(document).split()
    heard = [*map(_digits, told), *[""] * GROUPS][:GROUPS]
    return [n for n, (own, one) in enumerate(zip(groups, heard, strict=True), 1) if own != one]


def _digits(told: str) -> str:
    return "".join(sign for sign in told if sign not in " -\u3000\t")


def admitted(directory: Directory, request: Request, now: datetime, until: datetime) -> Directory:
    """The directory with the request's keys: a new member, or new keys beside a member's old ones.

    A member that was there keeps its name, roles and regions, and its bus key ends at once.

    Raises:
        Refused: `enrol.county`, `enrol.key_known`, `enrol.differs`, `enrol.left`.
    """
    if request.county != directory.county:
        raise Refused("enrol.county", got=request.county, expected=directory.county)
    fresh = tuple(
        KeyRecord(key.kid, key.use, key.suite, key.public, now - EARLIER, until)
        for key in request.keys
    )
    _check_unknown(directory, fresh)
    before = next((one for one in directory.members if one.id == request.member), None)
    if before is None:
        made = Member(
            request.member, request.name, "department", request.roles, request.regions, fresh
        )
        return msgspec.structs.replace(directory, members=(*directory.members, made))
    asked = (request.name, set(request.roles), set(request.regions))
    if before.kind != "department" or asked != (
        before.name,
        set(before.roles),
        set(before.regions),
    ):
        raise Refused("enrol.differs", member=before.id)
    return _with_keys(directory, before, fresh, now)


def rekeyed(
    directory: Directory, member: Member, keys: MemberKeys, now: datetime, until: datetime
) -> Directory:
    """The directory with the newest of a member's own keys beside those it has there; its bus key
    ends at once.

    Raises:
        Refused: `enrol.key_known`, `enrol.not_active`, `signing.…` where a suite is not known
            here.
    """
    fresh = formats.public_records(keys.newest(), now - EARLIER, until)
    _check_unknown(directory, fresh)
    return _with_keys(directory, member, fresh, now)


def _check_unknown(directory: Directory, fresh: Iterable[KeyRecord]) -> None:
    known = {key.public for member in directory.members for key in member.keys}
    kids = {key.kid for member in directory.members for key in member.keys}
    known |= {key.public for key in directory.authority}
    for key in fresh:
        if key.public in known or key.kid in kids:
            raise Refused("enrol.key_known", kid=key.kid)


def _with_keys(
    directory: Directory, member: Member, fresh: Sequence[KeyRecord], now: datetime
) -> Directory:
    if member.status != "active":
        raise Refused("enrol.not_active", member=member.id, status=member.status)
    kept = tuple(
        msgspec.structs.replace(key, revoked_at=now)
        if key.use == "bus" and key.revoked_at is None
        else key
        for key in member.keys
    )
    return with_member(directory, msgspec.structs.replace(member, keys=(*kept, *fresh)))


def names(member: Member, keys: MemberKeys) -> bool:
    """Whether a member's newest keys in the directory are the newest of these."""
    moment = datetime.max
    mine = {one.public for one in formats.public_records(keys.newest(), moment, moment)}
    return mine == _newest(member)


def is_ahead(member: Member, keys: MemberKeys) -> bool:
    """Whether the newest of these came after the member's newest in the directory, which are
    among them: made here, and not admitted yet."""
    older = {b64u(one.public().public) for one in keys.signing[:-1]}
    return keys.number > number_of(member) and not older.isdisjoint(_newest(member))


def _newest(member: Member) -> set[str]:
    last = number_of(member)
    return {key.public for key in member.keys if formats.number_of(key.kid) == last}


def number_of(member: Member) -> int:
    """What a member's newest keys in the directory are counted as; 0 where it has none."""
    return max((formats.number_of(key.kid) for key in member.keys), default=0)


def request_command(member: Member) -> str:
    """What a department runs on its own machine for its next keys, to be copied: quoted, as names
    are anything."""
    words = ["jdgate", "key", "request", member.id, "--name", member.name]
    for role in member.roles:
        words += ["--role", role]
    for code in member.regions:
        words += ["--region", code]
    return shlex.join([*words, "--number", str(number_of(member) + 1)])


def with_member(directory: Directory, changed: Member) -> Directory:
    """The directory with one member changed."""
    members = tuple(changed if one.id == changed.id else one for one in directory.members)
    return msgspec.structs.replace(directory, members=members)


def revoked(member: Member, now: datetime) -> Member:
    """The member with every key void from `now` on."""
    keys = tuple(
        key if key.revoked_at else msgspec.structs.replace(key, revoked_at=now)
        for key in member.keys
    )
    return msgspec.structs.replace(member, keys=keys)


def dump_welcome(welcome: Welcome) -> bytes:
    """The file that the authority sends to the department."""
    return msgspec.json.format(_encoder.encode(welcome), indent=1) + b"\n"


def load_welcome(text: bytes) -> Welcome:
    """A welcome file; nothing in it is believed before the authority's fingerprint is compared.

    Raises:
        Refused: `enrol.malformed`.
    """
    try:
        if len(text) > MAX_WELCOME:
            raise Refused("enrol.malformed")
        welcome = _welcomes.decode(text)
        unb64u(welcome.authority.public)
    except (msgspec.DecodeError, UnicodeDecodeError, Refused):
        raise Refused("enrol.malformed") from None
    if welcome.format != WELCOME_FORMAT or not MEMBER_ID.fullmatch(welcome.member):
        raise Refused("enrol.malformed")
    return welcome
