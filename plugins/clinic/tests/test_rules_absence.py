"""M1 and M2 over attendance, enrolment and custody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jdgate_clinic.rules
from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Draft, Effect, Fact, run
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.texts import LANGUAGES, add_file, say
from jdgate_clinic.daily import DailyReportRule
from jdgate_clinic.rules import ATTENDANCE, CHECKS, CUSTODY, ENROLMENT, AbsenceRule
from jdgate_clinic.settings import Settings

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
DAY = "2026-10-01"
PATIENT = bytes(range(16))


def fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, PATIENT, data, "m", 0, "511623")


def enrolled(clinic: str = "cln-01", day: int = 0, status: str = "active", ref: str = "A1") -> Fact:
    return fact(ENROLMENT, clinic, patient_ref=ref, date=add_days(DAY, day), status=status)


def came(day: int, clinic: str = "cln-01", site: str = "main") -> Fact:
    return fact(ATTENDANCE, clinic, site=site, date=add_days(DAY, day), attended=True)


def missed(day: int, clinic: str = "cln-01", site: str = "main") -> Fact:
    return fact(ATTENDANCE, clinic, site=site, date=add_days(DAY, day), attended=False)


def custody(day: int) -> Fact:
    return fact(CUSTODY, "pol", date=add_days(DAY, day))


def missed_days(first: int, last: int, clinic: str = "cln-01") -> list[Fact]:
    return [missed(day, clinic) for day in range(first, last + 1)]


def standing(facts: list[Fact], rule: AbsenceRule | None = None) -> list[Effect]:
    replay = Replay(rule or AbsenceRule(Settings(absence_days=7, dropout_days=15)))
    replay.batch(facts, NOW)
    return list(replay.standing.values())


def alerts(facts: list[Fact], rule: AbsenceRule | None = None) -> list[Alert]:
    return [one for one in standing(facts, rule) if isinstance(one, Alert)]


def drafts(facts: list[Fact], rule: AbsenceRule | None = None) -> list[Draft]:
    return [one for one in standing(facts, rule) if isinstance(one, Draft)]


@pytest.mark.rule("M1", "fires", "short")
def test_the_alert_comes_on_the_seventh_missed_day_and_not_on_the_sixth() -> None:
    history = [enrolled(), came(1)]
    assert alerts(history + missed_days(2, 7)) == []
    (alert,) = alerts(history + missed_days(2, 8))
    assert (alert.rule_id, alert.to) == ("M1", "cln-01")
    assert alert.data == {
        "patient_ref": "A1",
        "site": "main",
        "last_attended": add_days(DAY, 1),
        "absent_days": 7,
    }


def test_the_number_of_days_is_the_countys() -> None:
    rule = AbsenceRule(Settings(absence_days=3))
    assert alerts([enrolled(), came(1), *missed_days(2, 3)], rule) == []
    assert alerts([enrolled(), came(1), *missed_days(2, 4)], rule)


@pytest.mark.rule("M2", "fires", "short")
def test_the_dropout_draft_comes_at_its_threshold_and_not_before() -> None:
    history = [enrolled(), came(1)]
    assert drafts(history + missed_days(2, 15)) == []
    (draft,) = drafts(history + missed_days(2, 16))
    assert (draft.to, draft.type, draft.checks) == ("cln-01", "mmt.dropout.notice.v1", CHECKS)
    assert draft.prefill["patient_ref"] == "A1"
    assert draft.prefill["last_attended"] == add_days(DAY, 1)


def test_without_the_countys_number_there_is_never_a_draft() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 45)]
    assert drafts(facts, AbsenceRule()) == []
    assert alerts(facts, AbsenceRule())


def test_a_clinic_that_reports_nothing_has_no_absences() -> None:
    assert standing([enrolled(), came(1)]) == []


def test_coming_back_settles_alert_and_draft() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 20)]
    assert len(standing(facts)) == 2
    assert standing([*facts, came(21)]) == []


def test_attended_wins_over_missed_on_the_same_day() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 8)]
    assert standing([*facts, came(8, site="north")]) == []


def test_a_day_that_arrives_late_takes_the_alert_back() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 9)]
    assert alerts(facts)
    assert alerts([*facts, came(4, site="north")]) == []


def test_attendance_elsewhere_counts_and_the_alert_goes_to_the_enrolling_clinic() -> None:
    guest = [enrolled("cln-02", 0, "transferred", "B9"), came(5, "cln-02", "village")]
    facts = [enrolled(), came(1), *missed_days(2, 11)]
    assert alerts([*facts, *guest]) == []
    (alert,) = alerts([*facts, missed(12), *guest])
    assert alert.to == "cln-01"
    assert alert.data["site"] == "village"


def test_days_missed_at_a_clinic_that_does_not_have_the_patient_do_not_count() -> None:
    assert standing([enrolled(), came(1), *missed_days(2, 30, "cln-02")]) == []


def test_after_a_transfer_the_new_clinic_gets_the_alert() -> None:
    moved = [
        enrolled("cln-01", 0),
        came(1),
        enrolled("cln-02", 5, ref="B9"),
        enrolled("cln-01", 6, "transferred"),
    ]
    (alert,) = alerts([*moved, *missed_days(6, 12, "cln-02")])
    assert (alert.to, alert.data["patient_ref"]) == ("cln-02", "B9")
    assert alerts([*moved, *missed_days(2, 20, "cln-01")]) == []


def test_of_two_clinics_the_one_that_enrolled_later_is_told() -> None:
    both = [enrolled("cln-02", 0, ref="B9"), enrolled("cln-01", 2), came(3)]
    assert [one.to for one in alerts([*both, *missed_days(4, 12)])] == ["cln-01"]
    assert alerts([*both, *missed_days(4, 12, "cln-02")]) == []


def test_each_rule_id_is_explained_in_both_languages() -> None:
    add_file(Path(jdgate_clinic.rules.__file__).parent / "texts.toml")
    for explained in (AbsenceRule.explains, DailyReportRule.explains):
        for rule_id, code in explained.items():
            assert all(rule_id in say(code, lang) for lang in LANGUAGES)


def test_nobody_is_told_about_a_patient_no_clinic_enrolled() -> None:
    assert standing([came(1), *missed_days(2, 40)]) == []


def test_custody_stops_the_clock() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 5), custody(6), *missed_days(6, 40)]
    assert standing(facts) == []


def test_custody_on_the_day_last_attended_stops_the_clock_too() -> None:
    assert standing([enrolled(), came(1), custody(1), *missed_days(2, 40)]) == []


def test_custody_withdraws_the_draft_but_days_before_it_keep_the_alert() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 20)]
    assert drafts(facts)
    after = standing([*facts, custody(18)])
    assert [type(one) for one in after] == [Alert]


def test_the_clock_runs_again_after_the_patient_came_back_from_custody() -> None:
    facts = [enrolled(), came(1), custody(2), *missed_days(2, 10), came(11)]
    assert alerts(facts + missed_days(12, 17)) == []
    assert alerts(facts + missed_days(12, 18))


def test_custody_before_the_enrolment_is_over() -> None:
    assert alerts([custody(-60), enrolled(), *missed_days(1, 7)])


def test_an_ended_enrolment_leaves_nothing_standing() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 20)]
    assert len(standing(facts)) == 2
    assert standing([*facts, enrolled(day=21, status="terminated")]) == []


def test_after_a_new_enrolment_days_count_from_it() -> None:
    facts = [
        enrolled(),
        came(1),
        *missed_days(2, 10),
        enrolled(day=8, status="terminated"),
        enrolled(day=20),
    ]
    assert alerts(facts + missed_days(20, 25)) == []
    assert alerts(facts + missed_days(20, 26))


def test_filing_the_same_enrolment_again_does_not_restart_the_clock() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 8), enrolled(day=7)]
    assert alerts(facts)


def test_a_slip_into_the_future_neither_hides_nor_makes_an_absence() -> None:
    facts = [enrolled(), came(1), *missed_days(2, 8)]
    assert alerts([*facts, came(20_000)])
    assert standing([enrolled(), came(1), *missed_days(20_000, 20_030)]) == []


def test_the_alert_is_given_again_only_at_multiples_of_the_threshold() -> None:
    rule = AbsenceRule(Settings(absence_days=7))
    replay = Replay(rule)
    replay.batch([enrolled(), came(1)], NOW)
    said = [len(replay.batch([missed(day)], NOW).effects) for day in range(2, 23)]
    assert [day + 1 for day, count in enumerate(said) if count] == [7, 14, 21]


def test_a_fact_without_a_person_is_of_no_concern() -> None:
    lone = Fact(ATTENDANCE, "cln-01", None, {"date": DAY, "attended": False}, "m", 0)
    assert run(AbsenceRule(), {}, [lone], NOW).states == {}


days = st.integers(0, 24)
clinics = st.sampled_from(["cln-01", "cln-02"])
facts_of_a_patient = st.lists(
    st.one_of(
        st.builds(came, days, clinics, st.sampled_from(["main", "north"])),
        st.builds(missed, days, clinics),
        st.builds(missed, days, clinics),
        st.builds(custody, days),
        st.builds(
            enrolled,
            clinics,
            days,
            st.sampled_from(["active", "active", "transferred", "terminated"]),
            st.sampled_from(["A1", "A2"]),
        ),
    ),
    max_size=30,
)


@pytest.mark.rule("M1 M2", "any order")
@given(facts_of_a_patient)
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    rule = AbsenceRule(Settings(absence_days=2, dropout_days=4))
    assert_order_free(rule, facts, NOW, orders=6)


@given(facts_of_a_patient)
@settings(max_examples=100, deadline=None)
def test_what_stands_is_what_the_state_calls_for(facts: list[Fact]) -> None:
    rule = AbsenceRule(Settings(absence_days=2, dropout_days=4))
    replay = Replay(rule)
    for one in facts:
        replay.batch([one], NOW)
    key = PATIENT.hex()
    states, _ = replay.end()
    called_for = list(rule.standing(states[key], key, NOW)) if key in states else []
    assert sorted(map(repr, replay.standing.values())) == sorted(map(repr, called_for))


@pytest.mark.parametrize("cap", [400])
def test_the_state_stays_bounded(cap: int) -> None:
    later = NOW + timedelta(days=2000)
    replay = Replay(AbsenceRule())
    replay.batch([enrolled(), *missed_days(1, 3 * cap)], later)
    (state,) = replay.end()[0].values()
    assert len(state.absent["cln-01"]) == cap


def test_settings_default_to_seven_days_and_no_dropout() -> None:
    assert Settings() == Settings(absence_days=7, dropout_days=None, report_by="10:00")
