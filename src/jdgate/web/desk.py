"""My desk: what waits for this operator's member, by deadline; and the stream that keeps it fresh.

A list opens nothing: it shows what kind of thing waits, since when and until when. What it says,
and of whom, is on its own page, and opening that is noted.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from jdgate.people import accounts
from jdgate.store.people import OperatorRow
from jdgate.web.site import Asked, Site

RECENT = 20
"""Deliveries shown on the desk."""
HEARTBEAT_S = 15.0
APART_S = 0.5
"""A page is told of changes at most this often."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The desk and its stream."""

    @get("/")
    async def desk(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        waiting = await waiting_for(site, who) if site.reachable(who) else None
        return site.page(request, "desk.html", waiting=waiting, now=site.now())

    @get("/live")
    async def live(request: Asked) -> Stream:
        visit = request.state.visit
        return Stream(_changes(site, visit.who, visit.token), media_type="text/event-stream")

    return [desk, live]


async def waiting_for(site: Site, who: OperatorRow) -> dict[str, Any]:
    """What waits for a member: alerts, the most urgent deadline first; drafts; what came lately."""
    alerts = await site.call("alerts.list", member=who.member, state="open", content=False)
    alerts.sort(key=lambda one: (one["due_at"] is None, one["due_at"] or "", one["raised_at"]))
    drafts = [
        one
        for state in ("refused", "waiting")
        for one in await site.call("drafts.list", member=who.member, state=state, content=False)
    ]
    inbox = await site.call("inbox.list", member=who.member, limit=RECENT, content=False)
    return {"alerts": alerts, "drafts": drafts, "inbox": inbox}


async def _changes(site: Site, who: OperatorRow, token: str) -> AsyncIterator[bytes]:
    """An event each time something on the desk changed, while the person is signed in.

    A stream that is open is no sign of a person: it does not keep the session alive.
    """
    yield b"retry: 3000\n\n"
    if not site.reachable(who):
        return
    with site.running.the_edge.bell.listening(who.member) as rung:
        while not site.closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await rung.wait()
            changed = rung.is_set()
            rung.clear()
            now = site.now()
            still = await site.house.run(
                lambda conn: accounts.signed_in(conn, token, site.limits, now, by_hand=False)  # noqa: B023
            )
            if still is None or site.closing.is_set():
                return
            yield b"event: changed\ndata: \n\n" if changed else b": still here\n\n"
            await asyncio.sleep(APART_S)
