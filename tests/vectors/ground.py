"""The same small county every time: keys from labels, one catalogue, what the gateway knew.

Nothing here is random, so a vector made today is judged the same in ten years. The private keys
are the hashes of public labels: they protect nothing and must never be used elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from jdgate.core import catalogue, keys
from jdgate.core.admission import Arrival, Verdict, admit
from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Directory, Member, Trust, authority_key
from jdgate.core.encoding import b64u
from jdgate.core.keys import MemberKeys
from jdgate.core.message import Message
from jdgate.core.message import encode as encode_message
from jdgate.core.sealing import HYBRID, context, seal
from jdgate.core.signing import TYP_MESSAGE, SigningKey, sign, suite_of

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = timedelta(days=1)
COUNTY = "511623000000"
ATTENDANCE = "mmt.attendance.v1"
ENROL = "mmt.enrol.filed.v1"
TERMINATE = "mmt.terminate.report.v1"
_SHEETS = catalogue.default_path()
CATALOGUE: Catalogue = catalogue.build(
    {
        path.relative_to(_SHEETS).as_posix(): path.read_bytes()
        for type in (ATTENDANCE, ENROL, TERMINATE)
        for path in _SHEETS.glob(type.replace(".", "/", 1) + ".*")
    }
)
"""These types alone, so that what others agree on later changes no vector."""


def entropy(label: str) -> Callable[[int], bytes]:
    """Bytes that follow from the label alone."""
    count = 0

    def give(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"jdgate test vectors, {label}, {count}".encode()).digest(size)

    return give


def keys_of(member: str, number: int = 1, kem: str = HYBRID, alg: str = "EdDSA") -> MemberKeys:
    label = f"{member} {number} {kem} {alg}"
    return keys.make(member, entropy(label), number=number, kem=kem, alg=alg)


ROLES = {
    "nco": "NCO",
    "gateway": "GW",
    "pol": "POL",
    "cln-01": "CLN",
    "cln-02": "CLN",
    "com-01": "COM",
}
KINDS = {"nco": "authority", "gateway": "gateway"}
KEYS = {member: keys_of(member) for member in ROLES}
AUTHORITY = keys_of("authority").signer
STRANGER = keys_of("stranger")
PINNED = (authority_key(AUTHORITY),)
WINDOW = (NOW - 30 * DAY, NOW + 30 * DAY)


def member_of(member: str, **changes: Any) -> Member:
    made = Member(
        id=member,
        name=f"单位 {member}",
        kind=KINDS.get(member, "department"),  # type: ignore[arg-type]
        roles=(ROLES[member],),
        regions=(COUNTY,),
        keys=keys.public_records(KEYS[member], *WINDOW),
    )
    return replace(made, **changes)


def directory_of(
    members: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any
) -> Directory:
    """The county's directory; `members` maps a member to what is different about it."""
    different = members or {}
    made = Directory(
        version=5,
        issued=NOW - DAY,
        expires=NOW + 30 * DAY,
        county=COUNTY,
        catalogue="0" * 64,
        authority=PINNED,
        members=tuple(member_of(member, **different.get(member, {})) for member in ROLES),
    )
    return replace(made, **changes)


TRUST = Trust(directory_of())


def uuid(number: int) -> str:
    return f"0194f3a0-0000-7000-8000-{number:012x}"


def id_no(number: int) -> str:
    """A made-up identity number of a region that does not exist, with its right check digit."""
    body = f"99999919900101{number:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def enrolment(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "name": "测试甲",
        "id_type": "ric",
        "id_no": id_no(number),
        "site": "main",
        "patient_ref": f"p-{number}",
        "date": "2026-11-01",
        "status": "active",
    }
    return {**made, **changes}


def attendance(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {"site": "main", "patient_ref": f"p-{number}", "date": "2026-11-20", "attended": True}
    return {**made, **changes}


def termination(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "name": "测试甲",
        "id_type": "ric",
        "id_no": id_no(number),
        "date": "2026-11-20",
        "reason_code": "moved",
    }
    return {**made, **changes}


def message_of(**changes: Any) -> Message:
    made = Message(
        id=uuid(1),
        source="cln-01",
        type=ATTENDANCE,
        time=NOW,
        recipient="gateway",
        data=[attendance()],
        sequence=7,
        purpose="mmt.continuity",
    )
    return replace(made, **changes)


def signed(
    message: Message | bytes, key: SigningKey | None = None, typ: str = TYP_MESSAGE
) -> bytes:
    payload = message if isinstance(message, bytes) else encode_message(message)
    return sign(payload, key or KEYS["cln-01"].signer, typ)


def sealed(jws: bytes, sender: str = "cln-01", to: str = "gateway", id: str = uuid(1)) -> bytes:
    return seal(jws, KEYS[to].opening[-1].public(), context(sender, to, id))


def arrival_of(message: Message | bytes, key: SigningKey | None = None, **changes: Any) -> Arrival:
    """What the bus gives the gateway: `message`, or any bytes in its place, signed and sealed."""
    made = Arrival(
        member="cln-01",
        id=message.id if isinstance(message, Message) else uuid(1),
        kid=KEYS["gateway"].opening[-1].kid,
        body=b"",
        at=NOW,
    )
    made = replace(made, **{name: value for name, value in changes.items() if name != "body"})
    body = changes.get("body")
    if body is None:
        body = sealed(signed(message, key), made.member, id=made.id)
    return replace(made, body=body)


class Books:
    """What a gateway knew before: nobody but the patients p-1 … p-9 of cln-01."""

    def __init__(self) -> None:
        self.digests: dict[str, bytes] = {}
        self.sequences: dict[str, set[int]] = {}
        self.aliases = {
            ("mmt", "cln-01", f"p-{n}"): self.pseudonym("mmt", id_no(n)) for n in range(1, 10)
        }

    def digest_of(self, message_id: str) -> bytes | None:
        return self.digests.get(message_id)

    def sequence_used(self, source: str, sequence: int) -> bool:
        return sequence in self.sequences.get(source, set())

    def next_sequence(self, source: str) -> int:
        return max(self.sequences.get(source, {0})) + 1

    def subject_of_alias(self, domain: str, member: str, alias: str) -> bytes | None:
        return self.aliases.get((domain, member, alias))

    def pseudonym(self, domain: str, id_no: str) -> bytes:
        return hashlib.blake2b(f"{domain} {id_no}".encode(), digest_size=16).digest()


def admitted(arrival: Arrival, trust: Trust = TRUST, books: Books | None = None) -> Verdict:
    return admit(arrival, trust, CATALOGUE, KEYS["gateway"], books or Books())


def header(text: str | bytes) -> bytes:
    """A JWS header of any bytes, as base64url."""
    return b64u(text if isinstance(text, bytes) else text.encode()).encode()


def forged(head: str | bytes, payload: bytes, key: SigningKey | None = None) -> bytes:
    """A JWS with any header, whose signature nevertheless holds over these very bytes."""
    key = key or KEYS["cln-01"].signer
    part = header(head) + b"." + b64u(payload).encode()
    return part + b"." + b64u(suite_of(key.alg).sign(key.private, part)).encode()
