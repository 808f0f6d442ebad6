"""Who has a place in a care team, whatever order assignments are heard in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.care import PLACES, Assignment, holder, place_of
from jdgate.core.sheet import ROLES

T0 = datetime(2026, 11, 21, 8, tzinfo=UTC)


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def test_the_last_one_assigned_has_the_place_until_it_is_ended() -> None:
    first, second = Assignment("ps-02", at(1)), Assignment("ps-01", at(2))
    assert holder([first, second]) == "ps-01"
    assert holder([first, Assignment("ps-01", at(2), at(3))]) is None  # the first does not return
    assert holder([Assignment("ps-02", at(1), at(2)), second]) == "ps-01"
    assert holder([Assignment("ps-01", at(4), at(3))]) == "ps-01"
    assert holder([Assignment("ps-01", None, at(3))]) is None
    assert holder([]) is None


@settings(max_examples=50)
@given(st.permutations([Assignment("a", at(1), at(5)), Assignment("b", at(2)), Assignment("c")]))
def test_the_order_makes_no_difference(given: list[Assignment]) -> None:
    assert holder(given) == "b"


def test_each_place_belongs_to_one_role() -> None:
    assert set(PLACES.values()) <= set(ROLES)
    assert {place_of(role) for role in ROLES} == {*PLACES, None}
