"""Commands that answer with pictures: who sends what to whom, and figures over time.

Who asks for a member sees what that member sent and got, and the figures that it is told; who asks
for none, the county. Whom a member's messages reached is told to it as in proofs: only where that
follows from records and directory alone (`core.oversight`). Everything is counted from tallies and
figures that the gateway keeps as it works: nothing here costs more the more there is.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import structs
from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core import spread
from jdgate.core.calendar import local_day
from jdgate.core.digests import Period, suppressed
from jdgate.core.months import Month
from jdgate.core.oversight import plain_reach
from jdgate.gateway import digests
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.ground import Ground
from jdgate.plainlog import broke
from jdgate.running import Running
from jdgate.store import alerts, dead, figures, traffic
from jdgate.store.alerts import Answered
from jdgate.store.figures import FigureRow
from jdgate.store.traffic import GATEWAY, Tally

log = logging.getLogger(__name__)

Span = Literal["hour", "day", "week"]
SPANS: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
RATES = ("courier.realname", "courier.inspect", "courier.xray")
INSPECTION, INSPECTED = "month.inspection", "precursor.inspect.result.v1"
YEAR_MONTHS = 12
MOST_STATES = 5000
"""A month that is not over is added up from the states of rules as long as they are so few."""
ANSWERED_DAYS = 90


class Overseeing:
    """The county, or one member's part in it, from above."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def flows_show(self, span: Span = "day", member: str | None = None) -> dict[str, Any]:
        """What went from whom to whom: {span, since, until, came, legs, course, dead}.

        `came`: messages to the gateway, {source, type, messages, records, refused, part}; `legs`:
        deliveries, {source, recipient, type, messages, records, waiting, dead}, of which some wait
        for the recipient's receipt or were given up; `course`: messages that came by time; `dead`:
        dead letters that wait for a person, in the whole county (None when asked for a member).
        """
        gateway, now = self._running.the_gateway, self._running.clock.now()
        since = now - SPANS.get(span, SPANS["day"])
        if span == "week":
            since = traffic.slot(since, traffic.DAY)  # what is some days old is counted by days

        def read(conn: Connection) -> dict[str, Any]:
            stuck: dict[tuple[str, str, str], dict[str, int]] = defaultdict(
                lambda: defaultdict(int)
            )
            for one in traffic.stuck(conn, since, member):
                place = (one.source or gateway.ground.me, one.recipient, one.type)
                stuck[place][one.state] += one.count
            tallies = traffic.since(conn, since, member)
            for place in stuck:  # what was tallied before the span, and was made within it
                tallies.setdefault(place, Tally())
            came, legs = [], []
            for (source, recipient, type), tally in sorted(tallies.items()):
                if recipient == GATEWAY:
                    came.append({"source": source, "type": type, **structs.asdict(tally)})
                    continue
                sheet = gateway.ground.catalogue.sheets.get(type)
                if recipient != member and member is not None and not plain_reach(sheet):
                    continue  # it would learn who is known to whom
                open_, given_up = (
                    min(stuck[source, recipient, type][state], tally.messages)
                    for state in ("open", "dead")
                )
                legs.append(
                    {"source": source, "recipient": recipient, "type": type,
                     "messages": tally.messages, "records": tally.records,
                     "waiting": open_, "dead": given_up}
                )  # fmt: skip
            course = traffic.course(conn, since, member)
            return {
                "span": span,
                "since": iso(traffic.slot(since)),
                "until": iso(now),
                "gateway": gateway.ground.me,
                "came": came,
                "legs": legs,
                "course": [
                    {"at": iso(at), "messages": one.messages, "refused": one.refused}
                    for at, one in course.items()
                ],
                "dead": dead.count_open(conn) if member is None else None,
            }

        return await gateway.read(read)

    async def charts_show(self, member: str | None = None) -> dict[str, Any]:
        """Figures over time: {rates, inspection, answered}; see the methods below. Numbers that
        are too small to be told are None."""
        gateway, now = self._running.the_gateway, self._running.clock.now()

        def read(conn: Connection) -> dict[str, Any]:
            return {
                "rates": _rates(conn, gateway.ground, member, now),
                "inspection": _inspection(conn, gateway, member, now),
                "answered": _answered(conn, gateway.ground, member, now),
            }

        return await gateway.read(read)


def _months(now: datetime) -> list[Month]:
    """The last twelve, the one that is not over last."""
    found = [Month.of(local_day(now))]
    while len(found) < YEAR_MONTHS:
        found.append(found[-1].before)
    return found[::-1]


def _heard(ground: Ground, member: str | None, unit: str) -> bool:
    """Whether a member is told figures of a unit: as with digests."""
    return member is None or member in digests.hears(ground, unit)


def _rates(
    conn: Connection, ground: Ground, member: str | None, now: datetime
) -> list[dict[str, Any]]:
    """Outlets with their periods, the oldest first: [{unit, item, periods: [{first, last,
    realname, inspect, xray}]}], in hundredths of a percent."""
    since = _months(now)[0].first.isoformat()
    outlets: dict[tuple[str, str], dict[tuple[str, str], dict[str, Any]]] = defaultdict(dict)
    heard: dict[str, bool] = {}
    for chart in RATES:
        for row in figures.since(conn, chart, since):
            if row.unit not in heard:
                heard[row.unit] = _heard(ground, member, row.unit)
            if heard[row.unit]:
                period = outlets[row.unit, row.item].setdefault((row.first, row.last), {})
                period[chart.partition(".")[2]] = row.n
    return [
        {
            "unit": unit,
            "item": item,
            "periods": [
                {"first": first, "last": last, **rates}
                for (first, last), rates in sorted(periods.items())
            ],
        }
        for (unit, item), periods in sorted(outlets.items())
    ]


def _inspection(
    conn: Connection, gateway: Gateway, member: str | None, now: datetime
) -> dict[str, Any]:
    """Enterprises inspected by month and station, as digests told it: {months, so_far, rows:
    [{unit, cells: {month: [n, of]}}]}. A cell is [None, None] where too few; the row of the
    gateway is the county's sum. The month `so_far` is not over."""
    ground, months = gateway.ground, _months(now)
    audience = figures.COUNTY if member is None else figures.UNIT
    rows = figures.since(conn, INSPECTION, months[0].first.isoformat(), audience=audience)
    told = [*rows, *_this_month(conn, ground, audience, months[-1])]
    units: dict[str, dict[str, list[int | None]]] = defaultdict(dict)
    for row in told:
        if row.unit == ground.me or _heard(ground, member, row.unit):
            units[row.unit][row.first[:7]] = [row.n, row.of]
    return {
        "months": [str(month) for month in months],
        "so_far": str(months[-1]),
        "county": ground.me,
        "rows": [{"unit": unit, "cells": units[unit]} for unit in sorted(units)],
    }


def _this_month(
    conn: Connection, ground: Ground, audience: str, month: Month
) -> Iterable[FigureRow]:
    """The month that is not over, with as much left out as there will be in its digest."""
    period = Period("month", month.first.isoformat(), month.last.isoformat())
    try:
        tallies = list(digests.so_far(conn, ground, period, INSPECTED, most=MOST_STATES))
    except Exception as error:  # a rule's fault: the months that are over can still be shown
        broke(log, "the month so far could not be added up", error=error)
        return []
    total = ground.me if audience == figures.COUNTY else ""
    wanted = INSPECTION.partition(".")[2]
    return [
        FigureRow(
            chart=INSPECTION, first=period.first, last=period.last, unit=one.unit,
            audience=audience, n=one.n, of=one.of,
        )
        for one in suppressed(tallies, total_as=total)
        if one.measure == wanted
    ]  # fmt: skip


def _answered(
    conn: Connection, ground: Ground, member: str | None, now: datetime
) -> dict[str, Any]:
    """How soon alerts of the last weeks were acknowledged and resolved, in minutes since they came
    onto their desk: {days, by: {urgency|type|desk: [{key, acknowledged, resolved}]}}, each with
    count, median and p90. Of desks by their kind, never of persons."""
    groups: dict[str, dict[str, list[Answered]]] = {
        "urgency": defaultdict(list),
        "type": defaultdict(list),
        "desk": defaultdict(list),
    }
    for one in alerts.answered(conn, now - timedelta(days=ANSWERED_DAYS), member):
        known = ground.trust.members.get(one.recipient)
        groups["urgency"]["urgent" if one.urgent else "normal"].append(one)
        groups["type"][one.type].append(one)
        if known is not None and known.roles:
            groups["desk"][known.roles[0]].append(one)
    return {
        "days": ANSWERED_DAYS,
        "by": {
            name: [
                {
                    "key": key,
                    "acknowledged": _taken(one.acknowledged_ms for one in those),
                    "resolved": _taken(one.resolved_ms for one in those),
                }
                for key, those in sorted(group.items())
            ]
            for name, group in groups.items()
        },
    }


def _taken(spans: Iterable[int | None]) -> dict[str, Any]:
    """Of what took so many milliseconds: count, median and p90, in minutes."""
    minutes = [max(one / 60_000, 0.0) for one in spans if one is not None]
    return structs.asdict(spread.told(minutes))
