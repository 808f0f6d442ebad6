"""Column types and row structs shared by all tables, the same in SQLite and PostgreSQL.

Rules:

- an instant is an integer: milliseconds since 1970-01-01 UTC; in Python always an aware
  `datetime`. `Instant` is the only place that converts;
- a JSON value is text, encoded and decoded by msgspec; `Json` is the only place that converts;
- a row in Python is a msgspec Struct whose fields are columns of the same names; `Reader` selects
  exactly those and builds it.

    MESSAGES = Reader(tables.message, MessageRow)
    MESSAGES.rows(conn.execute(MESSAGES.select.where(...)))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
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
        struct, names = self.struct, self.names
        return [struct(**dict(zip(names, row, strict=True))) for row in result]

    def row(self, result: Result[Any]) -> T | None:
        """The first row of `result`, or None."""
        found: Row[Any] | None = result.first()
        return None if found is None else self.struct(**dict(zip(self.names, found, strict=True)))


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
