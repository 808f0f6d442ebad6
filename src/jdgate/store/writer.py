"""One thread that writes, and work that shares a transaction when it waits at the same time.

What costs time in a small transaction is the disk sync at its end. While one is under way, other
work queues up; all of it then goes into the next one together. Each piece is told of its outcome
only after that commit.

Rules:
- pieces run in the order they were given, one at a time, on one thread;
- when a piece raises, nothing of its group is kept and every piece of it runs again, in a
  transaction of its own: a piece may run twice, but is committed at most once;
- nothing waits for company: an idle writer begins at once.

    writer = Writer(database, "edge")
    submission = await writer.run(lambda conn: submit(conn, …))
    await writer.close()
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection

from jdgate.errors import Misuse
from jdgate.store.database import Database

T = TypeVar("T")
_Work = Callable[[Connection], Any]

TOGETHER = 64
"""Pieces in one transaction at most: what waits behind them should not wait long."""


class Writer:
    """The writing thread of a database. `run` is called from one event loop."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: deque[tuple[_Work, asyncio.Future[Any]]] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is committed.

        Raises:
            Whatever `work` raises; TransportFailed: `books.…`. Nothing of it is kept then.
            Misuse: `books.closed`.
        """
        if self._closed:
            raise Misuse("books.closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((work, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def aside(self, work: Callable[[], T]) -> T:
        """`work` on the writing thread, between transactions."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Finish what was given and end the thread."""
        self._closed = True
        if self._draining is not None:
            await asyncio.gather(self._draining, return_exceptions=True)
        self._thread.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))]
            # who gave up waiting before the work began does not want it done
            group = [one for one in group if not one[1].cancelled()]
            works = [work for work, _ in group]
            outcomes = await loop.run_in_executor(self._thread, self._commit, works)
            for (_, future), (value, error) in zip(group, outcomes, strict=True):
                if future.cancelled():
                    continue
                if error is None:
                    future.set_result(value)
                else:
                    future.set_exception(error)

    def _commit(self, works: Sequence[_Work]) -> list[tuple[Any, BaseException | None]]:
        if len(works) > 1:
            try:
                with self._database.transaction() as conn:
                    values = [work(conn) for work in works]
                return [(value, None) for value in values]
            except Exception:  # noqa: S110  (each piece alone says what is wrong with it)
                pass
        return [self._commit_one(work) for work in works]

    def _commit_one(self, work: _Work) -> tuple[Any, BaseException | None]:
        try:
            with self._database.transaction() as conn:
                return work(conn), None
        except Exception as error:
            return None, error
