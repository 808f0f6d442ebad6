"""My desk: what waits for this operator's member, by deadline; and the stream that keeps it fresh.

A list opens nothing: it shows what kind of thing waits, since when and until when. What it says,
and of whom, is on its own page, and opening that is noted. An administrator sees first what is
wrong with the system and whose keys end.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from jdgate.people import rights
from jdgate.web.api.asking import stream
from jdgate.web.live import Key, Live
from jdgate.web.site import Asked, Site
from jdgate.wording import local

ALERTS = 50
"""Alerts on a page of the desk."""
DRAFTS = 20
"""Drafts shown on the desk; the others are on their own page."""
RECENT = 20
"""Deliveries shown on the desk."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The desk and its stream."""

    @get("/")
    async def desk(request: Asked) -> Response[Any]:
        who, after = request.state.visit.who, request.query_params.get("after")
        if not site.reachable(who):
            return site.page(request, "desk.html", waiting=None, role=who.role)
        if after is not None:
            waiting = await _alerts(site, who.member, after)
            return site.page(request, "desk_more.html", waiting=waiting, role=who.role)
        waiting = await waiting_for(site, who.member, who.role)
        return site.page(request, "desk.html", waiting=waiting, role=who.role)

    async def draw(key: Key) -> str:
        waiting = await waiting_for(site, key.member, key.role)
        return site.renderer.page("desk_work.html", key.lang, waiting=waiting, role=key.role)

    changes = Live(site, draw)

    @get("/live")
    async def live(request: Asked) -> Stream:
        return await stream(changes.events(request.state.visit))

    return [desk, live]


async def waiting_for(site: Site, member: str, role: str) -> dict[str, Any]:
    """What waits for a member: alerts, the most urgent deadline first; drafts; what came lately;
    for those who send, forms that wait; for those who manage, warnings."""
    drafts = await site.call(
        "drafts.list", member=member, state="waiting", content=False, limit=DRAFTS + 1
    )
    return {
        "warnings": await warnings(site, member) if rights.may(role, "manage") else None,
        **await _alerts(site, member),
        "forms": await site.call("form.count", member=member) if rights.may(role, "send") else 0,
        "drafts": drafts[:DRAFTS],
        "more_drafts": len(drafts) > DRAFTS,
        "inbox": await site.call("inbox.list", member=member, limit=RECENT, content=False),
    }


async def _alerts(site: Site, member: str, after: str | None = None) -> dict[str, Any]:
    """One page of alerts, how many there are, and the last one shown where more follow."""
    told = await site.call("alerts.waiting", member=member, after=after, limit=ALERTS + 1)
    rows = told["rows"]
    more = rows[ALERTS - 1]["id"] if len(rows) > ALERTS else None
    return {"alerts": rows[:ALERTS], "total": told["total"], "more": more}


async def warnings(site: Site, member: str) -> list[dict[str, Any]]:
    """What those who manage look at first: {code, params, path}. Who keeps the machine for others
    (the authority beside the gateway, a department on its own) hears of the whole of it, everybody
    else of their own keys."""
    running = site.running
    known = running.trust.members.get(member)
    if running.gateway is None or (known is not None and known.kind == "authority"):
        found: list[dict[str, Any]] = (await site.call("status"))["warnings"]
        keys = {"status.keys_end", "status.directory_ends", "directory.expired"}
        return [{**one, "path": "/members" if one["code"] in keys else None} for one in found]
    ending = (await site.call("member.directory"))["ending"]
    return [
        {
            "code": "web.members_key_ends",
            "params": {"kid": one["kid"], "until": local(one["until"])[:10]},
            "path": f"/members/{member}",
        }
        for one in ending
        if one["member"] == member
    ]
