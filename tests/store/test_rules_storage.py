"""What rules leave in the books: states and expectations."""

from __future__ import annotations

import os
from datetime import timedelta

from tests.store.conftest import NOW

from jdgate.store import expectations, rulestate
from jdgate.store.database import Database
from jdgate.store.expectations import ExpectationRow

DAY = timedelta(days=1)


def test_states_come_back_for_any_number_of_keys(books: Database) -> None:
    states = {f"key {number}": os.urandom(100) for number in range(1300)}
    with books.transaction() as conn:
        rulestate.save(conn, "clinic.absence", states, version=1, now=NOW)
        rulestate.save(conn, "clinic.absence", {}, version=1, now=NOW)
        for count in (0, 1, 7, 8, 9, 65, 512, 513, 1300):
            keys = list(states)[:count]
            assert rulestate.load(conn, "clinic.absence", [*keys, "unknown"]) == {
                key: states[key] for key in keys
            }
        assert rulestate.load(conn, "clinic.dropout", states) == {}
        assert rulestate.count(conn, "clinic.absence") == 1300


def test_a_later_state_replaces_the_earlier_and_forgotten_ones_are_gone(books: Database) -> None:
    with books.transaction() as conn:
        rulestate.save(conn, "r", {"a": b"1", "b": b"1"}, version=1, now=NOW)
        rulestate.save(conn, "r", {"b": b"2", "c": b"2"}, version=2, now=NOW)
        assert rulestate.load(conn, "r", ["a", "b", "c"]) == {"a": b"1", "b": b"2", "c": b"2"}
        rulestate.forget(conn, "r", ["b", "unknown"])
        assert rulestate.load(conn, "r", ["a", "b", "c"]) == {"a": b"1", "c": b"2"}


def test_states_of_an_earlier_version_are_found_page_by_page(books: Database) -> None:
    with books.transaction() as conn:
        old = {f"k{number}": b"old" for number in range(7)}
        rulestate.save(conn, "r", old, version=1, now=NOW)
        rulestate.save(conn, "r", {"new": b"new"}, version=2, now=NOW)
        found = list(rulestate.older_than(conn, "r", 2, page=3))
    assert found == [(f"k{number}", b"old", 1) for number in range(7)]


def an_expectation(name: str, days: int, key: str = "k") -> ExpectationRow:
    return ExpectationRow(rule="r", key=key, name=name, due_at=NOW + days * DAY, set_at=NOW)


def test_an_expectation_is_due_when_its_time_has_come_and_fires_once(books: Database) -> None:
    with books.transaction() as conn:
        expectations.expect(conn, [an_expectation("b", 2), an_expectation("a", 1)])
        assert expectations.due(conn, ["r"], NOW, 10) == []
        due = expectations.due(conn, ["r"], NOW + 2 * DAY, 10)
        assert [row.name for row in due] == ["a", "b"]
        assert expectations.mark_fired(conn, due, NOW) == 2
        assert expectations.mark_fired(conn, due, NOW) == 0
        assert expectations.due(conn, ["r"], NOW + 2 * DAY, 10) == []


def test_expecting_again_moves_and_reopens_it(books: Database) -> None:
    with books.transaction() as conn:
        expectations.expect(conn, [an_expectation("a", 1), an_expectation("a", 2)])
        assert expectations.settle(conn, [("r", "k", "a")], NOW) == 1
        assert expectations.due(conn, ["r"], NOW + 9 * DAY, 10) == []
        expectations.expect(conn, [an_expectation("a", 3)])
        assert [row.due_at for row in expectations.due(conn, ["r"], NOW + 9 * DAY, 10)] == [
            NOW + 3 * DAY
        ]


def test_what_a_rule_that_is_not_loaded_expects_stays_open(books: Database) -> None:
    with books.transaction() as conn:
        expectations.expect(conn, [an_expectation("a", 1)])
        assert expectations.due(conn, ["another"], NOW + DAY, 10) == []
        assert expectations.due(conn, [], NOW + DAY, 10) == []
        assert len(expectations.due(conn, ["r"], NOW + DAY, 10)) == 1


def test_one_moved_while_it_was_firing_stays_open(books: Database) -> None:
    with books.transaction() as conn:
        expectations.expect(conn, [an_expectation("a", 1)])
        due = expectations.due(conn, ["r"], NOW + DAY, 10)
        expectations.expect(conn, [an_expectation("a", 5)])
        assert expectations.mark_fired(conn, due, NOW) == 0


def test_settling_what_is_unknown_or_over_changes_nothing(books: Database) -> None:
    with books.transaction() as conn:
        expectations.expect(conn, [an_expectation("a", 1)])
        expectations.mark_fired(conn, [an_expectation("a", 1)], NOW)
        assert expectations.settle(conn, [("r", "k", "a"), ("r", "k", "z")], NOW) == 0
        assert expectations.settle(conn, [], NOW) == 0


def test_expectations_are_listed_by_what_is_asked(books: Database) -> None:
    with books.transaction() as conn:
        rows = [an_expectation("a", 1), an_expectation("b", 2), an_expectation("a", 3, "other")]
        expectations.expect(conn, rows)
        expectations.settle(conn, [("r", "k", "b")], NOW)
        assert [r.key for r in expectations.search(conn)] == ["k", "other"]
        assert [r.name for r in expectations.search(conn, key="k", state=None)] == ["a", "b"]
        assert [r.key for r in expectations.search(conn, due_before=NOW + 2 * DAY)] == ["k"]
        assert expectations.search(conn, rule="unknown") == []
