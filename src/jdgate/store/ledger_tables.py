"""The ledger's tables, defined on whichever MetaData asks.

Rules:
- `ledger_leaf` holds every leaf and its hash (the tree's level 0) by position; rows are only
  ever added, and only `salt` is ever changed: to NULL, when its body is forgotten;
- `ledger_node` holds the roots of perfect subtrees of 2^8, 2^16, 2^24… leaves and nothing
  between: what lies between is folded from at most 256 hashes when a proof is asked for;
- `ledger_head` is one row: the size and the frontier, all that the next append must read;
- `ledger_checkpoint` keeps the signed checkpoints by size.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    text,
)

from jdgate.store.columns import Instant

TILE_LEVELS = 8
"""Every how many levels of the tree are stored; a tile is 2^8 hashes of 32 bytes."""

# SQLite makes a primary key the row's own address only when it is called INTEGER.
_POSITION = BigInteger().with_variant(Integer, "sqlite")


@dataclass(frozen=True)
class LedgerTables:
    """The tables `define` made."""

    leaf: Table
    node: Table
    head: Table
    checkpoint: Table


def define(metadata: MetaData) -> LedgerTables:
    """Add the ledger's tables to `metadata`."""
    leaf = Table(
        "ledger_leaf",
        metadata,
        Column("index", _POSITION, primary_key=True, autoincrement=False),
        Column("id", String, nullable=False, index=True),
        Column("kind", String, nullable=False),
        # the message a disclosure or a delivery belongs to, when that is not `id`
        Column("message", String),
        Column("hash", LargeBinary, nullable=False),
        Column("body", LargeBinary, nullable=False),
        # NULL when the leaf commits to nothing, and once it is erased
        Column("salt", LargeBinary),
        Index(
            "ix_ledger_leaf_message",
            "message",
            sqlite_where=text("message IS NOT NULL"),
            postgresql_where=text("message IS NOT NULL"),
        ),
    )
    node = Table(
        "ledger_node",
        metadata,
        Column("level", Integer, primary_key=True, autoincrement=False),
        Column("index", BigInteger, primary_key=True, autoincrement=False),
        Column("hash", LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    head = Table(
        "ledger_head",
        metadata,
        Column("one", Integer, primary_key=True, autoincrement=False),
        Column("size", BigInteger, nullable=False),
        Column("frontier", LargeBinary, nullable=False),
    )
    checkpoint = Table(
        "ledger_checkpoint",
        metadata,
        Column("size", _POSITION, primary_key=True, autoincrement=False),
        Column("at", Instant, nullable=False, index=True),
        Column("jws", LargeBinary, nullable=False),
    )
    return LedgerTables(leaf, node, head, checkpoint)
