"""What is sealed opens for one recipient, from one sender, under one id; or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vectors.ground import keys_of

from jdgate.core.encoding import b64u, unb64u
from jdgate.core.sealing import (
    HYBRID,
    SMALL,
    OpeningKey,
    SealingKey,
    context,
    seal,
    seal_field,
    unseal,
    unseal_field,
)
from jdgate.errors import Refused

KEYS = {suite: keys_of("gateway", kem=suite).opening[0] for suite in (HYBRID, SMALL)}
OTHER = {suite: keys_of("pol", kem=suite).opening[0] for suite in (HYBRID, SMALL)}
RECORD = b"r" * 32
"""A digest of the record that a sealed value stands in."""
BOTH = pytest.mark.parametrize("suite", [HYBRID, SMALL])
INFO = context("cln-01", "gateway", "0194f3a0-0000-7000-8000-000000000001")
OVERHEAD = {HYBRID: 1120 + 16, SMALL: 32 + 16}


def shut(body: bytes, key: OpeningKey, info: bytes = INFO) -> None:
    with pytest.raises(Refused) as refused:
        unseal(body, key, info)
    assert refused.value.code == "sealing.cannot_open"


@BOTH
@settings(max_examples=25, deadline=None)
@given(text=st.binary(max_size=500))
def test_the_recipient_reads_what_was_sealed(suite: str, text: bytes) -> None:
    body = seal(text, KEYS[suite].public(), INFO)
    assert unseal(body, KEYS[suite], INFO) == text
    assert len(body) == len(text) + OVERHEAD[suite]


@BOTH
def test_two_seals_of_one_text_differ(suite: str) -> None:
    key = KEYS[suite].public()
    assert seal(b"text", key, INFO) != seal(b"text", key, INFO)


@BOTH
def test_nobody_else_opens_it(suite: str) -> None:
    body = seal(b"text", KEYS[suite].public(), INFO)
    shut(body, OTHER[suite])
    shut(body, KEYS[SMALL if suite == HYBRID else HYBRID])


@BOTH
@pytest.mark.parametrize(
    "parts", [("pol", "gateway", "id"), ("cln-01", "pol", "id"), ("cln-01", "gateway", "id2")]
)
def test_another_sender_recipient_or_id_keeps_it_shut(
    suite: str, parts: tuple[str, str, str]
) -> None:
    body = seal(b"text", KEYS[suite].public(), context("cln-01", "gateway", "id"))
    shut(body, KEYS[suite], context(*parts))


@BOTH
def test_no_cut_or_longer_body_opens(suite: str) -> None:
    body = seal(b"text", KEYS[suite].public(), INFO)
    for length in {0, 1, 31, 32, 47, 48, 1119, 1120, 1135, len(body) - 1}:
        if length < len(body):
            shut(body[:length], KEYS[suite])
    shut(body + b"\0", KEYS[suite])


@BOTH
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=1300))
def test_random_bytes_never_open_and_never_raise_anything_else(suite: str, body: bytes) -> None:
    shut(body, KEYS[suite])


@given(
    st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)),
    st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5)),
)
def test_no_two_triples_give_one_context(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (context(*one) == context(*other)) == (one == other)


def test_an_unknown_suite_is_named() -> None:
    with pytest.raises(Refused) as refused:
        seal(b"", SealingKey("k", "RSA", b""), INFO)
    assert refused.value.code == "sealing.suite_unknown"
    with pytest.raises(Refused, match="RSA"):
        unseal(b"", OpeningKey("k", "RSA", b""), INFO)


@BOTH
@pytest.mark.parametrize("size", [0, 1, 31, 33, 1184, 1215, 1217])
def test_a_public_key_of_a_wrong_size_is_refused(suite: str, size: int) -> None:
    with pytest.raises(Refused) as refused:
        seal(b"", SealingKey("k", suite, bytes(size)), INFO)
    assert refused.value.code == "sealing.key"


def test_a_public_key_that_makes_the_secret_known_is_refused() -> None:
    """The all-zero X25519 point gives an all-zero secret (RFC 7748 §6.1, RFC 9180 §7.1.4)."""
    with pytest.raises(Refused) as refused:
        seal(b"", SealingKey("k", SMALL, bytes(32)), INFO)
    assert refused.value.code == "sealing.key"


@BOTH
def test_a_sealed_field_is_read_by_its_recipient_alone(suite: str) -> None:
    sealed = seal_field({"note": "转诊"}, KEYS[suite].public(), "cln-01", "clinical", RECORD)
    assert sealed["kid"] == KEYS[suite].kid
    assert unseal_field(sealed, KEYS[suite], "cln-01", "clinical", RECORD) == {"note": "转诊"}
    for sender, field, record in (
        ("pol", "clinical", RECORD),
        ("cln-01", "other", RECORD),
        ("cln-01", "clinical", bytes(32)),
    ):
        with pytest.raises(Refused) as refused:
            unseal_field(sealed, KEYS[suite], sender, field, record)
        assert refused.value.code == "sealing.cannot_open"
    with pytest.raises(Refused) as refused:
        unseal_field(sealed, OTHER[suite], "cln-01", "clinical", RECORD)
    assert refused.value.code == "sealing.not_ours"


@BOTH
def test_any_changed_byte_of_a_sealed_field_keeps_it_shut(suite: str) -> None:
    sealed = seal_field("x", KEYS[suite].public(), "cln-01", "f", RECORD)
    body = bytearray(unb64u(sealed["sealed"]))
    for at in range(0, len(body), 1 if suite == SMALL else 13):
        body[at] ^= 1 << (at % 8)
        with pytest.raises(Refused):
            unseal_field(
                {**sealed, "sealed": b64u(bytes(body))}, KEYS[suite], "cln-01", "f", RECORD
            )
        body[at] ^= 1 << (at % 8)


@pytest.mark.parametrize("value", [None, 5, 10**12, "", "====", "\ud800", ["AA"], True])
def test_a_sealed_field_of_any_other_form_is_refused(value: object) -> None:
    key = KEYS[SMALL]
    for sealed in ({"kid": key.kid, "sealed": value}, {"kid": value, "sealed": ""}, {}):
        with pytest.raises(Refused):
            unseal_field(sealed, key, "cln-01", "f", RECORD)


def test_a_sealed_field_that_holds_no_json_is_refused() -> None:
    key = KEYS[SMALL]
    body = seal(b"\xff", key.public(), context("cln-01", key.kid, f"field:f:{b64u(RECORD)}"))
    with pytest.raises(Refused) as refused:
        unseal_field({"kid": key.kid, "sealed": b64u(body)}, key, "cln-01", "f", RECORD)
    assert refused.value.code == "sealing.cannot_open"


@BOTH
def test_a_private_key_is_never_printed(suite: str) -> None:
    assert repr(KEYS[suite]) == f"OpeningKey({KEYS[suite].kid})"
