"""K0–K4: each fires at its threshold and not just short of it, in any order of the facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jdgate_courier.plugin
from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Expect, Fact, Role, Rule, run_due
from jdgate.errors import Refused
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.texts import LANGUAGES, read_file
from jdgate_courier.outlets import CompanyRule, OutletRule
from jdgate_courier.rates import STAT, RatesRule
from jdgate_courier.settings import Settings, read
from jdgate_courier.spotchecks import SPOTCHECK, SpotCheckRule
from jdgate_courier.suspects import REPORT, SuspectRule

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
TODAY = "2026-11-21"
SECOND = timedelta(seconds=1)
REGION = "511623000000"
POST = Role("POST", REGION)


def stat(
    outlet: str = "A1",
    last: str = "2026-11-20",
    n: int = 1000,
    *,
    company: str = "cur-01",
    short: int = 0,
    days: int = 7,
    **rates: Any,
) -> Fact:
    """A period in which `short` parcels were not X-rayed."""
    data: dict[str, Any] = {
        "outlet": outlet,
        "period_from": add_days(last, 1 - days),
        "period_to": last,
        "n": n,
        "realname_n": n,
        "inspect_n": n,
        "xray_n": n - short,
        "realname_rate": 100,
        "inspect_rate": 100,
        "xray_rate": (n - short) * 10_000 // n / 100 if n else 100,
        **rates,
    }
    return Fact(STAT, company, None, data, "m", 0, REGION)


def suspect(*, isolated: bool = True, waybill: str = "SF1234567", outlet: str = "A1") -> Fact:
    data = {
        "waybill_no": waybill,
        "outlet": outlet,
        "found_at": "2026-11-21T01:30:00Z",
        "stage": "sorting",
        "desc": "白色粉末",
        "isolated": isolated,
    }
    return Fact(REPORT, "cur-01", None, data, "m", 0, REGION)


def check(date: str, fix_by: str | None = None, outlet: str = "A1") -> Fact:
    """A spot check: failed when it has a fix-by date."""
    data: dict[str, Any] = {
        "outlet": outlet,
        "date": date,
        "items": [{"code": "realname", "ok": fix_by is None}],
        "result": "passed",
    }
    if fix_by is not None:
        data |= {"result": "failed", "fix_by": fix_by}
    return Fact(SPOTCHECK, "post-01", None, data, "m", 0, REGION)


def replay(rule: Rule, *facts: Fact, now: datetime = NOW) -> Replay:
    made = Replay(rule)
    made.batch(list(facts), now)
    return made


def alerts(made: Replay) -> list[Alert]:
    return [one for one in made.standing.values() if isinstance(one, Alert)]


def expected(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def told(made: Replay, name: str) -> list[Alert]:
    """What the rule says when `name` comes due, for the one key there is."""
    states, _ = made.end()
    (key,) = states
    outcome = run_due(made.rule, key, states[key], name, NOW)
    return [one.effect for one in outcome.effects if isinstance(one.effect, Alert)]


# K1


@pytest.mark.rule("K1", "fires", "short")
def test_k1_one_parcel_short_of_all_is_told_and_all_of_them_is_not() -> None:
    assert alerts(replay(RatesRule(), stat(n=100_000))) == []
    (alert,) = alerts(replay(RatesRule(), stat(n=100_000, short=1)))
    assert (alert.rule_id, alert.to, alert.type) == ("K1", POST, "courier.alert.v1")
    assert alert.data["rate"] == 99.99
    assert alert.data["due_on"] == add_days(TODAY, 15)


def test_k1_stands_at_the_rate_the_county_sets() -> None:
    rule = RatesRule(Settings(least_rate=98))
    assert alerts(replay(rule, stat(n=1000, short=20))) == []
    assert len(alerts(replay(rule, stat(n=1000, short=21)))) == 1


def test_k1_a_period_without_parcels_is_short_of_nothing() -> None:
    assert alerts(replay(RatesRule(), stat(n=0))) == []


def test_k1_each_outlet_and_period_is_an_alert_of_its_own() -> None:
    facts = [stat(short=1), stat("A2", short=1), stat(last="2026-11-13", short=1), stat("A3")]
    assert len({one.cause for one in alerts(replay(RatesRule(), *facts))}) == 3


def test_k1_a_better_figure_sent_later_clears_nothing() -> None:
    assert len(alerts(replay(RatesRule(), stat(short=5), stat()))) == 1


def test_k1_a_rate_that_says_more_than_its_counts_is_told() -> None:
    codes = [one.title_code for one in alerts(replay(RatesRule(), stat(short=1, xray_rate=100)))]
    assert codes == ["courier.rate_low", "courier.rate_wrong"]


def test_a_rate_rounded_down_to_whole_points_is_no_lie() -> None:
    rule = RatesRule(Settings(least_rate=1))
    assert alerts(replay(rule, stat(n=1000, short=13, xray_rate=98))) == []
    assert len(alerts(replay(rule, stat(n=1000, short=10, xray_rate=98)))) == 1


# K2


@pytest.mark.rule("K2", "fires")
def test_k2_a_suspect_item_is_urgent_for_the_police() -> None:
    (alert,) = alerts(replay(SuspectRule(), suspect()))
    assert (alert.rule_id, alert.to, alert.urgent) == ("K2", Role("POL", REGION), True)


def test_k2_one_that_is_not_set_aside_is_told_in_other_words() -> None:
    (alert,) = alerts(replay(SuspectRule(), suspect(), suspect(isolated=False)))
    assert alert.title_code == "courier.suspect_at_large"


def test_k2_the_waybill_number_is_nowhere_but_in_the_report() -> None:
    made = replay(SuspectRule(), suspect(waybill="SF7654321"))
    assert "SF7654321" not in repr((made.blobs, made.standing))


# K0 and K3


@pytest.mark.rule("K3", "fires", "short")
def test_k3_comes_after_thirty_whole_days_and_not_a_moment_before() -> None:
    made = replay(OutletRule(), stat())
    due = expected(made)["silent"]
    assert due == datetime(2026, 12, 21, 16, 0, tzinfo=UTC)  # midnight after 21 December
    assert made.until(due - SECOND) == []
    assert [one.rule_id for one in made.until(due)] == ["K3"]
    shorter = expected(replay(OutletRule(Settings(silent_days=29)), stat()))["silent"]
    assert due - shorter == timedelta(days=1)


def test_k3_asks_the_postal_bureau() -> None:
    (alert,) = told(replay(OutletRule(), stat()), "silent")
    assert (alert.rule_id, alert.to) == ("K3", POST)
    assert alert.data == {"outlet": "A1", "period_to": "2026-11-20"}


def test_k3_a_newer_period_settles_the_silence_and_an_older_one_does_not() -> None:
    made = replay(OutletRule(), stat())
    states, _ = made.end()
    raised = run_due(made.rule, "cur-01/A1", states["cur-01/A1"], "silent", NOW).effects
    later = NOW + timedelta(days=31)
    older = made.batch([stat(last="2026-11-13")], later)
    assert older.effects == ()
    newer = made.batch([stat(last="2026-12-20")], later)
    settled = {one.effect.cause for one in newer.effects if hasattr(one.effect, "cause")}
    assert settled == {one.effect.cause for one in raised if isinstance(one.effect, Alert)}


@pytest.mark.rule("K0", "fires", "short")
def test_k0_an_outlet_missing_from_a_period_is_asked_for() -> None:
    made = replay(CompanyRule(), stat(last="2026-11-13"), stat("A2", "2026-11-13"), stat())
    name = "period:2026-11-20/2026-11-14"
    due = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    assert expected(made)[name] == due
    (alert,) = told(made, name)
    assert made.until(due - SECOND) == []
    assert made.until(due) == [alert]
    assert (alert.rule_id, alert.to, alert.data["outlet"]) == ("K0", "cur-01", "A2")


def test_k0_all_outlets_there_and_nobody_is_asked() -> None:
    facts = [stat(one, last) for one in ("A1", "A2") for last in ("2026-11-13", "2026-11-20")]
    made = replay(CompanyRule(), *facts)
    assert [told(made, name) for name in expected(made)] == [[], []]


def test_k0_an_outlet_that_opened_later_was_not_missing() -> None:
    made = replay(CompanyRule(), stat(last="2026-11-13"), stat(), stat("A2"))
    assert told(made, "period:2026-11-13/2026-11-07") == []


def test_k0_an_outlet_silent_for_thirty_days_is_left_to_k3() -> None:
    at_thirty = replay(CompanyRule(), stat("A2", "2026-10-21"), stat())
    assert len(told(at_thirty, "period:2026-11-20/2026-11-14")) == 1
    beyond = replay(CompanyRule(), stat("A2", "2026-10-20"), stat())
    assert told(beyond, "period:2026-11-20/2026-11-14") == []


# K4


@pytest.mark.rule("K4", "fires", "short")
def test_k4_is_due_when_the_fix_by_date_has_passed() -> None:
    made = replay(SpotCheckRule(), check("2026-11-10", "2026-11-25"))
    due = datetime(2026, 11, 25, 16, 0, tzinfo=UTC)
    assert expected(made) == {"fix:2026-11-10": due}
    (alert,) = told(made, "fix:2026-11-10")
    assert made.until(due - SECOND) == []
    assert made.until(due) == [alert]
    assert (alert.rule_id, alert.to, alert.data["due_on"]) == ("K4", POST, "2026-11-25")


@pytest.mark.parametrize(("passed", "open"), [("2026-11-10", True), ("2026-11-11", False)])
def test_k4_a_pass_on_a_later_day_puts_it_right(passed: str, open: bool) -> None:
    made = replay(SpotCheckRule(), check("2026-11-10", "2026-11-25"), check(passed))
    assert bool(expected(made)) is open


def test_k4_a_later_fix_by_date_extends_the_check() -> None:
    facts = [check("2026-11-10", "2026-11-25"), check("2026-11-10", "2026-12-05")]
    due = expected(replay(SpotCheckRule(), *facts))
    assert due == {"fix:2026-11-10": datetime(2026, 12, 5, 16, 0, tzinfo=UTC)}


# all of them

DAYS = st.integers(0, 40).map(lambda back: add_days(TODAY, -back))
OUTLETS = st.sampled_from(["A1", "A2", "A3"])
COMPANIES = st.sampled_from(["cur-01", "cur-02"])
FACTS = st.one_of(
    st.builds(stat, OUTLETS, DAYS, st.integers(0, 9), company=COMPANIES),
    st.builds(lambda outlet, day: stat(outlet, day, 9, short=2), OUTLETS, DAYS),
    st.builds(lambda isolated, one: suspect(isolated=isolated, outlet=one), st.booleans(), OUTLETS),
    st.builds(lambda day, one: check(day, None, one), DAYS, OUTLETS),
    st.builds(lambda day, one, n: check(day, add_days(day, n), one), DAYS, OUTLETS,
              st.integers(0, 30)),
)  # fmt: skip
RULES: list[Rule] = [CompanyRule(), OutletRule(), RatesRule(), SpotCheckRule(), SuspectRule()]


@pytest.mark.rule("K0 K1 K2 K3 K4", "any order")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(facts=st.lists(FACTS, max_size=20))
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_make_no_difference(rule: Rule, facts: list[Fact]) -> None:
    assert_order_free(rule, facts, NOW, orders=4)


@pytest.mark.parametrize("rule", [CompanyRule(), OutletRule(), RatesRule()], ids=lambda r: r.name)
def test_a_period_that_is_still_to_come_is_a_slip_of_the_pen(rule: Rule) -> None:
    assert replay(rule, stat(last="2027-11-20", short=1)).standing == {}


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"least": 1}, "plugin.setting_unknown"),
        ({"least_rate": 101}, "plugin.setting_range"),
        ({"silent_days": 0}, "plugin.setting_range"),
        ({"fix_days": True}, "plugin.setting_range"),
        ({"grace_days": "3"}, "plugin.setting_range"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_countys_settings_reach_the_rules() -> None:
    assert read({"silent_days": 10}) == Settings(silent_days=10)
    names = [rule.name for rule in jdgate_courier.plugin.jdgate_rules({"least_rate": 99})]
    assert len(names) == len(set(names)) == 5


def test_each_rule_says_what_it_rests_on_and_how_sure_that_is() -> None:
    texts = read_file(Path(jdgate_courier.plugin.__file__).with_name("texts.toml"))
    explained = {one: code for rule in RULES for one, code in rule.explains.items()}  # type: ignore[attr-defined]
    assert sorted(explained) == ["K0", "K1", "K2", "K3", "K4"]
    for code in explained.values():
        for lang, marks in zip(LANGUAGES, ("【】", "[]"), strict=True):
            assert all(mark in texts[code][lang] for mark in marks)


def test_an_outlets_rates_go_to_charts_rounded_down() -> None:
    rule = RatesRule(Settings())
    fact = stat(short=1, n=3000, last="2026-11-15")
    state, _ = rule.step(rule.state(), fact, NOW)
    points = {one.chart: one for one in rule.points(state)}
    assert set(points) == {"courier.realname", "courier.inspect", "courier.xray"}
    xray = points["courier.xray"]
    assert (xray.unit, xray.item, xray.first, xray.last) == (
        "cur-01", "A1", "2026-11-09", "2026-11-15",
    )  # fmt: skip
    assert (xray.n, points["courier.inspect"].n) == (9_996, 10_000)
    assert rule.points(rule.state()) == []
