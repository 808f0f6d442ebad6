"""What the books keep under a key of a day: erased by type and day, and asked for before the key
goes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jdgate.store import bodies, dead, deliveries, messages, tables
from jdgate.store.bodies import HELD, UNOPENED
from jdgate.store.database import Database
from jdgate.store.dead import DeadRow
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.messages import MessageRow

DAY = date(2026, 1, 5)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=100)
TYPE = "mmt.attendance.v1"
KEY = ("k1", TYPE, DAY)


def a_message(id: str, **changes: Any) -> MessageRow:
    given: dict[str, Any] = {
        "id": id, "source": "cln-01", "type": TYPE, "sent_at": NOON, "received_at": NOON,
        "verdict": "accepted", "records": 1, "accepted": 1, "digest": b"d", "key_id": "k1",
        "body": b"sealed",
    }  # fmt: skip
    return MessageRow(**{**given, **changes})


def a_delivery(id: str, **changes: Any) -> DeliveryRow:
    given: dict[str, Any] = {
        "id": id, "recipient": "pol", "type": TYPE, "created_at": NOON, "next_at": NOON,
        "digest": b"d", "key_id": "k1", "body": b"sealed",
    }  # fmt: skip
    return DeliveryRow(**{**given, **changes})


def test_every_table_of_the_books_with_sealed_content_is_asked() -> None:
    sealed = {table.name for table in tables.metadata.tables.values() if "key_id" in table.columns}
    assert {column.table.name for column in bodies.SEALED} == sealed


def test_a_message_stays_while_something_of_it_is_open_and_with_it_the_key(
    books: Database,
) -> None:
    with books.transaction() as conn:
        messages.add_many(conn, [a_message("m1"), a_message("m2")])
        deliveries.add_many(conn, [a_delivery("d1", message_id="m1", type="mmt.other.v1")])
        gone = bodies.erase(conn, KEY, LATER, LATER, 100)
        assert gone == (1, ["m2"])
        assert bodies.left(conn, KEY)
        deliveries.close_many(conn, ["d1"], "r", NOON)
        assert bodies.erase(conn, KEY, LATER, LATER, 100) == (1, ["m1"])
        assert not bodies.left(conn, KEY)
        erased = messages.get(conn, "m1")
    assert erased is not None
    assert (erased.body, erased.erased_at, erased.digest) == (None, LATER, b"d")


def test_an_open_delivery_keeps_its_own_body(books: Database) -> None:
    with books.transaction() as conn:
        deliveries.add_many(conn, [a_delivery("d1"), a_delivery("d2")])
        deliveries.close_many(conn, ["d2"], "r", NOON)
        assert bodies.erase(conn, KEY, LATER, LATER, 100) == (1, ["d2"])
        deliveries.give_up(conn, ["d1"], "delivery.member_left")
        assert bodies.erase(conn, KEY, LATER, LATER, 100) == (1, ["d1"])


def test_only_that_day_that_type_and_that_key_are_touched(books: Database) -> None:
    others = [
        a_message("day", received_at=NOON + timedelta(days=1)),
        a_message("type", type="mmt.other.v1"),
        a_message("key", key_id="k2"),
        a_message("young", received_at=NOON + timedelta(hours=6)),
    ]
    with books.transaction() as conn:
        messages.add_many(conn, [a_message("due"), *others])
        assert bodies.erase(conn, KEY, NOON + timedelta(hours=1), LATER, 100) == (1, ["due"])
        assert bodies.left(conn, KEY)


def test_no_more_than_the_limit_goes_at_once(books: Database) -> None:
    with books.transaction() as conn:
        messages.add_many(conn, [a_message(f"m{n}") for n in range(5)])
        assert [bodies.erase(conn, KEY, LATER, LATER, 2).number for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize("decided", [False, True])
def test_a_letters_content_goes_with_its_day_and_says_so_or_when_it_is_decided(
    books: Database, decided: bool
) -> None:
    letter = DeadRow(
        id="m1", direction="in", member="cln-01", code="admission.held", params={}, at=NOON,
        attempts=1, key_id="k1", body=b"sealed",
    )  # fmt: skip
    key = ("k1", HELD, DAY)
    with books.transaction() as conn:
        # what nobody could open is another thing, and not erased with it
        messages.add_many(conn, [a_message("m1", type="", key_id="k0")])
        dead.add(conn, [letter])
        if decided:
            assert dead.decide(conn, "m1", "retried", by="op", at=NOON)
        assert bodies.left(conn, key) is not decided
        assert bodies.erase(conn, key, LATER, LATER, 9) == (0 if decided else 1, [])
        kept = dead.get(conn, "m1")
        assert kept is not None and kept.body is None
        assert kept.erased_at == (None if decided else LATER)
        assert bodies.left(conn, ("k0", UNOPENED, DAY))
