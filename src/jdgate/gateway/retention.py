"""Forgetting in time: bodies past their sheet's retention are erased, with the salt that would
tie the ledger to them. What proves that they were exchanged stays.

Rules:
- with the body of a message goes who its records were about, where nobody was shown them;
- a body with a delivery still open is kept until that is receipted or given up (`redelivery`);
- a message that was set aside is kept while its letter is open, `HELD_DAYS` at most; then the
  letter says that its content is gone;
- the key of a type and day goes as soon as no body of that day is left, so that backups forget
  too (crypto-shredding). Days are gone through by the keys that are left, so a pass costs what
  there is to forget and not what there ever was;
- one call is one bounded transaction: call again while it has something to do.

    while await run(lambda conn: erase_due(conn, ground, now)): …
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.gateway.ground import Ground
from jdgate.store import bodies, ledger, subjects
from jdgate.store.bodies import HELD, PERSON, REQUEST, UNOPENED

UNOPENED_DAYS = 7
HELD_DAYS = 30
REQUEST_DAYS = 3 * 366
"""A request for a subject report is a record of use (政务数据共享条例 29: three years)."""
PERSON_DAYS = 15
"""Seven days to decide, seven to open the report (`gateway.subject_books`)."""
AT_ONCE = 1000
"""Bodies erased in one transaction."""


def erase_due(conn: Connection, ground: Ground, now: datetime) -> int:
    """Erase some of what may go; how many bodies and keys it was, 0 when nothing is left to do."""
    days = {sheet.type: sheet.retention_days for sheet in ground.catalogue.sheets.values()}
    days |= {UNOPENED: UNOPENED_DAYS, HELD: HELD_DAYS, REQUEST: REQUEST_DAYS, PERSON: PERSON_DAYS}
    # what is left of a type that nobody agrees on any more is kept no longer than any other
    longest = max(sheet.retention_days for sheet in ground.catalogue.sheets.values())
    erased = keys = 0
    for key in ground.vault.living(conn, now.date()):
        _, type, day = key
        before = now - timedelta(days=days.get(type, longest))
        if day > before.date():
            continue
        gone = bodies.erase(conn, key, before, now, AT_ONCE - erased)
        for about in gone.exchanged:
            ledger.erase(conn, about)
        subjects.forget_unshown(conn, gone.exchanged)
        if gone.number:
            _note(conn, ground, type, now)
        erased += gone.number
        if erased >= AT_ONCE:
            break
        if day < before.date() and not bodies.left(conn, key):
            keys += ground.vault.shred(conn, [key], now)
    return erased + keys


def _note(conn: Connection, ground: Ground, type: str, now: datetime) -> None:
    leaf = leaves.AdminLeaf(
        id=ground.new_id(),
        at=show_time(now),
        act="retention.erased",
        operator=ground.me,
        target=type,
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])
