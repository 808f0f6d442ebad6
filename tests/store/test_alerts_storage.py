"""Alerts and drafts in the books: one for a cause, wherever it lies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.store.conftest import NOW

from jdgate.core import alerts as lives
from jdgate.core.alerts import AlertLife, Span, Step, Times
from jdgate.store import alerts, drafts
from jdgate.store.database import Database
from jdgate.store.drafts import DraftRow

HOUR = timedelta(hours=1)


TIMES = Times(normal={Step.ACKNOWLEDGED: Span(60)})


def an_alert(alert_id: str, cause: str = "c1", **changes: Any) -> AlertLife:
    given: dict[str, Any] = {
        "id": alert_id,
        "rule": "clinic.absence",
        "rule_id": "M1",
        "cause": cause,
        "type": "mmt.absence.alert.v1",
        "recipient": "cln-01",
        "raised_to": "cln-01",
        "raised_at": NOW,
        "last_at": NOW,
        "desk_at": NOW,
        "desks": ["cln-01"],
        "title_code": "alert.m1",
        "delivery_id": "d1",
        "urgent": True,
        "key_id": "k",
        "body": b"sealed",
    }
    return AlertLife(**{**given, **changes})


def test_a_repeated_cause_is_folded_into_its_alert(books: Database) -> None:
    with books.transaction() as conn:
        assert alerts.raise_or_fold(conn, an_alert("a1")) == ("a1", True)
        assert alerts.get(conn, "a1") == an_alert("a1")
        repeat = an_alert("a2", raised_at=NOW + HOUR)
        assert alerts.raise_or_fold(conn, repeat) == ("a1", False)
        assert alerts.raise_or_fold(conn, an_alert("a3", "c2")) == ("a3", True)
        assert alerts.raise_or_fold(conn, an_alert("a4", raised_to="pol")) == ("a4", True)
        row = alerts.get(conn, "a1")
        assert alerts.get(conn, "a2") is None
    assert row is not None
    assert (row.repeats, row.raised_at, row.last_at) == (1, NOW, NOW + HOUR)


def test_a_repeat_is_folded_wherever_the_alert_lies_by_now(books: Database) -> None:
    with books.transaction() as conn:
        first = an_alert("a1")
        alerts.raise_or_fold(conn, first)
        moved = lives.lay(first, "nco", at=NOW, times=TIMES, escalated=True)
        assert alerts.save(conn, moved, was=first)
        assert alerts.raise_or_fold(conn, an_alert("a2")) == ("a1", False)
        assert alerts.save(conn, lives.settle(moved, at=NOW), was=moved)
        assert alerts.raise_or_fold(conn, an_alert("a3")) == ("a3", True)
        settled = alerts.get(conn, "a1")
    assert settled is not None
    assert (settled.recipient, settled.desks, settled.repeats) == ("nco", ["cln-01", "nco"], 1)


def test_what_changed_since_it_was_read_is_not_written_over(books: Database) -> None:
    with books.transaction() as conn:
        life = an_alert("a1")
        alerts.raise_or_fold(conn, life)
        there = lives.advance(life, Step.DELIVERED, at=NOW, times=TIMES)
        assert alerts.save(conn, there, was=life)
        late = lives.advance(life, Step.OPENED, at=NOW, times=TIMES)
        assert not alerts.save(conn, late, was=life)
        assert alerts.get(conn, "a1") == there
        assert alerts.counts(conn) == {"delivered": 1}


def test_a_resolved_cause_starts_anew_only_after_its_rule_settled_it(books: Database) -> None:
    with books.transaction() as conn:
        life = an_alert("a1")
        alerts.raise_or_fold(conn, life)
        done = lives.resolve(life, at=NOW, times=TIMES, by="林", outcome="visited")
        alerts.save(conn, done, was=life)
        assert alerts.raise_or_fold(conn, an_alert("a2")) == ("a1", False)
        assert [one.id for one in alerts.unsettled(conn, "clinic.absence", "c1")] == ["a1"]
        alerts.save(conn, lives.settle(done, at=NOW), was=done)
        assert alerts.unsettled(conn, "clinic.absence", "c1") == []
        assert alerts.raise_or_fold(conn, an_alert("a3")) == ("a3", True)


def test_due_alerts_are_those_the_timekeeper_has_to_look_at(books: Database) -> None:
    with books.transaction() as conn:
        alerts.raise_or_fold(conn, an_alert("a1", next_at=NOW + 2 * HOUR))
        alerts.raise_or_fold(conn, an_alert("a2", "c2", next_at=NOW + HOUR))
        alerts.raise_or_fold(conn, an_alert("a3", "c3"))
        assert alerts.due(conn, NOW, 10) == []
        assert [row.id for row in alerts.due(conn, NOW + HOUR, 10)] == ["a2"]
        assert [row.id for row in alerts.due(conn, NOW + 2 * HOUR, 10)] == ["a2", "a1"]


def test_an_alert_is_found_by_its_desk_and_state(books: Database) -> None:
    with books.transaction() as conn:
        alerts.raise_or_fold(conn, an_alert("a1"))
        alerts.raise_or_fold(conn, an_alert("a2", "c2", recipient="pol", raised_at=NOW + HOUR))
        assert [row.id for row in alerts.search(conn)] == ["a2", "a1"]
        assert [row.id for row in alerts.search(conn, recipient="pol")] == ["a2"]
        assert [row.id for row in alerts.search(conn, since=NOW + HOUR)] == ["a2"]
        assert alerts.search(conn, states=["closed"], rule_id="M1") == []


def a_draft(draft_id: str, cause: str = "c1") -> DraftRow:
    return DraftRow(
        id=draft_id,
        rule="clinic.dropout",
        cause=cause,
        owner="cln-01",
        type="mmt.dropout.notice.v1",
        key_id="k",
        prefill=b"sealed",
        reason_code="draft.dropout",
        params={"days": 10},
        checks=["draft.check_transfer", "draft.check_hospital"],
        created_at=NOW,
    )


def test_a_cause_has_one_draft_which_comes_back_as_it_was(books: Database) -> None:
    with books.transaction() as conn:
        assert drafts.offer(conn, a_draft("x1")) == ("x1", True)
        assert drafts.offer(conn, a_draft("x2")) == ("x1", False)
        assert drafts.offer(conn, a_draft("x3", "c2")) == ("x3", True)
        assert drafts.get(conn, "x1") == a_draft("x1")
        assert drafts.get(conn, "x2") is None and drafts.get(conn, "x3") == a_draft("x3", "c2")


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_a_decision_is_made_once_and_stays(books: Database, decision: Any) -> None:
    with books.transaction() as conn:
        drafts.offer(conn, a_draft("x1"))
        assert drafts.decide(conn, "x1", decision, by="王医生", reason="住院", at=NOW)
        assert not drafts.decide(conn, "x1", "rejected", by="李医生", reason=None, at=NOW)
        assert drafts.offer(conn, a_draft("x2")) == ("x1", False)
        row = drafts.get(conn, "x1")
    assert row is not None
    assert (row.state, row.by, row.reason) == (decision, "王医生", "住院")


def test_an_approved_draft_is_followed_to_its_message(books: Database) -> None:
    with books.transaction() as conn:
        drafts.offer(conn, a_draft("x1"))
        drafts.decide(conn, "x1", "approved", by="王医生", reason=None, at=NOW)
        assert drafts.follow(conn, "x1", "sent", "m1")
        assert drafts.follow(conn, "x1", "accepted", "m1")
        assert not drafts.follow(conn, "x1", "sent", "m2")
        found = drafts.get(conn, "x1")
        assert found is not None
        assert (found.message_id, found.state) == ("m1", "accepted")
        assert drafts.settle(conn, "clinic.dropout", "c1", NOW) is None


def test_a_message_that_overtakes_its_decision_is_followed_and_the_approver_noted_later(
    books: Database,
) -> None:
    with books.transaction() as conn:
        drafts.offer(conn, a_draft("x1"))
        assert drafts.follow(conn, "x1", "accepted", "m1")
        assert not drafts.decide(conn, "x1", "rejected", by="李医生", reason=None, at=NOW)
        assert drafts.decide(conn, "x1", "approved", by="王医生", reason=None, at=NOW)
        row = drafts.get(conn, "x1")
    assert row is not None
    assert (row.state, row.by, row.decided_at) == ("accepted", "王医生", NOW)


def test_a_rejected_draft_is_not_followed(books: Database) -> None:
    with books.transaction() as conn:
        drafts.offer(conn, a_draft("x1"))
        drafts.decide(conn, "x1", "rejected", by="王医生", reason="住院", at=NOW)
        assert not drafts.follow(conn, "x1", "sent", "m1")


def test_a_settled_cause_withdraws_its_draft_and_may_start_anew(books: Database) -> None:
    with books.transaction() as conn:
        drafts.offer(conn, a_draft("x1"))
        withdrawn = drafts.settle(conn, "clinic.dropout", "c1", NOW)
        assert withdrawn is not None
        assert withdrawn.id == "x1"
        assert drafts.settle(conn, "clinic.dropout", "c1", NOW) is None
        assert not drafts.decide(conn, "x1", "approved", by="王医生", reason=None, at=NOW)
        assert drafts.offer(conn, a_draft("x2")) == ("x2", True)
