"""Tasks end, also those that lose a cancellation on the way."""

from __future__ import annotations

import asyncio

import pytest

from jdgate import ending

pytestmark = pytest.mark.anyio


async def test_a_loop_that_loses_its_cancellation_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "AGAIN_S", 0.01)
    lost = 0

    async def forever() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1  # as `asyncio.wait_for` of Python 3.11 does, now and then

    async def breaks() -> None:
        raise ValueError("looked at by whoever ends it")

    tasks = [asyncio.create_task(forever()), asyncio.create_task(breaks())]
    await asyncio.sleep(0)
    await ending.end(None, *tasks)

    assert lost == 2
    assert all(task.done() for task in tasks)


async def test_nothing_to_end_ends_at_once() -> None:
    await ending.end()
    await ending.end(None)
