"""Sequence numbers: gaps are found, kept as ranges, filled, and asked for again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.conftest import NOW

from jdgate.store import sequences
from jdgate.store.database import Database
from jdgate.store.sequences import Gap, GapReport, Position

MINUTE = timedelta(minutes=1)


def test_numbers_in_order_leave_no_gap_whatever_their_order_in_a_batch(books: Database) -> None:
    with books.transaction() as conn:
        assert sequences.note(conn, "cln-01", [2, 1, 3], NOW) == GapReport([], [], [])
        assert sequences.position(conn, "cln-01") == Position(3, 3)


def test_a_hole_is_told_once_and_what_fills_it_is_told_too(books: Database) -> None:
    with books.transaction() as conn:
        assert sequences.note(conn, "cln-01", [1, 5], NOW).new_gaps == [(2, 4)]
        assert sequences.note(conn, "cln-01", [6], NOW) == GapReport([], [], [])
        assert sequences.position(conn, "cln-01") == Position(1, 6)
        assert sequences.note(conn, "cln-01", [3], NOW) == GapReport([], [3], [])
        assert sequences.note(conn, "cln-01", [2, 4, 3], NOW) == GapReport([], [2, 4], [3])
        assert sequences.position(conn, "cln-01") == Position(6, 6)


def test_a_sender_is_told_what_is_missing_of_its_own(books: Database) -> None:
    with books.transaction() as conn:
        sequences.note(conn, "cln-01", [2, 5, 9], NOW)
        sequences.note(conn, "cln-02", [4], NOW)
        assert sequences.missing(conn, "cln-01", 10) == [(1, 1), (3, 4), (6, 8)]
        assert sequences.missing(conn, "cln-01", 1) == [(1, 1)]


def test_numbers_used_before_are_told(books: Database) -> None:
    with books.transaction() as conn:
        sequences.note(conn, "cln-01", [1, 2, 5], NOW)
        assert sequences.note(conn, "cln-01", [2, 2, 6, 6], NOW).reused == [2, 2, 6]
        assert sequences.used(conn, "cln-01", [1, 3, 5, 9]) == {1, 5}


def test_a_leap_of_ten_to_the_eleventh_is_one_gap(books: Database) -> None:
    with books.transaction() as conn:
        sequences.note(conn, "cln-01", [1, 10**11], NOW)
        gaps = sequences.gaps_due(conn, NOW + MINUTE, MINUTE)
    assert gaps == [Gap("gateway", "cln-01", 2, 10**11 - 1)]


def test_a_gap_is_due_after_a_while_and_again_after_another(books: Database) -> None:
    with books.transaction() as conn:
        sequences.note(conn, "cln-01", [3], NOW)
        assert sequences.gaps_due(conn, NOW, MINUTE) == []
        due = sequences.gaps_due(conn, NOW + MINUTE, MINUTE)
        assert due == [Gap("gateway", "cln-01", 1, 2)]
        sequences.mark_asked(conn, due, NOW + MINUTE)
        assert sequences.gaps_due(conn, NOW + 1.5 * MINUTE, MINUTE) == []
        assert sequences.gaps_due(conn, NOW + 2 * MINUTE, MINUTE) == due
        assert sequences.gaps_older(conn, NOW + MINUTE) == due
        assert sequences.gaps_older(conn, NOW - MINUTE) == []


def test_members_of_one_edge_and_sources_are_counted_apart(edge: Database) -> None:
    with edge.transaction() as conn:
        sequences.note(conn, "gateway", [1, 2], NOW, member="cln-01")
        sequences.note(conn, "gateway", [2], NOW, member="pol")
        assert sequences.position(conn, "gateway", member="cln-01") == Position(2, 2)
        assert sequences.position(conn, "gateway", member="pol") == Position(0, 2)
        assert sequences.position(conn, "other", member="pol") == Position(0, 0)


def test_numbers_given_are_gapless_and_a_rollback_gives_them_back(books: Database) -> None:
    with books.transaction() as conn:
        assert sequences.next_sequences(conn, "pol", 3) == 1
        assert sequences.next_sequences(conn, "pol", 1) == 4
        assert sequences.next_sequences(conn, "com-01", 1) == 1
    with pytest.raises(RuntimeError), books.transaction() as conn:
        sequences.next_sequences(conn, "pol", 5)
        raise RuntimeError
    with books.transaction() as conn:
        assert sequences.next_sequences(conn, "pol", 1) == 5
        sequences.skip_to(conn, "pol", 20)
        sequences.skip_to(conn, "pol", 10)
        assert sequences.next_sequences(conn, "pol", 1) == 20


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches=st.lists(st.lists(st.integers(1, 25), min_size=1, max_size=6), max_size=12))
def test_gaps_are_always_exactly_the_numbers_missing(
    sqlite_books: Database, batches: list[list[int]]
) -> None:
    came: set[int] = set()
    with sqlite_books.transaction() as conn:
        conn.exec_driver_sql("DELETE FROM sequence_gap")
        conn.exec_driver_sql("DELETE FROM sequence_in")
        for batch in batches:
            report = sequences.note(conn, "cln-01", batch, NOW)
            highest = max(came, default=0)
            fresh = set(batch) - came
            assert report.filled == sorted(number for number in fresh if number < highest)
            assert len(report.reused) == len(batch) - len(fresh)
            came |= fresh
            gaps = sequences.gaps_due(conn, NOW + MINUTE, MINUTE)
            missing = {n for gap in gaps for n in range(gap.first, gap.last + 1)}
            assert missing == set(range(1, max(came) + 1)) - came
            assert sequences.used(conn, "cln-01", range(1, 30)) == came
            position = sequences.position(conn, "cln-01")
            assert position.highest == max(came)
            assert position.contiguous == (min(missing) - 1 if missing else max(came))
