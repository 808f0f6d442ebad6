"""The gateway's tables about people at desks: who cares for whom, and nudges that wait to be sent.

The rules of `tables` hold here too.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table

from jdgate.store.columns import Instant


class DeskTables(NamedTuple):
    """`care_team` and `nudge`."""

    care_team: Table
    nudge: Table


def define(metadata: MetaData) -> DeskTables:
    """The tables, in this metadata."""
    return DeskTables(
        care_team=Table(
            "care_team",
            metadata,
            # a person, as the pseudonym of the domain `care`
            Column("subject", LargeBinary(16), primary_key=True),
            Column("place", String, primary_key=True),
            Column("member", String, primary_key=True),
            # the latest of each, by the sender's signed time
            Column("assigned_at", Instant),
            Column("ended_at", Instant),
            sqlite_with_rowid=False,
        ),
        nudge=Table(
            "nudge",
            metadata,
            Column("id", String, primary_key=True),
            Column("alert_id", String, nullable=False, index=True),
            Column("member", String, nullable=False),
            Column("channel", String, nullable=False),
            Column("urgent", Boolean, nullable=False),
            Column("created_at", Instant, nullable=False),
            Column("state", String, nullable=False),
            Column("attempts", Integer, nullable=False),
            Column("next_at", Instant, nullable=False),
            Column("code", String),
            Column("ended_at", Instant),
            Index(None, "state", "next_at"),
        ),
    )
