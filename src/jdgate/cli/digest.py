"""How a digest is shown: one line for each figure, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jdgate.cli.show import table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

DIGEST = "county.digest.v1"


def digest_lines(
    records: Sequence[Mapping[str, Any]],
    county: str,
    sheet: Sheet | None,
    lang: Lang,
    width: int | None = None,
) -> list[str]:
    """The records of one digest. The rows of the unit `county` are the whole county's."""
    if not records:
        return []
    first = records[0]
    period = say(
        f"cli.digest.{first['span']}", lang, first=first["period_from"], last=first["period_to"]
    )
    cells = []
    for record in records:
        measure = str(record["measure"])
        whole = record["unit"] == county
        cells.append(
            [
                sheet.value_title("measure", measure, lang) if sheet else measure,
                say("cli.digest.county", lang) if whole else record["unit"],
                figure(record, lang),
            ]
        )
    titles = [say(f"cli.title.{name}", lang) for name in ("what", "member", "figure")]
    return [period, "", *table(titles, cells, width)]


def figure(record: Mapping[str, Any], lang: Lang) -> str:
    """A count, a rate, or that it is too small to be told."""
    n, of = record.get("n"), record.get("of")
    if n is None:
        return say("cli.digest.few", lang)
    if of is None or record["measure"] == "alert_minutes":
        return str(n)
    percent = n * 100 // of if of else 0
    return say("cli.digest.rate", lang, n=n, of=of, percent=percent)
