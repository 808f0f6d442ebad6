"""May this come in? The first fault that concerns the whole message ends it, in a fixed order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.vectors.ground import (
    DAY,
    ENROL,
    KEYS,
    NOW,
    TRUST,
    WINDOW,
    Books,
    admitted,
    arrival_of,
    attendance,
    directory_of,
    enrolment,
    id_no,
    message_of,
    signed,
    uuid,
)

from jdgate.core import admission
from jdgate.core.admission import MAX_JUMP, MAX_SKEW, Arrival, Verdict
from jdgate.core.directory import Trust
from jdgate.core.keys import public_records
from jdgate.core.message import MAX_BODY
from jdgate.core.signing import TYP_CHECKPOINT
from jdgate.errors import Refused

MS = timedelta(milliseconds=1)


def code(verdict: Verdict) -> str:
    return verdict.reason.code if verdict.reason else verdict.outcome


def enrol_message(*records: dict[str, Any], **changes: Any) -> Any:
    return message_of(type=ENROL, purpose="mmt.filing", data=list(records), **changes)


# --- the whole message


def test_a_good_message_is_accepted_whole() -> None:
    verdict = admitted(arrival_of(message_of(data=[attendance(1), attendance(2)])))
    assert (code(verdict), verdict.accepted, verdict.faults) == ("accepted", [0, 1], {})
    assert set(verdict.subjects) == {0, 1}


def test_size_is_judged_before_anything_is_opened() -> None:
    body = bytes(MAX_BODY)
    assert code(admitted(arrival_of(message_of(), body=body))) == "sealing.cannot_open"
    assert code(admitted(arrival_of(message_of(), body=body + b"\0"))) == "admission.too_large"


@pytest.mark.parametrize("id", ["", "x", uuid(1) + "\n", uuid(1).upper(), "\udc80", "x" * 70_000])
def test_an_envelope_id_of_any_other_form_is_refused(id: str) -> None:
    assert code(admitted(replace(arrival_of(message_of()), id=id))) == "admission.id"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"time": NOW + MAX_SKEW}, "accepted"),
        ({"time": NOW + MAX_SKEW + MS}, "admission.from_future"),
        ({"expires": NOW + MS}, "accepted"),
        ({"expires": NOW}, "admission.expired"),
        ({"time": NOW - 30 * DAY + MS}, "accepted"),
        ({"time": NOW - 30 * DAY}, "admission.too_old"),
        ({"time": NOW - 30 * DAY, "expires": NOW + DAY}, "accepted"),
        ({"region": "511623100000"}, "accepted"),
        ({"region": "511681000000"}, "agreement.cross_region"),
        ({"sequence": 1}, "accepted"),
        ({"sequence": MAX_JUMP}, "accepted"),
        ({"sequence": MAX_JUMP + 1}, "admission.sequence_jump"),
        ({"sequence": 10**12 - 1}, "admission.sequence_jump"),
        ({"purpose": None}, "agreement.purpose"),
    ],
)
def test_each_bound_is_exact(changes: dict[str, Any], expected: str) -> None:
    assert code(admitted(arrival_of(message_of(**changes)))) == expected


def test_a_clock_that_is_a_little_ahead_does_not_make_a_new_key_invalid() -> None:
    records = public_records(KEYS["cln-01"], NOW - DAY, NOW + MS)
    trust = Trust(directory_of({"cln-01": {"keys": records}}))
    assert code(admitted(arrival_of(message_of(time=NOW + MAX_SKEW)), trust)) == "accepted"


def test_a_key_is_judged_when_the_message_was_signed_and_when_it_came() -> None:
    message = message_of(expires=NOW + 400 * DAY)
    assert code(admitted(arrival_of(message, at=WINDOW[1] - MS))) == "accepted"
    assert code(admitted(arrival_of(message, at=WINDOW[1]))) == "key.expired"
    early = message_of(time=WINDOW[0] - MS, expires=NOW + DAY)
    assert code(admitted(arrival_of(early))) == "key.not_yet_valid"


def test_a_message_underway_when_its_key_was_revoked_is_refused() -> None:
    records = public_records(KEYS["cln-01"], *WINDOW)
    gone = tuple(replace(record, revoked_at=NOW) for record in records)
    trust = Trust(directory_of({"cln-01": {"keys": gone}}))
    assert code(admitted(arrival_of(message_of(time=NOW - DAY)), trust)) == "key.revoked"


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_a_member_who_may_not_take_part_is_refused(status: str) -> None:
    trust = Trust(directory_of({"cln-01": {"status": status}}))
    assert code(admitted(arrival_of(message_of()), trust)) == "member.suspended"


def test_a_checkpoint_is_no_message() -> None:
    from tests.vectors.ground import sealed

    jws = signed(message_of(), typ=TYP_CHECKPOINT)
    verdict = admitted(arrival_of(message_of(), body=sealed(jws)))
    assert code(verdict) == "signing.typ_mismatch"


# --- replays


def test_the_same_message_again_is_a_duplicate_and_changes_nothing() -> None:
    books = Books()
    first = admitted(arrival_of(message_of()), books=books)
    assert first.opened is not None
    books.digests[uuid(1)] = first.opened.digest
    books.sequences["cln-01"] = {7}
    again = admitted(arrival_of(message_of()), books=books)
    assert (code(again), again.accepted, again.subjects) == ("duplicate", [], {})


def test_another_message_under_a_used_id_is_refused() -> None:
    books = Books()
    books.digests[uuid(1)] = b"another"
    assert code(admitted(arrival_of(message_of()), books=books)) == "admission.id_reused"


def test_a_number_used_twice_is_refused_and_the_next_free_one_told() -> None:
    books = Books()
    books.sequences["cln-01"] = {6, 7, 11}
    verdict = admitted(arrival_of(message_of(sequence=7)), books=books)
    assert code(verdict) == "admission.sequence_used"
    assert verdict.reason is not None and verdict.reason.params == {"got": 7, "next": 12}
    assert code(admitted(arrival_of(message_of(sequence=8)), books=books)) == "accepted"


# --- the order of the checks

# Each fault, and how a good arrival gets it. A message with two of them is refused for the
# earlier one, whichever pair it is.
FAULTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    # code, what is different in the message, what is different in the arrival or the gateway
    ("admission.too_large", {}, {"body": bytes(MAX_BODY + 1)}),
    ("sealing.not_ours", {}, {"kid": "gateway.enc.9"}),
    ("sealing.cannot_open", {}, {"spoil": True}),
    ("key.not_theirs", {}, {"signer": "pol"}),
    ("message.records", {"data": []}, {}),
    ("admission.sender", {"source": "cln-02"}, {}),
    ("admission.recipient", {"recipient": "pol"}, {}),
    ("key.not_yet_valid", {"time": NOW - 31 * DAY}, {}),
    ("admission.expired", {"expires": NOW - DAY}, {}),
    ("admission.id_reused", {}, {"used_id": True}),
    ("agreement.no_type", {"type": "mmt.dose.v1"}, {}),
    ("agreement.purpose", {"purpose": "statistics"}, {}),
    ("agreement.cross_region", {"region": "511681000000"}, {}),
    ("admission.sequence_used", {"sequence": 3}, {}),
    ("admission.no_record_left", {"data": [attendance(site="")]}, {}),
]
PAIRS = [
    (first, second)
    for at, first in enumerate(FAULTS)
    for second in FAULTS[at + 1 :]
    if not set(first[1]) & set(second[1])
]


def faulty(*faults: tuple[str, dict[str, Any], dict[str, Any]]) -> Verdict:
    changes: dict[str, Any] = {}
    special: dict[str, Any] = {}
    for _, message_changes, others in faults:
        changes |= message_changes
        special |= others
    books = Books()
    books.sequences["cln-01"] = {3}
    if special.get("used_id"):
        books.digests[uuid(1)] = b"another"
    signer = KEYS[special.get("signer", "cln-01")].signer
    arrival = arrival_of(message_of(**changes), signer)
    if special.get("spoil"):
        arrival = replace(arrival, body=arrival.body[:-1])
    if "body" in special:
        arrival = replace(arrival, body=special["body"])
    if "kid" in special:
        arrival = replace(arrival, kid=special["kid"])
    return admitted(arrival, books=books)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault[0])
def test_each_fault_alone_is_told(fault: Any) -> None:
    assert code(faulty(fault)) == fault[0]


@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=[f"{a[0]}-before-{b[0]}" for a, b in PAIRS]
)
def test_of_two_faults_the_earlier_one_is_told(first: Any, second: Any) -> None:
    assert code(faulty(first, second)) == first[0]


def test_all_faults_at_once_are_told_one_after_the_other() -> None:
    distinct = [fault for fault in FAULTS if fault[0] != "admission.no_record_left"]
    for at in range(len(distinct)):
        assert code(faulty(*distinct[at:])) == distinct[at][0]


# --- record by record


def test_a_batch_is_judged_record_by_record() -> None:
    records = [
        attendance(1),
        attendance(2, date="2026-02-30"),
        attendance(3, dose=60),
        attendance(99),
        attendance(4),
    ]
    verdict = admitted(arrival_of(message_of(data=records)))
    assert (code(verdict), verdict.accepted) == ("part", [0, 4])
    found = {index: [fault.code for fault in faults] for index, faults in verdict.faults.items()}
    assert found == {
        1: ["record.bad_date"],
        2: ["record.field_forbidden"],
        3: ["record.not_enrolled"],
    }
    assert set(verdict.subjects) == {0, 4}


def test_when_no_record_is_left_the_message_is_refused_with_all_reasons() -> None:
    verdict = admitted(arrival_of(message_of(data=[attendance(99), attendance(1, site="")])))
    assert (code(verdict), verdict.accepted) == ("admission.no_record_left", [])
    assert sorted(verdict.faults) == [0, 1]


def test_a_patient_of_another_clinic_is_not_known_here() -> None:
    message = message_of(source="cln-02", data=[attendance(1)])
    verdict = admitted(arrival_of(message, KEYS["cln-02"].signer, member="cln-02"))
    assert [fault.code for fault in verdict.faults[0]] == ["record.not_enrolled"]


def test_an_enrolment_makes_its_reference_known_to_the_records_after_it() -> None:
    again = enrolment(20, date="2026-11-02")
    verdict = admitted(arrival_of(enrol_message(enrolment(20), again)))
    assert code(verdict) == "accepted"
    assert verdict.subjects[0] == verdict.subjects[1] == Books().pseudonym("mmt", id_no(20))


@pytest.mark.parametrize("first", [1, 20])
def test_a_reference_is_never_given_to_somebody_else(first: int) -> None:
    """Neither one that was filed before (p-1) nor one of the same batch (p-20)."""
    thief = enrolment(21, patient_ref=f"p-{first}")
    verdict = admitted(arrival_of(enrol_message(enrolment(first), thief)))
    assert (code(verdict), verdict.accepted) == ("part", [0])
    assert [fault.code for fault in verdict.faults[1]] == ["record.reference_taken"]


def test_no_fault_repeats_a_personal_value() -> None:
    secret = "张三丰张三丰"
    records = [
        enrolment(1, name=secret + "\n"),
        enrolment(2, id_no=secret),
        enrolment(3, patient_ref=secret + " "),
        enrolment(4, **{secret: 1}),
        enrolment(5, status=secret),
        enrolment(6, name=secret, date=secret),
    ]
    verdict = admitted(arrival_of(enrol_message(*records)))
    assert len(verdict.faults) == len(records)
    for faults in verdict.faults.values():
        assert secret not in repr(faults)
        for lang in ("zh", "en"):
            assert all(secret not in fault.text(lang) for fault in faults)  # type: ignore[arg-type]


# --- at a member's edge the same steps serve


def test_a_member_believes_what_the_gateway_sealed_to_it_and_signed() -> None:
    from tests.vectors.ground import sealed

    message = message_of(source="gateway", recipient="pol")
    jws = signed(message, KEYS["gateway"].signer)
    body = sealed(jws, "gateway", "pol")
    arrival = Arrival("pol", uuid(1), "pol.enc.1", body, NOW)
    opened = admission.open_arrival(arrival, TRUST, KEYS["pol"], sender="gateway")
    assert not isinstance(opened, Refused)
    admission.check_envelope(opened, arrival, TRUST, "pol", "gateway")

    forged = signed(message, KEYS["cln-01"].signer)
    body = sealed(forged, "gateway", "pol")
    refused = admission.open_arrival(
        replace(arrival, body=body), TRUST, KEYS["pol"], sender="gateway"
    )
    assert isinstance(refused, Refused) and refused.code == "key.not_theirs"
