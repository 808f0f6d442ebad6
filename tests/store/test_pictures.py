"""Tallies, figures and the agenda: what the pages that are looked at are counted from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from tests.store.conftest import NOW
from tests.store.test_alerts_storage import an_alert

from jdgate.core.calendar import at_local
from jdgate.core.months import bounds
from jdgate.store import (
    agenda,
    alerts,
    bodies,
    deliveries,
    expectations,
    figures,
    messages,
    traffic,
)
from jdgate.store.agenda import Awaited, Day
from jdgate.store.database import Database
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.expectations import ExpectationRow
from jdgate.store.figures import FigureRow
from jdgate.store.messages import MessageRow
from jdgate.store.traffic import DAY, GATEWAY, HOUR, SLOT, Stuck, Tally

IN = ("cln-01", GATEWAY, "mmt.attendance.v1")
OUT = ("cln-01", "pol", "mmt.attendance.v1")
MIDNIGHT = at_local("2026-11-27", time(0))
"""The end of the 26th."""


# --- tallies


def test_what_is_counted_in_the_same_ten_minutes_is_one_tally(books: Database) -> None:
    with books.transaction() as conn:
        traffic.add(conn, [(IN, Tally(1, 30)), (IN, Tally(1, 5, part=1)), (OUT, Tally(1, 30))], NOW)
        traffic.add(conn, [(IN, Tally(1, 0, refused=1))], NOW + timedelta(seconds=3))
        traffic.add(conn, [(IN, Tally(1, 1))], NOW - 2 * HOUR)
        assert traffic.since(conn, NOW - HOUR) == {IN: Tally(3, 35, 1, 1), OUT: Tally(1, 30)}
        assert traffic.since(conn, NOW - 3 * HOUR)[IN] == Tally(4, 36, 1, 1)
        assert traffic.since(conn, NOW - HOUR, "pol") == {OUT: Tally(1, 30)}
        assert traffic.since(conn, NOW - HOUR, "com-01") == {}
        assert traffic.course(conn, NOW - 3 * HOUR, "pol") == {}
        assert traffic.course(conn, NOW - 3 * HOUR) == {
            traffic.slot(NOW - 2 * HOUR): Tally(1, 1),
            traffic.slot(NOW): Tally(3, 35, 1, 1),
        }


def test_old_tallies_become_those_of_hours_and_days_and_are_forgotten(books: Database) -> None:
    with books.transaction() as conn:
        for hours in range(0, 5 * 24, 2):
            for ten in range(3):
                at = NOW - hours * HOUR - ten * SLOT
                traffic.add(conn, [(IN, Tally(1, 2)), (OUT, Tally(1, 2))], at)
        traffic.add(conn, [(IN, Tally(7))], NOW - timedelta(days=37))
        before = traffic.since(conn, NOW - timedelta(days=30))
        for _ in range(3):  # again changes nothing
            traffic.roll_up(conn, NOW)
            assert traffic.since(conn, NOW - timedelta(days=60)) == before
        times = sorted(traffic.course(conn, NOW - timedelta(days=60)))
        (oldest, *_) = times
        assert traffic.since(conn, oldest) == before, "all of it is still found"
    hour, day = traffic.slot(NOW - 3 * HOUR, HOUR), traffic.slot(NOW - 3 * DAY, DAY)
    by_day = [one for one in times if one < day]
    by_hour = [one for one in times if day <= one < hour]
    assert len(by_day) >= 2 and all(one == traffic.slot(one, DAY) for one in by_day)
    assert len(by_hour) > 24 and all(one == traffic.slot(one, HOUR) for one in by_hour)
    assert any(at != traffic.slot(at, HOUR) for at in times), "what is new stays as fine as it was"


def test_what_is_not_delivered_is_found_with_whom_it_came_from(books: Database) -> None:
    def row(id: str, recipient: str, **more: Any) -> DeliveryRow:
        usual = {"type": IN[2], "created_at": NOW, "next_at": NOW, "digest": b""}
        return DeliveryRow(id=id, recipient=recipient, **{**usual, **more})

    with books.transaction() as conn:
        judged = MessageRow(
            id="m1", source="cln-01", type=IN[2], sent_at=NOW, received_at=NOW,
            verdict="accepted", records=1, accepted=1, digest=b"",
        )  # fmt: skip
        messages.add_many(conn, [judged])
        rows = [
            row("d1", "pol", message_id="m1"),
            row("d2", "pol", message_id="m1"),
            row("d3", "pol", state="dead"),
            row("d4", "pol", state="delivered"),
            row("d5", "nco", created_at=NOW - timedelta(days=2)),
        ]
        deliveries.add_many(conn, rows)
        found = sorted(traffic.stuck(conn, NOW - HOUR), key=lambda one: one.state)
        assert found == [
            Stuck(None, "pol", IN[2], "dead", 1),
            Stuck("cln-01", "pol", IN[2], "open", 2),
        ]
        assert traffic.stuck(conn, NOW - HOUR, "cln-01") == [
            Stuck("cln-01", "pol", IN[2], "open", 2)
        ]
        assert len(traffic.stuck(conn, NOW - HOUR, "pol")) == 2
        assert traffic.stuck(conn, NOW - HOUR, "com-01") == []


# --- figures


def test_the_newer_figure_of_a_period_stands_and_old_ones_go(books: Database) -> None:
    def row(first: str, n: int | None, **more: Any) -> FigureRow:
        usual: dict[str, Any] = {"chart": "c.x", "last": first, "unit": "cur-01", "of": 10}
        return FigureRow(first=first, n=n, **{**usual, **more})

    with books.transaction() as conn:
        figures.put(conn, [row("2026-01-01", 9), row("2026-02-01", None, of=None)])
        figures.put(conn, [row("2026-01-01", 8), row("2026-02-01", 4, unit="cur-02")])
        figures.put(conn, [row("2026-02-01", 5, audience=figures.COUNTY)])
        found = figures.since(conn, "c.x", "2026-01-01")
        assert [(one.first, one.unit, one.n) for one in found] == [
            ("2026-02-01", "cur-01", None),
            ("2026-02-01", "cur-02", 4),
            ("2026-01-01", "cur-01", 8),
        ]
        assert [one.n for one in figures.since(conn, "c.x", "2026-02-01", unit="cur-02")] == [4]
        (county,) = figures.since(conn, "c.x", "2026-01-01", audience=figures.COUNTY)
        assert county.n == 5
        figures.forget(conn, "2026-02-01")
        assert {one.first for one in figures.since(conn, "c.x", "2000-01-01")} == {"2026-02-01"}


# --- the agenda


def at(day: str) -> datetime:
    return at_local(day, time(10))


def waiting(key: str, due: datetime, **more: Any) -> ExpectationRow:
    usual = {"awaits": "mmt.attendance.v1", "of": "cln-01"}
    return ExpectationRow(
        rule="clinic.daily", key=key, name="report", due_at=due, set_at=NOW, **{**usual, **more}
    )


SPAN = bounds(date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture
def november(books: Database) -> Iterator[Any]:
    """A month with something of each kind."""
    came, late, missed = (waiting(each, at("2026-11-10")) for each in ("a", "b", "c"))
    with books.transaction() as conn:
        expectations.expect(conn, [
            came, late, missed,
            waiting("d", at("2026-11-25")), waiting("e", at("2026-11-25")),
            waiting("f", at("2026-11-25"), of="ps-01"),
            waiting("g", MIDNIGHT),
            waiting("h", at("2026-11-25"), awaits="", of=""),
            waiting("i", at("2026-12-01")),
        ])  # fmt: skip
        expectations.settle(conn, [("clinic.daily", "a", "report")], NOW)
        expectations.mark_fired(conn, [late, missed], NOW)
        missed.statement = "0194f3a0-0000-7000-8000-000000000001"
        expectations.mark_missed(conn, [missed])
        for id, desk, day in (("a1", "cln-01", "2026-11-25"), ("a2", "pol", "2026-11-20")):
            life = an_alert(id, f"cause {id}", recipient=desk, raised_to=desk, deadline_at=at(day))
            alerts.raise_or_fold(conn, life)
        yield conn


def test_a_month_says_what_falls_due_on_which_day(november: Any) -> None:
    assert agenda.by_day(november, *SPAN) == {
        date(2026, 11, 10): Day(came=1, late=1, missed=1),
        date(2026, 11, 20): Day(owed=1),
        date(2026, 11, 25): Day(open=3, owed=1),
        date(2026, 11, 26): Day(open=1),
    }
    assert agenda.by_day(november, *SPAN, of="ps-01") == {date(2026, 11, 25): Day(open=1)}
    assert agenda.by_day(november, *SPAN, of="pol") == {date(2026, 11, 20): Day(owed=1)}


def test_alike_ones_are_one_row_and_pages_follow_each_other(november: Any) -> None:
    due = at("2026-11-25")
    type, rule = "mmt.attendance.v1", "clinic.daily"
    first = agenda.awaited(november, *SPAN, limit=1)
    assert first == [Awaited(due, type, "cln-01", rule, 2)]
    rest = agenda.awaited(november, *SPAN, after=(due, type, "cln-01", rule), limit=9)
    assert rest == [
        Awaited(due, type, "ps-01", rule, 1),
        Awaited(MIDNIGHT, type, "cln-01", rule, 1),
    ]
    assert agenda.awaited(november, *SPAN, of="ps-01", limit=9) == rest[:1]


def test_what_is_missing_is_listed_the_last_first(november: Any) -> None:
    (row,) = agenda.missed(november, limit=9)
    assert (row.key, row.of) == ("c", "cln-01") and row.statement is not None
    assert agenda.missed(november, before=(row.due_at, row.statement), limit=9) == []
    assert agenda.missed(november, of="ps-01", limit=9) == []
    assert agenda.missed(november, at("2026-11-10"), limit=9) == []
    assert agenda.missed_by(november) == [("mmt.attendance.v1", "cln-01", 1)]
    assert agenda.missed_by(november, of="ps-01") == []


def test_deadlines_of_alerts_are_listed_without_what_they_say(november: Any) -> None:
    first, second = agenda.owed(november, None, SPAN[1], limit=9)
    assert (first.id, second.id, first.body) == ("a2", "a1", None)
    assert first.deadline_at is not None
    past = (first.deadline_at, first.id)
    assert [one.id for one in agenda.owed(november, None, SPAN[1], after=past, limit=9)] == ["a1"]
    assert [one.id for one in agenda.owed(november, None, SPAN[1], of="pol", limit=9)] == ["a2"]


# --- the machine


def test_a_database_says_how_large_it_is_and_since_when_it_keeps_bodies(books: Database) -> None:
    with books.transaction() as conn:
        assert bodies.days_kept(conn) == (None, 0)
    assert books.size() > 10_000
