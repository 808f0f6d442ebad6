"""Forgetting in time: bodies past their sheet's retention are erased, with the salt that would
tie the ledger to them. What proves that they were exchanged stays.

A body with a delivery still open is kept until it is delivered. The day's key goes once every
body under it may go, so that backups forget too (crypto-shredding).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.gateway.ground import Ground
from jdgate.store import deliveries, ledger, messages

UNOPENED = "sys.unopened"
UNOPENED_DAYS = 7


def erase_due(conn: Connection, ground: Ground, now: datetime) -> int:
    """Erase what may go; how many bodies did."""
    kept_days = {sheet.type: sheet.retention_days for sheet in ground.catalogue.sheets.values()}
    erased = 0
    for type, days in {**kept_days, "": UNOPENED_DAYS}.items():
        erased += _erase(conn, ground, type, now - timedelta(days=days), now)
    return erased


def _erase(conn: Connection, ground: Ground, type: str, before: datetime, now: datetime) -> int:
    own = messages.bodies_due(conn, type, before)
    sent = deliveries.bodies_due(conn, type, before)
    if not own and not sent:
        return 0
    messages.erase_body(conn, own, now)
    deliveries.erase_body(conn, sent, now)
    for about in (*own, *sent):
        ledger.erase(conn, about)
    # the key of a day goes when nothing under it waits any more
    oldest = deliveries.oldest_open(conn, type)
    limit = min(before, oldest) if oldest else before
    ground.vault.shred(conn, type or UNOPENED, limit.date(), now)
    leaf = leaves.AdminLeaf(
        id=ground.new_id(),
        at=show_time(now),
        act="retention.erased",
        operator=ground.me,
        target=type or UNOPENED,
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])
    return len(own) + len(sent)
