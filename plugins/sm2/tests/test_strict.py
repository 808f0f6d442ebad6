"""One form for a key, one for a signature: whatever is not exactly that is not accepted."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.errors import Refused
from jdgate_sm2 import curve
from jdgate_sm2.curve import N, P
from jdgate_sm2.example import STANDARD
from jdgate_sm2.suite import Sm2Sm3

DATA = STANDARD.data
PUBLIC = STANDARD.public
PRIVATE = STANDARD.private
X, Y = PUBLIC[1:33], PUBLIC[33:]

numbers = st.one_of(
    st.integers(1, N - 1),
    st.integers(0, 255).map(lambda bits: max(1, (1 << bits) - 1)),
    st.integers(0, 255).map(lambda bits: 1 << bits),
).filter(lambda number: 0 < number < N)


@pytest.fixture(scope="module")
def suite() -> Sm2Sm3:
    return Sm2Sm3()


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@settings(max_examples=60, deadline=None)
@given(
    private=st.integers(1, N - 2).map(word),
    data=st.binary(max_size=5000),
    more=st.binary(min_size=1),
)
def test_what_was_signed_verifies_and_nothing_longer_does(
    suite: Sm2Sm3, private: bytes, data: bytes, more: bytes
) -> None:
    public = suite.public_of(private)
    signature = suite.sign(private, data)
    assert (len(public), public[0], len(signature)) == (65, 4, 64)
    assert suite.verify(public, signature, data)
    assert not suite.verify(public, signature, data + more)
    assert not suite.verify(public, signature, more + data)


def test_two_signatures_of_one_text_differ_and_both_hold(suite: Sm2Sm3) -> None:
    first, second = suite.sign(PRIVATE, DATA), suite.sign(PRIVATE, DATA)
    assert first[:32] != second[:32]
    assert suite.verify(PUBLIC, first, DATA)
    assert suite.verify(PUBLIC, second, DATA)


def test_no_bit_of_a_signature_can_be_turned(suite: Sm2Sm3) -> None:
    for bit in range(64 * 8):
        turned = bytearray(STANDARD.signature)
        turned[bit // 8] ^= 1 << bit % 8
        assert not suite.verify(PUBLIC, bytes(turned), DATA), bit


def test_no_bit_of_a_message_can_be_turned(suite: Sm2Sm3) -> None:
    data = bytes(range(80))
    signature = suite.sign(PRIVATE, data)
    for bit in range(len(data) * 8):
        turned = bytearray(data)
        turned[bit // 8] ^= 1 << bit % 8
        assert not suite.verify(PUBLIC, signature, bytes(turned)), bit


def test_no_bit_of_a_public_key_can_be_turned(suite: Sm2Sm3) -> None:
    for bit in range(len(PUBLIC) * 8):
        turned = bytearray(PUBLIC)
        turned[bit // 8] ^= 1 << bit % 8
        assert not suite.verify(bytes(turned), STANDARD.signature, DATA), bit


def test_a_signature_has_no_second_form(suite: Sm2Sm3) -> None:
    good = STANDARD.signature
    r, s = good[:32], good[32:]
    der = curve.to_der(good)
    assert der is not None
    others = {
        "empty": b"",
        "one byte short": good[:-1],
        "one byte long": good + b"\0",
        "a zero in front": b"\0" + good,
        "DER": der,
        "s before r": s + r,
        "r = 0": word(0) + s,
        "s = 0": r + word(0),
        "r = n": word(N) + s,
        "s = n": r + word(N),
        "r, s at their top": b"\xff" * 64,
        "all zero": bytes(64),
        "-s": r + word(N - int.from_bytes(s, "big")),
        "r + s = n": word(1) + word(N - 1),
    }
    for name, other in others.items():
        assert not suite.verify(PUBLIC, other, DATA), name
    assert suite.verify(PUBLIC, good, DATA)


def test_numbers_past_the_order_are_refused_even_where_they_fit_in_32_bytes() -> None:
    assert curve.to_der(word(5) + word(7)) is not None
    assert curve.to_der(word(5 + N) + word(7)) is None
    assert curve.to_der(word(5) + word(7 + N)) is None


def test_a_public_key_has_no_second_form(suite: Sm2Sm3) -> None:
    odd = Y[-1] & 1
    others = {
        "empty": b"",
        "infinity": b"\0",
        "infinity, long": bytes(65),
        "compressed": bytes((2 + odd,)) + X,
        "hybrid": bytes((6 + odd,)) + X + Y,
        "without its 04": X + Y,
        "one byte short": PUBLIC[:-1],
        "one byte long": PUBLIC + b"\0",
        "not on the curve": b"\x04" + X + word(int.from_bytes(Y, "big") ^ 1),
        "0, 0": b"\x04" + bytes(64),
        "x = p": b"\x04" + word(P) + Y,
        "y = p": b"\x04" + X + word(P),
        "largest": b"\x04" + b"\xff" * 64,
        "an Ed25519 key": bytes(range(32)),
        "x, y swapped": b"\x04" + Y + X,
    }
    for name, other in others.items():
        assert not curve.is_public(other), name
        assert not suite.verify(other, STANDARD.signature, DATA), name


def test_coordinates_past_p_are_refused_though_they_are_a_point_modulo_p() -> None:
    x = next(x for x in range(1000) if pow(x**3 + curve.A * x + curve.B, (P - 1) // 2, P) == 1)
    square = (x**3 + curve.A * x + curve.B) % P
    y = pow(square, (P + 1) // 4, P)
    assert curve.is_public(b"\x04" + word(x) + word(y))
    assert not curve.is_public(b"\x04" + word(x + P) + word(y))


def test_a_key_of_somebody_else_verifies_nothing(suite: Sm2Sm3) -> None:
    other = suite.public_of(word(12345))
    mirrored = b"\x04" + X + word(P - int.from_bytes(Y, "big"))
    assert not suite.verify(other, STANDARD.signature, DATA)
    assert curve.is_public(mirrored)
    assert not suite.verify(mirrored, STANDARD.signature, DATA)


@pytest.mark.parametrize("number", [0, N - 1, N, N + 1, (1 << 256) - 1])
def test_a_private_key_out_of_range_is_refused_before_it_is_used(
    suite: Sm2Sm3, number: int
) -> None:
    for use in (suite.public_of, lambda raw: suite.sign(raw, DATA)):
        with pytest.raises(Refused) as told:
            use(word(number))
        assert told.value.code == "sm2.private_range"


@pytest.mark.parametrize("size", [0, 1, 31, 33, 48, 64, 65])
def test_a_private_key_of_another_size_is_refused(suite: Sm2Sm3, size: int) -> None:
    secret = b"\x05" * size
    with pytest.raises(Refused) as told:
        suite.public_of(secret)
    assert told.value.code == "sm2.private_size"
    assert told.value.params == {"got": size}


@settings(max_examples=300, deadline=None)
@given(
    public=st.one_of(st.binary(max_size=80), st.just(PUBLIC)),
    signature=st.one_of(st.binary(max_size=80), st.binary(min_size=64, max_size=64)),
    data=st.binary(max_size=80),
)
def test_verify_answers_no_to_noise_and_never_raises(
    suite: Sm2Sm3, public: bytes, signature: bytes, data: bytes
) -> None:
    assert suite.verify(public, signature, data) is False


@settings(deadline=None)
@given(r=numbers, s=numbers)
def test_every_pair_of_numbers_goes_to_der_and_comes_back(r: int, s: int) -> None:
    der = curve.to_der(word(r) + word(s))
    assert der is not None
    assert curve.from_der(der) == word(r) + word(s)
    assert len(der) == der[1] + 2 <= 72


@settings(deadline=None)
@given(r=numbers, s=numbers, at=st.integers(0, 71), value=st.integers(0, 255))
def test_der_that_is_read_is_the_one_that_would_be_written(
    r: int, s: int, at: int, value: int
) -> None:
    der = bytearray(curve.to_der(word(r) + word(s)) or b"")
    der[at % len(der)] = value
    try:
        signature = curve.from_der(bytes(der))
    except ValueError:
        return
    assert curve.to_der(signature) == bytes(der)


@settings(deadline=None)
@given(noise=st.binary(max_size=80))
def test_noise_is_no_der(noise: bytes) -> None:
    try:
        signature = curve.from_der(noise)
    except ValueError:
        return
    assert curve.to_der(signature) == noise
