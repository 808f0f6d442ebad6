"""A clinic whose key is of suite SM2-SM3 among members that use Ed25519."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jdgate import catalogues
from jdgate.clock import machine_time
from jdgate.config import Home
from jdgate.control import Control, connect
from jdgate.core import catalogue, signing
from jdgate.core import keys as key_formats
from jdgate.core.admission import Arrival, Verdict, admit, open_arrival
from jdgate.core.directory import (
    Directory,
    Member,
    Trust,
    accept,
    authority_key,
    publish,
)
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.evidence_verify import verify as verify_evidence
from jdgate.core.identity import id_check_digit
from jdgate.core.keys import MemberKeys, make, public_records
from jdgate.core.message import Message, encode
from jdgate.core.sealing import SMALL, context, seal
from jdgate.core.signing import TYP_CHECKPOINT, TYP_MESSAGE, SigningKey
from jdgate.errors import Refused, TransportFailed
from jdgate.founding import found, pinned_authority, starter_members
from jdgate.keystore import write_private
from jdgate.plugins.host import PluginHost
from jdgate_sm2 import plugin
from jdgate_sm2.curve import N

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = timedelta(days=1)
COUNTY = "511623000000"
ALG = "SM2-SM3"
WITHIN = 30.0
"""Seconds after which what should come is given up: far more than it takes."""
ID = "0194f3a0-0000-7000-8000-000000000001"
CATALOGUE = catalogue.load([catalogue.default_path()])
ENROL, ORDER = "mmt.enrol.filed.v1", "comm.order.notice.v1"
ID_NO = "99999919600101001"  # a region given to no place: it belongs to nobody
PERSON = {"name": "甄某", "id_type": "ric", "id_no": ID_NO + id_check_digit(ID_NO)}
ENROLMENT = PERSON | {
    "site": "cln-01",
    "patient_ref": "P00001",
    "date": "2026-01-05",
    "status": "active",
}
ORDERED = PERSON | {
    "town": "511623100000",
    "measure": "community_treatment",
    "doc_no": "川公（试）字第1号",
    "served_on": "2026-01-05",
}


@pytest.fixture(scope="module", autouse=True)
def known() -> None:
    """As the daemon does at start."""
    for suite in PluginHost(use_installed=False, plugins={"sm2": plugin}).suites():
        signing.add_suite(suite)


@pytest.fixture(scope="module")
def clinic() -> MemberKeys:
    return make("cln-01", os.urandom, alg=ALG, kem=SMALL)


@pytest.fixture(scope="module")
def gateway() -> MemberKeys:
    return make("gateway", os.urandom, kem=SMALL)


@pytest.fixture(scope="module", params=["EdDSA", ALG])
def trust(request: pytest.FixtureRequest, clinic: MemberKeys, gateway: MemberKeys) -> Trust:
    """The directory, signed by an authority of either suite."""
    authority = SigningKey("authority.1", request.param, os.urandom(32))
    pinned = (authority_key(authority),)
    plan = (("department", "CLN", clinic), ("gateway", "GW", gateway))
    members = tuple(
        Member(
            keys.member,
            keys.member,
            kind,  # type: ignore[arg-type]
            (role,),
            (COUNTY,),
            public_records(keys, NOW - DAY, NOW + DAY),
        )
        for kind, role, keys in plan
    )
    made = Directory(1, NOW - DAY, NOW + DAY, COUNTY, "0" * 64, pinned, members)
    return Trust(accept(publish(made, authority), pinned, None, NOW))


class Nothing:
    """A gateway that has seen nothing yet."""

    def digest_of(self, message_id: str) -> None:
        return None

    def sequence_used(self, source: str, sequence: int) -> bool:
        return False

    def next_sequence(self, source: str) -> int:
        return 1

    def subject_of_alias(self, domain: str, member: str, alias: str) -> None:
        return None

    def pseudonym(self, domain: str, id_no: str) -> bytes:
        return id_no.encode()[:16]


def message() -> Message:
    return Message(
        id=ID,
        source="cln-01",
        type=ENROL,
        time=NOW,
        recipient="gateway",
        data=[ENROLMENT],
        sequence=1,
        purpose=CATALOGUE.sheet(ENROL).purpose,
    )


def arrival(jws: bytes, trust: Trust) -> Arrival:
    key = trust.sealing_key("gateway", NOW)
    body = seal(jws, key, context("cln-01", "gateway", ID))
    return Arrival("cln-01", ID, key.kid, body, NOW + timedelta(seconds=1))


def judged(jws: bytes, trust: Trust, gateway: MemberKeys) -> Verdict:
    return admit(arrival(jws, trust), trust, CATALOGUE, gateway, Nothing())


def code_of(jws: bytes, trust: Trust, gateway: MemberKeys) -> str:
    reason = open_arrival(arrival(jws, trust), trust, gateway)
    assert isinstance(reason, Refused)
    return reason.code


def test_the_directory_shows_the_clinic_s_point_and_suite(trust: Trust, clinic: MemberKeys) -> None:
    record = next(key for key in trust.member("cln-01").keys if key.use == "sig")
    assert record.suite == ALG
    assert unb64u(record.public) == clinic.signer.public().public
    assert len(unb64u(record.public)) == 65


def test_admission_takes_the_clinic_s_message(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys
) -> None:
    jws = signing.sign(encode(message()), clinic.signer, TYP_MESSAGE)
    assert signing.peek(jws).alg == ALG
    verdict = judged(jws, trust, gateway)
    assert (verdict.outcome, verdict.reason, verdict.accepted) == ("accepted", None, [0])


def test_no_byte_of_the_signed_message_can_be_changed(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys
) -> None:
    jws = signing.sign(encode(message()), clinic.signer, TYP_MESSAGE)
    public = trust.signing_key(clinic.signer.kid, "cln-01", NOW, NOW)
    assert signing.verify(jws, public, TYP_MESSAGE) == encode(message())
    for at in range(len(jws)):
        changed = bytearray(jws)
        changed[at] ^= 1
        with pytest.raises(Refused):
            signing.verify(bytes(changed), public, TYP_MESSAGE)


def test_a_message_signed_for_another_purpose_is_refused(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys
) -> None:
    jws = signing.sign(encode(message()), clinic.signer, TYP_CHECKPOINT)
    assert code_of(jws, trust, gateway) == "signing.typ_mismatch"


def test_the_key_s_suite_can_t_be_swapped_by_the_sender(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys
) -> None:
    for alg in ("EdDSA", "ML-DSA-65"):
        weaker = SigningKey(clinic.signer.kid, alg, clinic.signer.private)
        jws = signing.sign(encode(message()), weaker, TYP_MESSAGE)
        assert code_of(jws, trust, gateway) == "signing.alg_mismatch"


def test_another_sm2_key_under_the_clinic_s_name_is_refused(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys
) -> None:
    stranger = SigningKey(clinic.signer.kid, ALG, os.urandom(32))
    jws = signing.sign(encode(message()), stranger, TYP_MESSAGE)
    assert code_of(jws, trust, gateway) == "signing.bad_signature"


@pytest.mark.parametrize(
    "public",
    [b"", bytes(65), b"\x04" + bytes(64), bytes(range(65))],
    ids=["empty", "zeros", "origin", "noise"],
)
def test_a_directory_key_that_is_no_point_verifies_nothing_and_stops_nothing(
    trust: Trust, clinic: MemberKeys, gateway: MemberKeys, public: bytes
) -> None:
    members = []
    for member in trust.directory.members:
        keys = tuple(
            replace(key, public=b64u(public)) if key.suite == ALG else key for key in member.keys
        )
        members.append(replace(member, keys=keys))
    spoilt = Trust(replace(trust.directory, members=tuple(members)))
    jws = signing.sign(encode(message()), clinic.signer, TYP_MESSAGE)
    assert code_of(jws, spoilt, gateway) == "signing.bad_signature"


def test_entropy_that_is_no_key_is_refused_before_it_reaches_a_directory() -> None:
    rare = make("cln-01", lambda size: (N - 1).to_bytes(32, "big").rjust(size, b"\0"), alg=ALG)
    with pytest.raises(Refused) as told:
        public_records(rare, NOW, NOW + DAY)
    assert told.value.code == "sm2.private_range"


def test_a_key_file_keeps_the_suite(clinic: MemberKeys) -> None:
    again = key_formats.load(key_formats.dump(clinic), "cln-01.key")
    assert again == clinic
    assert clinic.signer.private.hex() not in repr(clinic)


JDGATE = str(Path(sys.executable).with_name("jdgate"))


@contextmanager
def running(home: Home) -> Iterator[Control]:
    """`jdgate run`, and a connection to it once it answers."""
    log = home.root / "run.log"
    with log.open("wb") as out:
        child = subprocess.Popen([JDGATE, "run", "-c", str(home.config)], stdout=out, stderr=out)
    deadline = time.monotonic() + WITHIN
    try:
        while True:
            try:
                control = connect(home)
                break
            except TransportFailed:
                assert child.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
        with control:
            yield control
    finally:
        child.terminate()
        child.wait(WITHIN)


def push(control: Control, member: str, type: str, record: dict[str, Any]) -> str:
    """Send one record that the gateway accepts; the message's id."""
    sent = control.call("submit", member=member, type=type, records=[record])
    assert sent["refused"] == []
    (id,) = [message["id"] for message in sent["messages"]]
    (answer,) = control.stream("wait", ids=[id], timeout_s=WITHIN)
    assert answer["verdict"] == "accepted"
    return str(id)


def test_a_county_takes_what_sm2_members_send_and_proves_what_they_received(
    tmp_path: Path,
) -> None:
    """A daemon, NATS and books. The key files were made before the county was founded."""
    home = Home(tmp_path)
    for member in ("cln-01", "com-01"):
        keys = make(member, os.urandom, alg=ALG)
        write_private(home.keys / f"{member}.key", key_formats.dump(keys))
    directory = found(
        home,
        region=COUNTY,
        name="测试县",
        plan=starter_members(COUNTY, "测试县"),
        catalogue_digest=catalogues.load_all(PluginHost()).digest,
        now=machine_time(),
    )
    suites = {key.suite for member in directory.members for key in member.keys if key.use == "sig"}
    assert suites == {"EdDSA", ALG}

    with running(home) as control:
        push(control, "cln-01", ENROL, ENROLMENT)
        order = push(control, "pol", ORDER, ORDERED)
        deadline = time.monotonic() + WITHIN
        while control.call("status")["open_deliveries"]:
            assert time.monotonic() < deadline, "the office never answered"
            time.sleep(0.05)
        (row,) = control.call("inbox.list", member="com-01")
        assert control.call("inbox.show", member="com-01", id=row["id"])["data"] == [ORDERED]
        evidence = control.call("evidence.export", id=order)["evidence"].encode()

    report = verify_evidence(evidence, pinned_authority(home.authority_public))
    assert report.ok, [step for step in report.steps if step.state == "failed"]
    payload = msgspec.json.decode(signing.payload_unverified(evidence))
    assert {signing.peek(jws).alg for jws in every_jws(payload)} == {"EdDSA", ALG}

    file = tmp_path / "evidence.json"
    file.write_bytes(evidence)
    command = [JDGATE, "evidence", "verify", str(file), "--authority", str(home.authority_public)]
    done = subprocess.run(command, cwd=tmp_path.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def every_jws(value: Any) -> Iterator[bytes]:
    """All signed documents inside another."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from every_jws(one)
    elif isinstance(value, str) and value.startswith("eyJ") and value.count(".") == 2:
        yield value.encode()
