"""The lives of alerts and drafts, and the county's days and hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import alerts, calendar, drafts
from jdgate.core.alerts import AlertLife, Step
from jdgate.core.drafts import DraftLife
from jdgate.core.effects import Alert, Draft
from jdgate.errors import Refused

T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALERT = Alert("c1", "M1", "mmt.absence.alert.v1", "cln-01", {"days": 7}, "clinic.absent")
DRAFT = Draft(
    "c1",
    "cln-01",
    "mmt.dropout.notice.v1",
    {"patient_ref": "A1"},
    "clinic.dropout",
    checks=("transfer", "custody"),
)


def raised(latest: AlertLife | None = None, effect: Alert = ALERT, id: str = "a1") -> AlertLife:
    return alerts.raise_alert(latest, effect, id=id, rule="r", key="k", to="cln-01", at=T0)[0]


def drafted(latest: DraftLife | None = None, id: str = "d1", needs: int = 1) -> DraftLife:
    return drafts.raise_draft(latest, DRAFT, id=id, rule="r", key="k", at=T0, needs=needs)[0]


def approved(**other: Any) -> DraftLife:
    return drafts.approve(drafted(**other), at=T0, by="林", checked=DRAFT.checks)


def test_an_alert_walks_its_steps() -> None:
    life = raised()
    for minute, step in enumerate((Step.DELIVERED, Step.OPENED), start=1):
        life = alerts.advance(life, step, at=T0 + minute * MINUTE)
    life = alerts.advance(life, Step.ACKNOWLEDGED, at=T0 + 3 * MINUTE, by="林")
    life = alerts.resolve(life, at=T0 + 4 * MINUTE, by="林", outcome="came_back")
    life = alerts.advance(life, Step.CLOSED, at=T0 + 5 * MINUTE)
    assert [life.times[step.value] for step in Step] == [T0 + n * MINUTE for n in range(6)]
    assert (life.step, life.outcome, life.acknowledged_by) == (Step.CLOSED, "came_back", "林")


@given(st.lists(st.sampled_from([Step.RAISED, Step.DELIVERED, Step.OPENED, Step.ACKNOWLEDGED])))
def test_steps_heard_late_or_twice_never_go_back(steps: list[Step]) -> None:
    life = raised()
    for step in steps:
        life = alerts.advance(life, step, at=T0, by="林")
    assert life.step == max([Step.RAISED, *steps], key=alerts.ORDER.index)


def test_a_repeat_is_folded_and_nothing_new_is_sent() -> None:
    again = Alert(**{**_fields(ALERT), "data": {"days": 14}})
    life, new = alerts.raise_alert(
        raised(), again, id="a2", rule="r", key="k", to="cln-01", at=T0 + MINUTE
    )
    assert not new
    assert (life.id, life.repeats, life.data) == ("a1", 1, {"days": 14})


def test_what_a_person_resolved_is_not_raised_again_while_the_cause_stands() -> None:
    done = alerts.resolve(raised(), at=T0, by="林", outcome="in_hospital")
    life = raised(done, id="a2")
    assert (life.id, life.step, life.outcome) == ("a1", Step.RESOLVED, "in_hospital")


def test_after_the_rule_settled_it_the_cause_may_start_a_new_life() -> None:
    settled = alerts.settle(raised(), at=T0)
    assert (settled.step, settled.outcome) == (Step.CLOSED, "settled")
    assert raised(settled, id="a2").id == "a2"


def test_settling_keeps_the_outcome_a_person_recorded() -> None:
    done = alerts.resolve(raised(), at=T0, by="林", outcome="in_hospital")
    settled = alerts.settle(done, at=T0 + MINUTE)
    assert (settled.outcome, settled.settled_at) == ("in_hospital", T0 + MINUTE)
    assert alerts.settle(settled, at=T0 + 2 * MINUTE) == settled


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: alerts.advance(raised(), Step.RESOLVED, at=T0), "alert.needs_outcome"),
        (lambda: alerts.advance(raised(), Step.CLOSED, at=T0), "alert.not_resolved"),
        (lambda: alerts.advance(raised(), Step.ACKNOWLEDGED, at=T0), "alert.person_needed"),
        (lambda: alerts.resolve(raised(), at=T0, by="", outcome="x"), "alert.person_needed"),
        (lambda: alerts.resolve(raised(), at=T0, by="林", outcome=""), "alert.needs_outcome"),
        (
            lambda: alerts.resolve(raised(), at=T0, by="林", outcome="settled"),
            "alert.needs_outcome",
        ),
        (
            lambda: alerts.resolve(alerts.settle(raised(), at=T0), at=T0, by="林", outcome="x"),
            "alert.over",
        ),
        (
            lambda: alerts.hand_over(
                alerts.settle(raised(), at=T0), to="nco", at=T0, escalated=True
            ),
            "alert.over",
        ),
    ],
)
def test_what_an_alert_does_not_allow(act: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.code == code


def test_a_deadline_runs_from_the_step_last_reached() -> None:
    allowed = {Step.DELIVERED: 5 * MINUTE, Step.ACKNOWLEDGED: 15 * MINUTE}
    life = raised()
    assert alerts.next_deadline(life, allowed) == (Step.DELIVERED, T0 + 5 * MINUTE)
    life = alerts.advance(life, Step.DELIVERED, at=T0 + 2 * MINUTE)
    assert alerts.next_deadline(life, allowed) == (Step.ACKNOWLEDGED, T0 + 17 * MINUTE)
    assert alerts.overdue(life, allowed, T0 + 16 * MINUTE) is None
    assert alerts.overdue(life, allowed, T0 + 17 * MINUTE) is Step.ACKNOWLEDGED
    assert alerts.next_deadline(alerts.settle(life, at=T0), allowed) is None
    assert alerts.next_deadline(life, {}) is None


def test_on_another_desk_the_life_starts_over() -> None:
    life = alerts.advance(raised(), Step.ACKNOWLEDGED, at=T0, by="林")
    moved = alerts.hand_over(life, to="nco", at=T0 + MINUTE, escalated=True)
    assert (moved.to, moved.step, moved.level, moved.acknowledged_by) == (
        "nco",
        Step.RAISED,
        1,
        None,
    )


def test_a_draft_goes_out_only_when_a_person_approved_it() -> None:
    with pytest.raises(Refused) as refused:
        drafts.sent(drafted(), message_id="m")
    assert refused.value.code == "draft.not_approved"
    out = drafts.sent(approved(), message_id="m")
    assert drafts.answered(out, accepted=True).step == "accepted"
    assert (out.decided_by, out.message_id) == ("林", "m")


def test_every_check_must_be_confirmed() -> None:
    with pytest.raises(Refused, match="custody"):
        drafts.approve(drafted(), at=T0, by="林", checked=["transfer"])


def test_two_approvals_are_two_people() -> None:
    first = approved(needs=2)
    assert (first.step, first.approvers) == ("waiting", ("林",))
    with pytest.raises(Refused) as refused:
        drafts.approve(first, at=T0, by="林", checked=DRAFT.checks)
    assert refused.value.code == "draft.same_person"
    assert drafts.approve(first, at=T0, by="王", checked=DRAFT.checks).step == "approved"


def test_a_rejected_draft_does_not_come_up_again_until_its_cause_was_settled() -> None:
    rejected = drafts.reject(drafted(), at=T0, by="林", reason="住院")
    assert drafted(rejected, id="d2").id == "d1"
    withdrawn = drafts.withdraw(rejected, at=T0)
    assert (withdrawn.step, withdrawn.reason) == ("withdrawn", "住院")
    assert drafted(withdrawn, id="d2").id == "d2"


def test_a_repeat_renews_a_waiting_draft_and_leaves_a_decided_one() -> None:
    other = Draft(**{**_fields(DRAFT), "prefill": {"patient_ref": "A2"}})
    give = {"id": "d2", "rule": "r", "key": "k", "at": T0}
    assert drafts.raise_draft(drafted(), other, **give)[0].prefill == {"patient_ref": "A2"}
    kept, new = drafts.raise_draft(approved(), other, **give)
    assert (kept.prefill, new) == ({"patient_ref": "A1"}, False)


def test_withdrawing_stops_what_was_not_sent_and_leaves_what_was() -> None:
    assert drafts.withdraw(drafted(), at=T0).step == "withdrawn"
    assert drafts.withdraw(approved(), at=T0).step == "withdrawn"
    out = drafts.sent(approved(), message_id="m")
    assert drafts.withdraw(out, at=T0) == out


def test_what_the_gateway_refused_waits_again_with_the_reason() -> None:
    out = drafts.sent(approved(), message_id="m")
    back = drafts.answered(out, accepted=False, code="record.id_check")
    assert (back.step, back.refused_code, back.approvers) == ("waiting", "record.id_check", ())


def test_hearing_twice_that_a_draft_was_sent_or_accepted_changes_nothing() -> None:
    out = drafts.sent(approved(), message_id="m")
    assert drafts.sent(out, message_id="m") == out
    done = drafts.answered(out, accepted=True)
    assert drafts.answered(done, accepted=True) == done


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda: drafts.approve(drafted(), at=T0, by=" ", checked=()), "draft.person_needed"),
        (lambda: drafts.reject(drafted(), at=T0, by="林", reason=" "), "draft.reason_needed"),
        (lambda: drafts.reject(approved(), at=T0, by="林", reason="x"), "draft.decided"),
        (lambda: drafts.answered(approved(), accepted=True), "draft.not_approved"),
    ],
)
def test_what_a_draft_does_not_allow(act: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        act()
    assert refused.value.code == code


def test_days_are_local() -> None:
    assert calendar.day_of(datetime(2026, 11, 21, 16, 0, tzinfo=UTC)) == "2026-11-22"
    assert calendar.at_local("2026-11-22", time(10)) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert calendar.add_days("2026-02-28", 1) == "2026-03-01"
    assert calendar.days_between("2026-02-28", "2026-03-01") == 1


@pytest.mark.parametrize("text", ["", "1:00", "24:00", "10:60", "10:00 ", "１０:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    assert calendar.clock_time(text) is None


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1)), st.times())
def test_the_next_local_time_is_within_a_day(after: datetime, clock: time) -> None:
    if after.year > 9990:
        return
    clock = clock.replace(tzinfo=None, fold=0)
    due = calendar.next_local(after, clock)
    assert after < due <= after + timedelta(days=1)
    assert due.astimezone(calendar.LOCAL).time() == clock


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
