"""Makes the worked example of wire-format.md: one message, byte by byte, from fixed keys.

    python docs/wire_example.py            # print the parts
    python docs/generate.py                # write them into wire-format.md

Nothing here is secret: the keys are hashes of their names. HPKE takes fresh randomness for every
seal, so the sealed body is one that was made once (`examples/wire-body.txt`); it opens with the
fixed keys, and `parts` does open it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jdgate.core import checkpoints, leaves, signing
from jdgate.core.directory import Directory, Member, Trust
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.identity import synthetic_id_no
from jdgate.core.keys import MemberKeys, make, public_records
from jdgate.core.ledger import Frontier, leaf_hash
from jdgate.core.message import Message, encode, show_time
from jdgate.core.projection import project
from jdgate.core.sealing import context, seal, unseal

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MESSAGE_ID = "01a1fd1e-8c00-7000-8000-000000000001"
DELIVERY_ID = "01a1fd1e-8c05-7000-8000-000000000002"
RECEIPT_ID = "01a1fd1e-8c05-7000-8000-000000000003"
TYPE = "mmt.dropout.notice.v1"
COUNTY = "511623000000"
SEALED = Path(__file__).parent / "examples" / "wire-body.txt"


def wrap(text: str, width: int) -> list[str]:
    """`text` in lines of `width` characters, nothing added or left out."""
    return [text[at : at + width] for at in range(0, len(text), width)]


def keys_of(member: str) -> MemberKeys:
    """Keys that anyone can make again: never use such keys."""
    counter = iter(range(100))

    def bytes_of(count: int) -> bytes:
        made = b""
        while len(made) < count:
            made += hashlib.sha256(f"jdgate example {member} {next(counter)}".encode()).digest()
        return made[:count]

    return make(member, bytes_of)


def trust() -> Trust:
    """The members of the example, as a directory has them."""
    window = (NOW - timedelta(days=1), NOW + timedelta(days=730))
    kinds = {
        "nco": ("authority", "NCO"),
        "gateway": ("gateway", "GW"),
        "cln-01": ("department", "CLN"),
        "com-01": ("department", "COM"),
    }
    members = tuple(
        Member(
            id=name,
            name=name,
            kind=kind,  # type: ignore[arg-type]
            roles=(role,),
            regions=(COUNTY,),
            keys=public_records(keys_of(name), *window),
        )
        for name, (kind, role) in kinds.items()
    )
    return Trust(
        Directory(
            version=1,
            issued=NOW,
            expires=NOW + timedelta(days=366),
            county=COUNTY,
            catalogue="0" * 64,
            authority=(),
            members=members,
        )
    )


RECORD = {
    "name": "示例丙",
    "id_type": "ric",
    "id_no": synthetic_id_no(datetime(1988, 3, 10).date(), 203),
    "site": "cln-01",
    "confirmed_on": "2026-11-21",
    "confirmer": "李医生",
}


def original() -> bytes:
    """The clinic's signed message to the gateway."""
    payload = encode(
        Message(
            id=MESSAGE_ID,
            source="cln-01",
            type=TYPE,
            time=NOW,
            recipient="gateway",
            data=[RECORD],
            sequence=1,
            purpose="mmt.continuity",
            approvedby=("李医生",),
        )
    )
    return signing.sign(payload, keys_of("cln-01").signer, signing.TYP_MESSAGE)


def delivery() -> bytes:
    """The gateway's signed message to the township office: fewer fields, its own id."""
    seen = ("name", "id_type", "id_no", "confirmed_on")
    payload = encode(
        Message(
            id=DELIVERY_ID,
            source="gateway",
            type=TYPE,
            time=NOW + timedelta(milliseconds=5),
            recipient="com-01",
            data=[project(RECORD, seen)],
            sequence=1,
            purpose="mmt.continuity",
            inreplyto=MESSAGE_ID,
            origin="cln-01",
        )
    )
    return signing.sign(payload, keys_of("gateway").signer, signing.TYP_MESSAGE)


def leaf() -> leaves.AcceptedLeaf:
    """What the ledger writes down of the acceptance."""
    salt = hashlib.sha256(b"jdgate example salt").digest()[: leaves.SALT_BYTES]
    return leaves.AcceptedLeaf(
        id=MESSAGE_ID,
        at=show_time(NOW + timedelta(milliseconds=5)),
        source="cln-01",
        recipient="gateway",
        type=TYPE,
        time=show_time(NOW),
        records=1,
        directory=1,
        commitment=leaves.commitment(salt, original()),
        deliveries=(DELIVERY_ID,),
    )


def receipt() -> bytes:
    """The gateway's signed answer to the clinic."""
    record = {
        "message_id": MESSAGE_ID,
        "verdict": "accepted",
        "accepted": 1,
        "digest": leaves.digest(original()),
        "leaf": 0,
    }
    payload = encode(
        Message(
            id=RECEIPT_ID,
            source="gateway",
            type="sys.receipt.v1",
            time=NOW + timedelta(milliseconds=5),
            recipient="cln-01",
            data=[record],
            purpose="exchange.operation",
        )
    )
    return signing.sign(payload, keys_of("gateway").signer, signing.TYP_MESSAGE)


def info() -> bytes:
    """What HPKE binds the sealed body to."""
    return context("cln-01", "gateway", MESSAGE_ID)


def sealed() -> bytes:
    """The body that was sealed once; made anew when the file is not there."""
    if not SEALED.exists():
        key = keys_of("gateway").opening[0].public()
        SEALED.write_text("\n".join(wrap(b64u(seal(original(), key, info())), 96)) + "\n")
    return unb64u("".join(SEALED.read_text().split()))


def opened() -> bytes:
    """What the gateway finds in the sealed body."""
    return unseal(sealed(), keys_of("gateway").opening[0], info())


def _json(jws: bytes) -> str:
    shown = json.loads(signing.payload_unverified(jws))
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _exact(jws: bytes) -> str:
    return "\n".join(wrap(signing.payload_unverified(jws).decode(), 80))


def _jws(jws: bytes) -> str:
    """Each of the three parts on lines of its own; in the bytes there is no line break."""
    header, payload, signature = jws.decode().split(".")
    parts = (header + ".", payload + ".", signature)
    return "\n".join(line for part in parts for line in wrap(part, 96))


def _keys() -> str:
    lines = []
    for member in ("cln-01", "gateway"):
        keys = keys_of(member)
        lines.append(f"{keys.signer.kid}  Ed25519 public  {b64u(keys.signer.public().public)}")
    hybrid = keys_of("gateway").opening[0].public()
    lines.append(f"{hybrid.kid}  {hybrid.suite} public, {len(hybrid.public)} bytes, SHA-256")
    lines.append(f"  {hashlib.sha256(hybrid.public).hexdigest()}")
    return "\n".join(lines)


def _info() -> str:
    text = info()
    parts = [f"{b'jdgate/1'.hex(' ')}   “jdgate/1”"]
    at = len(b"jdgate/1")
    while at < len(text):
        size = int.from_bytes(text[at : at + 2], "big")
        part = text[at + 2 : at + 2 + size]
        parts.append(f"{text[at : at + 2].hex(' ')}   length {size}")
        parts += [line.rstrip() for line in wrap(part.hex(" "), 72)]
        parts[-1] += f"   “{part.decode()}”"
        at += 2 + size
    return "\n".join(parts)


def _frame() -> str:
    body = sealed()
    return "\n".join(
        (
            "subject      jd.in.cln-01",
            f"Nats-Msg-Id  {MESSAGE_ID}",
            f"Jd-Kid       {keys_of('gateway').opening[0].kid}",
            f"body         {len(body):,} bytes = {len(original()):,} of JWS + "
            f"{len(body) - len(original()):,} of HPKE",
            f"             begins {body[:16].hex(' ')}",
            f"             SHA-256 {hashlib.sha256(body).hexdigest()}",
        )
    )


def _leaf() -> str:
    text = leaves.encode(leaf())
    frontier, _ = Frontier().append([leaf_hash(text)])
    head = checkpoints.of(frontier, COUNTY, NOW + timedelta(seconds=60))
    return "\n".join(
        (
            *wrap(text.decode(), 96),
            "",
            f"leaf hash   {leaf_hash(text).hex()}",
            f"checkpoint  {checkpoints.encode(head).decode()}",
        )
    )


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "keys": ("text", _keys),
    "event": ("json", lambda: _json(original())),
    "payload": ("text", lambda: _exact(original())),
    "header": ("json", lambda: unb64u(original().split(b".")[0]).decode()),
    "jws": ("text", lambda: _jws(original())),
    "info": ("text", _info),
    "frame": ("text", _frame),
    "receipt": ("json", lambda: _json(receipt())),
    "delivery": ("json", lambda: _json(delivery())),
    "leaf": ("text", _leaf),
}
"""Name of the part → the language of its block, and what makes its text."""


def parts() -> dict[str, str]:
    """Every part as a fenced block; refuses to if the sealed body does not open to the JWS."""
    if opened() != original():
        raise SystemExit(f"{SEALED.name} does not open to the message; delete it and run again")
    return {name: f"```{lang}\n{made()}\n```" for name, (lang, made) in PARTS.items()}


if __name__ == "__main__":
    for name, block in parts().items():
        print(f"{name}\n{block}\n")
