"""A real nats-server as a child of the daemon: started, watched, restarted, stopped.

Rules
- One daemon per directory. A lock file is held open by the daemon *and* by its server, so a
  server that outlives its daemon by a moment keeps the next daemon out until it is gone.
- The server dies with the daemon, even at SIGKILL (see `tether`). Start it from the main thread.
- It listens on the loopback interface, or with TLS elsewhere. Port -1 takes a free port once;
  every restart uses that same port, so that clients find their way back. The daemon keeps it:
  while the server is down, nobody else is given it.
- When it ends unasked it is started again, at once the first time, then with growing pauses.
- When it runs but can't store any more (its store deleted, a disk that was full), it is
  restarted as soon as that helps (see `watch`), and the gateway makes its streams again.
- `reload` never hands the server a configuration that the server itself has not parsed before,
  and returns only when the server says that it is in force.

    server = EmbeddedServer(Path("data/nats"), users=[BusUser(…)])
    await server.start()
    bus = await connect_gateway(server.url, private)
    await server.reload([*users, newcomer])
    await server.stop()

What lies in the directory: `server.conf` (0600), `lock`, `jetstream/`, `log/`, `run/`.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from jdgate.bus import tether
from jdgate.bus.access import BusUser, ServerSettings, Tls, is_loopback, render
from jdgate.bus.binary import find
from jdgate.bus.port import MAX_PAYLOAD
from jdgate.bus.watch import StoreWatch
from jdgate.ending import end
from jdgate.errors import Misuse, TransportFailed, UsageError

log = logging.getLogger(__name__)

_READY_WITHIN = 15.0
_STOP_WITHIN = 10.0
_LOCK_WITHIN = 3.0
_WATCH_EVERY = 0.5
_STEADY_AFTER = 10.0
_RELOADED = b"Reloaded server configuration"


class EmbeddedServer:
    """One supervised nats-server.

    `port` -1 is any free port; `binary` a system nats-server (2.12 or newer) to be used instead
    of the packaged one; `max_store` bytes that JetStream may use.
    """

    def __init__(
        self,
        directory: Path,
        *,
        users: Sequence[BusUser],
        port: int = -1,
        host: str = "127.0.0.1",
        binary: Path | None = None,
        tls: Tls | None = None,
        max_payload: int = MAX_PAYLOAD,
        max_store: int | None = None,
    ) -> None:
        self._directory = directory.absolute()
        self._users = tuple(users)
        self._port, self._host, self._configured, self._tls = port, host, binary, tls
        self._max_payload, self._max_store = max_payload, max_store
        self._binary = Path()
        self._any_port = port <= 0
        self._kept_port: socket.socket | None = None
        self._lock: int | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._reloading = asyncio.Lock()
        self._running = False
        self._watch = StoreWatch(self._directory / "jetstream", self.log_file)
        self.restarts = 0

    @property
    def url(self) -> str:
        """Where clients connect.

        Raises:
            Misuse: `bus.not_started`.
        """
        if self._port <= 0:
            raise Misuse("bus.not_started")
        everywhere = self._host in ("0.0.0.0", "::")  # noqa: S104
        host = "127.0.0.1" if everywhere else self._host
        return f"{'tls' if self._tls else 'nats'}://{host}:{self._port}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def running(self) -> bool:
        """Whether it is up and took connections when last started."""
        return self._running and self.pid is not None

    @property
    def full(self) -> bool:
        """Whether it could not store something for want of room since it was last started."""
        return self._watch.full

    @property
    def log_file(self) -> Path:
        """The server's own log, at most three files of 4 MB."""
        return self._directory / "log" / "nats-server.log"

    async def start(self) -> None:
        """Start and wait until it takes connections.

        Raises:
            UsageError: `bus.store_in_use`, `bus.tls_required`, `bus.server_missing`,
                `bus.server_unfit`, `bus.server_old`.
            TransportFailed: `bus.server_failed`: it ended or was not ready within 15 s (its
                log says why: port taken, disk full, store broken).
            Misuse: as `access.render`.
        """
        if self._supervisor is not None:
            raise Misuse("bus.started_twice")
        if self._tls is None and not is_loopback(self._host):
            raise UsageError("bus.tls_required", host=self._host)
        self._binary = await find(self._configured)
        for path in (self._directory, self.log_file.parent, self._ports_dir):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._take_lock()
        try:
            self._keep_port()
            await self._write_config()
            await self._spawn()
        except BaseException:
            await self._end_process()
            self._let_go()
            raise
        self._supervisor = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """Stop it: asked first, killed after 10 s. Can be called twice."""
        await end(self._supervisor)
        self._supervisor = None
        await self._end_process()
        self._let_go()

    async def reload(self, users: Sequence[BusUser]) -> None:
        """Put these users in force: newcomers get in, those who are missing are cut off.

        The others' connections stay. If the server is down at the moment, it starts with them.

        Raises:
            Misuse: as `access.render`, or `bus.config_refused`: the server can't parse it.
            TransportFailed: `bus.not_reloaded`: the server did not confirm within 5 s.
        """
        async with self._reloading:
            before, self._users = self._users, tuple(users)
            try:
                await self._write_config()
            except BaseException:
                self._users = before
                raise
            process = self._process
            if process is None or process.returncode is not None:
                return
            size = self._watch.log_size()
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                if process.returncode is not None:
                    return  # it ended: the next start reads the new file
                if _RELOADED in self._watch.log_since(size):
                    return
                await asyncio.sleep(0.002)
            raise TransportFailed("bus.not_reloaded")

    # -- files -----------------------------------------------------------------------------

    @property
    def _config(self) -> Path:
        return self._directory / "server.conf"

    @property
    def _ports_dir(self) -> Path:
        return self._directory / "run"

    async def _write_config(self) -> None:
        text = render(
            ServerSettings(
                users=self._users,
                port=self._port,
                host=self._host,
                store_dir=self._directory,  # it makes `jetstream` in there
                ports_dir=self._ports_dir,
                log_file=self.log_file,
                tls=self._tls,
                max_payload=self._max_payload,
                max_store=self._max_store,
            )
        )
        draft = self._config.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        check = await asyncio.create_subprocess_exec(
            str(self._binary), "-t", "-c", str(draft),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await check.wait() != 0:
            draft.unlink()
            raise Misuse("bus.config_refused")
        draft.replace(self._config)

    async def _take_lock(self) -> None:
        lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + _LOCK_WITHIN
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # A daemon that was killed a moment ago: its server is about to end.
                if time.monotonic() >= deadline:
                    holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "?"
                    os.close(lock)
                    raise UsageError(
                        "bus.store_in_use", path=str(self._directory), pid=holder
                    ) from None
                await asyncio.sleep(0.05)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock = lock

    def _keep_port(self) -> None:
        """Have a socket bound to the port that does not listen: the kernel gives it to nobody who
        asks for any port, and to the server, which asks for this one. Where that can't be had the
        server takes a free one."""
        if self._any_port and sys.platform == "linux":
            self._kept_port = _bound(self._host, max(self._port, 0))
            if self._kept_port is not None:
                self._port = int(self._kept_port.getsockname()[1])

    def _let_go(self) -> None:
        """Of the port and the directory."""
        if self._kept_port is not None:
            self._kept_port.close()
            self._kept_port = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # -- the process -----------------------------------------------------------------------

    async def _spawn(self) -> None:
        assert self._lock is not None
        shutil.rmtree(self._ports_dir, ignore_errors=True)
        self._ports_dir.mkdir(mode=0o700, parents=True)
        self.log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._config.exists():  # the whole directory was deleted under us
            await self._write_config()
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(tether.__file__), str(os.getpid()),
            str(self._binary), "-c", str(self._config),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(self._lock,),
            # Ctrl-C in the terminal is for the daemon, which then stops its server in order.
            start_new_session=True,
        )  # fmt: skip
        ports = self._ports_dir / f"nats-server_{process.pid}.ports"
        deadline = time.monotonic() + _READY_WITHIN
        while time.monotonic() < deadline and process.returncode is None:
            with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
                told = json.loads(ports.read_bytes())
                if self._port <= 0:
                    self._port = int(told["nats"][0].rpartition(":")[2])
                    await self._write_config()
                self._running = True
                self._watch.begin()
                log.info("bus: nats-server %d listens on port %d", process.pid, self._port)
                return
            await asyncio.sleep(0.003)
        raise TransportFailed("bus.server_failed", log=str(self.log_file))

    async def _end_process(self) -> None:
        process, self._process, self._running = self._process, None, False
        if process is None:
            return
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(_STOP_WITHIN):
                    await process.wait()
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        await process.wait()

    async def _supervise(self) -> None:
        pause = 0.0
        while True:
            started = time.monotonic()
            assert self._process is not None
            ended = asyncio.create_task(self._process.wait())
            try:
                while not ended.done():
                    await asyncio.wait({ended}, timeout=_WATCH_EVERY)
                    if not ended.done() and (reason := self._watch.look()):
                        log.error("bus: nats-server must be restarted: %s", reason)
                        with contextlib.suppress(ProcessLookupError):
                            self._process.kill()  # every write is synced: nothing to wait for
                        await ended
            finally:
                ended.cancel()
                self._running = False
            log.error("bus: nats-server ended with %s", self._process.returncode)
            if time.monotonic() - started > _STEADY_AFTER:
                pause = 0.0
            while True:
                await asyncio.sleep(pause)
                pause = min(max(pause * 2, 0.1), 5.0)
                try:
                    await self._spawn()
                    break
                except (TransportFailed, OSError) as error:
                    log.error("bus: nats-server does not start: %s", type(error).__name__)
                    await self._end_process()
            self.restarts += 1


def _bound(host: str, port: int) -> socket.socket | None:
    """A socket bound there that others who ask for the very port may have beside it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, _, _, address = min(found)  # IPv4 first, as the server has it
        bound = socket.socket(family, kind)
    except OSError:
        return None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        return None
    return bound
