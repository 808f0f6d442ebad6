"""The life of an alert: raised → delivered → opened → acknowledged → resolved → closed.

One alert for a (rule, cause) and desk: what repeats is folded into it and counted. What a person
resolved stays resolved while its cause stands; only a cause that its rule settled may start a
new alert.

    alert_id, is_new = alerts.raise_or_fold(conn, row)
    alerts.settle(conn, "clinic.absence", cause, now)        # the cause is gone
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from jdgate.errors import Misuse
from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.tables import alert

RAISED: Final = "raised"
DELIVERED: Final = "delivered"
OPENED: Final = "opened"
ACKNOWLEDGED: Final = "acknowledged"
RESOLVED: Final = "resolved"
CLOSED: Final = "closed"
STATES = (RAISED, DELIVERED, OPENED, ACKNOWLEDGED, RESOLVED, CLOSED)
Step = Literal["delivered", "opened", "acknowledged", "resolved", "closed"]


class AlertRow(Struct, kw_only=True):
    """`rule`: the reducer that raised it; `rule_id`: its number in the law's table (M1).

    `params` fill the text `title_code` and hold no personal value.
    """

    id: str
    rule: str
    rule_id: str
    cause: str
    type: str
    recipient: str
    raised_at: datetime
    title_code: str
    params: dict[str, Any]
    region: str | None = None
    state: str = RAISED
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    by: str | None = None
    repeats: int = 0
    last_at: datetime | None = None
    delivery_id: str | None = None
    deadline_at: datetime | None = None
    settled_at: datetime | None = None


_ROWS = Reader(alert, AlertRow)
_NEW = Upsert(alert)
_LIVE = (alert.c.resolved_at.is_(None), alert.c.closed_at.is_(None))
_GET = _ROWS.select.where(alert.c.id == bindparam("id"))
_BY_DELIVERY = _ROWS.select.where(alert.c.delivery_id == bindparam("id"))
_LIVE_ID = select(alert.c.id).where(
    alert.c.rule == bindparam("rule"),
    alert.c.cause == bindparam("cause"),
    alert.c.recipient == bindparam("recipient"),
    alert.c.settled_at.is_(None),
)
_FOLD = (
    update(alert)
    .where(alert.c.id == bindparam("the_id"))
    .values(repeats=alert.c.repeats + 1, last_at=bindparam("at"))
)
_UNSETTLED = (
    alert.c.rule == bindparam("the_rule"),
    alert.c.cause == bindparam("the_cause"),
    alert.c.settled_at.is_(None),
)
_SETTLED = _ROWS.select.where(*_UNSETTLED)
_SETTLE = update(alert).where(*_UNSETTLED).values(settled_at=bindparam("at"))
_LATE = (
    _ROWS.select.where(*_LIVE, alert.c.deadline_at <= bindparam("now"))
    .order_by(alert.c.deadline_at)
    .limit(bindparam("limit"))
)
_COUNTS = select(alert.c.state, func.count()).group_by(alert.c.state)


def raise_or_fold(conn: Connection, row: AlertRow) -> tuple[str, bool]:
    """Raise the alert, or count it into the live one of its cause.

    Returns the id of the live alert and whether it is new.
    """
    given = {"rule": row.rule, "cause": row.cause, "recipient": row.recipient}
    live = conn.execute(_LIVE_ID, given).scalar()
    if live is None:
        _NEW.run(conn, [structs.asdict(structs.replace(row, last_at=row.raised_at))])
        # with several gateways another may have raised it between the two statements
        live = conn.execute(_LIVE_ID, given).scalar_one()
        if live == row.id:
            return row.id, True
    conn.execute(_FOLD, {"the_id": live, "at": row.raised_at})
    return str(live), False


def advance(
    conn: Connection,
    alert_id: str,
    step: Step,
    at: datetime,
    *,
    by: str | None = None,
    outcome: str | None = None,
    deadline_at: datetime | None = None,
) -> bool:
    """Take an alert to `step`; False if it is unknown or was there already.

    Steps may be skipped (one who resolves has opened), never taken back. `deadline_at` is when
    the next step is due; None: no deadline.
    """
    if step not in STATES[1:]:
        raise Misuse("books.alert_step", step=step)
    earlier = STATES[: STATES.index(step)]
    changes: dict[str, Any] = {"state": step, f"{step}_at": at, "deadline_at": deadline_at}
    if by is not None:
        changes["by"] = by
    if outcome is not None:
        changes["outcome"] = outcome
    change = update(alert).where(alert.c.id == alert_id, alert.c.state.in_(earlier))
    return conn.execute(change.values(**changes)).rowcount == 1


def attach(conn: Connection, alert_id: str, delivery_id: str) -> None:
    """Name the delivery that carries the alert."""
    conn.execute(update(alert).where(alert.c.id == alert_id).values(delivery_id=delivery_id))


def reassign(conn: Connection, alert_id: str, recipient: str, deadline_at: datetime | None) -> bool:
    """Give a live alert to another member; False if there is none."""
    change = update(alert).where(alert.c.id == alert_id, *_LIVE)
    done = conn.execute(change.values(recipient=recipient, deadline_at=deadline_at))
    return done.rowcount == 1


def settle(conn: Connection, rule: str, cause: str, at: datetime) -> list[AlertRow]:
    """Close the live alerts of a cause that is gone; those closed, as they were before.

    An outcome that a person recorded is kept.
    """
    given = {"the_rule": rule, "the_cause": cause}
    rows = _ROWS.rows(conn.execute(_SETTLED, given))
    if not rows:
        return []
    conn.execute(_SETTLE, {**given, "at": at})
    live = [row for row in rows if row.resolved_at is None and row.closed_at is None]
    for row in live:
        advance(conn, row.id, CLOSED, at, outcome="settled")
    return live


def get(conn: Connection, alert_id: str) -> AlertRow | None:
    """One alert by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": alert_id}))


def for_delivery(conn: Connection, delivery_id: str) -> AlertRow | None:
    """The alert that a delivery carries."""
    return _ROWS.row(conn.execute(_BY_DELIVERY, {"id": delivery_id}))


def late(conn: Connection, now: datetime, limit: int) -> list[AlertRow]:
    """Live alerts whose deadline has passed, the latest first due first."""
    return _ROWS.rows(conn.execute(_LATE, {"now": now, "limit": limit}))


def search(
    conn: Connection,
    *,
    recipient: str | None = None,
    states: Iterable[str] | None = None,
    rule_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[AlertRow]:
    """Alerts that match all given filters, newest first."""
    wanted: list[ColumnElement[bool]] = []
    if recipient is not None:
        wanted.append(alert.c.recipient == recipient)
    if states is not None:
        wanted.append(alert.c.state.in_(list(states)))
    if rule_id is not None:
        wanted.append(alert.c.rule_id == rule_id)
    if since is not None:
        wanted.append(alert.c.raised_at >= since)
    query = _ROWS.select.where(*wanted).order_by(alert.c.raised_at.desc(), alert.c.id.desc())
    return _ROWS.rows(conn.execute(query.limit(limit)))


def counts(conn: Connection) -> dict[str, int]:
    """How many alerts are in each state."""
    return {row[0]: row[1] for row in conn.execute(_COUNTS)}
