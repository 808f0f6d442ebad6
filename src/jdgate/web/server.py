"""The console served inside the daemon: one address for people and systems, one for monitors.

Addresses are bound before anything is served, so that a port that is taken stops the start. What
the daemon does has precedence: on stopping, pages that listen are let go at once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from jdgate.config import Home, Web
from jdgate.ending import end
from jdgate.errors import TransportFailed
from jdgate.people.house import House
from jdgate.running import Running
from jdgate.store import web_sessions
from jdgate.web.acting import Acting
from jdgate.web.app import build
from jdgate.web.monitor import Monitor
from jdgate.web.patience import Connection
from jdgate.web.series import family
from jdgate.web.shell import Shell
from jdgate.web.site import Site
from jdgate.web.tally import Tally

LOOPBACK = "127.0.0.1"
_GRACE_S = 2


class _Server(uvicorn.Server):
    """One that leaves signals to the daemon."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class WebServer:
    """Serves a daemon's console. `start` returns once it answers."""

    def __init__(self, running: Running) -> None:
        self._running = running
        running.house = self._house = House.open(running.home)
        self._site = Site(running, self._house, tls=bool(running.config.web.cert))
        self._serving: list[tuple[_Server, asyncio.Task[None]]] = []
        self._acting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            TransportFailed: `web.port`, the address can't be had.
        """
        running, web = self._running, self._running.config.web
        app = build(self._site)
        listener = _listen(web.host, web.port)
        port = int(listener.getsockname()[1])
        names = [web.host, *web.names]
        if web.host in (LOOPBACK, "localhost", "::1"):
            names += [LOOPBACK, "localhost", "[::1]"]
        scheme = "https" if self._site.tls else "http"
        hosts = {host for name in names for host in _hosts(name, port, tls=self._site.tls)}
        tally = Tally(Shell(app, hosts, tls=self._site.tls))
        await self._serve(tally, listener, **_tls(running.home, web))
        shown = web.names[0] if web.names else f"[{web.host}]" if ":" in web.host else web.host
        running.web_url = f"{scheme}://{shown}:{port}"

        watched = _listen(LOOPBACK, web.monitor_port)
        port = int(watched.getsockname()[1])
        hosts = {f"{LOOPBACK}:{port}", f"localhost:{port}"}
        monitor = Monitor(lambda: self._site.call("status"), lambda: self._series(tally))
        await self._serve(Shell(monitor, hosts, tls=False), watched)
        acting = Acting(running, self._house)
        await acting.now()
        self._acting = asyncio.create_task(acting.forever(), name="acting")
        running.monitor_url = f"http://{LOOPBACK}:{port}"

    async def _series(self, tally: Tally) -> list[str]:
        """What Prometheus is told of people and systems: how many, never who."""
        now, limits = self._site.now(), self._site.limits
        sessions, tokens = await self._house.run(
            lambda conn: (
                web_sessions.count(conn, began=now - limits.whole, seen=now - limits.idle),
                web_sessions.count_tokens(conn, now),
            )
        )
        return [
            *family("jdgate_web_sessions", "gauge", [({}, sessions)]),
            *family("jdgate_api_tokens", "gauge", [({}, tokens)]),
            *tally.lines(),
        ]

    async def _serve(self, app: Any, listener: socket.socket, **tls: Any) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            loop="none",
            ws="none",
            proxy_headers=False,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=_GRACE_S,
            h11_max_incomplete_event_size=16_384,
            **tls,
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([listener]), name="web")
        self._serving.append((server, task))
        while not server.started:
            if task.done():  # it gave up; `failed` tells the daemon why
                return
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish what is under way, for a moment, and stop listening."""
        self._site.close()
        for server, _ in self._serving:
            server.should_exit = True
        await asyncio.gather(*(task for _, task in self._serving), return_exceptions=True)
        await end(self._acting)
        self._running.web_url = self._running.monitor_url = self._running.house = None
        await self._house.stop()

    @property
    def failed(self) -> BaseException | None:
        """Why serving ended by itself."""
        for _, task in self._serving:
            if task.done() and not task.cancelled() and task.exception() is not None:
                return task.exception()
        return None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named as TCP, or asyncio leaves Nagle's delay on: 40 ms for each page
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
        return listener
    except OSError as error:
        listener.close()
        raise TransportFailed(
            "web.port", host=host, port=port, reason=error.strerror or type(error).__name__
        ) from error


def _hosts(name: str, port: int, *, tls: bool) -> Iterator[str]:
    """How a browser may name us."""
    shown = f"[{name}]" if ":" in name and not name.startswith("[") else name
    yield f"{shown}:{port}"
    if port == (443 if tls else 80):
        yield shown


def _tls(home: Home, web: Web) -> dict[str, str]:
    if not web.cert:
        return {}
    return {
        "ssl_certfile": str(home.root / web.cert),
        "ssl_keyfile": str(home.root / web.key),
    }
