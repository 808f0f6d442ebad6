"""Opening a database, its transactions, and what becomes of a driver's failures."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from jdgate.errors import Misuse, Refused, TransportFailed, UsageError
from jdgate.store import database as db
from jdgate.store import meta
from jdgate.store.database import Database, Which


def test_what_is_committed_is_there_after_opening_again(url_of: Callable[[Which], str]) -> None:
    url = url_of("books")
    first = Database.open(url, "books")
    with first.transaction() as conn:
        meta.put(conn, "county", "511623")
    first.close()
    second = Database.open(url, "books")
    with second.read() as conn:
        assert meta.get(conn, "county") == "511623"
    second.close()


def test_a_transaction_that_raises_leaves_nothing_and_the_next_one_works(books: Database) -> None:
    with pytest.raises(RuntimeError), books.transaction() as conn:
        meta.put(conn, "county", "511623")
        raise RuntimeError
    with books.transaction() as conn:
        assert meta.get(conn, "county") is None
        meta.put(conn, "county", "511600")
    with books.read() as conn:
        assert meta.get(conn, "county") == "511600"


def test_what_memory_learnt_is_undone_only_when_the_transaction_fails(books: Database) -> None:
    undone: list[str] = []
    with books.transaction() as conn:
        db.undo(conn, lambda: undone.append("kept"))
    with pytest.raises(RuntimeError), books.transaction() as conn:
        db.undo(conn, lambda: undone.append("first"))
        db.undo(conn, lambda: undone.append("second"))
        raise RuntimeError
    assert undone == ["second", "first"]


def test_what_must_wait_for_the_commit_follows_it_and_nothing_else(books: Database) -> None:
    done: list[str | None] = []

    def note() -> None:
        with books.read() as reader:
            done.append(meta.get(reader, "county"))

    with pytest.raises(RuntimeError), books.transaction() as conn:
        db.after(conn, note)
        raise RuntimeError
    assert done == []
    with books.transaction() as conn:
        db.after(conn, note)
        meta.put(conn, "county", "511623")
        assert done == []
    with books.transaction() as conn:
        meta.put(conn, "county", "511600")
    assert done == ["511623"]


def test_a_failed_constraint_stays_a_bug_and_rolls_back(books: Database) -> None:
    with pytest.raises(IntegrityError), books.transaction() as conn:
        conn.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('a', '1')")
        conn.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('a', '2')")
    with books.read() as conn:
        assert meta.get(conn, "a") is None


def test_a_reader_sees_the_state_before_an_open_transaction(books: Database) -> None:
    seen: list[str | None] = []

    def look() -> None:
        with books.read() as conn:
            seen.append(meta.get(conn, "county"))

    with books.transaction() as conn:
        meta.put(conn, "county", "511623")
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(60)
    look()
    assert seen == [None, "511623"]


def test_a_reader_cannot_write(books: Database) -> None:
    with pytest.raises(TransportFailed) as caught, books.read() as conn:
        meta.put(conn, "county", "511623")
    assert caught.value.code == "books.unavailable"


def test_transactions_of_two_threads_follow_each_other(books: Database) -> None:
    with books.transaction() as conn:
        meta.put(conn, "n", "0")

    def add() -> None:
        for _ in range(20):
            with books.transaction() as conn:
                meta.put(conn, "n", str(int(meta.get(conn, "n") or 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with books.read() as conn:
        assert meta.get(conn, "n") == "80"


def test_a_transaction_inside_a_transaction_is_a_bug(books: Database) -> None:
    with books.transaction(), pytest.raises(Misuse) as caught, books.transaction():
        pass
    assert caught.value.code == "books.nested"


def test_a_closed_database_says_so(books: Database) -> None:
    books.close()
    books.close()
    with pytest.raises(Misuse) as caught, books.transaction():
        pass
    assert caught.value.code == "books.closed"


def test_a_second_opener_is_told_who_has_the_books(sqlite_books: Database) -> None:
    with pytest.raises(UsageError) as caught:
        Database.open(f"sqlite:///{sqlite_books.name}", "books")
    assert caught.value.code == "books.in_use"
    assert int(str(caught.value.params["pid"])) > 0
    sqlite_books.close()
    Database.open(f"sqlite:///{sqlite_books.name}", "books").close()


@pytest.mark.parametrize("url", ["", "books.db", "sqlite://", "sqlite:///:memory:", "mysql://h/d"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        Database.open(url, "books")
    assert caught.value.code == "books.url"


def test_sqlite_keeps_its_promises(sqlite_books: Database) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    with sqlite_books.transaction() as conn:
        found = {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}
    assert found == expected


def test_a_full_disk_fails_the_transaction_whole_and_heals(sqlite_books: Database) -> None:
    with sqlite_books.transaction() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 8}")
    with pytest.raises(TransportFailed) as caught, sqlite_books.transaction() as conn:
        meta.put(conn, "small", "1")
        meta.put(conn, "large", "x" * 1_000_000)
    assert caught.value.code == "books.full"
    with sqlite_books.transaction() as conn:
        assert meta.get(conn, "small") is None
        conn.exec_driver_sql("PRAGMA max_page_count=1000000")
        meta.put(conn, "large", "x" * 1_000_000)
    with sqlite_books.read() as conn:
        assert meta.get(conn, "large") is not None


def test_another_programs_lock_is_told_as_busy(sqlite_books: Database) -> None:
    with sqlite_books.transaction() as conn:
        conn.exec_driver_sql("PRAGMA busy_timeout=1")
    other = sqlite3.connect(sqlite_books.name, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(TransportFailed) as caught, sqlite_books.transaction():
        pass
    assert caught.value.code == "books.busy"
    other.close()
    with sqlite_books.transaction() as conn:
        meta.put(conn, "after", "1")


def test_a_folder_in_the_place_of_the_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "books.db").mkdir()
    with pytest.raises(TransportFailed) as caught:
        Database.open(f"sqlite:///{tmp_path / 'books.db'}", "books")
    assert caught.value.code == "books.unavailable"


def test_a_file_in_the_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    with pytest.raises(TransportFailed) as caught:
        Database.open(f"sqlite:///{tmp_path / 'var' / 'books.db'}", "books")
    assert caught.value.code == "books.unavailable"


def test_a_file_that_is_no_database_is_corrupt_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(Refused) as caught:
        Database.open(f"sqlite:///{path}", "books")
    assert caught.value.code == "books.corrupt"
    assert path.read_bytes() == b"this is no database" * 1000


def test_damaged_pages_are_found_by_the_check(
    tmp_path: Path, sqlite_templates: Callable[[Which], Path]
) -> None:
    path = tmp_path / "books.db"
    shutil.copy(sqlite_templates("books"), path)
    database = Database.open(f"sqlite:///{path}", "books")
    with database.transaction() as conn:
        for number in range(500):
            meta.put(conn, f"key {number}", "x" * 500)
    database.check()
    database.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) - 4096] = b"\xa5" * (len(content) // 2 - 4096)
    path.write_bytes(content)
    with pytest.raises(Refused) as caught:
        damaged = Database.open(f"sqlite:///{path}", "books")
        try:
            damaged.check()
        finally:
            damaged.close()
    assert caught.value.code == "books.corrupt"


def test_a_postgresql_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed) as caught:
        Database.open(f"postgresql://nobody@/none?host={tmp_path}", "books")
    assert caught.value.code == "books.unavailable"


def test_a_dropped_postgresql_connection_is_told_and_made_again(
    postgresql: Callable[[Which], str],
) -> None:
    database = Database.open(postgresql("books"), "books")
    with pytest.raises(TransportFailed) as caught, database.transaction() as conn:
        pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        with database.read() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        meta.put(conn, "county", "511623")
    assert caught.value.code == "books.unavailable"
    with database.transaction() as conn:
        assert meta.get(conn, "county") is None
        meta.put(conn, "county", "511623")
    database.close()


def test_a_scrub_that_a_reader_holds_up_says_so(sqlite_books: Database) -> None:
    with sqlite_books.transaction() as conn:
        conn.exec_driver_sql("PRAGMA busy_timeout=1")
    with sqlite_books.transaction() as conn:
        meta.put(conn, "a", "1")
    with sqlite_books.read() as reader:
        assert meta.get(reader, "a") == "1"
        with sqlite_books.transaction() as conn:
            meta.put(conn, "a", "2")
        assert not sqlite_books.scrub()
    assert sqlite_books.scrub()
