"""A police registry to try the plugin on: a SQLite file with a table for each type it sends.

Made again on the same folder it is the same registry, as after a restart.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from .plugin import own_catalogue

own_catalogue()  # the kit forks for every piece of work: read it once, before

TABLES = {
    "comm.order.notice.v1": (
        "orders",
        "name id_type id_no town measure doc_no served_on term_months",
    ),
    "comm.status.change.v1": ("changes", "name id_type id_no doc_no status date"),
    "mmt.custody.notice.v1": ("custody", "name id_type id_no date"),
    "comm.control.exit.v1": ("exits", "name id_type id_no date"),
}


class Trial:
    """The county police `pol` with a registry in a file."""

    member = "pol"
    roles = ("POL",)
    gives = tuple(TABLES)

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "registry.db"
        if not self._file.exists():
            self._found(folder)
        self.settings: Mapping[str, Any] = {
            "database_file": str(folder / "registry.url"),
            "mapping": str(folder / "registry.toml"),
            "create_inbox": True,
            "inbox_table": "inbox",
        }

    def _found(self, folder: Path) -> None:
        lines = []
        with closing(sqlite3.connect(self._file)) as conn:
            for kind, (table, fields) in TABLES.items():
                columns = ", ".join(f"{one} TEXT" for one in fields.split())
                conn.execute(
                    f"CREATE TABLE {table} (no INTEGER PRIMARY KEY, at TEXT DEFAULT"
                    f" CURRENT_TIMESTAMP, officer TEXT DEFAULT '王民警', {columns})"
                )
                lines += [f"[send.{table}]", f'type = "{kind}"', f'table = "{table}"']
                lines += ['key = "no"', 'marker = "at"', 'approved_by = "officer"']
                lines += [f"[send.{table}.fields]", *(f'{one} = "{one}"' for one in fields.split())]
        (folder / "registry.toml").write_text("\n".join(lines), "utf-8")
        url = folder / "registry.url"
        url.write_text(f"sqlite:///{self._file}", "utf-8")
        url.chmod(0o600)

    def put(self, type: str, records: Sequence[Mapping[str, Any]]) -> None:
        """What an officer would do to have these sent: enter them."""
        table, fields = TABLES[type]
        names = fields.split()
        marks = ", ".join("?" * len(names))
        with closing(sqlite3.connect(self._file)) as conn, conn:
            conn.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608
                [[one.get(name) for name in names] for one in records],
            )

    def taken(self) -> list[str]:
        """The ids of the deliveries that are in the inbox whole, once per effect."""
        with closing(sqlite3.connect(self._file)) as conn:
            try:
                there = Counter(one for (one,) in conn.execute("SELECT delivery_id FROM inbox"))
                expected = dict(conn.execute("SELECT delivery_id, records FROM inbox_receipt"))
            except sqlite3.OperationalError:
                return []
        assert set(there) == set(expected), "records and receipts are one transaction"
        return [one for one in there for _ in range(there[one] // expected[one])]

    def away(self) -> None:
        """Make the registry unreachable."""
        self._file.rename(self._file.with_suffix(".away"))
