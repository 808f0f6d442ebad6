"""Column types, row structs and upserts shared by all tables, the same in SQLite and PostgreSQL.

Rules:

- an instant is an integer: milliseconds since 1970-01-01 UTC; in Python always an aware
  `datetime`. `Instant` is the only place that converts;
- a JSON value is text, encoded and decoded by msgspec; `Json` is the only place that converts;
- a row in Python is a msgspec Struct whose fields are columns of the same names; `Reader` selects
  exactly those and builds it;
- what differs between the dialects (`INSERT … ON CONFLICT`) is written once, in `Upsert`. A
  statement is built once for each dialect, so that SQLAlchemy's compiled cache always hits.

    MESSAGES = Reader(tables.message, MessageRow)
    MESSAGES.rows(conn.execute(MESSAGES.select.where(...)))
    NEW = Upsert(tables.message, on=["id"])
    conn.execute(NEW.on(conn), [{"id": …}])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Result,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    case,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

from jdgate.errors import Misuse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

T = TypeVar("T", bound=msgspec.Struct)


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 UTC, rounded down.

    Raises:
        Misuse: `at` has no time zone.
    """
    if at.tzinfo is None:
        raise Misuse("books.naive_time")
    return (at - EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


class Instant(TypeDecorator[datetime]):
    """A moment, kept as integer milliseconds UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_ms(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else from_ms(value)


class Json(TypeDecorator[Any]):
    """Any JSON value, kept as text. None is SQL NULL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


class Reader(Generic[T]):
    """Selects the columns of a Struct from a table and builds the Structs."""

    def __init__(self, table: Table, struct: type[T]) -> None:
        self.table = table
        self.struct = struct
        self.names: tuple[str, ...] = struct.__struct_fields__
        self.select: Select[Any] = select(*(table.c[name] for name in self.names))

    def rows(self, result: Result[Any]) -> list[T]:
        """All rows of `result` as Structs."""
        struct = self.struct
        return [struct(*row) for row in result]

    def row(self, result: Result[Any]) -> T | None:
        """The first row of `result`, or None."""
        found: Row[Any] | None = result.first()
        return None if found is None else self.struct(*found)


def values(rows: Iterable[msgspec.Struct]) -> list[dict[str, Any]]:
    """The rows as parameters of an executemany."""
    return [msgspec.structs.asdict(row) for row in rows]


def any_of(name: str) -> BindParameter[Any]:
    """The parameter of `column.in_(any_of("ids"))`: a list given at execution."""
    return bindparam(name, expanding=True)


def slices(items: Iterable[Any], size: int = 500) -> Iterator[list[Any]]:
    """`items` in lists of at most `size`, so that no IN grows without a bound."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def later(current: ColumnElement[Any], given: ColumnElement[Any]) -> ColumnElement[Any]:
    """The greater of two values where NULL is less than anything, in plain SQL.

    `max(a, b)` and `greatest(a, b)` treat NULL differently in SQLite and PostgreSQL.
    """
    return case((current.is_(None), given), (given > current, given), else_=current)


Merge = Callable[[Table, Any], Mapping[str, Any]]


class Upsert:
    """One `INSERT … ON CONFLICT` statement, built once for each dialect.

    Without `update` and `merge` a conflicting row is left as it is; `update` names the columns
    overwritten with the new values; `merge(table, given)` returns expressions that combine the
    stored row (`table.c`) with the new one (`given`).
    """

    def __init__(
        self,
        table: Table,
        *,
        on: Sequence[str] | None = None,
        update: Sequence[str] = (),
        merge: Merge | None = None,
    ) -> None:
        self._table = table
        self._on = list(on) if on is not None else None
        self._update = update
        self._merge = merge
        self._built: dict[str, Any] = {}

    def on(self, conn: Connection) -> Any:
        """The statement for this connection's dialect."""
        name = conn.dialect.name
        statement = self._built.get(name)
        if statement is None:
            statement = self._built[name] = self._build(name)
        return statement

    def run(self, conn: Connection, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any] | None:
        """Execute for all rows; nothing for none."""
        return conn.execute(self.on(conn), rows) if rows else None

    def _build(self, dialect: str) -> Any:
        insert: Any = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[dialect]
        statement = insert(self._table)
        changes: dict[str, Any] = {name: statement.excluded[name] for name in self._update}
        if self._merge is not None:
            changes.update(self._merge(self._table, statement.excluded))
        if not changes:
            return statement.on_conflict_do_nothing(index_elements=self._on)
        return statement.on_conflict_do_update(index_elements=self._on, set_=changes)
