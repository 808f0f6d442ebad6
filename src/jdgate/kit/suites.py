"""What a signature suite must hold to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from jdgate.core import signing
from jdgate.core.signing import Suite
from jdgate.errors import Refused
from jdgate.kit.bench import Bench, Broken

BUILT_IN = ("EdDSA", "ML-DSA-65")


def _key(suite: Suite, number: int) -> bytes:
    """A private key of 32 bytes; one in billions is none, and the next is taken."""
    for attempt in range(4):
        private = hashlib.sha256(f"{number}/{attempt}".encode()).digest()
        try:
            suite.public_of(private)
        except Refused:
            continue
        return private
    raise Broken("it takes no private key of 32 bytes")


def signs(suite: Suite, bench: Bench) -> None:
    """What it signs verifies, with a key object and through a JWS, for any length of data."""
    if suite.alg in BUILT_IN or suite.alg.lower() == "none":
        raise Broken(f"the name {suite.alg} is not its own")
    signing.add_suite(suite)
    private = _key(suite, 1)
    public = suite.public_of(private)
    if suite.public_of(private) != public:
        raise Broken("the public key of one private key is not always the same")
    for data in (b"", b"\0", b"x" * 1_000_000, "记录".encode()):
        if not suite.verify(public, suite.sign(private, data), data):
            raise Broken("it does not verify what it signed")
    key = signing.SigningKey("kit.sig.1", suite.alg, private)
    jws = signing.sign(b"{}", key, signing.TYP_MESSAGE)
    if signing.verify(jws, key.public(), signing.TYP_MESSAGE) != b"{}":
        raise Broken("a JWS does not come back as it was")


def refuses(suite: Suite, bench: Bench) -> None:
    """One bit more or less anywhere, another key, another length: false, and never an error."""
    private, other = _key(suite, 1), _key(suite, 2)
    public, data = suite.public_of(private), b"the record"
    signature = suite.sign(private, data)
    for at in range(len(signature)):
        spoilt = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        if suite.verify(public, spoilt, data):
            raise Broken(f"a signature verifies with byte {at} changed")
    for at in range(len(public)):
        spoilt = public[:at] + bytes([public[at] ^ 1]) + public[at + 1 :]
        if suite.verify(spoilt, signature, data):
            raise Broken(f"a signature verifies with byte {at} of the key changed")
    if suite.verify(suite.public_of(other), signature, data):
        raise Broken("a signature verifies with somebody else's key")
    if suite.verify(public, signature, data + b" "):
        raise Broken("a signature verifies for other data")
    for odd in (b"", b"\0", b"\xff" * 31, b"\0" * len(signature), b"\xff" * 10_000):
        if suite.verify(public, odd, data) or suite.verify(odd, signature, data):
            raise Broken("nonsense verifies")
    for alg in BUILT_IN:
        if suite.verify(public, signing.suite_of(alg).sign(private, data), data):
            raise Broken(f"a signature of {alg} verifies")


SUITES: Mapping[str, Any] = {"suite.signs": signs, "suite.refuses": refuses}
