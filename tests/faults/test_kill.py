"""The daemon is killed at any instant, again and again, while files are pushed.

Whatever it said it had taken arrives exactly once, in the recipient's inbox and in its system; the
ledger holds, and no number is missing. What is random is drawn from a seed that a failure shows.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.kit import (
    ENROL,
    HOSTED,
    PLAN,
    WITHIN,
    County,
    end,
    enrolment,
    id_no,
    jdgate_command,
)
from tests.e2e.test_adapters import SINK, Registry

from jdgate.config import Home
from jdgate.control import connect
from jdgate.errors import JdgateError, TransportFailed
from jdgate.gateway import proofs
from jdgate.store import sequences
from jdgate.store.database import Database

SETTLED_WITHIN = 180.0
"""Seconds for everything to arrive after the last kill: resends come after 10 and 20 s."""
BATCH = 3


class Clerk(threading.Thread):
    """Pushes without end, and remembers what the daemon said it had kept."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self._home = home
        self.taken: list[int] = []
        self.unsure: list[int] = []
        self.ending = threading.Event()
        self.failed: JdgateError | None = None

    def run(self) -> None:
        following = 0
        while not self.ending.is_set():
            numbers = list(range(following, following + BATCH))
            try:
                with connect(self._home) as control:
                    following += BATCH
                    answer = control.call(
                        "submit",
                        member="cln-01",
                        type=ENROL,
                        records=[enrolment(n) for n in numbers],
                    )
                    assert answer["refused"] == []
                    self.taken += numbers
            except TransportFailed as reason:
                if reason.code == "control.lost":  # killed before it could answer
                    self.unsure += numbers
                time.sleep(0.02)
            except JdgateError as reason:
                self.failed = reason
                return
            time.sleep(0.01)


def settled(county: County) -> dict[str, int]:
    """The records that reached the police's inbox, once nothing is under way any more."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while True:
        status = county.patiently("status")
        waiting = sum(member["outbox_open"] for member in status["members"])
        if not waiting and not status["open_deliveries"]:
            break
        assert time.monotonic() < deadline, (waiting, status["open_deliveries"], county.log())
        time.sleep(0.1)
    counted: Counter[str] = Counter()
    with connect(county.home) as control:
        for row in control.call("inbox.list", member="pol", limit=1_000_000):
            shown = control.call("inbox.show", member="pol", id=row["id"])
            counted.update(record["id_no"] for record in shown["data"])
    return counted


def assert_books_sound(home: Home) -> None:
    """Read with the daemon stopped: every leaf hashed again, and no gap in either direction."""
    for file, which in ((home.books, "books"), (home.edge, "edge")):
        database = Database.open(f"sqlite:///{file}", which)
        try:
            database.check()
            with database.read() as conn:
                gaps = conn.exec_driver_sql("SELECT member, source FROM sequence_gap").all()
                assert not gaps, (which, gaps)
                if which == "books":
                    for _ in proofs.recompute(conn):
                        pass
                    at = sequences.position(conn, "cln-01")
                    assert at.contiguous == at.highest
                    rows = "SELECT sequence FROM message WHERE source = 'cln-01' AND type = ?"
                    numbers = [row[0] for row in conn.exec_driver_sql(rows, (ENROL,))]
                    assert sorted(numbers) == list(range(1, len(numbers) + 1))
        finally:
            database.close()


def kill(county: County, child: subprocess.Popen[bytes], _: random.Random) -> None:
    end(child, signal.SIGKILL)


def kill_and_wipe_the_bus(
    county: County, child: subprocess.Popen[bytes], chance: random.Random
) -> None:
    """The bus goes with the daemon, and sometimes its disk does."""
    end(child, signal.SIGKILL)
    if chance.random() < 0.5:
        shutil.rmtree(county.home.nats, ignore_errors=True)


def stop_in_order(county: County, child: subprocess.Popen[bytes], _: random.Random) -> None:
    assert end(child, signal.SIGTERM) == 0, county.log()


Way = Callable[[County, "subprocess.Popen[bytes]", random.Random], None]


@pytest.mark.parametrize("way", [kill, kill_and_wipe_the_bus, stop_in_order])
def test_everything_taken_arrives_once_however_often_the_daemon_dies(
    tmp_path: Path, way: Way, rounds: int
) -> None:
    seed = int(os.environ.get("JDGATE_FAULT_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    print("JDGATE_FAULT_SEED", seed)
    county = County.found(tmp_path / "county", plugins={"registry": SINK})
    clerk = Clerk(county.home)
    clerk.start()
    child = county.spawn()
    try:
        for _ in range(max(2, rounds // 2) if way is not kill else rounds):
            # some die while they start, most in the middle of work
            if chance.random() < 0.8:
                county.patiently("ledger.head")
                before = len(clerk.taken)
                deadline = time.monotonic() + 10
                while len(clerk.taken) == before and time.monotonic() < deadline:
                    time.sleep(0.001)
            time.sleep(chance.random() * 0.4)  # the instant itself: any will do
            if child.poll() is None and way is stop_in_order:
                county.patiently("ledger.head")
            way(county, child, chance)
            child = county.spawn()
        county.patiently("status")
        clerk.ending.set()
        clerk.join(WITHIN)
        assert not clerk.is_alive()
        assert clerk.failed is None
        inbox = settled(county)
    finally:
        clerk.ending.set()
        end(child, signal.SIGTERM)

    assert clerk.taken, county.log()
    people = Counter(id_no(n) for n in clerk.taken)
    maybe = {id_no(n) for n in clerk.unsure}
    certain = Counter({id: count for id, count in inbox.items() if id not in maybe})
    assert certain == people, json.dumps({"seed": seed, "log": county.log()}, ensure_ascii=False)
    assert all(count == 1 for count in inbox.values())
    assert Registry(county).people() == Counter(inbox)
    assert_books_sound(county.home)


def test_the_server_of_a_killed_daemon_dies_with_it(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    child = county.spawn()
    try:
        county.patiently("status")
        before = _servers_under(county.home)
        assert before
    finally:
        end(child, signal.SIGKILL)
    deadline = time.monotonic() + WITHIN
    while _servers_under(county.home):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _servers_under(home: Home) -> list[int]:
    """Process ids of nats-servers that run on this county's configuration."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(home.nats).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_a_second_daemon_of_the_same_folder_is_turned_away(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    with county.process():
        county.patiently("status")
        second = subprocess.run(
            [jdgate_command(), "run", "-c", str(county.home.config), "--lang", "en"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert second.returncode == 2
        assert "already" in second.stderr or "running" in second.stderr
        assert len(county.control("member.list")) == len(PLAN) > len(HOSTED)
