"""The clock never goes back and never stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from jdgate.clock import Clock

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Machine:
    """A machine's clock, and the seconds since it was switched on."""

    def __init__(self) -> None:
        self.shown = NOON
        self.ticks = 100.0

    def clock(self, floor: datetime | None = None) -> Clock:
        return Clock(lambda: self.shown, floor, lambda: self.ticks)

    def pass_by(self, seconds: float) -> None:
        self.shown += timedelta(seconds=seconds)
        self.ticks += seconds


def test_it_tells_the_machines_time() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.pass_by(3)
    assert clock.now() == NOON + timedelta(seconds=3)
    assert clock.behind == timedelta(0)


def test_set_back_it_goes_on_at_half_speed_until_the_machine_has_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.shown -= timedelta(seconds=60)
    told = []
    for _ in range(200):
        machine.pass_by(1)
        told.append(clock.now())
    assert told[:4] == [NOON + timedelta(seconds=s) for s in (0.5, 1.0, 1.5, 2.0)]
    assert all(later >= earlier for earlier, later in pairwise(told))
    assert told[-1] == machine.shown
    assert clock.behind == timedelta(0)


def test_a_floor_from_the_books_holds_after_a_restart() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.raise_floor(NOON + timedelta(hours=1))
    assert clock.now() >= NOON + timedelta(hours=1)
    assert clock.behind == timedelta(hours=1)


def test_asked_twice_in_one_moment_it_says_the_same() -> None:
    machine = Machine()
    clock = machine.clock(floor=NOON + timedelta(hours=1))
    assert clock.now() == clock.now()
