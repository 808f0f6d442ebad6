"""A signature holds for these bytes, this key, this algorithm and this purpose, or not at all.

The hostile headers are files: `tests/vectors/jws`, judged by `test_admission_vectors.py`.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vectors.ground import KEYS, forged, keys_of

from jdgate.core import signing
from jdgate.core.encoding import unb64u
from jdgate.core.signing import (
    TYP_CHECKPOINT,
    TYP_DIRECTORY,
    TYP_EVIDENCE,
    TYP_MESSAGE,
    Ed25519Suite,
    MLDSA65Suite,
    PublicKey,
    SigningKey,
    Suite,
    add_suite,
    payload_unverified,
    peek,
    sign,
    suite_of,
    verify,
)
from jdgate.errors import Misuse, Refused

ED = KEYS["cln-01"].signer
ML = keys_of("cln-01", alg="ML-DSA-65").signer
BOTH = pytest.mark.parametrize("key", [ED, ML], ids=["EdDSA", "ML-DSA-65"])
TYPES = (TYP_MESSAGE, TYP_DIRECTORY, TYP_CHECKPOINT, TYP_EVIDENCE)


def refusal(jws: bytes, key: PublicKey, typ: str = TYP_MESSAGE) -> Refused:
    with pytest.raises(Refused) as refused:
        verify(jws, key, typ)
    return refused.value


@BOTH
@settings(max_examples=40, deadline=None)
@given(payload=st.binary(max_size=300), typ=st.sampled_from(TYPES))
def test_what_was_signed_is_what_is_verified(key: SigningKey, payload: bytes, typ: str) -> None:
    jws = sign(payload, key, typ)
    assert verify(jws, key.public(), typ) == payload
    assert payload_unverified(jws) == payload
    assert peek(jws) == signing.Header(key.alg, key.kid, typ)


@pytest.mark.parametrize("made_for", TYPES)
def test_a_signature_for_one_purpose_serves_no_other(made_for: str) -> None:
    jws = sign(b"{}", ED, made_for)
    for typ in TYPES:
        if typ != made_for:
            found = refusal(jws, ED.public(), typ)
            assert (found.code, found.params["got"]) == ("signing.typ_mismatch", made_for)


@BOTH
def test_every_bit_of_header_and_signature_counts(key: SigningKey) -> None:
    jws = bytearray(sign(b"payload", key, TYP_MESSAGE))
    step = 1 if key is ED else 7
    for at in range(0, len(jws), step):
        for bit in range(8) if key is ED else (at % 8,):
            jws[at] ^= 1 << bit
            with pytest.raises(Refused):
                verify(bytes(jws), key.public(), TYP_MESSAGE)
            jws[at] ^= 1 << bit


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text("AQ.e30=_-{}\n", max_size=40).map(str.encode))
def test_random_bytes_are_refused_and_never_raise_anything_else(raw: bytes) -> None:
    refusal(raw, ED.public())


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "jwk"]), st.text(max_size=9)
    ).map(msgspec.json.encode)
)
def test_no_header_but_the_exact_one_is_taken_even_when_its_signature_holds(head: bytes) -> None:
    exact = unb64u(sign(b"", ED, TYP_MESSAGE).split(b".")[0])
    if head != exact:
        refusal(forged(head, b"payload"), ED.public())


@BOTH
def test_another_key_of_the_same_kid_does_not_verify(key: SigningKey) -> None:
    impostor = keys_of("impostor", alg=key.alg).signer
    jws = sign(b"x", SigningKey(key.kid, key.alg, impostor.private), TYP_MESSAGE)
    assert refusal(jws, key.public()).code == "signing.bad_signature"


def test_a_sender_cannot_choose_a_weaker_algorithm() -> None:
    jws = sign(b"x", SigningKey(ML.kid, "EdDSA", ML.private), TYP_MESSAGE)
    found = refusal(jws, ML.public())
    assert (found.code, found.params["expected"]) == ("signing.alg_mismatch", "ML-DSA-65")


def test_a_directory_key_of_an_unknown_algorithm_verifies_nothing() -> None:
    key = PublicKey(ED.kid, "RS1", b"")
    head = f'{{"alg":"RS1","kid":"{ED.kid}","typ":"{TYP_MESSAGE}"}}'
    assert refusal(forged(head, b"x"), key).code == "signing.alg_unknown"


@pytest.mark.parametrize("alg", ["EdDSA", "ML-DSA-65"])
@pytest.mark.parametrize("public", [b"", b"\0" * 31, b"\0" * 5000])
def test_a_public_key_of_a_wrong_size_verifies_nothing_and_raises_nothing(
    alg: str, public: bytes
) -> None:
    assert suite_of(alg).verify(public, b"\0" * 64, b"data") is False


def torsion() -> list[bytes]:
    """Every encoding of a point of order 1, 2, 4 or 8, found by the curve's own equation."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p
    root = pow(2, (p - 1) // 4, p)

    def square_root(a: int) -> int | None:
        x = pow(a, (p + 3) // 8, p)
        return x if x * x % p == a else x * root % p if (x * root) ** 2 % p == a else None

    # order 8: doubling gives y = 0, so y² = -x², so 2y² = 1 - d·y⁴·(-1)… solved for y² = z
    inner = square_root((1 + d) % p)
    assert inner is not None
    squares = [(s * pow(d, -1, p)) % p for s in ((-1 + inner) % p, (-1 - inner) % p)]
    ys = {0, 1, p - 1}
    for square in squares:
        y = square_root(square)
        if y is not None:
            ys |= {y, p - y}
    found = [y + more for y in ys for more in (0, p) if y + more < 2**255]
    return [(y | sign << 255).to_bytes(32, "little") for y in found for sign in (0, 1)]


@pytest.mark.parametrize("public", torsion(), ids=bytes.hex)
def test_a_key_of_small_order_verifies_nothing(public: bytes) -> None:
    """Under such a key one signature holds for many texts: its owner could deny what they said."""
    points = [bytes([1]) + bytes(31), public]
    for text in range(32):
        data = text.to_bytes(2, "big")
        assert not any(suite_of("EdDSA").verify(public, r + bytes(32), data) for r in points)


def test_there_are_seven_encodings_of_small_order_beside_the_sign() -> None:
    assert len({key[:31] + bytes([key[31] & 0x7F]) for key in torsion()}) == 7


def test_a_built_in_suite_cannot_be_replaced() -> None:
    class Weak(Ed25519Suite):
        def verify(self, public: bytes, signature: bytes, data: bytes) -> bool:
            return True

    with pytest.raises(Misuse) as refused:
        add_suite(Weak())
    assert refused.value.code == "signing.suite_taken"
    assert type(suite_of("EdDSA")) is Ed25519Suite


def test_a_plugin_suite_signs_and_verifies_under_its_own_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signing, "_SUITES", dict(signing._SUITES))

    class Own(MLDSA65Suite):
        alg = "X-OWN"

    own: Suite = Own()
    add_suite(own)
    add_suite(Own())  # loaded again: the same suite
    key = SigningKey("k", "X-OWN", ML.private)
    jws = sign(b"x", key, TYP_MESSAGE)
    assert verify(jws, key.public(), TYP_MESSAGE) == b"x"
    assert refusal(jws, PublicKey("k", "ML-DSA-65", key.public().public)).code == (
        "signing.alg_mismatch"
    )


@BOTH
def test_a_private_key_is_never_printed(key: SigningKey) -> None:
    assert str(key.private) not in f"{key!r} {key}" and key.private.hex() not in repr(key)
