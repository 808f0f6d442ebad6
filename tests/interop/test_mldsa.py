"""ML-DSA-65 against two implementations from scratch: `dilithium-py` and `@noble/post-quantum`."""

from __future__ import annotations

from dilithium_py.ml_dsa import ML_DSA_65
from tests.interop.node import ask
from tests.vectors.ground import keys_of

from jdgate.core.encoding import b64u, unb64u
from jdgate.core.signing import suite_of

KEY = keys_of("cln-01", alg="ML-DSA-65").signer
SUITE = suite_of("ML-DSA-65")
PUBLIC = KEY.public().public
TEXT = "一个县的消息".encode()


def test_one_seed_gives_one_key_everywhere() -> None:
    public, _ = ML_DSA_65.key_derive(KEY.private)
    [noble] = ask({"ask": "noble.keys", "seed": b64u(KEY.private)})
    assert public == unb64u(noble) == PUBLIC


def test_both_verify_our_signature_and_refuse_a_changed_text() -> None:
    signature = SUITE.sign(KEY.private, TEXT)
    assert ML_DSA_65.verify(PUBLIC, TEXT, signature)
    assert not ML_DSA_65.verify(PUBLIC, TEXT + b"x", signature)
    question = {"ask": "noble.verify", "signature": b64u(signature), "key": b64u(PUBLIC)}
    held = ask({**question, "message": b64u(TEXT)}, {**question, "message": b64u(TEXT + b"x")})
    assert held == [True, False]


def test_we_verify_both_of_theirs() -> None:
    _, private = ML_DSA_65.key_derive(KEY.private)
    [noble] = ask({"ask": "noble.sign", "message": b64u(TEXT), "seed": b64u(KEY.private)})
    for signature in (ML_DSA_65.sign(private, TEXT), unb64u(noble)):
        assert SUITE.verify(PUBLIC, signature, TEXT)
        assert not SUITE.verify(PUBLIC, signature, TEXT + b"x")


def test_a_signature_made_for_a_context_is_not_taken_for_one_without() -> None:
    """FIPS 204 §5.2: JOSE uses the empty context (RFC 9964)."""
    _, private = ML_DSA_65.key_derive(KEY.private)
    assert not SUITE.verify(PUBLIC, ML_DSA_65.sign(private, TEXT, ctx=b"other"), TEXT)
