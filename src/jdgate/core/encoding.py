"""Base64url as RFC 7515 §2 has it, read strictly: one text for one value.

Python's decoder skips foreign characters and ignores spare bits in the last character, so two
different texts could stand for the same bytes, and a changed byte could go unnoticed. Here what
decodes must encode back to itself.
"""

from __future__ import annotations

import base64
import binascii

from jdgate.errors import Refused


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text: str | bytes) -> bytes:
    """Bytes of a base64url text without padding.

    Raises:
        Refused: `encoding.base64url` when the text is not the canonical form of any bytes.
    """
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
        data = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused("encoding.base64url") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != raw:
        raise Refused("encoding.base64url")
    return data
