"""Months as a calendar shows them, and how figures are spread."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import spread
from jdgate.core.months import Month, bounds, day_of_text
from jdgate.core.spread import Spread

months = st.builds(Month, st.integers(2000, 2099), st.integers(1, 12))


@given(months)
def test_weeks_hold_every_day_of_a_month_once_and_begin_on_monday(month: Month) -> None:
    weeks = month.weeks()
    days = [day for week in weeks for day in week if day is not None]
    assert days[0] == month.first and days[-1] == month.last
    assert days == sorted(set(days)) and {day.month for day in days} == {month.month}
    assert all(len(week) == 7 for week in weeks)
    assert all(day.weekday() == at for week in weeks for at, day in enumerate(week) if day)


@given(months)
def test_before_and_after_lead_back(month: Month) -> None:
    assert month.after.before == month == month.before.after
    assert Month.read(str(month)) == month


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13", "2026-00", "1926-01", "2026-1", "2026-01-01", "²026-01"]
)
def test_what_is_no_month_is_none(text: str) -> None:
    assert Month.read(text) is None


def test_a_month_of_28_days_that_begins_on_monday_has_four_weeks() -> None:
    assert len(Month(2027, 2).weeks()) == 4
    assert len(Month(2026, 11).weeks()) == 6


def test_days_are_those_of_the_county() -> None:
    begin, end = bounds(date(2026, 11, 1), date(2026, 11, 30))
    assert begin == datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert end == datetime(2026, 11, 30, 16, tzinfo=UTC)
    assert day_of_text("2026-11-22") == date(2026, 11, 22)
    for text in ("", "2026-11-31", "20261122", "0001-01-01", "9999-12-31", "2026-11-22T00"):
        assert day_of_text(text) is None, text


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_between_the_least_and_the_most(values: list[float], share: float) -> None:
    ordered = sorted(values)
    assert ordered[0] <= spread.quantile(ordered, share) <= ordered[-1]


def test_quantiles_are_between_neighbours_in_proportion() -> None:
    assert spread.quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.5
    told = spread.told([3.0, 40.0, 8.0, 9.0, 5.0])
    assert (told.count, told.median) == (5, 8.0) and told.p90 == pytest.approx(27.6)
    with pytest.raises(ValueError):
        spread.quantile([], 0.5)


def test_of_fewer_than_five_nothing_is_told() -> None:
    assert spread.told([1.0, 2.0, 3.0, 4.0]) == Spread()
