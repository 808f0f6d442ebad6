"""E1, E2: class hours of each grade in a school year, and visits to the education base.

- A school year is called by the year it begins in; reports count from its beginning, so of
  several about one grade the highest numbers hold.
- Some days before the end of the school year the education bureau is reminded of each school
  that has a grade below the aim; when the year has ended, it and the anti-drug office are told.
- A report that brings the last grade up settles all of it, also afterwards.

    rule = SchoolRule(Settings())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .days import begins, passed
from .registers import ALERT
from .settings import Settings

REPORT = "school.prevention.report.v1"
RULES = {"hours": "E1", "visits": "E2"}


class SchoolYear(Struct, frozen=True, array_like=True, gc=False):
    """One school in one year: grade → class hours and visits; `member` reports it."""

    school: str = ""
    year: int = 0
    member: str = ""
    region: str = ""
    grades: dict[int, tuple[float, int]] = {}


class SchoolRule:
    """Expects the aim to be reached by the end of the school year."""

    name = "county.school"
    version = 1
    types = frozenset({REPORT})
    state = SchoolYear
    explains: ClassVar = {"E1": "county.rule_school_hours", "E2": "county.rule_school_visits"}
    outcomes: ClassVar = {
        "E1": {"arranged": "county.outcome_arranged", "corrected": "county.outcome_corrected"},
        "E2": {"arranged": "county.outcome_arranged", "corrected": "county.outcome_corrected"},
    }

    def __init__(self, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self._least = {"hours": chosen.school_hours, "visits": chosen.school_visits}
        self._end, self._ahead = chosen.school_year_end, chosen.school_remind_days

    def key(self, fact: Fact) -> str | None:
        """The school and its year."""
        return f"{fact.data['school']}:{fact.data['year']}"

    def step(
        self, state: SchoolYear, fact: Fact, now: datetime
    ) -> tuple[SchoolYear, Sequence[Effect]]:
        """Take the higher numbers; what is reached settles what was told of it."""
        data, grade = fact.data, fact.data["grade"]
        hours, visits = state.grades.get(grade, (0.0, 0))
        told = (max(hours, float(data["hours"])), max(visits, data["base_visits"]))
        new = SchoolYear(
            data["school"],
            data["year"],
            max(state.member, fact.source),
            max(state.region, fact.region or ""),
            {**state.grades, grade: told},
        )
        if new == state:
            return state, ()
        reached = [what for what in self._short(state) if what not in self._short(new)]
        gone: list[Effect] = [Settle(one) for what in reached for one in _causes(new, what)]
        return new, [*gone, *changes(self._standing(state), self._standing(new))]

    def due(
        self, state: SchoolYear, name: str, now: datetime
    ) -> tuple[SchoolYear, Sequence[Effect]]:
        """The end is near, or past."""
        when, _, what = name.partition(":")
        if what not in self._short(state):
            return state, ()
        soon, to_bureau, to_office = _causes(state, what)
        if when == "remind":
            if now >= passed(self._last_day(state)):
                return state, ()
            return state, [self._alert(state, soon, what, state.member, "soon")]
        office = Role("NCO", state.region or None)
        return state, [
            self._alert(state, to_bureau, what, state.member, "short"),
            self._alert(state, to_office, what, office, "short"),
        ]

    def _short(self, state: SchoolYear) -> list[str]:
        """What some grade lacks."""
        return [
            what
            for at, (what, least) in enumerate(self._least.items())
            if any(told[at] < least for told in state.grades.values())
        ]

    def _standing(self, state: SchoolYear) -> list[Expect]:
        found = []
        for what in self._short(state):
            last = self._last_day(state)
            found.append(Expect(f"remind:{what}", begins(add_days(last, -self._ahead))))
            found.append(Expect(f"end:{what}", passed(last), awaits=REPORT, of=state.member))
        return found

    def _last_day(self, state: SchoolYear) -> str:
        return f"{state.year + 1}-{self._end}"

    def _alert(self, state: SchoolYear, cause: str, what: str, to: str | Role, code: str) -> Alert:
        return Alert(
            cause=cause,
            rule_id=RULES[what],
            type=ALERT,
            to=to,
            data={"ref": state.school, "due_on": self._last_day(state)},
            title_code=f"county.school_{what}_{code}",
            params={
                "school": state.school,
                "year": state.year,
                "least": self._least[what],
                "due_on": self._last_day(state),
            },
        )


def _causes(state: SchoolYear, what: str) -> tuple[str, str, str]:
    cause = f"{what}:{state.school}:{state.year}"
    return f"{cause}:soon", f"{cause}:bureau", f"{cause}:office"
