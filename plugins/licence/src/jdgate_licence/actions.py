"""L1 and L2: what each office has to do about a licence now. No timer ever acts; it reminds.

L1, to the traffic bureau
- A ground has come: give written notice. (To both, when the ground did not stand on that day.)
- Thirty days after the notice have passed: look whether anybody objected, and let a named
  person decide. Nothing is reminded of while the action is frozen or on hold.
- Cancelled without a notice, or before the thirty days had passed: both are told.

L2, to police and traffic bureau, urgent
- An objection, a revoked decision, or a finding that the notice was wrong (`correct.result.v1`)
  freezes the action at once. Ten working days to check it; both hear when they have passed.
- Cancelled on or after the day on which it was frozen: both are told.
- The freeze ends when a named person decides (restore, uphold), or the bureau says it restored.
  "Hold" is a decision too: it ends the waiting, not the freeze.
- When the ground itself is gone, the bureau has a draft that restores. A person approves it.

Everything follows from the days in the messages, so order and repetition make no difference.

    rule = ActionRule(Cancelling(references.grounds), references.working_days, Settings())
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import ClassVar, NamedTuple

from jdgate.core.calendar import WorkingDays, days_between
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Draft, Effect, Expect, Fact, Role, Settle, changes

from .cases import ALERT, ALL, LIFTS, RESTORE, Case, Freeze, Person, merged
from .days import passed
from .grounds import Cancelling
from .settings import Settings

BOTH = ("POL", "TRA")
CHECKS = ("licence_person", "licence_gone")
FORGET = "forget"


class Call(NamedTuple):
    """What a state asks for: what stands, and what is said when a time comes."""

    stands: tuple[Alert | Draft, ...] = ()
    waits: tuple[tuple[Expect, tuple[Alert, ...]], ...] = ()

    def standing(self) -> list[Standing]:
        return [*self.stands, *(expect for expect, _ in self.waits)]

    def later(self) -> set[str]:
        """The causes of alerts that a time brings."""
        return {alert.cause for _, alerts in self.waits for alert in alerts}


class ActionRule:
    """Cases of cancelling a licence, per person."""

    name = "licence.action"
    version = 1
    types = ALL
    state = Person
    explains: ClassVar = {"L1": "licence.rule_notice", "L2": "licence.rule_freeze"}
    outcomes: ClassVar = {
        "L1": {
            "notified": "licence.outcome_notified",
            "decided": "licence.outcome_decided",
            "not_ours": "licence.outcome_not_ours",
        },
        "L2": {
            "upheld": "licence.outcome_upheld",
            "restored": "licence.outcome_restored",
            "on_hold": "licence.outcome_on_hold",
        },
    }

    def __init__(
        self, grounds: Cancelling, days: WorkingDays, settings: Settings | None = None
    ) -> None:
        self._grounds, self._days = grounds, days
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The person's pseudonym. A finding about no person is of no concern."""
        return None if fact.subject is None else fact.subject.hex()

    def step(self, state: Person, fact: Fact, now: datetime) -> tuple[Person, Sequence[Effect]]:
        """Merge one fact; say what now stands that did not, and the reverse."""
        new = merged(state, fact, now)
        if new is state:
            return state, ()
        before, after = self.call(state), self.call(new)
        gone: list[Effect] = [Settle(cause) for cause in sorted(before.later() - after.later())]
        return new, [*gone, *changes(before.standing(), after.standing())]

    def due(self, state: Person, name: str, now: datetime) -> tuple[Person, Sequence[Effect]]:
        """Days have passed: remind, or forget a person about whom nothing waits."""
        for expect, alerts in self.call(state).waits:
            if expect.name == name and expect.due <= now:
                return (Person(), ()) if name == FORGET else (state, alerts)
        return state, ()

    def call(self, state: Person) -> Call:
        """What this state asks for."""
        stands: list[Alert | Draft] = []
        waits: list[tuple[Expect, tuple[Alert, ...]]] = []
        for doc, case in state.cases.items():
            desk = _Desk(state.who, doc, case.region)
            frozen = case.open(state.found)
            stands += self._notices(case, desk, bool(frozen))
            stands += _cancellations(case, desk, state, self._settings.notice_days)
            for freeze in frozen:
                waits += self._freeze(case, desk, freeze, stands)
            over = self._over(case, desk, bool(frozen))
            waits += [over] if over else []
        if not stands and not waits and (last := _last_day(state)):
            waits.append((Expect(FORGET, passed(last, self._settings.keep_days)), ()))
        return Call(tuple(stands), tuple(waits))

    def _notices(self, case: Case, desk: _Desk, frozen: bool) -> Iterator[Alert]:
        """A ground for which nobody has given notice yet."""
        day, code = case.ground
        if not day or case.closed or frozen or case.held:
            return
        if not self._grounds.stood(code, day):
            yield from desk.alerts(BOTH, "L1", "ground_doubtful", f"ground:{day}:{code}", day=day)
        elif not case.on("notified"):
            yield from desk.alerts(("TRA",), "L1", "give_notice", "notice", day=day)

    def _over(
        self, case: Case, desk: _Desk, frozen: bool
    ) -> tuple[Expect, tuple[Alert, ...]] | None:
        """The thirty days since the last written notice."""
        notified = case.on("notified")
        if not notified or case.closed or frozen or case.held:
            return None
        days = self._settings.notice_days
        told = desk.alerts(
            ("TRA",), "L1", "days_over", f"over:{notified}", date=notified, days=days
        )
        return Expect(f"over:{desk.mark}", passed(notified, days)), tuple(told)

    def _freeze(
        self, case: Case, desk: _Desk, freeze: Freeze, stands: list[Alert | Draft]
    ) -> Iterator[tuple[Expect, tuple[Alert, ...]]]:
        """One freeze: what is told at once, and when its ten working days have passed."""
        day, why = freeze
        if freeze.revoked:
            stands.append(desk.draft(day))
        elif day <= case.judged:
            return  # somebody decided to keep it on hold
        due_on = self._days.add_working_days(date.fromisoformat(day), self._settings.check_days)
        due, place = due_on.isoformat(), f"{why}:{day}"
        stands += desk.alerts(
            BOTH, "L2", f"frozen_{why}", f"frozen:{place}", urgent=True, due_on=due, day=day
        )
        if day > case.judged:
            told = desk.alerts(
                BOTH, "L2", "check_overdue", f"overdue:{place}", urgent=True, due_on=due, day=day
            )
            yield Expect(f"check:{desk.mark}:{place}", passed(due)), tuple(told)


class _Desk(NamedTuple):
    """One case as its alerts name it. `mark` stands for the document's number where names are
    kept in the open."""

    who: str
    doc: str
    region: str

    @property
    def mark(self) -> str:
        return hashlib.sha256(f"{self.who}/{self.doc}".encode()).hexdigest()[:24]

    def alerts(
        self,
        roles: Sequence[str],
        rule_id: str,
        code: str,
        cause: str,
        *,
        urgent: bool = False,
        due_on: str | None = None,
        **params: str | int,
    ) -> Iterator[Alert]:
        """One alert for each desk."""
        due = {} if due_on is None else {"due_on": due_on}
        for role in roles:
            yield Alert(
                cause=f"{cause}:{self.mark}:{role}",
                rule_id=rule_id,
                type=ALERT,
                to=Role(role, self.region or None),
                data={"doc_no": self.doc, **due},
                title_code=f"licence.{code}",
                params={"doc_no": self.doc, **due, **params},
                urgent=urgent,
            )

    def draft(self, day: str) -> Draft:
        """Restoring what was cancelled on a ground that is gone."""
        return Draft(
            cause=f"restore:{day}:{self.mark}",
            to=Role("TRA", self.region or None),
            type=RESTORE,
            prefill={"ref": self.doc},
            reason_code="licence.restore",
            params={"doc_no": self.doc, "day": day},
            checks=CHECKS,
        )


def _cancellations(case: Case, desk: _Desk, state: Person, notice_days: int) -> Iterator[Alert]:
    """Cancellations that came too early, or on or after a freeze; until it is restored."""
    lifts = [day for day, what in (*case.decided, *case.done) if what in ("restored", *LIFTS)]
    for day, action in case.done:
        if action != "cancelled" or case.restored >= day:
            continue
        noticed = (one for one, what in case.done if what == "notified")
        if not any(days_between(one, day) > notice_days for one in noticed):
            yield from desk.alerts(
                BOTH, "L1", "cancelled_early", f"early:{day}", date=day, days=notice_days
            )
        for freeze in case.freezes(state.found):
            if freeze.day <= day and not any(freeze.day <= lift for lift in lifts):
                yield from desk.alerts(
                    BOTH, "L2", "cancelled_frozen", f"despite:{freeze.why}:{freeze.day}:{day}",
                    urgent=True, date=day, day=freeze.day,
                )  # fmt: skip


def _last_day(state: Person) -> str:
    days = [case.last_day() for case in state.cases.values()]
    return max([*days, *(day for day, _, _ in state.found)], default="")
