"""Nudges: a channel is to tell a member's people that an alert waits at their desk.

Written in the transaction that puts the alert on the desk, sent afterwards, so that no channel
holds anything up. States: `open`, `sent`, `failed` (the channel refused, or was tried for a day),
`needless` (somebody acknowledged it first).

    nudges.add(conn, life, channels, now)
    for row in nudges.claim(conn, now, again, 20): …        # the next try is at `again(row)`
    nudges.end(conn, row.id, "sent", now)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import Connection, bindparam, func, select, update

from jdgate.core.alerts import AlertLife
from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.tables import alert, nudge

OPEN, SENT, FAILED, NEEDLESS = "open", "sent", "failed", "needless"


class NudgeRow(Struct, kw_only=True, frozen=True):
    """`channel` tells `member` of `alert_id`; tried `attempts` times, again at `next_at`."""

    id: str
    alert_id: str
    member: str
    channel: str
    urgent: bool
    created_at: datetime
    next_at: datetime
    state: str = OPEN
    attempts: int = 0
    code: str | None = None
    ended_at: datetime | None = None


_ROWS = Reader(nudge, NudgeRow)
_ADD = Upsert(nudge)
_DUE = (
    _ROWS.select.where(nudge.c.state == OPEN, nudge.c.next_at <= bindparam("now"))
    .order_by(nudge.c.next_at)
    .limit(bindparam("limit"))
)
_OF_ALERT = _ROWS.select.where(nudge.c.alert_id == bindparam("alert_id")).order_by(
    nudge.c.created_at, nudge.c.id
)


def add(conn: Connection, life: AlertLife, channels: Iterable[str], now: datetime) -> None:
    """Have each channel tell the desk on which the alert lies; once for each time it came there."""
    rows = [
        NudgeRow(
            id=f"{life.delivery_id or life.id}:{life.state}:{channel}",
            alert_id=life.id,
            member=life.recipient,
            channel=channel,
            urgent=life.urgent,
            created_at=now,
            next_at=now,
        )
        for channel in channels
    ]
    _ADD.run(conn, [structs.asdict(row) for row in rows])


def claim(
    conn: Connection, now: datetime, again: Callable[[NudgeRow], datetime], limit: int
) -> list[NudgeRow]:
    """Take what is due; whoever takes a row has it alone until `again(row)`."""
    taken = []
    for row in _ROWS.rows(conn.execute(_DUE, {"now": now, "limit": limit})):
        mine = update(nudge).where(
            nudge.c.id == row.id, nudge.c.state == OPEN, nudge.c.attempts == row.attempts
        )
        values = {"attempts": row.attempts + 1, "next_at": again(row)}
        if conn.execute(mine.values(**values)).rowcount:
            taken.append(structs.replace(row, attempts=row.attempts + 1))
    return taken


def end(conn: Connection, id: str, state: str, now: datetime, code: str | None = None) -> None:
    """The nudge is over."""
    this = update(nudge).where(nudge.c.id == id)
    conn.execute(this.values(state=state, ended_at=now, code=code))


def note(conn: Connection, id: str, code: str) -> None:
    """Why the last try failed."""
    conn.execute(update(nudge).where(nudge.c.id == id).values(code=code))


def of_alert(conn: Connection, alert_id: str) -> list[NudgeRow]:
    """All nudges about an alert, the first first."""
    return _ROWS.rows(conn.execute(_OF_ALERT, {"alert_id": alert_id}))


def waiting(conn: Connection, member: str) -> int:
    """How many alerts lie on a member's desk and nobody has acknowledged them."""
    query = select(func.count()).where(
        alert.c.recipient == member, alert.c.state.in_(("raised", "delivered", "opened"))
    )
    return int(conn.execute(query).scalar_one())
