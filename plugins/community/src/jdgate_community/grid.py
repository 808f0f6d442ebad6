"""G1: a visit that a grid worker was asked to make, and of which nothing came back.

- A task has a name, an address, a kind and a last day, and no reason: its schema refuses an
  address that gives one away, and the grid worker is told of no law but that of personal data.
- The township office that asked is told when the day has passed. The alert names the task alone.
- Task and answer belong together by the number and the township.

    rule = VisitRule()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.plugins import Alert, Effect, Expect, Fact, Settle, changes

from .book import reference
from .days import FIRST, LAST, passed, plausible

TASK, RESULT = "grid.visit.task.v1", "grid.visit.result.v1"
TOWNSHIP = 9
"""Digits of a division code that name the township."""


class Visit(Struct, frozen=True, array_like=True, gc=False):
    """One task: the newest last day with who asked, its number, and whether it was answered."""

    asked: tuple[str, str] = ("", "")
    task_no: str = ""
    done: bool = False


class VisitRule:
    """G1, per township and task number."""

    name = "community.visit"
    version = 1
    types = frozenset({TASK, RESULT})
    state = Visit
    explains: ClassVar[Mapping[str, str]] = {"G1": "community.rule_visit"}

    def key(self, fact: Fact) -> str | None:
        """The township and the task's number."""
        place = fact.data["place"] if fact.type == TASK else fact.region
        return f"{place[:TOWNSHIP]}/{fact.data['task_no']}" if place else None

    def step(self, state: Visit, fact: Fact, now: datetime) -> tuple[Visit, Sequence[Effect]]:
        """Merge a task or its answer."""
        number = fact.data["task_no"]
        if fact.type == RESULT:
            if not plausible(fact.data["date"], now):
                return state, ()
            new = Visit(state.asked, number, True)
        else:
            due_on = fact.data["due_on"]
            if not FIRST <= due_on <= LAST:
                return state, ()
            new = Visit(max(state.asked, (due_on, fact.source)), number, state.done)
        if new == state:
            return state, ()
        before, after = _stands(state), _stands(new)
        over = [one for one in before if one not in after]
        return new, [*(Settle(f"{one.name}:com") for one in over), *changes(before, after)]

    def due(self, state: Visit, name: str, now: datetime) -> tuple[Visit, Sequence[Effect]]:
        """The last day has passed."""
        if name not in [one.name for one in _stands(state)]:
            return state, ()
        due_on, source = state.asked
        cause = f"{name}:com"
        alert = Alert(
            cause=cause,
            rule_id="G1",
            type="sys.alert.v1",
            to=source,
            data={"cause_ref": cause},
            title_code="community.visit_overdue",
            params={"task_no": state.task_no, "due_on": due_on},
        )
        return state, [alert]


def _stands(state: Visit) -> list[Expect]:
    due_on, source = state.asked
    if state.done or not due_on:
        return []
    name = f"visit:{reference(source, state.task_no)}:{due_on}"
    return [Expect(name, passed(due_on), awaits=RESULT, of="GRD")]
