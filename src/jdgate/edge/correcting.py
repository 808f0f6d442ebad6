"""Corrections at a member: what it got is marked as disputed, corrected or withdrawn.

A finding that comes (`correct.result.v1`) marks the copy that it names; a request that the member
itself made (`correct.request.v1`, accepted by the gateway) marks its copy as disputed until the
finding comes. Sinks are told with each delivery (`Delivery.corrections`), and get the finding as
a delivery of its own when they take that type.

    heard(conn, desk.member, message, now)
    asked(conn, desk.member, message_id, records, now)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core import corrections
from jdgate.core.message import Message
from jdgate.store import marks
from jdgate.store.marks import MarkRow


def heard(conn: Connection, member: str, message: Message, now: datetime) -> None:
    """Mark what a finding speaks of."""
    if message.type == corrections.RESULT:
        rows = [
            _row(member, message.id, record, str(record["decision"]), now)
            for record in message.data
            if "decision" in record
        ]
        marks.add(conn, rows)


def asked(
    conn: Connection,
    member: str,
    message_id: str,
    records: Iterable[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Mark what the member itself holds to be wrong."""
    disputed = corrections.DISPUTED
    marks.add(conn, [_row(member, message_id, record, disputed, now) for record in records])


def _row(member: str, by: str, record: Mapping[str, Any], mark: str, now: datetime) -> MarkRow:
    return MarkRow(
        member=member,
        id=record["message_id"],
        record=record["record"],
        by=by,
        mark=mark,
        at=now,
        item=record.get("item"),
        replaced_by=record.get("replaced_by"),
    )
