"""Databases for the tests of the store: every repository test runs on SQLite and PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from tests.postgres import Server, serving

from jdgate.store.database import Database, Which
from jdgate.store.vault import Vault

NOW = datetime(2026, 11, 21, 2, 30, 0, 123_000, tzinfo=UTC)


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
def postgresql_server() -> Iterator[Server]:
    """A real PostgreSQL server."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_templates(postgresql_server: Server) -> Callable[[Which], str]:
    """Names of migrated, empty databases to copy."""
    made: dict[str, str] = {}

    def template(which: Which) -> str:
        if which not in made:
            url = postgresql_server.make(name=f"template_{which}")
            Database.open(url.render_as_string(hide_password=False), which).close()
            made[which] = f"template_{which}"
        return made[which]

    return template


@pytest.fixture
def postgresql(
    postgresql_server: Server, postgresql_templates: Callable[[Which], str]
) -> Iterator[Callable[[Which], str]]:
    """Makes the URL of a fresh, migrated database; they are removed after the test."""
    made: list[URL] = []

    def fresh(which: Which) -> str:
        made.append(postgresql_server.make(postgresql_templates(which)))
        return made[-1].render_as_string(hide_password=False)

    yield fresh
    for url in made:
        postgresql_server.drop(url)


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
