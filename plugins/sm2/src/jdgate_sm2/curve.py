"""The SM2 curve in plain numbers: what is a key, what is a signature, before OpenSSL sees either.

Rules:
- a private key is 32 bytes, big-endian, 1 ≤ d ≤ n−2 (GB/T 32918.1, 6.1: 1+d must have an
  inverse modulo n);
- a public key is 65 bytes, 04‖x‖y, both coordinates below p and the point on the curve. The
  cofactor is 1, so a point on the curve that isn't infinity is in the right group. −G is none:
  it belongs to d = n−1, and under it s could be anything;
- a signature is 64 bytes, r‖s, big-endian, 1 ≤ r, s < n. OpenSSL takes and gives DER; there is
  one DER for one r‖s, so nothing but these 64 bytes can be varied.

    check_private(raw)                  # Refused when it can't be a key
    if is_public(raw): der = to_der(signature)
"""

from __future__ import annotations

from jdgate.errors import Refused

# GB/T 32918.5-2017 (GM/T 0003.5-2012)
P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
N = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_7203DF6B_21C6052B_53BBF409_39D54123
GX = 0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7
GY = 0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0

SIZE = 32
PUBLIC_SIZE = 1 + 2 * SIZE
SIGNATURE_SIZE = 2 * SIZE

_SEQUENCE, _INTEGER = 0x30, 0x02


def check_private(raw: bytes) -> None:
    """Nothing, when `raw` is a private key.

    Raises:
        Refused: `sm2.private_size`, `sm2.private_range`.
    """
    if len(raw) != SIZE:
        raise Refused("sm2.private_size", got=len(raw))
    if not 1 <= int.from_bytes(raw, "big") <= N - 2:
        raise Refused("sm2.private_range")


def is_public(raw: bytes) -> bool:
    """Whether `raw` is an uncompressed point that belongs to a private key in range."""
    if len(raw) != PUBLIC_SIZE or raw[0] != 0x04:
        return False
    x = int.from_bytes(raw[1 : 1 + SIZE], "big")
    y = int.from_bytes(raw[1 + SIZE :], "big")
    on_curve = x < P and y < P and (y * y - (x * x + A) * x - B) % P == 0
    return on_curve and (x, y) != (GX, P - GY)


def _integer(value: bytes) -> bytes:
    """A positive INTEGER of DER (X.690, 8.3): no spare zero byte, a sign bit of 0."""
    short = value.lstrip(b"\0")
    if short[0] & 0x80:
        short = b"\0" + short
    return bytes((_INTEGER, len(short))) + short


def to_der(signature: bytes) -> bytes | None:
    """SEQUENCE { r, s } of r‖s; None when that is not a signature's form."""
    if len(signature) != SIGNATURE_SIZE:
        return None
    r, s = signature[:SIZE], signature[SIZE:]
    if not (0 < int.from_bytes(r, "big") < N and 0 < int.from_bytes(s, "big") < N):
        return None
    content = _integer(r) + _integer(s)
    return bytes((_SEQUENCE, len(content))) + content


def from_der(der: bytes) -> bytes:
    """r‖s of the DER that OpenSSL made.

    Raises:
        ValueError: when it is not the DER of a signature.
    """
    r_size = der[3] if len(der) > 3 else 0
    r, s = der[4 : 4 + r_size], der[6 + r_size :]
    signature = b"".join(part.lstrip(b"\0").rjust(SIZE, b"\0") for part in (r, s))
    if to_der(signature) != der:
        raise ValueError("not the DER of an SM2 signature")
    return signature
