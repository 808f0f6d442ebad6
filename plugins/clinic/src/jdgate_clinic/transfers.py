"""M3: a patient handed over to another clinic, and no answer from it.

- The request is answered when the clinic it went to says anything to it: taken, declined, or the
  patient has arrived. What another clinic says does not count.
- The day the request first came in is counted from, not the number of times it was sent. After
  `transfer_days` working days both clinics are reminded, each told who the other one is.
- Who the patient is, is nobody's business here: the state has the clinics' own transfer number.

    rule = TransferRule(working_days, 1)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import WorkingDays, add_days, at_local, day_of
from jdgate.plugins import Alert, Effect, Expect, Fact, Settle, changes

REQUEST = "mmt.transfer.request.v1"
ACK = "mmt.transfer.ack.v1"
ALERT = "mmt.transfer.alert.v1"
MOST = 20
"""Clinics kept for one transfer number; there is one, or another after it declined."""


class Transfer(Struct, frozen=True, array_like=True, gc=False):
    """One transfer number of one clinic: to whom it was first sent on which day, and who
    answered."""

    number: str = ""
    clinic: str = ""
    sent: dict[str, str] = {}
    answered: tuple[str, ...] = ()


class TransferRule:
    """Expects an answer of the other clinic."""

    name = "clinic.transfer"
    version = 1
    types = frozenset({REQUEST, ACK})
    state = Transfer
    explains: ClassVar = {"M3": "clinic.rule_transfer"}
    outcomes: ClassVar = {
        "M3": {
            "taken": "clinic.outcome_taken",
            "declined": "clinic.outcome_declined",
            "stays": "clinic.outcome_stays",
        },
    }

    def __init__(self, working_days: WorkingDays, days: int = 1) -> None:
        self._working, self._days = working_days, days

    def key(self, fact: Fact) -> str | None:
        """The clinic that hands over, and its number for it."""
        clinic = fact.source if fact.type == REQUEST else fact.data["to"]
        return f"{clinic}/{fact.data['transfer_no']}"

    def step(self, state: Transfer, fact: Fact, now: datetime) -> tuple[Transfer, Sequence[Effect]]:
        """Note the request or the answer; an answer settles what waited for it."""
        sent, answered = state.sent, state.answered
        if fact.type == REQUEST:
            clinic, to, today = fact.source, fact.data["to"], day_of(now)
            sent = {**sent, to: min(sent.get(to, today), today)}
            sent = {one: sent[one] for one in sorted(sent)[:MOST]}
        else:
            clinic = fact.data["to"]
            answered = tuple(sorted({*answered, fact.source})[:MOST])
        new = Transfer(fact.data["transfer_no"], clinic, sent, answered)
        if new == state:
            return state, ()
        gone: list[Effect] = [
            Settle(cause)
            for to in new.sent
            if to in answered and to not in state.answered
            for cause in _causes(new, to)
        ]
        return new, [*gone, *changes(self._standing(state), self._standing(new))]

    def due(self, state: Transfer, name: str, now: datetime) -> tuple[Transfer, Sequence[Effect]]:
        """The working day has passed without an answer."""
        to = name.partition(":")[2]
        if to not in state.sent or to in state.answered:
            return state, ()
        due_on = self._due_on(state, to)
        to_sender, to_other = _causes(state, to)
        return state, [
            _alert(state, to_sender, state.clinic, to, "transfer_unanswered", due_on),
            _alert(state, to_other, to, state.clinic, "transfer_to_answer", due_on),
        ]

    def _standing(self, state: Transfer) -> list[Expect]:
        return [
            Expect(
                f"ack:{to}",
                at_local(add_days(self._due_on(state, to), 1), time(0, 0)),
                awaits=ACK,
                of=to,
            )
            for to in state.sent
            if to not in state.answered
        ]

    def _due_on(self, state: Transfer, to: str) -> str:
        sent = date.fromisoformat(state.sent[to])
        return self._working.add_working_days(sent, self._days).isoformat()


def _causes(state: Transfer, to: str) -> tuple[str, str]:
    cause = f"transfer:{state.clinic}:{state.number}:{to}"
    return f"{cause}:sender", f"{cause}:other"


def _alert(state: Transfer, cause: str, to: str, other: str, code: str, due_on: str) -> Alert:
    return Alert(
        cause=cause,
        rule_id="M3",
        type=ALERT,
        to=to,
        data={"transfer_no": state.number, "other": other, "due_on": due_on},
        title_code=f"clinic.{code}",
        params={"number": state.number, "other": other, "due_on": due_on},
    )
