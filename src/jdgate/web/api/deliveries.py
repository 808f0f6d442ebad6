"""Fetching over HTTP what came for a hosted member: asked for, waited for, or as a stream.

What came stays until it is acknowledged. A stream gives each of it once and goes on behind
`Last-Event-ID`; what it gave and nobody acknowledged is there for the next one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, Parameter
from litestar.response import Stream
from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.edge import inbox as reading
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.store import inbox
from jdgate.store.inbox import InboxRow
from jdgate.store.web_sessions import TokenRow
from jdgate.web.api import asking
from jdgate.web.api.asking import BEGUN, HEARTBEAT_S, STILL_HERE, Guard, event, rings
from jdgate.web.api.messages import hosted
from jdgate.web.api.shapes import Delivery
from jdgate.web.site import Site

MOST_AT_ONCE = 100
MOST_WAIT_S = 30
AT_A_TIME = 20
"""Deliveries that a stream opens at once."""
Place = tuple[datetime, str]

Limit = FromQuery[Annotated[int, Parameter(ge=1, le=MOST_AT_ONCE)]]
Wait = FromQuery[Annotated[int, Parameter(ge=0, le=MOST_WAIT_S)]]


def handlers(site: Site, guard: Guard) -> list[HTTPRouteHandler]:
    """What waits, a stream of it, and taking it off the list."""

    async def read(member: str, limit: int, after: Place | None) -> tuple[list[Delivery], Any]:
        """Deliveries, and the place of the last that was looked at."""
        edge, desk = site.running.the_edge, site.running.the_edge.desk(member)

        def work(conn: Connection) -> tuple[list[Delivery], Place | None]:
            rows = inbox.unfetched(conn, member, limit, after)
            made = (_delivery(conn, desk, row) for row in rows)
            last = (rows[-1].received_at, rows[-1].id) if rows else after
            return [one for one in made if one is not None], last

        return await edge.run(work)

    @get("/deliveries")
    async def deliveries(
        request: Request[Any, Any, Any], limit: Limit = 20, wait: Wait = 0
    ) -> list[Delivery]:
        system = _receiver(request)

        async def look() -> list[Delivery]:
            return (await read(system.member, limit, None))[0]

        return await guard.within(wait, request, look)

    @get("/deliveries/stream")
    async def stream(request: Request[Any, Any, Any]) -> Stream:
        system = _receiver(request)
        after = await place_of(system, request.headers.get("last-event-id"))
        return await asking.stream(forever(system, after))

    async def forever(system: TokenRow, after: Place | None) -> AsyncGenerator[bytes]:
        with guard.listening(system) as rung:
            yield BEGUN
            while await guard.still(system):
                before = after
                found, after = await read(system.member, AT_A_TIME, after)
                for one in found:
                    yield event("delivery", one.id, one)
                if after == before and not await rings(rung, HEARTBEAT_S):
                    yield STILL_HERE

    @post("/deliveries/{id:str}/acknowledge", status_code=204)
    async def acknowledge(request: Request[Any, Any, Any], id: FromPath[str]) -> None:
        member, now = _receiver(request).member, site.now()
        if not await site.running.the_edge.run(lambda conn: inbox.fetched(conn, member, id, now)):
            raise Refused("web.not_found")

    async def place_of(system: TokenRow, id: str | None) -> Place | None:
        if not id:
            return None
        row = await site.running.the_edge.run(lambda conn: inbox.get(conn, system.member, id))
        return (row.received_at, row.id) if row is not None else None

    return [deliveries, stream, acknowledge]


def may_receive(system: TokenRow) -> TokenRow:
    """Go on only with a token that may fetch.

    Raises:
        Refused: `people.not_allowed`.
    """
    if not system.receives:
        raise Refused("people.not_allowed")
    return system


def _receiver(request: Request[Any, Any, Any]) -> TokenRow:
    return may_receive(hosted(request))


def _delivery(conn: Connection, desk: Desk, row: InboxRow) -> Delivery | None:
    """None where the body can't be read: erased since, or damaged."""
    try:
        body = reading.read_body(conn, desk, row)
    except Refused:
        return None
    return Delivery(
        id=row.id,
        type=row.type,
        source=row.origin or row.source,
        received_at=iso(row.received_at),
        records=body["data"],
        purpose=body.get("purpose"),
    )
