"""What people and systems prove themselves with: passwords, codes of a generator, tokens.

Rules:
- passwords are kept as Argon2id with the parameters of RFC 9106 §4 (second choice, 64 MiB). That
  takes some 50 ms and 64 MiB: call `check` and `keep` on a thread, few at a time;
- a name nobody has costs the same time as one somebody has;
- codes are those of RFC 6238 (SHA-1, six digits, 30 s); the one before and the one after count
  too, for clocks that differ;
- the libraries are imported when somebody signs in: a daemon without a console has none of them;
- a token is 32 random bytes; only its SHA-256 is kept.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING

from jdgate.core.encoding import b64u
from jdgate.errors import Refused

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 128
"""Characters of a password (NIST SP 800-63B asks 8 beside a second factor)."""
STEP_S = 30
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, Type

    return PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4, type=Type.ID)


def token() -> str:
    """A new secret token, 43 characters that may stand in a URL."""
    return b64u(secrets.token_bytes(32))


def digest(given: str) -> bytes:
    """What is kept of a token."""
    return sha256(given.encode()).digest()


def form_token(session: str) -> str:
    """What a form of this browser carries, which no other site can know."""
    return b64u(hmac.digest(session.encode(), b"jdgate form", "sha256"))


def is_form_token(session: str, given: str) -> bool:
    """Whether a form is of this browser."""
    return hmac.compare_digest(form_token(session).encode(), given.encode())


def fit(login: str, password: str) -> str:
    """A new password in the form that is kept, if it will do.

    Raises:
        Refused: `people.password_short`, `people.password_plain`.
    """
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Refused("people.password_short", least=SHORTEST, most=LONGEST)
    if login in normal.casefold() or len(set(normal)) < 5:
        raise Refused("people.password_plain")
    return normal


def keep(password: str) -> str:
    """What is kept of a password."""
    return _hasher().hash(_normal(password))


def check(kept: str | None, password: str) -> bool:
    """Whether this is the password. `kept` None: nobody's, and it takes as long."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        right = _hasher().verify(kept or _NOBODY, _normal(password)[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return right and kept is not None


def totp_secret() -> str:
    """A new secret for a code generator, base32."""
    import pyotp

    return pyotp.random_base32()


def totp_uri(secret: str, login: str, issuer: str) -> str:
    """What a code generator takes the secret from."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a code is of; None when it is not one of now."""
    import pyotp

    given = code.replace(" ", "")
    generator = pyotp.TOTP(secret)
    current = int(now.timestamp()) // STEP_S
    for step in (current, current - 1, current + 1):
        if hmac.compare_digest(generator.at(step * STEP_S).encode(), given.encode()):
            return step
    return None


def _normal(password: str) -> str:
    """One form for what looks the same (NIST SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
