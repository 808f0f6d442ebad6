"""Work that waits at the same time is committed together, and fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import Connection

from jdgate.errors import Misuse, Refused
from jdgate.store import meta
from jdgate.store.database import Database
from jdgate.store.writer import Writer


@pytest.fixture
async def writer(edge: Database) -> AsyncIterator[Writer]:
    one = Writer(edge, "edge")
    yield one
    await one.close()


def note(key: str, seen: list[tuple[str, int]] | None = None) -> Callable[[Connection], str]:
    """Work that notes `key`, and which transaction it ran in."""

    def work(conn: Connection) -> str:
        if seen is not None:
            seen.append((key, id(conn.get_transaction())))
        meta.put(conn, key, "there")
        return key

    return work


def refuse(conn: Connection) -> None:
    meta.put(conn, "refused", "there")
    raise Refused("member.unknown", member="x")


@pytest.mark.anyio
async def test_what_waits_at_the_same_time_shares_a_transaction_in_its_order(
    writer: Writer, edge: Database
) -> None:
    seen: list[tuple[str, int]] = []
    keys = [f"k{number}" for number in range(9)]
    assert await asyncio.gather(*(writer.run(note(key, seen)) for key in keys)) == keys
    assert [key for key, _ in seen] == keys
    assert len({transaction for _, transaction in seen}) < len(keys)
    with edge.read() as conn:
        assert all(meta.get(conn, key) == "there" for key in keys)


@pytest.mark.anyio
async def test_a_piece_that_raises_leaves_nothing_and_takes_nobody_with_it(
    writer: Writer, edge: Database
) -> None:
    outcomes = await asyncio.gather(
        writer.run(note("before")),
        writer.run(refuse),
        writer.run(note("after")),
        return_exceptions=True,
    )
    assert outcomes[0] == "before"
    assert isinstance(outcomes[1], Refused)
    assert outcomes[2] == "after"
    with edge.read() as conn:
        assert meta.get(conn, "before") == meta.get(conn, "after") == "there"
        assert meta.get(conn, "refused") is None


@pytest.mark.anyio
async def test_who_no_longer_waits_is_passed_over(writer: Writer, edge: Database) -> None:
    waiting = [asyncio.create_task(writer.run(note(key))) for key in ("first", "second")]
    await asyncio.sleep(0)
    waiting[1].cancel()
    assert await waiting[0] == "first"
    await writer.run(note("third"))
    with edge.read() as conn:
        assert meta.get(conn, "second") is None
        assert meta.get(conn, "third") == "there"


@pytest.mark.anyio
async def test_what_was_given_before_the_end_is_finished_and_nothing_is_taken_after_it(
    edge: Database,
) -> None:
    writer = Writer(edge, "edge")
    waiting = [asyncio.create_task(writer.run(note(key))) for key in ("one", "two")]
    await asyncio.sleep(0)
    await writer.close()
    assert await asyncio.gather(*waiting) == ["one", "two"]
    with pytest.raises(Misuse):
        await writer.run(note("late"))
