"""R1 and R2: each at its threshold and not just short of it, in any order of the facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Expect, Fact, Role, Settle, run_due
from jdgate.errors import Refused
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate.texts import LANGUAGES, read_file
from jdgate_tips import plugin
from jdgate_tips.importers import IMPORTERS, NEVER_SENT
from jdgate_tips.rewards import NOTICE, PAY, PROGRESS, RewardRule, months_after
from jdgate_tips.settings import Settings, read
from jdgate_tips.token import LENGTH, SIGNS, fresh

REGION = "511623000000"
POL = Role("POL", REGION)
TOKEN = "N4ZB6G1JYSE0PX72KQMT"
WORKING = References().working_days
NOW = datetime(2026, 9, 30, 2, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SOLVED = "2026-09-18"
"""A Friday. The working days after it pass over the National Day holidays of 2026."""


def fact(type: str, message: str = "m", **data: Any) -> Fact:
    return Fact(type, "pol", None, {"receipt_token": TOKEN, **data}, message, 0, REGION)


def progress(stage: str, day: str = SOLVED) -> Fact:
    return fact(PROGRESS, to="com-01", stage=stage, date=day)


def notice(amount: float = 5000, told: str = "2026-09-29") -> Fact:
    return fact(NOTICE, amount=amount, approver="局长甲", solved_on=SOLVED, noticed_on=told)


def pay(amount: float = 5000, message: str = "m1") -> Fact:
    return fact(PAY, message, amount=amount, approver="局长甲")


def replay(*facts: Fact, chosen: Settings | None = None) -> Replay:
    made = Replay(RewardRule(WORKING, chosen))
    made.batch(list(facts), NOW)
    return made


def alerts(made: Replay) -> list[Alert]:
    return [one for one in made.standing.values() if isinstance(one, Alert)]


def expected(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def when_due(made: Replay, name: str, now: datetime | None = None) -> list[Alert]:
    states, _ = made.end()
    outcome = run_due(made.rule, TOKEN, states[TOKEN], name, now or expected(made)[name])
    return [one.effect for one in outcome.effects if isinstance(one.effect, Alert)]


def settled(made: Replay, *facts: Fact) -> set[str]:
    effects = made.batch(list(facts), NOW).effects
    return {one.effect.cause for one in effects if isinstance(one.effect, Settle)}


def midnight(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T00:00:00+08:00")


@pytest.mark.rule("R1", "fires", "short")
def test_r1_counts_fifteen_working_days_by_the_countys_calendar() -> None:
    last = WORKING.add_working_days(datetime(2026, 9, 18).date(), 15)
    assert last.isoformat() == "2026-10-15", "20 September and 10 October are worked, 1–7 off"
    made = replay(progress("solved"))
    assert expected(made) == {"soon": midnight("2026-10-12"), "late": midnight("2026-10-16")}
    assert made.until(midnight("2026-10-12") - SECOND) == []
    assert len(made.until(midnight("2026-10-16") - SECOND)) == 1
    assert [one.title_code for one in made.until(midnight("2026-10-16"))] == ["tips.notice_late"]
    made = replay(progress("solved"))
    (soon,) = when_due(made, "soon")
    assert (soon.rule_id, soon.to, soon.title_code) == ("R1", POL, "tips.notice_soon")
    assert soon.data == {"receipt_token": TOKEN, "due_on": "2026-10-15"}
    (late,) = when_due(made, "late")
    assert (late.rule_id, late.title_code) == ("R1", "tips.notice_late")
    assert when_due(made, "soon", midnight("2026-10-16")) == []


def test_r1_the_numbers_are_the_countys() -> None:
    chosen = Settings(notice_days=1, notice_remind_days=0)
    made = replay(progress("solved", "2026-09-21"), chosen=chosen)
    assert expected(made) == {"soon": midnight("2026-09-22"), "late": midnight("2026-09-23")}


@pytest.mark.rule("R1", "fires", "short")
@pytest.mark.parametrize("told", [notice(), progress("reward_ready", "2026-09-29")])
def test_r1_telling_the_claimant_settles_it_and_starts_the_two_months(told: Fact) -> None:
    made = replay(progress("solved"))
    raised = {one.cause for name in ("soon", "late") for one in when_due(made, name)}
    assert raised <= settled(made, told)
    assert expected(made) == {"collect": midnight("2026-11-19")}
    (alert,) = when_due(made, "collect")
    assert (alert.rule_id, alert.to, alert.data["due_on"]) == ("R1", POL, "2026-11-29")
    assert when_due(made, "collect", midnight("2026-11-29"))
    assert when_due(made, "collect", midnight("2026-11-30")) == [], "nothing lapses by itself"


def test_r1_payment_ends_it() -> None:
    made = replay(progress("solved"), notice())
    (alert,) = when_due(made, "collect")
    assert alert.cause in settled(made, pay())
    assert made.standing == {}


def test_r1_a_tip_that_is_not_solved_has_no_dates() -> None:
    made = replay(*(progress(stage) for stage in ("received", "checking", "unfounded")))
    assert made.standing == {}


@pytest.mark.parametrize(
    ("day", "months", "end"),
    [("2026-09-29", 2, "2026-11-29"), ("2026-12-31", 2, "2027-02-28"),
     ("2027-12-31", 2, "2028-02-29")],
)  # fmt: skip
def test_two_months_end_on_the_same_day_or_the_last_of_the_month(
    day: str, months: int, end: str
) -> None:
    assert months_after(day, months) == end


@pytest.mark.rule("R2", "fires", "short")
@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ([notice(5000), pay(5000)], None),
        ([notice(5000), pay(5001)], "tips.paid_other"),
        ([pay(5000)], "tips.paid_unnoticed"),
        ([notice(5000), pay(5000), pay(5000, "m2")], "tips.paid_twice"),
    ],
)
def test_r2_a_payment_must_fit_the_notice(facts: list[Fact], code: str | None) -> None:
    found = alerts(replay(*facts))
    assert [(one.rule_id, one.title_code) for one in found] == ([("R2", code)] if code else [])


def test_r2_the_notice_that_comes_later_settles_it() -> None:
    made = replay(pay())
    (alert,) = alerts(made)
    assert alert.cause in settled(made, notice())
    assert alerts(made) == []


DAYS = st.integers(-3, 30).map(lambda back: add_days("2026-09-30", -back))
FACTS = st.one_of(
    st.builds(progress, st.sampled_from(["received", "solved", "reward_ready", "paid"]), DAYS),
    st.builds(notice, st.sampled_from([5000.0, 6000.0]), DAYS),
    st.builds(pay, st.sampled_from([5000.0, 6000.0]), st.sampled_from(["m1", "m2", "m3"])),
)


@pytest.mark.rule("R1 R2", "any order")
@given(st.lists(FACTS, max_size=14))
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(RewardRule(WORKING), facts, NOW, orders=4)


@pytest.mark.parametrize(
    ("table", "code"),
    [({"days": 1}, "plugin.setting_unknown"), ({"notice_days": 0}, "plugin.setting_range"),
     ({"collect_months": 2.5}, "plugin.setting_range")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_each_rule_says_what_it_rests_on_and_how_sure_that_is() -> None:
    (path,) = plugin.jdgate_texts()
    texts = read_file(path)
    for code in RewardRule.explains.values():
        for lang, marks in zip(LANGUAGES, ("【】", "[]"), strict=True):
            assert all(mark in texts[code][lang] for mark in marks)


def test_what_would_give_somebody_away_stays_in_the_file() -> None:
    for importer in IMPORTERS:
        read_titles = {title for column in importer.columns for title in column.titles}
        assert not read_titles & set(importer.dropped)
        assert {"举报人", "电话", "案号"} <= set(NEVER_SENT) <= set(importer.dropped)


def test_a_token_is_long_plain_and_never_the_same() -> None:
    tokens = {fresh() for _ in range(500)}
    assert len(tokens) == 500
    assert all(len(one) == LENGTH and set(one) <= set(SIGNS) for one in tokens)
    assert len(SIGNS) ** LENGTH >= 2**100


def test_the_readme_shows_the_settings_as_they_are() -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    shown = page.partition("[rules.tips]\n")[2].partition("```")[0]
    assert shown == "".join(
        f"{name} = {getattr(Settings(), name)}\n" for name in Settings.__struct_fields__
    )
