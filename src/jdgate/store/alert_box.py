"""Edge: how the alerts of its members stand, as the gateway last said, and what people here did.

alert_box.hear(conn, row)                    # from `sys.alert.life.v1`
alert_box.step(conn, member, alert_id, "acknowledged", by="王医生", outcome=None)
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from jdgate.core.alerts import ORDER, Step
from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader
from jdgate.store.edge_tables import alert_box


class AlertBoxRow(Struct, kw_only=True, frozen=True):
    """`told`: the number of the message that said so. `note`: a text code, why the gateway did
    not do what was asked, or that the alert moved on. `delivery_id`: the alert in the inbox.
    `outcomes`: what may have come of it, code → code of its text."""

    member: str
    id: str
    type: str
    rule: str
    title_code: str
    desk: str
    level: int
    urgent: bool
    state: str
    repeats: int
    told: int
    received_at: datetime
    explains: str | None = None
    delivery_id: str | None = None
    due_step: str | None = None
    due_at: datetime | None = None
    note: str | None = None
    by: str | None = None
    outcome: str | None = None
    outcomes: dict[str, str] | None = None

    @property
    def here(self) -> bool:
        """Whether it lies on this member's desk."""
        return self.desk == self.member

    @property
    def open(self) -> bool:
        """Whether somebody at this desk still has to do something."""
        return self.here and self.state not in (Step.RESOLVED, Step.CLOSED)


_ROWS = Reader(alert_box, AlertBoxRow)
_CHANGING = [name for name in _ROWS.names if name not in ("member", "id", "received_at")]
_PUT = Upsert(alert_box, on=["member", "id"], update=_CHANGING)
_OPEN = [step.value for step in ORDER if step not in (Step.RESOLVED, Step.CLOSED)]
_GET = _ROWS.select.where(
    alert_box.c.member == bindparam("member"), alert_box.c.id == bindparam("id")
)


def hear(conn: Connection, row: AlertBoxRow) -> bool:
    """Keep what the gateway says of an alert; False when something newer is known.

    An answer that crossed with a step made here does not undo the step, unless it says why.
    """
    known = get(conn, row.member, row.id)
    if known is not None:
        if row.told <= known.told:
            return False
        same_desk = (row.desk, row.level) == (known.desk, known.level)
        if same_desk and row.note is None and _rank(row.state) < _rank(known.state):
            row = structs.replace(row, state=known.state, by=known.by, outcome=known.outcome)
        row = structs.replace(
            row,
            delivery_id=row.delivery_id or known.delivery_id,
            outcomes=row.outcomes or known.outcomes,
        )
    _PUT.run(conn, [structs.asdict(row)])
    return True


def _rank(state: str) -> int:
    return ORDER.index(Step(state))


def step(
    conn: Connection, member: str, alert_id: str, state: str, *, by: str, outcome: str | None
) -> None:
    """Note a step made here, whose message is in the outbox (same transaction)."""
    this = update(alert_box).where(alert_box.c.member == member, alert_box.c.id == alert_id)
    conn.execute(this.values(state=state, by=by or None, outcome=outcome, note=None))


def passed_on(conn: Connection, member: str, alert_id: str, to: str) -> None:
    """Note that it was passed on to another member (same transaction)."""
    this = update(alert_box).where(alert_box.c.member == member, alert_box.c.id == alert_id)
    conn.execute(this.values(desk=to, note=None))


def get(conn: Connection, member: str, alert_id: str) -> AlertBoxRow | None:
    """One alert by its id."""
    return _ROWS.row(conn.execute(_GET, {"member": member, "id": alert_id}))


def search(
    conn: Connection,
    *,
    member: str | None = None,
    state: str | None = None,
    only_open: bool = False,
    limit: int = 100,
) -> list[AlertBoxRow]:
    """Alerts that match all given filters, newest first. `only_open`: as `AlertBoxRow.open`."""
    wanted: list[ColumnElement[bool]] = []
    if only_open:
        wanted.append(alert_box.c.desk == alert_box.c.member)
        wanted.append(alert_box.c.state.not_in((Step.RESOLVED.value, Step.CLOSED.value)))
    if member is not None:
        wanted.append(alert_box.c.member == member)
    if state is not None:
        wanted.append(alert_box.c.state == state)
    query = _ROWS.select.where(*wanted).order_by(
        alert_box.c.received_at.desc(), alert_box.c.id.desc()
    )
    return _ROWS.rows(conn.execute(query.limit(limit)))


def waiting(
    conn: Connection, member: str, *, after: AlertBoxRow | None = None, limit: int = 50
) -> list[AlertBoxRow]:
    """Open alerts on a member's desk, the most urgent deadline first, those without one last.
    `after`: the last one seen."""
    due, key = alert_box.c.due_at, alert_box.c.id
    wanted = _waits(member)
    if after is not None and after.due_at is not None:
        later = or_(due > after.due_at, and_(due == after.due_at, key > after.id))
        wanted.append(or_(due.is_(None), later))
    elif after is not None:
        wanted += [due.is_(None), key > after.id]
    query = _ROWS.select.where(*wanted).order_by(due.is_(None), due, key)
    return _ROWS.rows(conn.execute(query.limit(limit)))


def count_waiting(conn: Connection, member: str) -> int:
    """How many alerts are open on a member's desk."""
    query = select(func.count()).select_from(alert_box).where(*_waits(member))
    return int(conn.execute(query).scalar_one())


def _waits(member: str) -> list[ColumnElement[bool]]:
    # by the steps it may have, so that those of the past are not looked through
    return [
        alert_box.c.member == member,
        alert_box.c.desk == member,
        alert_box.c.state.in_(_OPEN),
    ]
