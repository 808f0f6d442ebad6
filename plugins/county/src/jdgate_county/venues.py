"""V1, V2: entertainment venues, by their USCC: what was to be put right, and patrols left out.

- V1: a failed patrol stands until the venue passes one on a later day; when its date has passed,
  the station that patrols is told. Of two dates for one patrol the later counts.
- V2: a venue that nobody has patrolled for some days. Any patrol counts, also a failed one.

    rule = VenueRule(Settings())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from jdgate.core.calendar import add_days
from jdgate.plugins import Alert, Effect, Expect, Fact, Settle, changes

from .days import passed, plausible
from .registers import ALERT
from .settings import Settings

PATROL = "venue.patrol.result.v1"
MOST_FAILED = 20
"""Failed patrols kept for each venue, the latest."""


class Venue(Struct, frozen=True, array_like=True, gc=False):
    """One venue: the newest patrol with who made it, the day it last passed, and the date set at
    each patrol it failed since."""

    uscc: str = ""
    newest: tuple[str, str] = ("", "")
    passed: str = ""
    failed: dict[str, str] = {}


class VenueRule:
    """Expects that what failed is put right, and the next patrol."""

    name = "county.venue"
    version = 1
    types = frozenset({PATROL})
    state = Venue
    explains: ClassVar = {"V1": "county.rule_venue_fix", "V2": "county.rule_venue_patrol"}
    outcomes: ClassVar = {
        "V1": {
            "patrolled": "county.outcome_patrolled",
            "closed_down": "county.outcome_closed_down",
        },
        "V2": {
            "patrolled": "county.outcome_patrolled",
            "closed_down": "county.outcome_closed_down",
        },
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._days = (settings or Settings()).patrol_days

    def key(self, fact: Fact) -> str | None:
        """The venue."""
        return str(fact.data["uscc"])

    def step(self, state: Venue, fact: Fact, now: datetime) -> tuple[Venue, Sequence[Effect]]:
        """Note the patrol; it settles what it answers."""
        data, day = fact.data, fact.data["date"]
        if not plausible(day, now):
            return state, ()
        last, failed = state.passed, state.failed
        if data["result"] == "passed":
            last = max(last, day)
        else:
            failed = {**failed, day: max(failed.get(day, ""), data["fix_by"])}
        kept = sorted(one for one in failed if one >= last)[-MOST_FAILED:]
        newest = max(state.newest, (day, fact.source))
        new = Venue(data["uscc"], newest, last, {one: failed[one] for one in kept})
        if new == state:
            return state, ()
        gone: list[Effect] = [
            Settle(_fix(state, one))
            for one, due_on in state.failed.items()
            if new.failed.get(one) != due_on
        ]
        if state.newest[0] not in ("", newest[0]):
            gone.append(Settle(_patrol(state)))
        return new, [*gone, *changes(self._standing(state), self._standing(new))]

    def due(self, state: Venue, name: str, now: datetime) -> tuple[Venue, Sequence[Effect]]:
        """The date has passed, or the days without a patrol."""
        what, _, day = name.partition(":")
        last, member = state.newest
        if not last:
            return state, ()
        if what == "patrol":
            due_on = add_days(last, self._days)
            told: dict[str, object] = {"uscc": state.uscc, "last": last, "days": self._days}
            return state, [_alert(state, _patrol(state), "V2", member, due_on, told)]
        if day not in state.failed:
            return state, ()
        due_on = state.failed[day]
        told = {"uscc": state.uscc, "checked_on": day, "due_on": due_on}
        return state, [_alert(state, _fix(state, day), "V1", member, due_on, told)]

    def _standing(self, state: Venue) -> list[Expect]:
        if not state.uscc:
            return []
        last, member = state.newest
        dates = {f"fix:{day}": passed(due_on) for day, due_on in state.failed.items()}
        dates["patrol"] = passed(last, self._days)
        return [Expect(name, due, awaits=PATROL, of=member) for name, due in dates.items()]


def _alert(
    state: Venue, cause: str, rule_id: str, to: str, due_on: str, params: dict[str, object]
) -> Alert:
    code = {"V1": "county.venue_not_fixed", "V2": "county.venue_not_patrolled"}[rule_id]
    data = {"uscc": state.uscc, "due_on": due_on}
    return Alert(cause, rule_id, ALERT, to, data, code, params)


def _fix(state: Venue, day: str) -> str:
    return f"fix:{state.uscc}:{day}"


def _patrol(state: Venue) -> str:
    return f"patrol:{state.uscc}:{state.newest[0]}"
