"""A month as a calendar shows it: weeks of seven days from Monday. Pure.

month = Month.read("2026-11") or Month.of(today)
month.weeks()          # [[None, …, date(2026, 11, 1)], …]
month.before, month.after
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from jdgate.core.calendar import at_local

_TEXT = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


class Month(NamedTuple):
    """A month of a year."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> Month:
        """The month a day is in."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month | None:
        """What "2026-11" stands for; None when it stands for no month of this century."""
        found = _TEXT.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        return self.after.first - timedelta(1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month.of(self.first - timedelta(1))

    @property
    def after(self) -> Month:
        """The month after."""
        return Month.of(self.first + timedelta(31))

    def weeks(self) -> list[list[date | None]]:
        """Its days, by weeks from Monday; None where a day is of another month."""
        empty: list[date | None] = [None] * self.first.weekday()
        count = (self.last - self.first).days + 1
        days: list[date | None] = [self.first + timedelta(each) for each in range(count)]
        places = empty + days
        places += [None] * (-len(places) % 7)
        return [places[at : at + 7] for at in range(0, len(places), 7)]


def bounds(first: date, last: date) -> tuple[datetime, datetime]:
    """From the beginning of a day to the end of another, in UTC; the end is not included."""
    begin = at_local(first.isoformat(), time(0))
    return begin, at_local((last + timedelta(1)).isoformat(), time(0))


def day_of_text(text: str) -> date | None:
    """The day of this century that "2026-11-22" stands for; None when it stands for none."""
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
    return day if day is not None and 2000 <= day.year < 2100 else None
