"""The county's days and hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import calendar

T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_days_are_local() -> None:
    assert calendar.day_of(datetime(2026, 11, 21, 16, 0, tzinfo=UTC)) == "2026-11-22"
    assert calendar.at_local("2026-11-22", time(10)) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert calendar.add_days("2026-02-28", 1) == "2026-03-01"
    assert calendar.days_between("2026-02-28", "2026-03-01") == 1


@pytest.mark.parametrize("text", ["", "1:00", "24:00", "10:60", "10:00 ", "１０:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    assert calendar.clock_time(text) is None


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)), st.times())
def test_the_next_local_time_is_within_a_day(after: datetime, clock: time) -> None:
    if after.year > 9990:
        return
    clock = clock.replace(tzinfo=None, fold=0)
    due = calendar.next_local(after, clock)
    assert after < due <= after + timedelta(days=1)
    assert due.astimezone(calendar.LOCAL).time() == clock


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
