"""The demo police's registry: an SQLite database of their own, read and written by the plugin
`police` as it would read theirs.

    settle(home)                        # at the founding: tables, mapping, where they are
    decide(home, orders, at)            # the police enter decisions; the plugin sends them
    received(home)                      # rows in the police's own table of what came for them
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime

from jdgate.config import Home

DATABASE, ADDRESS, MAPPING = "var/registry.db", "keys/registry.url", "var/registry.toml"

_TABLE = """\
create table decision (
    id integer primary key, xm text not null, sfzh text not null, zxd text not null,
    cs text not null, wh text not null, sdrq text not null, updated_at timestamp not null
)"""

_MEASURES = {"community_treatment": "1", "community_recovery": "2"}
"""Our codes → the registry's own."""

_SENT = """\
# Which columns of the police's registry are which fields. Made for the demo county.

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
[send.orders.constants]
id_type = "ric"
"""

SETTINGS = f"""
[rules.police]
database_file = "{ADDRESS}"   # holds the database's URL, mode 0600
mapping = "{MAPPING}"
create_inbox = true
"""


def settle(home: Home) -> None:
    """Make the database and tell the plugin where it is."""
    address = home.root / ADDRESS
    address.touch(mode=0o600)
    address.write_text(f"sqlite:///{DATABASE}\n", encoding="utf-8")
    home.var.mkdir(mode=0o700, exist_ok=True)
    (home.root / MAPPING).write_text(_SENT, encoding="utf-8")
    with closing(sqlite3.connect(home.root / DATABASE)) as database, database:
        database.execute(_TABLE)


def decide(home: Home, orders: Sequence[Mapping[str, str]], at: datetime) -> None:
    """Enter decisions that are not there yet, as the police's own system would."""
    rows = [
        (
            number,
            one["name"],
            one["id_no"],
            one["town"],
            _MEASURES[one["measure"]],
            one["doc_no"],
            one["served_on"],
            at.isoformat(sep=" ", timespec="milliseconds"),
        )
        for number, one in enumerate(orders, start=1)
    ]
    with closing(sqlite3.connect(home.root / DATABASE)) as database, database:
        database.executemany("insert or ignore into decision values (?, ?, ?, ?, ?, ?, ?, ?)", rows)


def received(home: Home) -> int:
    """Rows in the police's own inbox table."""
    with closing(sqlite3.connect(home.root / DATABASE)) as database:
        (count,) = database.execute("select count(*) from jdgate_inbox").fetchone()
    return int(count)
