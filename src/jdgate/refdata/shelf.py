"""Where imported versions lie: one file each, never overwritten.

`var/refdata/<table>/0001.csv`, `0002.csv` … begin with lines that tell what they are:

    # table: divisions
    # source: 邻水县民政局2026年区划表
    # from: 2026-07-01
    # imported: 2026-11-21T08:00:00.000Z
    # previous: 9f2c…          (digest of the version before, "-" for the first)
    # digest: 31aa…            (SHA-256 of all the rest of this file)
    code,name
    511623101000,鼎屏镇

Rules:
- a number that is taken stays taken, also when two import at once;
- a file whose digest doesn't match, or that does not follow the one before, is refused: data
  that decides deadlines must not change quietly. It takes a new version to correct an old one.

    shelf = Shelf(home.var / "refdata")
    shelf.add("divisions", rows, source="…", since=date(2026, 7, 1), now=now)
    shelf.volumes("divisions")
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from msgspec import Struct

from jdgate.errors import Refused
from jdgate.refdata.version import TableName, Version

COLUMNS: Mapping[TableName, tuple[str, ...]] = {
    "precursors": (
        "id", "category", "name", "en", "aliases", "cas", "pharmaceutical", "listed", "until",
    ),
    "divisions": ("code", "name"),
    "working-days": ("date", "working", "note"),
    "grounds": ("code", "zh", "en", "law", "article", "effect", "listed", "until", "days"),
}  # fmt: skip
"""The columns of a stored version, in order. Every value is text."""

_NUMBERED = re.compile(r"(\d{4,})\.csv")
_HEAD = ("table", "source", "from", "imported", "previous", "digest")
_DIGEST = "# digest: "

Row = Mapping[str, str]


class Volume(Struct, frozen=True):
    """One stored version with its rows."""

    version: Version
    rows: tuple[Row, ...]


class Shelf:
    """The imported versions in one folder. The folder need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def volumes(self, table: TableName) -> list[Volume]:
        """All versions of a table, in the order of their import.

        Raises:
            Refused: `refdata.changed`, `refdata.gap`.
        """
        found: list[Volume] = []
        previous = "-"
        for expected, (number, path) in enumerate(self._files(table), start=1):
            volume, before = _read(path, table, number)
            if number != expected or before != previous:
                raise Refused("refdata.gap", table=table, file=path.name)
            previous = volume.version.digest
            found.append(volume)
        return found

    def add(
        self, table: TableName, rows: Sequence[Row], *, source: str, since: date, now: datetime
    ) -> Version:
        """Store `rows` as the next version and return it.

        Raises:
            Refused: `refdata.changed`, `refdata.gap`, `refdata.unwritable`.
        """
        folder = self._folder / table
        try:
            folder.mkdir(parents=True, exist_ok=True)
            while True:
                volumes = self.volumes(table)
                number = len(volumes) + 1
                previous = volumes[-1].version.digest if volumes else "-"
                path = folder / f"{number:04d}.csv"
                if _put(path, _written(table, rows, source, since, now, previous)):
                    return _read(path, table, number)[0].version
        except OSError as error:
            raise Refused("refdata.unwritable", reason=error.strerror or "") from error

    def _files(self, table: TableName) -> list[tuple[int, Path]]:
        folder = self._folder / table
        if not folder.is_dir():
            return []
        named = ((_NUMBERED.fullmatch(path.name), path) for path in folder.iterdir())
        return sorted((int(match[1]), path) for match, path in named if match)


def _written(
    table: TableName, rows: Sequence[Row], source: str, since: date, now: datetime, previous: str
) -> bytes:
    moment = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    values = (table, " ".join(source.split()), since.isoformat(), moment, previous)
    head = "".join(f"# {name}: {value}\n" for name, value in zip(_HEAD, values, strict=False))
    body = io.StringIO()
    writer = csv.DictWriter(body, COLUMNS[table], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    digest = _digest(head, body.getvalue())
    return f"{head}{_DIGEST}{digest}\n{body.getvalue()}".encode()


def _digest(head: str, body: str) -> str:
    return hashlib.sha256(f"{head}{body}".encode()).hexdigest()


def _put(path: Path, data: bytes) -> bool:
    """Make the file, whole; False when the name is taken."""
    handle, name = tempfile.mkstemp(".part", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)  # no secret, and the daemon may be another user
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def _read(path: Path, table: TableName, number: int) -> tuple[Volume, str]:
    """A stored version, and the digest of the one before it."""
    changed = Refused("refdata.changed", table=table, file=path.name)
    try:
        text = path.read_bytes().decode()
        lines = text.split("\n", len(_HEAD))
        told = dict(line.removeprefix("# ").split(": ", 1) for line in lines[: len(_HEAD)])
        head = "".join(f"{line}\n" for line in lines[: len(_HEAD) - 1])
        body = lines[len(_HEAD)]
        if tuple(told) != _HEAD or told["table"] != table or told["digest"] != _digest(head, body):
            raise changed
        rows = tuple(csv.DictReader(io.StringIO(body, newline=""), strict=True))
        since = date.fromisoformat(told["from"])
    except (ValueError, IndexError, csv.Error) as error:
        raise changed from error
    except OSError as error:
        raise Refused("refdata.unreadable", file=path.name, reason=error.strerror or "") from error
    covers = {row["code"][:6] for row in rows} if table == "divisions" else ()
    version = Version(
        table=table,
        number=number,
        label=f"{number:04d}",
        source=told["source"],
        since=since,
        rows=len(rows),
        digest=told["digest"],
        tag="local",
        imported=told["imported"],
        covers=frozenset(covers),
    )
    return Volume(version, rows), told["previous"]
