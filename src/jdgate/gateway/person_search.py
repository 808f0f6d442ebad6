"""Finding messages by the person they are about: for an auditor of the authority, each time noted.

Rules:
- the ledger says that somebody searched, who and when, before anything is found. About whom is a
  keyed hash, so that it can be told to the person, and to nobody who reads the ledger;
- an operator may search for as many people in a local day as a member may ask about (S2);
- what the law keeps from everybody is not found, as it is in no report (`WITHHELD`);
- what is found is metadata: which messages, never what they say. A report of everything about one
  person takes two auditors (`subject_books`).

    rows, recipients = find(conn, ground, Sought("ric", "5116…"), by="checker", now=now, limit=200)
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.calendar import local_day
from jdgate.core.identity import TOKEN_BYTES
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.gateway import persons
from jdgate.gateway.ground import Ground
from jdgate.gateway.subject_report import WITHHELD
from jdgate.store import ledger, meta, search
from jdgate.store.search import Found

SEARCHED = "messages.searched"
PSEUDONYM = "pseudonym"
"""In the place of a kind of document: a pseudonym was typed, in hex."""
_HEX = re.compile(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


class Sought(Struct, frozen=True):
    """What an auditor typed: a kind of document with its number, or a pseudonym."""

    id_type: str
    id_no: str


def find(
    conn: Connection, ground: Ground, sought: Sought, *, by: str, now: datetime, limit: int
) -> tuple[list[Found], dict[str, list[str]]]:
    """The latest messages with something about a person that somebody was shown, and who was shown
    that: message → members.

    `by` is the operator's name to sign in with.

    Raises:
        Refused: `search.pseudonym`, `person.id_type`, `record.bad_id_…`; `search.too_many`.
    """
    if sought.id_type == PSEUDONYM:
        typed = sought.id_no.strip().lower()
        if not _HEX.fullmatch(typed):
            raise Refused("search.pseudonym", digits=2 * TOKEN_BYTES)
        tokens = [bytes.fromhex(typed)]
    else:
        typed = persons.checked(sought.id_type, sought.id_no)
        tokens = list(persons.pseudonyms(conn, ground.vault, typed).values())
    _count(conn, by, now, ground.queries.persons)
    key = ground.vault.named_key(conn, "searched", "person")
    leaf = leaves.AdminLeaf(
        id=ground.new_id(),
        at=show_time(now),
        act=SEARCHED,
        operator=by,
        target=hmac.new(key, typed.encode(), hashlib.sha256).hexdigest()[:32],
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])
    found = search.about(conn, tokens, limit, without=WITHHELD)
    return found, search.told_of(conn, tokens, [row.id for row in found])


def _count(conn: Connection, by: str, now: datetime, most: int) -> None:
    """One more search of an operator today."""
    key, day = f"searched:{by}", local_day(now).isoformat()
    before = (meta.get(conn, key) or "").split()
    done = int(before[1]) if before and before[0] == day else 0
    if done >= most:
        raise Refused("search.too_many", most=most)
    meta.put(conn, key, f"{day} {done + 1}")
