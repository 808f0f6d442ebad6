"""The migrations make exactly the tables the code declares, and know when they are too old."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

from jdgate.errors import Refused
from jdgate.store import edge_tables, migrate, people_tables, tables
from jdgate.store.database import Database, Which

METADATA: dict[str, MetaData] = {
    "books": tables.metadata,
    "edge": edge_tables.metadata,
    "people": people_tables.metadata,
}


@pytest.mark.parametrize("which", list(METADATA))
def test_migrating_an_empty_database_gives_the_declared_tables(
    which: Which, url_of: Callable[[Which], str]
) -> None:
    database = Database.open(url_of(which), which)
    with database.transaction() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        differences = compare_metadata(context, METADATA[which])
    database.close()
    assert differences == []


@pytest.mark.parametrize("which", list(METADATA))
def test_there_is_one_head_and_every_revision_is_numbered_in_order(which: Which) -> None:
    folder = Path(migrate.__file__).parent / "migrations" / which / "versions"
    numbers = sorted(int(file.name[:4]) for file in folder.glob("[0-9]*.py"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_books_of_a_later_version_are_refused_and_untouched(
    tmp_path: Path, sqlite_templates: Callable[[Which], Path]
) -> None:
    path = tmp_path / "books.db"
    shutil.copy(sqlite_templates("books"), path)
    with sqlite3.connect(path) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    conn.close()
    with pytest.raises(Refused) as caught:
        Database.open(f"sqlite:///{path}", "books")
    assert caught.value.code == "books.newer"
    assert caught.value.params["found"] == "9999"
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    conn.close()


def test_an_interrupted_upgrade_leaves_an_empty_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = migrate.upgrade

    def interrupted(*args: object) -> None:
        upgrade(*args)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(migrate, "upgrade", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Database.open(f"sqlite:///{tmp_path / 'books.db'}", "books")
    with sqlite3.connect(tmp_path / "books.db") as conn:
        assert conn.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    conn.close()
    monkeypatch.undo()
    Database.open(f"sqlite:///{tmp_path / 'books.db'}", "books").close()
