"""Edge: the ledger checkpoints a member has seen, so that a rewritten history is noticed.

witness.keep(conn, WitnessRow("cln-01", size, root, jws, now))   # False: same size, other root
witness.latest(conn, "cln-01")
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.edge_tables import witness


class WitnessRow(Struct, frozen=True):
    """A checkpoint: `root` of the ledger at `size` leaves, and the signed JWS."""

    member: str
    size: int
    root: bytes
    jws: bytes
    at: datetime


_ROWS = Reader(witness, WitnessRow)
_KEEP = Upsert(witness, on=["member", "size"])
_OF = _ROWS.select.where(witness.c.member == bindparam("member"))
_AT = _OF.where(witness.c.size == bindparam("size"))
_LATEST = _OF.order_by(witness.c.size.desc()).limit(1)
_BEFORE = _OF.where(witness.c.size <= bindparam("size")).order_by(witness.c.size.desc()).limit(1)


def keep(conn: Connection, row: WitnessRow) -> bool:
    """Keep a verified checkpoint.

    False if one of the same size with another root is held: two histories. The first is kept.
    """
    held = _ROWS.row(conn.execute(_AT, {"member": row.member, "size": row.size}))
    if held is None:
        _KEEP.run(conn, [structs.asdict(row)])
        return True
    return held.root == row.root


def latest(conn: Connection, member: str) -> WitnessRow | None:
    """The largest checkpoint `member` holds."""
    return _ROWS.row(conn.execute(_LATEST, {"member": member}))


def at_most(conn: Connection, member: str, size: int) -> WitnessRow | None:
    """The largest checkpoint of `size` leaves or fewer that `member` holds."""
    return _ROWS.row(conn.execute(_BEFORE, {"member": member, "size": size}))


def oldest_first(conn: Connection, member: str, limit: int = 1000) -> list[WitnessRow]:
    """Checkpoints held by `member`, by size."""
    query = _OF.order_by(witness.c.size).limit(limit)
    return _ROWS.rows(conn.execute(query, {"member": member}))
