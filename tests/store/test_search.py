"""Finding messages in the books, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.store.conftest import NOW
from tests.store.test_messages import HOUR, a_message

from jdgate.store import deliveries, messages, search, subjects
from jdgate.store.database import Database
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.search import Place, Wanted
from jdgate.store.subjects import Appearance

ENROL = "mmt.enrol.filed.v1"


def a_letter(number: int, **changes: Any) -> DeliveryRow:
    given: dict[str, Any] = {
        "id": f"d{number:04d}", "message_id": f"m{number:04d}", "recipient": "pol", "type": ENROL,
        "created_at": NOW + number * HOUR, "next_at": NOW, "digest": b"d",
    }  # fmt: skip
    return DeliveryRow(**(given | changes))


@pytest.fixture
def filled(books: Database) -> Database:
    """Ten messages of one clinic, each second one of another; what was made of some."""
    rows = [
        a_message(
            n, source="cln-01" if n % 2 else "cln-02", verdict="refused" if n == 3 else "accepted",
            type=ENROL if n > 5 else "mmt.attendance.v1",
        )
        for n in range(10)
    ]  # fmt: skip
    with books.transaction() as conn:
        messages.add_many(conn, rows)
        own = {"message_id": None, "recipient": "cln-01"}
        made = [
            a_letter(8),
            a_letter(9),
            a_letter(20, type="mmt.absence.alert.v1", alert_id="a1", **own),
            a_letter(21, type="sys.alert.life.v1", **own),
            a_letter(22, type="sys.draft.v1", draft_id="d1", **own),
        ]
        deliveries.add_many(conn, made)
    return books


def ids(found: list[search.Found]) -> list[str]:
    return [one.id for one in found]


def test_what_was_sent_comes_newest_first_and_by_every_filter(filled: Database) -> None:
    with filled.read() as conn:

        def sent(**wanted: Any) -> list[str]:
            return ids(search.sent(conn, Wanted(**wanted), below=None, limit=3))

        assert sent() == ["m0009", "m0008", "m0007"]
        assert sent(member="cln-02") == ["m0008", "m0006", "m0004"]
        assert sent(member="cln-02", type="mmt.attendance.v1") == ["m0004", "m0002", "m0000"]
        assert sent(verdict="refused") == ["m0003"]
        assert sent(since=NOW + 2 * HOUR, until=NOW + 4 * HOUR) == ["m0003", "m0002"]
        assert sent(member="nobody") == []


def test_what_was_made_says_from_whom_it_came(filled: Database) -> None:
    with filled.read() as conn:
        rows = search.made(conn, Wanted(member="pol"), below=None, limit=9)
        assert [(one.id, one.source, one.message) for one in rows] == [
            ("d0009", "cln-01", "m0009"), ("d0008", "cln-02", "m0008"),
        ]  # fmt: skip
        own = search.made(conn, Wanted(), below=None, limit=9, own=True)
        assert ids(own) == ["d0022", "d0020"], "and nothing that only keeps lists right"
        kept = Wanted(member="cln-01", type="sys.alert.life.v1")
        assert ids(search.made(conn, kept, below=None, limit=9)) == ["d0021"]


def test_pages_go_on_below_a_place_also_within_one_moment(books: Database) -> None:
    with books.transaction() as conn:
        messages.add_many(conn, [a_message(n, received_at=NOW) for n in range(7)])
    seen: list[str] = []
    below: Place | None = None
    with books.read() as conn:
        while page := search.sent(conn, Wanted(), below=below, limit=3):
            seen += ids(page)
            below = Place(page[-1].at, page[-1].id)
    assert seen == [f"m{n:04d}" for n in range(6, -1, -1)]


def test_an_id_is_found_wherever_it_is_one(filled: Database) -> None:
    with filled.read() as conn:
        assert ids(search.named(conn, "m0009")) == ["m0009"]
        assert ids(search.named(conn, "d0009")) == ["d0009"]
        assert ids(search.named(conn, "a1")) == ["d0020"]
        assert ids(search.named(conn, "d1")) == ["d0022"]
        assert search.named(conn, "nothing") == []
        assert search.told(conn, ["m0008", "m0001"]) == {"m0008": ["pol"]}


def test_a_person_is_found_in_what_was_shown(filled: Database) -> None:
    person, other = b"p" * 16, b"o" * 16
    with filled.transaction() as conn:
        rows = [
            Appearance(subject=person, domain="mmt", message_id="m0008", record_index=0,
                       recipient="pol"),
            Appearance(subject=person, domain="mmt", message_id="d0020", record_index=0,
                       recipient="cln-01"),
            Appearance(subject=person, domain="correct", message_id="m0009", record_index=0,
                       recipient="pol"),
            Appearance(subject=other, domain="mmt", message_id="m0001", record_index=0,
                       recipient="pol"),
        ]  # fmt: skip
        subjects.add_appearances(conn, rows)
        assert ids(search.about(conn, [person], 10)) == ["d0020", "m0009", "m0008"]
        assert search.about(conn, [b"x" * 16], 10) == []
        assert search.corrections_of(conn, "m0008", 10) == ["m0009"]
        assert search.corrections_of(conn, "m0001", 10) == []


def test_searches_go_by_an_index(tmp_path: Path) -> None:
    """On SQLite, which plans without statistics. PostgreSQL has the same indexes."""
    wanted = [
        Wanted(), Wanted(member="cln-01"), Wanted(type=ENROL), Wanted(verdict="refused"),
        Wanted(member="cln-01", type=ENROL, verdict="part"), Wanted(since=NOW),
    ]  # fmt: skip
    place = Place(NOW + timedelta(days=9), "m")
    queries = [search.sent_query(one, place, 50) for one in wanted]
    queries += [search.made_query(wanted[1], place, 50, own=False)]
    queries += [search.made_query(wanted[0], place, 50, own=True)]
    books = Database.open(f"sqlite:///{tmp_path}/books.db", "books")
    with books.read() as conn:
        for query in queries:
            literal = query.compile(conn, compile_kwargs={"literal_binds": True})
            plan = [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}")]
            assert not [step for step in plan if step.startswith("SCAN")], plan
            assert "USE TEMP B-TREE FOR ORDER BY" not in plan, "only rows of one moment are sorted"
    books.close()
