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

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.core.calendar import WorkingDays, add_days
from jdgate.plugins import read_settings

_SPAN = {"refused": "release.setting_span"}
Length = Annotated[str, Meta(pattern=r"^[0-9]{1,3}(d|wd)\Z", extra=_SPAN)]
LengthOrNone = Annotated[str, Meta(pattern=r"^([0-9]{1,3}(d|wd))?\Z", extra=_SPAN)]
_PLACE = {"refused": "release.setting_place"}
Place = Annotated[str, Meta(pattern=r"^[1-9][0-9]{1,11}\Z", extra=_PLACE)]


class Span(Struct, frozen=True):
    """So many days, or so many working days."""

    days: int
    working: bool = False

    @classmethod
    def of(cls, text: str) -> Span:
        """What "3d" or "7wd" says."""
        return cls(int(text.rstrip("wd")), text.endswith("wd"))

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

    notice: Length = "3d"
    ack_hours: Annotated[int, Meta(ge=1, le=720)] = 24
    papers: LengthOrNone = ""
    keep_days: Annotated[int, Meta(ge=1, le=3660)] = 90
    places: Annotated[Mapping[Place, Length], Meta(extra=_PLACE)] = {}

    def notice_at(self, town: str) -> Span:
        """How long before a release to `town` the notice is due."""
        found = max((one for one in self.places if town.startswith(one)), default="")
        # of beginnings of one code, the longest
        return Span.of(self.places.get(found, self.notice))

    def papers_within(self) -> Span | None:
        """How long after a release the papers are due; None: they are never asked for."""
        return Span.of(self.papers) if self.papers else None


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`, `release.setting_span`,
            `release.setting_place`.
    """
    return read_settings("release", table, Settings)
