"""A writer killed at any instant leaves whole transactions only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.store.conftest import NOW

from jdgate.store import meta, rulestate, sequences
from jdgate.store.database import Database, Which

WRITER = """
import sys
from datetime import UTC, datetime
from jdgate.store import meta, rulestate, sequences
from jdgate.store.database import Database

database = Database.open(sys.argv[1], "books")
now = datetime(2026, 11, 21, tzinfo=UTC)
number = 0
while True:
    with database.transaction() as conn:
        number = sequences.next_sequences(conn, "pol", 1)
        states = {f"key {key}": str(number).encode() * 200 for key in range(50)}
        rulestate.save(conn, "rule", states, version=1, now=now)
        meta.put(conn, "number", str(number))
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 7, 40])
def test_sigkill_leaves_no_partial_transaction_and_loses_no_committed_one(
    after: int, tmp_path: Path, sqlite_templates: Callable[[Which], Path]
) -> None:
    url = f"sqlite:///{tmp_path / 'books.db'}"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    committed = 0
    while committed < after:
        committed = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split()
    committed = int(rest[-1]) if rest else committed
    writer.stdout.close()
    writer.wait()

    database = Database.open(url, "books")
    database.check()
    with database.transaction() as conn:
        number = int(meta.get(conn, "number") or 0)
        assert number in (committed, committed + 1)
        keys = [f"key {key}" for key in range(50)]
        states = rulestate.load(conn, "rule", keys)
        assert states == {key: str(number).encode() * 200 for key in keys}
        assert sequences.next_sequences(conn, "pol", 1) == number + 1
        rulestate.save(conn, "rule", {}, version=1, now=NOW)
    database.close()
