"""Whole arrivals at the gateway: a body and what the bus says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from tests.vectors.ground import (
    DAY,
    ENROL,
    KEYS,
    NOW,
    STRANGER,
    TERMINATE,
    arrival_of,
    attendance,
    enrolment,
    message_of,
    sealed,
    signed,
    termination,
    uuid,
)
from tests.vectors.vector import Vector

from jdgate.core.message import show_time
from jdgate.core.signing import (
    SigningKey,
)


def arrivals() -> Iterator[Vector]:
    def vector(name: str, expect: str, why: str, made: Any) -> Vector:
        more = {"member": made.member, "id": made.id, "kid": made.kid, "at": show_time(made.at)}
        return Vector(f"arrival/{name}.sealed", "arrival", expect, why, made.body, more)

    message = message_of()
    jws = signed(message)
    good = arrival_of(message)
    yield vector("good", "accepted", "as it should be", good)
    yield vector(
        "part",
        "part",
        "one record of two is refused",
        arrival_of(message_of(data=[attendance(), attendance(2, date="2026-02-30")])),
    )
    yield vector(
        "enrolment",
        "accepted",
        "another type",
        arrival_of(message_of(type=ENROL, purpose="mmt.filing", data=[enrolment()])),
    )
    yield vector("empty", "sealing.cannot_open", "no byte", arrival_of(message, body=b""))
    yield vector(
        "unsealed", "sealing.cannot_open", "signed but not sealed", arrival_of(message, body=jws)
    )
    yield vector(
        "moved-member",
        "sealing.cannot_open",
        "another member's ingress",
        replace(good, member="pol"),
    )
    yield vector("moved-id", "sealing.cannot_open", "under another id", replace(good, id=uuid(2)))
    yield vector(
        "moved-recipient",
        "sealing.cannot_open",
        "sealed for another",
        arrival_of(message, body=sealed(jws, to="pol")),
    )
    yield vector(
        "kid-unknown", "sealing.not_ours", "a key we don't have", replace(good, kid="pol.enc.1")
    )
    yield vector("id-empty", "admission.id", "no id on the envelope", replace(good, id=""))
    yield vector(
        "id-long", "admission.id", "70,000 characters of id", replace(good, id="x" * 70_000)
    )
    yield vector(
        "not-a-member",
        "member.unknown",
        "nobody's ingress",
        arrival_of(message_of(source="cln-99"), member="cln-99"),
    )
    yield vector(
        "signer-other-member",
        "key.not_theirs",
        "signed by another member",
        arrival_of(message, KEYS["pol"].signer),
    )
    yield vector(
        "signer-unknown",
        "key.unknown",
        "signed by nobody's key",
        arrival_of(message, STRANGER.signer),
    )
    seal_key = SigningKey("cln-01.bus.1", "EdDSA", KEYS["cln-01"].bus)
    yield vector(
        "signer-bus-key",
        "key.wrong_use",
        "signed with the key of the bus",
        arrival_of(message, seal_key),
    )
    yield vector("not-json", "message.not_json", "signed and sealed rubbish", arrival_of(b"\xff"))
    yield vector(
        "source-other",
        "admission.sender",
        "says it is from another",
        arrival_of(message_of(source="pol")),
    )
    yield vector(
        "recipient-other",
        "admission.recipient",
        "addressed to another",
        arrival_of(message_of(recipient="pol")),
    )
    other_id = signed(message_of(id=uuid(2)))
    yield vector(
        "id-other",
        "admission.id",
        "the id inside is another",
        arrival_of(message, body=sealed(other_id)),
    )
    yield vector(
        "key-early",
        "key.not_yet_valid",
        "signed before its key's window",
        arrival_of(message_of(time=NOW - 31 * DAY)),
    )
    yield vector(
        "future",
        "admission.from_future",
        "six minutes ahead",
        arrival_of(message_of(time=NOW + timedelta(minutes=6))),
    )
    yield vector(
        "expired",
        "admission.expired",
        "run out this very moment",
        arrival_of(message_of(expires=NOW)),
    )
    yield vector(
        "too-old",
        "admission.too_old",
        "older than its sheet allows",
        arrival_of(message_of(time=NOW - 30 * DAY)),
    )
    yield vector(
        "type-unknown",
        "agreement.no_type",
        "no agreement",
        arrival_of(message_of(type="mmt.dose.v1")),
    )
    yield vector(
        "sender-role",
        "agreement.sender_role",
        "not for this role",
        arrival_of(message_of(source="pol"), KEYS["pol"].signer, member="pol"),
    )
    yield vector(
        "purpose",
        "agreement.purpose",
        "another purpose",
        arrival_of(message_of(purpose="statistics")),
    )
    yield vector(
        "region",
        "agreement.cross_region",
        "another county",
        arrival_of(message_of(region="511681000000")),
    )
    notice = message_of(type=TERMINATE, purpose="mmt.filing", data=[termination()])
    yield vector(
        "approved",
        "accepted",
        "a person approved it",
        arrival_of(replace(notice, approvedby=("甲",))),
    )
    yield vector(
        "approved-by-nobody", "agreement.approval", "no person behind it", arrival_of(notice)
    )
    yield vector(
        "sequence-jump",
        "admission.sequence_jump",
        "a number from nowhere",
        arrival_of(message_of(sequence=10**11)),
    )
    yield vector(
        "no-sequence",
        "message.envelope",
        "no number on a tracked type",
        arrival_of(message_of(sequence=None)),
    )
    yield vector(
        "sequence-zero", "admission.sequence_used", "number 0", arrival_of(message_of(sequence=0))
    )
    yield vector(
        "no-record-left",
        "admission.no_record_left",
        "every record refused",
        arrival_of(message_of(data=[attendance(attended="yes")])),
    )
