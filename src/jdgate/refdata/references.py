"""The tables in place: what jdgate brings along, with the county's imported versions over it.

How versions lie over each other:
- divisions: a county's newest version replaces its older ones from its day on; the national
  set stays below all of them;
- working-days: each version decides on the days it names, later imports over earlier ones;
- precursors, grounds: each version changes the entries it names, from the day that the entry
  tells or else from the version's.

    tables = References(home.var / "refdata")
    tables.precursors.category("103-79-7", day)
    tables.working_days.add_working_days(day, 10)
    tables.in_force("divisions", day)          # which versions applied
    tables.add("divisions", path, source="…", since=day, now=now)
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import cast

from msgspec import Struct, structs

from jdgate.core.calendar import WorkingDays
from jdgate.core.refdata import (
    Cas,
    Category,
    Division,
    Divisions,
    Effect,
    Ground,
    Grounds,
    Item,
    Precursors,
    Since,
    replaced,
)
from jdgate.errors import Misuse
from jdgate.files import RowFault
from jdgate.refdata import packaged
from jdgate.refdata.importing import ImportRefused, read_import
from jdgate.refdata.shelf import Row, Shelf, Volume
from jdgate.refdata.version import TableName, Version

FOLDER = "refdata"
"""Where the imported versions lie, below an installation's `var`."""


class Imported(Struct, frozen=True):
    """A new version, and what about its rows somebody should look at."""

    version: Version
    warnings: tuple[RowFault, ...]


class References:
    """All tables of one installation. Without a folder: the packaged ones alone.

    What is read is kept; an import made by another process is seen by a new `References`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._shelf = Shelf(folder) if folder is not None else None
        self._volumes: dict[TableName, list[Volume]] = {}

    def versions(self, table: TableName) -> list[Version]:
        """All versions: the packaged one first, then the imported ones in their order.

        Raises:
            Refused: `refdata.changed`, `refdata.gap`, when a stored version was tampered with.
        """
        return [_packaged(table), *(volume.version for volume in self._imported(table))]

    def in_force(self, table: TableName, day: date) -> list[Version]:
        """The versions that make up the table on `day`, the lowest layer first."""
        started = [
            one for one in self._layers(table) if one.version.since and one.version.since <= day
        ]
        versions = [one.version for one in started]
        if table == "divisions":
            versions = [
                one
                for n, one in enumerate(versions)
                if one.covers - frozenset().union(*(later.covers for later in versions[n + 1 :]))
            ]
        base = _packaged(table)
        return [base, *versions] if base.since is None or base.since <= day else versions

    @cached_property
    def precursors(self) -> Precursors:
        """The precursor catalogue, all periods."""
        items: list[Item] = list(packaged.precursors()[0])
        for volume in self._layers("precursors"):
            items = replaced(items, [_item(row, volume.version.source) for row in volume.rows])
        return Precursors(items)

    @cached_property
    def divisions(self) -> Divisions:
        """All places, all periods."""
        rows: list[Division] = list(packaged.divisions()[0])
        layers = self._layers("divisions")
        for n, volume in enumerate(layers):
            ends = {
                county: _since(later) - timedelta(1)
                for later in reversed(layers[n + 1 :])
                for county in later.version.covers
            }
            rows += [
                Division(row["code"], row["name"], _since(volume), ends.get(row["code"][:6]),
                         "local")
                for row in volume.rows
            ]  # fmt: skip
        return Divisions(rows)

    @cached_property
    def working_days(self) -> WorkingDays:
        """The calendar: published years, overrides over them."""
        overrides = {
            date.fromisoformat(row["date"]): row["working"] == "yes"
            for volume in self._imported("working-days")
            for row in volume.rows
        }
        return WorkingDays(packaged.working_days()[0], overrides)

    @cached_property
    def grounds(self) -> Grounds:
        """The grounds of the driving licence rules, all periods."""
        grounds: list[Ground] = list(packaged.grounds()[0])
        for volume in self._layers("grounds"):
            new = [_ground(row) for row in volume.rows]
            begin = {one.code: one.since.latest for one in new}
            grounds = [_until(one, begin.get(one.code)) for one in grounds]
            grounds += new
        return Grounds(grounds)

    def add(
        self, table: TableName, path: Path, *, source: str, since: date, now: datetime
    ) -> Imported:
        """Store a file as the table's next version.

        Raises:
            ImportRefused: `refdata.rows_wrong`, with every fault of every row.
            Refused: `files.*`, `refdata.*`. Misuse: `refdata.no_folder`.
        """
        if self._shelf is None:
            raise Misuse("refdata.no_folder")
        found = read_import(path, table, since, self)
        if found.faults:
            raise ImportRefused(found, path.name)
        if table == "precursors":  # names or numbers that two items would share are refused here
            Precursors(replaced(self.precursors.items, [_item(row, source) for row in found.rows]))
        version = self._shelf.add(table, found.rows, source=source, since=since, now=now)
        self._forget(table)
        return Imported(version, found.warnings)

    def _forget(self, table: TableName) -> None:
        self._volumes.pop(table, None)
        self.__dict__.pop(table.replace("-", "_"), None)

    def _imported(self, table: TableName) -> list[Volume]:
        if self._shelf is None:
            return []
        if table not in self._volumes:
            self._volumes[table] = self._shelf.volumes(table)
        return self._volumes[table]

    def _layers(self, table: TableName) -> list[Volume]:
        """The imported versions by the day from which they apply; of two, the later import on
        top."""
        return sorted(self._imported(table), key=lambda one: (_since(one), one.version.number))


def _packaged(table: TableName) -> Version:
    read = {
        "precursors": packaged.precursors,
        "divisions": packaged.divisions,
        "working-days": packaged.working_days,
        "grounds": packaged.grounds,
    }
    return read[table]()[1]


def _since(volume: Volume) -> date:
    assert volume.version.since is not None  # every import has its day
    return volume.version.since


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _item(row: Row, source: str) -> Item:
    return Item(
        id=row["id"],
        category=cast(Category, int(row["category"])),
        name=row["name"],
        en=row["en"],
        aliases=tuple(one for one in row["aliases"].split(";") if one),
        cas=tuple(Cas(one) for one in row["cas"].split(";") if one),
        pharmaceutical=row["pharmaceutical"] == "yes",
        since=Since.on(date.fromisoformat(row["listed"]), "local"),
        until=_day(row["until"]),
        name_tag="local",
        category_tag="local",
        cas_tag="local",
        source=source,
    )


def _ground(row: Row) -> Ground:
    return Ground(
        code=row["code"],
        zh=row["zh"],
        en=row["en"],
        law=row["law"],
        article=row["article"],
        effect=cast(Effect, row["effect"]),
        tag="local",
        since=Since.on(date.fromisoformat(row["listed"]), "local"),
        until=_day(row["until"]),
        deadline_days=int(row["days"]) if row["days"] else None,
    )


def _until(ground: Ground, day: date | None) -> Ground:
    if day is None or (ground.until is not None and ground.until <= day):
        return ground
    return structs.replace(ground, until=day)
