"""How much went from whom to whom: tallies of ten minutes, written with what they count.

A message counts once where it comes in (to `GATEWAY`), and once for each desk it is delivered to.
Tallies are added to and never looked through one message at a time, so a picture of a week costs
the same whatever passed in it. After some hours those of an hour are made one (`roll_up`), after
some days those of a day, and after some weeks they are forgotten.

    traffic.add(conn, [(("cln-01", GATEWAY, "mmt.attendance.v1"), Tally(1, 30))], now)
    traffic.since(conn, now - timedelta(days=1), member="cln-01")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct
from sqlalchemy import BindParameter, Connection, bindparam, delete, func, or_, select

from jdgate.store.bulk import Upsert
from jdgate.store.columns import EPOCH
from jdgate.store.tables import delivery, message, traffic

GATEWAY = ""
"""The recipient of what comes in."""
SLOT = timedelta(minutes=10)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
COARSER = ((HOUR, timedelta(hours=3), 5 * DAY), (DAY, timedelta(days=3), timedelta(days=14)))
"""Tallies become those of an hour when they are three hours old, and of a day after three days; how
far back is looked for some that are not yet, as after down time."""
_EAST = timedelta(hours=8)
KEPT = timedelta(days=35)

Leg = tuple[str, str, str]
"""From whom, to whom, of which type."""


class Tally(Struct, frozen=True):
    """So many messages with so many records; `refused` and `part` of the messages."""

    messages: int = 0
    records: int = 0
    refused: int = 0
    part: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.messages + other.messages,
            self.records + other.records,
            self.refused + other.refused,
            self.part + other.part,
        )


_NUMBERS = Tally.__struct_fields__
_ADD = Upsert(
    traffic,
    on=["at", "source", "recipient", "type"],
    merge=lambda table, given: {name: table.c[name] + given[name] for name in _NUMBERS},
)
_SUMS = tuple(func.sum(traffic.c[name]) for name in _NUMBERS)
_SINCE = (
    select(traffic.c.source, traffic.c.recipient, traffic.c.type, *_SUMS)
    .where(traffic.c.at >= bindparam("since"))
    .group_by(traffic.c.source, traffic.c.recipient, traffic.c.type)
)
_WHOSE: BindParameter[str] = bindparam("whose")
_OF = _SINCE.where(or_(traffic.c.source == _WHOSE, traffic.c.recipient == _WHOSE))
_FINE = (traffic.c.at >= bindparam("from_"), traffic.c.at < bindparam("before"))
_FINER = select(func.count()).where(traffic.c.at > bindparam("from_"), _FINE[1])
# what is deleted is what is added again: with several gateways each row is taken by one
_TAKE = delete(traffic).where(*_FINE).returning(
    traffic.c.source, traffic.c.recipient, traffic.c.type,
    *(traffic.c[name] for name in _NUMBERS),
)  # fmt: skip
_FORGET = delete(traffic).where(traffic.c.at < bindparam("before"))
_FIRST = select(func.min(traffic.c.at))


def slot(at: datetime, size: timedelta = SLOT) -> datetime:
    """The beginning of the ten minutes, the hour or the county's day of a moment."""
    return EPOCH + (at.astimezone(UTC) - EPOCH + _EAST) // size * size - _EAST


def add(conn: Connection, counted: Iterable[tuple[Leg, Tally]], now: datetime) -> None:
    """Count these, in the transaction that writes what they count."""
    _write(conn, _summed(slot(now), counted))


def _summed(
    at: datetime, counted: Iterable[tuple[Leg, Tally]]
) -> dict[tuple[datetime, str, str, str], Tally]:
    tallies: dict[tuple[datetime, str, str, str], Tally] = {}
    for leg, one in counted:
        place = (at, *leg)
        before = tallies.get(place)
        tallies[place] = one if before is None else before + one
    return tallies


def _write(conn: Connection, tallies: Mapping[tuple[datetime, str, str, str], Tally]) -> None:
    _ADD.run(
        conn,
        [
            {"at": at, "source": source, "recipient": recipient, "type": type,
             "messages": one.messages, "records": one.records, "refused": one.refused,
             "part": one.part}
            for (at, source, recipient, type), one in sorted(tallies.items())
        ],
    )  # fmt: skip


def since(conn: Connection, at: datetime, member: str | None = None) -> dict[Leg, Tally]:
    """What went from the ten minutes of `at` on: all of it, or what `member` sent or got."""
    given: dict[str, object] = {"since": slot(at)}
    if member is not None:
        given["whose"] = member
    rows = conn.execute(_SINCE if member is None else _OF, given)
    return {(row[0], row[1], row[2]): Tally(*(int(one) for one in row[3:])) for row in rows}


def roll_up(conn: Connection, now: datetime) -> None:
    """Make hours of what is some hours old, and days of what is some days old; forget what is some
    weeks old."""
    conn.execute(_FORGET, {"before": slot(now - KEPT, DAY)})
    for size, after, back in COARSER:
        until = slot(now - after, size)
        at = slot(until - back, size)
        while at < until:
            span = {"from_": at, "before": at + size}
            if conn.execute(_FINER, span).scalar_one():
                taken = conn.execute(_TAKE, span).all()
                legs = (((row[0], row[1], row[2]), Tally(*row[3:])) for row in taken)
                _write(conn, _summed(at, legs))
            at += size


def course(conn: Connection, at: datetime, member: str | None = None) -> dict[datetime, Tally]:
    """What came in from the ten minutes of `at` on, by the tallies' time: of everybody, or of
    `member`."""
    query = select(traffic.c.at, *_SUMS).where(
        traffic.c.at >= slot(at), traffic.c.recipient == GATEWAY
    )
    if member is not None:
        query = query.where(traffic.c.source == member)
    rows = conn.execute(query.group_by(traffic.c.at).order_by(traffic.c.at))
    return {row[0]: Tally(*(int(one) for one in row[1:])) for row in rows}


class Stuck(Struct, frozen=True):
    """So many deliveries made since some time that are open, or were given up (`dead`); `source`
    is None for what the gateway originated."""

    source: str | None
    recipient: str
    type: str
    state: str
    count: int


def stuck(conn: Connection, at: datetime, member: str | None = None) -> list[Stuck]:
    """What was to be delivered since the ten minutes of `at` and is not; see `since`."""
    kinds = (message.c.source, delivery.c.recipient, delivery.c.type, delivery.c.state)
    query = (
        select(*kinds, func.count())
        .select_from(delivery.outerjoin(message, message.c.id == delivery.c.message_id))
        .where(
            delivery.c.state.in_(("open", "dead")),
            delivery.c.created_at >= slot(at),
        )
        .group_by(*kinds)
    )
    if member is not None:
        query = query.where(or_(message.c.source == member, delivery.c.recipient == member))
    return [Stuck(*row) for row in conn.execute(query)]
