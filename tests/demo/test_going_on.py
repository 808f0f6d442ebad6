"""A story that was interrupted goes on, and a county that was left alone catches up."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from pathlib import Path

import pytest

from jdgate.clock import Clock, machine_time
from jdgate.config import Home, read_config
from jdgate.daemon import Daemon
from jdgate.demo.county import found_demo
from jdgate.demo.people import ATTENDANCE, SITES
from jdgate.demo.story import tell
from jdgate.teller import Teller

from .conftest import STAYS_UP, Start, sent, turned_by
from .test_story import ONCE


@pytest.mark.parametrize(
    "moment",
    ["(1) the clinic files", "25 members (com-01 to com-25) signed", "cln-01 signed for “Absence"],
    ids=["during the enrolments", "after the orders", "in the middle of the attendance"],
)
def test_a_story_that_was_killed_goes_on_and_sends_nothing_twice(
    tmp_path: Path, start: Start, moment: str
) -> None:
    folder = tmp_path / "county"
    first = start(folder)
    first.wait_for(moment)
    first.kill()
    before = sent(folder)

    second = start(folder)
    printed = second.wait_for(STAYS_UP)

    assert "goes on where it stopped" in printed
    assert sum(before.values()) < sum(ONCE.values())
    assert {type: sent(folder)[type] for type in ONCE} == ONCE
    assert "the clinic got 9 absence alerts; the 70 other members got 0" in printed
    assert "the evidence holds" in printed
    assert second.stop() == 0


@pytest.mark.anyio
async def test_a_county_that_was_left_alone_sends_the_days_since(told: Path) -> None:
    home = Home(told)
    out = io.StringIO()
    teller = Teller("en", out)
    ahead = timedelta(days=3, seconds=turned_by(told))
    later = Clock(lambda: machine_time() + ahead)
    daemon = Daemon(home, read_config(home), teller=teller, clock=later)
    before = sent(told)
    await daemon.start()
    try:
        teller.learn(daemon.catalogue, daemon.trust)
        await tell(daemon)
    finally:
        await daemon.stop()

    assert "attendance of the days since" in out.getvalue()
    assert sent(told) - before == {ATTENDANCE: 3 * len(SITES)}
    assert "900 record(s): all accepted" in out.getvalue()


@pytest.mark.anyio
@pytest.mark.parametrize("day", [1, 4])
async def test_the_story_is_the_same_in_the_first_days_of_a_month(tmp_path: Path, day: int) -> None:
    """An inspection is late from the fourth day on: the month that is told of goes by that."""
    today = machine_time()
    # in the past, for the police's source goes by the machine's own clock
    first = today.replace(day=day, hour=4)
    if first > today - timedelta(hours=1):
        first = (first.replace(day=1) - timedelta(days=1)).replace(day=day)
    clock = Clock(lambda: machine_time() + (first - today))
    home = Home(tmp_path / "county")
    found_demo(home, clock.now())
    out = io.StringIO()
    teller = Teller("en", out)
    daemon = Daemon(home, read_config(home), teller=teller, clock=clock)
    await daemon.start()
    try:
        teller.learn(daemon.catalogue, daemon.trust)
        await tell(daemon)
    finally:
        await daemon.stop()

    desks = out.getvalue().rpartition("(16) ")[2]
    assert desks.count("· P1 ") == 1
    assert {"C1", "K1", "L1", "L2", "P1", "P2"} == set(re.findall(r"· ([A-Z]\d) ", desks))
