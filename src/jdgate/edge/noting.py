"""A member's plugins note what the gateway accepted of their own records (a clinic its enrolments).

The hook `jdgate_accepted` runs in the transaction that closes the message. When a plugin breaks on
it, the message is marked, and the plugin is asked again until it has noted it.

    note(conn, desk, closed_rows, what_the_receipt_said, now)
    note_again(conn, desks)                 # every now and then
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import corrections, signing
from jdgate.edge import correcting
from jdgate.edge.desk import Desk
from jdgate.edge.outbox import kept
from jdgate.store import meta, outbox
from jdgate.store.outbox import OutboxRow

log = logging.getLogger(__name__)

TOGETHER = 500
"""Records given to a plugin in one call, about."""
AGAIN_AT_ONCE = 20
_MARK = "unnoted:"


def note(
    conn: Connection,
    desk: Desk,
    rows: Sequence[OutboxRow],
    said: Mapping[str, dict[str, Any]],
    now: datetime,
) -> None:
    """Tell the plugins of what was accepted in these messages, and mark what they broke on."""
    ids: dict[str, list[str]] = defaultdict(list)
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        own = _accepted(conn, desk, row, said[row.id])
        if not own:
            continue
        if row.type == corrections.REQUEST:
            correcting.asked(conn, desk.member, row.id, own, now)
        ids[row.type].append(row.id)
        records[row.type] += own
        if len(records[row.type]) >= TOGETHER:
            _tell_or_mark(conn, desk, row.type, records.pop(row.type), ids.pop(row.type))
    for type, own in records.items():
        _tell_or_mark(conn, desk, type, own, ids[type])


def note_again(conn: Connection, desks: Mapping[str, Desk]) -> None:
    """Ask plugins once more to note what they broke on before."""
    for key in meta.find(conn, _MARK, AGAIN_AT_ONCE):
        message_id = key.removeprefix(_MARK)
        row = outbox.get(conn, message_id)
        desk = desks.get(row.member) if row is not None else None
        if row is None or desk is None or row.body is None:
            meta.drop(conn, key)  # its retention has passed, or its member lives elsewhere now
            continue
        own = _accepted(conn, desk, row, row.verdict or {})
        if _tell(conn, desk, row.type, own):
            meta.drop(conn, key)


def _accepted(
    conn: Connection, desk: Desk, row: OutboxRow, record: dict[str, Any]
) -> list[dict[str, Any]]:
    """The records of a message that its receipt says were accepted."""
    if record.get("verdict") not in ("accepted", "part") or row.body is None:
        return []
    refused = {fault["index"] for fault in record.get("refused", ())}
    payload = signing.payload_unverified(kept(conn, desk, row))
    data = msgspec.json.decode(payload)["data"]
    return [each for index, each in enumerate(data) if index not in refused]


def _tell_or_mark(
    conn: Connection, desk: Desk, type: str, records: list[dict[str, Any]], ids: list[str]
) -> None:
    if not _tell(conn, desk, type, records):
        for message_id in ids:
            meta.put(conn, f"{_MARK}{message_id}", "")


def _tell(conn: Connection, desk: Desk, type: str, records: list[dict[str, Any]]) -> bool:
    """Whether every plugin noted the records."""
    done = True
    register = desk.register(conn, type)
    for answer in desk.plugins.call(
        "jdgate_accepted", type=type, records=records, register=register
    ):
        if answer.error is not None:
            done = False
            log.warning("plugin %s could not note %s: %s", answer.plugin, type, answer.error)
    return done
