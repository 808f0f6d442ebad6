"""How commands talk to the running daemon: JSON lines over a Unix socket beside the books.

The socket has mode 0600, so whoever may read the keys may command the daemon and nobody else.
A request is `{"method": …, "params": {…}}`; the answer is any number of `{"event": …}` lines and
then `{"result": …}` or `{"error": {"code": …, "params": {…}}}`.

    server = ControlServer(home.control, {"status": status})       # in the daemon
    await server.start()

    with connect(home) as control:                                  # in a command
        control.call("status")
        for event in control.stream("inbox.follow", member="pol"): …
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from jdgate.config import Home
from jdgate.ending import end
from jdgate.errors import JdgateError, Misuse, Refused, TransportFailed, UsageError
from jdgate.plainlog import broke

log = logging.getLogger(__name__)

MAX_LINE = 32 * 1024 * 1024
"""Bytes of one request or answer: 500 records with room to spare."""

Handler = Callable[..., Awaitable[Any] | AsyncIterator[Any]]

_FAMILIES: dict[str, type[JdgateError]] = {
    family.__name__: family for family in (Refused, TransportFailed, UsageError, Misuse)
}


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    params: dict[str, Any] = {}


@contextlib.contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """A name of the socket that fits in the 108 bytes a Unix address may have.

    Deep folders exceed it, so the folder is opened and named through /proc.
    """
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Answers commands with the given handlers; a handler is a coroutine or an async generator."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. The daemon's lock is held by then, so a socket file left over is stale."""
        self._path.unlink(missing_ok=True)
        with _short_path(self._path) as name:
            previous = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(self._serve, name, limit=MAX_LINE)
            finally:
                os.umask(previous)

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        if self._server is not None:
            self._server.close()
        await end(*self._open)
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while line := await reader.readline():
                await self._answer(line, writer)
        except (ConnectionError, asyncio.CancelledError, ValueError):
            pass  # the command went away, or the daemon stops
        finally:
            self._open.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(line, type=_Request)
            handler = self._handlers.get(request.method)
            if handler is None:
                raise Misuse("control.unknown_method", method=request.method)
            outcome = handler(**request.params)
            if isinstance(outcome, AsyncIterator):
                async for event in outcome:
                    await self._write(writer, {"event": event})
                await self._write(writer, {"result": None})
            else:
                await self._write(writer, {"result": await outcome})
        except JdgateError as error:
            names = (each.__name__ for each in type(error).__mro__)
            family = next((name for name in names if name in _FAMILIES), "Misuse")
            params = {name: _plain(value) for name, value in error.params.items()}
            answer = {"code": error.code, "params": params, "family": family}
            await self._write(writer, {"error": answer})
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:
            broke(log, "a command failed", error=error)
            failed = {"code": "control.failed", "params": {}, "family": "Misuse"}
            await self._write(writer, {"error": failed})

    async def _write(self, writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
        writer.write(msgspec.json.encode(answer) + b"\n")
        await writer.drain()


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None | list) else str(value)


class Control:
    """A command's connection to the daemon."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._lines = connection.makefile("rb")

    def stream(self, method: str, **params: Any) -> Generator[Any, None, Any]:
        """Events of one request, until its result; the result is the generator's return value.

        Raises:
            JdgateError: what the daemon answered; `control.lost` when it went away.
        """
        try:
            self._socket.sendall(msgspec.json.encode({"method": method, "params": params}) + b"\n")
            while line := self._lines.readline():
                answer: dict[str, Any] = msgspec.json.decode(line)
                if "event" in answer:
                    yield answer["event"]
                elif "error" in answer:
                    error = answer["error"]
                    raise _FAMILIES[error["family"]](error["code"], **error["params"])
                else:
                    return answer["result"]
        except (OSError, msgspec.DecodeError):
            pass  # hung up, perhaps in the middle of a line
        raise TransportFailed("control.lost")

    def call(self, method: str, **params: Any) -> Any:
        """The result of one request.

        Raises:
            JdgateError: what the daemon answered; `control.lost` when it went away.
        """
        events = self.stream(method, **params)
        while True:
            try:
                next(events)
            except StopIteration as end:
                return end.value

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(home: Home) -> Control:
    """A connection to the daemon of `home`.

    Raises:
        TransportFailed: `control.no_daemon`; `control.starting`, there is one and it does not
            answer yet, or not any more.
    """
    connection = socket.socket(socket.AF_UNIX)
    try:
        with _short_path(home.control) as name:
            connection.connect(name)
    except OSError:
        connection.close()
        code = "control.starting" if _is_held(home) else "control.no_daemon"
        raise TransportFailed(code, dir=str(home.root)) from None
    return Control(connection)


def _is_held(home: Home) -> bool:
    """Whether a daemon holds the folder's lock: it does so before it listens."""
    try:
        handle = os.open(home.lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False
