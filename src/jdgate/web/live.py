"""Desks that change by themselves: one drawing for all who see the same, sent to their browsers.

Who is at one member, in one role and one language sees the same list. It is drawn once when
something changed, however many look, and at most as often as `pace` allows. What is sent is the
piece of the page with the id `work`; the page's script puts it in place.

Rules:
- a stream that is open is no sign of a person: it does not keep the session alive, and it ends
  with the session;
- what a browser missed while it was away it fetches as a page when it is back.

    live = Live(site, draw)                       # draw(member, role, lang) → HTML
    async for event in live.events(visit): …
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from jdgate.ending import end
from jdgate.plainlog import broke
from jdgate.texts import Lang
from jdgate.web.pace import Pace
from jdgate.web.site import Site, Visit

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
APART_S = 0.5
"""A page is told of changes at most this often."""
AGAIN_S = 5.0
"""After so long what could not be drawn is tried again."""
SHARE, BURST_S = 0.03, 0.3
"""Of the process's time, for drawing and sending."""
SENDING_S = 0.0002
"""What sending one drawing to one browser takes, about: it happens outside the turn."""


class Key(NamedTuple):
    """Who sees the same."""

    member: str
    role: str
    lang: Lang


Draw = Callable[[Key], Awaitable[str]]


class _Listener:
    """One open page. `news`: the latest drawing it has not been sent; None: nothing, look again."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.news: bytes | None = None
        self.rung = asyncio.Event()
        self.over = False


class Live:
    """All open desks of a site."""

    def __init__(self, site: Site, draw: Draw) -> None:
        self._site = site
        self._draw = draw
        self._pace = Pace(SHARE, BURST_S)
        self._listening: dict[Key, set[_Listener]] = {}
        self._boards: dict[Key, asyncio.Task[None]] = {}
        site.at_closing.append(self._let_go)

    async def events(self, visit: Visit) -> AsyncGenerator[bytes]:
        """What one browser is sent (text/event-stream), while its person is signed in.

        Raises:
            Refused: `web.too_many_pages`.
        """
        with self._site.streaming(visit):
            yield b"retry: 3000\n\n"
            if self._site.reachable(visit.who):
                async with contextlib.aclosing(self._events(visit)) as events:
                    async for event in events:
                        yield event

    async def _events(self, visit: Visit) -> AsyncGenerator[bytes]:
        site, who = self._site, visit.who
        listener, key = _Listener(visit.token), Key(who.member, who.role, visit.lang)
        try:
            self._begin(key, listener)
            while not (site.closing.is_set() or listener.over):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_S):
                        await listener.rung.wait()
                listener.rung.clear()
                news, listener.news = listener.news, None
                if news is not None:
                    yield news
                elif not site.closing.is_set() and await self._signed_in(key, [listener]):
                    yield b": still here\n\n"
        finally:
            await self._end(key, listener)

    def _begin(self, key: Key, listener: _Listener) -> None:
        self._listening.setdefault(key, set()).add(listener)
        if key not in self._boards:
            self._boards[key] = asyncio.create_task(self._keep(key), name=f"live {key.member}")

    async def _end(self, key: Key, listener: _Listener) -> None:
        listening = self._listening[key]
        listening.discard(listener)
        if not listening:
            del self._listening[key]
            await end(self._boards.pop(key))

    async def _keep(self, key: Key) -> None:
        """Draw for everybody of a key each time something changed."""
        shown = ""
        with self._site.running.the_edge.bell.listening(key.member) as rung:
            while True:
                await rung.wait()
                rung.clear()
                try:
                    async with self._pace.turn():
                        drawn = await self._draw(key)
                        if drawn != shown:
                            await self._send(key, stream_event("work", drawn))
                            shown = drawn
                except Exception as error:  # a database that is away for a while: look again
                    broke(log, "a desk could not be drawn anew", error=error)
                    rung.set()
                    await asyncio.sleep(AGAIN_S)
                await asyncio.sleep(APART_S)

    async def _send(self, key: Key, event: bytes) -> None:
        listening = list(self._listening[key])
        for listener in await self._signed_in(key, listening):
            listener.news = event
        for listener in listening:
            listener.rung.set()
        self._pace.spend(SENDING_S * len(listening))

    def _let_go(self) -> None:
        """The daemon stops: nobody listens any longer."""
        for listeners in self._listening.values():
            for listener in listeners:
                listener.rung.set()

    async def _signed_in(self, key: Key, listeners: list[_Listener]) -> list[_Listener]:
        """Those whose session goes on; the others' streams are over."""
        still = await self._site.still_in({one.token for one in listeners}, key.member, key.role)
        for one in listeners:
            one.over = one.token not in still
        return [one for one in listeners if not one.over]


def stream_event(name: str, text: str) -> bytes:
    """An event of a stream (HTML Living Standard §9.2)."""
    lines = "".join(f"data: {line}\n" for line in text.splitlines())
    return f"event: {name}\n{lines}\n".encode()
