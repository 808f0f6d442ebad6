"""How the answers of `jdgate refdata` look on a terminal. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jdgate.cli.show import pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.files import RowFault

SHOWN = 50
"""Rows shown on a terminal at most, where there may be thousands."""
DIGEST = 16
"""Characters of a digest shown in a table; `--json` has all 64."""


def _titles(lang: Lang, *names: str) -> list[str]:
    return [say(f"refdata.title.{name}", lang) for name in names]


def _tag(tag: str, lang: Lang) -> str:
    return say(f"catalogue.tag.{tag}", lang)


def days_of(year: int) -> list[date]:
    """All days of a year."""
    first = date(year, 1, 1)
    return [first + timedelta(n) for n in range((date(year, 12, 31) - first).days + 1)]


def versions(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """A line for each version of each table."""
    shown = ("table", "number", "in_force", "from", "rows", "digest", "label", "tag", "source")
    cells = [
        [
            f"{one['title']} ({one['table']})",
            one["number"],
            say("cli.yes" if one["in_force"] else "cli.no", lang),
            one["from"] or "—",
            one["rows"],
            one["digest"][:DIGEST],
            one["label"],
            _tag(one["tag"], lang),
            one["source"],
        ]
        for one in rows
    ]
    return table(_titles(lang, *shown), cells, width)


def precursors(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """A line for each item."""
    shown = ("id", "category", "name", "listed", "until", "status", "tag", "cas")
    cells = [
        [
            one["id"],
            one["category"],
            (one["name"] if lang == "zh" else one["en"] or one["name"])
            + ("*" if one["pharmaceutical"] else ""),
            one["listed"],
            one["until"] or "—",
            say(f"refdata.certainty.{one['status']}", lang),
            _tag(one["tags"]["listed"], lang),
            "; ".join(f"{cas['number']} {cas['what']}".strip() for cas in one["cas"]),
        ]
        for one in rows
    ]
    return [*table(_titles(lang, *shown), cells, width), "", say("refdata.salts", lang)]


def divisions(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """A line for each place and period."""
    shown = ("code", "name", "from", "until", "tag", "path")
    cells = [
        [
            one["code"],
            one["name"] or "?",
            one["from"] or "—",
            one["until"] or "—",
            _tag(one["tag"], lang) if one["tag"] else "—",
            one["path"],
        ]
        for one in rows[:SHOWN]
    ]
    warnings = [say(one["warning"], lang) for one in rows if one["warning"]]
    return [*table(_titles(lang, *shown), cells, width), *_more(len(rows), lang), *warnings]


def working_days(told: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """One day, one count, or the exceptions of one year."""
    shown: list[str]
    if "exceptions" in told:
        cells = [
            [one["date"], say("cli.yes" if one["working"] else "cli.no", lang)]
            for one in told["exceptions"]
        ]
        shown = table(_titles(lang, "date", "working"), cells, width)
        year = told["year"]
    elif "count" in told:
        first, count, day = told["first"], told["count"], told["date"]
        shown = [say("refdata.due", lang, first=first, count=count, day=day)]
        year = max(first, day)[:4]
    else:
        code = "refdata.day_working" if told["working"] else "refdata.day_off"
        shown = [say(code, lang, day=told["date"])]
        year = told["date"][:4]
    return shown if told["published"] else [*shown, say("refdata.provisional", lang, year=year)]


def grounds(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """A line for each ground."""
    shown = ("code", "article", "effect", "from", "until", "tag", "text")
    cells = [
        [
            one["code"],
            one["article"],
            say(f"refdata.effect.{one['effect']}", lang),
            one["from"],
            one["until"] or "—",
            _tag(one["tag"], lang),
            one[lang],
        ]
        for one in rows
    ]
    laws = dict.fromkeys(one["law"] for one in rows)
    return [*table(_titles(lang, *shown), cells, width), "", *laws]


SHOW: Mapping[str, Callable[[Any, Lang, int | None], list[str]]] = {
    "precursors": precursors,
    "divisions": divisions,
    "working-days": working_days,
    "grounds": grounds,
}


def faults(found: Iterable[RowFault], lang: Lang) -> list[dict[str, Any]]:
    """Faults as documents: {row, code, params, text}."""
    return [
        {
            "row": fault.params["row"],
            "code": fault.code,
            "params": fault.params,
            "text": fault.text(lang),
        }
        for fault in found
    ]


def fault_lines(told: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The rows that are wrong, with the reasons."""
    cells = [[one["row"], one["text"]] for one in told[:SHOWN]]
    return [*table(_titles(lang, "row", "reason"), cells, width), *_more(len(told), lang)]


def imported(told: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """What was imported, and what to look at."""
    shown = [
        say(
            "refdata.imported",
            lang,
            table=told["title"],
            number=told["number"],
            rows=told["rows"],
            day=told["from"],
            digest=told["digest"][:DIGEST],
        ),
        *pairs([(say("refdata.title.source", lang), told["source"])], width),
        say("refdata.restart", lang),
    ]
    if warnings := told["warnings"]:
        shown += ["", say("refdata.warned", lang, count=len(warnings))]
        shown += fault_lines(warnings, lang, width)
    return shown


def _more(count: int, lang: Lang) -> list[str]:
    return [say("refdata.more_rows", lang, count=count - SHOWN)] if count > SHOWN else []
