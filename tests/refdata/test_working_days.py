"""Working days: what is published, what the county overrides, and how days are counted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.calendar import WorkingDays, YearPlan

# The last week of a made-up September: Thursday and Friday off, the Sunday after worked.
PLAN = YearPlan(
    off=frozenset({date(2026, 10, 1), date(2026, 10, 2)}), on=frozenset({date(2026, 10, 4)})
)
DAYS = WorkingDays({2026: PLAN}, {date(2026, 9, 30): False, date(2027, 1, 2): True})

days = st.dates(date(2025, 6, 1), date(2027, 6, 1))
plans = st.dictionaries(
    st.sampled_from((2025, 2026, 2027)),
    st.builds(
        YearPlan,
        off=st.frozensets(days, max_size=30),
        on=st.frozensets(days, max_size=30),
    ),
)
calendars = st.builds(WorkingDays, plans, st.dictionaries(days, st.booleans(), max_size=30))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-09-29", True),
        ("2026-09-30", False),  # an override closes a weekday
        ("2026-10-01", False),  # a holiday
        ("2026-10-03", False),  # an ordinary Saturday
        ("2026-10-04", True),  # a Sunday worked in return
        ("2026-10-05", True),
        ("2027-01-01", True),  # nobody has said yet that it is one of the holidays
        ("2027-01-02", True),  # an override opens a Saturday
        ("2027-01-03", False),
    ],
)
def test_a_day_is_worked_by_override_then_plan_then_weekday(day: str, working: bool) -> None:
    assert DAYS.is_working(date.fromisoformat(day)) is working


def test_a_year_that_is_not_published_says_so() -> None:
    assert DAYS.years == (2026,)
    assert DAYS.is_published(date(2026, 12, 31))
    assert not DAYS.is_published(date(2027, 1, 1))
    assert DAYS.is_published(date(2027, 1, 2)), "the county has decided on this one"
    assert DAYS.is_published_between(date(2026, 1, 1), date(2026, 12, 31))
    assert not DAYS.is_published_between(date(2026, 12, 31), date(2027, 1, 1))
    assert not DAYS.is_published_between(date(2027, 1, 1), date(2026, 12, 31))
    assert DAYS.is_published_between(date(2027, 1, 2), date(2027, 1, 2))


def test_counting_begins_with_the_day_after() -> None:
    friday = date(2026, 11, 20)
    assert DAYS.add_working_days(friday, 1) == date(2026, 11, 23)
    assert DAYS.add_working_days(friday, 0) == friday
    assert DAYS.add_working_days(date(2026, 11, 23), -1) == friday
    assert DAYS.between(friday, date(2026, 11, 23)) == 1
    assert DAYS.between(friday, friday) == 0


def test_ten_working_days_go_round_the_holidays() -> None:
    assert DAYS.add_working_days(date(2026, 9, 28), 3) == date(2026, 10, 5)


def test_a_period_that_ends_on_a_holiday_ends_on_the_next_working_day() -> None:
    assert DAYS.next_working(date(2026, 9, 30)) == date(2026, 10, 4)
    assert DAYS.next_working(date(2026, 10, 4)) == date(2026, 10, 4)


@given(calendars, days, st.integers(-60, 60))
def test_between_undoes_adding(calendar: WorkingDays, day: date, count: int) -> None:
    reached = calendar.add_working_days(day, count)
    assert calendar.between(day, reached) == count
    assert count == 0 or calendar.is_working(reached)


@given(calendars, days, st.integers(0, 30), st.integers(0, 30))
def test_adding_in_two_steps_is_adding_at_once(
    calendar: WorkingDays, day: date, first: int, second: int
) -> None:
    midway = calendar.add_working_days(day, first)
    assert calendar.add_working_days(midway, second) == calendar.add_working_days(
        day, first + second
    )


@given(calendars, days, days, days)
def test_stretches_add_up(calendar: WorkingDays, one: date, two: date, three: date) -> None:
    first, middle, last = sorted((one, two, three))
    assert calendar.between(first, last) == calendar.between(first, middle) + calendar.between(
        middle, last
    )


@given(calendars, days)
def test_every_day_is_working_or_not_and_counted_once(calendar: WorkingDays, day: date) -> None:
    before = day - timedelta(1)
    assert calendar.between(before, day) == int(calendar.is_working(day))


@given(days)
def test_without_any_plan_the_week_alone_decides(day: date) -> None:
    assert WorkingDays().is_working(day) is (day.weekday() < 5)
    assert not WorkingDays().is_published(day)
