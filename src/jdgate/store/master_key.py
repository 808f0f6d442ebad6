"""The master key: 32 random bytes in a file that only its owner may read, and what it wraps.

Rules:

- the file is made on first use, whole or not at all, and never overwritten;
- a file that others may read is refused;
- a wrapped key is bound to its place and opens nowhere else. With a `secret` it opens only for
  who has that too: the wrapping key is HKDF-SHA256 (RFC 5869) of both.

    make(path)
    master = MasterKey.read(path)
    wrapped = master.wrap(key, b"place", secret)
    master.unwrap(wrapped, b"place", secret) == key
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from jdgate.errors import Refused

LENGTH = 32
"""Bytes of the master key, and of each key that it wraps."""
_NONCE = 12
_PURPOSE = b"jdgate body key\0"


class MasterKey:
    """A master key in memory. Made by `read`."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._alone = AESGCM(key)

    @classmethod
    def read(cls, path: Path) -> MasterKey:
        """The key in the file.

        Raises:
            Refused: `vault.loose`, others may read it; `vault.length`, it is no key.
        """
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise Refused("vault.loose", file=str(path), mode=f"{mode:04o}")
        key = path.read_bytes()
        if len(key) != LENGTH:
            raise Refused("vault.length", file=str(path), got=len(key), expected=LENGTH)
        return cls(key)

    def wrap(self, key: bytes, place: bytes, secret: bytes | None = None) -> bytes:
        """`key`, sealed for `place` (AES-256-GCM)."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher(place, secret).encrypt(nonce, key, place)

    def unwrap(self, wrapped: bytes, place: bytes, secret: bytes | None = None) -> bytes:
        """The key that `wrap` sealed.

        Raises:
            InvalidTag: it was wrapped by another master key, for another place or secret.
        """
        return self._cipher(place, secret).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], place)

    def _cipher(self, place: bytes, secret: bytes | None) -> AESGCM:
        if secret is None:
            return self._alone
        derived = HKDF(hashes.SHA256(), LENGTH, salt=None, info=_PURPOSE + place)
        return AESGCM(derived.derive(self._key + secret))


def make(path: Path) -> None:
    """Write a new master key so that the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(LENGTH))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)  # fails if another process made one meanwhile: theirs is used
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
