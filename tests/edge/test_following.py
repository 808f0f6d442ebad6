"""Who follows an inbox and does not read loses its place in the queue, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jdgate.edge.following import MOST_WAITING, Follower
from jdgate.errors import TransportFailed
from jdgate.store.inbox import InboxRow
from jdgate.texts import LANGUAGES

AT = datetime(2026, 1, 5, tzinfo=UTC)


def a_row(number: int) -> InboxRow:
    return InboxRow(
        member="pol", id=str(number), source="gateway", type="t", received_at=AT, next_at=AT
    )


@pytest.mark.anyio
async def test_a_follower_that_reads_hears_of_everything_in_order() -> None:
    follower, heard = Follower(), list[str]()
    rows = follower.rows()
    for number in range(2 * MOST_WAITING):
        follower.tell(a_row(number))
        heard.append((await anext(rows)).id)
    assert heard == [str(number) for number in range(2 * MOST_WAITING)]


@pytest.mark.anyio
async def test_one_that_does_not_read_is_told_that_it_missed_something() -> None:
    follower, heard = Follower(), list[str]()
    for number in range(MOST_WAITING + 5):
        follower.tell(a_row(number))
    with pytest.raises(TransportFailed) as lost:
        async for row in follower.rows():
            heard.append(row.id)
            follower.tell(a_row(-1))  # what comes now would only hide the gap
    assert heard == [str(number) for number in range(MOST_WAITING)]
    assert lost.value.code == "inbox.follower_slow"
    assert all(str(MOST_WAITING) in lost.value.text(lang) for lang in LANGUAGES)
