"""Compact JWS that must not verify, each for its own reason (RFC 7515, RFC 8725)."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

from tests.vectors.ground import (
    STRANGER,
    forged,
    message_of,
    signed,
    uuid,
)
from tests.vectors.vector import CLINIC, GOOD, Vector

from jdgate.core.encoding import b64u, unb64u
from jdgate.core.message import encode as encode_message
from jdgate.core.signing import (
    TYP_CHECKPOINT,
    TYP_DIRECTORY,
    TYP_EVIDENCE,
    TYP_MESSAGE,
    SigningKey,
    sign,
    suite_of,
)


def _jws(name: str, expect: str, why: str, data: bytes) -> Vector:
    return Vector(f"jws/{name}.jws", "jws", expect, why, data, {})


def _head(**changes: Any) -> str:
    members = {"alg": "EdDSA", "kid": CLINIC.kid, "typ": TYP_MESSAGE, **changes}
    return json.dumps({k: v for k, v in members.items() if v is not None}, separators=(",", ":"))


def signatures() -> Iterator[Vector]:
    good = signed(GOOD)
    head, body, tail = good.split(b".")
    yield _jws("good", "ok", "as it should be", good)
    yield _jws("empty", "signing.malformed", "no byte", b"")
    yield _jws("two-parts", "signing.malformed", "no signature part", head + b"." + body)
    yield _jws("four-parts", "signing.malformed", "one part too many", good + b".")
    yield _jws(
        "json-form",
        "signing.malformed",
        "the JSON serialisation",
        json.dumps(
            {"payload": body.decode(), "protected": head.decode(), "signature": tail.decode()}
        ).encode(),
    )
    yield _jws(
        "header-long",
        "signing.malformed",
        "a header of 2,000 bytes",
        forged(_head(kid="k" * 2000), GOOD),
    )
    yield _jws("header-empty", "signing.header", "an empty header", b"." + body + b"." + tail)
    yield _jws("header-no-json", "signing.header", "a header that is no JSON", forged("alg", GOOD))
    yield _jws(
        "header-bad-utf8",
        "signing.header",
        "a header that is no UTF-8",
        forged(_head().encode().replace(b"EdDSA", b"Ed\xffSA"), GOOD),
    )
    yield _jws("header-array", "signing.header", "a list as header", forged("[]", GOOD))
    yield _jws(
        "header-duplicate",
        "signing.header",
        "alg twice",
        forged('{"alg":"none",' + _head()[1:], GOOD),
    )
    yield _jws(
        "header-space",
        "signing.header",
        "a space in the header",
        forged(_head().replace(",", ", "), GOOD),
    )
    yield _jws(
        "header-order",
        "signing.header",
        "its members in another order",
        forged(
            json.dumps(
                {"typ": TYP_MESSAGE, "alg": "EdDSA", "kid": CLINIC.kid}, separators=(",", ":")
            ),
            GOOD,
        ),
    )
    yield _jws(
        "header-escape",
        "signing.header",
        "alg with an escape",
        forged(_head().replace("EdDSA", "EdDS\\u0041"), GOOD),
    )
    for name, extra in (
        ("crit", {"crit": ["exp"], "exp": 1}),
        ("crit-empty", {"crit": []}),
        ("b64", {"b64": False, "crit": ["b64"]}),
        ("jwk", {"jwk": {"kty": "OKP"}}),
        ("x5u", {"x5u": "https://example.invalid/key"}),
        ("jku", {"jku": "https://example.invalid/keys"}),
        ("cty", {"cty": "json"}),
        ("zip", {"zip": "DEF"}),
        ("no-typ", {"typ": None}),
        ("no-kid", {"kid": None}),
        ("no-alg", {"alg": None}),
        ("alg-number", {"alg": 5}),
        ("kid-null-text", {"kid": []}),
    ):
        yield _jws(
            f"header-{name}",
            "signing.header",
            "a header member nobody agreed on, or one missing",
            forged(_head(**extra), GOOD),
        )
    yield _jws(
        "header-padded",
        "encoding.base64url",
        "padding on the header",
        head + b"==." + body + b"." + tail,
    )
    none = forged(_head(alg="none"), GOOD).split(b".")
    yield _jws(
        "alg-none",
        "signing.alg_mismatch",
        "alg none and no signature",
        none[0] + b"." + none[1] + b".",
    )
    yield _jws("alg-hs256", "signing.alg_mismatch", "HMAC keyed with the public key", _hmac())
    yield _jws(
        "alg-case",
        "signing.alg_mismatch",
        "eddsa in small letters",
        forged(_head(alg="eddsa"), GOOD),
    )
    yield _jws(
        "alg-other-suite",
        "signing.alg_mismatch",
        "another known algorithm",
        forged(_head(alg="ML-DSA-65"), GOOD),
    )
    for typ in (TYP_DIRECTORY, TYP_CHECKPOINT, TYP_EVIDENCE, "JWT", ""):
        yield _jws(
            f"typ-{(typ or 'empty').partition('+')[0]}",
            "signing.typ_mismatch",
            "signed for another purpose",
            sign(GOOD, CLINIC, typ),
        )
    yield _jws(
        "kid-other-member",
        "signing.key_mismatch",
        "the key id of another member",
        sign(GOOD, SigningKey("pol.sig.1", "EdDSA", CLINIC.private), TYP_MESSAGE),
    )
    yield _jws(
        "kid-stolen",
        "signing.bad_signature",
        "our key id over another's signature",
        sign(GOOD, SigningKey(CLINIC.kid, "EdDSA", STRANGER.signer.private), TYP_MESSAGE),
    )
    yield _jws(
        "payload-swapped",
        "signing.bad_signature",
        "another payload under the signature",
        head + b"." + b64u(encode_message(message_of(id=uuid(2)))).encode() + b"." + tail,
    )
    yield _jws(
        "payload-padded",
        "signing.bad_signature",
        "padding on the payload",
        head + b"." + body + b"=." + tail,
    )
    yield _jws(
        "signature-empty", "signing.bad_signature", "no signature", head + b"." + body + b"."
    )
    yield _jws(
        "signature-short",
        "signing.bad_signature",
        "63 bytes of signature",
        head + b"." + body + b"." + tail[:84],
    )
    yield _jws(
        "signature-zero",
        "signing.bad_signature",
        "64 zero bytes",
        head + b"." + body + b"." + b64u(bytes(64)).encode(),
    )
    yield _jws(
        "signature-s-plus-l",
        "signing.bad_signature",
        "the same signature with S + L (malleable form)",
        head + b"." + body + b"." + _malleable(tail),
    )
    spare = bytes([*tail[:-1], tail[-1] + 1])
    yield _jws(
        "signature-spare-bits",
        "encoding.base64url",
        "spare bits of the last character set",
        head + b"." + body + b"." + spare,
    )
    yield _jws(
        "signature-standard-alphabet",
        "encoding.base64url",
        "base64 with + and /",
        head + b"." + body + b"." + tail[:-2] + b"+/",
    )
    yield _jws("signature-newline", "encoding.base64url", "a newline at the end", good + b"\n")
    yield _jws(
        "payload-unsigned-base64",
        "encoding.base64url",
        "a signed payload with spare bits",
        _spare_payload(),
    )


def _hmac() -> bytes:
    part = b64u(_head(alg="HS256").encode()).encode() + b"." + b64u(GOOD).encode()
    mac = hmac.new(CLINIC.public().public, part, hashlib.sha256).digest()
    return part + b"." + b64u(mac).encode()


def _malleable(tail: bytes) -> bytes:
    raw = unb64u(tail)
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(raw[32:], "little") + order
    return b64u(raw[:32] + scalar.to_bytes(32, "little")).encode()


def _spare_payload() -> bytes:
    text = b64u(GOOD + b" " * (-(len(GOOD) + 2) % 3)).encode()  # leaves spare bits at the end
    part = b64u(_head().encode()).encode() + b"." + text[:-1] + bytes([text[-1] + 1])
    return part + b"." + b64u(suite_of("EdDSA").sign(CLINIC.private, part)).encode()
