"""What a browser carries for us from one request to the next: sealed, for one purpose, one browser
and some minutes. Nothing of it is kept here, so nobody can fill a table with it.

    text = seal(key, Way(back="/", …), browser, now)
    way = unseal(key, Way, text, browser, now)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag

from jdgate.core.encoding import b64u, unb64u
from jdgate.errors import Refused
from jdgate.people.credentials import digest
from jdgate.store.master_key import MasterKey

LIFETIME = timedelta(minutes=10)
T = TypeVar("T", bound=msgspec.Struct)


def seal(key: MasterKey, content: msgspec.Struct, browser: str, now: datetime) -> str:
    """`content` for the browser with this token, to be had back within `LIFETIME`."""
    until = int((now + LIFETIME).timestamp())
    plain = msgspec.json.encode((until, content))
    return b64u(key.wrap(plain, _place(type(content), browser)))


def unseal(key: MasterKey, kind: type[T], text: str, browser: str, now: datetime) -> T:
    """What was sealed.

    Raises:
        Refused: `people.carried`: for another browser or purpose, not by us, or too old.
    """
    try:
        plain = key.unwrap(unb64u(text), _place(kind, browser))
    except (InvalidTag, ValueError, Refused):
        raise Refused("people.carried") from None
    until, content = msgspec.json.decode(plain, type=tuple[int, kind])  # type: ignore[valid-type]
    if now.timestamp() >= until:
        raise Refused("people.carried")
    return content


def _place(kind: type[msgspec.Struct], browser: str) -> bytes:
    return b"carried\0" + kind.__name__.encode() + b"\0" + digest(browser)
