"""Signatures: JWS compact (RFC 7515) over exact bytes, one fixed algorithm per key.

Rules:
- the bytes that were signed are the bytes that are verified; nothing is encoded again;
- the header holds `alg`, `kid` and `typ` and nothing else: `crit`, `jwk`, `x5u`… are refused;
- the algorithm comes from the key in the directory; a header that names another is refused, so
  no sender can choose a weaker one (RFC 8725 §3.1);
- `typ` separates messages, directories, checkpoints and evidence: a signature made for one is
  never taken for another (RFC 8725 §3.11).

Suites: `EdDSA` (Ed25519, RFC 8037), `ML-DSA-65` (FIPS 204), and what plugins add
through the hook `jdgate_suites`.

    jws = sign(payload, key, TYP_MESSAGE)
    header = peek(jws)                       # which key does it claim?
    payload = verify(jws, directory_key, TYP_MESSAGE)
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

from jdgate.core.encoding import b64u, unb64u
from jdgate.errors import Misuse, Refused

TYP_MESSAGE = "cloudevents+json"
TYP_DIRECTORY = "jd-directory+json"
TYP_CHECKPOINT = "jd-checkpoint+json"
TYP_EVIDENCE = "jd-evidence+json"
TYP_REQUEST = "jd-key-request+json"


class Suite(Protocol):
    """A signature algorithm. Keys are raw bytes, as the algorithm's standard has them."""

    @property
    def alg(self) -> str:
        """The JWS `alg` value."""
        ...

    def public_of(self, private: bytes) -> bytes:
        """The public key of a private one."""
        ...

    def sign(self, private: bytes, data: bytes) -> bytes:
        """The signature of `data`."""
        ...

    def verify(self, public: bytes, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is one of `data` by the owner of `public`; never raises."""
        ...


@lru_cache(maxsize=4096)
def _ed_private(raw: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(raw)


# The points of small order, the sign bit masked out. Under such a key one signature holds for any
# text or for one in eight, so its owner could deny whatever they signed (RFC 8032 leaves this to
# the application). Two of them are not canonical: y = p and y = p + 1.
_SMALL_ORDER = frozenset(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


@lru_cache(maxsize=16384)
def _ed_public(raw: bytes) -> Ed25519PublicKey:
    if len(raw) == 32 and raw[:31] + bytes([raw[31] & 0x7F]) in _SMALL_ORDER:
        raise ValueError("a point of small order")
    return Ed25519PublicKey.from_public_bytes(raw)


class Ed25519Suite:
    """Ed25519 (RFC 8032) under its JOSE name `EdDSA` (RFC 8037). 32-byte keys."""

    alg = "EdDSA"

    def public_of(self, private: bytes) -> bytes:
        return _ed_private(private).public_key().public_bytes_raw()

    def sign(self, private: bytes, data: bytes) -> bytes:
        return _ed_private(private).sign(data)

    def verify(self, public: bytes, signature: bytes, data: bytes) -> bool:
        try:
            _ed_public(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


class MLDSA65Suite:
    """ML-DSA-65 (FIPS 204), private key as its 32-byte seed."""

    alg = "ML-DSA-65"

    def public_of(self, private: bytes) -> bytes:
        return MLDSA65PrivateKey.from_seed_bytes(private).public_key().public_bytes_raw()

    def sign(self, private: bytes, data: bytes) -> bytes:
        return MLDSA65PrivateKey.from_seed_bytes(private).sign(data)

    def verify(self, public: bytes, signature: bytes, data: bytes) -> bool:
        try:
            MLDSA65PublicKey.from_public_bytes(public).verify(signature, data)
        except (InvalidSignature, ValueError):
            return False
        return True


_SUITES: dict[str, Suite] = {suite.alg: suite for suite in (Ed25519Suite(), MLDSA65Suite())}
DEFAULT_ALG = Ed25519Suite.alg


def add_suite(suite: Suite) -> None:
    """Make a plugin's algorithm known. The built-in ones can't be replaced.

    Raises:
        Misuse: `signing.suite_taken` when the name is already known.
    """
    if suite.alg in _SUITES and type(_SUITES[suite.alg]) is not type(suite):
        raise Misuse("signing.suite_taken", alg=suite.alg)
    _SUITES[suite.alg] = suite


def is_known(alg: str) -> bool:
    """Whether a suite of this name is built in or was added."""
    return alg in _SUITES


def suite_of(alg: str) -> Suite:
    """The suite named `alg`.

    Raises:
        Refused: `signing.alg_unknown`.
    """
    try:
        return _SUITES[alg]
    except KeyError:
        raise Refused("signing.alg_unknown", got=alg[:40], expected=", ".join(_SUITES)) from None


class SigningKey(msgspec.Struct, frozen=True):
    """A private signing key. Never printed: its repr shows the kid alone."""

    kid: str
    alg: str
    private: bytes

    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey(self.kid, self.alg, suite_of(self.alg).public_of(self.private))

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


class PublicKey(msgspec.Struct, frozen=True):
    """A verification key as the directory holds it."""

    kid: str
    alg: str
    public: bytes


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The protected header: these three members and no other."""

    alg: str
    kid: str
    typ: str


_header_decoder = msgspec.json.Decoder(Header)


@lru_cache(maxsize=4096)
def _header_part(alg: str, kid: str, typ: str) -> bytes:
    return b64u(msgspec.json.encode({"alg": alg, "kid": kid, "typ": typ})).encode()


@lru_cache(maxsize=4096)
def _read_header(part: bytes) -> Header:
    try:
        header = _header_decoder.decode(unb64u(part))
    except (msgspec.DecodeError, UnicodeDecodeError):  # msgspec lets bad UTF-8 through as such
        raise Refused("signing.header") from None
    # One text for one header: duplicate members or spare white space would not come back equal.
    if _header_part(header.alg, header.kid, header.typ) != part:
        raise Refused("signing.header")
    return header


def sign(payload: bytes, key: SigningKey, typ: str) -> bytes:
    """The JWS compact serialisation of `payload` (RFC 7515 §7.1), ASCII bytes."""
    signed = _header_part(key.alg, key.kid, typ) + b"." + b64u(payload).encode()
    signature = suite_of(key.alg).sign(key.private, signed)
    return signed + b"." + b64u(signature).encode()


def peek(jws: bytes) -> Header:
    """The protected header, not yet verified: only good for finding the key.

    Raises:
        Refused: `signing.malformed`, `signing.header`, `encoding.base64url`.
    """
    parts = jws.split(b".", 3)
    if len(parts) != 3 or len(parts[0]) > 1024:
        raise Refused("signing.malformed")
    return _read_header(parts[0])


def payload_unverified(jws: bytes) -> bytes:
    """The payload of a JWS whose signature has been verified before, or is not yet.

    Raises:
        Refused: `signing.malformed`, `encoding.base64url`.
    """
    parts = jws.split(b".", 3)
    if len(parts) != 3:
        raise Refused("signing.malformed")
    return unb64u(parts[1])


def verify(jws: bytes, key: PublicKey, typ: str) -> bytes:
    """The payload, once the signature by `key` over these very bytes holds.

    Raises:
        Refused: `signing.malformed`, `signing.header`, `signing.alg_mismatch`,
            `signing.typ_mismatch`, `signing.key_mismatch`, `signing.bad_signature`,
            `signing.alg_unknown`, `encoding.base64url`.
    """
    header = peek(jws)
    if header.typ != typ:
        raise Refused("signing.typ_mismatch", got=header.typ[:40], expected=typ)
    if header.alg != key.alg:
        raise Refused("signing.alg_mismatch", got=header.alg[:40], expected=key.alg)
    if header.kid != key.kid:
        raise Refused("signing.key_mismatch", got=header.kid[:80], expected=key.kid)
    signed, _, signature = jws.rpartition(b".")
    if not suite_of(key.alg).verify(key.public, unb64u(signature), signed):
        raise Refused("signing.bad_signature", kid=key.kid)
    return payload_unverified(jws)
