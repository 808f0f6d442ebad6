"""Sealing: HPKE (RFC 9180, base mode) to one recipient key.

Rules:
- every message body on the bus is sealed; the bus and its disks see member names and sizes only;
- `info` binds sender, recipient and message id, so a sealed body moved to another mailbox, or
  put under another id, can't be opened;
- the key names its suite. `MLKEM768-X25519` (hybrid post-quantum) is the default, `X25519` the
  small option; both with HKDF-SHA256 and AES-256-GCM;
- a field with `sealed_to` is sealed by the sender to the final recipient inside the record: the
  gateway carries `{"kid": …, "sealed": …}` and can't open it, nor put it into another record.

    body = seal(jws, recipient_key, context(sender, recipient, id))
    jws = unseal(body, own_key, context(sender, recipient, id))
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from jdgate.core.encoding import b64u, unb64u
from jdgate.errors import Refused

HYBRID = "MLKEM768-X25519"
SMALL = "X25519"
SUITES = (HYBRID, SMALL)

_MLKEM_SEED = 64
_MLKEM_PUBLIC = 1184

_hpke = {
    HYBRID: hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    SMALL: hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


class SealingKey(msgspec.Struct, frozen=True):
    """A public sealing key: 32 bytes, or ML-KEM-768 (1184) followed by X25519 (32)."""

    kid: str
    suite: str
    public: bytes


class OpeningKey(msgspec.Struct, frozen=True):
    """A private sealing key: 32 bytes, or the ML-KEM seed (64) followed by X25519 (32)."""

    kid: str
    suite: str
    private: bytes

    def public(self) -> SealingKey:
        """The key others seal to."""
        if self.suite == SMALL:
            public = X25519PrivateKey.from_private_bytes(self.private).public_key()
            return SealingKey(self.kid, self.suite, public.public_bytes_raw())
        seed, exchange = self.private[:_MLKEM_SEED], self.private[_MLKEM_SEED:]
        return SealingKey(
            self.kid,
            self.suite,
            MLKEM768PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()
            + X25519PrivateKey.from_private_bytes(exchange).public_key().public_bytes_raw(),
        )

    def __repr__(self) -> str:
        return f"OpeningKey({self.kid})"


@lru_cache(maxsize=16384)
def _public(suite: str, raw: bytes) -> Any:
    if suite == SMALL:
        return X25519PublicKey.from_public_bytes(raw)
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC]),
        X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC:]),
    )


@lru_cache(maxsize=4096)
def _private(suite: str, raw: bytes) -> Any:
    if suite == SMALL:
        return X25519PrivateKey.from_private_bytes(raw)
    return hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(raw[:_MLKEM_SEED]),
        X25519PrivateKey.from_private_bytes(raw[_MLKEM_SEED:]),
    )


def _known(suite: str) -> hpke.Suite:
    try:
        return _hpke[suite]
    except KeyError:
        raise Refused("sealing.suite_unknown", got=suite[:40], expected=", ".join(SUITES)) from None


def context(sender: str, recipient: str, message_id: str) -> bytes:
    """HPKE `info`: binds who sends, who may open, and which message it is.

    Each part carries its length, so no two triples give the same bytes.

    Raises:
        OverflowError, UnicodeEncodeError: a part of 64 KiB or that is no text; callers check ids
            before (`admission`).
    """
    parts = (sender.encode(), recipient.encode(), message_id.encode())
    return b"jdgate/1" + b"".join(len(p).to_bytes(2, "big") + p for p in parts)


def seal(plaintext: bytes, key: SealingKey, info: bytes) -> bytes:
    """`enc ‖ ciphertext` of RFC 9180 §6.1; 1,136 bytes longer than the text with the hybrid KEM
    plus the 16-byte tag, 48 bytes with X25519.

    Raises:
        Refused: `sealing.suite_unknown`, `sealing.key` when the public key is not one.
    """
    suite = _known(key.suite)
    try:
        return suite.encrypt(plaintext, _public(key.suite, key.public), info)
    except ValueError:
        raise Refused("sealing.key", kid=key.kid) from None


def unseal(body: bytes, key: OpeningKey, info: bytes) -> bytes:
    """The plaintext of what was sealed to `key` with the same `info`.

    Raises:
        Refused: `sealing.cannot_open`: another key, another sender, recipient or id, or a
            changed byte; they can't be told apart.
    """
    suite = _known(key.suite)
    try:
        return suite.decrypt(body, _private(key.suite, key.private), info)
    except (InvalidTag, ValueError):
        raise Refused("sealing.cannot_open", kid=key.kid) from None


def seal_field(
    value: object, key: SealingKey, sender: str, field: str, record: bytes
) -> dict[str, str]:
    """A field value that only the owner of `key` can read (sheet entry `sealed_to`).

    `record`: a digest of the record that the value belongs to (`sealed_fields.identity`).
    """
    info = _field_context(sender, key.kid, field, record)
    return {"kid": key.kid, "sealed": b64u(seal(msgspec.json.encode(value), key, info))}


def unseal_field(
    sealed: Mapping[str, object], key: OpeningKey, sender: str, field: str, record: bytes
) -> object:
    """The value inside a sealed field.

    Raises:
        Refused: `sealing.not_ours` when it names another key, `sealing.cannot_open` also when
            it stands in another record than the one it was made for.
    """
    kid, text = sealed.get("kid"), sealed.get("sealed")
    if kid != key.kid:
        raise Refused("sealing.not_ours", kid=str(kid)[:80])
    info = _field_context(sender, key.kid, field, record)
    try:
        return msgspec.json.decode(unseal(unb64u(text if isinstance(text, str) else ""), key, info))
    except (Refused, msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("sealing.cannot_open", kid=key.kid) from None


def _field_context(sender: str, kid: str, field: str, record: bytes) -> bytes:
    return context(sender, kid, f"field:{field}:{b64u(record)}")
