"""A database of ours, opened: the gateway's books, an edge's `edge.db`, or `people.db`.

Rules:

- one writer connection stays open and one transaction runs at a time; the caller uses it from one
  thread (an executor of its own). Readers on other threads get connections of their own;
- a transaction commits whole or leaves nothing; what memory learnt in it is undone with it
  (`undo`), what must wait for the commit follows it (`after`);
- SQLite runs in WAL mode with `synchronous=FULL`, so that what is committed survives a power cut,
  and with `secure_delete`, so that an erased key is overwritten;
- one process at a time opens a SQLite database: a lock file beside it says who has it;
- a driver's failure becomes ours in one place (`faults`);
- the schema is brought up to date when a database is opened; one newer than the code is refused.

    books = Database.open("sqlite:////var/lib/jdgate/books.db", "books")
    with books.transaction() as conn:
        messages.add_many(conn, rows)
    with books.read() as conn:
        messages.get(conn, message_id)
    books.close()
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from jdgate.errors import JdgateError, Misuse, TransportFailed, UsageError
from jdgate.store import faults, migrate

Which = Literal["books", "edge", "people"]

_UNDO = "jdgate.undo"
_AFTER = "jdgate.after"
BUSY_MS = 5000
_CACHE_KIB = 32_768
# a checkpoint writes the WAL back and syncs: every 4,000 pages (16 MB) rather than every 1,000
_CHECKPOINT_PAGES = 4000
_WAL_LIMIT_BYTES = 64 * 1024 * 1024


def undo(conn: Connection, action: Callable[[], None]) -> None:
    """Have `action` called if the transaction on `conn` does not commit.

    For what a module keeps in memory about rows it wrote (a cached key, a counter).
    """
    conn.info.setdefault(_UNDO, []).append(action)


def after(conn: Connection, action: Callable[[], None]) -> None:
    """Have `action` called once the transaction on `conn` is committed; it must not raise.

    For what may be done outside only when the database says for good that it was. A process that
    dies in between never calls it: whoever needs it done looks again at the next start.
    """
    conn.info.setdefault(_AFTER, []).append(action)


class Database:
    """One open database. Made by `open`, released by `close`."""

    def __init__(self, which: Which, name: str, writer: Engine, readers: Engine) -> None:
        self.which = which
        self.name = name
        self._writer_engine = writer
        self._reader_engine = readers
        self._writer: Connection | None = None
        self._busy = threading.Lock()
        self._owner: int | None = None
        self._lock: int | None = None

    @classmethod
    def open(cls, url: str, which: Which) -> Database:
        """Open, and create or bring up to date what is there.

        `url`: `sqlite:////absolute/path.db` or `postgresql://user@host/name`.

        Raises:
            UsageError: `books.url`, a URL of neither kind; `books.in_use`, another process has
                this SQLite file open.
            Refused: `books.newer`, `books.corrupt`.
            TransportFailed: `books.unavailable`, `books.full`, `books.busy`.
        """
        parsed = _parse(url)
        path = Path(parsed.database) if parsed.drivername == "sqlite" and parsed.database else None
        name = str(path) if path else f"{parsed.host or 'localhost'}/{parsed.database}"
        lock = _lock(path) if path else None
        writer, readers = _engines(parsed)
        database = cls(which, name, writer, readers)
        database._lock = lock
        for engine in (writer, readers):
            event.listen(engine, "handle_error", database._on_error)
        try:
            database._writer = writer.connect()
            with database.transaction() as conn:
                migrate.upgrade(conn, which, name)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._writer_engine.dialect.name

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The writer's connection inside a transaction that commits at the end of the block.

        Raises:
            TransportFailed: as mapped by `faults`; nothing of the block is kept.
            Misuse: `books.nested`, a transaction inside a transaction; `books.closed`.
        """
        if self._owner == threading.get_ident():
            raise Misuse("books.nested")
        with self._busy:
            conn = self._writer
            if conn is None:
                raise Misuse("books.closed")
            self._owner = threading.get_ident()
            try:
                yield from self._run(conn)
            finally:
                self._owner = None

    def _run(self, conn: Connection) -> Iterator[Connection]:
        actions: list[Callable[[], None]] = []
        following: list[Callable[[], None]] = []
        try:
            transaction = conn.begin()
            conn.info[_UNDO] = actions
            conn.info[_AFTER] = following
            try:
                yield conn
                transaction.commit()
            except BaseException:
                # after a failed write the connection may be gone: what failed first is told
                with suppress(SQLAlchemyError, JdgateError):
                    transaction.rollback()
                raise
        except BaseException:
            for action in reversed(actions):
                action()
            raise
        for action in following:
            action()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that only reads, on a consistent snapshot, from any thread.

        Raises:
            TransportFailed: as mapped by `faults`.
        """
        with self._reader_engine.connect() as conn, conn.begin():
            yield conn

    def scrub(self) -> bool:
        """Write SQLite's log back and empty it, so that erased keys are not left in it.

        Call after `Vault.shred` has been committed. False: a reader was still using the log, so
        call again later. PostgreSQL: does nothing; its own vacuum and log recycling do.

        Raises:
            TransportFailed: as mapped by `faults`.
        """
        if self.dialect != "sqlite":
            return True
        with self._busy:
            if self._writer is None:
                raise Misuse("books.closed")
            driver: Any = self._writer.connection.driver_connection
            try:
                busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                # the one statement that goes past SQLAlchemy: it can't run in a transaction
                raise faults.translate(error, self.name) or error from error
        return not busy

    def size(self) -> int:
        """Bytes that it takes on the disk.

        Raises:
            TransportFailed: as mapped by `faults`.
        """
        if self.dialect == "sqlite":
            files = (Path(self.name + end) for end in ("", "-wal"))
            return sum(file.stat().st_size for file in files if file.exists())
        with self.read() as conn:
            found = conn.exec_driver_sql("SELECT pg_database_size(current_database())")
            return int(found.scalar_one())

    def check(self) -> None:
        """Read and verify the whole file (SQLite's `integrity_check`), which may take minutes.

        Raises:
            Refused: `books.corrupt`.
        """
        if self.dialect != "sqlite":
            return
        with self.read() as conn:
            answer = conn.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        if answer != "ok":
            raise faults.corrupt(self.name, "integrity_check")

    def close(self) -> None:
        """Close all connections and let go of the lock. May be called again."""
        with self._busy:
            if self._writer is not None:
                with suppress(SQLAlchemyError, JdgateError):
                    self._writer.close()
                self._writer = None
            self._reader_engine.dispose()
            self._writer_engine.dispose()
            if self._lock is not None:
                os.close(self._lock)  # closing releases the lock
                self._lock = None

    def _on_error(self, context: ExceptionContext) -> BaseException | None:
        # SQLAlchemy raises what is returned in the place of the driver's error
        return faults.translate(context.original_exception, self.name)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError("books.url") from None
    kind = parsed.get_backend_name()
    if kind == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite")
    raise UsageError("books.url")


def _lock(path: Path) -> int:
    """Take the lock file beside `path` and write our process id into it."""
    file = path.with_name(path.name + ".lock")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise TransportFailed(
            "books.unavailable", books=str(path), reason=error.strerror or type(error).__name__
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "?"
        os.close(handle)
        raise UsageError("books.in_use", books=str(path), pid=holder) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def _engines(url: URL) -> tuple[Engine, Engine]:
    if url.get_backend_name() == "postgresql":
        writer = sqlalchemy.create_engine(
            url, poolclass=QueuePool, pool_size=1, max_overflow=0, hide_parameters=True
        )
        readers = sqlalchemy.create_engine(
            url, pool_size=4, pool_pre_ping=True, hide_parameters=True
        )
        event.listen(readers, "begin", _begin_read_only)
        return writer, readers
    writer = _sqlite_engine(url, StaticPool, "BEGIN IMMEDIATE")
    readers = _sqlite_engine(url, QueuePool, "BEGIN")
    event.listen(readers, "connect", _query_only)
    return writer, readers


def _sqlite_engine(url: URL, pool: type[Any], begin: str) -> Engine:
    engine = sqlalchemy.create_engine(
        url,
        poolclass=pool,
        hide_parameters=True,  # an error's text must hold no value
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
    )
    event.listen(engine, "connect", _prepare_sqlite)

    def on_begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)

    event.listen(engine, "begin", on_begin)
    return engine


def _prepare_sqlite(driver: Any, _record: object) -> None:
    driver.isolation_level = None  # we begin transactions ourselves
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        "temp_store=MEMORY",
        f"cache_size=-{_CACHE_KIB}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"journal_size_limit={_WAL_LIMIT_BYTES}",
    ):
        driver.execute(f"PRAGMA {pragma}").close()


def _query_only(driver: Any, _record: object) -> None:
    driver.execute("PRAGMA query_only=ON").close()


def _begin_read_only(conn: Connection) -> None:
    conn.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
