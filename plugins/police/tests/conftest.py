"""Registries to work on: each test runs on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugins.police.tests.office import Office
from sqlalchemy.engine import URL, make_url
from tests.postgres import Server, serving

from jdgate import texts
from jdgate_police import plugin


@pytest.fixture(scope="session", autouse=True)
def words() -> None:
    """The plugin's texts, as a host loads them."""
    for path in plugin.jdgate_texts():
        texts.add_file(path)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A real PostgreSQL server."""
    with serving() as server:
        yield server


@pytest.fixture
def postgresql(postgresql_server: Server) -> Iterator[Callable[[], URL]]:
    """Makes an empty database; they are removed after the test."""
    made: list[URL] = []

    def fresh() -> URL:
        made.append(postgresql_server.make())
        return made[-1]

    yield fresh
    for url in made:
        postgresql_server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """An empty database of either kind."""
    if request.param == "postgresql":
        return Office(request.getfixturevalue("postgresql")(), tmp_path)
    path = tmp_path / "registry.db"
    path.touch()
    return Office(make_url(f"sqlite:///{path}"), tmp_path)
