"""The daily report each clinic and extension site owes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days, at_local
from jdgate.core.rules import Alert, Expect, Fact, Settle, run, run_due
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate_clinic.daily import AUTHORITY, DailyReportRule

TEN = time(10, 0)
DAY = "2026-11-10"
EVENING = at_local(DAY, time(18, 0))
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def report(day: int = 0, clinic: str = "cln-01", site: str = "main") -> Fact:
    data: dict[str, Any] = {
        "site": site,
        "patient_ref": "A1",
        "date": add_days(DAY, day),
        "attended": True,
    }
    return Fact("mmt.attendance.v1", clinic, bytes(16), data, "m", 0)


def armed(facts: list[Fact], now: datetime) -> list[tuple[str, datetime]]:
    outcome = run(DailyReportRule(TEN), {}, facts, now)
    return [(one.key, one.effect.due) for one in outcome.effects if isinstance(one.effect, Expect)]


def test_a_report_in_the_evening_makes_the_next_due_two_mornings_later() -> None:
    assert armed([report()], EVENING) == [("cln-01/main", at_local(add_days(DAY, 2), TEN))]


def test_a_report_the_next_morning_makes_the_next_due_a_morning_later() -> None:
    morning = at_local(add_days(DAY, 1), time(9, 30))
    assert armed([report()], morning) == [("cln-01/main", at_local(add_days(DAY, 2), TEN))]


def test_days_loaded_late_arm_a_morning_that_is_still_to_come() -> None:
    much_later = at_local(add_days(DAY, 9), time(12, 0))
    assert armed([report()], much_later) == [("cln-01/main", at_local(add_days(DAY, 10), TEN))]


def test_extension_sites_are_expected_by_themselves() -> None:
    keys = [key for key, _ in armed([report(), report(site="north")], EVENING)]
    assert keys == ["cln-01/main", "cln-01/north"]


@pytest.mark.rule("M0", "fires", "short")
def test_overdue_tells_the_clinic_and_the_authority() -> None:
    rule = DailyReportRule(TEN)
    (state,) = run(rule, {}, [report()], EVENING).states.values()
    replay = Replay(rule)
    replay.batch([report()], EVENING)
    assert replay.until(at_local(add_days(DAY, 2), TEN) - timedelta(seconds=1)) == []
    assert [one.rule_id for one in replay.until(at_local(add_days(DAY, 2), TEN))] == ["M0", "M0"]
    outcome = run_due(rule, "cln-01/main", state, "report", at_local(add_days(DAY, 2), TEN))
    told = [one.effect for one in outcome.effects]
    assert [one.to for one in told if isinstance(one, Alert)] == ["cln-01", AUTHORITY]
    assert len({one.cause for one in told if isinstance(one, Alert)}) == 2


def test_a_newer_report_settles_what_was_overdue() -> None:
    rule = DailyReportRule(TEN)
    (state,) = run(rule, {}, [report()], EVENING).states.values()
    late = at_local(add_days(DAY, 2), TEN)
    raised = {
        one.effect.cause
        for one in run_due(rule, "cln-01/main", state, "report", late).effects
        if isinstance(one.effect, Alert)
    }
    outcome = run(rule, {"cln-01/main": state}, [report(1)], late)
    settled = {one.effect.cause for one in outcome.effects if isinstance(one.effect, Settle)}
    assert settled == raised


def test_an_older_report_changes_nothing() -> None:
    rule = DailyReportRule(TEN)
    (state,) = run(rule, {}, [report(3)], NOW).states.values()
    outcome = run(rule, {"cln-01/main": state}, [report(1), report(3)], NOW)
    assert (outcome.states, outcome.effects) == ({}, ())


def test_a_day_that_is_still_to_come_does_not_silence_the_expectation() -> None:
    assert armed([report(4000)], NOW) == []


reports = st.builds(
    report,
    st.integers(0, 20),
    st.sampled_from(["cln-01", "cln-02"]),
    st.sampled_from(["main", "north"]),
)


@pytest.mark.rule("M0", "any order")
@given(st.lists(reports, max_size=25))
@settings(max_examples=80, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(DailyReportRule(TEN), facts, NOW, orders=6)


@given(st.lists(reports, min_size=1, max_size=10))
@settings(max_examples=50, deadline=None)
def test_one_expectation_stands_for_each_site(facts: list[Fact]) -> None:
    replay = Replay(DailyReportRule(TEN))
    for one in facts:
        replay.batch([one], NOW)
    sites = {
        f"{one.source}/{one.data['site']}" for one in facts if one.data["date"] <= "2026-11-21"
    }
    stand = {key for key, name in replay.end()[1] if name == "report"}
    assert stand == sites
