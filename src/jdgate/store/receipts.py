"""Signed receipts, kept once each: at the gateway those it gave and got, at an edge those it got.

One receipt speaks of many messages, so messages and deliveries name it by its id.

    receipts.add(conn, receipt_id, member, jws, now)
    receipts.get_many(conn, ids)            # id → JWS
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from jdgate.store.bulk import Upsert
from jdgate.store.columns import any_of, slices
from jdgate.store.tables import receipt

_ADD = Upsert(receipt)
_GET = select(receipt.c.id, receipt.c.jws).where(receipt.c.id.in_(any_of("ids")))


def add(conn: Connection, receipt_id: str, member: str, jws: bytes, at: datetime) -> None:
    """Keep a receipt to or from `member`; one that is kept already stays."""
    _ADD.run(conn, [{"id": receipt_id, "member": member, "jws": jws, "at": at}])


def get_many(conn: Connection, ids: Iterable[str]) -> dict[str, bytes]:
    """The receipts of these ids, those that are kept."""
    found: dict[str, bytes] = {}
    for part in slices(ids):
        for id_, jws in conn.execute(_GET, {"ids": part}):
            found[id_] = jws
    return found
