"""Sealing against two other HPKE implementations, npm `hpke` and `@hpke/core`.

`MLKEM768-X25519` is KEM 0x647a of the HPKE registry, the combiner known as X-Wing. Its private
key is a seed of 32 bytes that SHAKE256 stretches to the 96 that we keep: the ML-KEM seed (64)
and the X25519 key (32). So whoever starts from the seed can move their key to or from us.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from tests.interop.node import AskedRefused, ask

from jdgate.core.encoding import b64u, unb64u
from jdgate.core.sealing import HYBRID, SMALL, OpeningKey, context, seal, unseal
from jdgate.errors import Refused

SEED = hashlib.sha256(b"an X-Wing seed for tests").digest()
KEYS = {
    SMALL: OpeningKey("k", SMALL, SEED),
    HYBRID: OpeningKey("k", HYBRID, hashlib.shake_256(SEED).digest(96)),
}
INFO = context("cln-01", "gateway", "0194f3a0-0000-7000-8000-000000000001")
TEXT = "一个县的消息".encode()
BOTH = pytest.mark.parametrize("kem", [SMALL, HYBRID])


def question(ask_for: str, kem: str, **more: Any) -> dict[str, Any]:
    return {"ask": ask_for, "kem": kem, "info": b64u(INFO), **more}


@BOTH
def test_npm_hpke_opens_what_we_seal_and_only_under_its_own_context(kem: str) -> None:
    body = seal(TEXT, KEYS[kem].public(), INFO)
    spoilt = body[:-1] + bytes([body[-1] ^ 1])
    good, moved, changed = ask(
        question("hpke.open", kem, body=b64u(body), key=b64u(SEED)),
        {**question("hpke.open", kem, body=b64u(body), key=b64u(SEED)), "info": b64u(INFO + b"x")},
        question("hpke.open", kem, body=b64u(spoilt), key=b64u(SEED)),
    )
    assert unb64u(good) == TEXT
    assert isinstance(moved, AskedRefused) and isinstance(changed, AskedRefused)


@BOTH
def test_we_open_what_npm_hpke_seals(kem: str) -> None:
    public = b64u(KEYS[kem].public().public)
    [body] = ask(question("hpke.seal", kem, plaintext=b64u(TEXT), key=public))
    assert unseal(unb64u(body), KEYS[kem], INFO) == TEXT
    with pytest.raises(Refused):
        unseal(unb64u(body), KEYS[kem], INFO + b"x")


def test_an_x_wing_in_javascript_alone_opens_what_we_seal() -> None:
    body = seal(TEXT, KEYS[HYBRID].public(), INFO)
    [opened] = ask(question("xwing.open", HYBRID, body=b64u(body), key=b64u(SEED)))
    assert unb64u(opened) == TEXT
