"""Admission is total: whatever comes, there is a verdict, and what was altered is not let in."""

from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.vectors.ground import (
    DAY,
    KEYS,
    NOW,
    ROLES,
    admitted,
    arrival_of,
    attendance,
    enrolment,
    message_of,
    sealed,
    signed,
    uuid,
)

from jdgate.core.admission import Arrival, Verdict
from jdgate.core.message import encode
from jdgate.core.signing import peek
from jdgate.texts import LANGUAGES

ANY_TEXT = st.text(max_size=12)  # lone surrogates and all
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | ANY_TEXT
    | st.text("0123456789", max_size=19)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
GOOD: dict[str, Any] = json.loads(encode(message_of()))
FIELDS = [*attendance(), *enrolment(), "dose", "民族", "more"]
CLINIC = KEYS["cln-01"].signer


def sound(verdict: Verdict) -> Verdict:
    """What holds of every verdict, and that all its sentences can be written down."""
    assert verdict.outcome in ("accepted", "part", "refused", "duplicate")
    assert (verdict.outcome == "refused") == (verdict.reason is not None)
    assert not set(verdict.accepted) & set(verdict.faults)
    assert set(verdict.subjects) <= set(verdict.accepted)
    for lang in LANGUAGES:
        if verdict.reason is not None:
            verdict.reason.text(lang).encode()
        for faults in verdict.faults.values():
            assert faults
            for fault in faults:
                fault.text(lang).encode()
    return verdict


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([*ROLES, "nobody"]) | ANY_TEXT,
    st.just(uuid(1)) | ANY_TEXT,
    st.just("gateway.enc.1") | ANY_TEXT,
    st.binary(max_size=1400),
    st.datetimes(timezones=st.just(UTC)),
)
def test_any_arrival_gets_a_verdict_and_rubbish_never_a_good_one(
    member: str, id: str, kid: str, body: bytes, at: Any
) -> None:
    verdict = sound(admitted(Arrival(member, id, kid, body, at)))
    assert verdict.outcome == "refused" and verdict.opened is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_under_the_seal_get_a_verdict(inside: bytes) -> None:
    verdict = sound(admitted(arrival_of(message_of(), body=sealed(inside))))
    assert verdict.outcome == "refused" and verdict.opened is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_a_member_signs_get_a_verdict(payload: bytes) -> None:
    verdict = sound(admitted(arrival_of(payload)))
    assert verdict.outcome == "refused" and verdict.opened is None


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "region", "expires", "more"]), VALUES, max_size=4))
def test_any_envelope_a_member_signs_gets_a_verdict(changes: dict[str, Any]) -> None:
    sound(admitted(arrival_of(dumped({**GOOD, **changes}))))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(["mmt.attendance.v1", "mmt.enrol.filed.v1"]),
    st.lists(
        st.dictionaries(st.sampled_from(FIELDS) | ANY_TEXT, VALUES, max_size=4),
        min_size=1,
        max_size=4,
    ),
)
def test_any_records_a_member_signs_get_a_verdict_each(
    type: str, changes: list[dict[str, Any]]
) -> None:
    base = attendance if type == "mmt.attendance.v1" else enrolment
    purpose = "mmt.continuity" if type == "mmt.attendance.v1" else "mmt.filing"
    records = [{**base(at + 1), **change} for at, change in enumerate(changes)]
    payload = dumped({**GOOD, "type": type, "purpose": purpose, "data": records})
    verdict = sound(admitted(arrival_of(payload)))
    if verdict.opened is not None:
        assert len(verdict.accepted) + len(verdict.faults) == len(records)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_message_altered_anywhere_under_the_seal_is_refused(data: st.DataObject) -> None:
    jws = bytearray(signed(message_of()))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(jws) - 1))
        match data.draw(st.sampled_from(["change", "drop", "insert", "swap"])):
            case "change":
                jws[at] = data.draw(st.integers(0, 255))
            case "drop":
                del jws[at]
            case "insert":
                jws.insert(at, data.draw(st.integers(0, 255)))
            case "swap":
                jws[at], jws[-1] = jws[-1], jws[at]
    verdict = sound(admitted(arrival_of(message_of(), body=sealed(bytes(jws)))))
    if bytes(jws) == signed(message_of()):
        assert verdict.outcome == "accepted"
    else:
        assert verdict.outcome == "refused" and verdict.opened is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(ROLES)),
    st.sampled_from(sorted(ROLES)),
    st.sampled_from(sorted(ROLES)),
)
def test_nobody_speaks_for_another(subject: str, signer: str, source: str) -> None:
    """Unless the bus user, the signature and the envelope name one and the same member."""
    message = message_of(source=source)
    body = sealed(signed(message, KEYS[signer].signer), subject)
    verdict = sound(admitted(Arrival(subject, uuid(1), "gateway.enc.1", body, NOW)))
    if not subject == signer == source:
        assert verdict.outcome == "refused"
        assert verdict.reason is not None
        assert verdict.reason.code in ("key.not_theirs", "admission.sender")
    else:
        role_may = ROLES[source] == "CLN"
        assert verdict.reason is None or not role_may or source != "cln-01"


@settings(max_examples=80, deadline=None)
@given(st.integers(-400, 400), st.integers(-400, 400), st.none() | st.integers(-400, 400))
def test_time_alone_never_raises(sent: int, came: int, ends: int | None) -> None:
    half = timedelta(hours=12)
    message = message_of(
        time=NOW + sent * half, expires=None if ends is None else NOW + ends * half
    )
    verdict = sound(admitted(arrival_of(message, at=NOW + came * half)))
    if verdict.outcome == "accepted":
        assert sent * half <= came * half + timedelta(minutes=5)
        assert abs(sent * half) <= 30 * DAY and abs(came * half) <= 30 * DAY


def test_the_ends_of_the_calendar_are_judged_like_any_other_time() -> None:
    for text in ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"):
        for name in ("time", "expires"):
            sound(admitted(arrival_of(dumped({**GOOD, name: text}))))


def test_a_deep_record_is_one_refused_record() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    payload = dumped({**GOOD, "data": [attendance(1), attendance(2, site=deep)]})
    verdict = sound(admitted(arrival_of(payload)))
    assert verdict.outcome == "part" and verdict.accepted == [0]


def test_what_a_verdict_holds_is_what_was_signed() -> None:
    arrival = arrival_of(message_of())
    verdict = sound(admitted(arrival))
    assert verdict.opened is not None
    assert peek(verdict.opened.jws).kid == verdict.opened.kid == CLINIC.kid
    assert sound(admitted(replace(arrival, at=NOW))).opened == verdict.opened
