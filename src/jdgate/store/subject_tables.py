"""The gateway's tables of subject reports: who asked for one, who decided, and about whom; and who
is spoken of in records that went to nobody.

Those records are many (attendance) and kept for days, so their people are kept as one value for
each message and not as rows of `subject_index`, which would cost more than all else about them.

The pseudonyms of one person from every domain stand side by side nowhere else, so they lie sealed
in a table of their own and go when the report is no longer to be opened.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from jdgate.store.columns import Instant


class SubjectTables(NamedTuple):
    """`subject_request`, `subject_person` and `subject_unshown`."""

    request: Table
    person: Table
    unshown: Table


def define(metadata: MetaData) -> SubjectTables:
    """The tables, in this metadata."""
    return SubjectTables(
        request=Table(
            "subject_request",
            metadata,
            Column("id", String, primary_key=True),
            Column("ground", String, nullable=False),
            Column("state", String, nullable=False),
            Column("asked_at", Instant, nullable=False),
            # operators of the authority, who are not the persons that reports are about
            Column("asked_by", String, nullable=False),
            Column("asked_name", String, nullable=False),
            # until when it waits, and once it is approved: may be opened
            Column("until", Instant, nullable=False),
            Column("decided_at", Instant),
            Column("decided_by", String),
            Column("decided_name", String),
            # who asked for it, by which letter; why it was refused
            Column("key_id", String),
            Column("body", LargeBinary),
        ),
        person=Table(
            "subject_person",
            metadata,
            Column("id", String, primary_key=True),
            Column("asked_at", Instant, nullable=False),
            Column("until", Instant, nullable=False, index=True),
            Column("key_id", String, nullable=False),
            Column("body", LargeBinary),
        ),
        unshown=Table(
            "subject_unshown",
            metadata,
            Column("message_id", String, primary_key=True),
            Column("domain", String, nullable=False),
            # of each record that went to nobody: its place (2 bytes), whom it concerns (16 bytes)
            Column("people", LargeBinary, nullable=False),
        ),
    )
