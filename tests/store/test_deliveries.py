"""Deliveries: owed until receipted, sent as often as needed, closed once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.store.conftest import NOW

from jdgate.store import deliveries
from jdgate.store.database import Database
from jdgate.store.deliveries import DeliveryRow

SECOND = timedelta(seconds=1)


def a_delivery(number: int, **changes: Any) -> DeliveryRow:
    given: dict[str, Any] = {
        "id": f"d{number}",
        "message_id": "m1",
        "recipient": "pol",
        "role": "POL",
        "type": "mmt.dropout.notice.v1",
        "sequence": number,
        "fields": ["name", "town"],
        "basis": [{"law": "禁毒法", "article": "51"}],
        "created_at": NOW + number * SECOND,
        "next_at": NOW + number * SECOND,
        "key_id": "k",
        "body": b"sealed",
        "digest": b"d" * 32,
    }
    return DeliveryRow(**{**given, **changes})


def ids(rows: list[DeliveryRow]) -> list[str]:
    return [row.id for row in rows]


def test_a_delivery_comes_back_as_it_was_stored(books: Database) -> None:
    row = a_delivery(1, alert_id="a1", leaf_index=3)
    with books.transaction() as conn:
        deliveries.add_many(conn, [row])
    with books.read() as conn:
        assert deliveries.get(conn, "d1") == row
        assert deliveries.for_message(conn, "m1") == [row]


def test_what_was_sent_is_due_again_until_its_receipt_comes(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery(2), a_delivery(1), a_delivery(9)])
        assert ids(deliveries.due(conn, NOW + 5 * SECOND, 10)) == ["d1", "d2"]
        assert ids(deliveries.due(conn, NOW + 5 * SECOND, 1)) == ["d1"]
        deliveries.mark_sent(conn, ["d1", "d2"], NOW + 30 * SECOND)
        assert deliveries.due(conn, NOW + 5 * SECOND, 10) == []
        deliveries.close_many(conn, ["d1"], "r1", NOW + 6 * SECOND)
        again = deliveries.due(conn, NOW + 30 * SECOND, 10)
        assert ids(again) == ["d9", "d2"]
        assert [row.attempts for row in again] == [0, 1]
        deliveries.wait(conn, ["d9"], NOW + 60 * SECOND)
        assert ids(deliveries.due(conn, NOW + 30 * SECOND, 10)) == ["d2"]


def test_a_receipt_closes_once_and_the_first_is_kept(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery(1), a_delivery(2)])
        assert ids(deliveries.unreceipted(conn, ["d1", "d2", "d3"])) == ["d1", "d2"]
        deliveries.close_many(conn, ["d1"], "r1", NOW)
        deliveries.close_many(conn, ["d1", "d3"], "r2", NOW + SECOND)
        assert ids(deliveries.unreceipted(conn, ["d1", "d2", "d3"])) == ["d2"]
        closed = deliveries.get(conn, "d1")
    assert closed is not None
    assert (closed.state, closed.receipt_id, closed.delivered_at) == ("delivered", "r1", NOW)


def test_what_was_given_up_is_not_sent_until_revived_but_a_receipt_still_closes_it(
    books: Database,
) -> None:
    later = NOW + 60 * SECOND
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery(1), a_delivery(2)])
        deliveries.give_up(conn, ["d1", "d2"], "delivery.no_answer")
        assert deliveries.due(conn, later, 10) == []
        assert deliveries.counts(conn, "dead") == {"pol": 2}
        deliveries.revive(conn, ["d1"], later)
        assert ids(deliveries.due(conn, later, 10)) == ["d1"]
        deliveries.close_many(conn, ["d2"], "r1", later)
        assert deliveries.counts(conn, "delivered") == {"pol": 1}
        deliveries.revive(conn, ["d2"], later)
        assert ids(deliveries.due(conn, later, 10)) == ["d1"]


def test_a_range_asked_for_holds_what_is_open_and_what_is_settled(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery(number) for number in range(1, 6)])
        deliveries.add_many(conn, [a_delivery(7, sequence=2, recipient="com-01")])
        deliveries.close_many(conn, ["d3"], "r1", NOW)
        assert ids(deliveries.wanted(conn, "pol", 2, 4)) == ["d2", "d3", "d4"]
        assert ids(deliveries.wanted(conn, "pol", 2, 4, limit=2)) == ["d2", "d3"]
        assert deliveries.wanted(conn, "com-02", 1, 9) == []


def test_what_is_signed_anew_takes_the_place_of_what_was_kept(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery(1), a_delivery(2)])
        deliveries.replace(conn, "d1", b"n" * 32, "k9", b"new", 40)
        row, other = deliveries.get(conn, "d1"), deliveries.get(conn, "d2")
        assert row is not None
        assert (row.digest, row.key_id, row.body, row.leaf_index) == (b"n" * 32, "k9", b"new", 40)
        assert other == a_delivery(2)


def test_desks_with_something_open_are_told_with_their_role(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(
            conn,
            [
                a_delivery(1, role="POL"),
                a_delivery(2, role="POL"),
                a_delivery(3, role=None),
                a_delivery(4, role="COM", recipient="com-01"),
            ],
        )
        deliveries.close_many(conn, ["d4"], "r1", NOW)
        assert deliveries.open_desks(conn) == {("pol", "POL"), ("pol", "")}
        assert ids(deliveries.open_of(conn, "pol", "POL", 9)) == ["d1", "d2"]
        assert ids(deliveries.open_of(conn, "pol", "", 9)) == ["d3"]
        assert ids(deliveries.open_of(conn, "pol", "POL", 1)) == ["d1"]


def test_only_what_was_sent_once_wakes_after_a_start(books: Database) -> None:
    with books.transaction() as conn:
        later = NOW + 60 * SECOND
        deliveries.add_many(conn, [a_delivery(n, next_at=later) for n in (1, 2, 3)])
        deliveries.mark_sent(conn, ["d2"], later)
        deliveries.close_many(conn, ["d3"], "r1", NOW)
        assert deliveries.wake(conn, NOW) == 1
        assert ids(deliveries.due(conn, NOW, 10)) == ["d1"]


def test_the_oldest_and_the_counts_are_those_still_open(books: Database) -> None:
    with books.transaction() as conn:
        assert deliveries.oldest_open(conn) is None
        deliveries.add_many(conn, [a_delivery(1), a_delivery(2), a_delivery(3, recipient="cln")])
        deliveries.close_many(conn, ["d1"], "r1", NOW)
        assert deliveries.oldest_open(conn) == NOW + 2 * SECOND
        assert deliveries.counts(conn) == {"pol": 1, "cln": 1}


def test_what_a_member_is_owed_is_given_by_number(books: Database) -> None:
    later = NOW + 60 * SECOND
    with books.transaction() as conn:
        rows = [a_delivery(3), a_delivery(1, next_at=later), a_delivery(2, recipient="com-01")]
        deliveries.add_many(conn, [*rows, a_delivery(4), a_delivery(5)])
        deliveries.close_many(conn, ["d4"], "r1", NOW)
        assert ids(deliveries.open_to(conn, "pol", 10)) == ["d1", "d3", "d5"]
        assert ids(deliveries.open_to(conn, "pol", 2)) == ["d1", "d3"]
        assert ids(deliveries.open_to(conn, "pol", 10, after=3)) == ["d5"]
        assert deliveries.open_to(conn, "nco", 10) == []
