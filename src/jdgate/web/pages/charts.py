"""Charts: the three rates of outlets over time, inspections by township, how soon alerts were dealt
with. Nothing here is about a person, or scores one.

What is too small to be told by digests is not told here either, and says so.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from jdgate.core.months import Month
from jdgate.errors import Refused
from jdgate.texts import Lang
from jdgate.web.shaping.lines import SPAN, TICKS, along, floor_of, lines, whisker
from jdgate.web.site import Asked, Site

KINDS = ("realname", "inspect", "xray")
MOST_OUTLETS = 60
MOST_PERIODS = 12
FULL = 100.0


def pages(site: Site) -> list[HTTPRouteHandler]:
    """One page."""

    @get("/charts")
    async def charts(request: Asked) -> Response[Any]:
        visit = request.state.visit
        unit = request.query_params.get("unit", "")
        if unit and unit not in site.running.trust.members:
            raise Refused("web.not_found")
        if site.running.gateway is None:
            return site.page(request, "charts.html", data=None)
        whole = site.oversees(visit.who)
        data = await site.call("charts.show", member=None if whole else visit.who.member)
        units = {row["unit"] for row in data["inspection"]["rows"]}
        return site.page(
            request, "charts.html", data=data, unit=unit, rates=rates(data["rates"], unit),
            inspection=inspection(data["inspection"]), lists=whole or units == {visit.who.member},
            answered=_answered(site, data["answered"]["by"], visit.lang), kinds=KINDS, span=SPAN,
            ticks=[(along(minutes), text) for minutes, text in TICKS],
        )  # fmt: skip

    return [charts]


def rates(outlets: list[dict[str, Any]], unit: str) -> dict[str, Any]:
    """Outlets as small charts with one scale, those with the lowest latest rate first; of one
    company, or of all. Rates in percent."""
    units = sorted({one["unit"] for one in outlets})
    shown = []
    for one in outlets:
        if unit and one["unit"] != unit:
            continue
        periods = [
            {"first": period["first"], "last": period["last"]}
            | {kind: period[kind] / FULL for kind in KINDS if period.get(kind) is not None}
            for period in one["periods"][-MOST_PERIODS:]
        ]
        latest = periods[-1]
        lowest = min((latest[kind] for kind in KINDS if kind in latest), default=FULL)
        shown.append(
            {"unit": one["unit"], "item": one["item"], "periods": periods, "latest": latest,
             "lowest": lowest,
             "worst": min(one[kind] for one in periods for kind in KINDS if kind in one)}
        )  # fmt: skip
    shown.sort(key=lambda one: (one["lowest"], one["worst"], one["unit"], one["item"]))
    kept = shown[:MOST_OUTLETS]
    low = floor_of([
        period[kind] for one in kept for period in one["periods"] for kind in KINDS
        if kind in period
    ])  # fmt: skip
    for one in kept:
        one["chart"] = lines(
            {
                kind: [
                    (period["last"], period[kind]) for period in one["periods"] if kind in period
                ]
                for kind in KINDS
            },
            low,
        )
    return {
        "outlets": kept,
        "left": len(shown) - len(kept),
        "units": units,
        "low": low,
        "short": sum(one["lowest"] < FULL for one in shown),
        "all": len(shown),
    }


def inspection(data: dict[str, Any]) -> dict[str, Any]:
    """Months by units, the newest first: percent, "few" where it may not be told, None where
    nothing was due. Apart: the county's own row, and units of which nothing is told (`few`)."""
    months = data["months"][::-1]
    rows = []
    for row in data["rows"]:
        cells = [_cell(row["cells"].get(month)) for month in months]
        rows.append({"unit": row["unit"], "cells": cells})
    county = next((row for row in rows if row["unit"] == data["county"]), None)
    units = [row for row in rows if row is not county]
    return {
        "months": [(month, Month(*map(int, month.split("-"))).month) for month in months],
        "so_far": data["so_far"],
        "county": county,
        "rows": [row for row in units if _told(row)],
        "few": [row["unit"] for row in units if any(row["cells"]) and not _told(row)],
    }


def _told(row: dict[str, Any]) -> bool:
    """Whether there is a number in a row."""
    return any(cell is not None and not cell["few"] for cell in row["cells"])


def _cell(counted: list[int | None] | None) -> dict[str, Any] | None:
    if counted is None:
        return None
    n, of = counted
    if n is None or not of:
        return {"few": True, "percent": None, "n": None, "of": None, "tone": "few"}
    percent = 100 * n // of  # rounded down: 100 means all
    tone = next(name for least, name in _TONES if percent >= least)
    return {"few": False, "percent": percent, "n": n, "of": of, "tone": tone}


_TONES = ((100, "all"), (80, "most"), (50, "half"), (0, "low"))


def _answered(
    site: Site, by: dict[str, list[dict[str, Any]]], lang: Lang
) -> dict[str, list[dict[str, Any]]]:
    """Groups with their names and bars; those of which nothing may be told are named too."""

    def name(group: str, key: str) -> str:
        if group == "type":
            return site.renderer.type_name(key, lang)
        return site.renderer.role_name(key, lang) if group == "desk" else key

    found: dict[str, list[dict[str, Any]]] = {}
    for group, rows in by.items():
        found[group] = []
        for row in rows:
            bars = {
                step: whisker(row[step]["median"], row[step]["p90"])
                if row[step]["count"] is not None
                else None
                for step in ("acknowledged", "resolved")
            }
            told = any(bars.values())
            found[group].append(
                {**row, "name": name(group, row["key"]), "bars": bars, "told": told}
            )
    return found
