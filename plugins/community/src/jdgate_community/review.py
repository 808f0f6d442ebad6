"""C7: three years without relapse. The police review the exit from dynamic control.

- Counted from check-in, or from the latest confirmed positive test after it (戒毒条例 7). An order
  that was terminated or is suspended is not reviewed here; one that was completed is.
- On the day the police get an alert and a draft of `comm.control.exit`. A named officer decides.
- Ten working days later, if nothing came of it, they are told again, urgently, and the county's
  anti-drug office hears that a review is late, not of whom.
- `comm.control.exit` settles it, and every rule forgets the person.

    rule = ReviewRule(Settings(review_months=36, review_workdays=10), working_days)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar

from jdgate.core.calendar import WorkingDays
from jdgate.core.effects import Standing
from jdgate.plugins import Alert, Draft, Effect, Expect, Fact, Role

from .book import ABOUT_ORDERS, EXIT, TEST, Notice, arrivals_of, last_end, latest_notice
from .case import Case, Event, OrderRule, name_of, outcomes, tell
from .days import comes, months_after, passed
from .settings import Settings

CHECKS = ("community_no_relapse", "community_no_case")


class ReviewRule(OrderRule):
    """C7, per person. An event: the day of a confirmed positive test."""

    name = "community.review"
    types = ABOUT_ORDERS | {TEST}
    explains: ClassVar[Mapping[str, str]] = {"C7": "community.rule_review"}
    outcomes = outcomes("C7", "ended", "goes_on")

    def __init__(self, settings: Settings | None = None, days: WorkingDays | None = None) -> None:
        super().__init__(settings)
        self._days = days or WorkingDays()

    def event(self, fact: Fact, now: datetime) -> Event | None:
        """A relapse."""
        return (fact.data["date"],) if fact.data["state"] == "positive_confirmed" else None

    def needed(self, case: Case) -> bool:
        """Until the review an order is remembered, also a completed one."""
        return _reviewed(case) is not None

    def stands(self, case: Case) -> list[Standing]:
        """The day of the review, and the day when it is late."""
        found = _reviewed(case)
        if found is None:
            return []
        notice, due_on = found[0], self._due_on(found)
        parts = (notice.doc_no, notice.town, due_on)
        last = self._last_day(due_on)
        return [
            Expect(name_of("review", case.book, *parts), comes(due_on)),
            Expect(name_of("unreviewed", case.book, *parts), passed(last)),
        ]

    def late(self, case: Case, name: str) -> list[Effect]:
        """Ask for the review; or tell that it is late."""
        found = _reviewed(case)
        if found is None:
            return []
        notice, due_on = found[0], self._due_on(found)
        to, cause = Role("POL", notice.town), f"{name}:pol"
        if name.startswith("unreviewed:"):
            last = self._last_day(due_on)
            alert = tell(
                case.book, notice.doc_no, "C7", cause, "unreviewed", to, due_on=last, urgent=True
            )
            return [alert, _nameless(f"{name}:nco", last)]
        _, person, id_type, id_no = case.book.who
        draft = Draft(
            cause=f"{name}:draft",
            to=to,
            type=EXIT,
            prefill={"name": person, "id_type": id_type, "id_no": id_no},
            reason_code="community.exit_draft",
            params={"since": found[1]},
            checks=CHECKS,
        )
        alert = tell(
            case.book, notice.doc_no, "C7", cause, "review_due", to, due_on=self._last_day(due_on),
            params={"since": found[1]},
        )  # fmt: skip
        return [alert, draft]

    def _due_on(self, found: tuple[Notice, str]) -> str:
        return months_after(found[1], self._settings.review_months)

    def _last_day(self, due_on: str) -> str:
        """The last working day for the review."""
        count = self._settings.review_workdays
        return self._days.add_working_days(date.fromisoformat(due_on), count).isoformat()


def _reviewed(case: Case) -> tuple[Notice, str] | None:
    """The order to be reviewed, and the day since which there was no relapse."""
    notice = latest_notice(case.book)
    if notice is None:
        return None
    end, arrivals = last_end(case.book, notice.doc_no), arrivals_of(case.book, notice.doc_no)
    stopped = end is not None and end.date >= notice.served_on and end.status != "released"
    if stopped or not arrivals:
        return None
    return notice, max([arrivals[0], *(day for (day,) in case.events)])


def _nameless(cause: str, last: str) -> Alert:
    return Alert(
        cause=cause,
        rule_id="C7",
        type="sys.alert.v1",
        to=Role("NCO"),
        data={"cause_ref": cause},
        title_code="community.review_late",
        params={"due_on": last},
    )
