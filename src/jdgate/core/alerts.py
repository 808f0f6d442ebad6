"""The life of an alert, as a state machine.

    raised → delivered → opened → acknowledged → resolved(outcome) → closed
             any of these ── settled by its rule ──────────────────→ closed

- One alert per cause. A repeat is folded in: counted, its data renewed, nothing sent again.
- What a person resolved stays so while the cause stands; only after the rule settled the
  cause may the same cause start a new life.
- Steps may be heard of out of order or twice: a later step implies the earlier ones, a step
  already passed changes nothing.
- A deadline runs per step, from the moment the step before was reached. Missing one changes
  no step: `overdue` tells, and the caller escalates.
- No clock and no ids here: `now`, `at` and `id` are arguments.

    life, new = raise_alert(latest, alert, id=id, rule="clinic.absence", to="cln-01", at=now)
    life = advance(life, Step.ACKNOWLEDGED, at=now, by="…")
    life = resolve(life, at=now, by="…", outcome="came_back")
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from jdgate.core.effects import Alert
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
    """One alert. `times` holds when each step was reached (UTC), by the step's name.

    `to` is the member whose desk it lies on, `level` how often it was escalated, `repeats`
    how often the cause was given again. `data` and `params` are the newest given.
    """

    id: str
    rule: str
    key: str
    cause: str
    rule_id: str
    type: str
    to: str
    title_code: str
    urgent: bool
    data: dict[str, Any]
    params: dict[str, Any]
    step: Step = Step.RAISED
    times: dict[str, datetime]
    repeats: int = 0
    repeated_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_by: str | None = None
    outcome: str | None = None
    settled_at: datetime | None = None
    level: int = 0

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something."""
        return self.step not in (Step.RESOLVED, Step.CLOSED)


def raise_alert(
    latest: AlertLife | None, alert: Alert, *, id: str, rule: str, key: str, to: str, at: datetime
) -> tuple[AlertLife, bool]:
    """The life of an alert just emitted, and whether it is a new one (then it is to be sent).

    `latest` is the newest life of the same rule and cause, if any; `to` the member that
    `alert.to` resolved to.
    """
    if latest is not None and latest.settled_at is None:
        return (
            msgspec.structs.replace(
                latest,
                repeats=latest.repeats + 1,
                repeated_at=at,
                data=alert.data,
                params=alert.params,
                urgent=latest.urgent or alert.urgent,
            ),
            False,
        )
    life = AlertLife(
        id=id,
        rule=rule,
        key=key,
        cause=alert.cause,
        rule_id=alert.rule_id,
        type=alert.type,
        to=to,
        title_code=alert.title_code,
        urgent=alert.urgent,
        data=alert.data,
        params=alert.params,
        times={Step.RAISED.value: at},
    )
    return life, True


def advance(life: AlertLife, step: Step, *, at: datetime, by: str | None = None) -> AlertLife:
    """The alert at `step`, or as it was when it has passed that already.

    `by` is the person who acknowledges.

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
        raise Refused("alert.not_resolved", alert=life.id, step=life.step.value)
    if step is Step.ACKNOWLEDGED and not by:
        raise Refused("alert.person_needed", alert=life.id)
    return msgspec.structs.replace(
        life,
        step=step,
        times={**life.times, step.value: at},
        acknowledged_by=by if step is Step.ACKNOWLEDGED else life.acknowledged_by,
    )


def resolve(life: AlertLife, *, at: datetime, by: str, outcome: str) -> AlertLife:
    """The alert resolved by a person. Resolving acknowledges.

    `outcome` is a short code from the list of the alert's type, never free text about a
    person; it can't be "settled".

    Raises:
        Refused: `alert.over` when it is resolved or closed already, `alert.person_needed`,
            `alert.needs_outcome`.
    """
    if not life.open:
        raise Refused("alert.over", alert=life.id, step=life.step.value)
    if not by:
        raise Refused("alert.person_needed", alert=life.id)
    if not outcome or outcome == SETTLED:
        raise Refused("alert.needs_outcome", alert=life.id)
    return msgspec.structs.replace(
        life,
        step=Step.RESOLVED,
        times={Step.ACKNOWLEDGED.value: at, **life.times, Step.RESOLVED.value: at},
        acknowledged_by=life.acknowledged_by or by,
        resolved_by=by,
        outcome=outcome,
    )


def settle(life: AlertLife, *, at: datetime) -> AlertLife:
    """The alert closed because its cause is gone. Its cause may then start a new life.

    An outcome that a person recorded is kept; without one it is "settled".
    """
    if life.settled_at is not None:
        return life
    return msgspec.structs.replace(
        life,
        step=Step.CLOSED,
        times={Step.CLOSED.value: at, **life.times},
        outcome=life.outcome or SETTLED,
        settled_at=at,
    )


def hand_over(life: AlertLife, *, to: str, at: datetime, escalated: bool) -> AlertLife:
    """The alert on another desk, where its life starts over; `escalated` raises the level.

    Raises:
        Refused: `alert.over` when it is resolved or closed already.
    """
    if not life.open:
        raise Refused("alert.over", alert=life.id, step=life.step.value)
    return msgspec.structs.replace(
        life,
        to=to,
        step=Step.RAISED,
        times={Step.RAISED.value: at},
        acknowledged_by=None,
        level=life.level + (1 if escalated else 0),
    )


def next_deadline(
    life: AlertLife, allowed: Mapping[Step, timedelta]
) -> tuple[Step, datetime] | None:
    """The first step not yet reached that has a time allowed, and when it is due.

    The time runs from the step last reached. None when the alert is over or nothing is due.
    """
    if not life.open:
        return None
    reached = ORDER.index(life.step)
    since = life.times[life.step.value]
    for step in ORDER[reached + 1 :]:
        if step in allowed:
            return step, since + allowed[step]
    return None


def overdue(life: AlertLife, allowed: Mapping[Step, timedelta], now: datetime) -> Step | None:
    """The step whose deadline has passed, if any."""
    due = next_deadline(life, allowed)
    return due[0] if due and due[1] <= now else None
