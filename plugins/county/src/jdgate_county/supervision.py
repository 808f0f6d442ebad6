"""D1–D3: what the anti-drug office asked a unit to put right by a date.

- D1: the unit is reminded some days before, and told when the date has passed; D2: the office is
  told then too; D3: some days later the office gets an urgent alert, to take it up higher. A
  person does that; nothing follows by time.
- Only what the unit itself replied counts. `done` ends it, `in_progress` changes nothing, and
  when it is `disputed` the office is told (D2) and the dates rest.
- The newest reply counts. A notice sent again with a later date is an extension.

    rule = SupervisionRule(Settings())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Effect, Expect, Fact, Settle, changes

from .days import begins, foreseeable, passed, plausible
from .registers import ALERT
from .settings import Settings

NOTICE = "supervise.notice.v1"
REPLY = "supervise.reply.v1"
TO_UNIT = "sys.alert.v1"
"""Any unit may be supervised, and county alerts have desks for some roles only."""
STATUSES = ("in_progress", "done", "disputed")
"""Of two replies on one day, the later here counts."""
MOST_REPLIES = 100


class Matter(Struct, frozen=True, array_like=True, gc=False):
    """One notice: until when, who must, who asked; and who replied: member → day and status."""

    number: str = ""
    due_on: str = ""
    unit: str = ""
    office: str = ""
    replies: dict[str, tuple[str, int]] = {}

    @property
    def status(self) -> str:
        """What the unit last replied; "" while it has not."""
        reply = self.replies.get(self.unit)
        return STATUSES[reply[1]] if reply else ""


class SupervisionRule:
    """Reminds, and tells the office what was left lying."""

    name = "county.supervision"
    version = 1
    types = frozenset({NOTICE, REPLY})
    state = Matter
    explains: ClassVar = {
        "D1": "county.rule_supervised",
        "D2": "county.rule_supervising",
        "D3": "county.rule_supervision_escalated",
    }
    outcomes: ClassVar = {
        "D1": {"done": "county.outcome_done", "extended": "county.outcome_extended"},
        "D2": {
            "done": "county.outcome_done",
            "extended": "county.outcome_extended",
            "taken_up": "county.outcome_taken_up",
        },
        "D3": {
            "done": "county.outcome_done",
            "extended": "county.outcome_extended",
            "taken_up": "county.outcome_taken_up",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        chosen = settings or Settings()
        self._ahead, self._later = chosen.supervise_remind_days, chosen.supervise_escalate_days

    def key(self, fact: Fact) -> str | None:
        """The number of the notice."""
        return str(fact.data["notice_no"])

    def step(self, state: Matter, fact: Fact, now: datetime) -> tuple[Matter, Sequence[Effect]]:
        """Note the notice or the reply."""
        new = _noted(state, fact, now)
        if new == state:
            return state, ()
        gone: list[Effect] = []
        if state.unit and (_dates(state) != _dates(new) or not _waits(new)):
            gone = [Settle(one) for one in _causes(state)]
        return new, [*gone, *changes(self._standing(state), self._standing(new))]

    def due(self, state: Matter, name: str, now: datetime) -> tuple[Matter, Sequence[Effect]]:
        """The date is near, has passed, or passed some days ago."""
        if not _waits(state):
            return state, ()
        soon, to_unit, to_office, escalated = _causes(state)
        match name:
            case "remind" if now < passed(state.due_on):
                return state, [_to_unit(state, soon, "supervision_soon")]
            case "overdue":
                return state, [
                    _to_unit(state, to_unit, "supervision_overdue"),
                    _to_office(state, to_office, "D2", "supervision_unanswered"),
                ]
            case "escalate":
                return state, [_to_office(state, escalated, "D3", "supervision_escalated")]
        return state, ()

    def _standing(self, state: Matter) -> list[Standing]:
        if not state.unit:
            return []
        if state.status == "disputed":
            return [_to_office(state, f"disputed:{state.number}", "D2", "supervision_disputed")]
        if not _waits(state):
            return []
        return [
            Expect("remind", begins(add_days(state.due_on, -self._ahead))),
            Expect("overdue", passed(state.due_on), awaits=REPLY, of=state.unit),
            Expect("escalate", passed(state.due_on, self._later)),
        ]


def _noted(state: Matter, fact: Fact, now: datetime) -> Matter:
    data = fact.data
    number, told = data["notice_no"], (state.due_on, state.unit, state.office)
    replies = state.replies
    if fact.type == NOTICE:
        if foreseeable(data["due_on"]):
            told = max(told, (data["due_on"], data["to"], fact.source))
    elif plausible(data["date"], now):
        reply = (data["date"], STATUSES.index(data["status"]))
        replies = {**replies, fact.source: max(replies.get(fact.source, ("", 0)), reply)}
        kept = sorted(replies, key=lambda one: (replies[one], one))[-MOST_REPLIES:]
        replies = {one: replies[one] for one in sorted(kept)}
    else:
        return state
    return Matter(number, *told, replies)


def _waits(state: Matter) -> bool:
    return bool(state.unit) and state.status in ("", "in_progress")


def _dates(state: Matter) -> tuple[str, str]:
    return state.due_on, state.unit


def _causes(state: Matter) -> tuple[str, str, str, str]:
    cause = f"supervise:{state.number}:{state.due_on}:{state.unit}"
    return f"{cause}:soon", f"{cause}:unit", f"{cause}:office", f"{cause}:higher"


def _to_unit(state: Matter, cause: str, code: str) -> Alert:
    params = {"number": state.number, "due_on": state.due_on}
    return Alert(cause, "D1", TO_UNIT, state.unit, {"cause_ref": cause}, f"county.{code}", params)


def _to_office(state: Matter, cause: str, rule_id: str, code: str) -> Alert:
    return Alert(
        cause=cause,
        rule_id=rule_id,
        type=ALERT,
        to=state.office,
        data={"unit": state.unit, "ref": state.number, "due_on": state.due_on},
        title_code=f"county.{code}",
        params={"number": state.number, "unit": state.unit, "due_on": state.due_on},
        urgent=rule_id == "D3",
    )
