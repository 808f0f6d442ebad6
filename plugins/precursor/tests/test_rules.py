"""P1–P7: each fires at its threshold and not just short of it, in any order of the facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Expect, Fact, Role, Rule, Settle, run_due
from jdgate.errors import Refused
from jdgate.plugins import Period, Total
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate.texts import LANGUAGES, read_file
from jdgate_precursor import plugin
from jdgate_precursor.annual import AnnualRule
from jdgate_precursor.enterprises import ANNUAL, INSPECTION, LOSS, PERMIT, SALE
from jdgate_precursor.inspections import InspectionRule
from jdgate_precursor.listing import Listings
from jdgate_precursor.losses import LossRule
from jdgate_precursor.permits import RevocationRule
from jdgate_precursor.purchases import PurchaseRule
from jdgate_precursor.sales import PERMANGANATE, SaleRule
from jdgate_precursor.settings import Settings, read
from jdgate_precursor.stocks import StockRule

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
TODAY = "2026-11-21"
SECOND = timedelta(seconds=1)
REGION = "511623101000"
USCC = "91511623MA00000015"
BUYER = "91511623MA00000028"
EPHEDRINE, ACETIC_ANHYDRIDE, ACETONE, PIPERIDONE = "299-42-3", "108-24-7", "67-64-1", "41661-47-6"
SALT = "50-98-6"
"""Ephedrine hydrochloride: listed with its substance, its CAS number in no table."""
LISTINGS = Listings(References().precursors)
NOVEMBER = Period("month", "2026-11-01", "2026-11-30")
OCTOBER = Period("month", "2026-10-01", "2026-10-31")
POL, PS = Role("POL", REGION), Role("PS", REGION)


def fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, None, data, "m", 0, REGION)


def stock(cas: str, book: float, stock: float, loss: float | None = None) -> dict[str, Any]:
    line: dict[str, Any] = {"cas": cas, "unit": "kg", "book_qty": book, "stock_qty": stock}
    return line if loss is None else {**line, "loss_qty": loss}


def inspected(day: str, *stocks: dict[str, Any], uscc: str = USCC) -> Fact:
    lines = list(stocks) or [stock(ACETONE, 1, 1)]
    items = [{"code": "ledger", "ok": True}]
    return fact(INSPECTION, "ps-01", uscc=uscc, date=day, items=items, stocks=lines)


def sold(
    cas: str = ACETONE,
    day: str = TODAY,
    *,
    person: bool = False,
    payment: str = "transfer",
    permit: str | None = "备2026-1",
    qty: float = 10,
) -> Fact:
    data: dict[str, Any] = {"seller": USCC, "cas": cas, "qty": qty, "unit": "kg", "date": day}
    data |= {"payment": payment, "buyer_kind": "person" if person else "unit"}
    if not person:
        data["buyer"] = BUYER
    if permit is not None:
        data["permit_no"] = permit
    return fact(SALE, "ent-01", **data)


def annual(year: int) -> Fact:
    data = {"in": 5, "out": 4, "stock": 1}
    return fact(
        ANNUAL, "ent-01", uscc=USCC, year=year, cas=ACETONE, unit="kg", authority="POL", **data
    )


def lost(kind: str = "lost", qty: float = 1) -> Fact:
    found = "2026-11-21T01:30:00Z"
    data = {"cas": ACETONE, "qty": qty, "unit": "kg", "found_at": found, "kind": kind}
    return fact(LOSS, "ent-01", uscc=USCC, **data)


def permit(action: str, day: str, number: str = "备2026-1", **data: str) -> Fact:
    told = {"uscc": USCC, "permit_no": number, "action": action, "date": day}
    return fact(PERMIT, "ema-01", **told | data)


def buyers(action: str, day: str, **data: str) -> Fact:
    return permit(action, day, **{"uscc": BUYER, **data})


def replay(rule: Rule, *facts: Fact, now: datetime = NOW) -> Replay:
    made = Replay(rule)
    made.batch(list(facts), now)
    return made


def alerts(made: Replay, rule_id: str | None = None) -> list[Alert]:
    found = [one for one in made.standing.values() if isinstance(one, Alert)]
    return [one for one in found if rule_id in (None, one.rule_id)]


def expected(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def when_due(made: Replay, name: str, now: datetime) -> tuple[list[Alert], dict[str, datetime]]:
    """What the rule says and expects when `name` comes due, for the one key there is."""
    states, _ = made.end()
    (key,) = states
    said = [one.effect for one in run_due(made.rule, key, states[key], name, now).effects]
    due = {one.name: one.due for one in said if isinstance(one, Expect)}
    return [one for one in said if isinstance(one, Alert)], due


def settled(made: Replay, *facts: Fact, now: datetime = NOW) -> set[str]:
    effects = made.batch(list(facts), now).effects
    return {one.effect.cause for one in effects if isinstance(one.effect, Settle)}


# P1

DECEMBER_4 = datetime(2026, 12, 3, 16, 0, tzinfo=UTC)
"""Midnight in the county: November's end and three whole days have passed."""


@pytest.mark.rule("P1", "fires", "short")
def test_p1_comes_three_days_after_the_months_end_and_not_a_moment_before() -> None:
    made = replay(InspectionRule(), inspected("2026-10-08"))
    assert expected(made) == {"month:2026-11": DECEMBER_4}
    assert made.until(DECEMBER_4 - SECOND) == []
    assert [one.rule_id for one in made.until(DECEMBER_4)] == ["P1"]
    shorter = replay(InspectionRule(Settings(inspect_days=2)), inspected("2026-10-08"))
    assert expected(shorter) == {"month:2026-11": DECEMBER_4 - timedelta(days=1)}


def test_p1_tells_the_station_of_the_place_and_expects_the_next_month() -> None:
    made = replay(InspectionRule(), inspected("2026-10-08"))
    (alert,), due = when_due(made, "month:2026-11", DECEMBER_4)
    assert (alert.rule_id, alert.to, alert.data) == ("P1", PS, {"uscc": USCC, "month": "2026-11"})
    assert list(due) == ["month:2026-12"]
    (awaited,) = (one for one in made.standing.values() if isinstance(one, Expect))
    assert (awaited.awaits, awaited.of) == ("precursor.inspect.result.v1", "PS"), "provable"
    assert awaited.region, "by the station of the place"


def test_p1_an_inspection_of_the_month_moves_the_expectation_to_the_next() -> None:
    made = replay(InspectionRule(), inspected("2026-10-08"), inspected("2026-11-02"))
    assert list(expected(made)) == ["month:2026-12"]


def test_p1_a_late_inspection_settles_the_alert() -> None:
    made = replay(InspectionRule(), inspected("2026-10-08"))
    (alert,), _ = when_due(made, "month:2026-11", DECEMBER_4)
    assert alert.cause not in settled(made, inspected("2026-10-30"), now=DECEMBER_4)
    assert alert.cause in settled(made, inspected("2026-11-30"), now=DECEMBER_4)


def test_p1_an_enterprise_known_from_a_sale_alone_is_to_be_inspected() -> None:
    made = replay(InspectionRule(), sold(day="2026-11-02"))
    assert expected(made) == {"month:2026-11": DECEMBER_4}


def test_p1_of_months_long_past_only_the_newest_is_asked_for() -> None:
    made = replay(InspectionRule(), sold(day="2026-01-05"), now=DECEMBER_4)
    (alert,), due = when_due(made, "month:2026-01", DECEMBER_4)
    assert alert.data["month"] == "2026-11"
    assert list(due) == ["month:2026-12"]


def test_p1_nothing_is_asked_of_an_enterprise_after_its_last_permit_ended() -> None:
    facts = [inspected("2026-10-08"), permit("issued", "2026-01-05")]
    assert expected(replay(InspectionRule(), *facts))
    assert expected(replay(InspectionRule(), *facts, permit("cancelled", "2026-10-20"))) == {}
    other = permit("issued", "2026-01-05", "other")
    assert expected(replay(InspectionRule(), *facts, permit("cancelled", "2026-10-20"), other))


# P2


@pytest.mark.rule("P2", "fires", "short")
@pytest.mark.parametrize(
    ("line", "differs"),
    [
        (stock(EPHEDRINE, 5, 5), False),
        (stock(EPHEDRINE, 5, 4.999), True),
        (stock(EPHEDRINE, 0.3, 0.1, 0.2), False),
        (stock(ACETIC_ANHYDRIDE, 100, 98), False),
        (stock(ACETIC_ANHYDRIDE, 100, 97.999), True),
        (stock(ACETONE, 1000, 980), False),
        (stock(ACETONE, 1000, 979.9), True),
        (stock(ACETONE, 1000, 1020.1), True),
        (stock(ACETONE, 1000, 970, 10), False),
        (stock(ACETONE, 1000, 969.9, 10), True),
        (stock(SALT, 100, 98), False),
        (stock(SALT, 100, 97.9), True),
        (stock("64-17-5", 100, 99), False),
    ],
)
def test_p2_any_difference_of_category_1_and_above_two_percent_of_2_and_3(
    line: dict[str, Any], differs: bool
) -> None:
    found = alerts(replay(StockRule(LISTINGS), inspected(TODAY, line)))
    assert [(one.rule_id, one.to) for one in found] == ([("P2", POL)] if differs else [])


def test_p2_the_tolerance_is_the_countys() -> None:
    rule = StockRule(LISTINGS, Settings(tolerance_percent=0.5))
    assert alerts(replay(rule, inspected(TODAY, stock(ACETONE, 1000, 995)))) == []
    assert len(alerts(replay(rule, inspected(TODAY, stock(ACETONE, 1000, 994.9))))) == 1


def test_p2_the_category_is_that_of_the_day_of_inspection() -> None:
    line = stock(PIPERIDONE, 100, 50)
    assert alerts(replay(StockRule(LISTINGS), inspected("2025-07-19", line))) == []
    assert len(alerts(replay(StockRule(LISTINGS), inspected("2025-07-20", line)))) == 1


def test_p2_a_newer_inspection_in_which_they_agree_settles_it() -> None:
    made = replay(StockRule(LISTINGS), inspected("2026-11-02", stock(ACETONE, 100, 50)))
    (alert,) = alerts(made)
    older = inspected("2026-11-01", stock(ACETONE, 100, 100))
    assert alert.cause not in settled(made, older)
    assert alert.cause in settled(made, inspected("2026-11-03", stock(ACETONE, 100, 100)))


# P3


@pytest.mark.rule("P3", "fires", "short")
@pytest.mark.parametrize(
    ("cas", "days"), [(EPHEDRINE, 5), (ACETIC_ANHYDRIDE, 30), (ACETONE, 30), (SALT, 30)]
)
def test_p3_is_late_the_day_after_its_limit_and_not_on_it(cas: str, days: int) -> None:
    in_time = replay(SaleRule(LISTINGS), sold(cas, add_days(TODAY, -days)))
    assert alerts(in_time, "P3") == []
    (alert,) = alerts(replay(SaleRule(LISTINGS), sold(cas, add_days(TODAY, -days - 1))), "P3")
    assert (alert.to, alert.params["days"]) == (POL, 1)
    assert alert.data == {"uscc": USCC, "cas": cas, "due_on": add_days(TODAY, -1)}


def test_p3_a_sale_sent_again_with_a_later_file_is_not_late() -> None:
    made = replay(SaleRule(LISTINGS), sold())
    made.batch([sold()], NOW + timedelta(days=60))
    assert alerts(made, "P3") == []


# Monthly totals


def added(*facts: Fact, period: Period = NOVEMBER) -> list[Total]:
    rule = SaleRule(LISTINGS)
    states, _ = replay(rule, *facts).end()
    return [one for state in states.values() for one in rule.totals(state, period)]


def test_a_sale_counts_once_in_the_month_in_which_it_was_filed() -> None:
    late = sold(day="2026-10-30", qty=2.5)
    about = {"month": "2026-11", "cas": ACETONE, "unit": "kg"}
    told = Total("precursor.sales.total.v1", Role("EMA", REGION), about, {"qty": 2.5, "sales_n": 1})
    assert added(late, late, sold(day="2026-10-30", qty=2.5, payment="other")) == [told]
    assert added(late, period=OCTOBER) == []
    assert [one.add["qty"] for one in added(sold(qty=1), sold(qty=1.0), sold(qty=2))] == [1, 2]


def test_what_is_not_listed_is_in_no_total() -> None:
    assert added(sold(PIPERIDONE, "2025-07-19")) == []
    assert len(added(sold(PIPERIDONE, "2025-07-20"), sold(SALT))) == 2


def test_what_the_county_listed_itself_is_held_to_the_rules(tmp_path: Path) -> None:
    table = tmp_path / "precursors.csv"
    table.write_text(
        "编号,类别,名称,CAS号,列管日期\nlocal-1,1,乙醇,64-17-5,2026-01-01\n", encoding="utf-8"
    )
    references = References(tmp_path / "tables")
    references.add("precursors", table, source="县", since=date(2026, 1, 1), now=NOW)
    by_name = {rule.name: rule for rule in plugin.jdgate_rules({}, references)}
    sale = sold("64-17-5", person=True, permit=None)
    (alert,) = alerts(replay(by_name["precursor.sale"], sale), "P6")
    (without,) = alerts(replay(SaleRule(LISTINGS), sale), "P6")
    assert alert.title_code == "precursor.sale_person"  # category 1 since January
    assert without.title_code == "precursor.sale_no_permit"  # as what no table knows
    row = plugin.jdgate_prepare(SALE, {"cas": "乙醇"}, references)
    assert row == {"cas": "64-17-5"}


# P4

MARCH_1 = datetime(2027, 2, 28, 16, 0, tzinfo=UTC)
APRIL_1 = datetime(2027, 3, 31, 16, 0, tzinfo=UTC)


@pytest.mark.rule("P4", "fires", "short")
def test_p4_reminds_on_1_march_and_is_overdue_when_31_march_has_passed() -> None:
    made = replay(AnnualRule(), sold())
    assert expected(made) == {"remind:2026": MARCH_1, "overdue:2026": APRIL_1}
    assert made.until(MARCH_1 - SECOND) == []
    assert [one.to for one in made.until(APRIL_1 - SECOND)] == ["ent-01"]
    assert [one.to for one in made.until(APRIL_1)] == ["ent-01", POL]
    (reminder,), _ = when_due(made, "remind:2026", MARCH_1)
    assert (reminder.rule_id, reminder.to, reminder.data["due_on"]) == (
        "P4",
        "ent-01",
        "2027-03-31",
    )
    late, due = when_due(made, "overdue:2026", APRIL_1)
    assert [one.to for one in late] == ["ent-01", POL]
    assert list(due) == ["remind:2027", "overdue:2027"]


def test_p4_a_report_of_the_year_settles_it_and_one_of_another_year_does_not() -> None:
    made = replay(AnnualRule(), sold(day="2026-03-02"))
    raised, _ = when_due(made, "overdue:2026", APRIL_1)
    causes = {one.cause for one in raised}
    assert not causes & settled(made, annual(2025), now=APRIL_1)
    assert causes <= settled(made, annual(2026), now=APRIL_1)
    assert list(expected(made)) == ["remind:2027", "overdue:2027"]


def test_p4_an_enterprise_that_never_sent_anything_is_told_of_to_the_police_alone() -> None:
    made = replay(AnnualRule(), inspected("2026-10-08"))
    assert when_due(made, "remind:2026", MARCH_1)[0] == []
    assert [one.to for one in when_due(made, "overdue:2026", APRIL_1)[0]] == [POL]


# P5


@pytest.mark.rule("P5", "fires")
def test_p5_a_loss_is_urgent_at_five_desks() -> None:
    found = alerts(replay(LossRule(), lost()))
    assert [one.to for one in found] == [
        Role(one, REGION) for one in ("POL", "EMA", "MPA", "BIZ", "HLT")
    ]
    assert {(one.rule_id, one.urgent) for one in found} == {("P5", True)}


def test_p5_the_gravest_account_of_one_loss_stands() -> None:
    codes = {one.title_code for one in alerts(replay(LossRule(), lost("robbed"), lost("lost")))}
    assert codes == {"precursor.robbed"}


# P6


@pytest.mark.rule("P6", "fires", "short")
@pytest.mark.parametrize(
    ("sale", "reasons"),
    [
        (sold(), []),
        (sold(EPHEDRINE, person=True, permit=None), ["person"]),
        (sold(ACETIC_ANHYDRIDE, person=True, permit=None), ["person"]),
        (sold(ACETONE, person=True), []),
        (sold(ACETONE, person=True, permit=None), ["no_permit"]),
        (sold(PERMANGANATE, person=True, permit=None), []),
        (sold(ACETONE, payment="cash"), ["cash"]),
        (sold(ACETONE, payment="other"), []),
        (sold(ACETONE, person=True, payment="cash"), []),
        (sold(EPHEDRINE, person=True, payment="cash"), ["person", "cash"]),
        (sold(ACETONE, permit=None), ["no_permit"]),
        (sold("64-17-5", payment="other"), []),
    ],
)
def test_p6_purchases_that_may_not_happen(sale: Fact, reasons: list[str]) -> None:
    found = alerts(replay(SaleRule(LISTINGS), sale), "P6")
    assert [one.title_code for one in found] == [f"precursor.sale_{one}" for one in reasons]
    assert all(one.to == POL for one in found)


@pytest.mark.rule("P6", "fires", "short")
@pytest.mark.parametrize(
    ("day", "told"),
    [("2025-07-19", False), ("2025-07-20", True), ("2026-01-15", True), ("2026-01-16", False)],
)
def test_p6_a_substance_is_new_from_its_listing_for_180_days(day: str, told: bool) -> None:
    assert date(2026, 1, 16) - date(2025, 7, 20) == timedelta(days=180)
    now = datetime.fromisoformat(f"{day}T04:00:00+00:00")
    found = alerts(replay(SaleRule(LISTINGS), sold(PIPERIDONE, day), now=now), "P6")
    assert bool(found) is told


def test_p6_a_filing_that_is_told_later_clears_the_lack_of_one() -> None:
    made = replay(SaleRule(LISTINGS), sold(permit=None), sold())
    assert alerts(made) == []


@pytest.mark.rule("P6", "fires", "short")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (buyers("revoked", "2026-11-19"), True),
        (buyers("cancelled", "2026-11-19"), True),
        (buyers("revoked", "2026-11-20"), False),
        (buyers("issued", "2026-01-05", valid_to="2026-11-19"), True),
        (buyers("issued", "2026-01-05", valid_to="2026-11-20"), False),
        (buyers("changed", "2026-11-01"), False),
        (permit("revoked", "2026-11-01"), False),
    ],
)
def test_p6_a_permit_that_ended_before_the_day_of_the_sale(change: Fact, told: bool) -> None:
    sale = sold(day="2026-11-20")
    for facts in ([sale, change], [change, sale]):
        found = alerts(replay(PurchaseRule(), *facts))
        assert [one.title_code for one in found] == ["precursor.sale_permit_ended"] * told


def test_p6_a_permit_issued_anew_holds_again() -> None:
    facts = [buyers("revoked", "2026-11-01"), buyers("issued", "2026-11-10"), sold()]
    assert alerts(replay(PurchaseRule(), *facts)) == []


# P7


@pytest.mark.rule("P7", "fires", "short")
def test_p7_is_late_on_the_sixth_day_and_not_on_the_fifth() -> None:
    in_time = permit("revoked", add_days(TODAY, -5))
    assert alerts(replay(RevocationRule(), in_time)) == []
    (alert,) = alerts(replay(RevocationRule(), permit("revoked", add_days(TODAY, -6))))
    assert (alert.rule_id, alert.to, alert.params["days"]) == ("P7", "ema-01", 1)


def test_p7_is_about_revocations_alone() -> None:
    assert replay(RevocationRule(), permit("cancelled", "2026-01-05")).standing == {}


# all of them

DAYS = st.integers(0, 70).map(lambda back: add_days(TODAY, -back))
SUBSTANCES = st.sampled_from([EPHEDRINE, ACETIC_ANHYDRIDE, ACETONE, PIPERIDONE, SALT])
ACTIONS = st.sampled_from(["issued", "changed", "revoked", "cancelled"])
FACTS = st.one_of(
    st.builds(
        lambda day, cas, n: inspected(day, stock(cas, 100, 100 - n)),
        DAYS,
        SUBSTANCES,
        st.integers(0, 4),
    ),
    st.builds(lambda cas, day, person: sold(cas, day, person=person), SUBSTANCES, DAYS,
              st.booleans()),
    st.builds(annual, st.integers(2022, 2026)),
    st.builds(lost, st.sampled_from(["lost", "stolen", "robbed"]), st.integers(0, 3)),
    st.builds(permit, ACTIONS, DAYS, st.sampled_from(["a", "b"])),
    st.builds(buyers, ACTIONS, DAYS, valid_to=DAYS),
)  # fmt: skip
RULES = plugin.jdgate_rules({}, References())


@pytest.mark.rule("P1 P2 P3 P4 P5 P6 P7", "any order")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(facts=st.lists(FACTS, max_size=20))
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_make_no_difference(rule: Rule, facts: list[Fact]) -> None:
    assert_order_free(rule, facts, NOW, orders=4)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"inspect": 1}, "plugin.setting_unknown"),
        ({"inspect_days": -1}, "plugin.setting_range"),
        ({"inspect_days": 2.5}, "plugin.setting_range"),
        ({"tolerance_percent": 101}, "plugin.setting_between"),
        ({"revoked_days": True}, "plugin.setting_range"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_countys_settings_are_taken() -> None:
    assert read({"tolerance_percent": 0.5}) == Settings(tolerance_percent=0.5)


def test_each_rule_says_what_it_rests_on_and_how_sure_that_is() -> None:
    texts = read_file(Path(plugin.__file__).with_name("texts.toml"))
    explained = {one: code for rule in RULES for one, code in rule.explains.items()}  # type: ignore[attr-defined]
    assert sorted(explained) == [f"P{n}" for n in range(1, 8)]
    for code in explained.values():
        for lang, marks in zip(LANGUAGES, ("【】", "[]"), strict=True):
            assert all(mark in texts[code][lang] for mark in marks)
