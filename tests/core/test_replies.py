"""S1: each answer's time limit, at the last day and the day after, in working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core import rules
from jdgate.core.calendar import WorkingDays, at_local, clock_time
from jdgate.core.replies import (
    ANSWERED,
    APPLY,
    CORRECT,
    CORRECTED,
    REPLY,
    SUBJECT,
    Limits,
    RepliesRule,
    Request,
)
from jdgate.core.rules import Alert, Expect, Fact, Settle

RULE = RepliesRule(unconditional={"courier.stat.v1"})
# Monday; the gateway's day of asking
ASKED = datetime(2026, 11, 2, 2, tzinfo=UTC)


def fact(type: str, source: str, number: int = 1, **data: Any) -> Fact:
    return Fact(type, source, None, data, f"m{number}", 0, None)


def apply(**more: Any) -> Fact:
    return fact(APPLY, "com-01", to="pol", apply_no="S-1", item="x", **more)


def reply(decision: str, number: int = 2, **more: Any) -> Fact:
    return fact(REPLY, "pol", number, to="com-01", apply_no="S-1", decision=decision, **more)


def told(*facts: Fact, at: datetime = ASKED, rule: RepliesRule = RULE) -> Request:
    state = Request()
    for one in facts:
        state, _ = rule.step(state, one, at)
    return state


def expected(state: Request, rule: RepliesRule = RULE) -> dict[str, datetime]:
    return {one.name: one.due for one in rule.standing(state)}


def midnight(day: str) -> datetime:
    clock = clock_time("00:00")
    assert clock is not None
    return at_local(day, clock)


UNCONDITIONAL = fact(APPLY, "com-01", to="pol", apply_no="S-1", item="courier.stat.v1")
CORRECTION = fact(CORRECT, "com-01", to="pol", request_no="C-1", item="name")
PERSON = fact(SUBJECT, "com-01", to="pol", request_no="P-1")


@pytest.mark.rule("S1", "fires", "short")
@pytest.mark.parametrize(
    ("facts", "name", "last"),
    [
        ([apply()], "answer_late", "2026-11-16"),
        ([UNCONDITIONAL], "answer_late", "2026-11-03"),
        ([apply(), reply("extended")], "answer_late", "2026-11-30"),
        ([apply(), reply("agreed")], "provide_late", "2026-11-30"),
        ([apply(), reply("agreed", provide_by="2026-11-10")], "provide_late", "2026-11-10"),
        ([apply(), reply("agreed", provide_by="2027-11-10")], "provide_late", "2026-11-30"),
        ([CORRECTION], "answer_late", "2026-11-16"),
        ([PERSON], "answer_late", "2026-11-16"),
    ],
)
def test_a_limit_has_passed_when_its_last_working_day_has(
    facts: list[Fact], name: str, last: str
) -> None:
    state = told(*facts)
    after = midnight(last) + timedelta(days=1)
    assert expected(state)[name] == after
    _, effects = RULE.due(state, name, after)
    (alert,) = [one for one in effects if isinstance(one, Alert)]
    assert (alert.rule_id, alert.to, alert.data["due_on"]) == ("S1", "pol", last)


@pytest.mark.rule("S1", "fires", "short")
def test_a_reminder_comes_two_working_days_before_and_not_once_it_is_late() -> None:
    state = told(apply())
    soon = expected(state)["answer_soon"]
    assert soon == midnight("2026-11-12")
    _, effects = RULE.due(state, "answer_soon", soon)
    assert [one.title_code for one in effects if isinstance(one, Alert)] == ["share.apply_soon"]
    assert RULE.due(state, "answer_soon", midnight("2026-11-17")) == (state, ())
    # one working day leaves no room for it
    assert list(expected(told(UNCONDITIONAL))) == ["answer_late"]
    assert list(expected(state, RepliesRule(Limits(remind=0)))) == ["answer_late"]


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (apply(), reply("refused")),
        (apply(), reply("incomplete")),
        (CORRECTION, fact(CORRECTED, "pol", 2, to="com-01", request_no="C-1", decision="upheld")),
        (PERSON, fact(ANSWERED, "pol", 2, to="com-01", request_no="P-1", decision="done")),
    ],
)
def test_an_answer_ends_it_whatever_it_says(ask: Fact, answer: Fact) -> None:
    assert RULE.key(ask) == RULE.key(answer)
    state = told(ask)
    done, effects = RULE.step(state, answer, ASKED)
    assert expected(done) == {}
    settled = {one.cause for one in effects if isinstance(one, Settle)}
    key = RULE.key(ask)
    assert {"answer_soon", "answer_late", f"{key}:answer:soon", f"{key}:answer:late"} <= settled
    assert RULE.due(done, "answer_late", midnight("2027-01-01")) == (done, ())


def test_what_was_agreed_is_owed_until_it_was_provided() -> None:
    state = told(apply(), reply("agreed"))
    done, effects = RULE.step(state, reply("provided", 3), ASKED)
    assert expected(done) == {}
    assert Settle("pol/com-01/apply:S-1:provide:late") in effects


def test_the_countys_overrides_move_the_limit() -> None:
    holiday = WorkingDays(overrides={date(2026, 11, 16): False})
    rule = RepliesRule(days=holiday)
    assert expected(told(apply(), rule=rule), rule)["answer_late"] == midnight("2026-11-18")


def test_a_finding_that_went_to_earlier_recipients_answers_no_request() -> None:
    finding = fact(CORRECTED, "pol", 2, decision="corrected")
    assert RULE.key(finding) is None
    assert RULE.step(Request(), finding, ASKED) == (Request(), ())


FACTS = [apply(), reply("extended"), reply("agreed", 3, provide_by="2026-11-20")]


@pytest.mark.rule("S1", "any order")
@settings(max_examples=50)
@given(st.permutations([*FACTS, *FACTS, reply("provided", 4)]))
def test_order_and_repeats_make_no_difference(facts: list[Fact]) -> None:
    assert told(*facts) == told(*FACTS, reply("provided", 4))
    for one in facts:
        for effect in RULE.step(Request(), one, ASKED)[1]:
            rules.check(RULE.name, effect)
            assert isinstance(effect, Expect | Settle)


@pytest.mark.parametrize(
    ("facts", "stage", "soon", "late"),
    [
        ([apply()], "answer", "share.apply_soon", "share.apply_late"),
        ([apply(), reply("agreed")], "provide", "share.provide_soon", "share.provide_late"),
        ([CORRECTION], "answer", "share.correct_soon", "share.correct_late"),
        ([PERSON], "answer", "share.subject_soon", "share.subject_late"),
    ],
)
def test_each_kind_of_request_has_its_own_words(
    facts: list[Fact], stage: str, soon: str, late: str
) -> None:
    state = told(*facts)
    for what, code in (("soon", soon), ("late", late)):
        _, effects = RULE.due(state, f"{stage}_{what}", expected(state)[f"{stage}_{what}"])
        assert [one.title_code for one in effects if isinstance(one, Alert)] == [code]
    assert RULE.explains == {"S1": "share.rule_replies"}
    assert RULE.outcomes["S1"]["answered"] == "share.outcome_answered"
