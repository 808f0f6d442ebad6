"""Whose system calls, how often, and what it brings. Nothing gets past this that is not ours.

Rules:
- a token is looked up at every request, so what was revoked or has expired ends at once; a stream
  that is open looks again whenever it wakes, and is woken when its token is revoked;
- requests are counted per token and minute, open streams, waiting requests and what is brought at
  once per token: one system that runs wild keeps no other from its work;
- a member with its own key that was suspended is handed nothing more, also by a stream;
- JSON is read as messages are: no key twice, no number that readers would not agree on.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.response import Stream

from jdgate.core.message import parse
from jdgate.ending import end
from jdgate.errors import Refused
from jdgate.people import credentials
from jdgate.store import web_sessions
from jdgate.store.web_sessions import TokenRow
from jdgate.web.site import Asked, Site

T = TypeVar("T")

MOST_BYTES = 8 * 1024 * 1024
"""Of a body, where an address does not say otherwise."""
TOKEN_LENGTH = 43
A_MINUTE = 600
"""Requests that one token may make in a minute."""
MOST_STREAMS = 4
"""Streams and waiting requests that one token may have open."""
MOST_BROUGHT = 4
"""Requests with something to send that one token may have under way: each lies in memory whole."""
HEARTBEAT_S = 15.0
LOOK_S = 1.0
"""How soon something that rings no bell is seen by who waits for it."""
LARGE = 64 * 1024
_WHERE = re.compile(r"`\$\.?([^`]*)`|field `([a-z_]{1,40})`")


class Guard:
    """Finds out whose system calls, and counts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._minute = 0
        self._counted: dict[str, int] = defaultdict(int)
        self._open: Counter[str] = Counter()
        self._brought: Counter[str] = Counter()
        self._waiting: set[asyncio.Event] = set()
        site.at_closing.append(self._let_go)

    async def enter(self, request: Asked) -> None:
        """Before every request. Raises: Refused `web.token`, `web.too_many`."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or len(given) != TOKEN_LENGTH:
            raise Refused("web.token")  # and the database is not asked
        row = await self._alive(credentials.digest(given))
        if row is None:
            raise Refused("web.token")
        self._count(row.id)
        request.state.system = row

    async def still(self, system: TokenRow) -> bool:
        """Whether a token is good as yet, its member may have what it is owed, and the daemon goes
        on."""
        if self._site.closing.is_set() or await self._alive(system.token) is None:
            return False
        member = self._site.running.trust.members.get(system.member)
        return not system.own_key or (member is not None and member.status == "active")

    async def _alive(self, digest: bytes) -> TokenRow | None:
        row = await self._site.house.run(lambda conn: web_sessions.token(conn, digest))
        if row is None or row.revoked_at is not None or self._site.now() >= row.expires_at:
            return None
        return row

    def _count(self, id: str) -> None:
        now = time.monotonic()
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._counted = minute, defaultdict(int)
        self._counted[id] += 1
        if self._counted[id] > A_MINUTE:
            raise Refused("web.too_many", seconds=60 - int(now % 60))

    async def body(self, request: Request[Any, Any, Any], *kinds: str) -> bytes:
        """The body, of one of these media types.

        Raises:
            Refused: `web.media_type`; `web.token`, it was revoked or expired while the body came.
                HTTPException: 413.
        """
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if given not in kinds:
            raise Refused("web.media_type", expected=", ".join(kinds))
        read = await request.body()
        if await self._alive(system_of(request).token) is None:
            raise Refused("web.token")
        return read

    async def json(self, request: Request[Any, Any, Any], kind: type[T]) -> T:
        """The JSON body, read as `kind`.

        Raises:
            Refused: as `body`; `web.malformed` (names the place), `message.not_json`,
                `message.duplicate_key`, `message.number`, `message.text`.
        """
        given = await self.body(request, "application/json")
        if len(given) > LARGE:  # takes long enough to be noticed by others
            return await asyncio.to_thread(_read, given, kind)
        return _read(given, kind)

    @contextlib.contextmanager
    def bringing(self, system: TokenRow) -> Iterator[None]:
        """While a request of a token is read and done.

        Raises:
            Refused: `web.too_many`.
        """
        if self._brought[system.id] >= MOST_BROUGHT:
            raise Refused("web.too_many", seconds=5)
        self._brought[system.id] += 1
        try:
            yield
        finally:
            self._brought[system.id] -= 1
            if not self._brought[system.id]:
                del self._brought[system.id]

    @contextlib.contextmanager
    def listening(self, system: TokenRow) -> Iterator[asyncio.Event]:
        """An event that is set when something came for the token's member, when the token is
        revoked and when the daemon stops; who waits for it clears it and looks.

        Raises:
            Refused: `web.too_many_streams`.
        """
        if self._open[system.id] >= MOST_STREAMS:
            raise Refused("web.too_many_streams", most=MOST_STREAMS, seconds=5)
        edge = self._site.running.edge
        with contextlib.ExitStack() as stack:
            rung = asyncio.Event()
            if edge is not None:
                stack.enter_context(edge.bell.listening(system.member, system.id, rung=rung))
            self._open[system.id] += 1
            self._waiting.add(rung)
            try:
                yield rung
            finally:
                self._waiting.discard(rung)
                self._open[system.id] -= 1
                if not self._open[system.id]:
                    del self._open[system.id]

    async def within(
        self,
        wait: float,
        request: Request[Any, Any, Any],
        look: Callable[[], Awaitable[list[T]]],
        every: float = math.inf,
    ) -> list[T]:
        """What `look` finds: now, or as soon as there is something, for so many seconds. It looks
        when it rings, and `every` so many seconds. Who has gone meanwhile is waited for no longer:
        they would take a place that they may need to ask again.

        Raises:
            Refused: `web.too_many_streams`; what `look` raises.
        """
        found = await look()
        if found or not wait:
            return found
        system, until = system_of(request), time.monotonic() + wait
        with self.listening(system) as rung:
            gone = asyncio.create_task(_left(request))
            gone.add_done_callback(lambda _: rung.set())
            rung.set()  # what came since that look rang for nobody
            try:
                while not found and (left := until - time.monotonic()) > 0:
                    await rings(rung, min(left, every))
                    if gone.done() or not await self.still(system):
                        break
                    found = await look()
            finally:
                await end(gone)
        return found

    def _let_go(self) -> None:
        for rung in self._waiting:
            rung.set()


async def _left(request: Request[Any, Any, Any]) -> None:
    """Until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def rings(rung: asyncio.Event, within: float) -> bool:
    """Whether it rang within so many seconds. It is clear then."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            await rung.wait()
    rang = rung.is_set()
    rung.clear()
    return rang


def system_of(request: Request[Any, Any, Any]) -> TokenRow:
    """The token a request came with, once `Guard.enter` let it in."""
    system: TokenRow = request.state.system
    return system


def _read(given: bytes, kind: type[T]) -> T:
    try:
        return msgspec.convert(parse(given), kind)
    except msgspec.ValidationError as error:
        found = _WHERE.search(str(error))
        raise Refused("web.malformed", at=(found[1] or found[2]) if found else "—") from None


async def stream(source: AsyncGenerator[bytes]) -> Stream:
    """A stream of events, once it has begun: what hinders it is an answer of its own.

    Raises:
        Refused: what `source` raises before its first event.
    """
    first = await anext(source)

    async def rest() -> AsyncIterator[bytes]:
        try:
            yield first
            async for one in source:
                yield one
        finally:
            await source.aclose()

    return Stream(rest(), media_type="text/event-stream")


def event(name: str, id: str, said: object) -> bytes:
    """One event (HTML Living Standard §9.2). JSON has no line ends of its own."""
    data = msgspec.json.encode(said)
    return f"event: {name}\nid: {id}\ndata: ".encode() + data + b"\n\n"


BEGUN = b"retry: 3000\n\n"
"""Whoever loses the stream comes back after three seconds."""
STILL_HERE = b": still here\n\n"
