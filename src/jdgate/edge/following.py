"""Those who watch: what comes for a member, and what the gateway says of a member's messages.

follower = Follower()
follower.tell(row)
async for row in follower.rows(): …              # never a reason to keep without end

verdicts = Verdicts(run)
verdicts.tell(answered)
async for answered in verdicts.of(ids): …

bell = Bell()
bell.ring("pol")
with bell.listening("pol") as rung: await rung.wait()   # something changed; look what
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from jdgate.edge import judged
from jdgate.edge.judged import Answered
from jdgate.edge.sending import Run
from jdgate.errors import TransportFailed
from jdgate.store.inbox import InboxRow

MOST_WAITING = 1_000


class Follower:
    """One watcher. What it does not read waits for it, up to `MOST_WAITING` rows."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[InboxRow] = asyncio.Queue(MOST_WAITING)
        self._lost = False

    def tell(self, row: InboxRow) -> None:
        """Something came."""
        if self._lost:
            return
        try:
            self._waiting.put_nowait(row)
        except asyncio.QueueFull:
            self._lost = True

    async def rows(self) -> AsyncIterator[InboxRow]:
        """What comes, in order.

        Raises:
            TransportFailed: `inbox.follower_slow`, once a row had no room. It is in the inbox.
        """
        while not (self._lost and self._waiting.empty()):
            yield await self._waiting.get()
        raise TransportFailed("inbox.follower_slow", most=MOST_WAITING)


class Bell:
    """Says that something on a member's desk changed, and not what: who listens looks again."""

    def __init__(self) -> None:
        self._listening: dict[str, set[asyncio.Event]] = defaultdict(set)

    def ring(self, member: str) -> None:
        """Something changed."""
        for rung in self._listening.get(member, ()):
            rung.set()

    @contextmanager
    def listening(
        self, *members: str, rung: asyncio.Event | None = None
    ) -> Iterator[asyncio.Event]:
        """An event that is set at each ring of one of these; who waits for it clears it."""
        rung = rung or asyncio.Event()
        for member in members:
            self._listening[member].add(rung)
        try:
            yield rung
        finally:
            for member in members:
                self._listening[member].discard(rung)
                if not self._listening[member]:
                    del self._listening[member]


class Verdicts:
    """Who waits for which message's verdict. Those that came before are in the outbox."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: dict[str, list[asyncio.Future[Answered]]] = defaultdict(list)

    def tell(self, answered: Answered) -> None:
        """The gateway judged a message."""
        for future in self._waiting.pop(answered.id, ()):
            if not future.done():
                future.set_result(answered)

    async def of(self, ids: Sequence[str]) -> AsyncIterator[Answered]:
        """The verdicts on these messages, as they come; ends when all have one."""
        loop = asyncio.get_running_loop()
        futures: dict[str, asyncio.Future[Answered]] = {}
        for message_id in ids:
            futures[message_id] = loop.create_future()
            self._waiting[message_id].append(futures[message_id])
        try:
            known = await self._run(lambda conn: judged.known(conn, ids))
            for message_id, answered in known.items():
                if not futures[message_id].done():
                    futures[message_id].set_result(answered)
            for done in asyncio.as_completed(futures.values()):
                answered = await done
                yield answered
                if answered.renewed_as is not None:
                    async for again in self.of([answered.renewed_as]):
                        yield again
        finally:
            for message_id, future in futures.items():
                future.cancel()
                left = [each for each in self._waiting.pop(message_id, []) if not each.done()]
                if left:
                    self._waiting[message_id] = left
