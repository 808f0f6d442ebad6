"""One thread that reads, beside the one that writes.

Rules:
- each piece sees what is committed when it begins, and none of what comes after; what its caller
  had written before is there;
- one piece at a time: who asks a lot waits for others who ask, and whoever writes waits for
  nobody. More threads would only fight for the interpreter with the one that writes (measured:
  with two, the exchange lost a tenth; with one, nothing), and each has a connection and a cache;
- a piece writes nothing: a key that is made on first use is for the writer to make.

    reader = Reader(database, "books")
    row = await reader.run(lambda conn: messages.get(conn, id))
    await reader.close()
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection

from jdgate.errors import Misuse
from jdgate.store.database import Database

T = TypeVar("T")


class Reader:
    """The reading thread of a database. `run` is called from one event loop."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"{name} reads")
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` finds. Who gives up waiting before it has begun does not have it done.

        Raises:
            Whatever `work` raises; TransportFailed: `books.…`. Misuse: `books.closed`.
        """
        if self._closed:
            raise Misuse("books.closed")

        def reading() -> T:
            with self._database.read() as conn:
                return work(conn)

        return await asyncio.get_running_loop().run_in_executor(self._thread, reading)

    async def close(self) -> None:
        """Finish what was given and end the thread."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
