"""Pages about dead letters: what the gateway could not process or deliver, why, and trying again.

The authority sees all of them, and its administrators try again; a department sees its own. Nothing
is opened here: a letter's content stays sealed.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.errors import JdgateError, Refused
from jdgate.people import rights
from jdgate.store.people import OperatorRow
from jdgate.web.site import Asked, Site
from jdgate.wording import clean

PAGE = 50
STATES = ("open", "retried")


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The list, one letter, trying again."""

    @get("/dead")
    async def letters(request: Asked) -> Response[Any]:
        who, given = request.state.visit.who, request.query_params
        state = given.get("state", "open")
        state = state if state in STATES else "open"
        rows = await site.call(
            "dead.list",
            state=state,
            member=site.seen_by(who),
            after=clean(given.get("after", ""))[:200] or None,
            limit=PAGE + 1,
        )
        last = rows[PAGE - 1]["id"] if len(rows) > PAGE else None
        return site.page(
            request,
            "dead.html",
            rows=rows[:PAGE],
            state=state,
            states=STATES,
            following="?" + urlencode({"state": state, "after": last}) if last else None,
        )

    @get("/dead/{id:str}")
    async def letter(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _letter(request, id, None)

    @post("/dead/{id:str}/retry")
    async def retry(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = request.state.visit.who
        if not retries(site, who):
            raise Refused("people.not_allowed")
        try:
            await site.call("dead.retry", id=clean(id), by=who.name)
        except Refused as reason:
            if reason.code == "dead.unknown":
                raise
            return await _letter(request, id, reason)
        return site.go(f"/dead/{id}")

    async def _letter(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        who = request.state.visit.who
        row = await site.call("dead.show", id=clean(id))
        if site.seen_by(who) not in (None, row["member"]):
            raise Refused("dead.unknown", id=id[:64])
        about = id if row["direction"] == "out" else row["params"].get("message")
        return site.page(
            request,
            "dead_letter.html",
            status=422 if error else 200,
            row=row,
            error=error,
            about=about,
            retries=retries(site, who) and row["state"] == "open" and not row["erased_at"],
        )

    return [letters, letter, retry]


def retries(site: Site, who: OperatorRow) -> bool:
    """Whether an operator may put dead letters to work again."""
    return site.oversees(who) and rights.may(who.role, "manage")
