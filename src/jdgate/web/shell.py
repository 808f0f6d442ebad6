"""Around everything that is answered over HTTP: whose host it is asked as, and what a browser may
do with the answer. Plain ASGI, so that no error page escapes it.

Rules:
- a request for a host name that is not ours is refused: a stranger's name that leads to this
  machine (DNS rebinding) reaches nothing;
- no script, style, picture or form but our own; nobody frames us; nothing is kept by caches;
- who sends a request too slowly is waited for no longer (`patience`);
- HEAD is answered as GET, and the server leaves the content out (RFC 9110 §9.3.2); not by the API,
  which says what may be asked of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from jdgate.web.patience import Body

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
NO_HEAD = "/api/v1/"
_HSTS = (b"strict-transport-security", b"max-age=31536000")


class Shell:
    """`app` with our headers, for `hosts` alone."""

    def __init__(self, app: App, hosts: Collection[str], *, tls: bool) -> None:
        self._app = app
        self._hosts = {host.lower().encode() for host in hosts}
        self._headers = (*HEADERS, _HSTS) if tls else HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        body = Body(receive)

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [each for each in self._headers if each[0] not in given]
                if body.slow:
                    more.append((b"connection", b"close"))
                if b"cache-control" not in given:
                    more.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *more]
            await send(message)

        asked = [value for name, value in scope["headers"] if name == b"host"]
        if len(asked) != 1 or asked[0].lower() not in self._hosts:
            start = {"type": "http.response.start", "status": 421, "headers": []}
            await answer(start)
            await send({"type": "http.response.body", "body": b"unknown host\n"})
            return
        if scope["method"] == "HEAD" and not scope["path"].startswith(NO_HEAD):
            scope = {**scope, "method": "GET"}
        await self._app(scope, body.receive, answer)
