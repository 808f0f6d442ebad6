"""What is sent once for each id that a system gives: asked again, it is answered as at first.

key, digest = Key("cln-01", system, "2026-11-21/1"), digest_of(type, records)
known = await edge.run(lambda conn: answered(conn, key, digest))
keep(conn, key, digest, answer, now)                    # in the transaction that sends
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from jdgate.errors import Refused
from jdgate.store import requests
from jdgate.store.requests import RequestRow


class Key(NamedTuple):
    """Whose id it is: a member's system's."""

    member: str
    system: str
    id: str


def digest_of(*asked: Any) -> bytes:
    """What tells one thing that was asked from another."""
    return sha256(msgspec.json.encode(asked, order="sorted")).digest()


def answered(conn: Connection, key: Key, digest: bytes | None) -> Any:
    """What was answered under the id; None if nothing was. `digest` None: whatever was asked.

    Raises:
        Refused: `web.same_id`, the id was used for something else.
    """
    row = requests.get(conn, *key)
    if row is not None and digest is not None and row.digest != digest:
        raise Refused("web.same_id")
    return row.answer if row is not None else None


def keep(conn: Connection, key: Key, digest: bytes, answer: Any, now: datetime) -> None:
    """Keep what is answered."""
    row = RequestRow(**key._asdict(), digest=digest, answer=answer, at=now)
    requests.add(conn, row)
