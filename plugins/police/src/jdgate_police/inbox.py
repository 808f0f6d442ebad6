"""Receiving: what comes for the police lands in a table of their own database, once.

- One transaction writes the records of a delivery and the delivery's id into a second table. The
  id stays there when their people take rows out of the inbox: a delivery that comes again after a
  crash finds it and changes nothing.
- `deliver` returns after the commit, and the commit waits for the disk: the signed receipt
  follows at once.
- The tables are made only where the county allowed it (`create_inbox`). Otherwise their own
  administrator makes them: `Inbox.ddl()` and the log say how.

    inbox = Inbox(registry, "jdgate_inbox", create=False, types=frozenset({…}))
    await inbox.deliver(delivery)
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    insert,
    select,
)
from sqlalchemy.schema import CreateTable

from jdgate.plugins import Delivery, Health, Refused, TransportFailed

from .database import Clash, Registry

log = logging.getLogger(__name__)

SEALED_QUERY = "sealed.query.v1"


class Inbox:
    """Two tables: `<name>`, a row for each record, and `<name>_receipt`, one for each delivery."""

    name = "police.inbox"

    def __init__(
        self, registry: Registry, table: str, *, create: bool, types: frozenset[str]
    ) -> None:
        self.types = types
        self._registry = registry
        self._create = create
        self._warned = False
        schema, _, own = table.rpartition(".")
        self._metadata = MetaData(schema=schema or None)
        self.rows = Table(
            own,
            self._metadata,
            # numbers are never given twice, also after rows were taken out: answers count on it
            Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
            Column("delivery_id", String(64), nullable=False),
            Column("record_no", Integer, nullable=False),
            Column("type", String(64), nullable=False),
            Column("sender", String(32), nullable=False),
            Column("sent_at", DateTime(timezone=True), nullable=False),
            Column("received_at", DateTime(timezone=True), server_default=func.now()),
            Column("title", String(200)),
            Column("record", Text, nullable=False),
            UniqueConstraint("delivery_id", "record_no"),
            sqlite_autoincrement=True,
        )
        self.receipts = Table(
            f"{own}_receipt",
            self._metadata,
            Column("delivery_id", String(64), primary_key=True),
            Column("type", String(64), nullable=False),
            Column("records", Integer, nullable=False),
            Column("received_at", DateTime(timezone=True), server_default=func.now()),
        )

    def ddl(self) -> str:
        """The statements that make the tables, for this database."""
        made = [
            str(CreateTable(one).compile(dialect=self._registry.dialect))
            for one in (self.rows, self.receipts)
        ]
        return ";\n".join(one.strip() for one in made) + ";"

    async def check(self) -> Health:
        """Whether the database can be reached, and the tables are there or may be made."""

        def look(conn: Connection) -> None:
            if not self._there(conn) and not self._create:
                raise TransportFailed("police.inbox_missing")

        try:
            await self._registry.run(look)
        except (Refused, TransportFailed) as reason:
            return Health(ok=False, code=reason.code, params=dict(reason.params))
        return Health(ok=True)

    async def deliver(self, delivery: Delivery) -> None:
        """Write the delivery unless it is there.

        Raises:
            TransportFailed: `police.unreachable`, `police.inbox_missing`.
        """
        await asyncio.to_thread(self._deliver, delivery)

    def _deliver(self, delivery: Delivery) -> None:
        def write(conn: Connection) -> None:
            if not self._there(conn):
                self._make(conn)
            if not self._has(conn, delivery.id):
                conn.execute(insert(self.receipts), [_receipt(delivery)])
                if delivery.records:
                    conn.execute(insert(self.rows), list(_lines(delivery)))

        try:
            self._registry.do(write)
        except Clash:  # the same delivery, broken off and come again, was written meanwhile
            if not self._registry.do(lambda conn: self._has(conn, delivery.id)):
                raise TransportFailed("police.unreachable") from None
        except Refused:
            raise TransportFailed("police.inbox_missing") from None

    def _there(self, conn: Connection) -> bool:
        return all(
            conn.dialect.has_table(conn, one.name, schema=one.schema)
            for one in (self.rows, self.receipts)
        )

    def _make(self, conn: Connection) -> None:
        if not self._create:
            if not self._warned:
                self._warned = True
                log.warning("the police inbox has no tables; have these made:\n%s", self.ddl())
            raise TransportFailed("police.inbox_missing")
        self._metadata.create_all(conn)

    def _has(self, conn: Connection, delivery_id: str) -> bool:
        query = select(self.receipts.c.delivery_id).where(
            self.receipts.c.delivery_id == delivery_id
        )
        return conn.execute(query).first() is not None

    # --- what the rest of the plugin asks

    async def after(self, type: str, seq: int, limit: int) -> list[tuple[int, str, Any]]:
        """Records of a type above a number, in order: number, sender, record."""

        def look(conn: Connection) -> list[tuple[int, str, Any]]:
            if not self._there(conn):
                return []
            rows = self.rows.c
            found = conn.execute(
                select(rows.seq, rows.sender, rows.record)
                .where(rows.type == type, rows.seq > seq)
                .order_by(rows.seq)
                .limit(limit)
            )
            return [(row.seq, row.sender, json.loads(row.record)) for row in found]

        return await self._registry.run(look)

    async def holds_sealed_query(self, sender: str, query_no: str) -> bool:
        """Whether that body asked under that number, with a ground and an approver."""

        def look(conn: Connection) -> bool:
            if not self._there(conn):
                return False
            rows = self.rows.c
            query = select(rows.record).where(rows.type == SEALED_QUERY, rows.sender == sender)
            for (text,) in conn.execute(query):
                asked = json.loads(text)
                ground = asked.get("case_no") or asked.get("national_rule")
                if asked.get("query_no") == query_no and ground and asked.get("approver"):
                    return True
            return False

        return await self._registry.run(look)


def _receipt(delivery: Delivery) -> dict[str, Any]:
    return {"delivery_id": delivery.id, "type": delivery.type, "records": len(delivery.records)}


def _lines(delivery: Delivery) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(delivery.records):
        yield {
            "delivery_id": delivery.id,
            "record_no": number,
            "type": delivery.type,
            "sender": delivery.sender,
            "sent_at": delivery.time,
            "title": delivery.title.get("zh", ""),
            "record": json.dumps(record, ensure_ascii=False, sort_keys=True),
        }
