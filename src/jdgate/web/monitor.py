"""Health, readiness and Prometheus metrics, on a port of their own on loopback. Plain ASGI.

    GET /live      200 while the process answers
    GET /ready     200 when every connection is up, else 503
    GET /metrics   numbers, in the text format of Prometheus (version 0.0.4)

No number here says anything of a person; members are named by their ids.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from jdgate.errors import JdgateError
from jdgate.web.series import Line, family

log = logging.getLogger(__name__)

Status = Callable[[], Awaitable[dict[str, Any]]]
More = Callable[[], Awaitable[Iterable[str]]]
TEXT = b"text/plain; charset=utf-8"
METRICS = b"text/plain; version=0.0.4; charset=utf-8"


class Monitor:
    """Answers the three paths from what the command `status` says; `more`: further series."""

    def __init__(self, status: Status, more: More) -> None:
        self._status = status
        self._more = more

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        code, kind, body = await self._answer(scope["path"], scope["method"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": code, "headers": headers})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    async def _answer(self, path: str, method: str) -> tuple[int, bytes, bytes]:
        if method not in ("GET", "HEAD"):
            return 405, TEXT, b"method not allowed\n"
        if path == "/live":
            return 200, TEXT, b"ok\n"
        try:
            if path == "/ready":
                ready = is_ready(await self._status())
                return (200, TEXT, b"ready\n") if ready else (503, TEXT, b"not ready\n")
            if path == "/metrics":
                lines = [*metrics(await self._status()), *await self._more()]
                return 200, METRICS, "".join(lines).encode()
        except JdgateError as reason:  # a database that is away
            log.warning("a monitor can't be told how things are: %s", reason)
            return 503, TEXT, b"not ready\n"
        return 404, TEXT, b"not found\n"


def is_ready(status: dict[str, Any]) -> bool:
    """Whether the bus answers the gateway and every member."""
    parts = [*([status["bus"]] if status.get("bus") else []), *status["members"]]
    return all(one["healthy"] for one in parts)


def metrics(status: dict[str, Any]) -> Iterator[str]:
    """The lines of a scrape."""
    yield from family("jdgate_info", "gauge", [({"version": status["version"]}, 1)])
    yield from family("jdgate_ready", "gauge", [({}, is_ready(status))])
    yield from family("jdgate_warnings", "gauge", [({}, len(status["warnings"]))])
    yield from family("jdgate_clock_behind_seconds", "gauge", [({}, status["clock_behind_s"])])
    disk = status["disk"]
    yield from family("jdgate_disk_free_bytes", "gauge", [({}, disk["free"])])
    yield from family("jdgate_disk_bytes", "gauge", [({}, disk["total"])])
    sizes = [({"which": one["which"]}, one["bytes"]) for one in status["databases"]]
    yield from family("jdgate_database_bytes", "gauge", sizes)
    plugins = [
        ({"plugin": one["name"]}, one["condition"]["state"] == "running")
        for one in status["plugins"]
    ]
    yield from family("jdgate_plugin_running", "gauge", plugins)
    if "ledger" in status:
        counters = status["counters"]
        yield from family("jdgate_messages_total", "counter", [({}, counters["messages"])])
        yield from family("jdgate_ledger_leaves", "gauge", [({}, status["ledger"]["size"])])
        yield from family("jdgate_deliveries_open", "gauge", [({}, status["open_deliveries"])])
        yield from family("jdgate_dead_letters_open", "gauge", [({}, status["dead"])])
        alerts = [({"state": state}, count) for state, count in status["alerts"].items()]
        yield from family("jdgate_alerts", "gauge", alerts)
        yield from family("jdgate_workers", "gauge", [({}, status["workers"])])
        age = status["checkpoint_age_s"]
        ages: list[Line] = [({}, age)] if age is not None else []
        yield from family("jdgate_checkpoint_age_seconds", "gauge", ages)
        lag = (status["bus"]["lag"] or {}).items()
        yield from family("jdgate_bus_lag", "gauge", [({"of": of}, count) for of, count in lag])
    members = [({"member": one["id"]}, one) for one in status["members"]]
    for name in ("healthy", "outbox_open", "drafts"):
        yield from family(
            f"jdgate_member_{name}", "gauge", [(label, one[name]) for label, one in members]
        )
