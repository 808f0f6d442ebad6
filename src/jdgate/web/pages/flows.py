"""Who sends what to whom, as a picture that changes by itself.

Who oversees the county sees all of it; everybody else what their own member sent and got. It is
drawn once for all who see the same, and at most as often as `Pace` allows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from jdgate.commands.overseeing import SPANS
from jdgate.errors import Refused
from jdgate.texts import Lang, say
from jdgate.web.api.asking import stream
from jdgate.web.live import HEARTBEAT_S, stream_event
from jdgate.web.pace import Pace
from jdgate.web.shaping.flow_view import UNREAD, Naming, clip, view
from jdgate.web.site import Asked, Site, Visit

SPAN = "day"
LOOK_S = 2.0
"""How often a page that listens looks whether anything passed."""
SHARE, BURST_S = 0.03, 0.3
MOST_KEPT = 128


class Key(NamedTuple):
    """Who sees the same. `member`: whose part; None: the county."""

    member: str | None
    span: str
    of: str
    lang: Lang


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The picture and its stream."""
    board = Board(site)

    @get("/flows")
    async def flows(request: Asked) -> Response[Any]:
        key = _key(site, request)
        words = await shown(site, key) if site.running.gateway is not None else None
        return site.page(
            request, "flows.html", shown=words, span=key.span, of=key.of, spans=tuple(SPANS),
            live="/flows/live?" + urlencode({"span": key.span, "of": key.of}),
        )  # fmt: skip

    @get("/flows/live")
    async def live(request: Asked) -> Stream:
        return await stream(board.events(request.state.visit, _key(site, request)))

    return [flows, live]


def _key(site: Site, request: Asked) -> Key:
    """Raises: Refused `web.not_found`, no such time, role or member."""
    visit: Visit = request.state.visit
    span = request.query_params.get("span", SPAN)
    of = request.query_params.get("of", "")
    members = site.running.trust.members
    roles = {role for one in members.values() for role in one.roles}
    if span not in SPANS or (of and of not in roles and of not in members):
        raise Refused("web.not_found")
    whole = site.oversees(visit.who)
    return Key(None if whole else visit.who.member, span, of, visit.lang)


async def shown(site: Site, key: Key) -> dict[str, Any]:
    """What the page shows, in words."""
    data = await site.call("flows.show", span=key.span, member=key.member)
    seen = view(data, _naming(site, key), key.of, key.member)
    since, until = (datetime.fromisoformat(data[name]) for name in ("since", "until"))
    hours = max((until - since).total_seconds() / 3600, 1 / 6)
    return {
        "view": seen,
        "rate": seen.sums.came / hours,
        "dead": data["dead"],
        "since": data["since"],
        "whole": key.member is None,
        "all": _address(key, ""),
        "of": _of(site, key),
        "clip": clip,
    }


def _address(key: Key, of: str) -> str:
    return "/flows?" + urlencode({"span": key.span} | ({"of": of} if of else {}))


def _of(site: Site, key: Key) -> str:
    if not key.of:
        return ""
    known = site.running.trust.members.get(key.of)
    return known.name if known is not None else site.renderer.role_name(key.of, key.lang)


def _naming(site: Site, key: Key) -> Naming:
    members = site.running.trust.members
    roles = {one.id: one.roles[0] for one in members.values() if one.roles}

    def type_name(type: str) -> str:
        unread = say("web.overview_unread", key.lang)
        return unread if type == UNREAD else site.renderer.type_name(type, key.lang)

    return Naming(
        roles=roles,
        order={role: place for place, role in enumerate(dict.fromkeys(roles.values()))},
        member=site.renderer.member_name,
        role=lambda role: site.renderer.role_name(role, key.lang),
        type=type_name,
        others=lambda number: say("web.overview_others", key.lang, number=number),
        # who sees one member's part looks into kinds of others, not at others
        at=lambda of: _address(key, of) if key.member is None or of not in roles else "",
    )


class Board:
    """The pictures that are open somewhere."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pace = Pace(SHARE, BURST_S)
        self._drawn: dict[Key, tuple[object, str]] = {}
        self._drawing = asyncio.Lock()

    async def events(self, visit: Visit, key: Key) -> AsyncGenerator[bytes]:
        """What one browser is sent (text/event-stream), while its person is signed in.

        Raises:
            Refused: `web.too_many_pages`.
        """
        with self._site.streaming(visit):
            yield b"retry: 3000\n\n"
            if self._site.running.gateway is not None:
                async with contextlib.aclosing(self._events(visit, key)) as events:
                    async for event in events:
                        yield event

    async def _events(self, visit: Visit, key: Key) -> AsyncGenerator[bytes]:
        site, quiet = self._site, 0.0
        # a browser fetches the page when its stream opens: only what comes after is sent
        sent = await self._draw(key)
        while not site.closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await site.closing.wait()
            quiet += LOOK_S
            drawn = await self._draw(key)
            if drawn == sent and quiet < HEARTBEAT_S:
                continue
            who = visit.who
            if site.closing.is_set() or not await site.still_in(
                {visit.token}, who.member, who.role
            ):
                return
            yield stream_event("work", drawn) if drawn != sent else b": still here\n\n"
            sent, quiet = drawn, 0.0

    async def _draw(self, key: Key) -> str:
        """The picture as it is now; as it was drawn before, if nothing passed since."""
        gateway = self._site.running.the_gateway
        state = (gateway.counters.messages, gateway.counters.dead, self._site.now().minute)
        async with self._drawing:
            known = self._drawn.get(key)
            if known is not None and known[0] == state:
                return known[1]
            async with self._pace.turn():
                words = await shown(self._site, key)
                drawn = self._site.renderer.page("flows_work.html", key.lang, shown=words)
            if len(self._drawn) >= MOST_KEPT:
                self._drawn.clear()
            self._drawn[key] = (state, drawn)
            return drawn
