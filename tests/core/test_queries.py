"""S2: the thirtieth person is let in, the thirty-first is not; and the hours for queries."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import WorkingDays
from jdgate.core.queries import OFF_HOURS, TOO_MANY, QueryLimits, day_began, trespass

LIMITS = QueryLimits(types=frozenset({"sealed.query.v1"}))
NOON = datetime(2026, 11, 20, 4, tzinfo=UTC)  # a Friday


def people(count: int, first: int = 0) -> set[object]:
    return set(range(first, first + count))


@pytest.mark.rule("S2", "fires", "short")
def test_thirty_people_a_day_may_be_asked_about_and_no_more() -> None:
    assert trespass(LIMITS, asked=people(29), more=people(1, 29), at=NOON) is None
    assert trespass(LIMITS, asked=people(30), more=people(1, 30), at=NOON) == TOO_MANY
    assert trespass(LIMITS, asked=set(), more=people(31), at=NOON) == TOO_MANY


def test_the_same_person_asked_about_again_counts_once() -> None:
    assert trespass(LIMITS, asked=people(30), more=people(30), at=NOON) is None


@pytest.mark.rule("S2", "any order")
@settings(max_examples=30)
@given(st.permutations([*range(30), *range(10)]))
def test_in_whatever_order_thirty_people_are_asked_about_the_next_is_one_too_many(
    asked: list[int],
) -> None:
    so_far: set[object] = set()
    for person in asked:
        assert trespass(LIMITS, asked=so_far, more={person}, at=NOON) is None
        so_far.add(person)
    assert trespass(LIMITS, asked=so_far, more={30}, at=NOON) == TOO_MANY


@pytest.mark.parametrize(
    ("local", "why"), [("07:59", OFF_HOURS), ("08:00", None), ("17:59", None), ("18:00", OFF_HOURS)]
)
def test_the_hours_for_queries_are_local_and_end_before_the_last(
    local: str, why: str | None
) -> None:
    limits = QueryLimits(hours=(time(8), time(18)))
    at = datetime.fromisoformat(f"2026-11-20T{local}:00+08:00")
    assert trespass(limits, asked=set(), more=people(1), at=at) == why


def test_where_only_working_days_count_the_countys_override_decides() -> None:
    saturday = datetime(2026, 11, 21, 4, tzinfo=UTC)
    limits = QueryLimits(working_days_only=True)
    assert trespass(limits, asked=set(), more=people(1), at=saturday) == OFF_HOURS
    worked = QueryLimits(
        working_days_only=True, days=WorkingDays(overrides={date(2026, 11, 21): True})
    )
    assert trespass(worked, asked=set(), more=people(1), at=saturday) is None


def test_a_day_begins_at_midnight_in_the_county() -> None:
    assert day_began(NOON) == datetime(2026, 11, 19, 16, tzinfo=UTC)
