"""The suite `SM2-SM3`: SM2 signatures (GB/T 32918.2-2016) of data hashed with SM3 and Z.

Rules:
- Z (GB/T 32918.2, 5.5) is part of what is hashed, with the user id of GB/T 35276 for every key;
- keys and signatures are raw bytes in one form each (`curve`); any other is no key, no signature;
- `verify` answers, whatever it is given as key, signature or data. Only a libcrypto that fails
  for want of memory raises: a good message must not be refused for ever because of that;
- key objects are kept for the keys used last and shared by all threads.

    suite = Sm2Sm3()
    public = suite.public_of(private)               # 32 bytes → 65 bytes
    suite.verify(public, suite.sign(private, data), data)
"""

from __future__ import annotations

from functools import lru_cache

from .curve import check_private, from_der, is_public, to_der
from .libcrypto import Key, Library, load


@lru_cache(maxsize=256)
def _private(lib: Library, raw: bytes) -> Key:
    check_private(raw)
    return lib.private_key(raw, lib.point_of(raw))


@lru_cache(maxsize=4096)
def _public(lib: Library, raw: bytes) -> Key | None:
    return lib.public_key(raw) if is_public(raw) else None


class Sm2Sm3:
    """SM2 with SM3. Private keys 32 bytes, public keys 65, signatures 64; all big-endian.

    A private key is any 32 random bytes in 1 … n−2. One in four billion is not: it is refused
    when the public half is made, which is before the key can be used, and another is drawn.

    Raises:
        Refused: `sm2.no_libcrypto`, `sm2.libcrypto_unfit`.
    """

    alg = "SM2-SM3"

    def __init__(self) -> None:
        self._lib = load()

    def public_of(self, private: bytes) -> bytes:
        """The public point of a private key.

        Raises:
            Refused: `sm2.private_size`, `sm2.private_range`.
            TransportFailed: `sm2.libcrypto_failed`.
        """
        return _private(self._lib, private).point

    def sign(self, private: bytes, data: bytes) -> bytes:
        """The signature r‖s of `data`; another each time.

        Raises:
            Refused: `sm2.private_size`, `sm2.private_range`.
            TransportFailed: `sm2.libcrypto_failed`.
        """
        return from_der(self._lib.sign(_private(self._lib, private), data))

    def verify(self, public: bytes, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is one of `data` by the owner of `public`.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        der = to_der(signature)
        key = _public(self._lib, public)
        return der is not None and key is not None and self._lib.verify(key, der, data)
