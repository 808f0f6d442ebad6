"""The life of an alert: steps, deadlines at the moment and just short of it, and the next desk."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import alerts
from jdgate.core.alerts import AlertLife, Span, Step, Times, span
from jdgate.core.calendar import WorkingDays, YearPlan
from jdgate.core.regions import RegionIndex
from jdgate.errors import Refused

# Saturday, 16:00 in the county
T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TIMES = Times(
    urgent={Step.ACKNOWLEDGED: Span(15)},
    normal={Step.ACKNOWLEDGED: Span(60), Step.RESOLVED: Span(600)},
)


def raised(times: Times = TIMES, *, at: datetime = T0, **other: Any) -> AlertLife:
    given: dict[str, Any] = {
        "id": "a1",
        "rule": "r",
        "rule_id": "M1",
        "cause": "c1",
        "type": "mmt.absence.alert.v1",
        "recipient": "ps-01",
        "raised_to": "ps-01",
        "raised_at": at,
        "last_at": at,
        "desk_at": at,
        "title_code": "clinic.absent",
        "desks": [],
    }
    life = alerts.lay(AlertLife(**(given | other)), "ps-01", at=at, times=times)
    return life if alerts.is_held(life) and life.next_at != life.deadline_at else sent(life, times)


def sent(life: AlertLife, times: Times = TIMES) -> AlertLife:
    return alerts.sent(life, "d1", times)


def test_an_alert_walks_its_steps() -> None:
    life = raised()
    for minute, step in enumerate((Step.DELIVERED, Step.OPENED), start=1):
        life = alerts.advance(life, step, at=T0 + minute * MINUTE, times=TIMES)
    life = alerts.advance(life, Step.ACKNOWLEDGED, at=T0 + 3 * MINUTE, times=TIMES, by="林")
    life = alerts.resolve(life, at=T0 + 4 * MINUTE, times=TIMES, by="林", outcome="came_back")
    life = alerts.advance(life, Step.CLOSED, at=T0 + 5 * MINUTE, times=TIMES)
    reached = [getattr(life, f"{step.value}_at") for step in Step]
    assert reached == [T0 + n * MINUTE for n in range(6)]
    assert (life.step, life.outcome, life.by) == (Step.CLOSED, "came_back", "林")


@given(st.lists(st.sampled_from([Step.RAISED, Step.DELIVERED, Step.OPENED, Step.ACKNOWLEDGED])))
def test_steps_heard_late_or_twice_never_go_back(steps: list[Step]) -> None:
    life = raised()
    for step in steps:
        life = alerts.advance(life, step, at=T0, times=TIMES, by="林")
    assert life.step == max([Step.RAISED, *steps], key=alerts.ORDER.index)


def test_settling_keeps_the_outcome_a_person_recorded() -> None:
    done = alerts.resolve(raised(), at=T0, times=TIMES, by="林", outcome="in_hospital")
    settled = alerts.settle(done, at=T0 + MINUTE)
    assert (settled.outcome, settled.settled_at) == ("in_hospital", T0 + MINUTE)
    assert alerts.settle(settled, at=T0 + 2 * MINUTE) == settled
    assert alerts.settle(raised(), at=T0).outcome == alerts.SETTLED


def test_the_same_outcome_twice_changes_nothing_and_another_is_refused() -> None:
    done = alerts.resolve(raised(), at=T0, times=TIMES, by="林", outcome="visited")
    assert alerts.resolve(done, at=T0 + HOUR, times=TIMES, by="王", outcome="visited") == done
    with pytest.raises(Refused) as refused:
        alerts.resolve(done, at=T0 + HOUR, times=TIMES, by="王", outcome="moved_away")
    assert refused.value.code == "alert.over"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda o: alerts.advance(o, Step.RESOLVED, at=T0, times=TIMES), "alert.needs_outcome"),
        (lambda o: alerts.advance(o, Step.CLOSED, at=T0, times=TIMES), "alert.not_resolved"),
        (lambda o: alerts.advance(o, Step.ACKNOWLEDGED, at=T0, times=TIMES), "alert.person_needed"),
        (
            lambda o: alerts.resolve(o, at=T0, times=TIMES, by="", outcome="x"),
            "alert.person_needed",
        ),
        (
            lambda o: alerts.resolve(o, at=T0, times=TIMES, by="林", outcome="settled"),
            "alert.needs_outcome",
        ),
        (
            lambda o: alerts.resolve(
                alerts.settle(o, at=T0), at=T0, times=TIMES, by="林", outcome="x"
            ),
            "alert.over",
        ),
        (
            lambda o: alerts.lay(alerts.settle(o, at=T0), "nco", at=T0, times=TIMES),
            "alert.over",
        ),
    ],
)
def test_what_an_alert_does_not_allow(act: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        act(raised())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "is_"),
    [("15m", Span(15)), ("2h", Span(120)), ("3d", Span(4320)), ("2wd", Span(0, 2)), ("", None)],
)
def test_how_times_are_written(text: str, is_: Span | None) -> None:
    assert span(text) == is_


def test_opening_an_alert_does_not_win_time() -> None:
    life = raised()
    due = (Step.ACKNOWLEDGED, T0 + HOUR)
    assert alerts.next_deadline(life, TIMES) == due
    life = alerts.advance(life, Step.OPENED, at=T0 + 50 * MINUTE, times=TIMES)
    assert alerts.next_deadline(life, TIMES) == due
    assert (life.deadline_at, life.next_at) == (T0 + HOUR, T0 + HOUR)


def test_the_earliest_step_is_due_first() -> None:
    times = Times(normal={Step.DELIVERED: Span(5), Step.OPENED: Span(30)})
    life = raised(times)
    assert alerts.next_deadline(life, times) == (Step.DELIVERED, T0 + 5 * MINUTE)
    life = alerts.advance(life, Step.DELIVERED, at=T0, times=times)
    assert alerts.next_deadline(life, times) == (Step.OPENED, T0 + 30 * MINUTE)


def test_acknowledging_starts_the_time_to_resolve_which_escalates_too() -> None:
    life = alerts.advance(raised(), Step.ACKNOWLEDGED, at=T0 + MINUTE, times=TIMES, by="林")
    assert life.deadline_at == life.next_at == T0 + MINUTE + 10 * HOUR
    done = alerts.resolve(life, at=T0 + HOUR, times=TIMES, by="林", outcome="visited")
    assert (done.deadline_at, done.next_at) == (None, None)


def test_a_rule_may_have_its_own_times_step_by_step() -> None:
    times = msgspec.structs.replace(TIMES, rules={"M1": {Step.ACKNOWLEDGED: Span(5)}})
    assert raised(times).deadline_at == T0 + 5 * MINUTE
    assert raised(times, rule_id="P1").deadline_at == T0 + HOUR
    acknowledged = alerts.advance(raised(times), Step.ACKNOWLEDGED, at=T0, times=times, by="林")
    assert acknowledged.deadline_at == T0 + 10 * HOUR


NIGHT = msgspec.structs.replace(TIMES, quiet=(time(22), time(7)))


def local(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-21T21:59", None),
        ("2026-11-21T22:00", "2026-11-22T07:00"),
        ("2026-11-22T06:59", "2026-11-22T07:00"),
        ("2026-11-22T07:00", None),
    ],
)
def test_quiet_hours_run_over_midnight(at: str, until: str | None) -> None:
    assert NIGHT.quiet_until(local(at)) == (local(until) if until else None)


def test_what_is_not_urgent_waits_for_the_morning_and_its_time_with_it() -> None:
    life = raised(NIGHT, at=local("2026-11-21T23:00"))
    assert alerts.is_held(life)
    assert life.next_at == local("2026-11-22T07:00")
    assert life.deadline_at == local("2026-11-22T08:00")


def test_the_time_stands_still_during_quiet_hours() -> None:
    life = raised(NIGHT, at=local("2026-11-21T21:30"))
    assert not alerts.is_held(life)
    assert life.deadline_at == local("2026-11-22T07:30")
    exactly = raised(NIGHT, at=local("2026-11-21T21:00"))
    assert exactly.deadline_at == local("2026-11-22T07:00")


def test_what_is_urgent_knows_no_quiet_hours() -> None:
    life = raised(NIGHT, at=local("2026-11-21T23:00"), urgent=True)
    assert not alerts.is_held(life)
    assert life.deadline_at == local("2026-11-21T23:15")


def test_working_days_pass_over_weekends_and_holidays() -> None:
    plan = YearPlan(off=frozenset({date(2026, 11, 23)}))
    times = Times(normal={Step.ACKNOWLEDGED: Span(working_days=2)}, days=WorkingDays({2026: plan}))
    # from Saturday; Monday is a holiday here, so Tuesday and Wednesday count
    assert raised(times).deadline_at == T0 + timedelta(days=4)


class Place(msgspec.Struct):
    id: str
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    status: str = "active"


PLACES = RegionIndex(
    [
        Place("ps-01", ("PS",), ("511623101201",)),
        Place("ps-town", ("PS",), ("511623101000",)),
        Place("ps-county", ("PS",), ("511623000000",)),
        Place("deputy", ("PS",), ("511623101201",)),
        Place("gone", ("PS",), ("511623101201",), "suspended"),
        Place("nco", ("NCO",), ("511623000000",)),
    ]
)


def walk(deputies: dict[str, str], role: str = "PS") -> list[str]:
    life = raised()
    while True:
        to = alerts.next_desk(life, deputies=deputies, regions=PLACES, role=role, authority="nco")
        if to is None:
            return life.desks
        life = alerts.lay(life, to, at=T0, times=TIMES, escalated=True)
        assert life.level == len(life.desks) - 1


def test_what_is_left_lying_goes_to_the_deputy_then_up_the_regions_then_to_the_authority() -> None:
    assert walk({"ps-01": "deputy"}) == ["ps-01", "deputy", "ps-town", "ps-county", "nco"]
    assert walk({}) == ["ps-01", "ps-town", "ps-county", "nco"]


def test_nobody_hears_of_it_twice_and_only_those_who_are_there() -> None:
    assert walk({"ps-01": "ps-town"}) == ["ps-01", "ps-town", "ps-county", "nco"]
    assert walk({"ps-01": "gone"}) == ["ps-01", "ps-town", "ps-county", "nco"]
    assert walk({}, role="CLN") == ["ps-01", "nco"]


def test_on_a_desk_that_somebody_chose_the_life_starts_over() -> None:
    life = alerts.lay(raised(), "nco", at=T0, times=TIMES, escalated=True)
    life = alerts.advance(life, Step.ACKNOWLEDGED, at=T0, times=TIMES, by="林")
    moved = alerts.lay(life, "ps-town", at=T0 + HOUR, times=TIMES)
    assert (moved.recipient, moved.step, moved.level, moved.by) == (
        "ps-town",
        Step.RAISED,
        0,
        None,
    )
    assert moved.deadline_at == T0 + 2 * HOUR


def test_at_the_top_it_stays_late_and_escalates_no_more() -> None:
    life = alerts.exhausted(raised())
    assert (life.deadline_at, life.next_at) == (T0 + HOUR, None)
