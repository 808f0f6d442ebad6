"""Messages and their receipts, as the gateway keeps them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from tests.store.conftest import NOW

from jdgate.store import messages, receipts
from jdgate.store.database import Database
from jdgate.store.messages import MessageRow

HOUR = timedelta(hours=1)


def a_message(number: int, **changes: Any) -> MessageRow:
    given: dict[str, Any] = {
        "id": f"m{number:04d}",
        "source": "cln-01",
        "type": "mmt.attendance.v1",
        "sequence": number,
        "region": "511623100000",
        "sent_at": NOW + number * HOUR,
        "received_at": NOW + number * HOUR,
        "verdict": "accepted",
        "records": 200,
        "accepted": 200,
        "digest": number.to_bytes(32, "big"),
        "key_id": "k",
        "body": b"sealed",
        "receipt_id": f"r{number}",
    }
    return MessageRow(**{**given, **changes})


def test_a_message_comes_back_as_it_was_stored(books: Database) -> None:
    row = a_message(1, code="record.field_missing", verdict="part", leaf_index=7)
    with books.transaction() as conn:
        messages.add_many(conn, [row])
        messages.add_many(conn, [])
    with books.read() as conn:
        assert messages.get(conn, "m0001") == row
        assert messages.get(conn, "m0002") is None


def test_those_seen_before_are_told_with_their_receipt(books: Database) -> None:
    with books.transaction() as conn:
        messages.add_many(conn, [a_message(number) for number in range(700)])
        known = messages.seen(conn, [f"m{number:04d}" for number in range(600, 1300)])
    assert set(known) == {f"m{number:04d}" for number in range(600, 700)}
    assert known["m0600"] == ("cln-01", (600).to_bytes(32, "big"), "r600")


def test_an_id_stored_twice_is_a_bug(books: Database) -> None:
    with pytest.raises(IntegrityError), books.transaction() as conn:
        messages.add_many(conn, [a_message(1), a_message(1)])


def test_search_filters_newest_first_and_leaves_bodies_out(books: Database) -> None:
    rows = [
        a_message(1),
        a_message(2, source="cln-02"),
        a_message(3, type="mmt.enrol.filed.v1"),
        a_message(4, verdict="refused", code="admission.signature"),
        a_message(5),
    ]
    with books.transaction() as conn:
        messages.add_many(conn, rows)

        def ids(**filters: Any) -> list[str]:
            return [row.id for row in messages.search(conn, **filters)]

        assert ids() == ["m0005", "m0004", "m0003", "m0002", "m0001"]
        assert ids(source="cln-02") == ["m0002"]
        assert ids(type="mmt.enrol.filed.v1") == ["m0003"]
        assert ids(verdict="refused", source="cln-01") == ["m0004"]
        assert ids(since=NOW + 2 * HOUR, until=NOW + 4 * HOUR) == ["m0003", "m0002"]
        assert ids(limit=1) == ["m0005"]
        assert {row.body for row in messages.search(conn)} == {None}


def test_a_receipt_is_kept_once_as_it_first_came(books: Database) -> None:
    with books.transaction() as conn:
        receipts.add(conn, "r1", "pol", b"first", NOW)
        receipts.add(conn, "r1", "pol", b"second", NOW)
        receipts.add(conn, "r2", "pol", b"other", NOW)
        assert receipts.get_many(conn, ["r1", "r2", "r3"]) == {"r1": b"first", "r2": b"other"}
