"""Digests at the gateway: counted from the books, told to those whose task it is.

The authority hears of every unit and of the county; a unit of itself; the police of stations, the
postal bureau of companies. Rules bring numbers of their own (`tally`); one that breaks is told to
the authority and the rest goes on.

    plans += make_due(conn, ground, now, effects)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time
from statistics import median

from sqlalchemy import Connection

from jdgate.core import calendar, rules
from jdgate.core.alerts import AlertLife, Step
from jdgate.core.digests import (
    IN_TIME,
    MINUTES,
    SPANS,
    Cell,
    Period,
    Tally,
    suppressed,
)
from jdgate.core.rules import Failure, Role, Rule
from jdgate.gateway.compose import Plan, portions
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.periods import ended, states_of
from jdgate.store import alerts, expectations, figures, rulestate
from jdgate.store.figures import FigureRow

DIGEST = "county.digest.v1"
OVERSEEN = {"POL": "PS", "POST": "CUR"}
"""Who hears of the units of which role, beside the authority."""


def make_due(conn: Connection, ground: Ground, now: datetime, effects: Effects) -> list[Plan]:
    """The digests of all periods that have ended and were not digested."""
    plans: list[Plan] = []
    for span in SPANS:
        if span in ground.digests.spans:
            for period in ended(conn, ground, f"digest:{span}", span, now):
                plans += _digest(conn, ground, period, effects)
    return plans


def _digest(conn: Connection, ground: Ground, period: Period, effects: Effects) -> list[Plan]:
    if period.span == "day":
        tallies = [*_waiting(conn, ground, period)]
    else:
        tallies = [*_answered(conn, ground, period), *_ruled(conn, ground, period, effects)]
    told: dict[str, list[Cell]] = defaultdict(list)
    told[ground.authority] = suppressed(tallies, total_as=ground.me)
    to_units = suppressed(tallies)
    _keep(conn, period, told[ground.authority], figures.COUNTY)
    _keep(conn, period, to_units, figures.UNIT)
    for cell in to_units:
        for member in hears(ground, cell.unit):
            told[member].append(cell)
    return [plan for member, rows in told.items() for plan in _plans(ground, period, member, rows)]


def _keep(conn: Connection, period: Period, cells: list[Cell], audience: str) -> None:
    """Keep for charts what is told, as it is told: what is left out here is left out there."""
    figures.put(
        conn,
        [
            FigureRow(
                chart=f"{period.span}.{cell.measure}", first=period.first, last=period.last,
                unit=cell.unit, audience=audience, n=cell.n, of=cell.of,
            )
            for cell in cells
        ],
    )  # fmt: skip


def hears(ground: Ground, unit: str) -> list[str]:
    """Who hears of a unit beside the authority, which has it with the county's total."""
    members = {unit: None}
    for overseer, overseen in OVERSEEN.items():
        if ground.regions.has_role(unit, overseen):
            members.update(dict.fromkeys(ground.regions.with_role(overseer)))
    members.pop(ground.authority, None)
    return list(members)


def _plans(ground: Ground, period: Period, member: str, cells: list[Cell]) -> Iterator[Plan]:
    sheet = ground.catalogue.sheets[DIGEST]
    known = ground.trust.members.get(member)
    role = next((one for one in known.roles if sheet.fields_for(one)), "") if known else ""
    if not role or not ground.regions.has_role(member, "*"):
        return
    records = [
        {
            "span": period.span,
            "period_from": period.first,
            "period_to": period.last,
            "unit": cell.unit,
            "measure": cell.measure,
            **({"suppressed": True} if cell.n is None else {"n": cell.n}),
            **({} if cell.of is None else {"of": cell.of}),
        }
        for cell in cells
    ]
    yield from portions(ground, sheet, member, role, records)


def _bounds(period: Period) -> tuple[datetime, datetime]:
    """When it began, and when it was over."""
    return (
        calendar.at_local(period.first, time(0)),
        calendar.at_local(calendar.add_days(period.last, 1), time(0)),
    )


def _waiting(conn: Connection, ground: Ground, period: Period) -> Iterator[Tally]:
    """What had not come, and what nobody had acknowledged, when the day was over."""
    _, end = _bounds(period)
    members = ground.trust.members
    for row in expectations.search(
        conn, state=None, due_before=end, only_missed=True, limit=100_000
    ):
        first = row.key.partition("/")[0]
        unit = row.of if row.of in members else first if first in members else ground.authority
        yield Tally(unit, "reports_missing", 1)
    for life in alerts.on_desks(conn, None, end):
        if life.acknowledged_at is None or life.acknowledged_at >= end:
            gone = [at for at in (life.resolved_at, life.closed_at) if at is not None]
            if not gone or min(gone) >= end:
                yield Tally(life.recipient, "alerts_waiting", 1)


def _answered(conn: Connection, ground: Ground, period: Period) -> Iterator[Tally]:
    """How soon alerts were acknowledged that came onto desks in the period."""
    begin, end = _bounds(period)
    minutes: dict[str, list[float]] = defaultdict(list)
    for life in alerts.on_desks(conn, begin, end):
        for left in life.desks[:-1]:  # these let it lie
            yield Tally(left, IN_TIME, 0, 1)
        due = _acknowledge_by(ground, life)
        at = life.acknowledged_at
        if at is None and (life.closed_at is not None or due is None or due > end):
            continue
        yield Tally(life.recipient, IN_TIME, int(at is not None and (due is None or at <= due)), 1)
        if at is not None:
            minutes[life.recipient].append((at - life.desk_at).total_seconds() / 60)
    for unit, taken in minutes.items():
        yield Tally(unit, MINUTES, round(median(taken)), len(taken))


def _acknowledge_by(ground: Ground, life: AlertLife) -> datetime | None:
    allowed = ground.times.allowed(life).get(Step.ACKNOWLEDGED)
    if allowed is None:
        return None
    return ground.times.after(life.desk_at, allowed, urgent=life.urgent)


def so_far(
    conn: Connection, ground: Ground, period: Period, type: str, *, most: int
) -> Iterator[Tally]:
    """What a period that is not over comes to by now, from the rules that read a type of message
    and have no more than `most` states. Nothing of it may be told before it went through
    `suppressed`."""
    for rule in ground.rules:
        counts = hasattr(rule, "tally") and type in rule.types
        if counts and rulestate.count(conn, rule.name) <= most:
            yield from _of_rule(conn, ground, rule, period)


def _ruled(conn: Connection, ground: Ground, period: Period, effects: Effects) -> Iterator[Tally]:
    """What rules add up from their own states."""
    for rule in ground.rules:
        tally = getattr(rule, "tally", None)
        if tally is None:
            continue
        try:
            found = list(_of_rule(conn, ground, rule, period))
        except Exception as error:  # one rule's fault must not keep the rest from being told
            effects.rule_failed(Failure(rule.name, None, (), rules.place_of(error)))
            continue
        yield from found


def _of_rule(conn: Connection, ground: Ground, rule: Rule, period: Period) -> Iterator[Tally]:
    county = ground.trust.directory.county
    tally = rule.tally  # type: ignore[attr-defined]
    for state in states_of(conn, ground, rule):
        for one in tally(state, period):
            if not isinstance(one.unit, Role):
                yield one
                continue
            for unit in ground.regions.find(one.unit.role, one.unit.region or county)[:1]:
                yield Tally(unit, one.measure, one.n, one.of)
