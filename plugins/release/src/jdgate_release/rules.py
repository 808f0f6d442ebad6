"""C8: a release is near, its notice is late or unanswered, its papers are not where they belong.

- Three days before (seven working days in Shanghai; a setting for each place) the police and
  whoever receives the person are told: the township office where a measure follows, else the
  police station.
- A notice that came later than that: the police and the treatment centre are told.
- 24 hours after the notice came in and nobody has acknowledged notice or person: call. Urgent.
- Papers: not handed over in time (where the county set a time); handed over and for 24 hours not
  acknowledged; acknowledged, but not all of them.

Everything follows from the days in the messages and from when they first came in, so order and
repetition make no difference. Nothing is done by time but to tell people, and to forget.

    rule = ReleaseRule(References().working_days, Settings())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import ClassVar, NamedTuple

from jdgate.core.calendar import WorkingDays, add_days, at_local, days_between
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .releases import ALERT, ALL, Release, merged
from .settings import Settings

FORGET = "forget"


class Wait(NamedTuple):
    """What is told when a time comes. `until`: not any more once that moment has passed."""

    expect: Expect
    alerts: tuple[Alert, ...] = ()
    until: datetime | None = None


class Call(NamedTuple):
    """What a state asks for."""

    stands: tuple[Alert, ...] = ()
    waits: tuple[Wait, ...] = ()

    def standing(self) -> list[Standing]:
        return [*self.stands, *(wait.expect for wait in self.waits)]

    def later(self) -> set[str]:
        """The causes of alerts that a time brings."""
        return {alert.cause for wait in self.waits for alert in wait.alerts}


class ReleaseRule:
    """Releases, per person."""

    name = "release.handover"
    version = 1
    types = ALL
    state = Release
    explains: ClassVar = {"C8": "release.rule_release"}
    outcomes: ClassVar = {
        "C8": {
            "arranged": "release.outcome_arranged",
            "received": "release.outcome_received",
            "postponed": "release.outcome_postponed",
        }
    }

    def __init__(self, days: WorkingDays, settings: Settings | None = None) -> None:
        self._days, self._settings = days, settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The person's pseudonym."""
        return None if fact.subject is None else fact.subject.hex()

    def step(self, state: Release, fact: Fact, now: datetime) -> tuple[Release, Sequence[Effect]]:
        """Merge one fact; say what now stands that did not, and the reverse."""
        new = merged(state, fact, now)
        if new == state:
            return state, ()
        before, after = self.call(state), self.call(new)
        gone: list[Effect] = [Settle(cause) for cause in sorted(before.later() - after.later())]
        return new, [*gone, *changes(before.standing(), after.standing())]

    def due(self, state: Release, name: str, now: datetime) -> tuple[Release, Sequence[Effect]]:
        """A time has come: tell, or forget the release."""
        call = self.call(state)
        for wait in call.waits:
            if wait.expect.name != name or wait.expect.due > now:
                continue
            if name == FORGET:
                causes = {*call.later(), *(alert.cause for alert in call.stands)}
                return Release(), [Settle(cause) for cause in sorted(causes)]
            over = wait.until is not None and now >= wait.until
            return state, () if over else wait.alerts
        return state, ()

    def call(self, state: Release) -> Call:
        """What this state asks for."""
        if not state.who:
            return Call()
        forget = Wait(Expect(FORGET, _passed(state.last_day(), self._settings.keep_days)))
        if not state.notice.release_on:
            return Call((), (forget,))
        stands = [*self._late(state), *self._missing(state)]
        waits = [*self._coming(state), *self._papers(state), forget]
        return Call(tuple(stands), tuple(waits))

    def _late(self, state: Release) -> Iterator[Alert]:
        """The first notice of this day of release came after the day it was due."""
        notice, came = state.notice, state.came.get(state.notice.release_on)
        due_on = self._notice_due(state)
        if came is None or came <= due_on:
            return
        days = max(0, days_between(came, notice.release_on))
        for to in (Role("POL", notice.town), notice.source):
            yield _alert(state, to, "notice_late", due_on=due_on, days=days)

    def _coming(self, state: Release) -> Iterator[Wait]:
        notice = state.notice
        desks = (Role("POL", notice.town), Role(notice.receiver, notice.town))
        if not state.has("person"):
            near = at_local(self._notice_due(state), time(0, 0))
            told = tuple(_alert(state, to, "near") for to in desks)
            yield Wait(Expect("near", near), told, until=_passed(notice.release_on))
        if not state.has("notice", "person"):
            hours = self._settings.ack_hours
            told = tuple(_alert(state, to, "call", urgent=True, hours=hours) for to in desks)
            yield Wait(Expect("ack", _moment(notice.told, hours)), told)

    def _papers(self, state: Release) -> Iterator[Wait]:
        """Papers not handed over, or handed over and not acknowledged."""
        notice, papers = state.notice, state.papers()
        if notice.measure == "none":
            return
        if papers:
            day, last = papers[-1]
            if state.papers_received_on() < day:
                hours = self._settings.ack_hours
                told = tuple(
                    _alert(state, to, "papers_unanswered", day, hours=hours)
                    for to in (Role("COM", last.town), last.source)
                )
                yield Wait(Expect("papers_ack", _moment(last.told, hours)), told)
        elif (within := self._settings.papers_within()) is not None:
            due_on = within.after(notice.release_on, self._days)
            told = tuple(
                _alert(state, to, "papers_overdue", due_on=due_on)
                for to in (Role("POL", notice.town), notice.source)
            )
            yield Wait(Expect("papers", _passed(due_on)), told)

    def _missing(self, state: Release) -> Iterator[Alert]:
        """Papers that were said to be handed over and are not among those acknowledged."""
        papers = state.papers()
        if not papers or state.papers_received_on() < papers[-1][0]:
            return
        if missing := state.missing():
            last = papers[-1][1]
            for to in (Role("COM", last.town), last.source):
                yield _alert(state, to, "papers_missing", "+".join(missing), count=len(missing))

    def _notice_due(self, state: Release) -> str:
        notice = state.notice
        return self._settings.notice_at(notice.town).before(notice.release_on, self._days)


def _alert(
    state: Release,
    to: str | Role,
    code: str,
    which: str = "",
    *,
    due_on: str | None = None,
    urgent: bool = False,
    **params: str | int,
) -> Alert:
    notice = state.notice
    due = {} if due_on is None else {"due_on": due_on}
    desk = to.role if isinstance(to, Role) else to
    return Alert(
        cause=f"{code}:{state.who}:{notice.release_on}:{which}:{desk}",
        rule_id="C8",
        type=ALERT,
        to=to,
        data={
            "name": notice.name,
            "id_type": notice.id_type,
            "id_no": notice.id_no,
            "release_on": notice.release_on,
            **due,
        },
        title_code=f"release.{code}",
        params={"release_on": notice.release_on, **due, **params},
        urgent=urgent,
    )


def _passed(day: str, days: int = 0) -> datetime:
    """The moment when `day` and the `days` whole days after it have passed."""
    return at_local(add_days(day, days + 1), time(0, 0))


def _moment(told: str, hours: int) -> datetime:
    return datetime.fromisoformat(told) + timedelta(hours=hours)
