"""Dead letters, the database's own facts, directories, witnessed checkpoints."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from tests.store.conftest import NOW

from jdgate.errors import Misuse
from jdgate.store import dead, directories, meta, witness
from jdgate.store.columns import from_ms, to_ms
from jdgate.store.database import Database
from jdgate.store.dead import DeadRow
from jdgate.store.directories import Published
from jdgate.store.witness import WitnessRow

HOUR = timedelta(hours=1)


def a_dead_letter(number: int, at: datetime = NOW) -> DeadRow:
    return DeadRow(
        id=f"x{number}",
        direction="in",
        member="cln-01",
        type="mmt.attendance.v1",
        code="plugin.failed",
        params={"plugin": "clinic"},
        at=at,
        key_id="k",
        body=b"sealed",
        attempts=5,
    )


def test_a_dead_letter_waits_until_one_decision_is_made(books: Database) -> None:
    with books.transaction() as conn:
        dead.add(conn, [a_dead_letter(1), a_dead_letter(2, NOW + HOUR)])
        assert dead.get(conn, "x1") == a_dead_letter(1)
        assert [row.id for row in dead.search(conn)] == ["x2", "x1"]
        assert dead.search(conn, member="pol") == []
        assert dead.decide(conn, "x1", "retried", by="admin", at=NOW)
        assert not dead.decide(conn, "x1", "dropped", by="admin", at=NOW)
        assert dead.count_open(conn) == 1
        assert [row.id for row in dead.search(conn, state=None)] == ["x2", "x1"]


def test_a_letter_that_fails_again_after_its_retry_waits_again(books: Database) -> None:
    with books.transaction() as conn:
        dead.add(conn, [a_dead_letter(1)])
        dead.decide(conn, "x1", "retried", by="admin", at=NOW)
        dead.add(conn, [a_dead_letter(1, NOW + HOUR)])
        assert dead.get(conn, "x1") == a_dead_letter(1, NOW + HOUR)


def test_a_fact_is_kept_replaced_and_dropped(books: Database) -> None:
    with books.transaction() as conn:
        meta.put(conn, "county", "511623")
        meta.put(conn, "county", "511600")
        assert meta.get(conn, "county") == "511600"
        meta.drop(conn, "county")
        assert meta.get(conn, "county") is None


def test_a_clock_set_back_is_noticed_and_the_latest_time_stays(books: Database) -> None:
    with books.transaction() as conn:
        assert meta.clock(conn) is None
        assert meta.raise_clock(conn, NOW) is None
        assert meta.raise_clock(conn, NOW - HOUR) == NOW
        assert meta.clock(conn) == NOW
        assert meta.raise_clock(conn, NOW + HOUR) is None
        assert meta.clock(conn) == NOW + HOUR


def test_the_directory_in_force_is_the_newest_published_then(books: Database) -> None:
    with books.transaction() as conn:
        assert directories.latest(conn) is None
        directories.publish(conn, 1, b"one", NOW)
        directories.publish(conn, 2, b"two", NOW + 2 * HOUR)
        assert directories.in_force(conn, NOW - HOUR) is None
        assert directories.in_force(conn, NOW + HOUR) == Published(1, b"one", NOW)
        assert directories.latest(conn) == Published(2, b"two", NOW + 2 * HOUR)
        assert directories.get(conn, 3) is None


def test_a_published_directory_is_never_replaced(books: Database) -> None:
    with books.transaction() as conn:
        directories.publish(conn, 1, b"one", NOW)
    with pytest.raises(IntegrityError), books.transaction() as conn:
        directories.publish(conn, 1, b"other", NOW)


def test_each_member_of_an_edge_keeps_its_own_copy_of_the_directory(edge: Database) -> None:
    with edge.transaction() as conn:
        directories.keep_copy(conn, "cln-01", 1, b"one", NOW)
        directories.keep_copy(conn, "cln-01", 2, b"two", NOW)
        directories.keep_copy(conn, "cln-01", 1, b"again", NOW + HOUR)
        assert directories.copies(conn, "cln-01")[-1] == Published(2, b"two", NOW)
        assert directories.copies(conn, "pol") == []


def test_two_roots_of_one_size_are_noticed_and_the_first_is_kept(edge: Database) -> None:
    first = WitnessRow("cln-01", 10, b"r" * 32, b"jws", NOW)
    with edge.transaction() as conn:
        assert witness.keep(conn, first)
        assert witness.keep(conn, first)
        assert not witness.keep(conn, WitnessRow("cln-01", 10, b"x" * 32, b"jws", NOW))
        later = WitnessRow("cln-01", 20, b"s" * 32, b"jws", NOW)
        assert witness.keep(conn, later)
        assert witness.latest(conn, "cln-01") == later
        assert witness.at_most(conn, "cln-01", 19) == first
        assert witness.at_most(conn, "cln-01", 9) is None
        assert witness.oldest_first(conn, "cln-01") == [first, later]
        assert witness.latest(conn, "pol") is None


def test_an_instant_keeps_milliseconds_and_refuses_to_guess_a_zone() -> None:
    at = datetime(2026, 11, 21, 10, 30, 0, 123_999, tzinfo=UTC)
    assert from_ms(to_ms(at)) == at.replace(microsecond=123_000)
    with pytest.raises(Misuse):
        to_ms(datetime(2026, 11, 21))
