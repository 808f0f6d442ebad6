"""Pseudonyms: aliases don't move silently, relations don't depend on order, forgetting is whole."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.conftest import NOW

from jdgate.store import subjects
from jdgate.store.database import Database
from jdgate.store.subjects import Appearance, Relation

A, B, C = (bytes([number]) * 16 for number in (1, 2, 3))
DAY_ONE = date(2026, 3, 1)


def on(day: int) -> date:
    return DAY_ONE + timedelta(days=day - 1)


def order(**changes: object) -> Relation:
    given: dict[str, object] = {"name": "comm.order", "subject": A, "key": "文号1"}
    return Relation(**{**given, **changes})  # type: ignore[arg-type]


def test_an_alias_belongs_to_its_domain_and_member(books: Database) -> None:
    with books.transaction() as conn:
        assert subjects.add_aliases(conn, "mmt", "cln-01", {b"t1": A, b"t2": B}, NOW) == {}
        find = subjects.find_aliases
        assert find(conn, "mmt", "cln-01", [b"t1", b"t2", b"t3"]) == {b"t1": A, b"t2": B}
        assert find(conn, "mmt", "cln-02", [b"t1"]) == {}
        assert find(conn, "comm", "cln-01", [b"t1"]) == {}
        assert find(conn, "mmt", "cln-01", []) == {}


def test_an_alias_of_someone_else_is_a_clash_and_moves_only_on_purpose(books: Database) -> None:
    with books.transaction() as conn:
        subjects.add_aliases(conn, "mmt", "cln-01", {b"t1": A}, NOW)
        given = {b"t1": B, b"t2": B}
        assert subjects.add_aliases(conn, "mmt", "cln-01", given, NOW) == {b"t1": A}
        assert subjects.find_aliases(conn, "mmt", "cln-01", given) == {b"t1": A, b"t2": B}
        assert subjects.add_aliases(conn, "mmt", "cln-01", given, NOW, replace=True) == {b"t1": A}
        assert subjects.find_aliases(conn, "mmt", "cln-01", given) == given


def test_a_relation_is_active_from_its_opening_until_it_is_closed(books: Database) -> None:
    with books.transaction() as conn:

        def active() -> bool:
            return A in subjects.active_relations(conn, "comm.order", [A, B])

        assert not active()
        subjects.merge_relations(conn, [order(opened_on=on(5), member="com-01")])
        assert active()
        subjects.merge_relations(conn, [order(closed_on=on(5))])
        assert not active()
        subjects.merge_relations(conn, [order(opened_on=on(6), member="com-02")])
        assert active()
        found = subjects.active_relations(conn, "comm.order", [A])[A]
    assert (found.opened_on, found.closed_on, found.member) == (on(6), on(5), "com-02")


def test_of_several_relations_the_latest_opened_active_one_counts(books: Database) -> None:
    rows = [
        order(key="1", opened_on=on(1), member="com-01"),
        order(key="2", opened_on=on(3), member="com-02"),
        order(key="3", opened_on=on(9), closed_on=on(10), member="com-03"),
        order(key="1", subject=B, opened_on=on(1), closed_on=on(1)),
        order(key="1", name="other", opened_on=on(20)),
    ]
    with books.transaction() as conn:
        subjects.merge_relations(conn, rows)
        found = subjects.active_relations(conn, "comm.order", [A, B, C])
        everything = subjects.relations(conn, "comm.order", [A, B, C])
    assert found == {A: rows[1]}
    assert [row.key for row in everything[A]] == ["3", "2", "1"]


events = st.builds(
    order,
    opened_on=st.none() | st.dates(on(1), on(4)),
    closed_on=st.none() | st.dates(on(1), on(4)),
    member=st.sampled_from(["", "com-01", "com-02"]),
    region=st.sampled_from(["", "511623100", "511623101"]),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    history=st.lists(events, min_size=1, max_size=6).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(rows + rows[:2]))
    )
)
def test_relations_come_out_the_same_for_shuffled_and_repeated_events(
    sqlite_books: Database, history: tuple[list[Relation], list[Relation]]
) -> None:
    outcomes = []
    with sqlite_books.transaction() as conn:
        for rows in history:
            conn.exec_driver_sql("DELETE FROM relation")
            for row in rows:
                subjects.merge_relations(conn, [row])
            outcomes.append(subjects.relations(conn, "comm.order", [A]))
    assert all(first == second for first, second in pairwise(outcomes))


def test_both_databases_merge_relations_alike(books: Database) -> None:
    rows = [
        order(closed_on=on(2), member="com-09", region="511623109"),
        order(opened_on=on(1), member="com-01", region="511623101"),
        order(opened_on=on(1), member="com-02", region="511623100"),
        order(opened_on=None, member="com-99"),
    ]
    with books.transaction() as conn:
        subjects.merge_relations(conn, rows)
        found = subjects.relations(conn, "comm.order", [A])[A]
    assert found == [order(opened_on=on(1), closed_on=on(2), member="com-02", region="511623100")]


def test_appearances_are_kept_once_and_listed_by_subject(books: Database) -> None:
    rows = [
        Appearance(subject=A, domain="mmt", message_id="m1", record_index=0),
        Appearance(subject=A, domain="mmt", message_id="m1", record_index=0, recipient="pol"),
        Appearance(subject=B, domain="mmt", message_id="m1", record_index=1),
    ]
    with books.transaction() as conn:
        subjects.add_appearances(conn, rows)
        subjects.add_appearances(conn, rows)
        assert subjects.appearances(conn, A) == rows[:2]
        assert subjects.appearances(conn, C) == []


def test_records_that_went_to_nobody_are_found_until_their_message_is_forgotten(
    books: Database,
) -> None:
    across = A[8:] + b"\x01\xf3" + B[:6]  # the bytes of two neighbours look like somebody else
    with books.transaction() as conn:
        subjects.add_unshown(conn, "m-1", "mmt", {0: A, 499: B, 7: A})
        subjects.add_unshown(conn, "m-2", "aid", {1: B})
        assert subjects.unshown(conn, {"mmt": A}) == [("mmt", "m-1", 0), ("mmt", "m-1", 7)]
        both = subjects.unshown(conn, {"mmt": A, "aid": B, "comm": C})
        assert both == [("mmt", "m-1", 0), ("mmt", "m-1", 7), ("aid", "m-2", 1)]
        subjects.add_unshown(conn, "m-4", "correct", {0: C})
        assert subjects.unshown(conn, {"comm": C}) == [("comm", "m-4", 0)]
        assert subjects.unshown(conn, {"mmt": across}) == subjects.unshown(conn, {}) == []
        assert subjects.forget_unshown(conn, ["m-1", "m-9"]) == 1
        assert subjects.unshown(conn, {"mmt": A, "aid": B}) == [("aid", "m-2", 1)]
