"""Sending: what changes in the registry goes out, once, section after section.

- A round first looks where each section ends, the last section first, and then reads up to there,
  the first section first. So a status change never overtakes the order it is about, when orders
  stand before status changes in the mapping.
- A section that can't be read ends the round: what stands after it may depend on it.
- A row that can't be sent (a value the mapping lacks, a field its type refuses, no person who
  approved it) is held back and counted in the log by its reason, without any value. It is looked
  at again when its marker changes.
- An answer about sealed records is held back unless the body it is for has asked with a case
  number or a named national rule, and with an approver (治安管理处罚法 136).
- Each batch carries the position of all sections; the edge keeps both in one transaction.

    source = Changes(registry, sections, catalogue, inbox)
    async for batch in source.collect(mark): …
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from jdgate.core.calendar import local_day
from jdgate.core.catalogue import Catalogue
from jdgate.core.schema import check_record
from jdgate.plugins import Batch, Health, Refused, TransportFailed

from . import rows
from .database import Registry, looks, named, raw
from .inbox import Inbox
from .mapping import Section
from .progress import Progress

log = logging.getLogger(__name__)

BATCH = 200
"""Rows read at once and records in one message."""
SEALED_ANSWER = "sealed.answer.v1"
Row = dict[str, Any]


def utc_now() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


class Changes:
    """The registry as a source. `inbox` tells which sealed queries came; None: none can have."""

    name = "police.registry"

    def __init__(
        self,
        registry: Registry,
        sections: Sequence[Section],
        catalogue: Catalogue,
        inbox: Inbox | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._registry = registry
        self._sections = tuple(sections)
        self._catalogue = catalogue
        self._inbox = inbox
        self._clock = clock
        self._told: dict[str, Counter[str]] = {}
        """What the log was last told of: a row that is held back alone is met every round."""

    async def check(self) -> Health:
        """Whether every table of the mapping can be read."""

        def look(conn: Connection) -> None:
            for section in self._sections:
                looks(conn, section.table, *section.columns)

        return await health(self._registry, look)

    async def collect(self, mark: str | None = None) -> AsyncIterator[Batch]:
        """One round over all sections."""
        states: dict[str, Any] = json.loads(mark) if mark else {}
        ends: dict[str, Row | None] = {}
        for section in reversed(self._sections):
            ends[section.name] = await self._registry.run(partial(_end, section))
        for section in self._sections:
            end = ends[section.name]
            if end is None:
                continue
            progress = Progress.read(states.get(section.name), section.late)
            async for names, records in self._read(section, progress, end):
                states[section.name] = progress.state()
                whole = json.dumps(states, separators=(",", ":"))
                yield Batch(section.type, records, mark=whole, approved_by=names)

    async def _read(
        self, section: Section, progress: Progress, end: Row
    ) -> AsyncIterator[tuple[tuple[str, ...], list[dict[str, Any]]]]:
        """Records in their order, together those that the same persons approved.

        They are given before `progress` is told of the next row: what its state calls dealt with
        is in a batch.
        """
        held: Counter[str] = Counter()
        after = progress.floor
        now = self._clock()
        approved_by: tuple[str, ...] = ()
        waiting: list[dict[str, Any]] = []
        while True:
            page = await self._registry.run(partial(_page, section, after, end))
            for row in page:
                names, trouble = _approvers(section, row)
                if waiting and names not in (None, approved_by):
                    yield approved_by, waiting
                    waiting = []
                if not progress.passes(row[section.marker], row[section.key], now):
                    continue
                if names is None:
                    held.update(trouble)
                    continue
                record = await self._record(section, row, now, held)
                if record is not None:
                    approved_by, waiting = names, [*waiting, record]
            last = len(page) < BATCH
            if last:
                progress.finish()
            if waiting:
                yield approved_by, waiting
                waiting = []
            if last:
                break
            after = (page[-1][section.marker], page[-1][section.key])
        if held and held != self._told.get(section.name):
            for code, count in held.items():
                log.warning("%s: %d rows were held back: %s", section.name, count, code)
        self._told[section.name] = held

    async def _record(
        self, section: Section, row: Row, now: datetime, held: Counter[str]
    ) -> dict[str, Any] | None:
        try:
            record = rows.record(section, row)
        except Refused as reason:
            held[f"{reason.code} {reason.params.get('field', '')}"] += 1
            return None
        if record is None:
            return None
        validator = self._catalogue.validator(section.type)
        sheet = self._catalogue.sheet(section.type)
        faults = check_record(validator, sheet, record, local_day(now))
        if faults:
            held[f"{faults[0].code} {faults[0].path}"] += 1
            return None
        if section.type == SEALED_ANSWER and not await self._was_asked(record):
            held["police.sealed_not_asked"] += 1
            return None
        return record

    async def _was_asked(self, answer: Mapping[str, Any]) -> bool:
        if self._inbox is None:
            return False
        return await self._inbox.holds_sealed_query(answer["to"], answer["query_no"])


def _approvers(section: Section, row: Row) -> tuple[tuple[str, ...] | None, list[str]]:
    """Who approved a row; None while it waits for them, or with what is wrong with the names."""
    try:
        names = rows.approvers(section, row)
    except Refused as reason:
        return None, [f"{reason.code} approved_by"]
    return (names, []) if len(names) >= section.approvers else (None, [])


def _end(section: Section, conn: Connection) -> Row | None:
    source = named(section.table, section.marker, section.key)
    marker, key = source.c[section.marker], source.c[section.key]
    found = conn.execute(
        select(marker, key)
        .where(marker.is_not(None), key.is_not(None))
        .order_by(marker.desc(), key.desc())
        .limit(1)
    ).first()
    return None if found is None else dict(found._mapping)


def _page(section: Section, after: tuple[Any, Any] | None, end: Row, conn: Connection) -> list[Row]:
    source = named(section.table, *section.columns)
    marker, key = source.c[section.marker], source.c[section.key]
    last_marker, last_key = raw(end[section.marker]), raw(end[section.key])
    query = select(*source.c).where(
        marker.is_not(None),
        key.is_not(None),
        or_(marker < last_marker, and_(marker == last_marker, key <= last_key)),
    )
    if after is not None:
        first, second = raw(after[0]), raw(after[1])
        query = query.where(or_(marker > first, and_(marker == first, key > second)))
    found = conn.execute(query.order_by(marker, key).limit(BATCH))
    return [dict(row._mapping) for row in found]


async def health(registry: Registry, look: Callable[[Connection], None]) -> Health:
    """Whether a look at the database succeeds."""
    try:
        await registry.run(look)
    except (Refused, TransportFailed) as reason:
        return Health(ok=False, code=reason.code, params=dict(reason.params))
    return Health(ok=True)
