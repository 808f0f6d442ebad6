"""Reading beside the thread that writes: on what is committed, one piece at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection

from jdgate.errors import Misuse, TransportFailed
from jdgate.store import meta
from jdgate.store.database import Database
from jdgate.store.reader import Reader

WITHIN = 30.0


@pytest.fixture
async def reader(books: Database) -> AsyncIterator[Reader]:
    one = Reader(books, "books")
    yield one
    await one.close()


class Slow:
    """A piece of reading that goes on until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, conn: Connection) -> str | None:
        meta.get(conn, "county")  # from here on it has its snapshot
        self.begun.set()
        assert self.let_go.wait(WITHIN)
        return meta.get(conn, "county")

    async def under_way(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, WITHIN)


def write(books: Database, value: str) -> None:
    with books.transaction() as conn:
        meta.put(conn, "county", value)


def county(conn: Connection) -> str | None:
    return meta.get(conn, "county")


@pytest.mark.anyio
async def test_who_writes_waits_for_no_reader_and_who_reads_next_sees_it(
    books: Database, reader: Reader
) -> None:
    write(books, "511600")
    slow = Slow()
    reading = asyncio.create_task(reader.run(slow))
    await slow.under_way()
    next_one = asyncio.create_task(reader.run(county))
    await asyncio.to_thread(write, books, "511623")
    assert not reading.done() and not next_one.done()
    slow.let_go.set()
    assert [await reading, await next_one] == ["511600", "511623"]


@pytest.mark.anyio
async def test_who_gave_up_before_its_turn_is_passed_over(books: Database, reader: Reader) -> None:
    slow = Slow()
    reading = asyncio.create_task(reader.run(slow))
    await slow.under_way()
    given_up = asyncio.create_task(reader.run(Slow()))  # had it begun, it would never end
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    slow.let_go.set()
    assert [await reading, await reader.run(county)] == [None, None]


@pytest.mark.anyio
async def test_a_reader_writes_nothing(reader: Reader) -> None:
    def work(conn: Connection) -> None:
        meta.put(conn, "county", "511623")

    with pytest.raises(TransportFailed):
        await reader.run(work)
    assert await reader.run(county) is None


@pytest.mark.anyio
async def test_what_was_given_before_the_end_is_finished_and_nothing_is_taken_after_it(
    books: Database,
) -> None:
    reader, slow = Reader(books, "books"), Slow()
    reading = [asyncio.create_task(reader.run(work)) for work in (slow, county)]
    await slow.under_way()
    closing = asyncio.create_task(reader.close())
    await asyncio.sleep(0)
    with pytest.raises(Misuse):
        await reader.run(county)
    assert not closing.done()
    slow.let_go.set()
    await closing
    assert await asyncio.gather(*reading) == [None, None]
