"""Leaves and checkpoints: one text each, closed forms, nothing told without the salt."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import checkpoints, leaves, signing
from jdgate.core.encoding import b64u
from jdgate.core.ledger import EMPTY_ROOT, Frontier, leaf_hash
from jdgate.core.signing import SigningKey
from jdgate.errors import Misuse, Refused

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
AT = "2026-11-21T08:00:00.000Z"
KEY = SigningKey("gateway.sig.1", "EdDSA", bytes(32))

EXAMPLES: list[leaves.Leaf] = [
    leaves.AcceptedLeaf(
        id="m",
        at=AT,
        source="cln-01",
        recipient="gateway",
        type="mmt.attendance.v1",
        time=AT,
        records=2,
        directory=1,
        commitment="c",
        refused=(1,),
        deliveries=("d",),
    ),
    leaves.RefusedLeaf(id="m", at=AT, source="cln-01", code="key.x", directory=1, commitment="c"),
    leaves.DisclosedLeaf(
        id="d",
        at=AT,
        message="m",
        type="t",
        recipient="pol",
        role="POL",
        fields=("name",),
        basis=("依据",),
        records=1,
        directory=1,
        commitment="c",
    ),
    leaves.DeliveredLeaf(
        id="d", at=AT, message="m", recipient="pol", verdict="failed", directory=1, commitment="c"
    ),
    leaves.DraftedLeaf(id="f", at=AT, recipient="cln-01", type="t", rule="r", version=1),
    leaves.DecidedLeaf(
        id="f", at=AT, source="cln-01", decision="approved", directory=1, commitment="c"
    ),
    leaves.MissedLeaf(
        id="s",
        at=AT,
        type="mmt.attendance.v1",
        source="cln-01",
        rule="clinic.daily_report",
        about="5c",
        since=AT,
        due=AT,
        size=9,
        directory=1,
    ),
    leaves.ArrivedLeaf(id="s", at=AT, message="m"),
    leaves.DirectoryLeaf(id="1", at=AT, version=1, digest="d"),
    leaves.AdminLeaf(id="a", at=AT, act="retention.erased", operator="o"),
    leaves.AlertLeaf(
        id="a",
        at=AT,
        act="acknowledged",
        recipient="cln-01",
        rule="M1",
        level=0,
        directory=1,
        commitment="c",
        message="m",
    ),
    leaves.LookedLeaf(id="m", at=AT, operator="o", reason="r"),
]


@pytest.mark.parametrize("leaf", EXAMPLES, ids=lambda leaf: type(leaf).__name__)
def test_a_leaf_comes_back_from_its_own_text(leaf: leaves.Leaf) -> None:
    assert leaves.decode(leaves.encode(leaf)) == leaf


def test_every_kind_of_leaf_has_an_example_here() -> None:
    assert {type(leaf) for leaf in EXAMPLES} == set(leaves.Leaf.__args__)


def test_a_leaf_is_json_with_sorted_keys_and_no_spaces() -> None:
    assert leaves.encode(EXAMPLES[-1]) == (
        b'{"at":"2026-11-21T08:00:00.000Z","id":"m","kind":"looked","operator":"o","reason":"r"}'
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"{}",
        b'{"at":"x","id":"m","kind":"unheard","operator":"o","reason":"r"}',
        b'{"id":"m","at":"x","kind":"looked","operator":"o","reason":"r"}',
        b'{"at":"x", "id":"m","kind":"looked","operator":"o","reason":"r"}',
        b'{"at":"x","id":"\\u006d","kind":"looked","operator":"o","reason":"r"}',
        b'{"at":"x","id":"m","id":"m","kind":"looked","operator":"o","reason":"r"}',
        b'{"at":"x","extra":1,"id":"m","kind":"looked","operator":"o","reason":"r"}',
        b'{"act":"a","at":"x","id":"m","kind":"admin","operator":"o","target":""}',
    ],
)
def test_another_text_is_not_taken_for_a_leaf(text: bytes) -> None:
    with pytest.raises(Refused) as caught:
        leaves.decode(text)
    assert caught.value.code == "ledger.leaf_malformed"


@given(st.binary(min_size=16, max_size=16), st.binary())
def test_a_commitment_is_the_hash_of_salt_and_text(salt: bytes, text: bytes) -> None:
    assert leaves.commitment(salt, text) == b64u(sha256(salt + text).digest())


def test_a_digest_is_the_plain_hash() -> None:
    assert leaves.digest(b"jws") == b64u(sha256(b"jws").digest())


@pytest.mark.parametrize("length", [0, 15, 17])
def test_a_salt_of_another_length_is_not_used(length: int) -> None:
    with pytest.raises(Misuse) as caught:
        leaves.commitment(bytes(length), b"jws")
    assert caught.value.code == "ledger.salt_length"


def test_a_checkpoint_comes_back_from_its_signature() -> None:
    frontier, _ = Frontier().append([leaf_hash(b"a"), leaf_hash(b"b")])
    made = checkpoints.of(frontier, "511623000000", NOW)
    jws = checkpoints.sign(made, KEY)
    assert checkpoints.verify(jws, KEY.public()) == made == checkpoints.unverified(jws)


def test_another_signed_text_is_not_taken_for_a_checkpoint() -> None:
    payload = checkpoints.encode(checkpoints.of(Frontier(), "511623000000", NOW))
    with pytest.raises(Refused) as caught:
        checkpoints.verify(signing.sign(payload, KEY, signing.TYP_MESSAGE), KEY.public())
    assert caught.value.code == "signing.typ_mismatch"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ((b'"size":0', b'"size":-1'), "checkpoint.malformed"),
        ((b'"size":0', b'"size":9223372036854775808'), "checkpoint.malformed"),
        ((b'"size":0', b'"size":true'), "checkpoint.malformed"),
        ((b'"size":0', b'"size":0,"more":1'), "checkpoint.malformed"),
        ((b64u(EMPTY_ROOT).encode(), b"AAAA"), "checkpoint.malformed"),
        ((b64u(EMPTY_ROOT).encode(), b"A==="), "encoding.base64url"),
        ((b".000Z", b"Z"), "message.time"),
        ((b"{", b""), "checkpoint.malformed"),
    ],
)
def test_a_checkpoint_of_another_form_is_refused(change: tuple[bytes, bytes], code: str) -> None:
    payload = checkpoints.encode(checkpoints.of(Frontier(), "511623000000", NOW))
    assert change[0] in payload
    with pytest.raises(Refused) as caught:
        checkpoints.decode(payload.replace(*change))
    assert caught.value.code == code
