"""M3: an answer within a working day, counted by the county's calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.rules import Alert, Expect, Fact, Settle, run_due
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate_clinic.transfers import ACK, REQUEST, TransferRule

WORKING = References().working_days
FRIDAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
HOLIDAYS = datetime(2026, 9, 30, 2, 0, tzinfo=UTC)
"""The last working day before those of October."""


def request(to: str = "cln-02", clinic: str = "cln-01") -> Fact:
    return fact(REQUEST, clinic, to=to, valid_to="2026-12-31")


def answer(decision: str = "accepted", by: str = "cln-02", to: str = "cln-01") -> Fact:
    return fact(ACK, by, to=to, decision=decision, date="2026-11-20")


def fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, bytes(16), {"transfer_no": "T-1", **data}, "m", 0, "511623")


def replay(*facts: Fact, now: datetime = FRIDAY, days: int = 1) -> Replay:
    made = Replay(TransferRule(WORKING, days))
    made.batch(list(facts), now)
    return made


def expected(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def midnight(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+08:00")


def when_due(made: Replay) -> list[Alert]:
    states, _ = made.end()
    ((key, state),) = states.items()
    outcome = run_due(made.rule, key, state, "ack:cln-02", FRIDAY + timedelta(days=5))
    return [one.effect for one in outcome.effects if isinstance(one.effect, Alert)]


@pytest.mark.rule("M3", "fires", "short")
@pytest.mark.parametrize(
    ("now", "days", "late"),
    [(FRIDAY, 1, "2026-11-24"), (FRIDAY, 2, "2026-11-25"), (HOLIDAYS, 1, "2026-10-09")],
)
def test_m3_is_due_when_the_working_day_after_the_request_has_passed(
    now: datetime, days: int, late: str
) -> None:
    made = replay(request(), now=now, days=days)
    assert expected(made) == {"ack:cln-02": midnight(late)}
    assert made.until(midnight(late) - timedelta(seconds=1)) == []
    assert [one.rule_id for one in made.until(midnight(late))] == ["M3", "M3"]


def test_m3_both_clinics_are_told_each_who_the_other_is_and_nothing_of_the_patient() -> None:
    to_first, to_other = when_due(replay(request()))
    assert (to_first.rule_id, to_first.to, to_other.to) == ("M3", "cln-01", "cln-02")
    assert to_first.data == {"transfer_no": "T-1", "other": "cln-02", "due_on": "2026-11-23"}
    assert to_other.data["other"] == "cln-01"


@pytest.mark.parametrize("decision", ["accepted", "declined", "arrived"])
def test_m3_any_answer_of_the_other_clinic_settles_it(decision: str) -> None:
    made = replay(request())
    raised = {one.cause for one in when_due(made)}
    effects = made.batch([answer(decision)], FRIDAY).effects
    assert raised < {one.effect.cause for one in effects if isinstance(one.effect, Settle)} | {""}
    assert made.standing == {} and when_due(made) == []


def test_m3_what_a_third_clinic_says_does_not_count() -> None:
    assert expected(replay(request(), answer(by="cln-03")))
    assert expected(replay(request(), answer(to="cln-03")))


def test_m3_an_answer_that_overtakes_its_request_counts() -> None:
    assert replay(answer(), request()).standing == {}


def test_m3_a_request_sent_again_is_not_given_more_time() -> None:
    made = replay(request())
    made.batch([request()], FRIDAY + timedelta(days=7))
    assert expected(made) == {"ack:cln-02": midnight("2026-11-24")}


def test_m3_after_one_clinic_declined_another_is_waited_for() -> None:
    made = replay(request(), answer("declined"), request("cln-03"))
    assert list(expected(made)) == ["ack:cln-03"]


CLINICS = st.sampled_from(["cln-01", "cln-02", "cln-03"])
FACTS = st.one_of(
    st.builds(request, CLINICS, CLINICS), st.builds(answer, st.just("accepted"), CLINICS, CLINICS)
)


@pytest.mark.rule("M3", "any order")
@given(st.lists(FACTS, max_size=12))
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(TransferRule(WORKING), facts, FRIDAY, orders=4)
