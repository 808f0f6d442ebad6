"""L1, L2 and S1: each fires at its threshold and not just short of it, in any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Draft, Expect, Fact, Role, Rule, Settle, run_due
from jdgate.errors import Refused
from jdgate.kit import check_plugin
from jdgate.plugins import changes
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate_licence.actions import ActionRule
from jdgate_licence.cases import ACTION, BASIS, FINDING, OBJECTION, RESTORE, Person
from jdgate_licence.eligibility import ANSWER, QUERY, EligibilityRule
from jdgate_licence.grounds import Cancelling
from jdgate_licence.settings import Settings, read

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
REGION = "511623000000"
WHO = bytes(range(16))
DOC = "邻公强戒〔2026〕1号"
TABLES = References()
POL, TRA = Role("POL", REGION), Role("TRA", REGION)


def rule(**chosen: int) -> ActionRule:
    return ActionRule(Cancelling(TABLES.grounds), TABLES.working_days, Settings(**chosen))


def fact(type: str, source: str, message: str = "m", **data: Any) -> Fact:
    return Fact(type, source, WHO, data, message, 0, REGION)


def basis(code: str = "79-6-isolation", day: str = "2026-09-01", message: str = "b1") -> Fact:
    return fact(BASIS, "pol", message, doc_no=DOC, ground_code=code, effective_on=day)


def did(action: str, day: str) -> Fact:
    return fact(ACTION, "tra-01", doc_no=DOC, action=action, date=day)


def objected(
    day: str, ground: str = "wrong_person", source: str = "tra-01", ref: str = DOC
) -> Fact:
    return fact(OBJECTION, source, ref=ref, ground=ground, lodged_on=day)


def decided(decision: str, day: str) -> Fact:
    return fact(RESTORE, "tra-01", ref=DOC, decision=decision, decided_on=day)


def found(decision: str, day: str, message: str = "b1") -> Fact:
    return fact(
        FINDING, "pol", "c1", message_id=message, record=0, decision=decision, decided_on=day
    )


def asked(number: str = "受-1") -> Fact:
    return fact(QUERY, "tra-01", application_no=number, **{"class": "large"})


def answered(number: str = "受-1") -> Fact:
    return fact(ANSWER, "pol", application_no=number, to="tra-01", eligible=True, rule_code="none")


def replay(rule: Rule, *facts: Fact, now: datetime = NOW) -> Replay:
    made = Replay(rule)
    made.batch(list(facts), now)
    return made


def said(made: Replay, code: str | None = None) -> set[tuple[str, str]]:
    """What stands: title and role."""
    return {
        (one.title_code.removeprefix("licence."), one.to.role)
        for one in made.standing.values()
        if isinstance(one, Alert) and isinstance(one.to, Role)
        if code is None or one.title_code == f"licence.{code}"
    }


def waits(made: Replay) -> dict[str, datetime]:
    """What is waited for, by kind."""
    return {
        one.name.partition(":")[0]: one.due
        for one in made.standing.values()
        if isinstance(one, Expect)
    }


def when_due(made: Replay, now: datetime) -> list[Alert]:
    """What is told when, at `now`, everything is called that waits."""
    states, _ = made.end()
    told: list[Alert] = []
    for (key, name), one in list(made.standing.items()):
        if isinstance(one, Expect):
            effects = run_due(made.rule, key, states[key], name, now).effects
            told += [each.effect for each in effects if isinstance(each.effect, Alert)]
    return told


def both(code: str) -> set[tuple[str, str]]:
    return {(code, "POL"), (code, "TRA")}


# L1: the written notice and its thirty days


def test_a_ground_asks_the_bureau_for_a_written_notice_until_it_is_given() -> None:
    made = replay(rule(), basis())
    assert said(made) == {("give_notice", "TRA")}
    (alert,) = [one for one in made.standing.values() if isinstance(one, Alert)]
    assert alert.data == {"doc_no": DOC} and alert.to == TRA  # no name, no identity number
    made.batch([did("notified", "2026-09-05")], NOW)
    assert said(made) == set()


@pytest.mark.parametrize(
    ("day", "told"), [("2022-04-01", {("give_notice", "TRA")}), ("2022-03-31", None)]
)
def test_a_ground_counts_from_the_day_on_which_the_table_has_it(
    day: str, told: set[tuple[str, str]] | None
) -> None:
    assert said(replay(rule(), basis(day=day))) == (told or both("ground_doubtful"))


@pytest.mark.parametrize("code", ["mmt", "67-2-own-application", "18-4-record"])
def test_what_is_no_ground_for_cancelling_is_told_to_both(code: str) -> None:
    assert said(replay(rule(), basis(code))) == both("ground_doubtful")


def test_a_ground_that_the_county_s_table_has_ended_is_none_from_then_on(tmp_path: Path) -> None:
    table = tmp_path / "grounds.csv"
    table.write_text(
        "代码,中文,英文,规定,条款,处理,施行日期,停止日期\n"
        "79-6-isolation,决定强戒,isolation,新令,79,cancel,2026-01-01,2026-10-01\n",
        "utf-8",
    )
    own = References(tmp_path / "refdata")
    own.add("grounds", table, source="新令", since=datetime(2026, 1, 1).date(), now=NOW)
    made = ActionRule(Cancelling(own.grounds), own.working_days)
    assert said(replay(made, basis(day="2026-09-30"))) == {("give_notice", "TRA")}
    assert said(replay(made, basis(day="2026-10-01"))) == both("ground_doubtful")


@pytest.mark.rule("L1", "fires", "short")
def test_thirty_days_after_the_notice_the_bureau_is_reminded_and_not_a_moment_before() -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-22"))
    over = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)  # 21 November has passed in the county
    assert waits(made) == {"over": over}
    assert when_due(made, over - timedelta(seconds=1)) == []
    (alert,) = when_due(made, over)
    assert (alert.title_code, alert.to, alert.rule_id) == ("licence.days_over", TRA, "L1")
    shorter = replay(rule(notice_days=10), did("notified", "2026-10-22"))
    assert waits(shorter) == {"over": over - timedelta(days=20)}


def test_time_brings_reminders_and_nothing_else() -> None:
    """No draft, no message, no change of the state: at any moment, of any history."""
    made = replay(rule(), basis(), did("notified", "2026-10-22"), objected("2026-10-23"))
    states, _ = made.end()
    for days in range(0, 400, 20):
        for (key, name), one in made.standing.items():
            if isinstance(one, Expect):
                outcome = run_due(made.rule, key, states[key], name, NOW + timedelta(days=days))
                assert outcome.states == {}
                assert all(isinstance(each.effect, Alert) for each in outcome.effects)


@pytest.mark.parametrize(
    "ends", [did("self", "2026-11-01"), did("cancelled", "2026-11-20"), did("held", "2026-11-01")]
)
def test_what_is_done_or_on_hold_is_not_reminded_of(ends: Fact) -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-02"), ends)
    assert "over" not in waits(made)


def test_a_reminder_that_was_told_is_settled_once_the_bureau_acted() -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-02"))
    (told,) = when_due(made, NOW)
    effects = made.batch([did("cancelled", "2026-11-20")], NOW).effects
    assert Settle(told.cause) in [one.effect for one in effects]


@pytest.mark.rule("L1", "fires", "short")
@pytest.mark.parametrize(("day", "early"), [("2026-11-01", True), ("2026-11-02", False)])
def test_cancelled_within_thirty_days_of_the_notice_is_told_to_both(day: str, early: bool) -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-02"), did("cancelled", day))
    assert said(made) == (both("cancelled_early") if early else set())


def test_cancelled_without_a_notice_is_told_until_it_is_restored() -> None:
    made = replay(rule(), basis(), did("cancelled", "2026-11-02"))
    assert said(made) == both("cancelled_early")
    made.batch([did("restored", "2026-11-03")], NOW)
    assert said(made) == set()


@pytest.mark.parametrize(
    ("later", "reminded"),
    [
        (did("notified", "2026-10-10"), True),
        (decided("uphold", "2026-10-05"), True),
        (decided("uphold", "2026-10-04"), False),
    ],
)
def test_what_is_on_hold_goes_on_when_a_person_says_so(later: Fact, reminded: bool) -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-02"), did("held", "2026-10-05"), later)
    assert ("over" in waits(made)) == reminded


# L2: objections and findings


def test_an_objection_freezes_the_action_at_once() -> None:
    made = replay(rule(), basis(), did("notified", "2026-10-22"), objected("2026-11-20"))
    assert said(made) == both("frozen_objection")
    assert all(one.urgent for one in made.standing.values() if isinstance(one, Alert))
    assert list(waits(made)) == ["check"]  # and the thirty days are not counted to an end


def test_an_objection_to_a_decision_nobody_notified_freezes_too() -> None:
    assert said(replay(rule(), objected("2026-11-20", ref="别的"))) == both("frozen_objection")


@pytest.mark.rule("L2", "fires", "short")
def test_it_is_to_be_looked_into_within_ten_working_days() -> None:
    made = replay(rule(), basis(), objected("2026-11-06"))  # a Friday; the tenth is Friday 20
    over = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert waits(made)["check"] == over
    assert when_due(made, over - timedelta(seconds=1)) == []
    assert {(one.title_code, one.to) for one in when_due(made, over)} == {
        ("licence.check_overdue", POL),
        ("licence.check_overdue", TRA),
    }
    holidays = replay(rule(), basis(), objected("2026-09-25"))  # 1 to 7 October are holidays
    assert waits(holidays)["check"] > datetime(2026, 10, 14, tzinfo=UTC)


@pytest.mark.parametrize("decision", ["restore", "uphold"])
def test_a_named_person_s_decision_ends_the_freeze(decision: str) -> None:
    told = [basis(), did("notified", "2026-10-22"), objected("2026-11-10")]
    made = replay(rule(), *told, decided(decision, "2026-11-09"))
    assert said(made) == both("frozen_objection")  # a decision of the day before is about another
    made.batch([decided(decision, "2026-11-10")], NOW)
    assert said(made) == set()
    assert ("over" in waits(made)) == (decision == "uphold")


def test_hold_ends_the_waiting_and_not_the_freeze() -> None:
    told = [basis(), did("notified", "2026-09-05"), objected("2026-11-10")]
    made = replay(rule(), *told, decided("hold", "2026-11-11"))
    assert said(made) == set()
    assert list(waits(made)) == ["forget"]  # nobody is reminded to go on
    made.batch([did("cancelled", "2026-11-12")], NOW)
    assert said(made) == both("cancelled_frozen")


def test_where_the_ground_is_gone_hold_leaves_both_told_and_nobody_waiting() -> None:
    revoked = objected("2026-11-10", "decision_revoked", "pol")
    made = replay(rule(), basis(), revoked, decided("hold", "2026-11-11"))
    assert said(made) == both("frozen_revoked") and waits(made) == {}


@pytest.mark.rule("L2", "fires", "short")
@pytest.mark.parametrize(("day", "told"), [("2026-11-10", True), ("2026-11-09", False)])
def test_cancelled_on_or_after_the_day_of_the_freeze_is_told_to_both(day: str, told: bool) -> None:
    made = replay(
        rule(),
        basis(),
        did("notified", "2026-09-05"),
        objected("2026-11-10"),
        did("cancelled", day),
    )
    assert said(made, "cancelled_frozen") == (both("cancelled_frozen") if told else set())


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (found("corrected", "2026-11-20"), both("frozen_corrected")),
        (found("withdrawn", "2026-11-20"), both("frozen_withdrawn")),
        (found("upheld", "2026-11-20"), set()),
        (found("withdrawn", "2026-11-20", message="another"), set()),
    ],
)
def test_a_finding_that_the_notice_was_wrong_freezes_what_rests_on_it(
    finding: Fact, told: set[tuple[str, str]]
) -> None:
    assert said(replay(rule(), basis(), did("notified", "2026-11-01"), finding)) == told


def drafts(made: Replay) -> list[Draft]:
    return [one for one in made.standing.values() if isinstance(one, Draft)]


@pytest.mark.parametrize(
    ("told", "drafted"),
    [
        (objected("2026-11-20", "decision_revoked", "pol"), True),
        (objected("2026-11-20", "decision_revoked", "tra-01"), False),
        (found("withdrawn", "2026-11-20"), True),
        (found("corrected", "2026-11-20"), False),
    ],
)
def test_where_the_ground_is_gone_a_person_finds_a_draft_that_restores(
    told: Fact, drafted: bool
) -> None:
    made = replay(rule(), basis(), did("cancelled", "2026-10-20"), told)
    assert [(one.type, one.to, one.prefill) for one in drafts(made)] == (
        [(RESTORE, TRA, {"ref": DOC})] if drafted else []
    )
    made.batch([decided("restore", "2026-11-21")], NOW)
    assert drafts(made) == [] and said(made) == set()


def test_a_case_in_which_nothing_waits_is_forgotten_in_time() -> None:
    made = replay(rule(keep_days=90), basis(), did("self", "2026-10-20"))
    assert waits(made) == {"forget": datetime(2027, 1, 18, 16, 0, tzinfo=UTC)}
    ((key, name),) = made.standing
    states, _ = made.end()
    outcome = run_due(made.rule, key, states[key], name, waits(made)["forget"])
    assert outcome.states == {key: Person()} and outcome.effects == ()


# S1: questions


@pytest.mark.rule("S1", "fires", "short")
def test_a_question_waits_five_days_for_its_answer() -> None:
    made = replay(EligibilityRule(), asked())
    over = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
    assert waits(made) == {"answer": over}
    assert when_due(made, over - timedelta(seconds=1)) == []
    (alert,) = when_due(made, over)
    assert (alert.rule_id, alert.to) == ("S1", POL)
    assert alert.data == {"application_no": "受-1", "due_on": "2026-11-26"}
    effects = made.batch([answered()], NOW).effects
    assert Settle(alert.cause) in [one.effect for one in effects] and waits(made) == {}


def test_an_answer_that_comes_first_leaves_nothing_to_wait_for() -> None:
    assert waits(replay(EligibilityRule(), answered(), asked())) == {}
    assert len(waits(replay(EligibilityRule(), answered("受-2"), asked()))) == 1


# Any order


@st.composite
def anything(draw: st.DrawFn) -> Fact:
    day = add_days("2026-10-01", draw(st.integers(0, 40)))
    make = draw(
        st.sampled_from(
            [
                lambda: basis(draw(st.sampled_from(["79-6-isolation", "79-6-driving"])), day),
                lambda: did(draw(st.sampled_from(["notified", "cancelled", "held", "self"])), day),
                lambda: objected(day, draw(st.sampled_from(["other", "decision_revoked"])), "pol"),
                lambda: decided(draw(st.sampled_from(["restore", "hold", "uphold"])), day),
                lambda: found(draw(st.sampled_from(["corrected", "withdrawn"])), day),
            ]
        )
    )
    return make()


@pytest.mark.rule("L1 L2", "any order")
@settings(max_examples=50, deadline=None)
@given(st.lists(anything(), max_size=10))
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    made = rule()
    assert_order_free(made, facts, NOW, orders=4)
    # what the steps said, one by one, is what the state calls for
    stepped = Replay(made)
    for one in facts:
        stepped.batch([one], NOW)
    (state,) = stepped.end()[0].values() if facts else (Person(),)
    assert {type(one) for one in changes([], made.call(state).standing())} == {
        type(one) for one in stepped.standing.values()
    }


# Settings and the kit


QUESTIONS = st.builds(asked, st.sampled_from(["受-1", "受-2"])) | st.builds(
    answered, st.sampled_from(["受-1", "受-2"])
)


@pytest.mark.rule("S1", "any order")
@settings(max_examples=25, deadline=None)
@given(st.lists(QUESTIONS, max_size=6))
def test_order_and_repetition_of_questions_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(EligibilityRule(), facts, NOW, orders=4)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"notice_day": 30}, "plugin.setting_unknown"),
        ({"notice_days": 0}, "plugin.setting_range"),
        ({"check_days": True}, "plugin.setting_range"),
        ({"answer_days": "5"}, "plugin.setting_range"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
