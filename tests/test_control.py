"""Commands and the daemon talk over a private socket: answers, events and errors come whole."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

from jdgate.config import Home
from jdgate.control import Control, ControlServer, _short_path, connect
from jdgate.errors import (
    JdgateError,
    Misuse,
    Refused,
    TransportFailed,
    UsageError,
)

FAMILIES = (Refused, TransportFailed, UsageError, Misuse)


class Own(Refused):
    """A family's child, as `CatalogueRefused` is."""


async def _echo(**params: Any) -> Any:
    return params


async def _fail(family: str) -> Any:
    kinds: dict[str, type[JdgateError]] = {kind.__name__: kind for kind in (*FAMILIES, Own)}
    kinds["JdgateError"] = JdgateError
    raise kinds[family]("member.unknown", member="x", path=Path("a"))


async def _break() -> Any:
    raise ZeroDivisionError("a secret stands here")


async def _count(to: int, then: str = "") -> AsyncIterator[int]:
    for number in range(to):
        yield number
    if then:
        raise Refused(then)


async def _odd() -> Any:
    return object()


HANDLERS = {"echo": _echo, "fail": _fail, "break": _break, "count": _count, "odd": _odd}


@contextmanager
def served(folder: Path) -> Iterator[Home]:
    """A control server in a thread of its own."""
    home = Home(folder)
    home.var.mkdir(parents=True, exist_ok=True)
    ready, done = threading.Event(), threading.Event()

    async def main() -> None:
        server = ControlServer(home.control, HANDLERS)
        await server.start()
        ready.set()
        await anyio.to_thread.run_sync(done.wait)
        await server.stop()

    thread = threading.Thread(target=anyio.run, args=(main,))
    thread.start()
    assert ready.wait(60)
    try:
        yield home
    finally:
        done.set()
        thread.join(60)
        assert not thread.is_alive()
        assert not home.control.exists()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with served(tmp_path) as home:
        yield home


def test_a_result_comes_as_it_was_given(home: Home) -> None:
    with connect(home) as control:
        for value in (None, 5, "邻水", [1, {"a": None}], {"deep": {"er": [True]}}):
            assert control.call("echo", value=value) == {"value": value}


def test_events_come_one_by_one_and_many_requests_share_a_connection(home: Home) -> None:
    with connect(home) as control:
        assert list(control.stream("count", to=3)) == [0, 1, 2]
        assert control.call("count", to=2) is None
        assert list(control.stream("count", to=0)) == []


@pytest.mark.parametrize("family", [kind.__name__ for kind in FAMILIES])
def test_an_error_keeps_its_family_code_and_parameters(home: Home, family: str) -> None:
    with connect(home) as control:
        with pytest.raises(JdgateError) as refused:
            control.call("fail", family=family)
        assert type(refused.value).__name__ == family
        assert refused.value.code == "member.unknown"
        assert refused.value.params == {"member": "x", "path": "a"}
        assert control.call("echo") == {}, "the connection serves on"


def test_a_child_of_a_family_comes_as_that_family(home: Home) -> None:
    with connect(home) as control:
        with pytest.raises(Refused):
            control.call("fail", family="Own")
        with pytest.raises(Misuse):
            control.call("fail", family="JdgateError")


def test_an_error_after_some_events_ends_them(home: Home) -> None:
    with connect(home) as control:
        events = control.stream("count", to=2, then="member.unknown")
        assert [next(events), next(events)] == [0, 1]
        with pytest.raises(Refused):
            next(events)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, "control.unknown_method"),
        ("break", {}, "control.failed"),
        ("odd", {}, "control.failed"),
        ("fail", {}, "control.failed"),
        ("fail", {"family": "Refused", "more": 1}, "control.failed"),
    ],
)
def test_a_failure_inside_is_a_sentence_without_details(
    home: Home, method: str, params: dict[str, Any], code: str
) -> None:
    with connect(home) as control:
        with pytest.raises(Misuse) as refused:
            control.call(method, **params)
        assert refused.value.code == code
        assert "secret" not in str(refused.value)
        assert control.call("echo") == {}


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"5", b"\xff\xfe", b'{"method":1}'])
def test_a_request_of_any_other_form_is_answered_and_harms_nobody(home: Home, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        with _short_path(home.control) as name:
            raw.connect(name)
        raw.sendall(line + b"\n")
        answer = json.loads(raw.makefile("rb").readline())
        assert answer["error"]["code"] == "control.failed"
    with connect(home) as control:
        assert control.call("echo", still=1) == {"still": 1}


def test_a_command_that_hangs_up_in_the_middle_harms_nobody(home: Home) -> None:
    raw = socket.socket(socket.AF_UNIX)
    with _short_path(home.control) as name:
        raw.connect(name)
    raw.sendall(b'{"method":"count","params":{"to":100000}}\n{"meth')
    raw.close()
    with connect(home) as control:
        assert control.call("echo", still=1) == {"still": 1}


def test_only_the_owner_may_command_the_daemon(home: Home) -> None:
    assert home.control.stat().st_mode & 0o777 == 0o600


def test_a_socket_left_over_by_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    with served(tmp_path) as home:
        left = home.control
    assert not left.exists()
    with socket.socket(socket.AF_UNIX) as dead, _short_path(left) as name:
        dead.bind(name)
    with pytest.raises(TransportFailed) as refused:
        connect(Home(tmp_path))
    assert refused.value.code == "control.no_daemon"
    with served(tmp_path) as home, connect(home) as control:
        assert control.call("echo") == {}


def test_without_a_daemon_the_sentence_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed, match="jdgate run") as refused:
        connect(Home(tmp_path))
    assert refused.value.code == "control.no_daemon"


def test_a_folder_deeper_than_a_socket_name_may_be_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("很深的目录" * 8) / ("x" * 60)
    deep.mkdir(parents=True)
    with served(deep) as home, connect(home) as control:
        assert control.call("echo", deep=True) == {"deep": True}


@pytest.mark.parametrize("last", [b"", b'{"event":', b'{"event":1}\n', b"\xff\n", b"rubbish\n"])
def test_a_daemon_that_goes_away_is_a_lost_connection(last: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(last)
    theirs.shutdown(socket.SHUT_WR)
    with Control(ours) as control, pytest.raises(TransportFailed) as refused:
        control.call("echo")
    assert refused.value.code == "control.lost"
    theirs.close()
