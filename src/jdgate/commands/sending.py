"""Commands that send: put records into an outbox, try them out, wait for the verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.commands.once import Key, answered, digest_of, keep
from jdgate.commands.waiting import take
from jdgate.edge.judged import Answered
from jdgate.edge.outbox import RefusedRow, Submission
from jdgate.running import Running


class Sending:
    """What a member sends from this machine."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._once = asyncio.Lock()

    async def submit(
        self,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        rows: list[int] | None = None,
        region: str | None = None,
        approved_by: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Put records into a member's outbox. `approved_by`: who approved them."""
        submission = await self._running.the_edge.submit(
            member, type, records, rows=rows, region=region, approved_by=approved_by
        )
        return _submitted(submission)

    async def submit_once(
        self,
        system: str,
        id: str,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        region: str | None = None,
        approved_by: Sequence[str] = (),
        refused_too: bool = False,
        instead_of: str | None = None,
    ) -> dict[str, Any]:
        """`submit`, once for each `id` that `system` gives: asked again it answers as at first.

        What was refused whole is remembered with `refused_too` alone; else it may come under the
        same id once it is put right. `instead_of`: the id of a form that waits, and is gone with
        what is sent in its place.

        Raises:
            Refused: `web.same_id`, the id was used for something else; `web.not_found`, no such
                form waits any more; and as `submit`.
        """
        edge, now = self._running.the_edge, self._running.clock.now()
        key, digest = Key(member, system, id), digest_of(type, records, region, list(approved_by))

        def noted(conn: Connection, made: Submission) -> None:
            if made.messages or refused_too:
                keep(conn, key, digest, _submitted(made), now)
            if made.messages and instead_of is not None:
                take(conn, edge.desk(member), instead_of)

        async with self._once:  # two of one id at once are one
            known: dict[str, Any] | None = await edge.run(lambda conn: answered(conn, key, digest))
            if known is not None:
                return known
            made = await edge.submit(
                member, type, records, region=region, approved_by=approved_by, noted=noted
            )
        if instead_of is not None:
            edge.bell.ring(member)
        return _submitted(made)

    async def check(
        self,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        rows: list[int] | None = None,
    ) -> dict[str, Any]:
        """What `submit` would refuse, without sending anything."""
        good, refused = await self._running.the_edge.check(member, type, records, rows)
        return {"ok": good, "refused": [_refused(one) for one in refused]}

    async def wait(self, ids: list[str], timeout_s: float = 60.0) -> AsyncIterator[Any]:
        """Verdicts as they come; the last event names what is still open."""
        open_ids = set(ids)
        try:
            async with asyncio.timeout(timeout_s):
                async for answered in self._running.the_edge.answers(ids):
                    open_ids.discard(answered.id)
                    if answered.renewed_as is None:
                        yield _verdict(answered)
                    else:
                        open_ids.add(answered.renewed_as)
                        yield {"id": answered.id, "renewed_as": answered.renewed_as}
        except TimeoutError:
            pass
        if open_ids:
            yield {"open": sorted(open_ids)}


def _submitted(submission: Submission) -> dict[str, Any]:
    return {
        "messages": [{"id": one.id, "indexes": one.indexes} for one in submission.messages],
        "refused": [_refused(one) for one in submission.refused],
    }


def _refused(one: RefusedRow) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(one)
    return found


def _verdict(answered: Answered) -> dict[str, Any]:
    record = answered.record
    rows = answered.rows
    refused = [
        {**fault, "row": rows[fault["index"]] if rows else None}
        for fault in record.get("refused", ())
    ]
    return {
        "id": answered.id,
        "verdict": answered.verdict,
        "code": record.get("code"),
        "params": record.get("params", {}),
        "accepted": record.get("accepted", 0),
        "leaf": record.get("leaf"),
        "refused": refused,
    }
