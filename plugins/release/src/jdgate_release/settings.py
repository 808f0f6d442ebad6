"""The county's settings for releases: the table `[rules.release]` of the config.

    [rules.release]
    notice = "3d"          # C8, how long before a release the notice is due: days or working days
    ack_hours = 24         # C8, until somebody has acknowledged
    papers = ""            # how long after a release the papers are due; "": never asked for
    keep_days = 90         # how long after a release it is remembered

    [rules.release.places] # other times for places, by the place of return; the longest code wins
    "31" = "7wd"

Three days are the law's (戒毒条例34). Seven working days before, and three working days for the
papers, are Shanghai's (上海市禁毒条例36) [local]. 24 hours and 90 days are this project's choice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from jdgate.core.calendar import WorkingDays, add_days
from jdgate.plugins import Refused

PLUGIN = "release"
_KNOWN = ("notice", "ack_hours", "papers", "keep_days", "places")
_SPAN = re.compile(r"([0-9]{1,3})(d|wd)", re.ASCII)
_PLACE = re.compile(r"[1-9][0-9]{1,11}", re.ASCII)


class Span(Struct, frozen=True):
    """So many days, or so many working days."""

    days: int
    working: bool = False

    def after(self, day: str, calendar: WorkingDays) -> str:
        """The day so long after `day`."""
        return self._from(day, self.days, calendar)

    def before(self, day: str, calendar: WorkingDays) -> str:
        """The day so long before `day`."""
        return self._from(day, -self.days, calendar)

    def _from(self, day: str, count: int, calendar: WorkingDays) -> str:
        if not self.working:
            return add_days(day, count)
        return calendar.add_working_days(date.fromisoformat(day), count).isoformat()


class Settings(Struct, frozen=True):
    """`places`: beginnings of division codes and what holds there."""

    notice: Span = Span(3)
    ack_hours: int = 24
    papers: Span | None = None
    keep_days: int = 90
    places: Mapping[str, Span] = {}

    def notice_at(self, town: str) -> Span:
        """How long before a release to `town` the notice is due."""
        found = max((one for one in self.places if town.startswith(one)), default="")
        return self.places.get(found, self.notice)  # of beginnings of one code, the longest


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `release.setting_span`, `release.setting_number`,
            `release.setting_place`.
    """
    for name in table:
        if name not in _KNOWN:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_KNOWN)
            )
    usual = Settings()
    papers = table.get("papers", "")
    return Settings(
        notice=_span("notice", table["notice"]) if "notice" in table else usual.notice,
        ack_hours=_number(table, "ack_hours", usual.ack_hours, 720),
        papers=None if papers == "" else _span("papers", papers),
        keep_days=_number(table, "keep_days", usual.keep_days, 3660),
        places=_places(table.get("places", {})),
    )


def _places(given: object) -> dict[str, Span]:
    if not isinstance(given, Mapping) or not all(
        isinstance(code, str) and _PLACE.fullmatch(code) for code in given
    ):
        raise Refused("release.setting_place")
    return {code: _span(f"places.{code}", told) for code, told in given.items()}


def _span(name: str, got: object) -> Span:
    match = _SPAN.fullmatch(got) if isinstance(got, str) else None
    if match is None:
        raise Refused("release.setting_span", setting=name, got=got)
    return Span(int(match[1]), match[2] == "wd")


def _number(table: Mapping[str, Any], name: str, usual: int, most: int) -> int:
    got = table.get(name, usual)
    if isinstance(got, bool) or not isinstance(got, int) or not 1 <= got <= most:
        raise Refused("release.setting_number", setting=name, got=got, most=most)
    return got
