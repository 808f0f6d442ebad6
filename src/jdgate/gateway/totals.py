"""Monthly totals: messages in which the gateway adds up what rules know, for whom it concerns.

A rule says by `totals(state, period)` what one of its states adds (`core.digests.Total`). All that
is about the same things and goes to the same desk becomes one record, told once, in the morning
after the month ended. A rule that breaks is told to the authority and the rest goes on; so is a
region that has no such desk.

    plans += make_due(conn, ground, now, effects)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from math import fsum

from sqlalchemy import Connection

from jdgate.core import rules
from jdgate.core.digests import Period, Total
from jdgate.core.routing import NoDesk
from jdgate.core.rules import Failure, Rule
from jdgate.gateway.compose import Plan, portions
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.periods import ended, states_of

PLACES = 6
"""Decimal places of a sum: more are what binary fractions leave behind."""

About = tuple[tuple[str, str], ...]


def make_due(conn: Connection, ground: Ground, now: datetime, effects: Effects) -> list[Plan]:
    """The totals of all months that have ended and were not added up."""
    adding = [rule for rule in ground.rules if hasattr(rule, "totals")]
    if not adding:
        return []
    plans: list[Plan] = []
    for period in ended(conn, ground, "totals:month", "month", now):
        for rule in adding:
            try:
                plans += _plans(conn, ground, rule, period, effects)
            except Exception as error:  # one rule's fault must not keep the rest from being told
                effects.rule_failed(Failure(rule.name, None, (), rules.place_of(error)))
    return plans


def _plans(
    conn: Connection, ground: Ground, rule: Rule, period: Period, effects: Effects
) -> list[Plan]:
    figures: dict[tuple[str, str, str], dict[About, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for one in _totals(conn, ground, rule, period):
        region = one.to.region or ground.trust.directory.county
        desks = ground.regions.find(one.to.role, region)
        if not desks:
            effects.no_desk(one.type, NoDesk(one.to.role, "region", region))
        for member in desks:
            sums = figures[one.type, one.to.role, member][tuple(sorted(one.about.items()))]
            for name, figure in one.add.items():
                sums[name].append(figure)
    return [
        plan
        for (type, role, member), told in sorted(figures.items())
        for plan in _told(ground, type, role, member, told)
    ]


def _totals(conn: Connection, ground: Ground, rule: Rule, period: Period) -> Iterator[Total]:
    for state in states_of(conn, ground, rule):
        yield from rule.totals(state, period)  # type: ignore[attr-defined]


def _told(
    ground: Ground, type: str, role: str, member: str, told: dict[About, dict[str, list[float]]]
) -> Iterator[Plan]:
    sheet = ground.catalogue.sheet(type)
    records = [
        {**dict(about), **{name: _sum(figures) for name, figures in sums.items()}}
        for about, sums in sorted(told.items())
    ]
    return portions(ground, sheet, member, role, records)


def _sum(figures: list[float]) -> float:
    total = round(fsum(figures), PLACES)
    return int(total) if total.is_integer() else total
