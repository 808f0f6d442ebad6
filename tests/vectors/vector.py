"""What one vector is, and the good message the bad ones are made from."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.vectors.ground import (
    KEYS,
    message_of,
)

from jdgate.core.message import encode as encode_message

CLINIC = KEYS["cln-01"].signer
GOOD = encode_message(message_of())


class Vector(NamedTuple):
    """`how` says what reads it, `expect` the code it is refused with, or what becomes of it."""

    name: str
    how: str
    expect: str
    why: str
    data: bytes
    more: dict[str, Any]
