"""Commands on what came for a member: its inbox, and drafts that wait for a named person."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.edge import drafting
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.errors import Refused
from jdgate.running import Running
from jdgate.store import draft_box, inbox, marks, outbox
from jdgate.store.draft_box import DraftBoxRow
from jdgate.store.inbox import InboxRow
from jdgate.store.marks import MarkRow


class Receiving:
    """What came for the members of this machine."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def inbox_list(
        self, member: str, limit: int = 50, content: bool = True, before: str | None = None
    ) -> list[dict[str, Any]]:
        """What came for a member, newest first. `content` false: nothing is opened, not even to
        count its records; `before`: the id of the last one seen."""
        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)

        def read(conn: Connection) -> list[dict[str, Any]]:
            seen = inbox.get(conn, member, before) if before is not None else None
            rows = inbox.search(conn, member, before=seen, limit=limit)
            marked = marks.standing(conn, member, [row.id for row in rows])
            return [
                {
                    **_inbox_row(row, _count(conn, desk, row) if content else None),
                    "marks": _marks(marked.get(row.id, {})),
                }
                for row in rows
            ]

        return await edge.run(read)

    async def inbox_show(self, member: str, id: str) -> dict[str, Any]:
        """One message with its records: for the member's own people."""
        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)

        def read(conn: Connection) -> dict[str, Any]:
            row = inbox.get(conn, member, id)
            if row is None:
                raise Refused("inbox.unknown", id=id[:64], member=member)
            try:
                body = reading.read_body(conn, desk, row)
            except Refused as reason:
                if reason.code != "books.erased":
                    raise
                body = {"data": None}  # what corrections say of it stays
            sheet = desk.sheet(row.type)
            role = next((r for r in desk.trust.member(member).roles if sheet.fields_for(r)), "")
            return {
                **_inbox_row(row, None if body["data"] is None else len(body["data"])),
                "marks": _marks(marks.standing(conn, member, [id]).get(id, {})),
                "data": body["data"],
                "purpose": body.get("purpose"),
                "inreplyto": body.get("inreplyto"),
                "approved_by": list(reading.approvers(body)),
                "basis": list(sheet.cite(role)),
            }

        return await edge.run(read)

    async def inbox_follow(self, member: str) -> AsyncIterator[Any]:
        """What comes for a member from now on."""
        async for row in self._running.the_edge.follow(member):
            desk = self._running.the_edge.desk(member)
            count = await self._running.the_edge.run(lambda conn: _count(conn, desk, row))  # noqa: B023
            yield _inbox_row(row, count)

    async def drafts_list(
        self,
        member: str | None = None,
        state: str | None = None,
        content: bool = True,
        limit: int = 500,
        before: str | None = None,
    ) -> list[dict[str, Any]]:
        """Drafts of hosted members, newest first; without `content` nothing is opened. `before`:
        the id of the last one seen, of one member's."""
        edge = self._running.the_edge
        if member is not None:
            edge.desk(member)

        def read(conn: Connection) -> list[dict[str, Any]]:
            listed = []
            seen = draft_box.get(conn, member, before) if member and before else None
            found = draft_box.search(conn, member=member, state=state, before=seen, limit=limit)
            for row in found:
                desk = edge.desks.get(row.member)
                shown = _draft(row)
                if content and desk is not None and row.prefill is not None:
                    shown["params"] = drafting.content(conn, desk, row)["params"]
                listed.append(shown)
            return listed

        return await edge.run(read)

    async def drafts_show(self, id: str, by: str = "", member: str | None = None) -> dict[str, Any]:
        """One draft, with the record that approving it would send, or that was `sent`."""
        edge = self._running.the_edge
        wanted = {each: desk for each, desk in edge.desks.items() if member in (None, each)}

        def read(conn: Connection) -> dict[str, Any]:
            for each, desk in wanted.items():
                row = draft_box.get(conn, each, id)
                if row is None:
                    continue
                shown = _draft(row)
                if row.prefill is None:  # decided long ago: its content was erased
                    return {**shown, "params": {}, "prefill": {}}
                content = drafting.content(conn, desk, row)
                shown["params"], shown["prefill"] = content["params"], content["prefill"]
                shown["reason"] = content.get("reason")
                if row.state in draft_box.UNDECIDED:
                    now = self._running.clock.now()
                    shown["version"] = drafting.version(row)
                    record = drafting.proposed(conn, desk, row, by or "—", now)
                    shown["record"] = record
                    shown["lacking"] = drafting.lacking(desk, row.type, record)
                elif row.message_id is not None:
                    went = outbox.get(conn, row.message_id)
                    if went is not None and went.body is not None:
                        (shown["sent"],) = writing.records(conn, desk, went)
                return shown
            raise Refused("draft.unknown", draft=id[:64])

        return await edge.run(read)

    async def drafts_approve(
        self,
        id: str,
        by: str,
        checked: list[str],
        filled: dict[str, Any] | None = None,
        member: str | None = None,
        version: str | None = None,
    ) -> dict[str, Any]:
        """A named person approves; ids of the decision and of the message sent. `filled`: fields
        that the record lacks; `version`: what they read."""
        ids = await self._running.the_edge.approve(id, by, checked, filled, member, version)
        decision, message = ids or (None, None)  # the first of two: nothing is sent yet
        return {"decision": decision, "message": message}

    async def drafts_reject(
        self, id: str, by: str, reason: str, member: str | None = None
    ) -> dict[str, Any]:
        """A named person rejects; id of the decision."""
        return {"decision": (await self._running.the_edge.reject(id, by, reason, member))[0]}


def _count(conn: Connection, desk: Any, row: InboxRow) -> int | None:
    try:
        return len(reading.read_body(conn, desk, row)["data"])
    except Refused:
        return None


def _marks(marked: Mapping[int, MarkRow]) -> list[dict[str, Any]]:
    """What corrections say of single records, by their place."""
    return [
        {
            "record": place,
            "mark": row.mark,
            "item": row.item,
            "by": row.by,
            "replaced_by": row.replaced_by,
            "at": iso(row.at),
        }
        for place, row in sorted(marked.items())
    ]


def _inbox_row(row: InboxRow, records: int | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "origin": row.origin or row.source,
        "received_at": iso(row.received_at),
        "records": records,
        "state": row.state,
        "error": row.error_code,
    }


def _draft(row: DraftBoxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "member": row.member,
        "type": row.type,
        "rule": row.rule,
        "reason_code": row.reason_code,
        "checks": row.checks,
        "state": row.state,
        "received_at": iso(row.received_at),
        "decided_at": iso(row.decided_at) if row.decided_at else None,
        "by": row.by,
        "reason": row.reason,
        "message": row.message_id,
        "approvers": row.approvers,
        "refused": row.refused,
    }
