"""Commands on what a member sent itself: what it was, when, and what the gateway said of it.

Nothing is opened for them: a verdict names records by their place, and fields, never a value.

Rows are {id, type, created_at, closed_at, records, state, accepted, refused, code, renewed_as};
`state` is `open` until the receipt came, then its verdict.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.errors import Refused
from jdgate.running import Running
from jdgate.store import outbox, receipts
from jdgate.store.outbox import Said


class Sent:
    """What went out from the members of this machine."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def sent_list(
        self, member: str, limit: int = 50, before: str | None = None, notices: bool = False
    ) -> list[dict[str, Any]]:
        """The latest messages of a member, newest first; `before`: the id of the last one seen.
        `notices`: those of the exchange's own types instead (looks, answers to alerts, decisions).
        """
        edge = self._running.the_edge
        edge.desk(member)

        def read(conn: Connection) -> list[dict[str, Any]]:
            seen = None if before is None else _own(conn, member, before)
            after = (seen.created_at, seen.id) if seen is not None else None
            found = outbox.page(conn, member, notices=notices, before=after, limit=limit)
            return [_row(one) for one in found]

        return await edge.run(read)

    async def sent_show(self, member: str, id: str) -> dict[str, Any]:
        """One message: adds {rows, leaf, params, faults[{index, row, code, path, params}],
        receipt_id}."""
        edge = self._running.the_edge
        edge.desk(member)
        one = await edge.run(lambda conn: _own(conn, member, id))
        said = _verdict(one)
        faults = [
            {**fault, "row": one.rows[fault["index"]] if one.rows else None}
            for fault in said.get("refused") or ()
        ]
        return {
            **_row(one),
            "rows": one.rows,
            "leaf": said.get("leaf"),
            "params": said.get("params") or {},
            "faults": faults,
            "receipt_id": one.receipt_id,
        }

    async def sent_receipt(self, member: str, id: str) -> dict[str, Any]:
        """The gateway's signed receipt on a message (a JWS)."""
        edge = self._running.the_edge
        edge.desk(member)

        def read(conn: Connection) -> bytes | None:
            kept = _own(conn, member, id).receipt_id
            return receipts.get_many(conn, [kept]).get(kept) if kept is not None else None

        found = await edge.run(read)
        if found is None:
            raise Refused("web.no_receipt")
        return {"id": id, "receipt": found.decode()}


def _own(conn: Connection, member: str, id: str) -> Said:
    """A message of the member's.

    Raises:
        Refused: `sent.unknown`.
    """
    found = outbox.said(conn, id)
    if found is None or found.member != member:
        raise Refused("sent.unknown", id=id[:64], member=member)
    return found


def _verdict(one: Said) -> dict[str, Any]:
    return one.verdict if isinstance(one.verdict, dict) else {}


def _row(one: Said) -> dict[str, Any]:
    said = _verdict(one)
    at = {fault["index"] for fault in said.get("refused") or ()}
    whole = one.state == "refused" and not at
    return {
        "id": one.id,
        "type": one.type,
        "created_at": iso(one.created_at),
        "closed_at": iso(one.closed_at) if one.closed_at else None,
        "records": one.records,
        "state": one.state,
        "accepted": said.get("accepted", 0) if one.state != outbox.OPEN else None,
        "refused": (one.records if whole else len(at)) if one.state != outbox.OPEN else None,
        "code": said.get("code"),
        "renewed_as": one.renewed_as,
    }
