"""Tables that both databases have: keys of the vault, sequence numbers, small facts.

They are defined on each MetaData by the same functions, so one repository module works with both:
SQL names a table, not the MetaData it was written against.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from jdgate.store.columns import Instant

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


@dataclass(frozen=True)
class SharedTables:
    """The tables `define` made."""

    body_key: Table
    named_key: Table
    sequence_in: Table
    sequence_gap: Table
    sequence_out: Table
    meta: Table
    receipt: Table


def define(metadata: MetaData) -> SharedTables:
    """Add the shared tables to `metadata`."""
    body_key = Table(
        "body_key",
        metadata,
        Column("id", String, primary_key=True),
        Column("type", String, nullable=False),
        Column("day", Date, nullable=False),
        # NULL once shredded: the row stays as the proof that it was
        Column("wrapped", LargeBinary),
        Column("shredded_at", Instant),
        # one living key for a type and a day; a shredded day may get a new key
        Index(
            "uq_body_key_type_day",
            "type",
            "day",
            unique=True,
            sqlite_where=text("wrapped IS NOT NULL"),
            postgresql_where=text("wrapped IS NOT NULL"),
        ),
    )
    named_key = Table(
        "named_key",
        metadata,
        Column("kind", String, primary_key=True),
        Column("name", String, primary_key=True),
        Column("wrapped", LargeBinary, nullable=False),
    )
    sequence_in = Table(
        "sequence_in",
        metadata,
        Column("member", String, primary_key=True),
        Column("source", String, primary_key=True),
        Column("contiguous", BigInteger, nullable=False),
        Column("highest", BigInteger, nullable=False),
    )
    sequence_gap = Table(
        "sequence_gap",
        metadata,
        Column("member", String, primary_key=True),
        Column("source", String, primary_key=True),
        Column("first", BigInteger, primary_key=True, autoincrement=False),
        Column("last", BigInteger, nullable=False),
        Column("noticed_at", Instant, nullable=False, index=True),
        Column("asked_at", Instant),
    )
    sequence_out = Table(
        "sequence_out",
        metadata,
        Column("member", String, primary_key=True),
        Column("recipient", String, primary_key=True),
        Column("last", BigInteger, nullable=False),
    )
    meta = Table(
        "meta",
        metadata,
        Column("key", String, primary_key=True),
        Column("value", Text, nullable=False),
    )
    receipt = Table(
        "receipt",
        metadata,
        Column("id", String, primary_key=True),
        Column("member", String, nullable=False),
        Column("jws", LargeBinary, nullable=False),
        Column("at", Instant, nullable=False),
    )
    return SharedTables(body_key, named_key, sequence_in, sequence_gap, sequence_out, meta, receipt)
