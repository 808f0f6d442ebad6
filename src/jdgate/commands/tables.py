"""A table that somebody hands to the daemon: read as `jdgate push` reads a file, tried out, sent.

Rules:
- it is read by the plugins' importers, on a thread of its own, one at a time, within `LIMITS`;
  its bytes lie in memory alone while they are read;
- what the importer does not name is in nothing that comes back;
- a row keeps every reason against it as code and parameters: the words are made for whoever reads
  them, by `reasons`;
- rows go into the outbox in portions. `noted` keeps something in the transaction of a portion, by
  which whoever was interrupted knows how far it came.

    kinds = tables.kinds("cln-01")                     # types it may send and a table may hold
    fits = await tables.survey("cln-01", data)         # which of them, and which sheet
    table = await tables.read("cln-01", data, "mmt.attendance.v1", sheet=None)
    await tables.check("cln-01", table)                # what would be refused goes to its rows
    made = await tables.submit("cln-01", table.type, some_good_lines, approved_by=("王医生",))
    book = refused_book(table, kinds[table.type], sheet, "zh")
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct
from sqlalchemy import Connection

from jdgate.core.fault import Fault
from jdgate.core.sheet import Sheet
from jdgate.edge.outbox import Submission
from jdgate.errors import Refused
from jdgate.files import Importer, Limits, Row, open_file, report
from jdgate.files.opening import survey
from jdgate.files.rows import LISTED, NO_REASON, PORTION, by_record, own_values, refused
from jdgate.running import Running
from jdgate.texts import Lang, say

MOST_BYTES = 16 * 2**20
LIMITS = Limits(
    file_bytes=MOST_BYTES,
    old_excel_bytes=4 * 2**20,
    unpacked_bytes=192 * 2**20,
    strings_bytes=32 * 2**20,
    rows=20_000,
    columns=256,
    seconds=20,
)
"""What a table may ask of the daemon: less than a command may ask of its own process."""
MOST_RAW = 16 * 2**20
"""Characters of refused cells that are kept, so that they can be shown and put right."""

T = TypeVar("T")
Noted = Callable[[Connection, Submission], None]


class Reason(Struct, frozen=True, omit_defaults=True):
    """Why a row is refused. `title`: the column's title, where reading the file found it."""

    code: str
    path: str = ""
    title: str = ""
    params: dict[str, Any] = {}

    def text(self, lang: Lang, sheet: Sheet | None) -> str:
        """The sentence for a person."""
        if self.title:
            return say(self.code, lang, **self.params)
        return Fault(self.code, self.path, self.params).text(lang, sheet)


class Line(Struct, omit_defaults=True):
    """One row. `raw`: the cells of a row that could not be read, by field."""

    number: int
    record: dict[str, Any] | None = None
    raw: dict[str, str] | None = None
    reasons: list[Reason] = []

    @property
    def good(self) -> bool:
        """Whether nothing is known against it."""
        return self.record is not None and not self.reasons


class Table(Struct, omit_defaults=True, kw_only=True):
    """What was read of a file. `columns`: field → its title there; `dropped`: titles left out on
    purpose; `unknown`: titles nothing is known of; `others`: sheets that hold something else."""

    type: str
    sheet: str | None = None
    encoding: str | None = None
    header_row: int = 0
    columns: dict[str, str] = {}
    dropped: list[str] = []
    unknown: list[str] = []
    others: list[str] = []
    skipped: dict[str, int] = {}
    lines: list[Line] = []

    @property
    def good(self) -> list[Line]:
        """The rows that may be sent."""
        return [line for line in self.lines if line.good]

    @property
    def bad(self) -> list[Line]:
        """The refused rows."""
        return [line for line in self.lines if not line.good]


class Fitting(NamedTuple):
    """A type and a sheet of a file that go together."""

    type: str
    sheet: str | None
    known: int


class Tables:
    """Reads tables for the members of one daemon. One for a daemon: it has the reading thread, and
    another one for what pages wait for, so that no page waits until somebody's table is read."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="tables")
        self._working = ThreadPoolExecutor(1, thread_name_prefix="tables aside")
        self._importers: dict[str, Importer] | None = None

    @property
    def importers(self) -> dict[str, Importer]:
        """Type → its importer; what plugins declare does not change while they run."""
        if self._importers is None:
            self._importers = {one.type: one for one in self._running.plugins.importers()}
        return self._importers

    def kinds(self, member: str) -> dict[str, Importer]:
        """The types that a hosted member may send and that a table may hold.

        Raises:
            UsageError: `member.not_hosted`.
        """
        desk = self._running.the_edge.desk(member)
        roles, sheets = desk.trust.member(member).roles, desk.catalogue.sheets
        return {
            type: one
            for type, one in self.importers.items()
            if type in sheets and sheets[type].may_send(roles)
        }

    def importer(self, member: str, type: str) -> Importer:
        """The importer of a type that the member may send.

        Raises:
            Refused: `tables.kind`, it may not, or no table holds it.
        """
        found = self.kinds(member).get(type)
        if found is None:
            raise Refused("tables.kind", type=type[:64])
        return found

    async def survey(self, member: str, data: bytes) -> list[Fitting]:
        """What the bytes of a file may be, the likeliest first.

        Raises:
            Refused: `files.…`, no importer could read it.
        """
        kinds = [(one, own_values(one, member)) for one in self.kinds(member).values()]

        def work(path: Path) -> list[Fitting]:
            found = survey(path, kinds, LIMITS)
            return [Fitting(one.importer.type, one.sheet, one.known) for one in found]

        return await self._with_file(data, work)

    async def read(self, member: str, data: bytes, type: str, sheet: str | None = None) -> Table:
        """The rows of a file. A column for the place may be absent: the member stands for it.

        Raises:
            Refused: `tables.kind`, `files.…`.
        """
        importer = self.importer(member, type)
        values = own_values(importer, member)
        return await self._with_file(data, lambda path: _read(path, importer, values, sheet))

    async def check(self, member: str, table: Table) -> None:
        """Put to each row what would be refused of it, without sending anything.

        Raises:
            Refused: `agreement.…`.
        """
        for some in _portions(table.good):
            records = [line.record or {} for line in some]
            _, found = await self._running.the_edge.check(
                member, table.type, records, [line.number for line in some]
            )
            blame(some, [_told(one) for one in found])

    async def submit(
        self,
        member: str,
        type: str,
        lines: Sequence[Line],
        *,
        approved_by: Sequence[str] = (),
        noted: Noted | None = None,
    ) -> Submission:
        """Put good rows into the member's outbox, in one transaction; what is refused of them all
        the same goes to its row.

        Raises:
            Refused: `agreement.…`, `approval.…`. TransportFailed: `books.…`.
        """
        records = [line.record or {} for line in lines]
        made = await self._running.the_edge.submit(
            member, type, records, rows=[line.number for line in lines],
            approved_by=approved_by, noted=noted,
        )  # fmt: skip
        blame(lines, [_told(one) for one in made.refused])
        return made

    async def aside(self, work: Callable[[], T]) -> T:
        """`work` on a thread: what takes long and touches no database."""
        return await asyncio.get_running_loop().run_in_executor(self._working, work)

    async def _with_file(self, data: bytes, work: Callable[[Path], T]) -> T:
        if len(data) > MOST_BYTES:
            raise Refused("files.too_large", limit=MOST_BYTES // 2**20)

        def do() -> T:
            with _as_file(data) as path:
                return work(path)

        return await asyncio.get_running_loop().run_in_executor(self._reading, do)

    def close(self) -> None:
        """End the threads; what waits for them is given up."""
        for thread in (self._reading, self._working):
            thread.shutdown(wait=False, cancel_futures=True)


def blame(lines: Sequence[Line], faults: Iterable[dict[str, Any]]) -> None:
    """Put faults, told by the place of their record among `lines`, to their rows."""
    for index, found in by_record(faults).items():
        lines[index].reasons += [Reason(one.code, one.path, "", one.params) for one in found]


def reasons(line: Line, lang: Lang, sheet: Sheet | None) -> list[str]:
    """Why a row is refused, each in a sentence and once."""
    return list(dict.fromkeys(one.text(lang, sheet) for one in line.reasons))


def refused_book(
    table: Table, importer: Importer, sheet: Sheet | None, lang: Lang, member: str = ""
) -> bytes:
    """The refused rows as an XLSX that can be corrected and handed in again."""
    fields = {*table.columns, *own_values(importer, member)}
    rows = (_row(line, lang, sheet) for line in table.bad[:LISTED])
    return report.refused_book(rows, importer, lang, fields)


def _row(line: Line, lang: Lang, sheet: Sheet | None) -> Row:
    told = refused(line.number, line.record, reasons(line, lang, sheet) or [say(NO_REASON, lang)])
    return Row(told.number, told.record, told.faults, line.raw)


def _read(path: Path, importer: Importer, values: dict[str, object], sheet: str | None) -> Table:
    kept = 0
    with open_file(path, importer, limits=LIMITS, defaults=values, sheet=sheet) as reading:
        lines = []
        for row in reading.rows:
            kept += sum(map(len, (row.raw or {}).values()))
            if kept > MOST_RAW:
                raise Refused("tables.cells", row=row.number)
            lines.append(_line(row))
        return Table(
            type=importer.type,
            sheet=reading.sheet,
            encoding=reading.encoding,
            header_row=reading.header_row,
            columns=reading.columns,
            dropped=list(reading.dropped),
            unknown=list(reading.unknown),
            others=list(reading.others),
            skipped=reading.skipped,
            lines=lines,
        )


def _line(row: Row) -> Line:
    found = [Reason(one.code, "", one.title or "—", one.params) for one in row.faults]
    return Line(row.number, row.record, dict(row.raw) if row.raw is not None else None, found)


def _told(one: Any) -> dict[str, Any]:
    return {"index": one.index, "code": one.code, "path": one.path, "params": one.params}


def _portions(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    for at in range(0, len(lines), PORTION):
        yield lines[at : at + PORTION]


@contextmanager
def _as_file(data: bytes) -> Iterator[Path]:
    """The bytes under a path that other processes don't find: in memory, where the system can."""
    if not hasattr(os, "memfd_create"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            yield Path(file.name)
        return
    with os.fdopen(os.memfd_create("table"), "wb") as file:
        file.write(data)
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")
