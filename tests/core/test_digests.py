"""Which periods are due, and what of a digest may be told."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.digests import (
    LEAST,
    MINUTES,
    Cell,
    Period,
    Span,
    Tally,
    last_before,
    missed,
    suppressed,
)

MONDAY = date(2026, 11, 30)


def told(cells: list[Cell], total: str = "county") -> dict[str, tuple[int | None, int | None]]:
    return {cell.unit: (cell.n, cell.of) for cell in cells}


@pytest.mark.parametrize(
    ("span", "today", "first", "last"),
    [
        ("day", MONDAY, "2026-11-29", "2026-11-29"),
        ("week", MONDAY, "2026-11-23", "2026-11-29"),
        ("week", date(2026, 11, 29), "2026-11-16", "2026-11-22"),
        ("month", MONDAY, "2026-10-01", "2026-10-31"),
        ("month", date(2027, 1, 1), "2026-12-01", "2026-12-31"),
    ],
)
def test_a_period_is_over_the_day_after_its_last(
    span: Span, today: date, first: str, last: str
) -> None:
    assert last_before(span, today) == Period(span, first, last)


def test_periods_missed_while_down_follow_each_once_and_oldest_first() -> None:
    found = missed("day", "2026-11-26", MONDAY)
    assert [one.last for one in found] == ["2026-11-27", "2026-11-28", "2026-11-29"]
    assert missed("day", "2026-11-29", MONDAY) == []
    assert [one.last for one in missed("week", "2026-11-15", MONDAY)] == [
        "2026-11-22",
        "2026-11-29",
    ]
    assert len(missed("month", "2001-01-31", MONDAY)) == 12


def test_five_are_told_and_four_are_not() -> None:
    assert told(suppressed([Tally("a", "m", 5)])) == {"a": (5, None)}
    assert told(suppressed([Tally("a", "m", 4)])) == {"a": (None, None)}
    # of a rate neither the part nor what is left of it
    for n, of, shown in ((5, 10, True), (4, 10, False), (6, 10, False), (10, 10, True)):
        expected = (n, of) if shown else (None, None)
        assert told(suppressed([Tally("a", "m", n, of)])) == {"a": expected}, (n, of)
    # of a median, how many it is the median of
    assert told(suppressed([Tally("a", MINUTES, 2, 5)])) == {"a": (2, 5)}
    assert told(suppressed([Tally("a", MINUTES, 90, 4)])) == {"a": (None, None)}


def test_what_a_rule_gives_piece_by_piece_is_added_up_and_nothing_is_no_row() -> None:
    pieces = [Tally("a", "m", 1, 1)] * 6 + [Tally("b", "m", 0, 0)]
    assert told(suppressed(pieces)) == {"a": (6, 6)}


def test_a_total_gives_no_cell_away() -> None:
    given = [Tally("a", "m", 2), Tally("b", "m", 7), Tally("c", "m", 30)]
    assert told(suppressed(given)) == {"a": (None, None), "b": (7, None), "c": (30, None)}
    # alone it could be computed: the next smallest is left out with it
    assert told(suppressed(given, "county")) == {
        "a": (None, None),
        "b": (None, None),
        "c": (30, None),
        "county": (39, None),
    }
    # two that are together under five could be guessed
    two = [Tally("a", "m", 1), Tally("b", "m", 2), Tally("c", "m", 30)]
    assert told(suppressed(two, "county"))["c"] == (None, None)
    # and where nothing is left to hide, there is no total
    assert told(suppressed([Tally("a", "m", 1), Tally("b", "m", 2)], "county")) == {
        "a": (None, None),
        "b": (None, None),
    }


CELLS = st.dictionaries(
    st.sampled_from("abcdef"),
    st.integers(0, 12).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))),
)


@settings(max_examples=50)
@given(CELLS)
def test_from_all_that_is_told_no_small_number_can_be_computed(
    units: dict[str, tuple[int, int]],
) -> None:
    cells = suppressed([Tally(unit, "m", *one) for unit, one in units.items()], "county")
    shown = told(cells)
    for n, of in shown.values():
        if n is not None and of is not None:
            assert n >= LEAST and not 0 < of - n < LEAST
    n_all, of_all = shown.get("county", (None, None))
    hidden = [unit for unit, one in shown.items() if one[0] is None and unit != "county"]
    if n_all is not None and of_all is not None and hidden:
        known = [(n, of) for unit, (n, of) in shown.items() if unit != "county" and n is not None]
        left = n_all - sum(n for n, _ in known)
        rest = of_all - sum(of or 0 for _, of in known) - left
        assert len(hidden) > 1 and left >= LEAST and not 0 < rest < LEAST
