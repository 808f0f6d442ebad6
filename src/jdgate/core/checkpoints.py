"""Signed checkpoints: what the ledger was at a moment, in the gateway's own hand. Pure.

Checkpoints go to every member. Who kept an old one can ask for a consistency proof to a newer
one and so notice a rewritten history (RFC 9162 §2.1.4).

    jws = sign(Checkpoint("511623000000", frontier.size, frontier.root(), now), gateway_key)
    checkpoint = verify(jws, gateway_public)
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from jdgate.core import signing
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.ledger import HASH_BYTES, MAX_SIZE, Frontier
from jdgate.core.message import read_time, show_time
from jdgate.errors import Refused


class Checkpoint(Struct, frozen=True):
    """A ledger's size and root at a moment. `ledger` is the county of the directory."""

    ledger: str
    size: int
    root: bytes
    at: datetime


class _Wire(Struct, frozen=True, forbid_unknown_fields=True):
    at: str
    ledger: str
    root: str
    size: int


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(_Wire)


def of(frontier: Frontier, ledger: str, at: datetime) -> Checkpoint:
    """The checkpoint of a ledger whose right edge is `frontier`."""
    return Checkpoint(ledger, frontier.size, frontier.root(), at)


def encode(checkpoint: Checkpoint) -> bytes:
    """The JSON bytes to sign."""
    return _encoder.encode(
        _Wire(show_time(checkpoint.at), checkpoint.ledger, b64u(checkpoint.root), checkpoint.size)
    )


def decode(payload: bytes) -> Checkpoint:
    """The checkpoint of a payload.

    Raises:
        Refused: `checkpoint.malformed`, `encoding.base64url`, `message.time`.
    """
    try:
        wire = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("checkpoint.malformed") from None
    root = unb64u(wire.root)
    if len(root) != HASH_BYTES or not 0 <= wire.size <= MAX_SIZE:
        raise Refused("checkpoint.malformed")
    return Checkpoint(wire.ledger, wire.size, root, read_time(wire.at, "at"))


def sign(checkpoint: Checkpoint, key: signing.SigningKey) -> bytes:
    """The checkpoint as a compact JWS."""
    return signing.sign(encode(checkpoint), key, signing.TYP_CHECKPOINT)


def verify(jws: bytes, key: signing.PublicKey) -> Checkpoint:
    """The checkpoint, once the gateway's signature holds.

    Raises:
        Refused: `signing.*`, and what `decode` raises.
    """
    return decode(signing.verify(jws, key, signing.TYP_CHECKPOINT))


def unverified(jws: bytes) -> Checkpoint:
    """A checkpoint's claim, whose moment tells which key to verify it with.

    Raises:
        Refused: `signing.malformed`, and what `decode` raises.
    """
    return decode(signing.payload_unverified(jws))
