"""The tables that come with jdgate, and those of the packages it stands on.

- precursors, grounds: TOML files beside this module, each with its source, date and tags;
- divisions: `cn/loc.dat` of python-stdnum (codes since 1980 with their years), and
  `divisions.csv` over it;
- working days: chinesecalendar, for the years it knows.

    precursors()        # (items, Version)
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import msgspec

from jdgate.core.calendar import YearPlan
from jdgate.core.refdata import Cas, Division, Ground, Item, Since, Tag
from jdgate.errors import Misuse
from jdgate.refdata.version import TableName, Version
from jdgate.texts import Lang, say

DATA = Path(__file__).parent / "data"

_PLACE = re.compile(r"\s+(\d{4}) county=\"(.+)\"")
_PROVINCE = re.compile(r"(\d{2}) province=\"(.+)\"")
_NAMED = re.compile(r"(?:\[(\d{4})?-(\d{4})?\])?([^\[\]]+)")


@cache
def _toml(name: str) -> tuple[dict[str, Any], str]:
    data = (DATA / name).read_bytes()
    return tomllib.loads(data.decode()), hashlib.sha256(data).hexdigest()


def source(table: TableName, lang: Lang) -> str:
    """Where a packaged table comes from, for a reader in `lang`."""
    if table in ("precursors", "grounds"):
        told: str = _toml(f"{table}.toml")[0]["source"][lang]
        return told
    return say(f"refdata.source.{table}", lang)


@cache
def precursors() -> tuple[tuple[Item, ...], Version]:
    """The precursor catalogue.

    Raises:
        Misuse: `refdata.packaged` when the file in the package is wrong.
    """
    document, digest = _toml("precursors.toml")
    items = tuple(_item(row, document["sources"]) for row in document["item"])
    return items, Version(
        table="precursors",
        number=0,
        label=document["version"],
        source="",
        since=None,
        rows=len(items),
        digest=digest,
        tag=document["tag"],
    )


def _item(row: Mapping[str, Any], sources: Mapping[str, str]) -> Item:
    tags = row["tags"]
    return Item(
        id=row["id"],
        category=row["category"],
        name=row["name"],
        en=row["en"],
        aliases=tuple(row.get("aliases", ())),
        cas=tuple(Cas(*str(one).partition(" ")[::2]) for one in row["cas"]),
        pharmaceutical=row.get("pharmaceutical", False),
        since=_since(row["listed"]),
        name_tag=tags["name"],
        category_tag=tags["category"],
        cas_tag=tags["cas"],
        source=sources[row["source"]],
    )


def _since(told: Mapping[str, Any]) -> Since:
    tag: Tag = told["tag"]
    if "on" in told:
        return Since.on(told["on"], tag)
    if "by" in told:
        return Since.by(told["by"], tag)
    return Since.year(told["year"], tag)


@cache
def grounds() -> tuple[tuple[Ground, ...], Version]:
    """The grounds of the driving licence rules."""
    document, digest = _toml("grounds.toml")
    since = _since(document["since"])
    try:
        found = tuple(
            msgspec.convert({"law": document["law"], "since": since, **row}, Ground)
            for row in document["ground"]
        )
    except msgspec.ValidationError as error:
        raise Misuse("refdata.packaged", file="grounds.toml", reason=str(error)) from None
    return found, Version(
        table="grounds",
        number=0,
        label=document["version"],
        source="",
        since=since.latest,
        rows=len(found),
        digest=digest,
        tag=document["tag"],
    )


@cache
def divisions() -> tuple[tuple[Division, ...], Version]:
    """The national set of six-digit codes, with what it misses.

    Raises:
        Misuse: `refdata.packaged` when the package's file has another form than the known one.
    """
    national = (resources.files("stdnum") / "cn" / "loc.dat").read_bytes()
    more = (DATA / "divisions.csv").read_bytes()
    over = list(_more(more.decode()))
    ours = {row.code for row in over}
    rows = [*(row for row in _national(national.decode()) if row.code not in ours), *over]
    return tuple(rows), Version(
        table="divisions",
        number=0,
        label=f"python-stdnum {metadata.version('python-stdnum')}",
        source="",
        since=None,
        rows=len(rows),
        digest=hashlib.sha256(national + more).hexdigest(),
        tag="web",
    )


def _national(text: str) -> Iterator[Division]:
    province = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if match := _PROVINCE.fullmatch(line):
            province = match[1]
            yield Division(province, match[2])
            continue
        match = _PLACE.fullmatch(line)
        if match is None or not province:
            raise Misuse("refdata.packaged", file="cn/loc.dat", reason=f"line {number}")
        if match[1] == "0000":
            continue
        code = province + (match[1].removesuffix("00"))
        for part in match[2].split(","):
            named = _NAMED.fullmatch(part)
            if named is None:
                raise Misuse("refdata.packaged", file="cn/loc.dat", reason=f"line {number}")
            if named[1] and named[2] and int(named[2]) < int(named[1]):
                continue  # the table has a few names that end before they begin
            # A year is all that is known: old and new code both hold throughout it.
            yield Division(
                code,
                named[3],
                date(int(named[1]), 1, 1) if named[1] else None,
                date(int(named[2]), 12, 31) if named[2] else None,
            )


def _more(text: str) -> Iterator[Division]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for row in csv.DictReader(lines):
        code = row["code"]
        while len(code) > 2 and code.endswith("00"):
            code = code[:-2]
        tag = msgspec.convert(row["tag"], Tag)
        since = date.fromisoformat(row["since"]) if row["since"] else None
        until = date.fromisoformat(row["until"]) if row["until"] else None
        yield Division(code, row["name"], since, until, tag)


@cache
def working_days() -> tuple[Mapping[int, YearPlan], Version]:
    """The published years."""
    known = importlib.import_module("chinese_calendar.constants")
    off: frozenset[date] = frozenset(day for day in known.holidays if day.weekday() < 5)
    on: frozenset[date] = frozenset(day for day in known.workdays if day.weekday() >= 5)
    years = sorted({day.year for day in known.holidays})
    plans = {
        year: YearPlan(
            frozenset(day for day in off if day.year == year),
            frozenset(day for day in on if day.year == year),
        )
        for year in years
    }
    told = "\n".join([*(f"{day} off" for day in sorted(off)), *(f"{day} on" for day in sorted(on))])
    return plans, Version(
        table="working-days",
        number=0,
        label=f"chinesecalendar {metadata.version('chinesecalendar')}",
        source="",
        since=None,
        rows=len(off) + len(on),
        digest=hashlib.sha256(told.encode()).hexdigest(),
        tag="web",
    )
