"""A member's adapters at work: sinks get what came, sources fill the outbox.

working = Working(desks, clock, run, sending, warnings)
working.add("pol", desk)                         # what its plugins have for it
for name, work in working.loops(): …             # one loop for each adapter
working.wanted.set()                             # something came
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from jdgate.clock import Clock
from jdgate.edge import adapters
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.adapters import Condition
from jdgate.edge.desk import Desk
from jdgate.edge.outbox import Submission
from jdgate.edge.sending import Run, Sending
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins.adapters import Batch, Delivery, Sink, Source
from jdgate.store import inbox, marks, meta
from jdgate.store.inbox import InboxRow

log = logging.getLogger(__name__)

RECEIPT = "sys.receipt.v1"


class Working:
    """All adapters of all members hosted here. `wanted` is set when something came."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        clock: Clock,
        run: Run,
        sending: Sending,
        warnings: dict[str, int],
    ) -> None:
        self._desks, self._clock, self._run = desks, clock, run
        self._sending, self._warnings = sending, warnings
        self._sinks: dict[str, dict[str, tuple[Sink, Condition]]] = defaultdict(dict)
        self._sources: list[tuple[str, Source, Condition]] = []
        self.conditions: list[Condition] = []
        self.wanted = asyncio.Event()

    def sinks(self, member: str) -> Mapping[str, object]:
        """The types for which a member has a sink."""
        return self._sinks[member]

    def loops(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """One endless piece of work for each adapter, with its name."""
        for member, source, condition in self._sources:
            yield f"collect {source.name}", self._collect(member, source, condition)
        for member, sinks in self._sinks.items():
            for sink, condition in {id(s): (s, c) for s, c in sinks.values()}.values():
                yield f"sink {sink.name}", self._deliver_forever(member, sink, condition)

    def add(self, member: str, desk: Desk) -> None:
        """Take on the adapters that plugins have for a member."""
        roles = desk.trust.member(member).roles
        for _, adapter in desk.plugins.adapters(member, roles):
            if isinstance(adapter, Sink):
                condition = Condition(member, adapter.name, "sink")
                self.conditions.append(condition)
                for type in adapter.types:
                    self._sinks[member][type] = (adapter, condition)
            if isinstance(adapter, Source):
                condition = Condition(member, adapter.name, "source")
                self.conditions.append(condition)
                self._sources.append((member, adapter, condition))

    async def _deliver_forever(self, member: str, sink: Sink, condition: Condition) -> None:
        types = [type for type, (one, _) in self._sinks[member].items() if one is sink]
        while True:
            now = self._clock.now()
            self.wanted.clear()
            rows: list[InboxRow] = []
            try:
                rows = await self._run(lambda conn: inbox.due_for(conn, member, types, now, 50))  # noqa: B023
                for row in rows:
                    await self._deliver_one(member, sink, condition, row)
            except TransportFailed as reason:  # what the sink took comes again: it knows the id
                self._warnings[reason.code] += 1
                await asyncio.sleep(0.5)
            if not rows:
                try:
                    async with asyncio.timeout(1.0):
                        await self.wanted.wait()
                except TimeoutError:
                    pass

    async def _deliver_one(
        self, member: str, sink: Sink, condition: Condition, row: InboxRow
    ) -> None:
        desk = self._desks[member]
        try:
            body = await self._run(lambda conn: reading.read_body(conn, desk, row))
        except Refused as reason:
            code = reason.code
            await self._run(lambda conn: inbox.fail(conn, member, [row.id], code))
            return
        said = await self._run(lambda conn: marks.standing(conn, member, [row.id]))
        marked = said.get(row.id, {})
        sheet = desk.sheet(row.type)
        delivery = Delivery(
            id=row.id,
            type=row.type,
            sender=row.origin or row.source,
            time=row.received_at,
            records=body["data"],
            purpose=body.get("purpose"),
            inreplyto=body.get("inreplyto"),
            approved_by=reading.approvers(body),
            title={"zh": sheet.title.zh, "en": sheet.title.en},
            corrections={place: one.mark for place, one in marked.items()},
        )
        outcome = await adapters.deliver(sink, delivery, condition)
        now = self._clock.now()
        digest = await self._run(lambda conn: reading.digest(conn, desk, row))
        if outcome is True:

            def done(conn: Connection) -> None:
                inbox.mark_done(conn, member, [row.id])
                inbox.receipted(conn, member, [row.id], now)

            # a receipt that is lost is given again when the delivery comes again
            await self._run(done)
            await self._sending.say(member, RECEIPT, [reading.delivered(row.id, digest)])
        elif isinstance(outcome, Refused):
            await self._run(lambda conn: inbox.fail(conn, member, [row.id], outcome.code))
            await self._sending.say(member, RECEIPT, [reading.failed(row.id, digest, outcome.code)])
        else:
            again = now + adapters.pause(row.attempts)
            code = condition.trouble
            await self._run(lambda conn: inbox.postpone(conn, member, row.id, code, again))

    async def _collect(self, member: str, source: Source, condition: Condition) -> None:
        key = f"mark:{member}:{source.name}"
        desk = self._desks[member]

        async def mark() -> str | None:
            return await self._run(lambda conn: meta.get(conn, key))

        async def keep(batch: Batch) -> None:
            now = self._clock.now()

            def both(conn: Connection) -> Submission:
                adapters.check(conn, desk, batch)
                submission = writing.submit(
                    conn, desk, batch.type, batch.records, now, region=batch.region,
                    inreplyto=batch.inreplyto, approved_by=batch.approved_by,
                )  # fmt: skip
                if batch.mark is not None:
                    meta.put(conn, key, batch.mark)
                return submission

            submission = await self._run(both)
            for refused in submission.refused:
                log.warning(
                    "%s: a record of %s was not sent: %s", member, source.name, refused.code
                )
            self._sending.wanted.set()

        await adapters.collect_forever(source, condition, mark, keep)
