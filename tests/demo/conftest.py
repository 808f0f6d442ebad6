"""A county whose story was told, once for all tests that look at it, and daemons to run it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jdgate.config import Home

from .noon import to_noon

JDGATE = (sys.executable, Path(__file__).with_name("noon.py"))
STAYS_UP = "the county stays up"
PATIENCE = 300.0
"""Seconds a story may take on a machine that is busy with other things."""


def turned_by(folder: Path) -> float:
    """By how many seconds the clock of the county in a folder is turned, at each of its starts."""
    file = folder.parent / "turned"
    if not file.exists():
        file.write_text(str(to_noon()))
    return float(file.read_text())


class Running:
    """`jdgate run --demo` in a folder, with what it printed."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._log = folder.parent / f"{folder.name}.{len(list(folder.parent.glob('*.log')))}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*JDGATE, "run", "--demo", "--lang", "en", *options],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={
                    **os.environ,
                    "PYTHONUNBUFFERED": "1",
                    "TURNED_BY": str(turned_by(folder)),
                },
            )

    @property
    def printed(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> str:
        """What was printed by the time that `text` was."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.printed:
            assert self.process.poll() is None, f"it ended:\n{self.printed}"
            assert time.monotonic() < deadline, f"“{text}” did not come:\n{self.printed}"
            time.sleep(0.05)
        return self.printed

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE)


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a demo in a folder; it is stopped when the test ends."""
    started: list[Running] = []

    def begin(folder: Path, *options: str) -> Running:
        started.append(Running(folder, *options))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture(scope="session")
def told_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `county`, where the story was told and the daemon stopped, `printed.txt` and
    `exit_code`. Test processes running side by side share it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-told"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "exit_code").exists():
            shutil.rmtree(shared / "county", ignore_errors=True)
            (shared / "turned").unlink(missing_ok=True)
            running = Running(shared / "county")
            try:
                printed = running.wait_for(STAYS_UP)
                (shared / "printed.txt").write_text(printed, encoding="utf-8")
                (shared / "exit_code").write_text(str(running.stop()))
            finally:
                if running.process.poll() is None:
                    running.kill()
    return shared


@pytest.fixture(scope="session")
def printed(told_once: Path) -> str:
    """What the first run printed."""
    return (told_once / "printed.txt").read_text(encoding="utf-8")


@pytest.fixture
def told(told_once: Path, tmp_path: Path) -> Path:
    """A copy of the county whose story was told."""
    return copied(told_once, tmp_path)


def copied(told_once: Path, into: Path) -> Path:
    """The county of `told_once` in a folder of its own."""
    folder = into / "county"
    shutil.copytree(told_once / "county", folder, ignore=shutil.ignore_patterns("*.sock"))
    shutil.copy(told_once / "turned", into)
    return folder


def sent(folder: Path) -> Counter[str]:
    """How many messages of each type all members have put into their outboxes."""
    with sqlite3.connect(Home(folder).edge) as edge:
        return Counter(type for (type,) in edge.execute("select type from outbox"))
