"""What is known of one person's release: notice, receipts, papers, merged in any order.

- The notice written last holds: message ids sort by the time they were written.
- A receipt belongs to the release whose day it names, so that a notice with another day is
  acknowledged anew. Papers belong to the release if they were handed over in the 90 days before
  it or later.

    state = merged(Release(), fact, now)
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import add_days, day_of
from jdgate.plugins import Fact

PRENOTICE = "release.prenotice.v1"
HANDOVER = "release.handover.v1"
RECEIVED = "release.received.v1"
ALERT = "release.alert.v1"
ALL = frozenset({PRENOTICE, HANDOVER, RECEIVED})

MOST = 24
"""Receipts, days with papers, and days of release that are kept, the latest."""
BEFORE = 90
"""Days before a release from which papers are held to be for it."""
FIRST = "2000-01-01"
AHEAD = 3660
"""Days: nobody's release is announced longer before."""

V = TypeVar("V")


class Notice(Struct, frozen=True, array_like=True, gc=False):
    """The notice of a release. `written`: message and place in it; `told`: the moment (UTC) at
    which it first came in; `source` who sent it."""

    written: tuple[str, int] = ("", 0)
    name: str = ""
    id_type: str = ""
    id_no: str = ""
    town: str = ""
    release_on: str = ""
    measure: str = ""
    source: str = ""
    told: str = ""

    @property
    def receiver(self) -> str:
        """Who receives the person: the township where a measure follows, else the station."""
        return "PS" if self.measure == "none" else "COM"


class Papers(Struct, frozen=True, array_like=True, gc=False):
    """What was handed over on one day; `told`: the moment at which that first came in."""

    docs: tuple[str, ...] = ()
    town: str = ""
    source: str = ""
    told: str = ""


class Release(Struct, frozen=True, array_like=True, gc=False):
    """One person. `who`: the pseudonym; `came`: by day of release, the day of its first notice;
    `handed` by day; `received`: (day of release, what, day, papers)."""

    who: str = ""
    notice: Notice = Notice()
    came: dict[str, str] = {}
    handed: dict[str, Papers] = {}
    received: tuple[tuple[str, str, str, tuple[str, ...]], ...] = ()

    def has(self, *what: str) -> bool:
        """Whether somebody acknowledged one of these for this release."""
        return any(one[0] == self.notice.release_on and one[1] in what for one in self.received)

    def papers(self) -> list[tuple[str, Papers]]:
        """The papers handed over for this release, by day."""
        since = add_days(self.notice.release_on, -BEFORE)
        return [(day, papers) for day, papers in sorted(self.handed.items()) if day >= since]

    def missing(self) -> list[str]:
        """The papers that were handed over and not acknowledged, in order."""
        handed = {doc for _, papers in self.papers() for doc in papers.docs}
        there = {
            doc for on, what, _, docs in self.received if on == self.notice.release_on
            if what == "papers" for doc in docs
        }  # fmt: skip
        return sorted(handed - there)

    def papers_received_on(self) -> str:
        """The latest day on which papers for this release were acknowledged; "": none were."""
        on = self.notice.release_on
        return max((one[2] for one in self.received if one[:2] == (on, "papers")), default="")

    def last_day(self) -> str:
        """The latest day that anything here is about."""
        days = [self.notice.release_on, *self.handed, *(one[2] for one in self.received)]
        return max(days)


def merged(state: Release, fact: Fact, now: datetime) -> Release:
    """The state with a fact in it; an equal one when that changes nothing."""
    data, who = fact.data, fact.subject.hex() if fact.subject else ""
    today, moment = day_of(now), f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if fact.type == PRENOTICE:
        if not FIRST <= data["release_on"] <= add_days(today, AHEAD):
            return state
        new = _notice(fact, moment)
        old = state.notice
        if new.written == old.written:
            new = replace(new, told=min(new.told, old.told))
        came = {**state.came}
        came[new.release_on] = min(came.get(new.release_on, today), today)
        newest = new if new.written >= old.written else old
        return replace(state, who=who, notice=newest, came=_latest(came))
    if not FIRST <= data[_DAY[fact.type]] <= add_days(today, 1):
        return state
    if fact.type == HANDOVER:
        day = data["handed_on"]
        known = state.handed.get(day, Papers(told=moment))
        papers = Papers(
            tuple(sorted({*known.docs, *data["docs"]})),
            max(known.town, data["town"]),
            max(known.source, fact.source),
            min(known.told, moment),
        )
        return replace(state, who=who, handed=_latest({**state.handed, day: papers}))
    entry = (
        data["release_on"],
        data["what"],
        data["received_on"],
        tuple(sorted(set(data.get("docs", ())))),
    )
    if entry in state.received:
        return state
    received = [*state.received, entry]
    return replace(state, who=who, received=tuple(sorted(received)[-MOST:]))


_DAY = {HANDOVER: "handed_on", RECEIVED: "received_on"}


def _notice(fact: Fact, moment: str) -> Notice:
    data: dict[str, Any] = fact.data
    return Notice(
        (fact.message_id, fact.index),
        data["name"],
        data["id_type"],
        data["id_no"],
        data["town"],
        data["release_on"],
        data["next_measure"],
        fact.source,
        moment,
    )


def _latest(entries: dict[str, V]) -> dict[str, V]:
    """The latest entries, by day. What is dropped so, any order of arrival drops."""
    return dict(sorted(entries.items())[-MOST:])
