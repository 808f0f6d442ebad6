"""`jdgate refdata`: the tables that rules and forms stand on, their versions and their answers.

All of it works without a daemon; outside an installation only the packaged tables are seen, and
nothing can be imported.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from jdgate.cli import refdata_lines as lines
from jdgate.cli.help import Group
from jdgate.cli.session import FAILED, Session, common, option, pass_session
from jdgate.errors import Refused, UsageError

if TYPE_CHECKING:
    from jdgate.refdata import References, TableName

TABLE_NAMES: tuple[TableName, ...] = ("precursors", "divisions", "working-days", "grounds")
MOST_DAYS = 10_000
"""Working days counted at most, in either direction."""


def on_day(function: Any) -> Any:
    """The option `--on DATE`."""
    return option("--on", "on", metavar="DATE", help="cli.option.on_day")(function)


def day_of(text: str | None, name: str) -> date | None:
    """The day an option names.

    Raises:
        UsageError: `refdata.bad_day`.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("refdata.bad_day", name=name) from None


def today() -> date:
    """This day in the county."""
    from jdgate.clock import machine_time
    from jdgate.core.calendar import local_day

    return local_day(machine_time())


def tables_here(session: Session) -> References:
    """The tables of the installation, or the packaged ones where there is none."""
    from jdgate.refdata import FOLDER, References

    try:
        return References(session.home().var / FOLDER)
    except UsageError:
        if session.config_file is not None:
            raise
        return References()


@click.group("refdata", cls=Group)
@common
def refdata() -> None:
    pass


@refdata.command("list")
@on_day
@common
@pass_session
def list_(session: Session, on: str | None) -> None:
    from jdgate.refdata import packaged

    day = day_of(on, "--on") or today()
    tables = tables_here(session)
    rows = []
    for name in TABLE_NAMES:
        applied = {version.number for version in tables.in_force(name, day)}
        rows += [
            {
                **version.as_document(),
                "title": session.say(f"refdata.table.{name}"),
                "source": version.source or packaged.source(name, session.lang),
                "in_force": version.number in applied,
            }
            for version in tables.versions(name)
        ]
    session.answer(rows, lambda reply: lines.versions(reply, session.lang, session.width))


@refdata.command("show")
@click.argument("table", type=click.Choice(TABLE_NAMES), metavar="TABLE")
@click.argument("query", required=False, metavar="[QUERY]")
@on_day
@common
@pass_session
def show(session: Session, table: str, query: str | None, on: str | None) -> None:
    tables, given = tables_here(session), day_of(on, "--on")
    day = given or today()
    wanted = (query or "").strip()
    found: Any
    if table == "precursors":
        found = _precursors(tables, wanted, given, day)
    elif table == "divisions":
        found = _divisions(tables, wanted, given)
    elif table == "working-days":
        found = _working_days(tables, wanted, day)
    else:
        found = _grounds(tables, wanted, day)
    if not found:
        raise Refused("refdata.not_found", table=session.say(f"refdata.table.{table}"))
    session.answer(found, lambda reply: lines.SHOW[table](reply, session.lang, session.width))


@refdata.command("import")
@click.argument("table", type=click.Choice(TABLE_NAMES), metavar="TABLE")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@option("--source", required=True, metavar="TEXT", help="cli.option.refdata_source")
@option("--from", "since", required=True, metavar="DATE", help="cli.option.refdata_from")
@common
@pass_session
def import_(session: Session, table: str, file: Path, source: str, since: str) -> int | None:
    from jdgate.clock import machine_time
    from jdgate.refdata import FOLDER, ImportRefused, References

    first = day_of(since, "--from")
    assert first is not None
    if not source.strip():
        raise UsageError("refdata.source_needed")
    tables = References(session.home().var / FOLDER)
    try:
        imported = tables.add(
            cast("TableName", table), file, source=source, since=first, now=machine_time()
        )
    except ImportRefused as refused:
        told = lines.faults(refused.found.faults, session.lang)
        if not session.as_json:
            session.tell(lines.fault_lines(told, session.lang, session.width))
            raise
        error = {"code": refused.code, "params": refused.params, "text": refused.text(session.lang)}
        session.emit({"error": error, "rows": told})
        return FAILED
    answer = {
        **imported.version.as_document(),
        "title": session.say(f"refdata.table.{table}"),
        "warnings": lines.faults(imported.warnings, session.lang),
    }
    session.answer(answer, lambda reply: lines.imported(reply, session.lang, session.width))
    return None


def _precursors(
    tables: References, wanted: str, given: date | None, day: date
) -> list[dict[str, Any]]:
    """With a query all periods of what it finds (on the day given, if one is)."""
    catalogue = tables.precursors
    if not wanted:
        items = catalogue.listed_on(day)
    else:
        items = catalogue.find(wanted) or [
            item
            for item in catalogue.items
            if any(wanted.casefold() in name.casefold()
                   for name in (item.id, item.name, item.en, *item.aliases))
        ]  # fmt: skip
        if given is not None:  # what was not listed then is told, not left out
            current = [item for item in items if item.status(given) != "no"]
            items = current or items[-1:]
    return [
        {
            "id": item.id,
            "category": item.category,
            "name": item.name,
            "en": item.en,
            "aliases": list(item.aliases),
            "cas": [{"number": cas.number, "what": cas.what} for cas in item.cas],
            "pharmaceutical": item.pharmaceutical,
            "salts": item.salts,
            "listed": str(item.since),
            "listed_earliest": item.since.earliest and item.since.earliest.isoformat(),
            "listed_latest": item.since.latest.isoformat(),
            "until": item.until and item.until.isoformat(),
            "status": item.status(day),
            "tags": {
                "name": item.name_tag,
                "category": item.category_tag,
                "cas": item.cas_tag,
                "listed": item.since.tag,
            },
            "source": item.source,
        }
        for item in items
    ]


def _divisions(tables: References, wanted: str, given: date | None) -> list[dict[str, Any]]:
    """A code (with the places directly below it), a part of a name, or the provinces."""
    from jdgate.core import regions

    places, day = tables.divisions, given or today()
    if wanted.isdigit():
        own = regions.prefix(wanted)
        below = {2: 4, 4: 6, 6: 9, 9: 12}.get(len(own))
        rows = [
            one
            for one in places
            if one.code == own or (len(one.code) == below and one.code.startswith(own))
        ]
    else:
        rows = [one for one in places if (wanted in one.name if wanted else len(one.code) == 2)]
    if given is not None or not wanted.isdigit():
        rows = [one for one in rows if one.holds(day)]
    told: list[dict[str, Any]] = [
        {
            "code": one.code.ljust(6 if len(one.code) <= 6 else 12, "0"),
            "name": one.name,
            "path": places.path(one.code, one.until or day),
            "parent": places.parent(one.code.ljust(6, "0"), one.until or day),
            "from": one.since and one.since.isoformat(),
            "until": one.until and one.until.isoformat(),
            "in_force": one.holds(day),
            "tag": one.tag,
            "warning": None,
        }
        for one in rows
    ]
    if wanted.isdigit() and (warning := places.warning(wanted, given)):
        unknown = dict.fromkeys(("name", "from", "until", "tag"))
        near = {"path": places.path(wanted, day), "parent": places.parent(wanted, day)}
        told.insert(0, {"code": wanted, **unknown, **near, "in_force": False, "warning": warning})
    return told


def _working_days(tables: References, wanted: str, day: date) -> dict[str, Any]:
    """`+N`/`-N`: the N-th working day from the day; a year: its exceptions; a day: that day."""
    days = tables.working_days
    if wanted[:1] in ("+", "-") and wanted[1:].isdigit():
        count = int(wanted)
        if abs(count) > MOST_DAYS:
            raise UsageError("refdata.bad_count", most=MOST_DAYS)
        due = days.add_working_days(day, count)
        return {
            "first": day.isoformat(),
            "count": count,
            "date": due.isoformat(),
            "published": days.is_published_between(day, due),
        }
    if len(wanted) == 4 and wanted.isdigit() and wanted > "0000":
        year = int(wanted)
        exceptions = [
            {"date": one.isoformat(), "working": days.is_working(one)}
            for one in lines.days_of(year)
            if days.is_working(one) != (one.weekday() < 5)
        ]
        return {"year": year, "published": year in days.years, "exceptions": exceptions}
    asked = day_of(wanted, "QUERY") if wanted else day
    assert asked is not None
    return {
        "date": asked.isoformat(),
        "working": days.is_working(asked),
        "published": days.is_published(asked),
    }


def _grounds(tables: References, wanted: str, day: date) -> list[dict[str, Any]]:
    return [
        {
            "code": one.code,
            "article": one.article,
            "law": one.law,
            "effect": one.effect,
            "zh": one.zh,
            "en": one.en,
            "deadline_days": one.deadline_days,
            "tag": one.tag,
            "from": one.since.latest.isoformat(),
            "until": one.until and one.until.isoformat(),
        }
        for one in tables.grounds.in_force(day)
        if any(wanted in text for text in (one.code, one.article, one.zh, one.en, one.law))
    ]
