"""Whatever a member sends: it is told why in both languages, it is written down, and the good
messages before and after it arrive."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.e2e.hostile import RawMember
from tests.e2e.kit import ALERT, ATTENDANCE, ENROL, County, attendance, enrolment, id_no

from jdgate.bus.access import BusUser, nkey_public
from jdgate.bus.port import NotStored, Outgoing
from jdgate.clock import machine_time
from jdgate.core import keys as key_formats
from jdgate.core.admission import Arrival
from jdgate.core.fault import Fault
from jdgate.core.message import Message, encode, whole_ms
from jdgate.core.schema import check_records
from jdgate.core.signing import SigningKey
from jdgate.errors import Misuse, TransportFailed
from jdgate.gateway import pipeline
from jdgate.gateway.ground import new_id
from jdgate.store import messages, sequences
from jdgate.store.messages import MessageRow
from jdgate.texts import LANGUAGES, all_texts

pytestmark = pytest.mark.anyio

SECRET_NAME, SECRET_NUMBER = "欧阳不可泄露", 777
PERSONAL = (SECRET_NAME, id_no(SECRET_NUMBER))


def secret(**other: Any) -> dict[str, Any]:
    """A record whose person must appear in no answer."""
    return enrolment(SECRET_NUMBER, name=SECRET_NAME) | other


def wire(message: Message) -> dict[str, Any]:
    """A message as the JSON that travels, to be spoilt."""
    return msgspec.json.decode(encode(message))


def spoilt(raw: RawMember, **other: Any) -> tuple[str, Outgoing]:
    """A message whose envelope is what `message` would never make."""
    message = raw.message(data=[secret()])
    payload = msgspec.json.encode(wire(message) | other)
    return message.id, raw.outgoing(raw.sign(payload), message.id)


def sealed(raw: RawMember, how: dict[str, Any] | None = None, **other: Any) -> tuple[str, Outgoing]:
    message = raw.message(**({"data": [secret()]} | other))
    return message.id, raw.sealed(message, **(how or {}))


def signed_by(raw: RawMember, key: SigningKey) -> tuple[str, Outgoing]:
    message = raw.message(data=[secret()])
    return message.id, raw.outgoing(raw.sign(message, key), message.id)


def at(raw: RawMember, by: timedelta, **other: Any) -> tuple[str, Outgoing]:
    return sealed(raw, time=whole_ms(machine_time() + by), **other)


def own_key(raw: RawMember, kid: str | None = None) -> SigningKey:
    """A signing key that the directory does not have, under the name of one it may have."""
    fresh = SigningKey("x", raw.keys.signer.alg, bytes(range(32)))
    return SigningKey(kid or raw.keys.signer.kid, fresh.alg, fresh.private)


def flip(outgoing: Outgoing, position: int) -> Outgoing:
    body = bytearray(outgoing.body)
    body[position] ^= 1
    return msgspec.structs.replace(outgoing, body=bytes(body))


def flipped(raw: RawMember, position: int) -> tuple[str, Outgoing]:
    id, good = sealed(raw)
    return id, flip(good, position)


def with_key_twice(raw: RawMember) -> tuple[str, Outgoing]:
    message = raw.message(data=[secret()])
    payload = encode(message).replace(b'"status":', b'"name":"\xe4\xb9\x99","status":')
    return message.id, raw.outgoing(raw.sign(payload), message.id)


def not_json(raw: RawMember, payload: bytes) -> tuple[str, Outgoing]:
    id = new_id()
    return id, raw.outgoing(raw.sign(payload), id)


def for_another(raw: RawMember) -> tuple[str, Outgoing]:
    return sealed(raw, {"to": "pol"})


def big(raw: RawMember) -> tuple[str, Outgoing]:
    id = new_id()
    return id, raw.outgoing(b"x" * 1_950_000, id)


def number_used(raw: RawMember) -> tuple[str, Outgoing]:
    """The number of the good message before it."""
    return sealed(raw, sequence=raw.number)


def in_python_json(raw: RawMember, **fields: Any) -> tuple[str, Outgoing]:
    """For what no other JSON encoder writes."""
    message = raw.message(data=[secret(**fields)])
    return message.id, raw.outgoing(raw.sign(json.dumps(wire_of(message)).encode()), message.id)


DAY = timedelta(days=1)
Make = Callable[[RawMember], tuple[str, Outgoing]]

WHOLE: dict[str, tuple[str, Make]] = {
    "wrong key: another key under our key's name": (
        "signing.bad_signature",
        lambda raw: signed_by(raw, own_key(raw)),
    ),
    "wrong key: one nobody has": (
        "key.unknown",
        lambda raw: signed_by(raw, own_key(raw, "cln-09.sig.7")),
    ),
    "wrong key: another member's": (
        "key.not_theirs",
        lambda raw: signed_by(raw, own_key(raw, "pol.sig.1")),
    ),
    "wrong key: another member's, really theirs": (
        "key.not_theirs",
        lambda raw: signed_by(raw, raw.county.keys("cln-01").signer),
    ),
    "wrong key: our own, for another use": (
        "key.wrong_use",
        lambda raw: signed_by(raw, own_key(raw, "cln-09.enc.1")),
    ),
    "first byte flipped": ("sealing.cannot_open", lambda raw: flipped(raw, 0)),
    "a byte in the middle flipped": ("sealing.cannot_open", lambda raw: flipped(raw, 1300)),
    "last byte flipped": ("sealing.cannot_open", lambda raw: flipped(raw, -1)),
    "sealed for another's eyes": ("sealing.not_ours", for_another),
    "sealed under another id": (
        "sealing.cannot_open",
        lambda raw: sealed(raw, {"id": (other := new_id()), "msg_id": other}) and moved(raw),
    ),
    "wrong recipient in the envelope": (
        "admission.recipient",
        lambda raw: sealed(raw, recipient="pol"),
    ),
    "another sender in the envelope": ("admission.sender", lambda raw: sealed(raw, source="pol")),
    "from the future": (
        "admission.from_future",
        lambda raw: at(raw, timedelta(minutes=10)),
    ),
    "expired": (
        "admission.expired",
        lambda raw: sealed(raw, expires=whole_ms(machine_time() - DAY)),
    ),
    "older than its agreement allows": ("admission.too_old", lambda raw: at(raw, -40 * DAY)),
    "signed before its key was valid": ("key.not_yet_valid", lambda raw: at(raw, -400 * DAY)),
    "oversize": ("admission.too_large", big),
    "501 records": (
        "message.records",
        lambda raw: sealed(raw, data=[enrolment(n) for n in range(501)]),
    ),
    "no record": ("message.records", lambda raw: sealed(raw, data=[])),
    "the same key twice in an object": ("message.duplicate_key", with_key_twice),
    "no JSON": ("message.not_json", lambda raw: not_json(raw, b"\xff\x00")),
    "JSON nested without end": ("message.not_json", lambda raw: not_json(raw, b"[" * 100_000)),
    "a number that is none": ("message.not_json", lambda raw: not_json(raw, b'{"time":NaN}')),
    "half a character": ("message.text", lambda raw: in_python_json(raw, name="\ud800")),
    "an unknown attribute": ("message.envelope", lambda raw: spoilt(raw, extra="1")),
    "an attribute of another kind": ("message.envelope", lambda raw: spoilt(raw, data={})),
    "an id that is none": ("message.envelope", lambda raw: spoilt(raw, id=SECRET_NAME)),
    "a time that does not exist": (
        "message.time",
        lambda raw: spoilt(raw, time="2026-02-30T08:00:00.000Z"),
    ),
    "a time with an offset": (
        "message.time",
        lambda raw: spoilt(raw, time="2026-11-21T08:00:00.000+08:00"),
    ),
    "a type without an agreement": (
        "agreement.no_type",
        lambda raw: sealed(raw, type="mmt.gossip.v1", purpose=None),
    ),
    "a type that others send": (
        "agreement.sender_role",
        lambda raw: sealed(raw, type="mmt.custody.notice.v1", purpose="mmt.continuity"),
    ),
    "another purpose": ("agreement.purpose", lambda raw: sealed(raw, purpose="curiosity")),
    "another county's region": (
        "agreement.cross_region",
        lambda raw: sealed(raw, region="110101000000"),
    ),
    "a number used before": ("admission.sequence_used", number_used),
    "no number": ("message.envelope", lambda raw: sealed(raw, sequence=None)),
}


def moved(raw: RawMember) -> tuple[str, Outgoing]:
    """A sealed body put under another id than it was sealed for."""
    message = raw.message(data=[secret()])
    good = raw.sealed(message)
    other = new_id()
    return other, msgspec.structs.replace(good, id=other, msg_id=other)


WHOLE["sealed under another id"] = ("sealing.cannot_open", moved)


@pytest.mark.parametrize("name", WHOLE)
async def test_a_bad_message_is_answered_recorded_and_delays_nobody(
    name: str, county: County, raw: RawMember
) -> None:
    code, make = WHOLE[name]
    police_before = len(await county.inbox("pol", ENROL))
    before, after = raw.message(data=[enrolment(1)]), None
    bad_id, bad = make(raw)
    after = raw.message(data=[enrolment(2)])
    await raw.send(raw.sealed(before), bad, raw.sealed(after))

    (said,) = await raw.receipts(bad_id)
    assert said["verdict"] == "refused"
    assert said["code"] == code
    assert said["accepted"] == 0
    assert_told_well(said["code"], said.get("params", {}))
    assert_nothing_personal(said)
    await assert_recorded(county, "cln-09", said, code)
    for good in (before, after):
        (receipt,) = await raw.receipts(good.id)
        assert receipt["verdict"] == "accepted"
    await county.until(lambda: _more(county, police_before + 2))


async def _more(county: County, count: int) -> bool:
    return len(await county.inbox("pol", ENROL)) >= count


def assert_told_well(code: str, params: dict[str, Any]) -> None:
    """The answer is a whole sentence in both languages."""
    for lang in LANGUAGES:
        sentence = Fault(code, "", params).text(lang)
        assert code in all_texts()
        assert len(sentence) > 8
        assert not re.search(r"[{}]", sentence), sentence
        assert not any(personal in sentence for personal in PERSONAL)


def assert_nothing_personal(answer: object) -> None:
    told = json.dumps(answer, ensure_ascii=False)
    assert not any(personal in told for personal in PERSONAL), told


async def refused_rows(county: County, source: str) -> list[MessageRow]:
    return await county.books(
        lambda conn: messages.search(conn, source=source, verdict="refused", limit=1000)
    )


async def assert_recorded(county: County, source: str, said: dict[str, Any], code: str) -> None:
    """There is one row and one ledger entry about it, and neither names the person."""
    id = said["message_id"]
    rows = [r for r in await refused_rows(county, source) if id in (r.id, r.claimed_id)]
    assert [row.code for row in rows] == [code]
    (leaf,) = [leaf for leaf in await county.leaves() if leaf["id"] == rows[0].id]
    assert (leaf["kind"], leaf["code"], leaf["source"]) == ("refused", code, source)
    assert said["leaf"] == rows[0].leaf_index
    assert_nothing_personal(leaf)


RECORDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "an unknown field": ("record.field_unknown", "/colour", secret(colour="blue")),
    "a field that may never be exchanged": (
        "record.field_forbidden",
        "/ethnicity",
        secret(ethnicity="汉"),
    ),
    "a forbidden field in Chinese": ("record.field_forbidden", "/民族", secret(民族="汉")),
    "a wrong check digit": (
        "record.bad_id_check_digit",
        "/id_no",
        secret(id_no=id_no(SECRET_NUMBER)[:17] + ("0" if id_no(SECRET_NUMBER)[17] != "0" else "1")),
    ),
    "a birthday that does not exist": (
        "record.bad_id_date",
        "/id_no",
        secret(id_no="999999199002300012"),
    ),
    "a date that does not exist": ("record.bad_date", "/date", secret(date="2026-02-30")),
    "a missing field": (
        "record.field_missing",
        "/status",
        {name: value for name, value in secret().items() if name != "status"},
    ),
    "a number for a text": ("record.wrong_type", "/name", secret(name=12)),
    "a value outside its list": ("record.not_allowed", "/status", secret(status=SECRET_NAME)),
    "a field name that is a person's": ("record.field_unknown", "/?", secret(**{PERSONAL[1]: 1})),
    "a field name of a thousand letters": ("record.field_unknown", "/?", secret(**{"x" * 1000: 1})),
}


@pytest.mark.parametrize("name", RECORDS)
async def test_a_bad_record_is_refused_alone(name: str, county: County, raw: RawMember) -> None:
    code, path, bad = RECORDS[name]
    police_before = len(await county.records("pol", ENROL))
    message = raw.message(data=[enrolment(11), bad, enrolment(12)])
    payload = json.dumps(wire_of(message)).encode()
    await raw.send(raw.outgoing(raw.sign(payload), message.id))

    (said,) = await raw.receipts(message.id)
    assert (said["verdict"], said["accepted"]) == ("part", 2), said
    (fault,) = said["refused"]
    assert fault["index"] == 1
    assert fault["code"] == code
    assert fault["path"] == path or code == "record.field_forbidden"
    assert_told_well(fault["code"], fault.get("params", {}))
    assert_nothing_personal(said)
    (leaf,) = [leaf for leaf in await county.leaves(message.id) if leaf["kind"] == "accepted"]
    assert leaf["refused"] == [1]
    await county.until(lambda: _records(county, police_before + 2))
    came = (await county.records("pol", ENROL))[police_before:]
    assert not [record for record in came if record["name"] == SECRET_NAME]


async def _records(county: County, count: int) -> bool:
    return len(await county.records("pol", ENROL)) >= count


def wire_of(message: Message) -> dict[str, Any]:
    """As `wire`, for records that no JSON encoder but Python's own takes."""
    bare = msgspec.structs.replace(message, data=[{}])
    return msgspec.json.decode(encode(bare)) | {"data": message.data}


async def test_a_message_of_bad_records_alone_is_refused_with_every_reason(
    county: County, raw: RawMember
) -> None:
    message = raw.message(data=[secret(date="2026-13-01"), secret(status="gone")])
    await raw.send(raw.sealed(message))
    (said,) = await raw.receipts(message.id)
    assert (said["verdict"], said["code"]) == ("refused", "admission.no_record_left")
    assert [(f["index"], f["code"]) for f in said["refused"]] == [
        (0, "record.bad_date"),
        (1, "record.not_allowed"),
    ]
    await assert_recorded(county, "cln-09", said, "admission.no_record_left")


async def test_attendance_of_somebody_never_enrolled_is_refused(
    county: County, raw: RawMember
) -> None:
    enrol = raw.message(data=[enrolment(21)])
    rows = [attendance(21, "2026-03-01"), attendance(99_999, "2026-03-01")]
    came = raw.message(ATTENDANCE, data=rows)
    await raw.send(raw.sealed(enrol), raw.sealed(came))
    (said,) = await raw.receipts(came.id)
    assert (said["verdict"], said["accepted"]) == ("part", 1)
    (fault,) = said["refused"]
    assert (fault["index"], fault["code"]) == (1, "record.not_enrolled")
    assert_told_well(fault["code"], fault["params"])
    assert "P99999" not in json.dumps(said)


async def test_a_clinic_cannot_speak_of_another_clinics_patients(
    county: County, raw: RawMember
) -> None:
    await county.push("cln-01", ENROL, [enrolment(31)])
    came = raw.message(ATTENDANCE, data=[attendance(31, "2026-03-01")])
    await raw.send(raw.sealed(came))
    (said,) = await raw.receipts(came.id)
    assert (said["verdict"], said["refused"][0]["code"]) == ("refused", "record.not_enrolled")


@pytest.mark.parametrize(("member", "code"), [("cln-08", "key.expired"), ("cln-07", "key.revoked")])
@pytest.mark.parametrize("ago", [timedelta(0), 2 * DAY])
async def test_a_key_that_is_no_longer_good_opens_nothing(
    county: County, member: str, code: str, ago: timedelta
) -> None:
    raw = await RawMember.open(county, member)
    try:
        # dating a message back to when the key was good helps nobody
        id, bad = at(raw, -ago)
        await raw.send(bad)
        (said,) = await raw.receipts(id)
        assert (said["verdict"], said["code"]) == ("refused", code)
        assert_told_well(code, said["params"])
        await assert_recorded(county, member, said, code)
    finally:
        await raw.close()
    assert (await county.push("cln-01", ENROL, [enrolment(41)]))[0]["verdict"] == "accepted"


async def test_a_stranger_does_not_get_onto_the_bus(county: County) -> None:
    stranger = key_formats.make("stranger", lambda count: b"\x07" * count)
    with pytest.raises(TransportFailed) as failed:
        await RawMember.open(county, "stranger", stranger)
    assert failed.value.code == "bus.denied"
    assert_told_well("bus.denied", failed.value.params)


async def test_a_stranger_whom_the_bus_lets_in_is_refused_and_recorded(county: County) -> None:
    stranger = key_formats.make("stranger", lambda count: b"\x07" * count)
    server = county.daemon.server
    assert server is not None
    users = list(server._users)
    private = Ed25519PrivateKey.from_private_bytes(stranger.bus)
    nkey = nkey_public(private.public_key().public_bytes_raw())
    await server.reload([*users, BusUser("stranger", nkey, "member")])
    try:
        raw = await RawMember.open(county, "stranger", stranger)
        id, bad = sealed(raw)
        await raw.send(bad)
        await county.until(lambda: _refused_of(county, "stranger", id))
        (row,) = await refused_rows(county, "stranger")
        assert row.code == "member.unknown"
        (leaf,) = await county.leaves(row.id)
        assert (leaf["kind"], leaf["code"]) == ("refused", "member.unknown")
        assert_told_well("member.unknown", {"member": "stranger"})
        await raw.close()
    finally:
        await server.reload(users)
    assert (await county.push("cln-01", ENROL, [enrolment(42)]))[0]["verdict"] == "accepted"


async def _refused_of(county: County, source: str, id: str) -> bool:
    return any(id in (r.id, r.claimed_id) for r in await refused_rows(county, source))


async def test_the_same_message_again_gets_the_same_answer_and_changes_nothing(
    county: County, raw: RawMember
) -> None:
    message = raw.message(data=[enrolment(51), secret(status="gone")])
    jws = raw.sign(message)
    await raw.send(raw.outgoing(jws, message.id))
    await raw.receipts(message.id)
    await county.quiet()
    leaves, police = len(await county.leaves()), len(await county.inbox("pol", ENROL))

    for number in (1, 2):
        # under another Nats-Msg-Id, or the bus itself would drop it; one at a time, for copies
        # that come together are answered together
        await raw.send(raw.outgoing(jws, message.id, msg_id=f"{message.id}.{number}"))
        first, *again = await raw.receipts(message.id, number + 1)
        assert again == [first] * number
    assert len({o.jws for o in raw.got if o.message.data[0].get("message_id") == message.id}) == 1
    assert len(await county.leaves()) == leaves
    assert len(await county.inbox("pol", ENROL)) == police


async def test_the_same_message_twice_at_once_counts_once(county: County, raw: RawMember) -> None:
    message = raw.message(data=[enrolment(52)])
    jws = raw.sign(message)
    await county.quiet()  # what the test before sent
    police = len(await county.inbox("pol", ENROL))
    await raw.send(
        *(raw.outgoing(jws, message.id, msg_id=f"{message.id}.{n}") for n in range(1, 6))
    )
    await raw.receipts(message.id)
    await county.quiet()
    assert len(await county.inbox("pol", ENROL)) == police + 1
    kinds = [leaf["kind"] for leaf in await county.leaves(message.id)]
    assert kinds.count("accepted") == 1


async def test_an_id_used_for_other_content_is_refused_and_the_first_stands(
    county: County, raw: RawMember
) -> None:
    first = raw.message(data=[enrolment(53)])
    other = raw.message(data=[secret()], id=first.id)
    await raw.send(raw.sealed(first))
    await raw.receipts(first.id)
    await raw.send(raw.sealed(other, msg_id=f"{first.id}.1"))
    accepted, refused = await raw.receipts(first.id, 2)
    assert accepted["verdict"] == "accepted"
    assert (refused["verdict"], refused["code"]) == ("refused", "admission.id_reused")
    assert refused["digest"] != accepted["digest"]
    assert_told_well("admission.id_reused", refused.get("params", {}))
    rows = [r for r in await refused_rows(county, "cln-09") if r.claimed_id == first.id]
    assert [row.code for row in rows] == ["admission.id_reused"]
    kept = await county.books(lambda conn: messages.get(conn, first.id))
    assert kept is not None and kept.verdict == "accepted"


async def test_another_members_message_cannot_be_replayed(county: County, raw: RawMember) -> None:
    theirs = raw.message(data=[secret()])
    captured = raw.sealed(theirs)
    thief = await RawMember.open(county, "cln-08")
    try:
        await thief.send(msgspec.structs.replace(captured, member="cln-08"))
        (said,) = await thief.receipts(theirs.id)
        assert (said["verdict"], said["code"]) == ("refused", "sealing.cannot_open")
        await assert_recorded(county, "cln-08", said, "sealing.cannot_open")
    finally:
        await thief.close()
    # The thief has not taken the place of the true one. (The bus stores one Nats-Msg-Id once a
    # minute, whoever used it: the sender's second try has another.)
    await raw.send(msgspec.structs.replace(captured, msg_id=f"{theirs.id}.1"))
    (said,) = await raw.receipts(theirs.id)
    assert said["verdict"] == "accepted"


async def test_a_forged_sender_does_not_use_up_the_numbers_of_the_other(
    county: County, raw: RawMember
) -> None:
    """In one group: the forgery first, then the true message with the number it names."""
    await county.push("cln-02", ENROL, [enrolment(61, site="cln-02")])
    honest = RawMember(county, county.keys("cln-02"), raw.bus)
    number = await county.books(lambda conn: sequences.position(conn, "cln-02").highest + 1)
    forged = raw.sealed(raw.message(source="cln-02", sequence=number, data=[secret()]))
    true = honest.message(sequence=number, data=[enrolment(62, site="cln-02")])
    now = machine_time()
    arrivals = [
        Arrival(one.member, one.id, one.kid, one.body, now) for one in (forged, honest.sealed(true))
    ]
    await county.books(lambda conn: pipeline.process(conn, county.gateway.ground, arrivals, now))
    row = await county.books(lambda conn: messages.get(conn, true.id))
    assert row is not None
    assert (row.verdict, row.code) == ("accepted", None)


async def test_more_than_the_bus_carries_fails_at_the_sender(raw: RawMember) -> None:
    with pytest.raises(NotStored) as failed:
        await raw.send(raw.outgoing(b"x" * 2_200_000, new_id()))
    (reason,) = failed.value.failed.values()
    assert isinstance(reason, Misuse)
    assert reason.code == "bus.too_large"
    assert_told_well("bus.too_large", reason.params)


async def test_a_receipt_of_five_hundred_bad_records_reaches_the_sender(
    county: County, raw: RawMember
) -> None:
    """The longest answer there is must itself be a good message."""
    bad = {f"field_number_{n}_{'x' * 20}": 1 for n in range(6)}
    message = raw.message(data=[secret(**bad) for _ in range(500)])
    await raw.send(raw.sealed(message))
    (said,) = await raw.receipts(message.id)
    assert said["verdict"] == "refused"
    assert {fault["index"] for fault in said["refused"]} == set(range(500))
    desk = county.daemon.edge.desk("cln-01") if county.daemon.edge else None
    assert desk is not None
    sheet = desk.sheet("sys.receipt.v1")
    assert check_records(desk.catalogue.validator(sheet.type), sheet, [said]) == {}


async def test_receipts_signed_by_anybody_else_close_nothing(
    county: County, raw: RawMember
) -> None:
    """A member that claims to have received another's delivery, and one that never was."""
    await county.push("cln-01", ENROL, [enrolment(71)])
    await county.quiet()
    record = {"message_id": new_id(), "digest": "A" * 43, "verdict": "delivered"}
    claim = raw.message("sys.receipt.v1", data=[record], sequence=None, purpose=None)
    sheet = county.daemon.catalogue.sheets["sys.receipt.v1"]
    claim = msgspec.structs.replace(claim, purpose=sheet.purpose)
    leaves = len(await county.leaves())
    await raw.send(raw.sealed(claim))
    marker = raw.message(data=[enrolment(72)])
    await raw.send(raw.sealed(marker))
    await raw.receipts(marker.id)
    delivered = [leaf for leaf in (await county.leaves())[leaves:] if leaf["kind"] == "delivered"]
    assert all(leaf["recipient"] != "cln-09" for leaf in delivered)


async def test_after_all_that_the_ledger_holds_and_nobody_was_called(county: County) -> None:
    await county.quiet()
    await county.assert_sound()
    status = await county.ask("status")
    assert status["dead"] == 0
    assert not await county.inbox("nco", ALERT)
    assert_nothing_personal(status)
    assert not any(personal in county.told.getvalue() for personal in PERSONAL)
