"""OpenSSL 3's libcrypto through ctypes: the few calls that SM2 needs, with types and ownership.

Rules:
- the library is the system's own, never one that a wheel brought along; the environment variable
  JDGATE_SM2_LIBCRYPTO names another file;
- every handle has one owner: `Key` frees its EVP_PKEY when the last reference goes, everything
  else is freed in the function that made it, whatever happens there;
- a key is never changed after it was made, so threads share it (OpenSSL's rule); each call has a
  context of its own. ctypes gives up the interpreter lock during each call;
- errors are taken out of the thread's queue at once: Python's `ssl` reads the same queue;
- a signature that does not hold is an answer. A step that fails for another reason (memory) is
  `TransportFailed`: it must not be told to anybody as a bad signature.

    lib = load()
    key = lib.private_key(private, lib.point_of(private))
    der = lib.sign(key, data)
    lib.verify(lib.public_key(point), der, data)
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_ulong, c_void_p
from ctypes.util import find_library
from functools import cache
from typing import Any

from jdgate.errors import Refused, TransportFailed

from .curve import PUBLIC_SIZE, to_der
from .example import STANDARD, Example

VARIABLE = "JDGATE_SM2_LIBCRYPTO"
USER_ID = b"1234567812345678"
"""The signer's identity in Z, for every key (the default of GB/T 35276)."""

_DER_MOST = 80
_UNCOMPRESSED = 4
# core_dispatch.h and evp.h: what EVP_PKEY_fromdata is to take
_SELECT_PUBLIC, _SELECT_PAIR = 0x86, 0x87
_UNSIGNED, _TEXT, _BYTES = 2, 4, 5


class _Param(ctypes.Structure):
    """OSSL_PARAM of core.h."""

    _fields_ = (
        ("key", c_char_p),
        ("data_type", c_uint),
        ("data", c_char_p),
        ("data_size", c_size_t),
        ("return_size", c_size_t),
    )


_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "OpenSSL_version": (c_char_p, (c_int,)),
    "ERR_get_error": (c_ulong, ()),
    "ERR_clear_error": (None, ()),
    "ERR_reason_error_string": (c_char_p, (c_ulong,)),
    "OBJ_txt2nid": (c_int, (c_char_p,)),
    "BN_bin2bn": (c_void_p, (c_char_p, c_int, c_void_p)),
    "BN_set_flags": (None, (c_void_p, c_int)),
    "BN_clear_free": (None, (c_void_p,)),
    "EC_GROUP_new_by_curve_name": (c_void_p, (c_int,)),
    "EC_POINT_new": (c_void_p, (c_void_p,)),
    "EC_POINT_free": (None, (c_void_p,)),
    "EC_POINT_mul": (c_int, (c_void_p,) * 6),
    "EC_POINT_point2oct": (
        c_size_t,
        (c_void_p, c_void_p, c_int, c_char_p, c_size_t, c_void_p),
    ),
    "EVP_MD_fetch": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_size_t)),
    "EVP_PKEY_fromdata_init": (c_int, (c_void_p,)),
    "EVP_PKEY_fromdata": (c_int, (c_void_p, POINTER(c_void_p), c_int, POINTER(_Param))),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_DigestSignInit": (c_int, (c_void_p, POINTER(c_void_p), c_void_p, c_void_p, c_void_p)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, POINTER(c_size_t), c_char_p, c_size_t)),
    "EVP_DigestVerifyInit": (c_int, (c_void_p, POINTER(c_void_p), c_void_p, c_void_p, c_void_p)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
}
_BN_CONSTANT_TIME = 0x04


class Key:
    """An EVP_PKEY and its only owner. `point` is the public half, 65 bytes."""

    __slots__ = ("_free", "handle", "point")

    def __init__(self, handle: c_void_p, point: bytes, free: Callable[[c_void_p], None]) -> None:
        self.handle = handle
        self.point = point
        self._free = free

    def __del__(self) -> None:
        self._free(self.handle)

    def __repr__(self) -> str:
        return "Key()"


class Library:
    """A libcrypto that has SM2 and SM3.

    Raises:
        Refused: `sm2.libcrypto_unfit`, naming what it lacks.
    """

    def __init__(self, cdll: ctypes.CDLL, name: str) -> None:
        self.name = name
        self.version = "?"
        self._call: dict[str, Any] = {}
        for function, (result, arguments) in _FUNCTIONS.items():
            try:
                # a pointer of our own: attributes of a CDLL are shared with whoever loaded it too
                found = ctypes.CFUNCTYPE(result, *arguments)((function, cdll))
            except AttributeError:
                raise self.unfit(function) from None
            self._call[function] = found
            if function == "OpenSSL_version":
                self.version = found(0).decode("ascii", "replace")
        self._sm3 = self._call["EVP_MD_fetch"](None, b"SM3", None)
        if not self._sm3:
            raise self.unfit("SM3")
        nid = self._call["OBJ_txt2nid"](b"SM2")
        self._group = self._call["EC_GROUP_new_by_curve_name"](nid) if nid else None
        context = self._call["EVP_PKEY_CTX_new_from_name"](None, b"SM2", None)
        self._call["EVP_PKEY_CTX_free"](context)
        if not self._group or not context:
            raise self.unfit("SM2")

    def agrees(self, example: Example) -> bool:
        """Whether this library makes that public key and finds that signature good."""
        der = to_der(example.signature)
        try:
            point = self.point_of(example.private)
            if der is None or point != example.public:
                return False
            return self.verify(self.public_key(point), der, example.data)
        except TransportFailed:
            return False

    def point_of(self, private: bytes) -> bytes:
        """The public point of a private key that `curve.check_private` let pass, 65 bytes.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        call = self._call
        scalar = call["BN_bin2bn"](private, len(private), None)
        point = call["EC_POINT_new"](self._group)
        try:
            if not scalar or not point:
                raise self._failed("EC_POINT_new")
            call["BN_set_flags"](scalar, _BN_CONSTANT_TIME)
            if call["EC_POINT_mul"](self._group, point, scalar, None, None, None) != 1:
                raise self._failed("EC_POINT_mul")
            out = ctypes.create_string_buffer(PUBLIC_SIZE)
            size = call["EC_POINT_point2oct"](
                self._group, point, _UNCOMPRESSED, out, PUBLIC_SIZE, None
            )
            if size != PUBLIC_SIZE:
                raise self._failed("EC_POINT_point2oct")
            return out.raw
        finally:
            call["EC_POINT_free"](point)
            call["BN_clear_free"](scalar)

    def public_key(self, point: bytes) -> Key:
        """The key object of a point that `curve.is_public` let pass.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        return self._key(point, _SELECT_PUBLIC, [])

    def private_key(self, private: bytes, point: bytes) -> Key:
        """The key object of a private key and its point: Z is made from the point.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        # OSSL_PARAM has whole numbers in the machine's own byte order
        number = private if sys.byteorder == "big" else private[::-1]
        return self._key(point, _SELECT_PAIR, [_Param(b"priv", _UNSIGNED, number, len(number), 0)])

    def sign(self, key: Key, data: bytes) -> bytes:
        """DER of a signature of `data`, Z included.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        size = c_size_t(_DER_MOST)
        der = ctypes.create_string_buffer(_DER_MOST)
        context = self._digest("EVP_DigestSignInit", key)
        try:
            if self._call["EVP_DigestSign"](context, der, byref(size), data, len(data)) != 1:
                raise self._failed("EVP_DigestSign")
        finally:
            self._call["EVP_MD_CTX_free"](context)
        return der.raw[: size.value]

    def verify(self, key: Key, der: bytes, data: bytes) -> bool:
        """Whether `der` is a signature of `data`, Z included.

        Raises:
            TransportFailed: `sm2.libcrypto_failed`.
        """
        context = self._digest("EVP_DigestVerifyInit", key)
        try:
            done = self._call["EVP_DigestVerify"](context, der, len(der), data, len(data))
        finally:
            self._call["EVP_MD_CTX_free"](context)
        if done != 1:
            self._call["ERR_clear_error"]()
        return bool(done == 1)

    def _digest(self, init: str, key: Key) -> Any:
        """An EVP_MD_CTX, ready for data and owned by the caller."""
        context = self._call["EVP_MD_CTX_new"]()
        try:
            if not context:
                raise self._failed("EVP_MD_CTX_new")
            inner = c_void_p()  # belongs to the context
            if self._call[init](context, byref(inner), self._sm3, None, key.handle) != 1:
                raise self._failed(init)
            if self._call["EVP_PKEY_CTX_set1_id"](inner, USER_ID, len(USER_ID)) != 1:
                raise self._failed("EVP_PKEY_CTX_set1_id")
        except TransportFailed:
            self._call["EVP_MD_CTX_free"](context)
            raise
        return context

    def _key(self, point: bytes, selection: int, secret: list[_Param]) -> Key:
        parts = [
            _Param(b"group", _TEXT, b"SM2", 3, 0),
            _Param(b"pub", _BYTES, point, len(point), 0),
            *secret,
            _Param(),
        ]
        params = (_Param * len(parts))(*parts)
        handle = c_void_p()
        context = self._call["EVP_PKEY_CTX_new_from_name"](None, b"SM2", None)
        try:
            if not context or self._call["EVP_PKEY_fromdata_init"](context) != 1:
                raise self._failed("EVP_PKEY_fromdata_init")
            made = self._call["EVP_PKEY_fromdata"](context, byref(handle), selection, params)
            if made != 1 or not handle:
                raise self._failed("EVP_PKEY_fromdata")
        finally:
            self._call["EVP_PKEY_CTX_free"](context)
        return Key(handle, point, self._call["EVP_PKEY_free"])

    def _failed(self, step: str) -> TransportFailed:
        number = self._call["ERR_get_error"]()
        reason = self._call["ERR_reason_error_string"](number) or b"?"
        self._call["ERR_clear_error"]()
        return TransportFailed("sm2.libcrypto_failed", step=step, reason=reason.decode("ascii"))

    def unfit(self, missing: str) -> Refused:
        """The reason to raise: this library lacks `missing`."""
        if "ERR_clear_error" in self._call:
            self._call["ERR_clear_error"]()
        return Refused(
            "sm2.libcrypto_unfit",
            library=self.name,
            version=self.version,
            missing=missing,
            variable=VARIABLE,
        )


def _candidates() -> Iterator[str]:
    named = os.environ.get(VARIABLE)
    if named:
        yield named
        return
    # macOS ends a process that loads its own unversioned libcrypto: never ask for that one
    short = {"darwin": "crypto.3", "win32": "libcrypto-3-x64"}.get(sys.platform, "crypto")
    found = find_library(short)
    if found:
        yield found
    if sys.platform == "linux" and found != "libcrypto.so.3":
        yield "libcrypto.so.3"


@cache
def load() -> Library:
    """The system's libcrypto. Loaded once; a failure is not remembered.

    Raises:
        Refused: `sm2.no_libcrypto`, `sm2.libcrypto_unfit`.
    """
    tried: list[str] = []
    unfit: Refused | None = None
    for name in _candidates():
        tried.append(name)
        try:
            library = Library(ctypes.CDLL(name), name)
            if not library.agrees(STANDARD):
                raise library.unfit("GB/T 32918.5-2017 annex A")
            return library
        except OSError:
            continue
        except Refused as reason:
            unfit = unfit or reason
    if unfit is not None:
        raise unfit
    raise Refused("sm2.no_libcrypto", tried=", ".join(tried) or "libcrypto", variable=VARIABLE)
