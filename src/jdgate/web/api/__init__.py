"""The HTTP API for departments' systems, `/api/v1`. One token is one member's system.

Rules:
- a token of a member hosted here sends the types it was given and no other; the member's key on
  this machine signs. A token of a member with its own key brings what that member signed;
- a request to send has an id of the caller's, a signed message its own: the same again is answered
  as the first time and nothing is sent twice;
- what came is fetched oldest first and stays until it is acknowledged;
- errors are problem details (RFC 9457) in both languages;
- what is not in the OpenAPI document (`document`) is not there.
"""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from sqlalchemy import Connection

from jdgate import __version__
from jdgate.gateway import door
from jdgate.store import inbox, outbox
from jdgate.web.api import deliveries, messages, signed, tables
from jdgate.web.api.asking import MOST_BYTES, Guard, system_of
from jdgate.web.api.messages import JOSE
from jdgate.web.api.shapes import Range, Standing
from jdgate.web.problems import Problems
from jdgate.web.site import Asked, Site

MOST_COUNTED = 1_000


def router(site: Site, problems: Problems) -> Router:
    """`/api/v1`."""
    guard = Guard(site)

    # Litestar copies what it is given, and with a bound method all that hangs on it
    async def before(request: Asked) -> None:
        await guard.enter(request)

    def details(request: Asked, error: Exception) -> Response[Any]:
        return problems.details(request, error)

    return Router(
        "/api/v1",
        route_handlers=[
            *_standing(site),
            *messages.handlers(site, guard),
            *tables.handlers(site, guard),
            *signed.handlers(site, guard),
            *deliveries.handlers(site, guard),
        ],
        before_request=before,
        exception_handlers={Exception: details},
        request_max_body_size=MOST_BYTES,
    )


def _standing(site: Site) -> list[HTTPRouteHandler]:
    """How the member stands, and by which directory."""

    @get("/status")
    async def status(request: Request[Any, Any, Any]) -> Standing:
        system, running = system_of(request), site.running
        name = running.trust.member(system.member).name
        if system.own_key:
            gateway = running.the_gateway
            at = await door.position(gateway, system.member)
            return Standing(
                __version__, system.member, name, True, gateway.bus.healthy, 0, at.waiting,
                at.next_sequence, [Range(*one) for one in at.missing],
            )  # fmt: skip
        edge, member = running.the_edge, running.the_edge.desk(system.member).member

        def read(conn: Connection) -> tuple[int, int]:
            unanswered, _ = outbox.unanswered(conn, member)
            return unanswered, inbox.count_unfetched(conn, member, MOST_COUNTED)

        unanswered, waiting = await edge.run(read)
        return Standing(__version__, member, name, False, edge.healthy(member), unanswered, waiting)

    @get("/directory", media_type=JOSE)
    async def directory(request: Request[Any, Any, Any]) -> bytes:
        running = site.running
        return running.gateway.directory_jws if running.gateway else running.directory_jws

    return [status, directory]
