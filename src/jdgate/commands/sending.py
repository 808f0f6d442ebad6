"""Commands that send: put records into an outbox, try them out, wait for the verdicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from jdgate.edge.judged import Answered
from jdgate.edge.outbox import RefusedRow
from jdgate.running import Running


class Sending:
    """What a member sends from this machine."""

    def __init__(self, running: Running) -> None:
        self._running = running

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
        return {
            "messages": [{"id": one.id, "indexes": one.indexes} for one in submission.messages],
            "refused": [_refused(one) for one in submission.refused],
        }

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
