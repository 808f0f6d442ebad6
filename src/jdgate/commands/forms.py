"""Forms that several commands answer in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core import checkpoints
from jdgate.core.encoding import b64u
from jdgate.store import ledger, messages


def iso(moment: datetime) -> str:
    """A moment as commands give it: ISO 8601 with milliseconds."""
    return moment.isoformat(timespec="milliseconds")


def ledger_head(conn: Connection) -> dict[str, Any]:
    """Size, root and latest checkpoint of the ledger."""
    frontier = ledger.head(conn)
    latest = ledger.latest_checkpoint(conn)
    signed = checkpoints.unverified(latest) if latest else None
    return {
        "size": frontier.size,
        "root": b64u(frontier.root()) if frontier.size else None,
        "checkpoint_size": signed.size if signed else None,
        "checkpoint_at": iso(signed.at) if signed else None,
        "messages": messages.total(conn),
    }
