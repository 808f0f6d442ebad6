"""C1, C5, C6, C7 and visits: each fires at its day and not a moment before, and is settled."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.community.tests.township import (
    CAME,
    COM,
    DOC,
    NEW_TOWN,
    NOW,
    PERSON,
    POL,
    SERVED,
    TODAY,
    TOWN,
    Township,
    away,
    came,
    ended,
    fact,
    handed_on,
    left_control,
    ordered,
    outcome,
    reported,
    task,
    visited,
)

from jdgate.core.calendar import WorkingDays, YearPlan, add_days
from jdgate.core.rules import Fact, Role, Rule
from jdgate.errors import Refused
from jdgate.kit import check_plugin
from jdgate.plugins.conformance import assert_order_free
from jdgate.refdata import References
from jdgate.texts import LANGUAGES, read_file
from jdgate_community import book, plugin
from jdgate_community.checkin import CheckinRule
from jdgate_community.completion import CompletionRule
from jdgate_community.days import comes, months_after
from jdgate_community.grid import VisitRule
from jdgate_community.place import PlaceRule
from jdgate_community.review import ReviewRule
from jdgate_community.settings import Settings, read

MOMENT = timedelta(seconds=1)


def just_before(day: str) -> datetime:
    return comes(day) - MOMENT


# C1


@pytest.mark.rule("C1", "fires", "short")
def test_c1_reminds_on_day_10_and_not_a_moment_before() -> None:
    town = Township(CheckinRule(), ordered())
    assert town.until(just_before("2026-08-13")).told() == []
    town.through("2026-08-13")
    (alert,) = town.alerts()
    assert (alert.rule_id, alert.to, alert.title_code) == ("C1", COM, "community.checkin_soon")
    assert alert.data == {**PERSON, "doc_no": DOC, "due_on": "2026-08-18"}


@pytest.mark.rule("C1", "fires", "short")
def test_c1_asks_for_the_reason_when_day_15_has_passed_and_not_on_it() -> None:
    town = Township(CheckinRule(), ordered())
    assert town.until(just_before("2026-08-19")).drafts() == []
    town.through("2026-08-19")
    assert town.told() == ["checkin_overdue", "checkin_soon"]
    (draft,) = town.drafts()
    assert (draft.type, draft.to) == (book.OVERDUE, COM)
    assert draft.prefill == {**PERSON, "doc_no": DOC, "due_on": "2026-08-18"}
    assert draft.checks, "somebody must have asked for the reason"


@pytest.mark.parametrize(
    "later",
    [
        came("2026-08-25"),
        ended("2026-08-25", "terminated"),
        fact(book.OVERDUE, "com-01", doc_no=DOC, due_on="2026-08-18", contact_attempts=2),
        left_control("2026-08-25"),
    ],
    ids=lambda later: later.type,
)
def test_c1_is_settled_by_a_check_in_an_end_or_a_report(later: Fact) -> None:
    town = Township(CheckinRule(), ordered()).through("2026-08-19")
    town.take(later)
    assert (town.told(), town.drafts()) == ([], [])


def test_c1_a_suspended_order_waits_and_a_new_notice_starts_its_days_anew() -> None:
    town = Township(CheckinRule(), ordered(), ended("2026-08-10", "suspended"))
    assert town.through("2026-09-30").told() == []
    town.take(ordered("2026-10-01"))
    assert town.until(just_before("2026-10-11")).told() == []
    assert town.through("2026-10-11").told() == ["checkin_soon"]


def test_c1_a_new_town_gets_the_reminder_and_the_old_one_is_relieved_of_it() -> None:
    town = Township(CheckinRule(), ordered()).through("2026-08-13")
    town.take(ordered("2026-08-14", town=NEW_TOWN))
    town.through("2026-08-14")
    assert {one.to for one in town.alerts()} == {Role("COM", NEW_TOWN)}


def test_c1_the_days_are_the_countys() -> None:
    town = Township(CheckinRule(Settings(remind_days=5, checkin_days=7)), ordered())
    assert town.through("2026-08-08").told() == ["checkin_soon"]
    assert len(town.through("2026-08-11").drafts()) == 1


# C5


@pytest.mark.rule("C5", "fires", "short")
def test_c5_tells_both_offices_when_15_days_have_passed_and_not_before() -> None:
    town = Township(PlaceRule(), ordered(), came(), handed_on("2026-09-01"))
    assert town.until(just_before("2026-09-17")).told() == []
    town.through("2026-09-17")
    assert {one.to for one in town.alerts()} == {Role("COM", NEW_TOWN), "com-01"}
    assert {one.data["due_on"] for one in town.alerts()} == {"2026-09-16"}
    town.take(came("2026-09-18", source="com-02"))
    assert town.told() == []


def test_c5_an_earlier_check_in_at_the_old_place_does_not_count_at_the_new() -> None:
    town = Township(PlaceRule(), ordered(), came("2026-08-31"), handed_on("2026-09-01"))
    assert town.through("2026-09-17").told() == ["place_new", "place_old"]
    settled = Township(PlaceRule(), ordered(), came("2026-09-01"), handed_on("2026-09-01"))
    assert settled.through("2026-09-17").told() == []


# C6


@pytest.mark.rule("C6", "fires", "short")
def test_c6_prepares_30_days_before_the_term_ends_and_asks_again_7_days_after() -> None:
    town = Township(CompletionRule(), ordered(), came())
    assert months_after(CAME, 36) == "2029-08-10"
    assert town.until(just_before("2029-07-11")).told() == []
    town.through("2029-07-11")
    (alert,) = town.alerts()
    assert (alert.rule_id, alert.to, alert.title_code) == ("C6", POL, "community.ends_soon")
    assert town.until(just_before("2029-08-18")).told() == ["ends_soon"]
    assert town.through("2029-08-18").told() == ["ends_soon", "not_released"]
    town.take(ended("2029-08-10"), now=comes("2029-08-18"))
    assert town.told() == []


def test_c6_days_of_suspension_do_not_count_and_a_told_term_does() -> None:
    paused = [ended("2026-09-01", "suspended"), ordered("2026-09-11")]
    town = Township(CompletionRule(), ordered(term_months=12), came(), *paused)
    assert town.until(just_before("2027-07-21")).told() == []
    assert town.through("2027-07-21").told() == ["ends_soon"]


def test_c6_before_check_in_there_is_no_term() -> None:
    assert Township(CompletionRule(), ordered()).through("2040-01-01").told() == []


# C7

SPRING = YearPlan(off=frozenset({date(2029, 8, 13), date(2029, 8, 14)}))
DAYS = WorkingDays({2029: SPRING})


@pytest.mark.rule("C7", "fires", "short")
def test_c7_is_due_after_three_years_with_a_draft_that_an_officer_decides() -> None:
    town = Township(ReviewRule(Settings(), DAYS), ordered(), came())
    assert town.until(just_before("2029-08-10")).told() == []
    town.through("2029-08-10")
    assert town.told() == ["review_due"]
    (draft,) = town.drafts()
    assert (draft.type, draft.to, draft.prefill) == (book.EXIT, POL, PERSON)
    assert draft.checks


@pytest.mark.rule("C7", "fires", "short")
def test_c7_goes_on_after_10_working_days_and_tells_the_county_no_name() -> None:
    town = Township(ReviewRule(Settings(), DAYS), ordered(), came(), ended("2029-08-10"))
    # ten working days after Friday 10 August, with two days off: Tuesday 28 August
    town.take(ended("2029-08-10"), now=comes("2029-08-10"))
    assert town.until(just_before("2029-08-29")).told() == ["review_due"]
    town.through("2029-08-29")
    assert town.told() == ["review_due", "review_late", "unreviewed"]
    late = {one.title_code: one for one in town.alerts()}
    assert late["community.unreviewed"].urgent
    county = late["community.review_late"]
    assert (county.to, county.type) == (Role("NCO"), "sys.alert.v1")
    assert not {PERSON["name"], PERSON["id_no"], DOC} & {*county.data.values(), county.cause}


def test_c7_counts_from_the_last_confirmed_relapse() -> None:
    relapse = outcome("2026-10-01", "positive_confirmed")
    town = Township(ReviewRule(), ordered(), came(), relapse)
    assert town.until(just_before("2029-10-01")).told() == []
    assert town.through("2029-10-01").told() == ["review_due"]


@pytest.mark.parametrize("status", ["terminated", "suspended"])
def test_c7_an_order_that_was_broken_off_is_not_reviewed(status: str) -> None:
    town = Township(ReviewRule(), ordered(), came(), ended("2026-11-01", status))
    assert town.through("2040-01-01").told() == []


def test_c7_the_exit_settles_it_and_nothing_of_the_person_is_left() -> None:
    town = Township(ReviewRule(), ordered(), came()).through("2029-10-01")
    town.take(left_control("2029-09-30"), now=comes("2029-10-01"))
    assert town.made.standing == {}
    town.take(ordered(), came(), now=comes("2029-10-02"))
    (state,) = town.made.end()[0].values()
    assert state.book == book.Book(gone="2029-09-30")
    assert PERSON["id_no"] not in str(town.made.blobs)


# forgetting


@pytest.mark.parametrize("rule", plugin.jdgate_rules({"test_months": [1]}, References())[:6],
                         ids=lambda rule: rule.name)  # fmt: skip
def test_what_is_known_is_forgotten_90_days_after_the_end(rule: Rule) -> None:
    facts = [ordered(), came(), outcome("2026-09-01", "positive_held"), handed_on("2026-09-02"),
             away("2026-09-01", "2026-09-09"), ended("2026-09-10", "terminated")]  # fmt: skip
    town = Township(rule, *facts).until(just_before("2026-11-30"))
    assert PERSON["id_no"] in str(town.made.blobs)
    town.through("2026-12-10")
    assert PERSON["id_no"] not in str(town.made.blobs)
    assert town.made.standing == {}


def test_a_suspended_order_is_not_forgotten() -> None:
    town = Township(CheckinRule(), ordered(), came(), ended("2026-09-10", "suspended"))
    assert DOC in str(town.through("2027-09-10").made.end()[0])


# visits


@pytest.mark.rule("G1", "fires", "short")
def test_a_visit_without_an_answer_is_told_by_its_number_alone() -> None:
    town = Township(VisitRule(), task("V-1", "2026-11-10"))
    assert town.until(just_before("2026-11-11")).told() == []
    town.through("2026-11-11")
    (alert,) = town.alerts()
    assert (alert.to, alert.type) == ("com-01", "sys.alert.v1")
    assert alert.params == {"task_no": "V-1", "due_on": "2026-11-10"}
    assert "甄" not in str(town.made.blobs)
    town.take(visited("V-1", "2026-11-12"))
    assert town.told() == []


# all of them

DATES = st.integers(0, 90).map(lambda back: add_days(TODAY, -back))
DOCS = st.sampled_from([DOC, "D-2"])
FACTS = st.one_of(
    st.builds(ordered, DATES, DOCS, st.sampled_from([TOWN, NEW_TOWN])),
    st.builds(came, DATES, DOCS),
    st.builds(ended, DATES, st.sampled_from(["suspended", "terminated", "released"]), DOCS),
    st.builds(left_control, DATES),
    st.builds(
        outcome,
        DATES,
        st.sampled_from(["attended", "missed", "refused", "positive_held", "positive_confirmed"]),
    ),
    st.builds(
        lambda left, days, approved, doc: away(
            left, None if days is None else min(TODAY, add_days(left, days)), approved, doc
        ),
        DATES,
        st.none() | st.integers(0, 40),
        st.booleans(),
        DOCS,
    ),
    st.builds(handed_on, DATES, st.just(NEW_TOWN), DOCS),
    st.builds(reported, st.sampled_from(["refused_tests", "absences"]), DATES),
    st.builds(task, st.sampled_from("ab"), DATES),
    st.builds(visited, st.sampled_from("ab"), DATES),
)
RULES = plugin.jdgate_rules({"test_months": [1, 2, 3]}, References())


@pytest.mark.rule("C1 C2 C3 C4 C5 C6 C7 G1", "any order")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(facts=st.lists(FACTS, max_size=16))
@settings(max_examples=25, deadline=None)
def test_order_and_repetition_make_no_difference(rule: Rule, facts: list[Fact]) -> None:
    assert_order_free(rule, facts, NOW, orders=4)


def test_no_rule_sends_anything_of_legal_effect() -> None:
    """A rule can only tell, propose and wait; what it proposes is decided by a named person."""
    facts = [ordered(), *(outcome(f"2026-09-0{n}") for n in (1, 2, 3)),
             *(away(f"2026-09-{n}", f"2026-09-{n + 4}") for n in (10, 15, 20))]  # fmt: skip
    for rule in RULES:
        for draft in Township(rule, *facts).through("2040-01-01").drafts():
            assert draft.checks
            assert isinstance(draft.to, Role)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"remind": 1}, "plugin.setting_unknown"),
        ({"refusals": 0}, "plugin.setting_range"),
        ({"absences": True}, "plugin.setting_range"),
        ({"missed_counts": 1}, "plugin.setting_flag"),
        ({"test_months": []}, "community.setting_months"),
        ({"test_months": [1, 13]}, "community.setting_months"),
        ({"test_months": 1}, "community.setting_months"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_each_rule_says_what_it_rests_on_and_how_sure_that_is() -> None:
    texts = read_file(Path(plugin.__file__).with_name("texts.toml"))
    codes = [code for rule in RULES for code in rule.explains.values()]  # type: ignore[attr-defined]
    assert len(set(codes)) == len(RULES)
    for code in codes:
        for lang, marks in zip(LANGUAGES, ("【】", "[]"), strict=True):
            assert all(mark in texts[code][lang] for mark in marks)


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))


def test_the_moments_are_the_countys_own() -> None:
    assert comes("2026-08-13") == datetime(2026, 8, 12, 16, 0, tzinfo=UTC)
    assert add_days("2026-08-13", -10) == SERVED
