"""My desk: what waits for this operator's member, by deadline; and the stream that keeps it fresh.

A list opens nothing: it shows what kind of thing waits, since when and until when. What it says,
and of whom, is on its own page, and opening that is noted.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from jdgate.web.live import Key, Live
from jdgate.web.site import Asked, Site

RECENT = 20
"""Deliveries shown on the desk."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The desk and its stream."""

    @get("/")
    async def desk(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        waiting = await waiting_for(site, who.member) if site.reachable(who) else None
        return site.page(request, "desk.html", waiting=waiting, role=who.role)

    async def draw(key: Key) -> str:
        waiting = await waiting_for(site, key.member)
        return site.renderer.page("desk_work.html", key.lang, waiting=waiting, role=key.role)

    changes = Live(site, draw)

    @get("/live")
    async def live(request: Asked) -> Stream:
        return Stream(changes.events(request.state.visit), media_type="text/event-stream")

    return [desk, live]


async def waiting_for(site: Site, member: str) -> dict[str, Any]:
    """What waits for a member: alerts, the most urgent deadline first; drafts; what came lately."""
    alerts = await site.call("alerts.list", member=member, state="open", content=False)
    alerts.sort(key=lambda one: (one["due_at"] is None, one["due_at"] or "", one["raised_at"]))
    drafts = [
        one
        for state in ("refused", "waiting")
        for one in await site.call("drafts.list", member=member, state=state, content=False)
    ]
    inbox = await site.call("inbox.list", member=member, limit=RECENT, content=False)
    return {"alerts": alerts, "drafts": drafts, "inbox": inbox}
