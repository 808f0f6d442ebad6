"""One person's order as facts, and what a rule makes of them when its days come."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from jdgate.core.identity import synthetic_id_no
from jdgate.core.rules import (
    Alert,
    Draft,
    Fact,
    Role,
    Rule,
)
from jdgate.plugins.conformance import Replay
from jdgate_community import book, grid
from jdgate_community.days import comes

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
TODAY = "2026-11-21"
SERVED = "2026-08-03"
CAME = "2026-08-10"
TOWN, NEW_TOWN = "511623101000", "511623102000"
DOC = "邻公社戒〔2026〕1号"
SOMEBODY = bytes(range(16))
PERSON = {"name": "甄某", "id_type": "ric", "id_no": synthetic_id_no(date(1990, 1, 1), 1)}
COM, POL = Role("COM", TOWN), Role("POL", TOWN)


def fact(type: str, source: str, region: str = TOWN, **data: Any) -> Fact:
    return Fact(type, source, SOMEBODY, {**PERSON, **data}, "m", 0, region)


def ordered(served_on: str = SERVED, doc_no: str = DOC, town: str = TOWN, **more: Any) -> Fact:
    known = {"measure": "community_treatment", "served_on": served_on}
    return fact(book.ORDER, "pol", doc_no=doc_no, town=town, **known, **more)


def came(day: str = CAME, doc_no: str = DOC, source: str = "com-01") -> Fact:
    return fact(book.CHECKIN, source, doc_no=doc_no, date=day, agreement_no="协-1")


def ended(day: str, status: str = "released", doc_no: str = DOC) -> Fact:
    return fact(book.STATUS, "pol", doc_no=doc_no, status=status, date=day)


def left_control(day: str) -> Fact:
    return fact(book.EXIT, "pol", date=day)


def outcome(day: str, state: str = "refused", **more: Any) -> Fact:
    return fact(book.TEST, "com-01", date=day, state=state, **more)


def away(left_on: str, back_on: str | None, approved: bool = False, doc_no: str = DOC) -> Fact:
    back = {} if back_on is None else {"back_on": back_on}
    return fact(book.ABSENCE, "com-01", doc_no=doc_no, left_on=left_on, approved=approved, **back)


def handed_on(day: str, to_town: str = NEW_TOWN, doc_no: str = DOC) -> Fact:
    known = {"docs": ["record"], "served_days": 20, "next_test": day}
    return fact(book.HANDOVER, "com-01", doc_no=doc_no, to_town=to_town, handed_on=day, **known)


def reported(kind: str, *days: str) -> Fact:
    events = [{"date": day, "what": "refused"} for day in days]
    known = {"doc_no": DOC, "evidence_ref": "证-1", "confirmer": "干部甲"}
    return fact(book.VIOLATION, "com-01", kind=kind, events=events, **known)


def task(number: str, due_on: str) -> Fact:
    data = {"task_no": number, "name": "甄某", "address": "一村1组", "place": "511623101201"}
    return Fact(grid.TASK, "com-01", None, {**data, "code": "routine", "due_on": due_on}, "m", 0,
                TOWN)  # fmt: skip


def visited(number: str, day: str) -> Fact:
    data = {"task_no": number, "date": day, "met": True, "need_code": "none"}
    return Fact(grid.RESULT, "grd-01", None, data, "m", 0, "511623101201")


class Township:
    """A rule at work: facts come in, days pass, and things stand."""

    def __init__(self, rule: Rule, *facts: Fact, now: datetime = NOW) -> None:
        self.made = Replay(rule)
        self.take(*facts, now=now)

    def take(self, *facts: Fact, now: datetime = NOW) -> None:
        self.made.batch(list(facts), now)

    def until(self, moment: datetime) -> Township:
        """Let time pass."""
        self.made.until(moment)
        return self

    def through(self, day: str) -> Township:
        """Let time pass up to the first moment of `day`."""
        return self.until(comes(day))

    def alerts(self) -> list[Alert]:
        return [one for one in self.made.standing.values() if isinstance(one, Alert)]

    def told(self) -> list[str]:
        """What the standing alerts say, by code, without the plugin's name."""
        return sorted(one.title_code.partition(".")[2] for one in self.alerts())

    def drafts(self) -> list[Draft]:
        return [one for one in self.made.standing.values() if isinstance(one, Draft)]
