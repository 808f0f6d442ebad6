"""What a member's people do about an alert: each step is a signed message of the member.

The gateway has the last word: it answers each step with `sys.alert.life.v1`. What is plainly not
possible (the alert lies on another desk, it is over, nobody is named) is refused here at once.

    send(conn, desk, alert_id, "acknowledged", by="王医生", now=now)
    send(conn, desk, alert_id, "resolved", by="王医生", outcome="visited", now=now)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core.alerts import ORDER, SETTLED, Step
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.store import alert_box, inbox
from jdgate.store.alert_box import AlertBoxRow

STEP = "sys.alert.step.v1"
REASSIGNED = "reassigned"


def send(
    conn: Connection,
    desk: Desk,
    alert_id: str,
    step: str,
    *,
    now: datetime,
    by: str = "",
    outcome: str | None = None,
    to: str | None = None,
) -> str | None:
    """Report a step; the id of its message, None when the alert is that far already.

    Raises:
        Refused: `alert.unknown`, `alert.not_here`, `alert.over`, `alert.person_needed`,
            `alert.needs_outcome`, `alert.no_such_outcome`, `alert.no_such_desk`,
            `alert.not_sendable`.
    """
    row = alert_box.get(conn, desk.member, alert_id)
    if row is None:
        raise Refused("alert.unknown", alert=alert_id[:64])
    if not row.here:
        raise Refused("alert.not_here", alert=row.id, desk=row.desk)
    if _is_done(row, step, outcome, to):
        return None
    person = by.strip()
    _check(desk, row, step, person, outcome, to)
    given = {"alert_id": row.id, "step": step, "by": person, "outcome": outcome, "to": to}
    record = {name: value for name, value in given.items() if value}
    submission = writing.submit(conn, desk, STEP, [record], now)
    if submission.refused:
        fault = submission.refused[0]
        raise Refused("alert.not_sendable", code=fault.code, path=fault.path)
    if to is not None:
        alert_box.passed_on(conn, desk.member, row.id, to)
    else:
        alert_box.step(conn, desk.member, row.id, step, by=person, outcome=outcome)
    return submission.messages[0].id


def _is_done(row: AlertBoxRow, step: str, outcome: str | None, to: str | None) -> bool:
    """Whether saying it again would say nothing."""
    if step == REASSIGNED:
        return to == row.desk
    if step == Step.RESOLVED and row.outcome != outcome:
        return False
    return ORDER.index(Step(step)) <= ORDER.index(Step(row.state))


def _check(
    desk: Desk, row: AlertBoxRow, step: str, by: str, outcome: str | None, to: str | None
) -> None:
    if not row.open:
        raise Refused("alert.over", alert=row.id, step=row.state)
    if step != Step.OPENED and not by:
        raise Refused("alert.person_needed", alert=row.id)
    if step == Step.RESOLVED and (not outcome or outcome == SETTLED):
        raise Refused("alert.needs_outcome", alert=row.id)
    if step == Step.RESOLVED and row.outcomes and outcome not in row.outcomes:
        expected = ", ".join(row.outcomes)
        raise Refused("alert.no_such_outcome", alert=row.id, outcome=outcome, expected=expected)
    if step == REASSIGNED:
        member = desk.trust.members.get(to or "")
        if member is None or member.status != "active":
            raise Refused("alert.no_such_desk", alert=row.id, to=(to or "")[:40])


def takers(desk: Desk, row: AlertBoxRow) -> dict[str, str]:
    """Whom an alert may be passed on to: active members, with people, whose role its sheet shows
    something. Member → the role under which it would see it."""
    sheet = desk.sheet(row.type)
    found: dict[str, str] = {}
    for member in desk.trust.active():
        role = next((role for role in member.roles if sheet.fields_for(role)), None)
        if role is not None and member.id != row.desk and member.kind != "gateway":
            found[member.id] = role
    return found


def content(conn: Connection, desk: Desk, row: AlertBoxRow) -> dict[str, Any] | None:
    """The alert as it was delivered: {type, record, basis}. None until it is here, and once its
    retention has passed."""
    kept = inbox.get(conn, desk.member, row.delivery_id) if row.delivery_id else None
    if kept is None:
        return None
    try:
        record = reading.read_body(conn, desk, kept)["data"][0]
    except Refused:
        return None
    sheet = desk.sheet(kept.type)
    role = next((r for r in desk.trust.member(desk.member).roles if sheet.fields_for(r)), "")
    return {"type": kept.type, "record": record, "basis": list(sheet.cite(role))}
