"""A NATS server that the operator runs: by `--nats URL` with the guide's own configuration, and an
installed binary in place of the packaged one."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import ENROL, WITHIN, County, end, enrolment, id_no, kept_port

from jdgate.bus.binary import packaged

REPOSITORY = Path(__file__).parents[2]
GUIDE = REPOSITORY / "docs" / "operator-guide.md"
USERS = REPOSITORY / "docs" / "examples" / "nats_users.py"


def as_in_the_guide(county: County, folder: Path, port: int) -> Path:
    """The configuration that the operator guide prints, here and without its certificate."""
    folder.mkdir()
    made = [sys.executable, str(USERS), str(county.home.root)]
    users = subprocess.run(made, check=True, capture_output=True, text=True, timeout=60).stdout
    (folder / "jdgate-users.conf").write_text(users, "utf-8")
    (text,) = re.findall(r"```text\n# nats.conf\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    for old, new in (
        ("0.0.0.0:4222", f"127.0.0.1:{port}"),
        ("/var/lib/nats", f'"{folder}/store"'),
        (re.search(r"tls \{.*\}\n", text)[0], ""),  # type: ignore[index]
    ):
        assert old in text
        text = text.replace(old, new)
    config = folder / "nats.conf"
    config.write_text(text, "utf-8")
    return config


@contextmanager
def nats_server(config: Path) -> Iterator[None]:
    """A server that belongs to nobody but its operator."""
    with (config.parent / "log").open("ab") as log:
        child = subprocess.Popen([packaged(), "-c", config], stdout=log, stderr=log)
    try:
        yield
    finally:
        end(child, signal.SIGTERM)


def until(condition: Callable[[], Any], county: County) -> Any:
    deadline = time.monotonic() + WITHIN
    while not (value := condition()):
        assert time.monotonic() < deadline, county.log()
        time.sleep(0.05)
    return value


def submit(county: County, number: int) -> None:
    answer = county.patiently("submit", member="cln-01", type=ENROL, records=[enrolment(number)])
    assert answer["refused"] == []


def arrived(county: County) -> list[str]:
    rows = county.control("inbox.list", member="pol", limit=100)
    shown = [county.control("inbox.show", member="pol", id=row["id"]) for row in rows]
    return sorted(record["id_no"] for one in shown for record in one["data"])


@pytest.fixture
def port() -> Iterator[int]:
    with kept_port() as port:
        yield port


def test_a_county_exchanges_over_a_server_of_its_operators_whose_store_may_be_lost(
    tmp_path: Path, port: int
) -> None:
    county = County.found(tmp_path / "county")
    config = as_in_the_guide(county, tmp_path / "nats", port)
    url = f"nats://127.0.0.1:{port}"
    with nats_server(config), county.process("--nats", url):
        submit(county, 1)
        until(lambda: arrived(county) == [id_no(1)], county)
        status = county.control("status")
        assert (status["bus"]["url"], status["bus"]["mode"]) == (url, "external"), status["bus"]
        assert not county.home.nats.exists(), "a server of our own was started besides"
    with county.process("--nats", url) as child:
        # the server is away, and a gateway needs it to start: it says so and ends
        assert child.wait(2 * WITHIN) != 0
        assert url in county.log()
    with nats_server(config), county.process("--nats", url):
        county.patiently("status")
        submit(county, 2)
        until(lambda: len(arrived(county)) == 2, county)
    shutil.rmtree(tmp_path / "nats" / "store")
    with nats_server(config), county.process("--nats", url):
        submit(county, 3)
        wanted = sorted(id_no(number) for number in (1, 2, 3))
        assert until(lambda: len(arrived(county)) == 3 and arrived(county), county) == wanted


def test_an_installed_server_takes_precedence_over_the_packaged_one(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    installed, calls = tmp_path / "nats-server", tmp_path / "calls"
    installed.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\nexec "{packaged()}" "$@"\n', "utf-8")
    installed.chmod(0o755)
    text = county.home.config.read_text("utf-8")
    county.home.config.write_text(f'{text}\n[nats]\nserver = "{installed}"\n', "utf-8")
    with county.process():
        submit(county, 1)
        until(lambda: arrived(county) == [id_no(1)], county)
    said = calls.read_text("utf-8").splitlines()
    assert "--version" in said[0]
    assert any(str(county.home.nats) in line for line in said[1:]), said
