"""The lives of drafts, and the county's days and hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core import calendar, drafts
from jdgate.core.drafts import DraftLife
from jdgate.core.effects import Draft
from jdgate.errors import Refused

T0 = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DRAFT = Draft(
    "c1",
    "cln-01",
    "mmt.dropout.notice.v1",
    {"patient_ref": "A1"},
    "clinic.dropout",
    checks=("transfer", "custody"),
)


def drafted(latest: DraftLife | None = None, id: str = "d1", needs: int = 1) -> DraftLife:
    return drafts.raise_draft(latest, DRAFT, id=id, rule="r", key="k", at=T0, needs=needs)[0]


def approved(**other: Any) -> DraftLife:
    return drafts.approve(drafted(**other), at=T0, by="林", checked=DRAFT.checks)


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
