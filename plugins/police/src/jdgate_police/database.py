"""Their database: opened when it is needed, never made, and silent about what is in it.

- A connection is opened for each piece of work and closed after it: nothing of ours holds a lock
  or a snapshot of theirs while the edge works.
- A SQLite file that is not there is not made by looking for it.
- What the driver says when something fails may quote a row. It is never passed on: people get one
  of two codes, "can't be reached" and "has no such table or column".

    registry = Registry(url)
    rows = await registry.run(lambda conn: conn.execute(query).all())
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    TableClause,
    bindparam,
    column,
    create_engine,
    select,
    table,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.types import NullType

from jdgate.plugins import Refused, TransportFailed

T = TypeVar("T")
CONNECT_S = 5
BUSY_S = 10.0


class Clash(Exception):
    """A row with this key is there already."""


class Registry:
    """The police database behind a URL."""

    def __init__(self, url: URL) -> None:
        options: dict[str, Any] = {}
        backend = url.get_backend_name()
        if backend == "sqlite":
            options["creator"] = lambda: _open(url.database or "")
        elif url.drivername == "postgresql+psycopg":
            options["connect_args"] = {"connect_timeout": CONNECT_S}
        # a statement's parameters are people: they may not appear in an error
        self._engine = create_engine(url, poolclass=NullPool, hide_parameters=True, **options)
        self.dialect = self._engine.dialect

    async def run(self, work: Callable[[Connection], T]) -> T:
        """`work` in a transaction, on a thread; durable when this returns.

        Raises:
            TransportFailed: `police.unreachable`.
            Refused: `police.no_such_table`.
            Clash: a unique key is taken.
        """
        return await asyncio.to_thread(self.do, work)

    def do(self, work: Callable[[Connection], T]) -> T:
        """As `run`, on this thread."""
        try:
            with self._engine.begin() as conn:
                if self.dialect.name == "postgresql":
                    conn.execute(text("SET LOCAL synchronous_commit = on"))
                return work(conn)
        except IntegrityError:
            raise Clash from None
        except ProgrammingError:
            raise Refused("police.no_such_table") from None
        except DBAPIError as error:
            if "no such" in str(error.orig):  # how SQLite tells of a table or column
                raise Refused("police.no_such_table") from None
            raise TransportFailed("police.unreachable") from None
        except (SQLAlchemyError, OSError):
            raise TransportFailed("police.unreachable") from None


def _open(path: str) -> sqlite3.Connection:
    # mode=rw: a file that is missing is an error and not a new, empty registry
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(
        f"file:{escaped}?mode=rw", uri=True, timeout=BUSY_S, check_same_thread=False
    )


def named(name: str, *columns: str) -> TableClause:
    """A table or view of theirs by its name, with these columns."""
    schema, _, own = name.rpartition(".")
    return table(own, *(column(one) for one in columns), schema=schema or None)


def raw(value: Any) -> BindParameter[Any]:
    """A value as the driver gave it, to be given back to the driver as it is.

    A cast made from its Python class would not fit every column: text to a UUID, say.
    """
    return bindparam(None, value, type_=NullType(), unique=True)


def looks(conn: Connection, name: str, *columns: str) -> None:
    """Have the database say whether a table has these columns; reads no row."""
    source = named(name, *columns)
    conn.execute(select(*source.c).limit(0)).all()
