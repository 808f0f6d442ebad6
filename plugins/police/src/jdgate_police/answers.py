"""Eligibility for a licence: the traffic police ask, the registry answers yes or no and a rule.

- A query lands in the inbox table like everything else, and is answered from there: its number
  in that table is the mark, so that each is answered once, also after a crash.
- The police say who is barred, in a table or view for each rule; the plugin only looks whether
  the person is in it. Nothing else of the registry is read and nothing of it is sent: no record,
  no date, no reason but the rule's code.
- A person is the identity document, kind and number. A name alone decides nothing.
- No rule in the mapping, no answer: then a person answers by hand.

    source = Answers(registry, plan.bars, inbox)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from jdgate.core.calendar import day_of
from jdgate.plugins import Batch, Health

from .database import Registry, looks, named
from .inbox import Inbox
from .mapping import ANSWER, QUERY, Bar
from .rows import day
from .source import BATCH, health, utc_now

RESIDENT = "ric"


class Answers:
    """Answers the queries in the inbox, oldest first."""

    name = "police.answers"

    def __init__(
        self,
        registry: Registry,
        bars: Sequence[Bar],
        inbox: Inbox,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._registry = registry
        self._bars = tuple(bars)
        self._inbox = inbox
        self._clock = clock

    async def check(self) -> Health:
        """Whether the table of every rule can be read."""

        def look(conn: Connection) -> None:
            for bar in self._bars:
                looks(conn, bar.table, *_columns(bar))

        return await health(self._registry, look)

    async def collect(self, mark: str | None = None) -> AsyncIterator[Batch]:
        """Answers to every query above the mark."""
        last = int(mark) if mark else 0
        while True:
            queries = await self._inbox.after(QUERY, last, BATCH)
            if not queries:
                return
            today = day_of(self._clock())

            def judge(
                conn: Connection, asked: list[Any] = queries, today: str = today
            ) -> list[dict[str, Any]]:
                return [self._answer(conn, sender, query, today) for _, sender, query in asked]

            answers = await self._registry.run(judge)
            last = queries[-1][0]
            yield Batch(ANSWER, answers, mark=str(last))

    def _answer(
        self, conn: Connection, sender: str, query: Mapping[str, Any], today: str
    ) -> dict[str, Any]:
        bar = next((one for one in self._bars if _stands(conn, one, query, today)), None)
        return {
            "to": sender,
            "application_no": query["application_no"],
            "eligible": bar is None,
            "rule_code": bar.rule_code if bar else "none",
        }


def _columns(bar: Bar) -> list[str]:
    return [one for one in (bar.id_no, bar.id_type, bar.until) if one]


def _stands(conn: Connection, bar: Bar, query: Mapping[str, Any], today: str) -> bool:
    """Whether the rule bars this person from this class today."""
    if query["class"] not in bar.classes:
        return False
    if bar.id_type is None and query["id_type"] != RESIDENT:
        return False
    source = named(bar.table, *_columns(bar))
    found = conn.execute(select(*source.c).where(source.c[bar.id_no] == query["id_no"]))
    kinds: dict[str, list[Any]] = defaultdict(list)
    for row in found.mappings():
        kind = str(row[bar.id_type]).strip() if bar.id_type else RESIDENT
        kinds[kind].append(row[bar.until] if bar.until else None)
    ends = kinds[query["id_type"]]
    return any(end is None or not str(end).strip() or day(end) >= today for end in ends)
