"""The standard's example, every number of it derived again, by arithmetic that shares no code with
OpenSSL; and `gmssl`, an implementation in plain Python, as the second witness."""

from __future__ import annotations

import hashlib
import secrets

import pytest
from cryptography.hazmat.primitives import hashes
from gmssl.sm2 import CryptSM2
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from jdgate_sm2 import curve
from jdgate_sm2.curve import A, B, N, P
from jdgate_sm2.example import STANDARD
from jdgate_sm2.libcrypto import USER_ID, load
from jdgate_sm2.suite import Sm2Sm3

Point = tuple[int, int] | None

# GB/T 32918.5-2017, annex A
GENERATOR = (curve.GX, curve.GY)
Z_A = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
E = "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640"
K = "59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21"

private_keys = st.integers(1, N - 2).map(lambda d: d.to_bytes(32, "big"))


def sm3(data: bytes) -> bytes:
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


def plus(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def times(number: int, point: Point) -> Point:
    result: Point = None
    while number:
        if number & 1:
            result = plus(result, point)
        point = plus(point, point)
        number >>= 1
    return result


def raw(point: Point) -> bytes:
    assert point is not None
    return b"\x04" + b"".join(number.to_bytes(32, "big") for number in point)


def z_of(public: bytes, user_id: bytes = USER_ID) -> bytes:
    """Z of a public key (GB/T 32918.2, 5.5)."""
    numbers = b"".join(number.to_bytes(32, "big") for number in (A, B, *GENERATOR))
    return sm3((len(user_id) * 8).to_bytes(2, "big") + user_id + numbers + public[1:])


def signed_plainly(private: bytes, hashed: bytes, k: int) -> bytes:
    """The signature made with this k (GB/T 32918.2, 6.1)."""
    d, e = int.from_bytes(private, "big"), int.from_bytes(hashed, "big")
    point = times(k, GENERATOR)
    assert point is not None
    r = (e + point[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def witness(private: bytes, public: bytes) -> CryptSM2:
    """gmssl with these keys."""
    made = CryptSM2(private_key=private.hex(), public_key="")
    made.public_key = public[1:].hex()  # its constructor strips zeros and fours off the front
    return made


@pytest.fixture(scope="module")
def suite() -> Sm2Sm3:
    return Sm2Sm3()


def test_the_curve_holds_its_generator_and_its_order() -> None:
    assert curve.is_public(raw(GENERATOR))
    assert times(N, GENERATOR) is None
    assert times(N - 1, GENERATOR) == (GENERATOR[0], P - GENERATOR[1])


def test_the_key_that_no_private_key_in_range_has_is_none(suite: Sm2Sm3) -> None:
    """Under −G the second half of a signature would not count."""
    mirrored = raw((GENERATOR[0], P - GENERATOR[1]))
    assert not curve.is_public(mirrored)
    e = int.from_bytes(sm3(z_of(mirrored) + b"x"), "big")
    for r in (e, 1, N - 1):
        assert not suite.verify(mirrored, (r % N).to_bytes(32, "big") + b"\1" * 32, b"x")
    last = suite.public_of((N - 2).to_bytes(32, "big"))
    assert curve.is_public(last)
    assert last == raw(times(N - 2, GENERATOR))


def test_each_number_of_the_example_follows_from_the_others() -> None:
    assert raw(times(int.from_bytes(STANDARD.private, "big"), GENERATOR)) == STANDARD.public
    assert z_of(STANDARD.public).hex() == Z_A
    hashed = sm3(bytes.fromhex(Z_A) + STANDARD.data)
    assert hashed.hex() == E
    assert signed_plainly(STANDARD.private, hashed, int(K, 16)) == STANDARD.signature


def test_the_example_holds_in_the_suite(suite: Sm2Sm3) -> None:
    assert suite.public_of(STANDARD.private) == STANDARD.public
    assert suite.verify(STANDARD.public, STANDARD.signature, STANDARD.data)


def test_gmssl_makes_the_example_too() -> None:
    other = witness(STANDARD.private, STANDARD.public)
    assert other.sign_with_sm3(STANDARD.data, K) == STANDARD.signature.hex()
    assert other.verify_with_sm3(STANDARD.signature.hex(), STANDARD.data)


@pytest.mark.parametrize("part", ["private", "public", "data", "signature"])
def test_a_library_that_disagrees_with_the_example_is_not_used(part: str) -> None:
    changed = bytearray(getattr(STANDARD, part))
    changed[-1] ^= 1
    assert load().agrees(STANDARD)
    assert not load().agrees(replace(STANDARD, **{part: bytes(changed)}))


@settings(max_examples=25, deadline=None)
@given(private=private_keys, data=st.binary(min_size=1, max_size=200))
def test_gmssl_accepts_what_we_sign(suite: Sm2Sm3, private: bytes, data: bytes) -> None:
    other = witness(private, suite.public_of(private))
    signature = suite.sign(private, data)
    assert other.verify_with_sm3(signature.hex(), data)
    assert not other.verify_with_sm3(signature.hex(), data + b"!")


@settings(max_examples=25, deadline=None)
@given(private=private_keys, data=st.binary(min_size=1, max_size=200))
def test_we_accept_what_gmssl_signs(suite: Sm2Sm3, private: bytes, data: bytes) -> None:
    public = suite.public_of(private)
    signature = bytes.fromhex(witness(private, public).sign_with_sm3(data))
    assert suite.verify(public, signature, data)
    assert not suite.verify(public, signature, data + b"!")


@settings(max_examples=25, deadline=None)
@given(private=private_keys, data=st.binary(max_size=200), k=st.integers(1, N - 1))
def test_we_accept_what_plain_arithmetic_signs_and_nothing_without_the_right_z(
    suite: Sm2Sm3, private: bytes, data: bytes, k: int
) -> None:
    public = suite.public_of(private)
    assert public == raw(times(int.from_bytes(private, "big"), GENERATOR))
    stranger = suite.public_of(STANDARD.private)

    def accepted(prefix: bytes) -> bool:
        return suite.verify(public, signed_plainly(private, sm3(prefix + data), k), data)

    assert accepted(z_of(public))
    assert not accepted(b"")
    assert not accepted(z_of(public, b""))
    assert not accepted(z_of(public, b"ALICE123@YAHOO.COM"))
    assert private == STANDARD.private or not accepted(z_of(stranger))
    sha = hashlib.sha256(z_of(public) + data).digest()
    assert not suite.verify(public, signed_plainly(private, sha, k), data)


def test_the_ends_of_the_range_of_private_keys_sign(suite: Sm2Sm3) -> None:
    for d in (1, 2, N - 3, N - 2):
        private = d.to_bytes(32, "big")
        data = secrets.token_bytes(64)
        other = witness(private, suite.public_of(private))
        assert other.verify_with_sm3(suite.sign(private, data).hex(), data)
