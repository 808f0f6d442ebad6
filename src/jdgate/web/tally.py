"""Counts what the console and the API answer: how much of what kind, with which status, how soon.

    app = Tally(app)
    "".join(app.lines())                  # for Prometheus

Kinds are few and fixed (`kind_of`), so that no address a stranger makes up becomes a series. How
soon is until an answer begins: a stream has no end to wait for, and is counted while it is open.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from jdgate.web.series import family, histogram
from jdgate.web.shell import App, Receive, Scope, Send

KINDS = ("api", "page", "static")
BOUNDS = (0.005, 0.025, 0.05, 0.15, 0.5, 2.0, 10.0)
"""Seconds. A page is to begin within 0.15."""
_STREAM = b"text/event-stream"


class Tally:
    """`app`, counted."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._answers: Counter[tuple[str, str]] = Counter()
        self._within: Counter[tuple[str, float]] = Counter()
        self._seconds: dict[str, float] = dict.fromkeys(KINDS, 0.0)
        self._open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        kind, begun = kind_of(scope["path"]), time.monotonic()
        streams = False

        async def answer(message: Scope) -> None:
            nonlocal streams
            if message["type"] == "http.response.start":
                self._count(kind, message["status"], time.monotonic() - begun)
                headers = dict(message["headers"])
                streams = headers.get(b"content-type", b"").startswith(_STREAM)
                self._open[kind] += streams
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._open[kind] -= streams

    def _count(self, kind: str, status: int, seconds: float) -> None:
        self._answers[kind, f"{status // 100}xx"] += 1
        self._seconds[kind] += seconds
        for bound in BOUNDS:
            if seconds <= bound:
                self._within[kind, bound] += 1

    def lines(self) -> Iterator[str]:
        """The series, in the text format of Prometheus."""
        answers = sorted(self._answers.items())
        yield from family(
            "jdgate_web_answers_total",
            "counter",
            [({"kind": kind, "status": status}, count) for (kind, status), count in answers],
        )
        yield from family("jdgate_web_seconds", "histogram", ())
        for kind in KINDS:
            total = sum(count for (one, _), count in answers if one == kind)
            within = [(bound, self._within[kind, bound]) for bound in BOUNDS]
            yield from histogram(
                "jdgate_web_seconds", {"kind": kind}, within, total, self._seconds[kind]
            )
        streams = [({"kind": kind}, self._open[kind]) for kind in ("api", "page")]
        yield from family("jdgate_web_streams", "gauge", streams)


def kind_of(path: str) -> str:
    """The kind of an address."""
    if path.startswith("/api/v1/"):
        return "api"
    return "static" if path.startswith("/static/") else "page"
