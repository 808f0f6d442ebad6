"""What is known of one person's licence, by decision: a union of what was told, in any order.

- A case is a decision document (决定书). The ground that the police notified, what the traffic
  police did, who objected, what was decided: each is kept with its day.
- A finding (`correct.result.v1`) belongs to the case whose notice it found wrong: the exchange
  gives it the person of the record that it corrects, and it names that record.
- Nothing here identifies the person but the pseudonym; the documents' numbers stay, for they
  are what both offices look a case up by.

    state = merged(Person(), fact, now)
    state.cases["邻公强戒〔2026〕1号"].open(state.found)      # the freezes that still hold
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from jdgate.plugins import Fact

from .days import plausible

BASIS = "licence.basis.notice.v1"
ACTION = "licence.action.result.v1"
OBJECTION = "licence.objection.v1"
RESTORE = "licence.restore.v1"
FINDING = "correct.result.v1"
ALERT = "licence.alert.v1"
ALL = frozenset({BASIS, ACTION, OBJECTION, RESTORE, FINDING})

MOST_CASES = 24
"""Decisions kept of one person, the last by their numbers: no order of arrival changes which."""
MOST = 16
"""Entries of one kind kept of a case, the latest."""

ENDS = ("self", "cancelled", "restored")
"""What the traffic police may have done that ends a case."""
LIFTS = ("restore", "uphold")
"""Decisions of a person that lift a freeze."""

T = TypeVar("T", str, tuple[str, str], tuple[str, str, str])
"""What entries are: all texts, so that they have an order."""


class Freeze(NamedTuple):
    """An action has to stop since `day`. `why`: objection, corrected, withdrawn, revoked."""

    day: str
    why: str

    @property
    def revoked(self) -> bool:
        """The ground itself is gone: nothing but restoring is left."""
        return self.why in ("revoked", "withdrawn")


class Case(Struct, frozen=True, array_like=True, gc=False):
    """One decision. Days are texts; "" is before all days.

    `ground`: effective day and code of the latest notice, `records` the notices ("message/index"),
    `police` who sent them; `done`: (day, action) of the traffic police; `objected`: (day, ground,
    member); `decided`: (day, decision) by a named person.
    """

    region: str = ""
    ground: tuple[str, str] = ("", "")
    records: tuple[str, ...] = ()
    police: tuple[str, ...] = ()
    done: tuple[tuple[str, str], ...] = ()
    objected: tuple[tuple[str, str, str], ...] = ()
    decided: tuple[tuple[str, str], ...] = ()

    def on(self, *actions: str) -> str:
        """The latest day of one of these actions; "" when there is none."""
        return max((day for day, action in self.done if action in actions), default="")

    @property
    def lifted(self) -> str:
        """The latest day on which a person lifted what was frozen before."""
        days = [day for day, decision in self.decided if decision in LIFTS]
        return max([*days, self.on("restored")])

    @property
    def judged(self) -> str:
        """The latest day on which a person decided anything about an objection."""
        return max([self.lifted, *(day for day, _ in self.decided)])

    @property
    def restored(self) -> str:
        """The latest day on which the licence was restored, or a person decided that it is."""
        days = [day for day, decision in self.decided if decision == "restore"]
        return max([self.on("restored"), *days])

    @property
    def held(self) -> bool:
        """The traffic police hold it, and neither went on nor were told to since."""
        held = self.on("held")
        return bool(held) and held >= self.on("notified", *ENDS) and held > self.lifted

    @property
    def closed(self) -> bool:
        """The action has come to its end since the last written notice."""
        end = max(self.on(*ENDS), self.restored)
        return bool(end) and end >= self.on("notified")

    def freezes(self, found: tuple[tuple[str, str, str], ...]) -> list[Freeze]:
        """All that ever froze it, the earliest first."""
        own = set(self.records)
        by_finding = {Freeze(day, decision) for day, decision, ref in found if ref in own}
        by_objection = {
            # that a decision was revoked, the police say; from anybody else it is an objection
            Freeze(day, "revoked" if ground == "decision_revoked" and who in self.police
                   else "objection")
            for day, ground, who in self.objected
        }  # fmt: skip
        return sorted(by_finding | by_objection)

    def open(self, found: tuple[tuple[str, str, str], ...]) -> list[Freeze]:
        """The freezes that hold: no person has lifted them since."""
        return [one for one in self.freezes(found) if one.day > self.lifted]

    def last_day(self) -> str:
        """The latest day told of this case."""
        told = (self.done, self.objected, self.decided)
        return max([self.ground[0], *(one[0] for entries in told for one in entries)])


class Person(Struct, frozen=True, array_like=True, gc=False):
    """One person. `who`: the pseudonym; `found`: (day, decision, record) of findings that a
    record was wrong."""

    who: str = ""
    cases: dict[str, Case] = {}
    found: tuple[tuple[str, str, str], ...] = ()


def merged(state: Person, fact: Fact, now: datetime) -> Person:
    """The state with a fact in it; the very same object when that changes nothing."""
    data, who = fact.data, fact.subject.hex() if fact.subject else ""
    if fact.type == FINDING:
        if data["decision"] == "upheld" or not plausible(data["decided_on"], now):
            return state
        entry = (data["decided_on"], data["decision"], f"{data['message_id']}/{data['record']}")
        found = _with(state.found, entry)
        return state if found == state.found else replace(state, who=who, found=found)
    doc = data["doc_no"] if fact.type in (BASIS, ACTION) else data["ref"]
    if not plausible(data[_DAY[fact.type]], now):
        return state
    case = state.cases.get(doc, Case())
    new = _noted(replace(case, region=max(case.region, fact.region or "")), fact)
    if new == case:
        return state
    kept = sorted({**state.cases, doc: new}.items())[-MOST_CASES:]
    cases = dict(kept)
    return state if cases == state.cases else replace(state, who=who, cases=cases)


def _noted(case: Case, fact: Fact) -> Case:
    data: dict[str, Any] = fact.data
    day = data[_DAY[fact.type]]
    if fact.type == BASIS:
        return replace(
            case,
            ground=max(case.ground, (day, data["ground_code"])),
            records=_with(case.records, f"{fact.message_id}/{fact.index}"),
            police=_with(case.police, fact.source),
        )
    if fact.type == ACTION:
        return replace(case, done=_with(case.done, (day, data["action"])))
    if fact.type == OBJECTION:
        return replace(case, objected=_with(case.objected, (day, data["ground"], fact.source)))
    return replace(case, decided=_with(case.decided, (day, data["decision"])))


_DAY = {BASIS: "effective_on", ACTION: "date", OBJECTION: "lodged_on", RESTORE: "decided_on"}


def _with(kept: tuple[T, ...], one: T) -> tuple[T, ...]:
    """`kept` (sorted) with `one`, the latest of them. What a union drops, any order drops."""
    if one in kept:
        return kept
    grown = list(kept)
    grown.append(one)
    return tuple(sorted(grown)[-MOST:])
