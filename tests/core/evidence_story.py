"""A county's ledger in memory and one message's whole way through it, with real keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from jdgate.core import (
    checkpoints,
    evidence,
    leaves,
)
from jdgate.core.directory import Directory, KeyRecord, Member, authority_key, publish
from jdgate.core.encoding import b64u
from jdgate.core.evidence import Evidence, Parts, Proof
from jdgate.core.evidence_report import Report
from jdgate.core.evidence_verify import verify
from jdgate.core.leaves import Leaf, commitment, digest
from jdgate.core.ledger import Frontier, consistency_proof, inclusion_proof, leaf_hash
from jdgate.core.message import Message, show_time
from jdgate.core.message import encode as encode_message
from jdgate.core.signing import TYP_MESSAGE, SigningKey, sign
from jdgate.texts import LANGUAGES, all_texts, say

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
COUNTY = "511623000000"
DAY = timedelta(days=1)


def uuid(number: int) -> str:
    return f"0194f3a0-0000-7000-8000-{number:012x}"


def key(member: str, seed: int) -> SigningKey:
    return SigningKey(f"{member}.sig.1", "EdDSA", bytes([seed]) * 32)


AUTHORITY = SigningKey("authority.1", "EdDSA", bytes([1]) * 32)
PINNED = (authority_key(AUTHORITY),)
KEYS = {
    name: key(name, seed) for seed, name in enumerate(("gateway", "cln-01", "pol", "com-01"), 2)
}
ROLES = {"gateway": "GW", "cln-01": "CLN", "pol": "POL", "com-01": "COM"}


def directory_of(version: int = 1, **changes: Any) -> Directory:
    members = []
    for name, signing_key in KEYS.items():
        public = b64u(signing_key.public().public)
        window = (NOW - 30 * DAY, NOW + 300 * DAY)
        record = KeyRecord(signing_key.kid, "sig", "EdDSA", public, *window)
        kind = "gateway" if name == "gateway" else "department"
        members.append(Member(name, f"单位 {name}", kind, (ROLES[name],), (COUNTY,), (record,)))
    made = Directory(
        version=version,
        issued=NOW - DAY,
        expires=NOW + 30 * DAY,
        county=COUNTY,
        catalogue="0" * 64,
        authority=PINNED,
        members=tuple(members),
    )
    return replace(made, **changes)


def signed(
    source: str, number: int, recipient: str, records: list[dict[str, Any]], **more: Any
) -> bytes:
    fields = {"type": "mmt.dropout.notice.v1", "time": NOW, "purpose": "mmt.continuity", **more}
    made = Message(id=uuid(number), source=source, recipient=recipient, data=records, **fields)
    return sign(encode_message(made), KEYS[source], TYP_MESSAGE)


def receipt(source: str, number: int, recipient: str, record: dict[str, Any], **more: Any) -> bytes:
    return signed(source, number, recipient, [record], type="sys.receipt.v1", purpose=None, **more)


RECORDS = [
    {"patient_ref": "p-1", "name": "甲", "last_seen": "2026-11-10", "note": "quiet"},
    {"patient_ref": "p-2", "name": "乙", "last_seen": "2026-11-31", "note": "bad date"},
    {"patient_ref": "p-3", "name": "丙", "last_seen": "2026-11-11"},
]


class County:
    """A gateway's ledger in memory, and the evidence it can give."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.salts: list[bytes | None] = []
        self.directories = [publish(directory_of(), AUTHORITY)]
        for at in range(5):
            self.write(
                leaves.LookedLeaf(id=uuid(900 + at), at=show_time(NOW), operator="o", reason="r")
            )

    def write(self, leaf: Leaf, salt: bytes | None = None) -> int:
        self.bodies.append(leaves.encode(leaf))
        self.salts.append(salt)
        return len(self.bodies) - 1

    def node(self, level: int, index: int) -> bytes:
        part = self.bodies[index << level : (index + 1) << level]
        assert len(part) == 1 << level
        return Frontier().append([leaf_hash(body) for body in part])[0].root()

    def checkpoint(self, size: int | None = None, who: str = "gateway", **changes: Any) -> bytes:
        bodies = self.bodies[:size]
        frontier, _ = Frontier().append([leaf_hash(body) for body in bodies])
        made = replace(checkpoints.of(frontier, COUNTY, NOW + DAY), **changes)
        return checkpoints.sign(made, KEYS[who])

    def proof(self, index: int) -> Proof:
        path = inclusion_proof(index, len(self.bodies), self.node)
        return evidence.proof(index, self.bodies[index], self.salts[index], path)


def salt(number: int) -> bytes:
    return bytes([number]) * leaves.SALT_BYTES


class Story:
    """A dropout notice of three records, one refused, to the police and the township office."""

    def __init__(
        self, county: County, number: int = 10, deliver: tuple[str, ...] = ("pol", "com-01")
    ) -> None:
        self.county = county
        self.number = number
        self.original = signed("cln-01", number, "gateway", RECORDS, sequence=7)
        shown = {"pol": ("last_seen", "name"), "com-01": ("name",)}
        ids = {member: uuid(number + 1 + at) for at, member in enumerate(shown)}
        self.accepted = county.write(
            leaves.AcceptedLeaf(
                id=uuid(number),
                at=show_time(NOW),
                source="cln-01",
                recipient="gateway",
                type="mmt.dropout.notice.v1",
                time=show_time(NOW),
                records=3,
                directory=1,
                commitment=commitment(salt(number), self.original),
                refused=(1,),
                deliveries=tuple(ids.values()),
            ),
            salt(number),
        )
        self.receipt = receipt(
            "gateway",
            number + 5,
            "cln-01",
            {
                "message_id": uuid(number),
                "digest": digest(self.original),
                "verdict": "part",
                "accepted": 2,
                "refused": [{"index": 1, "code": "record.date", "path": "/last_seen"}],
                "leaf": self.accepted,
            },
        )
        self.sent: dict[str, tuple[bytes, int]] = {}
        for at, (member, fields) in enumerate(shown.items()):
            records = [{name: RECORDS[row][name] for name in fields} for row in (0, 2)]
            jws = signed("gateway", number + 1 + at, member, records, origin="cln-01")
            leaf = self.disclosed(number + 1 + at, member, fields, jws)
            self.sent[member] = (jws, county.write(leaf, salt(number + 1 + at)))
        for at in range(3):
            county.write(
                leaves.AdminLeaf(id=uuid(950 + at), at=show_time(NOW), act="a", operator="o")
            )
        self.answers: dict[str, tuple[bytes, int]] = {}
        for member in deliver:
            jws = self.sent[member][0]
            said = {"message_id": ids[member], "digest": digest(jws), "verdict": "delivered"}
            answer = receipt(member, number + 7, "gateway", said)
            leaf = self.delivered(ids[member], member, answer)
            self.answers[member] = (answer, county.write(leaf, salt(number)))

    def disclosed(
        self, number: int, member: str, fields: tuple[str, ...], jws: bytes, **changes: Any
    ) -> leaves.DisclosedLeaf:
        made = leaves.DisclosedLeaf(
            id=uuid(number),
            at=show_time(NOW),
            message=uuid(self.number),
            type="mmt.dropout.notice.v1",
            recipient=member,
            role=ROLES[member],
            fields=fields,
            basis=("中华人民共和国禁毒法 第三十五条",),
            records=2,
            directory=1,
            commitment=commitment(salt(number), jws),
            purpose="mmt.continuity",
        )
        return replace(made, **changes)

    def delivered(
        self, delivery: str, member: str, answer: bytes, **changes: Any
    ) -> leaves.DeliveredLeaf:
        made = leaves.DeliveredLeaf(
            id=delivery,
            at=show_time(NOW + timedelta(hours=1)),
            message=uuid(self.number),
            recipient=member,
            verdict="delivered",
            directory=1,
            commitment=commitment(salt(self.number), answer),
        )
        return replace(made, **changes)

    def parts(self, **changes: Any) -> Parts:
        county = self.county
        given: dict[str, Any] = {
            "original": self.original,
            "checkpoint": county.checkpoint(),
            "directories": county.directories,
            "acceptance": (self.receipt, county.proof(self.accepted)),
            "disclosures": [(jws, county.proof(at)) for jws, at in self.sent.values()],
            "deliveries": [(jws, county.proof(at)) for jws, at in self.answers.values()],
            "older": [
                (county.checkpoint(size), consistency_proof(size, len(county.bodies), county.node))
                for size in (4, 9)
            ],
            **changes,
        }
        return Parts(**given)

    def document(self, **changes: Any) -> Evidence:
        return evidence.build(self.parts(**changes))


def seal(document: Evidence, who: str = "gateway") -> bytes:
    return evidence.seal(document, KEYS[who])


def check(document: Evidence) -> Report:
    return verify(seal(document), PINNED)


def failure(report: Report) -> tuple[str, str]:
    assert not report.ok
    assert report.summary is None
    step = report.failed
    assert step is not None and step.state == "failed"
    for lang in LANGUAGES:
        assert step.code in all_texts(), step.code
        assert "{" not in say(step.code, lang, **step.params)
    return step.name, step.code
