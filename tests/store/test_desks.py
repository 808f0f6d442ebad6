"""Nudges, care teams, suspended queries and claimed periods, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.store.conftest import NOW

from jdgate.core import alerts as lives
from jdgate.core.alerts import AlertLife, Times
from jdgate.core.care import Assignment
from jdgate.store import alerts, care, holds, meta, nudges
from jdgate.store.database import Database

MINUTE = timedelta(minutes=1)
SOMEBODY, ANOTHER = bytes(16), bytes([1]) * 16


def alert(id: str = "a-1", member: str = "ps-01") -> AlertLife:
    life = AlertLife(
        id=id, rule="r", rule_id="K2", cause=id, type="sys.alert.v1", recipient=member,
        raised_to=member, raised_at=NOW, last_at=NOW, desk_at=NOW, title_code="x.y", desks=[member],
        urgent=True,
    )  # fmt: skip
    return lives.sent(lives.lay(life, member, at=NOW, times=Times()), f"d-{id}", Times())


def later(row: nudges.NudgeRow) -> datetime:
    return NOW + 2 * MINUTE


def test_a_nudge_is_added_once_claimed_by_one_and_due_again_until_it_ended(
    books: Database,
) -> None:
    with books.transaction() as conn:
        life = alert()
        alerts.raise_or_fold(conn, life)
        for _ in range(2):
            nudges.add(conn, life, ["notify.mail", "notify.webhook"], NOW)
        assert nudges.waiting(conn, "ps-01") == 1
        first, second = nudges.claim(conn, NOW, later, 10)
        assert {first.channel, second.channel} == {"notify.mail", "notify.webhook"}
        assert nudges.claim(conn, NOW, later, 10) == []
        nudges.end(conn, first.id, nudges.SENT, NOW)
        nudges.note(conn, second.id, "nudge.timeout")
        (again,) = nudges.claim(conn, NOW + 2 * MINUTE, later, 10)
        assert (again.id, again.attempts, again.code) == (second.id, 2, "nudge.timeout")
        nudges.end(conn, again.id, nudges.FAILED, NOW, "nudge.timeout")
        assert nudges.claim(conn, NOW + 9 * MINUTE, later, 10) == []
        states = {row.channel: row.state for row in nudges.of_alert(conn, "a-1")}
        assert states == {first.channel: "sent", second.channel: "failed"}


def test_who_was_assigned_last_has_the_place_whatever_came_first(books: Database) -> None:
    at = [NOW + n * MINUTE for n in range(4)]
    with books.transaction() as conn:
        care.note(conn, SOMEBODY, "officer", Assignment("ps-02", ended_at=at[3]))
        care.note(conn, SOMEBODY, "officer", Assignment("ps-01", assigned_at=at[2]))
        care.note(conn, SOMEBODY, "officer", Assignment("ps-02", assigned_at=at[1]))
        care.note(conn, ANOTHER, "officer", Assignment("ps-02", assigned_at=at[1]))
        both = care.holders(conn, "officer", [SOMEBODY, ANOTHER])
        assert both == {SOMEBODY: "ps-01", ANOTHER: "ps-02"}
        assert care.holders(conn, "social_worker", [SOMEBODY]) == {}
        care.note(conn, SOMEBODY, "officer", Assignment("ps-01", ended_at=at[3]))
        assert care.holders(conn, "officer", [SOMEBODY]) == {}
        assert care.holders(conn, "officer", [ANOTHER]) == {ANOTHER: "ps-02"}


def test_queries_are_suspended_until_lifted(books: Database) -> None:
    with books.transaction() as conn:
        assert holds.since(conn, "tra") is None and not holds.lift(conn, "tra")
        holds.suspend(conn, "tra", NOW)
        assert holds.suspended(conn) == [("tra", holds.since(conn, "tra"))]
        assert holds.lift(conn, "tra") and holds.suspended(conn) == []


def test_a_period_is_claimed_by_one(books: Database) -> None:
    with books.transaction() as conn:
        meta.put(conn, "digest:day", "2026-11-20")
    with books.transaction() as conn:
        assert meta.swap(conn, "digest:day", "2026-11-20", "2026-11-21")
        assert not meta.swap(conn, "digest:day", "2026-11-20", "2026-11-21")
    with books.transaction() as conn:
        assert meta.get(conn, "digest:day") == "2026-11-21"
