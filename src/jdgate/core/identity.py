"""Identifiers of persons, enterprises and substances: their check digits, and pseudonyms.

Rules:
- GB 11643 (resident identity number, 18 characters): length, characters, a birth date that
  exists, check character (ISO 7064 MOD 11-2). An unknown region is a warning, never a refusal:
  every published region table is older than some cards (133101, 460400).
- GB 32100 (unified social credit code, 18 characters, MOD 31-3) and CAS registry numbers.
- Hand-written, because a checksum inside JSON Schema validation runs once per record.
- A person is indexed only by `ptoken`: HMAC-SM3 under one key per domain, so that domains
  can't be joined.

A check returns None for a good identifier, else the text code of the fault; the identifier
itself never appears in what is returned.

    check_id_no("999999199001010018")        # None, or e.g. "record.bad_id_check_digit"
    token = ptoken(domain_key, normalise(raw))
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from operator import mul

from cryptography.hazmat.primitives import hashes, hmac

from jdgate.errors import Misuse

TOKEN_BYTES = 16
"""Length of a pseudonym: 128 bits of the 256-bit HMAC-SM3."""

UNASSIGNED_REGION = "999999"
"""A region prefix that GB/T 2260 gives to no place, for identities that belong to nobody."""

_ID_NO = re.compile(r"[0-9]{17}[0-9X]")
_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_ID_CHECK = b"10X98765432"
_ZEROS = sum(_ID_WEIGHTS) * ord("0")
_DAYS = frozenset(
    f"{month:02d}{day:02d}"
    for month, last in enumerate((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), start=1)
    for day in range(1, last + 1)
)

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(f"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_USCC_VALUE = {character: i for i, character in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))

_CAS = re.compile(r"[1-9][0-9]{1,6}-[0-9]{2}-[0-9]")

# GB/T 2260: the two digits of the province level. Newer counties come and go, provinces don't.
_PROVINCES = frozenset(
    str(code)
    for first, last in (
        (11, 15),
        (21, 23),
        (31, 37),
        (41, 46),
        (50, 54),
        (61, 65),
        (71, 71),
        (81, 83),
    )
    for code in range(first, last + 1)
)


def normalise(raw: str) -> str:
    """An identifier as people type it → as it travels: half width, no spaces, upper case."""
    half = unicodedata.normalize("NFKC", raw)
    return "".join(half.split()).upper()


def id_check_digit(first17: str) -> str:
    """The 18th character of a resident identity number (GB 11643, ISO 7064 MOD 11-2)."""
    return chr(_check_byte(first17.encode()))


def _check_byte(digits: bytes) -> int:
    total: int = sum(map(mul, _ID_WEIGHTS, digits)) - _ZEROS
    return _ID_CHECK[total % 11]


def birth_date(id_no: str) -> date | None:
    """The date of birth inside an 18-character number, or None when there is no such date."""
    try:
        return date(int(id_no[6:10]), int(id_no[10:12]), int(id_no[12:14]))
    except ValueError:
        return None


def check_id_no(id_no: str) -> str | None:
    """Fault code of a resident identity number, or None (GB 11643-1999).

    Codes: `record.bad_id_length` (the 15-digit form of before 1999 included),
    `record.bad_id_characters`, `record.bad_id_date`, `record.bad_id_check_digit`.
    """
    if len(id_no) != 18:
        return "record.bad_id_length"
    if _ID_NO.fullmatch(id_no) is None:
        return "record.bad_id_characters"
    # The day by table and not by `date`: half the cost, and this runs once per record.
    if id_no[6:10] < "1890" or (id_no[10:14] not in _DAYS and birth_date(id_no) is None):
        return "record.bad_id_date"
    characters = id_no.encode()
    if _check_byte(characters) != characters[17]:
        return "record.bad_id_check_digit"
    return None


def id_no_warning(id_no: str) -> str | None:
    """`record.warn_id_region` when the province is not in GB/T 2260. Worth a look, no refusal."""
    return None if id_no[:2] in _PROVINCES else "record.warn_id_region"


def age_on(id_no: str, day: date) -> int | None:
    """Full years of age on `day` by the birth date in a resident identity number."""
    born = birth_date(id_no)
    if born is None:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def check_uscc(uscc: str) -> str | None:
    """`record.bad_uscc` unless `uscc` is a unified social credit code (GB 32100-2015)."""
    if _USCC.fullmatch(uscc) is None:
        return "record.bad_uscc"
    total = sum(w * _USCC_VALUE[c] for w, c in zip(_USCC_WEIGHTS, uscc[:17], strict=True))
    return None if _USCC_ALPHABET[-total % 31] == uscc[17] else "record.bad_uscc"


def check_cas(cas: str) -> str | None:
    """`record.bad_cas` unless `cas` is a CAS registry number, hyphens included."""
    if _CAS.fullmatch(cas) is None:
        return "record.bad_cas"
    digits = cas.replace("-", "")
    total = sum(i * int(digit) for i, digit in enumerate(reversed(digits[:-1]), start=1))
    return None if total % 10 == int(digits[-1]) else "record.bad_cas"


class Pseudonyms:
    """Pseudonyms of one domain. Keeps the keyed state, so that a batch costs little per person."""

    def __init__(self, key: bytes) -> None:
        """`key`: at least 16 bytes.

        Raises:
            Misuse: `identity.short_key`.
        """
        if len(key) < 16:
            raise Misuse("identity.short_key", got=len(key), least=16)
        self._keyed = hmac.HMAC(key, hashes.SM3())

    def token(self, id_no: str) -> bytes:
        """The 16-byte pseudonym of one identity number (normalised already)."""
        keyed = self._keyed.copy()
        keyed.update(id_no.encode())
        return keyed.finalize()[:TOKEN_BYTES]

    def tokens(self, id_nos: Iterable[str]) -> list[bytes]:
        """The pseudonyms of many, in order."""
        return [self.token(id_no) for id_no in id_nos]


def ptoken(key: bytes, id_no: str) -> bytes:
    """HMAC-SM3(key, id_no), first 16 bytes (SM3: GB/T 32905). One key per domain.

    Raises:
        Misuse: `identity.short_key` when the key has under 16 bytes.
    """
    return Pseudonyms(key).token(id_no)


def synthetic_id_no(birth: date, seq: int) -> str:
    """A number with a good check digit that can belong to no one, for demo and tests.

    Raises:
        Misuse: `identity.sequence` unless 0 ≤ seq ≤ 999 (the standard's 3-digit order code).
    """
    if not 0 <= seq <= 999:
        raise Misuse("identity.sequence", got=seq)
    first17 = f"{UNASSIGNED_REGION}{birth:%Y%m%d}{seq:03d}"
    return first17 + id_check_digit(first17)
