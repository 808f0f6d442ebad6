"""Sequence numbers: what came, what is missing, and the next one to give.

Tracked messages are numbered 1, 2, 3 … for each (source → recipient). A receiver notes what came;
a hole is a gap, kept as a range (a sender that leaves out a million makes one row), which is
asked for again with `sys.resend.v1` when it has stayed open for a while.

Both databases have these tables; `member` is whose side we are on: "gateway", or the member an
edge hosts.

    report = sequences.note(conn, "cln-01", [7, 9], now)     # new_gaps=[(8, 8)]
    for (member, source), ranges in sequences.ask(conn, now, timedelta(seconds=30)).items(): …
    first = sequences.next_sequences(conn, "pol", 3)          # first, first+1, first+2
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    type_coerce,
    update,
)

from jdgate.core.resending import MAX_RANGES, merged
from jdgate.store.bulk import Upsert
from jdgate.store.columns import to_ms
from jdgate.store.tables import sequence_gap as gap
from jdgate.store.tables import sequence_in as received
from jdgate.store.tables import sequence_out as given

GATEWAY = "gateway"


class Gap(Struct, frozen=True):
    """Missing numbers `first` to `last`, both included."""

    member: str
    source: str
    first: int
    last: int


Asked: TypeAlias = tuple[str, str]
"""Whose gap it is, and the source whose numbers are missing."""


class GapReport(Struct, frozen=True):
    """What a batch of numbers did.

    `new_gaps`: ranges found missing; `filled`: numbers that closed (part of) an earlier gap;
    `reused`: numbers that had come before.
    """

    new_gaps: list[tuple[int, int]]
    filled: list[int]
    reused: list[int]


class Position(Struct, frozen=True):
    """How far a source is: everything to `contiguous` came; the highest seen is `highest`."""

    contiguous: int
    highest: int


_POSITION = select(received.c.contiguous, received.c.highest).where(
    received.c.member == bindparam("member"), received.c.source == bindparam("source")
)
_SAVE = Upsert(received, on=["member", "source"], update=["contiguous", "highest"])
_OF = (gap.c.member == bindparam("m"), gap.c.source == bindparam("s"))
_OVERLAPPING = (
    select(gap.c.first, gap.c.last)
    .where(*_OF, gap.c.first <= bindparam("high"), gap.c.last >= bindparam("low"))
    .order_by(gap.c.first)
)
_MISSING = (
    select(gap.c.first, gap.c.last).where(*_OF).order_by(gap.c.first).limit(bindparam("limit"))
)
_LOWEST = select(gap.c.first).where(*_OF).order_by(gap.c.first).limit(1)
_DROP = delete(gap).where(*_OF, gap.c.first == bindparam("f"))
_ADD = insert(gap)
_ASKED_MS = type_coerce(gap.c.asked_at, BigInteger)
_NOTICED_MS = type_coerce(gap.c.noticed_at, BigInteger)
_DUE = (
    select(gap.c.member, gap.c.source, gap.c.first, gap.c.last)
    .where(
        gap.c.noticed_at <= bindparam("before"),
        or_(
            gap.c.asked_at.is_(None),
            and_(
                gap.c.asked_at <= bindparam("before"),
                # asked long enough ago: as long as the gap was old when it was asked
                bindparam("now_ms", type_=BigInteger) >= 2 * _ASKED_MS - _NOTICED_MS,
            ),
        ),
    )
    .order_by(gap.c.noticed_at, gap.c.first)
    .limit(bindparam("limit"))
)
_OLDER = (
    select(gap.c.member, gap.c.source, gap.c.first, gap.c.last)
    .where(gap.c.noticed_at <= bindparam("before"))
    .order_by(gap.c.noticed_at, gap.c.first)
    .limit(bindparam("limit"))
)
_ASKED = update(gap).where(*_OF, gap.c.first == bindparam("f")).values(asked_at=bindparam("at"))
_LAST = select(given.c.last).where(
    given.c.member == bindparam("member"), given.c.recipient == bindparam("recipient")
)
_GIVE = Upsert(
    given,
    on=["member", "recipient"],
    merge=lambda table, new: {"last": table.c.last + new.last},
)


def missing(conn: Connection, source: str, limit: int) -> list[tuple[int, int]]:
    """The lowest ranges of numbers that did not come from `source` to the gateway."""
    given = {"m": GATEWAY, "s": source, "limit": limit}
    return [(first, last) for first, last in conn.execute(_MISSING, given)]


def note(
    conn: Connection,
    source: str,
    sequences: Iterable[int],
    now: datetime,
    *,
    member: str = GATEWAY,
) -> GapReport:
    """Note numbers that came from `source`, in any order.

    Order within one call does not matter: [9, 8] after 7 leaves no gap.
    """
    whose = {"member": member, "source": source}
    row = conn.execute(_POSITION, whose).first()
    contiguous, highest = (row[0], row[1]) if row else (0, 0)
    start = highest
    fresh: list[int] = []
    reused: list[int] = []
    older: list[int] = []
    last: int | None = None
    for number in sorted(sequences):
        if number == last:
            reused.append(number)
        elif number > start:
            fresh.append(number)
        else:
            older.append(number)
        last = number
    new_gaps: list[tuple[int, int]] = []
    for number in fresh:
        if number > highest + 1:
            new_gaps.append((highest + 1, number - 1))
        highest = number
    filled = _fill(conn, member, source, older, now) if older and contiguous < start else []
    known = set(filled)
    reused = sorted(reused + [number for number in older if number not in known])
    _add(conn, member, source, new_gaps, now)
    if fresh or filled:
        _save(conn, member, source, highest)
    return GapReport(new_gaps=new_gaps, filled=filled, reused=reused)


def _fill(
    conn: Connection, member: str, source: str, numbers: list[int], now: datetime
) -> list[int]:
    """Take `numbers` (ascending) out of the gaps that hold them, splitting ranges."""
    whose = {"m": member, "s": source}
    span = {**whose, "low": numbers[0], "high": numbers[-1]}
    filled: list[int] = []
    for first, last in conn.execute(_OVERLAPPING, span).all():
        inside = [number for number in numbers if first <= number <= last]
        if not inside:
            continue
        filled += inside
        conn.execute(_DROP, {**whose, "f": first})
        rest: list[tuple[int, int]] = []
        low = first
        for number in inside:
            if number > low:
                rest.append((low, number - 1))
            low = number + 1
        if low <= last:
            rest.append((low, last))
        _add(conn, member, source, rest, now)
    return filled


def _add(
    conn: Connection, member: str, source: str, ranges: list[tuple[int, int]], now: datetime
) -> None:
    whose = {"member": member, "source": source, "noticed_at": now, "asked_at": None}
    if ranges:
        conn.execute(_ADD, [{**whose, "first": low, "last": high} for low, high in ranges])


def _save(conn: Connection, member: str, source: str, highest: int) -> None:
    lowest = conn.execute(_LOWEST, {"m": member, "s": source}).scalar()
    contiguous = highest if lowest is None else lowest - 1
    whose = {"member": member, "source": source}
    _SAVE.run(conn, [{**whose, "contiguous": contiguous, "highest": highest}])


def void(
    conn: Connection, source: str, first: int, last: int, now: datetime, *, member: str = GATEWAY
) -> None:
    """Wait no longer for numbers `first` to `last`: `source` says that nothing comes under them."""
    whose = {"m": member, "s": source}
    span = {**whose, "low": first, "high": last}
    for low, high in conn.execute(_OVERLAPPING, span).all():
        conn.execute(_DROP, {**whose, "f": low})
        rest = [(low, first - 1), (last + 1, high)]
        _add(conn, member, source, [(a, b) for a, b in rest if a <= b], now)
    at = position(conn, source, member=member)
    if at.highest:
        _save(conn, member, source, at.highest)


def position(conn: Connection, source: str, *, member: str = GATEWAY) -> Position:
    """How far `source` is; (0, 0) when nothing came yet."""
    row = conn.execute(_POSITION, {"member": member, "source": source}).first()
    return Position(row[0], row[1]) if row else Position(0, 0)


def used(
    conn: Connection, source: str, numbers: Iterable[int], *, member: str = GATEWAY
) -> set[int]:
    """Those of `numbers` that came before: not above the highest, and in no gap."""
    at = position(conn, source, member=member)
    older = sorted(number for number in set(numbers) if number <= at.highest)
    if not older:
        return set()
    span = {"m": member, "s": source, "low": older[0], "high": older[-1]}
    gaps = [(row.first, row.last) for row in conn.execute(_OVERLAPPING, span)]
    return {n for n in older if not any(first <= n <= last for first, last in gaps)}


def gaps_older(conn: Connection, before: datetime, *, limit: int = 1000) -> list[Gap]:
    """Gaps that were noticed before `before` and are still open."""
    return [Gap(*row) for row in conn.execute(_OLDER, {"before": before, "limit": limit})]


def skip_to(conn: Connection, recipient: str, following: int, *, member: str = GATEWAY) -> None:
    """Give no number towards `recipient` below `following` any more."""
    whose = {"member": member, "recipient": recipient}
    last = conn.execute(_LAST, whose).scalar() or 0
    if following - 1 > last:
        _GIVE.run(conn, [{**whose, "last": following - 1 - last}])


def fall_back_to(
    conn: Connection, recipient: str, following: int, far: int, *, member: str = GATEWAY
) -> None:
    """Give `following` as the next number towards `recipient`, if the next is `far` above it."""
    whose = {"member": member, "recipient": recipient}
    last = conn.execute(_LAST, whose).scalar() or 0
    if last >= following + far - 1:
        _GIVE.run(conn, [{**whose, "last": following - 1 - last}])


def gaps_due(conn: Connection, now: datetime, after: timedelta, limit: int = 1000) -> list[Gap]:
    """Gaps open for `after` or longer that were not asked for within `after`.

    The pause doubles with the gap's age: what can't be sent any more is not asked for forever.
    A gap of which something came is as young as if it had just been noticed.
    """
    given = {"before": now - after, "now_ms": to_ms(now), "limit": limit}
    return [Gap(*row) for row in conn.execute(_DUE, given)]


def ask(conn: Connection, now: datetime, after: timedelta) -> dict[Asked, list[tuple[int, int]]]:
    """Which numbers to ask for now, of whom and for whom, and note that they are asked for.

    One request each, of the lowest `MAX_RANGES` ranges; the others come with the next.
    """
    gaps: dict[Asked, list[Gap]] = defaultdict(list)
    for each in gaps_due(conn, now, after):
        gaps[each.member, each.source].append(each)
    for found in gaps.values():
        found.sort(key=lambda each: each.first)
        del found[MAX_RANGES:]
    mark_asked(conn, [each for found in gaps.values() for each in found], now)
    return {whose: merged((one.first, one.last) for one in found) for whose, found in gaps.items()}


def mark_asked(conn: Connection, gaps: Iterable[Gap], now: datetime) -> None:
    """Note that these gaps were asked for."""
    rows = [{"m": each.member, "s": each.source, "f": each.first, "at": now} for each in gaps]
    if rows:
        conn.execute(_ASKED, rows)


def next_sequences(conn: Connection, recipient: str, count: int, *, member: str = GATEWAY) -> int:
    """Reserve `count` numbers towards `recipient`; the first of them.

    Gapless: a transaction that is rolled back gives its numbers back.
    """
    whose = {"member": member, "recipient": recipient}
    # the write comes first: it locks the row, so that two gateways never read the same number
    _GIVE.run(conn, [{**whose, "last": count}])
    return int(conn.execute(_LAST, whose).scalar_one()) - count + 1
