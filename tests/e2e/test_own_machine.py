"""A department on a machine of its own: keys made there, admitted by fingerprint, two daemons."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import (
    CLINIC_PLUGIN,
    ENROL,
    WITHIN,
    County,
    end,
    enrolment,
    jdgate_command,
    kept_port,
)

from jdgate.config import Home
from jdgate.control import connect
from jdgate.core import directory as directories
from jdgate.core.directory import Trust
from jdgate.errors import TransportFailed
from jdgate.founding import pinned_authority


def jdgate(folder: Path, *args: str, code: int = 0) -> dict[str, Any]:
    """A command in a folder; its answer."""
    done = subprocess.run(
        [jdgate_command(), *args, "--json"],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, (args, done.stdout, done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def until(condition: Any, log: Path) -> Any:
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            if value := condition():
                return value
        except TransportFailed:
            pass
        assert time.monotonic() < deadline, log.read_text("utf-8")[-3000:]
        time.sleep(0.05)


@contextmanager
def daemon(folder: Path) -> Iterator[Path]:
    """`jdgate run` in a folder; where its output goes."""
    log = folder / "daemon.log"
    with log.open("ab") as out:
        child = subprocess.Popen(
            [jdgate_command(), "run", "--lang", "en"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    try:
        yield log
    finally:
        end(child)


def ask(folder: Path, method: str, /, **params: Any) -> Any:
    with connect(Home(folder)) as control:
        return control.call(method, **params)


REQUEST = (
    "key",
    "request",
    "cln-20",
    "--name",
    "镇卫生院门诊",
    "--role",
    "CLN",
    "--region",
    "511623",
)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[County, Path]]:
    """A county's machine whose NATS server listens on a port that is known, and an empty one."""
    county = County.found(tmp_path / "county")
    text = county.home.config.read_text("utf-8")
    department = tmp_path / "clinic"
    department.mkdir()
    with kept_port() as port:
        county.home.config.write_text(text + f"\n[nats]\nport = {port}\n", "utf-8")
        yield county, department


def url_of(county: County) -> str:
    return (
        "nats://127.0.0.1:" + county.home.config.read_text("utf-8").rpartition("port = ")[2].strip()
    )


def test_two_machines_exchange_and_no_private_key_travels(
    places: tuple[County, Path],
) -> None:
    county, clinic = places
    authority = county.home.root
    asked = jdgate(clinic, *REQUEST)
    key_file = clinic / "keys" / "cln-20.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    private = [part for part in _texts(json.loads(key_file.read_text("utf-8"))) if len(part) > 40]
    assert len(private) == 3

    with daemon(authority) as county_log:
        until(lambda: ask(authority, "status"), county_log)
        request = asked["file"]
        admit = ("member", "admit", request, "--nats", url_of(county))
        # without the digits, or with others, nothing is signed
        before = directory_of(county)
        assert jdgate(authority, *admit, code=2)["error"]["code"] == "enrol.fingerprint_needed"
        wrong = asked["fingerprint"].translate(str.maketrans("0123456789", "1234567890"))
        refused = jdgate(authority, *admit, "--fingerprint", wrong, code=1)
        assert refused["error"]["code"] == "enrol.fingerprint"
        assert directory_of(county) == before
        done = jdgate(authority, *admit, "--fingerprint", asked["fingerprint"])
        assert done["adopted"] is True and done["version"] == before.version + 1

        # what travels: the request, and the welcome
        for file in (Path(request), Path(done["file"]), county.home.directory):
            assert not [secret for secret in private if secret in file.read_text("utf-8")]
        accept = ("key", "accept", done["file"])
        told = done["authority_fingerprint"]
        assert jdgate(clinic, *accept, "--fingerprint", asked["fingerprint"], code=1)
        jdgate(clinic, *accept, "--fingerprint", told.replace(" ", "-"))
        config = clinic / "jdgate.toml"
        config.write_text(config.read_text("utf-8") + '\n[plugins]\ndir = "plugins"\n', "utf-8")
        (clinic / "plugins").mkdir()
        (clinic / "plugins" / "clinic").symlink_to(CLINIC_PLUGIN)

        with daemon(clinic) as clinic_log:
            (own,) = until(
                lambda: [m for m in ask(clinic, "status")["members"] if m["healthy"]], clinic_log
            )
            assert own["id"] == "cln-20"
            assert ask(clinic, "status")["roles"] == ["edge"]
            sent = ask(
                clinic, "submit", member="cln-20", type=ENROL,
                records=[enrolment(1, site="cln-20")],
            )["messages"][0]["id"]  # fmt: skip
            (came,) = until(lambda: ask(authority, "inbox.list", member="pol"), county_log)
            assert (came["origin"], came["type"]) == ("cln-20", ENROL)
            until(lambda: not ask(clinic, "status")["members"][0]["outbox_open"], clinic_log)

            jdgate(authority, "member", "suspend", "cln-20")
            until(lambda: _status(authority, "cln-20") == "suspended", county_log)
            until(lambda: not ask(clinic, "status")["members"][0]["healthy"], clinic_log)
            jdgate(authority, "member", "resume", "cln-20")
            until(lambda: ask(clinic, "status")["members"][0]["healthy"], clinic_log)
        assert sent
        jdgate(authority, "member", "revoke", "cln-20")
        until(lambda: all(k["revoked_at"] for k in _keys(authority, "cln-20")), county_log)


def test_new_keys_stand_beside_the_old_ones(places: tuple[County, Path]) -> None:
    county, clinic = places
    authority = county.home.root

    def admitted(*more: str) -> str:
        asked = jdgate(clinic, *REQUEST, *more)
        to = ("member", "admit", asked["file"], "--nats", "nats://127.0.0.1:1", "--fingerprint")
        done = jdgate(authority, *to, asked["fingerprint"])
        assert done["adopted"] is False
        jdgate(
            clinic, "key", "accept", done["file"], "--fingerprint", done["authority_fingerprint"]
        )
        return str(asked["file"])

    first = Path(admitted())
    assert jdgate(clinic, *REQUEST, code=1)["error"]["code"] == "keys.exists"
    again = ("member", "admit", str(first), "--nats", "x", "--fingerprint")
    known = jdgate(authority, *again, _fingerprint(first), code=1)
    assert known["error"]["code"] == "enrol.key_known"
    admitted("--number", "2")
    stale = jdgate(clinic, *REQUEST, "--number", "2", code=1)
    assert stale["error"]["code"] == "enrol.number"
    keys = {key.kid: key for key in Trust(directory_of(county)).member("cln-20").keys}
    assert sorted(keys) == sorted(
        f"cln-20.{use}.{number}" for use in ("sig", "enc", "bus") for number in (1, 2)
    )
    assert [kid for kid, key in keys.items() if key.revoked_at] == ["cln-20.bus.1"]
    for act, member, code in (
        ("revoke", "gateway", "enrol.not_department"),
        ("suspend", "cln-99", "member.unknown"),
    ):
        assert jdgate(authority, "member", act, member, code=1)["error"]["code"] == code
    # a person sees the same in words, in both languages
    for lang in ("zh", "en"):
        shown = subprocess.run(
            [jdgate_command(), "member", "resume", "cln-20", "--lang", lang],
            cwd=authority, capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert str(directory_of(county).version) in shown
    shutil.rmtree(clinic / "keys")
    lost = jdgate(clinic, "key", "accept", str(authority / "cln-20.welcome"),
                  "--fingerprint", "1", code=1)  # fmt: skip
    assert lost["error"]["code"] == "enrol.fingerprint"


def directory_of(county: County) -> directories.Directory:
    pinned = pinned_authority(county.home.authority_public)
    return directories.read(county.home.directory.read_bytes(), pinned)


def _fingerprint(file: Path) -> str:
    from jdgate.core.enrolment import fingerprint, read_request

    return fingerprint(read_request(file.read_bytes().strip()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _status(folder: Path, member: str) -> str:
    return str(ask(folder, "member.show", id=member)["status"])


def _keys(folder: Path, member: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = ask(folder, "member.show", id=member)["keys"]
    return [{"revoked_at": None, **key} for key in keys]
