"""S1: who was asked for data, for a correction or by a person, and has not answered in time.

- 政务数据共享条例 20–22, 26: an application is answered within 1 working day (data shared without
  condition) or 10, once extended by 10; what was agreed is provided within 20, or by the earlier
  day that the provider named; a correction is looked into within 10. A person's own request
  (个保法 50, which names no number) has 10 here, this project's choice.
- Working days are the county's, with its overrides. The day of asking does not count, and a time
  limit has passed when its last day has.
- The day of asking is the day on which the gateway first got it: the records carry none.
- Some days before, the provider is reminded; when the limit has passed it is told so. An answer,
  whatever it says, ends both. An application found incomplete is made again under a new number.

    rule = RepliesRule(Limits(), days, unconditional={"courier.stat.v1"})
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import date, datetime, time
from typing import ClassVar

from msgspec import Struct, structs

from jdgate.core.calendar import WorkingDays, add_days, at_local, day_of
from jdgate.core.rules import Alert, Effect, Expect, Fact, Settle, changes

APPLY, REPLY = "share.apply.v1", "share.reply.v1"
CORRECT, CORRECTED = "correct.request.v1", "correct.result.v1"
SUBJECT, ANSWERED = "subject.request.v1", "subject.reply.v1"
ALERT = "share.alert.v1"
RULE_ID = "S1"

STAGES = ANSWER, PROVIDE = "answer", "provide"
SOON, LATE = "soon", "late"

_ASKS = {APPLY: "apply", CORRECT: "correct", SUBJECT: "subject"}
_ANSWERS = {REPLY: "apply", CORRECTED: "correct", ANSWERED: "subject"}
_ANSWER_TO = {kind: type for type, kind in _ANSWERS.items()}
_TITLES = {
    "apply": ("share.apply_soon", "share.apply_late"),
    "correct": ("share.correct_soon", "share.correct_late"),
    "subject": ("share.subject_soon", "share.subject_late"),
    PROVIDE: ("share.provide_soon", "share.provide_late"),
}


class Limits(Struct, frozen=True):
    """Working days for each answer; `remind`: how many before the last day a reminder comes."""

    unconditional: int = 1
    application: int = 10
    extension: int = 10
    provide: int = 20
    correction: int = 10
    subject: int = 10
    remind: int = 2


class Request(Struct, frozen=True, array_like=True, gc=False):
    """One request. Days are local ones as text; "" is none yet."""

    kind: str = ""
    provider: str = ""
    requester: str = ""
    no: str = ""
    asked: str = ""
    unconditional: bool = False
    extended: bool = False
    answered: bool = False
    agreed: str = ""
    provide_by: str = ""
    provided: bool = False

    @property
    def key(self) -> str:
        """The same from whichever of the two speaks."""
        return f"{self.provider}/{self.requester}/{self.kind}:{self.no}"


class RepliesRule:
    """Expects an answer to each request."""

    name = "exchange.replies"
    version = 1
    types = frozenset({*_ASKS, *_ANSWERS})
    state = Request
    explains: ClassVar = {RULE_ID: "share.rule_replies"}
    outcomes: ClassVar = {
        RULE_ID: {
            "answered": "share.outcome_answered",
            "transferred": "alert.outcome_transferred",
            "false_alarm": "alert.outcome_false_alarm",
        }
    }

    def __init__(
        self,
        limits: Limits | None = None,
        days: WorkingDays | None = None,
        unconditional: Set[str] = frozenset(),
    ) -> None:
        """`unconditional`: data items (message types) that are shared without condition."""
        self._limits = limits or Limits()
        self._days = days or WorkingDays()
        self._unconditional = unconditional

    def key(self, fact: Fact) -> str | None:
        """Provider, requester and the request's number."""
        request = _named(fact)
        return request.key if request else None

    def step(self, state: Request, fact: Fact, now: datetime) -> tuple[Request, Sequence[Effect]]:
        """Note the request or its answer."""
        request = _named(fact)
        if request is None:
            return state, ()
        named = structs.replace(
            state,
            kind=request.kind,
            provider=request.provider,
            requester=request.requester,
            no=request.no,
        )
        told = self._asked if fact.type in _ASKS else _answered
        new = told(named, fact, day_of(now))
        if new == state:
            return state, ()
        standing = self.standing(new)
        over = [stage for stage in STAGES if not any(e.name.startswith(stage) for e in standing)]
        gone = [Settle(_cause(new, stage, what)) for stage in over for what in (SOON, LATE)]
        return new, [*gone, *changes(self.standing(state), standing)]

    def due(self, state: Request, name: str, now: datetime) -> tuple[Request, Sequence[Effect]]:
        """A reminder is due, or a limit has passed."""
        stage, _, what = name.partition("_")
        last = self._last_days(state).get(stage)
        if last is None or (what == SOON and now >= _after(last)):
            return state, ()
        soon, late = _TITLES[state.kind if stage == ANSWER else PROVIDE]
        alert = Alert(
            cause=_cause(state, stage, what),
            rule_id=RULE_ID,
            type=ALERT,
            to=state.provider,
            data={"request_no": state.no, "due_on": last},
            title_code=soon if what == SOON else late,
            params={"no": state.no, "member": state.requester, "due_on": last},
        )
        before = [Settle(_cause(state, stage, SOON))] if what == LATE else []
        return state, [*before, alert]

    def standing(self, state: Request) -> list[Expect]:
        """When reminders are due and limits have passed."""
        found: list[Expect] = []
        for stage, last in self._last_days(state).items():
            reminded = self._counted(last, -self._limits.remind)
            if self._limits.remind and reminded > (state.agreed or state.asked):
                found.append(Expect(f"{stage}_{SOON}", at_local(reminded, time(0))))
            # what is provided comes in a type of its own; an answer has one that can be awaited
            awaits = _ANSWER_TO.get(state.kind, "") if stage == ANSWER else ""
            found.append(Expect(f"{stage}_{LATE}", _after(last), awaits, state.provider))
        return found

    def _last_days(self, state: Request) -> dict[str, str]:
        """The last day for what the provider still owes, by stage."""
        limits = self._limits
        if not state.asked:
            return {}
        if not state.answered:
            count = limits.correction if state.kind == "correct" else limits.subject
            if state.kind == "apply":
                count = limits.unconditional if state.unconditional else limits.application
                count += limits.extension if state.extended else 0
            return {ANSWER: self._counted(state.asked, count)}
        if state.agreed and not state.provided:
            last = self._counted(state.agreed, limits.provide)
            return {PROVIDE: min(last, state.provide_by or last)}
        return {}

    def _counted(self, day: str, count: int) -> str:
        return self._days.add_working_days(date.fromisoformat(day), count).isoformat()

    def _asked(self, state: Request, fact: Fact, today: str) -> Request:
        item = fact.data.get("item")
        return structs.replace(
            state,
            asked=min(state.asked or today, today),
            unconditional=state.unconditional or item in self._unconditional,
        )


def _named(fact: Fact) -> Request | None:
    """Who was asked by whom, under which number; None for a finding that answers no request but
    goes to who got the record earlier."""
    asks = fact.type in _ASKS
    other = fact.data.get("to")
    no = fact.data.get("apply_no") or fact.data.get("request_no")
    if not other or not no:
        return None
    provider, requester = (other, fact.source) if asks else (fact.source, other)
    return Request((_ASKS if asks else _ANSWERS)[fact.type], provider, requester, no)


def _answered(state: Request, fact: Fact, today: str) -> Request:
    decision = fact.data["decision"]
    agreed = fact.type == REPLY and decision == "agreed"
    promised = fact.data.get("provide_by", "") if agreed else ""
    days = [day for day in (state.provide_by, promised) if day]
    return structs.replace(
        state,
        extended=state.extended or decision == "extended",
        answered=state.answered or decision != "extended",
        agreed=min(state.agreed or today, today) if agreed else state.agreed,
        provide_by=min(days, default=""),
        provided=state.provided or decision == "provided",
    )


def _cause(state: Request, stage: str, what: str) -> str:
    return f"{state.key}:{stage}:{what}"


def _after(day: str) -> datetime:
    """The moment when a day has passed."""
    return at_local(add_days(day, 1), time(0))
