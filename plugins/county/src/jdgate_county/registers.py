"""G1–G3: the registers of a town's office and of its police station, compared without names.

What comes: on each day of comparison both send one record for each person on their register, a
token and a status, and in each record how many there are. Tokens are keyed with a key that the
two hold and the gateway does not, anew for each day (`jdgate_county.tokens`).

What is compared: the newest day on which both registers are there whole.
- Somebody whom only one side has is that side's to mend: it alone can read the token. It tells
  the other, or takes the person off. Who is `ended` or `moved_out` may be missing elsewhere.
- Where statuses differ, the township takes over the station's, for the police decide (戒毒条例
  23, 24); of `moved_out` the station takes over the township's, which hands over (22).
- Each side hears of its own differences and by the tokens it sent itself, and of no other.

What follows
- G2: an alert for each difference. The next comparison settles it.
- G3: more differences than make sense (two keys, another town's list): one alert instead.
- G1: a register that is not there whole some days after its day.

    rule = RegisterRule(Settings())
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import add_days
from jdgate.core.regions import covers
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .days import passed, plausible
from .settings import Settings

REGISTER = "reconcile.register.v1"
DIFFERENCE = "reconcile.difference.v1"
ALERT = "county.alert.v1"

TOWN, STATION = "town", "station"
ROLE = {TOWN: "COM", STATION: "PS"}
STATUSES = ("serving", "suspended", "moved_out", "ended")
"""Of one person sent twice with two statuses, the later here counts."""
OVER = frozenset(("moved_out", "ended"))
TOWN_DECIDES = frozenset(("moved_out",))

MOST_ROUNDS = 3
"""Days of comparison kept for each side, the latest."""
MOST_ENTRIES = 1500
"""Entries kept of one register. A larger one is never whole, which G1 tells."""


class Register(Struct, frozen=True, array_like=True, gc=False):
    """What one member sent for one day: token → place of the status in `STATUSES`."""

    member: str = ""
    total: int = 0
    entries: dict[str, int] = {}

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return bool(self.member) and len(self.entries) == self.total


class Town(Struct, frozen=True, array_like=True, gc=False):
    """A town's registers: side → day → register."""

    town: str = ""
    sides: dict[str, dict[str, Register]] = {}


class Difference(NamedTuple):
    """What one side has to mend: `status` is the other side's, "" when it lacks the person."""

    token: str
    status: str


class RegisterRule:
    """Compares, and expects the next registers."""

    name = "county.reconcile"
    version = 1
    types = frozenset({REGISTER})
    state = Town
    explains: ClassVar = {
        "G1": "county.rule_register_late",
        "G2": "county.rule_difference",
        "G3": "county.rule_registers_apart",
    }
    outcomes: ClassVar = {
        "G1": {"sent": "county.outcome_sent"},
        "G2": {"corrected": "county.outcome_corrected", "told_other": "county.outcome_told_other"},
        "G3": {"key": "county.outcome_key", "corrected": "county.outcome_corrected"},
    }

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The town, when the sender's region or the message's is in it or around it."""
        town = str(fact.data["town"])
        region = fact.region
        return town if region and (covers(region, town) or covers(town, region)) else None

    def step(self, state: Town, fact: Fact, now: datetime) -> tuple[Town, Sequence[Effect]]:
        """Enter one person; when both registers are whole, say what differs."""
        data, day, side = fact.data, fact.data["round"], fact.data["side"]
        if not plausible(day, now):
            return state, ()
        rounds = state.sides.get(side, {})
        entered = _entered(rounds.get(day, Register()), fact.source, data)
        kept = sorted({*rounds, day})[-MOST_ROUNDS:]
        if entered == rounds.get(day) or day not in kept:
            return state, ()
        held = {**rounds, day: entered}
        sides = {**state.sides, side: {one: held[one] for one in kept}}
        new = Town(data["town"], sides)
        gone: list[Effect] = []
        if _last_whole(new, side) > _last_whole(state, side):
            gone.append(Settle(_late(new, side)))
        return new, [*gone, *changes(self.standing(state), self.standing(new))]

    def due(self, state: Town, name: str, now: datetime) -> tuple[Town, Sequence[Effect]]:
        """A register did not come, or not whole."""
        side = name.partition(":")[2]
        if side not in ROLE or not state.town:
            return state, ()
        day, member = self._next(state, side), _member(state, side)
        known = {"unit": member} if member else {}
        return state, [
            Alert(
                cause=_late(state, side),
                rule_id="G1",
                type=ALERT,
                to=member or Role(ROLE[side], state.town),
                data={**known, "due_on": day},
                title_code="county.register_late",
                params={"town": state.town, "day": day},
            )
        ]

    def standing(self, state: Town) -> list[Standing]:
        """The differences of the newest comparison, and when the next registers are late."""
        if not state.town:
            return []
        found = list(self._differences(state))
        for side in ROLE:
            late = passed(self._next(state, side), self._settings.reconcile_grace_days)
            sender = _member(state, side) or ROLE[side]
            found.append(Expect(f"register:{side}", late, awaits=REGISTER, of=sender))
        return found

    def _differences(self, state: Town) -> Iterator[Standing]:
        town, station = state.sides.get(TOWN, {}), state.sides.get(STATION, {})
        both = [day for day in town if day in station and town[day].whole and station[day].whole]
        if not both:
            return
        day = max(both)
        for side, differences in compare(town[day], station[day]).items():
            member = state.sides[side][day].member
            about = {"round": day, "town": state.town}
            if len(differences) > self._settings.differences_most:
                count = len(differences)
                yield Alert(
                    cause=f"apart:{state.town}:{day}:{side}",
                    rule_id="G3",
                    type=ALERT,
                    to=member,
                    data={"unit": member, "count": count},
                    title_code="county.registers_apart",
                    params={"day": day, "count": count},
                )
                continue
            for one in differences:
                mend = {"mend": "status", "status": one.status} if one.status else {
                    "mend": "unmatched"
                }  # fmt: skip
                yield Alert(
                    cause=f"difference:{state.town}:{day}:{one.token}",
                    rule_id="G2",
                    type=DIFFERENCE,
                    to=member,
                    data={**about, "token": one.token, **mend},
                    title_code=f"county.difference_{mend['mend']}",
                )

    def _next(self, state: Town, side: str) -> str:
        """The day of comparison whose register is wanted next of a side."""
        last = _last_whole(state, side)
        if not last:
            last = add_days(min(day for one in state.sides.values() for day in one), -1)
        day = date.fromisoformat(last) + timedelta(1)
        while day.isoweekday() not in self._settings.reconcile_days:
            day += timedelta(1)
        return day.isoformat()


def compare(town: Register, station: Register) -> dict[str, list[Difference]]:
    """What each side has to mend, by side; tokens in their order."""
    found: dict[str, list[Difference]] = {TOWN: [], STATION: []}
    for side, own, other in ((TOWN, town, station), (STATION, station, town)):
        found[side] += (
            Difference(token, "")
            for token, at in own.entries.items()
            if token not in other.entries and STATUSES[at] not in OVER
        )
    for token, at in town.entries.items():
        other_at = station.entries.get(token, at)
        if other_at == at:
            continue
        here, there = STATUSES[at], STATUSES[other_at]
        if TOWN_DECIDES.isdisjoint((here, there)):
            found[TOWN].append(Difference(token, there))
        else:
            found[STATION].append(Difference(token, here))
    return {side: sorted(found[side]) for side in found}


def _entered(old: Register, member: str, data: dict[str, Any]) -> Register:
    """Of two members who send one register the one later by its id counts, and nothing of the
    other."""
    if member < old.member:
        return old
    if member > old.member:
        old = Register(member)
    entries, token = old.entries, data.get("token")
    if token is not None:
        at = STATUSES.index(data["status"])
        if entries.get(token, -1) < at:
            entries = {**entries, token: at}
            if len(entries) > MOST_ENTRIES:
                entries.pop(max(entries))
    return replace(old, total=max(old.total, data["total"]), entries=entries)


def _last_whole(state: Town, side: str) -> str:
    return max((day for day, one in state.sides.get(side, {}).items() if one.whole), default="")


def _member(state: Town, side: str) -> str:
    """Who sent a side's newest register; "" when nobody ever did."""
    rounds = state.sides.get(side, {})
    return rounds[max(rounds)].member if rounds else ""


def _late(state: Town, side: str) -> str:
    return f"late:{state.town}:{side}"
