"""A1 and A2: a referral nobody answered, and a consent that was withdrawn.

- A1: no answer within ten working days; the township office that referred is told.
- A2: after a withdrawal the department confirms within five working days that it has stopped
  (`withdrawn`). If it does not, or if it tells of going on after that day, it and the township
  office are told, urgently: nothing may be done without consent (个人信息保护法 15, 29).
- A referral and its answers belong together by the office that referred and its number. Nobody's
  name is kept here and none is in an alert: the number is enough.
- The day of a referral is the day on which it first came in, for the record has none.

    rule = ReferralRule(Settings(answer_workdays=10, stop_workdays=5), working_days)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import WorkingDays, add_days, at_local, day_of
from jdgate.core.effects import Standing
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .settings import Settings

REFERRAL = "aid.referral.v1"
CHILD = "aid.child.referral.v1"
RESULT = "aid.result.v1"
WITHDRAWAL = "aid.withdrawal.v1"
STOPPED = "withdrawn"
ROLES = {
    "subsistence": "CIV",
    "relief": "CIV",
    "child": "CIV",
    "job": "HRS",
    "training": "HRS",
    "housing": "HOU",
}
"""What is asked for → the department that can help, as the sheets route it."""
FIRST = "2000-01-01"
FORGET = "forget"


class Referral(Struct, frozen=True, array_like=True, gc=False):
    """One referral. `office` and `ref` name it; `came`: the day it first came in, `role` and
    `region`: the desk it went to; `withdrawn`: the first day of a withdrawal; `answered`,
    `stopped` and `active`: the latest day of any answer, of one that it was stopped, and of one
    that it goes on; `desk`: the newest day of an answer with who gave it."""

    office: str = ""
    ref: str = ""
    came: str = ""
    role: str = ""
    region: str = ""
    withdrawn: str = ""
    answered: str = ""
    stopped: str = ""
    active: str = ""
    desk: tuple[str, str] = ("", "")


class ReferralRule:
    """A1 and A2, per referral."""

    name = "aid.referral"
    version = 1
    types = frozenset({REFERRAL, CHILD, RESULT, WITHDRAWAL})
    state = Referral
    explains: ClassVar[Mapping[str, str]] = {"A1": "aid.rule_answer", "A2": "aid.rule_withdrawal"}

    def __init__(self, settings: Settings | None = None, days: WorkingDays | None = None) -> None:
        self._settings = settings or Settings()
        self._days = days or WorkingDays()

    def key(self, fact: Fact) -> str | None:
        """The office that referred, and its number."""
        office = fact.data["to"] if fact.type == RESULT else fact.source
        return f"{office}/{fact.data['ref']}"

    def step(self, state: Referral, fact: Fact, now: datetime) -> tuple[Referral, Sequence[Effect]]:
        """Merge a referral, an answer or a withdrawal."""
        new = _merged(state, fact, now)
        if new == state:
            return state, ()
        before, after = self.standing(state), self.standing(new)
        stays = {one.name for one in after if isinstance(one, Expect)}
        over = [one.name for one in before if isinstance(one, Expect) and one.name not in stays]
        ended = [Settle(one.cause) for name in over for one in self._late(state, name)]
        return new, [*ended, *changes(before, after)]

    def due(self, state: Referral, name: str, now: datetime) -> tuple[Referral, Sequence[Effect]]:
        """A day has passed: tell, or forget."""
        standing = self.standing(state)
        if name not in {one.name for one in standing if isinstance(one, Expect)}:
            return state, ()
        if name.startswith(FORGET):
            return Referral(), changes(standing, [])
        return state, self._late(state, name)

    def standing(self, state: Referral) -> list[Standing]:
        """What a state calls for: answers that are due, and what goes on without consent."""
        found: list[Standing] = []
        if not state.withdrawn and state.came and not state.answered:
            last = self._working(state.came, self._settings.answer_workdays)
            name = _name("answer", state, state.came)
            found.append(Expect(name, _passed(last), awaits=RESULT, of=state.role))
        elif state.withdrawn and state.active > max(state.withdrawn, state.stopped):
            found += _alerts(state, "A2", "goes_on", state.active, withdrawn=state.withdrawn)
        elif state.withdrawn and (not state.stopped or state.active > state.stopped):
            last = self._working(state.withdrawn, self._settings.stop_workdays)
            found.append(Expect(_name("stop", state, state.withdrawn), _passed(last)))
        newest = max(state.came, state.withdrawn, state.answered)
        if newest:
            forgotten = add_days(newest, self._settings.keep_days)
            found.append(Expect(f"{FORGET}:{newest}", _passed(forgotten)))
        return found

    def _late(self, state: Referral, name: str) -> list[Alert]:
        if name.startswith("answer:"):
            last = self._working(state.came, self._settings.answer_workdays)
            return [_tell(state, f"{name}:com", "A1", "unanswered", state.office, due_on=last)]
        if name.startswith("stop:"):
            last = self._working(state.withdrawn, self._settings.stop_workdays)
            return _alerts(state, "A2", "not_stopped", state.withdrawn, due_on=last)
        return []

    def _working(self, day: str, count: int) -> str:
        return self._days.add_working_days(date.fromisoformat(day), count).isoformat()


def _merged(old: Referral, fact: Fact, now: datetime) -> Referral:
    data, today = fact.data, day_of(now)
    if fact.type in (REFERRAL, CHILD):
        role = ROLES["child" if fact.type == CHILD else data["need_type"]]
        return replace(
            old,
            office=fact.source,
            ref=data["ref"],
            came=min(old.came or today, today),
            role=max(old.role, role),
            region=max(old.region, fact.region or ""),
        )
    day = data["date"]
    if not FIRST <= day <= add_days(today, 1):
        return old
    if fact.type == WITHDRAWAL:
        return replace(
            old,
            office=fact.source,
            ref=data["ref"],
            role=max(old.role, ROLES[data["need_type"]]),
            region=max(old.region, fact.region or ""),
            withdrawn=min(old.withdrawn or day, day),
        )
    stopped = data["status"] == STOPPED
    # that something was declined, or merely came in, is no going on
    goes_on = data["status"] in ("in_progress", "granted")
    return replace(
        old,
        office=data["to"],
        ref=data["ref"],
        answered=max(old.answered, day),
        stopped=max(old.stopped, day) if stopped else old.stopped,
        active=max(old.active, day) if goes_on else old.active,
        desk=max(old.desk, (day, fact.source)),
    )


def _passed(day: str) -> datetime:
    return at_local(add_days(day, 1), time(0, 0))


def _name(what: str, state: Referral, day: str) -> str:
    digest = hashlib.sha256(f"{state.office}|{state.ref}".encode()).hexdigest()[:20]
    return f"{what}:{digest}:{day}"


def _alerts(state: Referral, rule_id: str, code: str, day: str, **params: str) -> list[Alert]:
    """To the department and to the office that referred."""
    desk: str | Role | None = state.desk[1] or None
    if desk is None and state.role:
        desk = Role(state.role, state.region or None)
    cause = _name("stop" if code == "not_stopped" else "on", state, day)
    desks = [("dep", desk), ("com", state.office)]
    return [
        _tell(state, f"{cause}:{which}", rule_id, code, to, urgent=True, **params)
        for which, to in desks
        if to
    ]


def _tell(
    state: Referral,
    cause: str,
    rule_id: str,
    code: str,
    to: str | Role,
    *,
    urgent: bool = False,
    **params: str,
) -> Alert:
    return Alert(
        cause=cause,
        rule_id=rule_id,
        type="sys.alert.v1",
        to=to,
        data={"cause_ref": cause},
        title_code=f"aid.{code}",
        params={"ref": state.ref, **params},
        urgent=urgent,
    )
