"""The working-day calendar in place: years that are published, overrides that are imported."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from jdgate.refdata import References

from .conftest import Add

DAYS = References().working_days


@pytest.mark.parametrize(
    ("day", "working"),
    [
        ("2026-02-17", False),  # Spring Festival, a Tuesday
        ("2026-02-14", True),  # the Saturday worked for it
        ("2026-02-15", False),
        ("2026-10-01", False),
        ("2026-10-10", True),
        ("2026-11-23", True),
        ("2020-01-31", False),  # the holiday that was made longer that year
    ],
)
def test_holidays_and_days_worked_in_return_are_known(day: str, working: bool) -> None:
    assert DAYS.is_working(date.fromisoformat(day)) is working
    assert DAYS.is_published(date.fromisoformat(day))


def test_the_known_years_have_no_gap() -> None:
    assert DAYS.years == tuple(range(2004, DAYS.years[-1] + 1))
    assert DAYS.years[-1] >= 2026


def test_ten_working_days_over_the_national_holiday() -> None:
    due = DAYS.add_working_days(date(2026, 9, 28), 10)
    assert due == date(2026, 10, 16)
    assert DAYS.is_published_between(date(2026, 9, 28), due)


def test_a_year_beyond_the_published_ones_is_provisional() -> None:
    beyond = DAYS.years[-1] + 1
    assert not DAYS.is_published(date(beyond, 1, 1))
    assert DAYS.is_working(date(beyond, 6, 1)) is (date(beyond, 6, 1).weekday() < 5)


OVERRIDES = """\
日期,是否工作日,说明
2026-11-23,否,县里停电检修
2026年11月28日,是,补班
2027-01-01,休,元旦
"""


def test_imported_overrides_win(add: Add, folder: Path) -> None:
    add("working-days", OVERRIDES)
    days = References(folder).working_days
    assert not days.is_working(date(2026, 11, 23))
    assert days.is_working(date(2026, 11, 28))
    assert days.is_published(date(2027, 1, 1))
    assert not days.is_published(date(2027, 1, 4))
    assert days.add_working_days(date(2026, 11, 20), 1) == date(2026, 11, 24)


def test_a_later_import_wins_over_an_earlier_one_on_its_own_days_only(
    add: Add, folder: Path
) -> None:
    add("working-days", OVERRIDES)
    add("working-days", "日期,是否工作日\n2026-11-23,是\n")
    days = References(folder).working_days
    assert days.is_working(date(2026, 11, 23))
    assert days.is_working(date(2026, 11, 28))
