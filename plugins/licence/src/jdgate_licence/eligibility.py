"""Questions about eligibility that wait for an answer: five days, then the police are reminded.

The police's registry answers by itself (plugin `police`), or a person does; either way it is yes
or no and a rule's code. The five days are those in which the traffic bureau itself has to review
a school bus driver (公安部令162 87–89).

    rule = EligibilityRule(Settings())
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import add_days, day_of
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .cases import ALERT
from .days import passed
from .settings import Settings

QUERY = "licence.eligibility.query.v1"
ANSWER = "licence.eligibility.answer.v1"
WAIT = "answer"


class Asked(Struct, frozen=True, array_like=True, gc=False):
    """One question: who asked, under which number, on which day it came in; whether it was
    answered. Of the person nothing is kept."""

    by: str = ""
    application_no: str = ""
    region: str = ""
    came: str = ""
    answered: bool = False


class EligibilityRule:
    """One answer per question."""

    name = "licence.eligibility"
    version = 1
    types = frozenset({QUERY, ANSWER})
    state = Asked
    explains: ClassVar = {"S1": "licence.rule_answer"}

    def __init__(self, settings: Settings | None = None) -> None:
        self._days = (settings or Settings()).answer_days

    def key(self, fact: Fact) -> str | None:
        """The asking office and its number."""
        number = hashlib.sha256(fact.data["application_no"].encode()).hexdigest()[:24]
        return f"{fact.data['to'] if fact.type == ANSWER else fact.source}/{number}"

    def step(self, state: Asked, fact: Fact, now: datetime) -> tuple[Asked, Sequence[Effect]]:
        """Note the question and its answer, in whichever order."""
        if fact.type == ANSWER:
            new = replace(state, answered=True)
        else:
            new = Asked(
                fact.source,
                fact.data["application_no"],
                max(state.region, fact.region or ""),
                min(state.came or day_of(now), day_of(now)),
                state.answered,
            )
        if new == state:
            return state, ()
        before, after = self._waits(state), self._waits(new)
        gone: list[Effect] = [Settle(self._alert(state).cause)] if before and not after else []
        return new, [*gone, *changes(before, after)]

    def due(self, state: Asked, name: str, now: datetime) -> tuple[Asked, Sequence[Effect]]:
        """The days have passed."""
        if any(one.due <= now for one in self._waits(state)):
            return state, [self._alert(state)]
        return state, ()

    def _waits(self, state: Asked) -> list[Expect]:
        if not state.came or state.answered:
            return []
        return [Expect(WAIT, passed(state.came, self._days), awaits=ANSWER, of="POL")]

    def _alert(self, state: Asked) -> Alert:
        number, due_on = state.application_no, add_days(state.came, self._days)
        return Alert(
            cause=f"answer:{state.by}:{hashlib.sha256(number.encode()).hexdigest()[:24]}",
            rule_id="S1",
            type=ALERT,
            to=Role("POL", state.region or None),
            data={"application_no": number, "due_on": due_on},
            title_code="licence.answer_overdue",
            params={"application_no": number, "due_on": due_on},
        )
