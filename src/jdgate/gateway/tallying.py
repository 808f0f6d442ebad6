"""What a group of messages adds to the picture: tallies of traffic, and points of rules' charts.

Rules:
- counted are messages that matter to a desk: not receipts, checkpoints and the like;
- what could not be read, or names a type that nobody agreed on, counts under no type: a name that
  a stranger made up goes nowhere;
- a rule may have `points(state)`, which gives what its state adds to charts (`core.digests.Point`).
  It is asked of each state that is saved; one that breaks is logged and the rest goes on.

    tallying.came(conn, ground, entries, now)
    tallying.note_points(conn, rule, states.values())
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import Connection

from jdgate.core.rules import Rule
from jdgate.gateway.answers import Entry
from jdgate.gateway.ground import Ground
from jdgate.plainlog import broke
from jdgate.store import figures, traffic
from jdgate.store.figures import FigureRow
from jdgate.store.traffic import GATEWAY, Leg, Tally

log = logging.getLogger(__name__)


def came(conn: Connection, ground: Ground, entries: Iterable[Entry], now: datetime) -> None:
    """Count what was judged. (Deliveries are counted where they are stored, in `compose`.)"""
    traffic.add(conn, _judged(ground, entries), now)


def _judged(ground: Ground, entries: Iterable[Entry]) -> Iterator[tuple[Leg, Tally]]:
    sheets = ground.catalogue.sheets
    for entry in entries:
        verdict = entry.verdict
        said = verdict.opened.message if verdict.opened is not None else None
        sheet = sheets.get(said.type) if said is not None else None
        if sheet is not None and not sheet.tracked:
            continue
        refused = verdict.outcome == "refused"
        leg = (verdict.arrival.member, GATEWAY, sheet.type if sheet is not None else "")
        yield (
            leg,
            Tally(
                messages=1,
                records=len(said.data) if said is not None and not refused else 0,
                refused=int(refused),
                part=int(not refused and bool(verdict.faults)),
            ),
        )


def note_points(conn: Connection, rule: Rule, states: Iterable[object]) -> None:
    """Keep what these states of a rule add to charts."""
    points = getattr(rule, "points", None)
    if points is None:
        return
    rows = []
    for state in states:
        try:
            rows += [
                FigureRow(
                    chart=one.chart, first=one.first, last=one.last, unit=one.unit, item=one.item,
                    n=one.n, of=one.of,
                )
                for one in points(state)
            ]  # fmt: skip
        except Exception as error:  # a chart must not keep messages from being taken
            broke(log, "rule %s gave no points", rule.name, error=error)
    figures.put(conn, rows)
