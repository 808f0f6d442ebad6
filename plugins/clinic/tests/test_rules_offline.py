"""Extension sites that work offline: their days come late, and nobody is absent meanwhile."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days, at_local
from jdgate.core.rules import Alert, Draft, Effect, Expect, Fact, Settle, run_due
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate_clinic.daily import DailyReportRule
from jdgate_clinic.rules import ATTENDANCE, ENROLMENT, TERMINATION, AbsenceRule
from jdgate_clinic.settings import Settings

DAY = "2026-11-01"
PATIENT = bytes(range(16))
CHOSEN = Settings(
    absence_days=7, dropout_days=9, offline_sites=frozenset({"village"}), offline_days=10
)


def on(day: int) -> datetime:
    """The evening of a day counted from `DAY`."""
    return at_local(add_days(DAY, day), time(18, 0))


def fact(type: str, day: int, **data: Any) -> Fact:
    known = {"date": add_days(DAY, day), **data}
    return Fact(type, "cln-01", PATIENT, known, "m", 0, "511623")


def enrolled(day: int = 0, site: str = "main", status: str = "active") -> Fact:
    return fact(ENROLMENT, day, patient_ref="A1", site=site, status=status)


def came(day: int, site: str = "village") -> Fact:
    return fact(ATTENDANCE, day, patient_ref="A1", site=site, attended=True)


def missed(first: int, last: int, site: str = "main") -> list[Fact]:
    return [
        fact(ATTENDANCE, day, patient_ref="A1", site=site, attended=False)
        for day in range(first, last + 1)
    ]


def replay(facts: list[Fact], now: datetime) -> Replay:
    made = Replay(AbsenceRule(CHOSEN))
    made.batch(facts, now)
    return made


def said(made: Replay) -> list[Effect]:
    return [one for one in made.standing.values() if not isinstance(one, Expect)]


def waits(made: Replay) -> list[datetime]:
    return [one.due for one in made.standing.values() if isinstance(one, Expect)]


def at_due(made: Replay, now: datetime) -> list[Effect]:
    ((key, state),) = made.end()[0].items()
    return [one.effect for one in run_due(made.rule, key, state, "waiting", now).effects]


def test_days_that_the_site_has_not_told_of_raise_no_alert() -> None:
    made = replay([enrolled(), came(1), *missed(2, 9)], on(9))
    assert said(made) == []
    # the seventh missed day is day 8, and it counts when the site's ten days are over
    assert waits(made) == [at_local(add_days(DAY, 18), time(0, 0))]


def test_they_count_when_the_site_tells_of_them_too() -> None:
    history = [enrolled(), came(1), *missed(2, 8)]
    assert said(replay([*history, *missed(7, 7, "village")], on(9))) == []
    (alert,) = said(replay([*history, *missed(8, 8, "village")], on(9)))
    assert isinstance(alert, Alert) and alert.rule_id == "M1"


def test_they_count_when_the_sites_days_are_over_and_not_before() -> None:
    made = replay([enrolled(), came(1), *missed(2, 10)], on(10))
    (due,) = waits(made)
    assert [type(one) for one in at_due(made, due)] == [Expect, Alert]
    before = at_due(made, at_local(add_days(DAY, 17), time(23, 59)))
    assert [type(one) for one in before] == [Expect]
    # the ninth missed day makes the draft, two days after the seventh made the alert
    (again,) = [one.due for one in at_due(made, due) if isinstance(one, Expect)]
    assert again == at_local(add_days(DAY, 20), time(0, 0))
    assert Draft in {type(one) for one in at_due(made, again)}


def test_days_that_come_late_settle_what_was_raised() -> None:
    made = replay([enrolled(), came(1), *missed(2, 8)], on(9))
    (due,) = waits(made)
    raised = {one.cause for one in at_due(made, due) if isinstance(one, Alert)}
    effects = made.batch([came(day) for day in range(2, 18)], due).effects
    assert raised <= {one.effect.cause for one in effects if isinstance(one.effect, Settle)}
    assert said(made) == []


def test_ten_days_sent_at_once_out_of_order_raise_nothing() -> None:
    for days in (range(2, 12), range(11, 1, -1)):
        made = replay([enrolled(), came(1), *missed(2, 11)], on(11))
        for day in days:
            made.batch([came(day)], on(12))
            assert said(made) == []
        assert made.standing == {}


def test_a_patient_enrolled_at_the_site_is_waited_for_from_the_start() -> None:
    assert said(replay([enrolled(site="village"), *missed(1, 8)], on(9))) == []
    assert said(replay([enrolled(site="main"), *missed(1, 8)], on(9)))


def test_a_patient_who_came_elsewhere_since_belongs_to_the_site_no_more() -> None:
    assert said(replay([enrolled(), came(1), came(2, "main"), *missed(3, 9)], on(10)))


def test_a_report_that_the_treatment_ended_leaves_nothing_standing() -> None:
    facts = [enrolled(), came(1, "main"), *missed(2, 12)]
    assert said(replay(facts, on(13)))
    ended = fact(TERMINATION, 12, reason_code="moved")
    assert replay([*facts, ended], on(13)).standing == {}
    again = [enrolled(13), *missed(13, 19)]
    assert said(replay([*facts, ended, *again], on(20)))


def test_the_daily_report_of_such_a_site_is_due_so_much_later() -> None:
    rule = DailyReportRule(time(10, 0), frozenset({"village"}), offline_days=10)
    made = Replay(rule)
    made.batch([came(1), came(1, "main")], on(1))
    due = {key: one.due for (key, _), one in made.standing.items() if isinstance(one, Expect)}
    assert due == {
        "cln-01/main": at_local(add_days(DAY, 3), time(10, 0)),
        "cln-01/village": at_local(add_days(DAY, 13), time(10, 0)),
    }


DAYS = st.integers(0, 24)
SITES = st.sampled_from(["main", "village", "hill"])
FACTS = st.one_of(
    st.builds(came, DAYS, SITES),
    st.builds(lambda day, site: missed(day, day, site)[0], DAYS, SITES),
    st.builds(lambda day, site: missed(day, day, site)[0], DAYS, SITES),
    st.builds(enrolled, DAYS, SITES, st.sampled_from(["active", "active", "transferred"])),
    st.builds(lambda day: fact(TERMINATION, day, reason_code="moved"), DAYS),
)


@given(st.lists(FACTS, max_size=30), DAYS)
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact], today: int) -> None:
    sites = frozenset({"village", "hill"})
    chosen = Settings(absence_days=2, dropout_days=3, offline_sites=sites, offline_days=4)
    assert_order_free(AbsenceRule(chosen), facts, on(today), orders=5)
