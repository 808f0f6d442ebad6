"""A member's keys: made, written, read back, shown; and refused when they could not be used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.vectors.ground import DAY, KEYS, NOW, entropy, keys_of

from jdgate.core import keys
from jdgate.core.encoding import unb64u
from jdgate.core.keys import MemberKeys
from jdgate.core.sealing import HYBRID, SMALL, context, seal, unseal
from jdgate.core.signing import TYP_MESSAGE, PublicKey, sign, verify
from jdgate.errors import Refused

CLINIC = KEYS["cln-01"]
STORED: dict[str, Any] = json.loads(keys.dump(CLINIC))


def unreadable(text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        keys.load(text, "cln-01.key")
    assert (refused.value.code, refused.value.params) == ("keys.unreadable", {"file": "cln-01.key"})


@pytest.mark.parametrize("alg", ["EdDSA", "ML-DSA-65"])
@pytest.mark.parametrize("kem", [HYBRID, SMALL])
def test_keys_come_back_from_their_file(alg: str, kem: str) -> None:
    made = keys.make("cln-01", entropy("x"), alg=alg, kem=kem)
    assert keys.load(keys.dump(made), "f") == made


def test_the_public_half_fits_the_private_one() -> None:
    for record in keys.public_records(CLINIC, NOW, NOW + DAY):
        assert (record.not_before, record.not_after) == (NOW, NOW + DAY)
        public = unb64u(record.public)
        match record.use:
            case "sig":
                jws = sign(b"x", CLINIC.signer, TYP_MESSAGE)
                key = PublicKey(record.kid, record.suite, public)
                assert verify(jws, key, TYP_MESSAGE) == b"x"
            case "enc":
                assert CLINIC.opener(record.kid).public().public == public
            case "bus":
                assert public == keys.bus_public(CLINIC)


def test_three_keys_have_three_uses_and_no_bytes_in_common() -> None:
    private = {CLINIC.signer.private, CLINIC.opening[0].private, CLINIC.bus}
    assert len(private) == 3
    records = keys.public_records(CLINIC, NOW, NOW + DAY)
    assert [record.use for record in records] == ["sig", "enc", "bus"]


def test_after_a_rotation_the_newest_signs_and_the_old_still_opens() -> None:
    newer = keys_of("cln-01", 2)
    both = MemberKeys(
        "cln-01", (*CLINIC.signing, *newer.signing), (*CLINIC.opening, *newer.opening), newer.bus
    )
    assert both.signer.kid == "cln-01.sig.2"
    info = context("a", "b", "c")
    body = seal(b"under way", CLINIC.opening[0].public(), info)
    assert unseal(body, both.opener("cln-01.enc.1"), info) == b"under way"


def test_a_key_of_another_member_is_not_ours() -> None:
    with pytest.raises(Refused) as refused:
        CLINIC.opener("pol.enc.1")
    assert refused.value.code == "sealing.not_ours"


@pytest.mark.parametrize("at", range(0, len(keys.dump(CLINIC)), 37))
def test_half_a_key_file_is_unreadable(at: int) -> None:
    unreadable(keys.dump(CLINIC)[:at])


@given(st.binary(max_size=200))
def test_random_bytes_are_unreadable(raw: bytes) -> None:
    unreadable(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"member": "No One"},
        {"signing": []},
        {"opening": []},
        {"bus": ""},
        {"bus": "AAAA"},
        {"bus": "===="},
        {"more": 1},
        {"signing": [{**STORED["signing"][0], "private": "AAAA"}]},
        {"opening": [{**STORED["opening"][0], "private": "AAAA"}]},
        {"opening": [{**STORED["opening"][0], "suite": "RSA"}]},
    ],
    ids=str,
)
def test_keys_that_could_not_be_used_are_refused_when_they_are_read(change: dict[str, Any]) -> None:
    unreadable(json.dumps({**STORED, **change}).encode())


def test_a_key_of_a_plugins_algorithm_is_read_before_the_plugin_is_there() -> None:
    own = {"kid": "cln-01.sig.2", "suite": "SM2-SM3", "private": "AAAA"}
    read = keys.load(json.dumps({**STORED, "signing": [own]}).encode(), "f")
    assert read.signer.alg == "SM2-SM3"


def test_no_private_byte_is_printed() -> None:
    assert repr(CLINIC) == "MemberKeys(cln-01)"
