"""Our signatures with other people's verifiers and theirs with ours: jwcrypto and npm `jose`."""

from __future__ import annotations

from typing import Any

import pytest
from jwcrypto import jwk as jwcrypto_keys
from jwcrypto import jws as jwcrypto_jws
from tests.interop.node import AskedRefused, ask
from tests.vectors.ground import (
    AUTHORITY,
    KEYS,
    NOW,
    PINNED,
    directory_of,
    keys_of,
    message_of,
    signed,
)

from jdgate.core.directory import accept, publish
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.message import encode
from jdgate.core.signing import TYP_MESSAGE, PublicKey, SigningKey, verify
from jdgate.errors import Refused

ED = KEYS["cln-01"].signer
ML = keys_of("cln-01", alg="ML-DSA-65").signer
PAYLOAD = encode(message_of())
HEADER = {"alg": "EdDSA", "kid": ED.kid, "typ": TYP_MESSAGE}


def okp(key: SigningKey, private: bool = False) -> dict[str, str]:
    """RFC 8037 §2."""
    made = {"kty": "OKP", "crv": "Ed25519", "kid": key.kid, "x": b64u(key.public().public)}
    return {**made, "d": b64u(key.private)} if private else made


def akp(key: SigningKey, private: bool = False) -> dict[str, str]:
    """RFC 9964 §3: the private key is the seed."""
    made = {"kty": "AKP", "alg": key.alg, "kid": key.kid, "pub": b64u(key.public().public)}
    return {**made, "priv": b64u(key.private)} if private else made


def test_jwcrypto_verifies_a_message_and_reads_its_header() -> None:
    token = jwcrypto_jws.JWS()
    token.deserialize(signed(message_of()).decode())
    token.verify(jwcrypto_keys.JWK(**okp(ED)), alg="EdDSA")
    assert token.payload == PAYLOAD
    assert token.jose_header == HEADER


def test_jwcrypto_verifies_a_directory() -> None:
    token = jwcrypto_jws.JWS()
    token.deserialize(publish(directory_of(), AUTHORITY).decode())
    token.verify(jwcrypto_keys.JWK(**okp(AUTHORITY)), alg="EdDSA")
    assert b'"version":5' in token.payload


def test_we_verify_what_jwcrypto_signs_in_our_form() -> None:
    token = jwcrypto_jws.JWS(PAYLOAD)
    key = jwcrypto_keys.JWK(**okp(ED, private=True))
    token.add_signature(key, "EdDSA", protected=canonical())
    assert verify(token.serialize(compact=True).encode(), ED.public(), TYP_MESSAGE) == PAYLOAD


def canonical() -> str:
    return '{"alg":"EdDSA","kid":"%s","typ":"%s"}' % (ED.kid, TYP_MESSAGE)  # noqa: UP031


def test_jwcrypto_refuses_a_changed_message() -> None:
    jws = signed(message_of())
    spoilt = jws[:-4] + (b"AAAA" if not jws.endswith(b"AAAA") else b"BBBB")
    token = jwcrypto_jws.JWS()
    token.deserialize(spoilt.decode())
    with pytest.raises(jwcrypto_jws.InvalidJWSSignature):
        token.verify(jwcrypto_keys.JWK(**okp(ED)), alg="EdDSA")


@pytest.mark.parametrize(("key", "jwk"), [(ED, okp(ED)), (ML, akp(ML))], ids=["EdDSA", "ML-DSA-65"])
def test_jose_verifies_a_message_and_refuses_a_changed_one(
    key: SigningKey, jwk: dict[str, str]
) -> None:
    jws = signed(message_of(), key).decode()
    spoilt = jws[:-6] + ("AAAAAA" if not jws.endswith("AAAAAA") else "BBBBBB")
    question = {"ask": "jose.verify", "jwk": jwk, "alg": key.alg}
    good, bad = ask({**question, "jws": jws}, {**question, "jws": spoilt})
    assert unb64u(good["payload"]) == PAYLOAD
    assert good["header"] == {"alg": key.alg, "kid": key.kid, "typ": TYP_MESSAGE}
    assert isinstance(bad, AskedRefused) and "VERIFICATION_FAILED" in bad


@pytest.mark.parametrize(
    ("key", "jwk"),
    [(ED, okp(ED, private=True)), (ML, akp(ML, private=True))],
    ids=["EdDSA", "ML-DSA-65"],
)
def test_we_verify_what_jose_signs_in_our_form(key: SigningKey, jwk: dict[str, str]) -> None:
    header = {"alg": key.alg, "kid": key.kid, "typ": TYP_MESSAGE}
    [jws] = ask({"ask": "jose.sign", "payload": b64u(PAYLOAD), "header": header, "jwk": jwk})
    assert verify(jws.encode(), key.public(), TYP_MESSAGE) == PAYLOAD


def test_a_valid_jws_of_jose_with_any_other_header_is_refused() -> None:
    """Their signature holds; our rules about headers are narrower than RFC 7515."""
    headers: list[dict[str, Any]] = [
        {"alg": "EdDSA", "typ": TYP_MESSAGE, "kid": ED.kid},  # another order
        {"alg": "EdDSA", "kid": ED.kid},
        {**HEADER, "cty": "json"},
        {**HEADER, "jwk": okp(ED)},
        {"alg": "Ed25519", "kid": ED.kid, "typ": TYP_MESSAGE},  # RFC 9864's name for it
    ]
    jwk = okp(ED, private=True)
    question = {"ask": "jose.sign", "payload": b64u(PAYLOAD), "jwk": jwk}
    for jws in ask(*({**question, "header": header} for header in headers)):
        assert not isinstance(jws, AskedRefused)
        with pytest.raises(Refused):
            verify(jws.encode(), ED.public(), TYP_MESSAGE)


def test_a_directory_signed_by_jose_is_accepted() -> None:
    payload = publish(directory_of(version=6), AUTHORITY).split(b".")[1].decode()
    header = {"alg": "EdDSA", "kid": AUTHORITY.kid, "typ": "jd-directory+json"}
    question = {"ask": "jose.sign", "payload": payload, "header": header}
    [jws] = ask({**question, "jwk": okp(AUTHORITY, private=True)})
    assert accept(jws.encode(), PINNED, directory_of(), NOW) == directory_of(version=6)


def test_both_sides_name_the_same_public_keys() -> None:
    public = jwcrypto_keys.JWK(**okp(ED, private=True)).export_public(as_dict=True)
    assert PublicKey(ED.kid, "EdDSA", unb64u(public["x"])) == ED.public()
    [other] = ask({"ask": "noble.keys", "seed": b64u(ML.private)})
    assert unb64u(other) == ML.public().public
