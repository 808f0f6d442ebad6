"""The police office of the tests: its database, and the mapping that describes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL

from jdgate_police.database import Registry

MAPPING = """
[send.orders]
type = "comm.order.notice.v1"
table = "decision"
key = "id"
marker = "updated_at"
late = 600
[send.orders.fields]
name = "xm"
id_no = "sfzh"
town = "zxd"
measure = "cs"
doc_no = "wh"
served_on = "sdrq"
[send.orders.values.measure]
"1" = "community_treatment"
"2" = "community_recovery"
"9" = ""
[send.orders.constants]
id_type = "ric"

[send.status]
type = "comm.status.change.v1"
table = "v_change"
key = "id"
marker = "id"
late = 50
[send.status.fields]
name = "xm"
id_no = "sfzh"
doc_no = "wh"
status = "zt"
date = "rq"
[send.status.constants]
id_type = "ric"
"""
STAMP = {"sqlite": "TIMESTAMP", "postgresql": "TIMESTAMP(3)"}


class Office:
    """The police office's own side of its database."""

    def __init__(self, url: URL, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.engine: Engine = create_engine(url, poolclass=sqlalchemy.pool.NullPool)

    @property
    def registry(self) -> Registry:
        return Registry(self.url)

    def does(self, statement: str, *many: dict[str, Any], **values: Any) -> None:
        with self.engine.begin() as conn:
            conn.execute(sqlalchemy.text(statement), list(many) or values)

    def sees(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.begin() as conn:
            return [tuple(row) for row in conn.execute(sqlalchemy.text(query), values)]

    def found(self) -> None:
        """Make the tables that `MAPPING` is about."""
        stamp = STAMP[self.engine.dialect.name]
        self.does(
            "CREATE TABLE decision (id INTEGER PRIMARY KEY, xm VARCHAR(60), sfzh CHAR(18),"
            " zxd VARCHAR(12), cs VARCHAR(2), wh VARCHAR(60), sdrq DATE,"
            f" updated_at {stamp} NOT NULL)"
        )
        self.does(
            "CREATE TABLE change_log (id INTEGER PRIMARY KEY, xm VARCHAR(60), sfzh CHAR(18),"
            " wh VARCHAR(60), zt VARCHAR(20), rq DATE)"
        )
        self.does("CREATE VIEW v_change AS SELECT * FROM change_log")
