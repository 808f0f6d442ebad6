"""The gateway's tables of what is looked at rather than read: how much went where, and figures over
time.

The rules of `tables` hold here too. Both are aggregates: no row is about one person.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, Integer, MetaData, String, Table

from jdgate.store.columns import Instant


class PictureTables(NamedTuple):
    """`traffic` and `figure`."""

    traffic: Table
    figure: Table


def define(metadata: MetaData) -> PictureTables:
    """The tables, in this metadata."""
    return PictureTables(
        traffic=Table(
            "traffic",
            metadata,
            # the beginning of ten minutes; of an hour or a day once it is some hours or days old
            Column("at", Instant, primary_key=True),
            # from a member to the gateway ("" as recipient), or from whoever it came to a member
            Column("source", String, primary_key=True),
            Column("recipient", String, primary_key=True),
            Column("type", String, primary_key=True),
            Column("messages", Integer, nullable=False),
            Column("records", Integer, nullable=False),
            # of the messages: those of which nothing, and not all, was let in
            Column("refused", Integer, nullable=False),
            Column("part", Integer, nullable=False),
            sqlite_with_rowid=False,
        ),
        figure=Table(
            "figure",
            metadata,
            Column("chart", String, primary_key=True),
            # the days of the period, as text; the member it is about, and what of it
            Column("first", String, primary_key=True),
            Column("unit", String, primary_key=True),
            Column("item", String, primary_key=True),
            # "county" for what the authority is told, "unit" for what everybody else is
            Column("audience", String, primary_key=True),
            Column("last", String, nullable=False),
            # neither where it is too small to be told
            Column("n", Integer),
            Column("of", Integer),
            sqlite_with_rowid=False,
        ),
    )
