"""Reads the rows below a header as records of one message type.

Rules
- Blank rows, total and sign-off lines and a header printed again are skipped and counted.
- Nothing that the importer does not name gets into a record.
- A row that says the same as an earlier one is skipped and counted; rows that contradict each
  other are all refused.
- A bad row is a `Row` with faults. Only a file that can't be read at all raises, and only
  `Refused`. A row is read when it is asked for; a file damaged late raises late.

    with open_file(path, importer, defaults={"site": "cln-01"}) as reading:
        for row in reading.rows: ...
        reading.sheet, reading.dropped, reading.unknown, reading.skipped
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from copy import copy
from functools import lru_cache
from itertools import chain
from time import monotonic
from typing import Protocol

from jdgate.errors import Refused
from jdgate.files import header, repeats
from jdgate.files.cells import Cell, CellFault, as_text, fold, is_blank, read_cell
from jdgate.files.delimited import BadQuote
from jdgate.files.importer import Column, Importer, Limits, Row, RowFault
from jdgate.files.repeats import Repeats

_TOTAL = re.compile(
    r"(?:本页|本月|本日|全部|全月)?(?:合计|总计|小计|共计|累计|总数)|(?:grand ?|sub)?total\b|sum\b",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:制表|填表|填报|审核|复核|经办|负责|统计|报送|备注|说明|注|prepared by|checked by|note)"
    r"[人者员单位日期]*\s*:",
    re.IGNORECASE,
)
_CACHED = 4096


class Table(Protocol):
    """Rows of cells from one sheet, or from a CSV with one separator."""

    name: str | None
    position: int
    total: int

    def rows(self) -> Generator[tuple[int, list[Cell]]]: ...


class Source(Protocol):
    """An open file."""

    @property
    def encoding(self) -> str | None: ...
    def tables(self) -> Iterable[Table]: ...
    def close(self) -> None: ...


class Reading:
    """One pass over a file: `rows` is an iterator and can be gone through once.

    `columns` maps fields to their titles in the file; `dropped` are titles left out on purpose (of
    columns that stand for each other, those no row needed so far), `unknown` those nothing is
    known of; `others` are sheets that hold something else; `skipped` counts rows left out by cause
    (`blank`, `total`, `note`, `header`, `same`) and grows while rows are read. `total_hint` and
    `position` are in the same unit (bytes or rows of the source) and are for a progress bar.
    """

    def __init__(
        self,
        source: Source,
        table: Table,
        header_row: int,
        layout: header.Layout,
        importer: Importer,
        limits: Limits,
        defaults: Mapping[str, object],
    ) -> None:
        self._source = source
        self._table = table
        self._layout = layout
        self._importer = importer
        self._limits = limits
        self._defaults = defaults
        spare = {field for group in layout.rivals for field in group[1:]}
        self._needed = frozenset(at for field, at in layout.at.items() if field not in spare)
        self._rivals = [group for group in layout.rivals if len(group) > 1]
        self._spare = spare
        self._serials = layout.serials
        self._first_key = next(filter(None, layout.keys))
        self.header_row = header_row
        self.sheet = table.name
        self.encoding = source.encoding
        self.columns = dict(layout.titles)
        self.others: tuple[str, ...] = ()
        self.unknown = layout.unknown
        self.skipped = {"blank": 0, "total": 0, "note": 0, "header": 0, "same": 0}
        self.total_hint = table.total
        self._until = monotonic() + limits.seconds
        self._data = self._read()
        self.rows: Iterator[Row] = self._data

    @property
    def dropped(self) -> tuple[str, ...]:
        """Titles of the columns left out on purpose."""
        spare = [self._layout.titles[field] for field in self.columns if field in self._spare]
        return (*spare, *self._layout.dropped)

    def begin(self) -> None:
        """Reads the first row, so that a file in which nothing can be read is told at once.

        Raises: Refused, `files.no_rows` among others.
        """
        first = next(self._data, None)
        if first is None:
            raise Refused("files.no_rows", row=self.header_row)
        self.rows = chain([first], self._data)

    def holds_rows(self) -> bool:
        """Whether there is any data below the header. To be asked before rows are read."""
        with closing(self._table.rows()) as rows:
            found = next(self._read_from(rows, repeats.NONE), None)
        self._forget()
        return found is not None

    @property
    def position(self) -> int:
        """How far the reading is, out of `total_hint`."""
        return self._table.position

    def close(self) -> None:
        """Closes the file; rows not read by then are lost."""
        self._data.close()
        self._source.close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> Generator[Row]:
        found = repeats.NONE
        if self._importer.unique:
            with closing(self._table.rows()) as rows:
                found = repeats.find(self._importer, self._read_from(rows, found))
            self._forget()
        with closing(self._table.rows()) as rows:
            yield from self._read_from(rows, found)

    def _forget(self) -> None:
        """Begin to count anew."""
        self.skipped.update(dict.fromkeys(self.skipped, 0))

    def _read_from(self, rows: Iterable[tuple[int, list[Cell]]], found: Repeats) -> Iterator[Row]:
        layout = self._layout
        read = self._reader()
        last = self.header_row
        count = 0
        for number, cells in rows:
            if number <= self.header_row:
                continue
            if monotonic() > self._until:
                raise Refused("files.slow")
            reason = self._skip(cells)
            if reason == "blank":
                continue  # counted only if something follows: see `blank` below
            self.skipped["blank"] += number - last - 1
            last = number
            if reason:
                self.skipped[reason] += 1
                continue
            count += 1
            if count > self._limits.rows:
                raise Refused("files.rows_many", limit=self._limits.rows)
            if isinstance(cells, BadQuote):
                title = next(iter(layout.titles.values()), "")
                yield self._refused(number, cells, [_fault("files.row_quotes", title, number)])
            elif number in found.again:
                self.skipped["same"] += 1
            elif (other := found.contradicted.get(number)) is not None:
                yield self._refused(number, cells, [self._contradicted(number, cells, other)])
            else:
                yield read(number, cells)

    def _skip(self, cells: Sequence[Cell]) -> str | None:
        """Why a row is no data: the name of a count in `skipped`, or None."""
        filled = [i for i, cell in enumerate(cells) if not _is_blank(cell)]
        if not filled:
            return "blank"
        lacks = not self._needed.issubset(filled)
        # The word for a total stands first, or anywhere in a row that lacks a needed cell; a
        # remark that happens to be 小计 in a full row is just a remark.
        for i in filled[:6] if lacks else filled[:1]:
            cell = cells[i]
            if isinstance(cell, str) and (reason := _word(cell)):
                return reason
        if self._serials.issuperset(filled):
            return "blank"
        cell = cells[filled[0]]
        if isinstance(cell, str) and header.title_key(cell) == self._first_key:
            keys = [header.title_key(cell) for cell in cells]
            if _trimmed(keys) == _trimmed(self._layout.keys):
                return "header"
        return None

    def _reader(self) -> Callable[[int, Sequence[Cell]], Row]:
        """A function that reads one row; what it learns about repeated cells stays with it."""
        layout, importer = self._layout, self._importer
        used = [column for column in importer.columns if self._used(column)]
        plan = [
            (column, layout.at.get(column.field, -1), self._title(column), self._fallback(column))
            for column in used
        ]
        seen: list[dict[str, object]] = [{} for _ in plan]

        def read(number: int, cells: Sequence[Cell]) -> Row:
            record: dict[str, object] = {}
            faults: list[RowFault] = []
            width = len(cells)
            passed = self._passed_over(cells) if self._rivals else ()
            for index, (column, position, title, fallback) in enumerate(plan):
                if column.field in passed:
                    continue
                cell = cells[position] if 0 <= position < width else None
                if type(cell) is str and (known := seen[index].get(cell)) is not None:
                    record[column.field] = known
                    continue
                if is_blank(cell):
                    if fallback is not None:
                        record[column.field] = copy(fallback)
                    elif column.required:
                        faults.append(_fault("files.cell_missing", title, number))
                    continue
                try:
                    value = read_cell(column, cell)
                except CellFault as fault:
                    faults.append(_fault(fault.code, title, number, **fault.params))
                    continue
                if value in ("", []):
                    faults.append(_fault("files.cell_missing", title, number))
                    continue
                record[column.field] = value
                if type(cell) is not str or type(value) is list:  # a list is one record's own
                    continue
                if len(seen[index]) < _CACHED and len(cell) < 100:
                    seen[index][cell] = value
            if faults:
                return self._refused(number, cells, faults)
            return Row(number, record)

        return read

    def _passed_over(self, cells: Sequence[Cell]) -> set[str]:
        """Of the columns that stand for each other, those that this row does not need."""
        passed: set[str] = set()
        for group in self._rivals:
            at = self._layout.at
            filled = (f for f in group if at[f] < len(cells) and not _is_blank(cells[at[f]]))
            chosen = next(filled, group[0])
            self._spare.discard(chosen)
            passed.update(field for field in group if field != chosen)
        return passed

    def _contradicted(self, number: int, cells: Sequence[Cell], other: int) -> RowFault:
        passed = self._passed_over(cells)
        told = [field for field in self._importer.unique if field in self._layout.at]
        fields = [field for field in told if field not in passed]
        titles = "、".join(self._layout.titles[field] for field in fields)
        return _fault("files.rows_contradict", titles, number, other=other)

    def _used(self, column: Column) -> bool:
        if column.field in self._layout.at:
            return True
        # Of an `either` group only the field that the file has is looked for.
        return not self._importer.group(column.field)

    def _title(self, column: Column) -> str:
        return self._layout.titles.get(column.field, column.titles[0])

    def _fallback(self, column: Column) -> object:
        return self._defaults.get(column.field, column.default)

    def _refused(self, number: int, cells: Sequence[Cell], faults: list[RowFault]) -> Row:
        passed = self._passed_over(cells)
        raw = {
            field: as_text(cells[position]) if position < len(cells) else ""
            for field, position in self._layout.at.items()
            if field not in passed
        }
        given = {
            field: str(self._importer.column(field).written(value))
            for field, value in self._defaults.items()
        }
        return Row(number, None, tuple(faults), {**given, **raw})


def _is_blank(cell: Cell) -> bool:
    if type(cell) is str:
        return not cell.isalnum() and is_blank(cell)
    return cell is None


@lru_cache(maxsize=_CACHED)
def _word(cell: str) -> str | None:
    """Whether a cell makes its row a total or a note."""
    text = fold(cell[:100])
    spaced = text.replace(" ", "")
    if _TOTAL.match(text) or _TOTAL.match(spaced):
        return "total"
    return "note" if _NOTE.match(spaced) or _NOTE.match(text) else None


def _trimmed(keys: Sequence[str]) -> list[str]:
    end = len(keys)
    while end and not keys[end - 1]:
        end -= 1
    return [*keys[:end]]


def _fault(code: str, title: str, number: int, **params: object) -> RowFault:
    return RowFault(code, title, {"row": number, "title": title, **params})
