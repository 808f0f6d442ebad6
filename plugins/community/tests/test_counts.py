"""C2, C3, C4: counted to the threshold and not beyond, what is excused never, nothing by time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from plugins.community.tests.township import (
    COM,
    DOC,
    PERSON,
    POL,
    TODAY,
    Township,
    away,
    came,
    ended,
    ordered,
    outcome,
    reported,
)

from jdgate.core.calendar import add_days
from jdgate.core.rules import Fact
from jdgate_community.completing import complete
from jdgate_community.days import comes
from jdgate_community.leave import LeaveRule
from jdgate_community.positives import PositiveRule
from jdgate_community.schedule import ScheduleRule
from jdgate_community.settings import Settings
from jdgate_community.testing import TestingRule

JUST = timedelta(seconds=1)
BEGUN = [ordered(), came()]
NINTH = "2026-09-"


def outcomes(*states: str) -> list[Fact]:
    return [outcome(f"{NINTH}{n:02}", state) for n, state in enumerate(states, 1)]


class Approved:
    """A draft as the approver's edge sees it."""

    def __init__(self, draft: Any) -> None:
        self.id, self.type, self.prefill = "d", draft.type, draft.prefill
        self.decided_by, self.decided_at = "干部甲", datetime.fromisoformat("2026-11-21T02:00Z")


# C2


@pytest.mark.rule("C2", "fires", "short")
@pytest.mark.parametrize(
    ("states", "told", "drafts"),
    [
        ((), [], 0),
        (("attended", "attended", "attended"), [], 0),
        (("refused",), ["tests_admonish"], 0),
        (("refused", "missed"), ["tests_admonish"], 0),
        (("refused", "attended", "refused"), ["tests_admonish"], 0),
        (("refused", "missed", "refused"), ["tests_limit"], 1),
        (("refused",) * 4, ["tests_limit"], 1),
    ],
)
def test_c2_admonishes_at_one_and_two_and_drafts_a_report_at_three(
    states: Sequence[str], told: list[str], drafts: int
) -> None:
    town = Township(TestingRule(), *BEGUN, *outcomes(*states))
    assert (town.told(), len(town.drafts())) == (told, drafts)
    assert all(one.to == COM for one in (*town.alerts(), *town.drafts()))


def test_c2_the_report_holds_each_event_and_lacks_what_only_people_know() -> None:
    town = Township(TestingRule(), *BEGUN, *outcomes("refused", "missed", "refused"))
    (draft,) = town.drafts()
    assert complete(Approved(draft)) == {
        **PERSON,
        "doc_no": DOC,
        "kind": "refused_tests",
        "events": [
            {"date": "2026-09-01", "what": "refused"},
            {"date": "2026-09-02", "what": "missed"},
            {"date": "2026-09-03", "what": "refused"},
        ],
        "confirmer": "干部甲",
    }
    assert "evidence_ref" not in draft.prefill


def test_c2_who_was_there_after_all_is_not_counted() -> None:
    town = Township(TestingRule(), *BEGUN, *outcomes("refused", "missed", "refused"))
    town.take(outcome("2026-09-02", "attended"))
    assert (town.told(), town.drafts()) == (["tests_admonish"], [])


def test_c2_whether_a_missed_test_counts_is_the_countys() -> None:
    rule = TestingRule(Settings(missed_counts=False))
    assert Township(rule, *BEGUN, *outcomes("missed", "missed", "missed")).told() == []
    assert Township(rule, *BEGUN, *outcomes("refused", "refused", "refused")).drafts()


def test_c2_what_was_reported_is_drafted_again_only_for_a_later_day() -> None:
    town = Township(TestingRule(), *BEGUN, *outcomes("refused", "refused", "refused"))
    town.take(reported("refused_tests", "2026-09-01", "2026-09-02", "2026-09-03"))
    assert (town.told(), town.drafts()) == ([], [])
    town.take(outcome("2026-10-01"))
    assert len(town.drafts()) == 1


@pytest.mark.parametrize("status", ["suspended", "terminated", "released"])
def test_c2_nothing_stands_when_the_order_is_not_carried_out(status: str) -> None:
    town = Township(TestingRule(), *BEGUN, *outcomes("refused", "refused", "refused"))
    town.take(ended("2026-10-01", status))
    assert (town.told(), town.drafts()) == ([], [])


def test_c2_tests_before_this_order_do_not_count() -> None:
    before = [outcome(day) for day in ("2026-07-01", "2026-07-02", "2026-08-02")]
    assert Township(TestingRule(), *BEGUN, *before).told() == []
    assert Township(TestingRule(), *BEGUN, *before, outcome("2026-08-03")).told() == [
        "tests_admonish"
    ]


@pytest.mark.rule("C2", "fires", "short")
def test_c2_the_schedule_reminds_before_the_day_and_tells_when_it_has_passed() -> None:
    town = Township(ScheduleRule(Settings(test_months=(1, 2, 3))), *BEGUN)
    assert town.until(comes("2026-09-03") - JUST).told() == []
    assert town.through("2026-09-03").told() == ["test_soon"]
    assert town.until(comes("2026-09-11") - JUST).told() == ["test_soon"]
    assert town.through("2026-09-11").told() == ["test_overdue", "test_soon"]
    town.take(outcome("2026-09-12", "missed"))
    assert town.told() == []
    assert town.through("2026-10-13").told() == ["test_overdue", "test_soon"]


def test_c2_the_schedule_grows_longer_with_the_years_and_there_is_none_by_default() -> None:
    rule = ScheduleRule(Settings(test_months=(1, 2, 3)))
    second = [ordered("2025-01-02"), came("2025-01-05"), outcome("2026-01-05", "attended")]
    town = Township(rule, *second)
    assert town.until(comes("2026-03-06") - JUST).told() == ["test_soon"]
    assert town.through("2026-03-06").told() == ["test_overdue", "test_soon"]
    assert Township(ScheduleRule(), *BEGUN).through("2030-01-01").told() == []


# C3


@pytest.mark.rule("C3", "fires", "short")
@pytest.mark.parametrize(
    ("absences", "told", "kind"),
    [
        ([("09-01", "09-03")], [], None),
        ([("09-01", "09-04")], ["leave_admonish"], None),
        ([("09-01", "09-04"), ("09-10", "09-14")], ["leave_admonish"], None),
        ([("09-01", "09-04"), ("09-10", "09-14"), ("09-20", "09-23")], ["leave_limit"], "absences"),
        ([("09-01", "09-04"), ("09-03", "09-08"), ("09-20", "09-23")], ["leave_admonish"], None),
        ([("09-01", "10-01")], ["leave_admonish"], None),
        ([("09-01", "10-02")], ["leave_limit"], "absent_days"),
        ([("09-01", "09-16"), ("10-01", "10-16")], ["leave_admonish"], None),
        ([("09-01", "09-16"), ("10-01", "10-17")], ["leave_limit"], "absent_days"),
    ],
)
def test_c3_three_times_or_more_than_thirty_days(
    absences: list[tuple[str, str]], told: list[str], kind: str | None
) -> None:
    facts = [away(f"2026-{left}", f"2026-{back}") for left, back in absences]
    town = Township(LeaveRule(), *BEGUN, *facts)
    assert town.told() == told
    assert [one.prefill["kind"] for one in town.drafts()] == ([kind] if kind else [])


def test_c3_approved_leave_never_counts_also_when_approved_later() -> None:
    days = [("09-01", "09-04"), ("09-10", "09-14"), ("09-20", "09-23")]
    facts = [away(f"2026-{left}", f"2026-{back}") for left, back in days]
    town = Township(LeaveRule(), *BEGUN, *facts)
    assert town.drafts()
    town.take(away("2026-09-10", "2026-09-14", approved=True))
    assert (town.told(), town.drafts()) == (["leave_admonish"], [])
    leave = [away("2026-09-01", "2026-11-01", approved=True)]
    assert Township(LeaveRule(), *BEGUN, *leave).told() == []


def test_c3_who_is_still_away_counts_on_the_third_day_and_day_by_day() -> None:
    town = Township(LeaveRule(), *BEGUN, away("2026-10-01", None))
    assert town.until(comes("2026-10-04") - JUST).told() == []
    assert town.through("2026-10-04").told() == ["leave_admonish"]
    assert town.until(comes("2026-11-01") - JUST).drafts() == []
    town.through("2026-11-01")
    assert town.told() == ["leave_limit"]
    (draft,) = town.drafts()
    assert draft.prefill["event_1"] == "2026-10-01 left"
    town.take(away("2026-10-01", "2026-10-20"))
    assert (town.told(), town.drafts()) == (["leave_admonish"], [])


def test_c3_a_third_absence_that_lasts_turns_into_a_draft_and_out_of_it() -> None:
    two = [away("2026-09-01", "2026-09-04"), away("2026-09-10", "2026-09-14")]
    town = Township(LeaveRule(), *BEGUN, *two, away("2026-11-01", None)).through("2026-11-04")
    assert (town.told(), len(town.drafts())) == (["leave_limit"], 1)
    town.take(away("2026-11-01", "2026-11-20", approved=True))
    assert (town.told(), town.drafts()) == (["leave_admonish"], [])


def test_c3_an_old_absence_without_a_return_and_another_order_s_count_nothing() -> None:
    open_ones = [away("2026-09-01", None), away("2026-09-20", "2026-09-25")]
    town = Township(LeaveRule(), *BEGUN, *open_ones, away("2026-10-01", "2026-10-09", doc_no="D-2"))
    (alert,) = town.alerts()
    assert alert.data["count"] == 1


def test_c3_the_report_shows_from_when_until_when() -> None:
    town = Township(LeaveRule(), *BEGUN, away("2026-09-01", "2026-10-10"))
    record = complete(Approved(town.drafts()[0]))
    assert record is not None
    assert record["events"] == [{"date": "2026-09-01", "until": "2026-10-10", "what": "left"}]


# C4


@pytest.mark.rule("C4", "fires", "short")
def test_c4_a_held_positive_asks_the_police_when_three_days_have_passed() -> None:
    town = Township(PositiveRule(), outcome("2026-11-10", "positive_held"))
    assert town.until(comes("2026-11-14") - JUST).told() == []
    town.through("2026-11-14")
    (alert,) = town.alerts()
    assert (alert.rule_id, alert.to, alert.title_code) == ("C4", POL, "community.positive_due")
    assert alert.data == {**PERSON, "due_on": "2026-11-13"}


@pytest.mark.parametrize(
    "answer",
    [
        outcome("2026-11-10", "positive_confirmed"),
        outcome("2026-11-10", "positive_confirmed", retest_on="2026-11-12"),
        outcome("2026-11-10", "attended", retest_on="2026-11-12"),
    ],
)
def test_c4_is_settled_by_what_came_of_it(answer: Fact) -> None:
    town = Township(PositiveRule(), outcome("2026-11-10", "positive_held")).through("2026-11-14")
    town.take(answer)
    assert town.told() == []


def test_c4_a_second_test_confirms_at_once_and_without_one_it_is_too_early() -> None:
    day = add_days(TODAY, -3)
    retested = Township(PositiveRule(), outcome(day, "positive_confirmed", retest_on=TODAY))
    assert retested.through(add_days(TODAY, 1)).told() == []
    early = Township(PositiveRule(), outcome(day, "positive_confirmed"))
    early.until(comes(add_days(TODAY, 1)) - JUST)
    assert early.told() == ["positive_early"]
    assert early.alerts()[0].urgent
    assert early.through(add_days(TODAY, 1)).told() == []
    in_time = Township(PositiveRule(), outcome(add_days(day, -1), "positive_confirmed"))
    assert in_time.through(add_days(TODAY, 1)).told() == []
