"""Alerts in the books. What their steps mean is decided in `core.alerts`; this keeps them.

One alert for a (rule, cause) and the desk it was raised for: what repeats is folded into it and
counted, wherever it lies by now. Only a cause that its rule settled may start a new alert.

    alert_id, is_new = alerts.raise_or_fold(conn, life)
    alerts.save(conn, advance(life, …), was=life)          # False: somebody else was faster
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from msgspec import structs
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from jdgate.core.alerts import AlertLife
from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.tables import alert

_ROWS = Reader(alert, AlertLife)
_NEW = Upsert(alert)
_GET = _ROWS.select.where(alert.c.id == bindparam("id"))
_LIVE_ID = select(alert.c.id).where(
    alert.c.rule == bindparam("rule"),
    alert.c.cause == bindparam("cause"),
    alert.c.raised_to == bindparam("raised_to"),
    alert.c.settled_at.is_(None),
)
_FOLD = (
    update(alert)
    .where(alert.c.id == bindparam("the_id"))
    .values(repeats=alert.c.repeats + 1, last_at=bindparam("at"))
)
_UNSETTLED = _ROWS.select.where(
    alert.c.rule == bindparam("rule"),
    alert.c.cause == bindparam("cause"),
    alert.c.settled_at.is_(None),
)
_DUE = (
    _ROWS.select.where(alert.c.next_at <= bindparam("now"))
    .order_by(alert.c.next_at)
    .limit(bindparam("limit"))
)
_COUNTS = select(alert.c.state, func.count()).group_by(alert.c.state)


def raise_or_fold(conn: Connection, life: AlertLife) -> tuple[str, bool]:
    """Raise the alert, or count it into the live one of its cause.

    Returns the id of the live alert and whether it is new.
    """
    given = {"rule": life.rule, "cause": life.cause, "raised_to": life.raised_to}
    live = conn.execute(_LIVE_ID, given).scalar()
    if live is None:
        _NEW.run(conn, [structs.asdict(life)])
        # with several gateways another may have raised it between the two statements
        live = conn.execute(_LIVE_ID, given).scalar_one()
        if live == life.id:
            return life.id, True
    conn.execute(_FOLD, {"the_id": live, "at": life.raised_at})
    return str(live), False


def save(conn: Connection, life: AlertLife, *, was: AlertLife) -> bool:
    """Keep what became of an alert; False when it is no longer as it was read."""
    changed = structs.asdict(life)
    for name in ("id", "repeats", "last_at"):  # repeats are counted where they are kept
        del changed[name]
    change = update(alert).where(
        alert.c.id == life.id, alert.c.state == was.state, alert.c.recipient == was.recipient
    )
    return conn.execute(change.values(**changed)).rowcount == 1


def get(conn: Connection, alert_id: str) -> AlertLife | None:
    """One alert by its id."""
    return _ROWS.row(conn.execute(_GET, {"id": alert_id}))


def unsettled(conn: Connection, rule: str, cause: str) -> list[AlertLife]:
    """The alerts of a cause that stands, also resolved ones."""
    return _ROWS.rows(conn.execute(_UNSETTLED, {"rule": rule, "cause": cause}))


def due(conn: Connection, now: datetime, limit: int) -> list[AlertLife]:
    """Alerts held until now, or whose deadline has passed, the first due first."""
    return _ROWS.rows(conn.execute(_DUE, {"now": now, "limit": limit}))


def search(
    conn: Connection,
    *,
    recipient: str | None = None,
    states: Iterable[str] | None = None,
    rule_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[AlertLife]:
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


def on_desks(conn: Connection, since: datetime | None, before: datetime) -> list[AlertLife]:
    """Alerts that came onto the desk they lie on in this time, the first first."""
    wanted: list[ColumnElement[bool]] = [alert.c.desk_at < before]
    if since is None:  # those that nobody has dealt with before then
        wanted.append(or_(alert.c.closed_at.is_(None), alert.c.closed_at >= before))
    else:
        wanted.append(alert.c.desk_at >= since)
    return _ROWS.rows(conn.execute(_ROWS.select.where(*wanted).order_by(alert.c.desk_at)))


class Answered(NamedTuple):
    """How soon one alert was dealt with on the desk where it lies: milliseconds since it came
    there; None while it has not been."""

    type: str
    recipient: str
    urgent: bool
    acknowledged_ms: int | None
    resolved_ms: int | None


# differences of the integers themselves: thousands of moments are slow to make
_ANSWERED = select(
    alert.c.type,
    alert.c.recipient,
    alert.c.urgent,
    type_coerce(alert.c.acknowledged_at, BigInteger) - type_coerce(alert.c.desk_at, BigInteger),
    type_coerce(alert.c.resolved_at, BigInteger) - type_coerce(alert.c.desk_at, BigInteger),
).where(alert.c.acknowledged_at.is_not(None) | alert.c.resolved_at.is_not(None))


def answered(
    conn: Connection, since: datetime, recipient: str | None = None, limit: int = 20_000
) -> list[Answered]:
    """Alerts raised since then that were acknowledged or resolved, the newest first, without what
    they say; those on one desk."""
    query = _ANSWERED.where(alert.c.raised_at >= since)
    if recipient is not None:
        query = query.where(alert.c.recipient == recipient)
    rows = conn.execute(query.order_by(alert.c.raised_at.desc()).limit(limit))
    return [Answered(*row) for row in rows]


def counts(conn: Connection) -> dict[str, int]:
    """How many alerts are in each state."""
    return {row[0]: row[1] for row in conn.execute(_COUNTS)}
