"""The life of an alert: its steps, its deadlines, the desks it lies on.

    raised → delivered → opened → acknowledged → resolved(outcome) → closed
             any of these ── settled by its rule ──────────────────→ closed

- One alert per cause and desk it was raised for. Repeats are folded into it (`store.alerts`).
- What a person resolved stays so while the cause stands; only after the rule settled the
  cause may the same cause start a new life.
- Steps may be heard of out of order or twice: a later step implies the earlier ones, a step
  already passed changes nothing.
- Every deadline runs from the moment the alert came onto its desk; the one for resolving it runs
  from its acknowledgement. Missing one moves the alert to the next desk (`next_desk`), also when
  somebody acknowledged it and then left it; resolving it stops that.
- Quiet hours hold back what is not urgent and stop its time; working days are counted where the
  time allowed is given in them.
- No clock and no ids here: `now`, `at` and `id` are arguments.

    life = lay(life, "cln-01", at=now, times=times)        # on its first desk
    life = advance(life, Step.ACKNOWLEDGED, at=now, times=times, by="…")
    life = resolve(life, at=now, times=times, by="…", outcome="came_back")
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

import msgspec
from msgspec import Struct

from jdgate.core.calendar import LOCAL, WorkingDays, local_day, next_local
from jdgate.core.regions import RegionIndex, prefix
from jdgate.errors import Refused


class Step(StrEnum):
    """How far an alert has come, in this order."""

    RAISED = "raised"
    DELIVERED = "delivered"
    OPENED = "opened"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    CLOSED = "closed"


ORDER = tuple(Step)
SETTLED = "settled"
"""The outcome of an alert whose rule found the cause gone before a person resolved it."""


class AlertLife(Struct, frozen=True, kw_only=True):
    """One alert, as the books keep it.

    `rule` is the reducer that raised it, `rule_id` its number in the law's table (M1), `cause` a
    keyed hash. `raised_to` is the desk the rule meant, `recipient` the one it lies on, `desks`
    those it went through since a person last chose one. `delivery_id` is None while quiet hours
    hold it back. `deadline_at` is what the next step is due; at `next_at` the timekeeper looks.
    `body` is the whole record, sealed under `key_id`. No column holds a personal value.
    """

    id: str
    rule: str
    rule_id: str
    cause: str
    type: str
    recipient: str
    raised_to: str
    raised_at: datetime
    last_at: datetime
    desk_at: datetime
    title_code: str
    desks: list[str]
    urgent: bool = False
    state: str = Step.RAISED.value
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    by: str | None = None
    repeats: int = 0
    delivery_id: str | None = None
    deadline_at: datetime | None = None
    next_at: datetime | None = None
    settled_at: datetime | None = None
    key_id: str | None = None
    body: bytes | None = None

    @property
    def step(self) -> Step:
        """How far it has come."""
        return Step(self.state)

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.step not in (Step.RESOLVED, Step.CLOSED)

    @property
    def level(self) -> int:
        """How often it was escalated since a person last chose its desk."""
        return len(self.desks) - 1


class Span(Struct, frozen=True):
    """A time allowed: so many minutes, or so many working days."""

    minutes: int = 0
    working_days: int = 0


_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def span(text: str) -> Span | None:
    """What "15m", "24h", "7d" or "2wd" (working days) stand for; None for no text."""
    if not text:
        return None
    if text.endswith("wd"):
        return Span(working_days=int(text[:-2]))
    return Span(minutes=int(text[:-1]) * _MINUTES[text[-1]])


class Times(Struct, frozen=True):
    """The county's deadlines.

    `urgent` and `normal` give the time allowed by step, `rules` other times by rule id. Between
    `quiet` (from, to; local time) nothing that is not urgent is sent, and its time stands still.
    """

    urgent: Mapping[Step, Span] = {}
    normal: Mapping[Step, Span] = {}
    rules: Mapping[str, Mapping[Step, Span]] = {}
    deputies: Mapping[str, str] = {}
    quiet: tuple[time, time] | None = None
    days: WorkingDays = WorkingDays()

    def allowed(self, life: AlertLife) -> Mapping[Step, Span]:
        """The time each step of this alert may take."""
        usual = self.urgent if life.urgent else self.normal
        return {**usual, **self.rules.get(life.rule_id, {})}

    def quiet_until(self, at: datetime) -> datetime | None:
        """When the quiet hours end that hold at this moment; None outside them."""
        if self.quiet is None:
            return None
        start, end = self.quiet
        clock = at.astimezone(LOCAL).time()
        inside = start <= clock < end if start <= end else clock >= start or clock < end
        return next_local(at, end) if inside else None

    def after(self, since: datetime, allowed: Span, *, urgent: bool) -> datetime:
        """When a time allowed has passed. What is urgent knows no quiet hours."""
        due = since
        if allowed.working_days:
            here = since.astimezone(LOCAL)
            day = self.days.add_working_days(local_day(since), allowed.working_days)
            due = datetime.combine(day, here.time(), LOCAL).astimezone(UTC)
        left = timedelta(minutes=allowed.minutes)
        if urgent or self.quiet is None:
            return due + left
        while True:
            due = self.quiet_until(due) or due
            until_quiet = next_local(due, self.quiet[0]) - due
            if left < until_quiet:
                return due + left
            left -= until_quiet
            due += until_quiet


def next_deadline(life: AlertLife, times: Times) -> tuple[Step, datetime] | None:
    """The step that is due first, and when. None when the alert is over or nothing is due."""
    if not life.open:
        return None
    allowed = times.allowed(life)
    if life.step is Step.ACKNOWLEDGED:
        if Step.RESOLVED not in allowed or life.acknowledged_at is None:
            return None
        spent = times.after(life.acknowledged_at, allowed[Step.RESOLVED], urgent=life.urgent)
        return Step.RESOLVED, spent
    left = ORDER[ORDER.index(life.step) + 1 : ORDER.index(Step.RESOLVED)]
    due = [
        (times.after(life.desk_at, allowed[step], urgent=life.urgent), step)
        for step in left
        if step in allowed
    ]
    if not due:
        return None
    at, step = min(due, key=lambda one: one[0])
    return step, at


def _timed(life: AlertLife, times: Times) -> AlertLife:
    due = next_deadline(life, times)
    deadline = due[1] if due else None
    return msgspec.structs.replace(life, deadline_at=deadline, next_at=deadline)


def lay(
    life: AlertLife, desk: str, *, at: datetime, times: Times, escalated: bool = False
) -> AlertLife:
    """The alert on a desk, where its steps start over; held back during quiet hours.

    `escalated`: it came here because a deadline passed, else because somebody chose the desk.

    Raises:
        Refused: `alert.over` when it is resolved or closed already.
    """
    if not life.open:
        raise Refused("alert.over", alert=life.id, step=life.state)
    hold = None if life.urgent else times.quiet_until(at)
    laid = msgspec.structs.replace(
        life,
        recipient=desk,
        desks=[*life.desks, desk] if escalated else [desk],
        desk_at=hold or at,
        state=Step.RAISED.value,
        delivered_at=None,
        opened_at=None,
        acknowledged_at=None,
        delivery_id=None,
        by=None,
    )
    timed = _timed(laid, times)
    return timed if hold is None else msgspec.structs.replace(timed, next_at=hold)


def sent(life: AlertLife, delivery_id: str, times: Times) -> AlertLife:
    """The alert with the delivery that carries it to its desk."""
    return _timed(msgspec.structs.replace(life, delivery_id=delivery_id), times)


def is_held(life: AlertLife) -> bool:
    """Whether quiet hours hold it back."""
    return life.open and life.delivery_id is None


def exhausted(life: AlertLife) -> AlertLife:
    """The alert late, with nobody left to escalate it to."""
    return msgspec.structs.replace(life, next_at=None)


def advance(
    life: AlertLife, step: Step, *, at: datetime, times: Times, by: str | None = None
) -> AlertLife:
    """The alert at `step`, or as it was when it has passed that already.

    `by` is the person who opens or acknowledges.

    Raises:
        Refused: `alert.needs_outcome` when asked to resolve (use `resolve`),
            `alert.not_resolved` when asked to close what nobody resolved,
            `alert.person_needed` when nobody is named as acknowledging.
    """
    if ORDER.index(step) <= ORDER.index(life.step):
        return life
    if step is Step.RESOLVED:
        raise Refused("alert.needs_outcome", alert=life.id)
    if step is Step.CLOSED and life.step is not Step.RESOLVED:
        raise Refused("alert.not_resolved", alert=life.id, step=life.state)
    if step is Step.ACKNOWLEDGED and not by:
        raise Refused("alert.person_needed", alert=life.id)
    reached = msgspec.structs.replace(life, state=step.value, by=by or life.by)
    return _timed(_stamped(reached, step, at), times)


def _stamped(life: AlertLife, step: Step, at: datetime) -> AlertLife:
    return msgspec.structs.replace(life, **{f"{step.value}_at": at})


def resolve(life: AlertLife, *, at: datetime, times: Times, by: str, outcome: str) -> AlertLife:
    """The alert resolved by a person. Resolving acknowledges.

    `outcome` is a short code, never free text about a person; it can't be "settled". The same
    outcome given twice changes nothing.

    Raises:
        Refused: `alert.over` when it is resolved or closed already, `alert.person_needed`,
            `alert.needs_outcome`.
    """
    if life.step is Step.RESOLVED and life.outcome == outcome:
        return life
    if not life.open:
        raise Refused("alert.over", alert=life.id, step=life.state)
    if not by:
        raise Refused("alert.person_needed", alert=life.id)
    if not outcome or outcome == SETTLED:
        raise Refused("alert.needs_outcome", alert=life.id)
    resolved = msgspec.structs.replace(
        life,
        state=Step.RESOLVED.value,
        acknowledged_at=life.acknowledged_at or at,
        resolved_at=at,
        by=by,
        outcome=outcome,
    )
    return _timed(resolved, times)


def settle(life: AlertLife, *, at: datetime) -> AlertLife:
    """The alert closed because its cause is gone. Its cause may then start a new life.

    An outcome that a person recorded is kept; without one it is "settled".
    """
    if life.settled_at is not None:
        return life
    return msgspec.structs.replace(
        life,
        state=Step.CLOSED.value,
        closed_at=life.closed_at or at,
        outcome=life.outcome or SETTLED,
        settled_at=at,
        deadline_at=None,
        next_at=None,
    )


_LEVELS = (9, 6, 4, 2)


def next_desk(
    life: AlertLife,
    *,
    deputies: Mapping[str, str],
    regions: RegionIndex,
    role: str,
    authority: str,
) -> str | None:
    """Where an alert goes that its desk left lying: to the deputy of the desk it was meant for,
    then to the same role one region higher, and so up to the authority. None at the top.

    Nobody hears of the same alert twice, and only active members hear of it.
    """
    first = life.desks[0]
    deputy = deputies.get(first)
    if deputy and deputy not in life.desks and regions.has_role(deputy, "*"):
        return deputy
    place = prefix(regions.region_of(first) or "")
    for level in _LEVELS:
        if role and level < len(place):
            for member in regions.find(role, place[:level]):
                if member not in life.desks:
                    return member
    return authority if authority not in life.desks else None
