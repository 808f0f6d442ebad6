"""The clock never goes back and never stands still, whatever the machine's clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jdgate.clock import Clock, machine_time

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Machine:
    """A machine's clock that somebody can set, and its ticks that nobody can."""

    def __init__(self) -> None:
        self.time = START
        self.ticked = 0.0

    def passes(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.ticked += seconds

    def clock(self, floor: datetime | None = None) -> Clock:
        return Clock(lambda: self.time, floor, lambda: self.ticked)


def test_it_tells_what_the_machine_tells() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == START
    machine.passes(5)
    assert (clock.now(), clock.behind) == (START + 5 * SECOND, timedelta(0))


def test_a_machine_set_back_does_not_make_the_past_come_again() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.time -= 60 * SECOND
    assert clock.now() == START
    assert clock.behind == 60 * SECOND


def test_it_goes_on_slowly_until_the_machine_has_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.time -= 60 * SECOND
    machine.passes(10)
    assert clock.now() == START + 5 * SECOND
    machine.passes(200)
    assert clock.now() == machine.time
    assert clock.behind == timedelta(0)


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    machine = Machine()
    assert machine.clock(floor=START + 9 * SECOND).now() >= START + 9 * SECOND
    clock = machine.clock()
    clock.raise_floor(START + 9 * SECOND)
    clock.raise_floor(START)
    clock.raise_floor(None)
    assert clock.now() >= START + 9 * SECOND


@given(
    st.lists(st.tuples(st.integers(-5000, 5000), st.integers(0, 5000)), max_size=30),
    st.none() | st.integers(-5000, 5000),
)
def test_no_sequence_of_settings_makes_it_go_back(
    settings: list[tuple[int, int]], floor: int | None
) -> None:
    machine = Machine()
    clock = machine.clock(None if floor is None else START + floor * SECOND)
    told = [clock.now()]
    for set_by, passed in settings:
        machine.time += set_by * SECOND
        machine.passes(passed)
        told.append(clock.now())
        assert clock.behind >= timedelta(0)
    assert told == sorted(told)


def test_the_machine_tells_its_time_in_utc() -> None:
    assert machine_time().utcoffset() == timedelta(0)
    assert Clock().now() <= machine_time()
