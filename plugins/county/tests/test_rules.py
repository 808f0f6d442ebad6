"""Each rule fires at its threshold and not just short of it, in any order of the facts."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import add_days
from jdgate.core.rules import Alert, Draft, Expect, Fact, Role, Rule, Settle, run_due
from jdgate.errors import Refused
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.texts import LANGUAGES, read_file
from jdgate_county import plugin, registers, schools, staffing, supervision, venues
from jdgate_county.registers import MOST_ENTRIES, STATION, STATUSES, TOWN, RegisterRule
from jdgate_county.schools import SchoolRule
from jdgate_county.settings import Settings, read
from jdgate_county.staffing import StaffingRule
from jdgate_county.supervision import SupervisionRule
from jdgate_county.venues import VenueRule

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
TODAY = "2026-11-21"
PLACE, REGION = "511623101000", "511623000000"
TUESDAY, FRIDAY = "2026-11-17", "2026-11-20"
USCC = "91511623MA00000015"


def fact(type: str, source: str, region: str = PLACE, **data: Any) -> Fact:
    return Fact(type, source, None, data, "m", 0, region)


def entry(side: str, number: int, status: str = "serving", total: int = 1, **more: Any) -> Fact:
    source = {TOWN: "com-01", STATION: "ps-01"}[side]
    known = {"round": FRIDAY, "town": PLACE, "side": side, "total": total, "status": status}
    known["token"] = f"{number:022d}"
    return fact(registers.REGISTER, more.pop("source", source), **{**known, **more})


def register(side: str, entries: dict[int, str], day: str = FRIDAY) -> list[Fact]:
    return [entry(side, n, one, len(entries), round=day) for n, one in entries.items()]


def patrol(day: str, fix_by: str | None = None, source: str = "ps-01") -> Fact:
    data = {"uscc": USCC, "date": day, "result": "failed" if fix_by else "passed"}
    return fact(venues.PATROL, source, **data, **({"fix_by": fix_by} if fix_by else {}))


def school(grade: int, hours: float, visits: int = 0, year: int = 2026) -> Fact:
    data = {"school": "S1", "year": year, "grade": grade, "hours": hours, "base_visits": visits}
    return fact(schools.REPORT, "edu", REGION, **data)


def staff(workers: int, registered: int, in_treatment: int, as_of: str = TODAY) -> Fact:
    counts = {"workers_n": workers, "registered_n": registered, "in_treatment_n": in_treatment}
    return fact(staffing.REPORT, "com-01", town=PLACE, as_of=as_of, **counts)


def notice(due_on: str = "2026-11-30", to: str = "cln-01") -> Fact:
    data = {"notice_no": "D-1", "matter": "other", "text": "请办理", "to": to, "due_on": due_on}
    return fact(supervision.NOTICE, "nco", REGION, **data)


def reply(status: str, day: str = TODAY, source: str = "cln-01") -> Fact:
    return fact(supervision.REPLY, source, notice_no="D-1", status=status, text="已阅", date=day)


def replay(rule: Rule, *facts: Fact, now: datetime = NOW) -> Replay:
    made = Replay(rule)
    made.batch(list(facts), now)
    return made


def alerts(made: Replay) -> list[Alert]:
    return [one for one in made.standing.values() if isinstance(one, Alert)]


def expected(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def when_due(made: Replay, name: str, now: datetime | None = None) -> list[Alert]:
    """What the rule says when `name` comes due, for the one key there is."""
    states, _ = made.end()
    (key,) = states
    at = now or expected(made)[name]
    outcome = run_due(made.rule, key, states[key], name, at)
    assert not outcome.failures
    return [one.effect for one in outcome.effects if isinstance(one.effect, Alert)]


def settled(made: Replay, *facts: Fact) -> set[str]:
    effects = made.batch(list(facts), NOW).effects
    return {one.effect.cause for one in effects if isinstance(one.effect, Settle)}


def midnight(day: str) -> datetime:
    """When `day` begins in the county."""
    return datetime.fromisoformat(f"{day}T00:00:00+08:00")


def passing(made: Replay, moment: datetime) -> tuple[list[Alert | Draft], list[Alert | Draft]]:
    """What is told by the second before a moment, and what then."""
    return made.until(moment - timedelta(seconds=1)), made.until(moment)


# G1–G3


def told(facts: list[Fact]) -> dict[tuple[str, str], tuple[str, str]]:
    """Desk and person → what to mend and the other side's status."""
    return {
        (str(one.to), one.data["token"].lstrip("0")): (one.data["mend"], one.data.get("status", ""))
        for one in alerts(replay(RegisterRule(), *facts))
    }


@pytest.mark.rule("G2", "fires", "short")
@pytest.mark.parametrize(
    ("town", "station", "desk", "mend"),
    [
        ("serving", "serving", None, None),
        ("serving", None, "com-01", ("unmatched", "")),
        (None, "serving", "ps-01", ("unmatched", "")),
        ("ended", None, None, None),
        (None, "moved_out", None, None),
        ("serving", "suspended", "com-01", ("status", "suspended")),
        ("serving", "ended", "com-01", ("status", "ended")),
        ("moved_out", "serving", "ps-01", ("status", "moved_out")),
        ("serving", "moved_out", "ps-01", ("status", "serving")),
    ],
)
def test_g2_a_difference_goes_to_the_side_whose_it_is_to_mend(
    town: str | None, station: str | None, desk: str | None, mend: tuple[str, str] | None
) -> None:
    both = {9: "serving"}
    left = register(TOWN, both | ({7: town} if town else {}))
    right = register(STATION, both | ({7: station} if station else {}))
    assert told(left + right) == ({(desk, "7"): mend} if desk else {})


def test_g2_nothing_is_told_of_a_register_that_is_not_whole() -> None:
    left = register(TOWN, {1: "serving", 2: "serving"})
    right = register(STATION, {1: "serving", 3: "serving"})
    assert told(left + right[:1]) == {}
    assert set(told(left + right)) == {("com-01", "2"), ("ps-01", "3")}


def test_g2_an_empty_register_is_whole() -> None:
    empty = fact(registers.REGISTER, "ps-01", round=FRIDAY, town=PLACE, side=STATION, total=0)
    assert told([*register(TOWN, {1: "serving"}), empty]) == {("com-01", "1"): ("unmatched", "")}


def test_g2_the_next_comparison_settles_what_is_mended() -> None:
    first = [*register(TOWN, {1: "serving"}, TUESDAY), *register(STATION, {1: "ended"}, TUESDAY)]
    made = replay(RegisterRule(), *first)
    (alert,) = alerts(made)
    assert alert.data == {
        "round": TUESDAY, "town": PLACE, "token": f"{1:022d}", "mend": "status", "status": "ended",
    }  # fmt: skip
    assert alert.cause not in settled(made, *register(TOWN, {5: "ended"}))
    assert alert.cause in settled(made, *register(STATION, {5: "ended"}))


def test_g2_a_register_for_a_place_elsewhere_is_not_taken() -> None:
    left = [entry(TOWN, 1)]
    stranger = entry(STATION, 2, source="ps-09")
    other = Fact(stranger.type, stranger.source, None, stranger.data, "m", 0, "511623102000")
    assert told([*left, other]) == {}
    assert len(told([*left, stranger])) == 2


@pytest.mark.rule("G3", "fires", "short")
def test_g3_more_differences_than_make_sense_are_one_alert() -> None:
    rule = RegisterRule(Settings(differences_most=3))
    right = register(STATION, {9: "serving"})
    few = register(TOWN, dict.fromkeys((9, 1, 2, 3), "serving"))
    assert [one.rule_id for one in alerts(replay(rule, *few, *right))] == ["G2"] * 3
    many = register(TOWN, dict.fromkeys((9, 1, 2, 3, 4), "serving"))
    (alert,) = alerts(replay(rule, *many, *right))
    assert (alert.rule_id, alert.to, alert.data["count"]) == ("G3", "com-01", 4)


@pytest.mark.rule("G1", "fires", "short")
def test_g1_is_due_when_the_day_after_the_comparison_has_passed() -> None:
    made = replay(RegisterRule(), *register(TOWN, {1: "serving"}, TUESDAY))
    assert expected(made) == {
        "register:town": midnight("2026-11-22"),  # Friday's is late when Saturday has passed
        "register:station": midnight("2026-11-19"),
    }
    (alert,) = when_due(made, "register:station")
    assert (alert.rule_id, alert.to) == ("G1", Role("PS", PLACE))
    assert alert.data == {"due_on": TUESDAY}
    assert passing(made, midnight("2026-11-19")) == ([], [alert])
    longer = RegisterRule(Settings(reconcile_grace_days=2))
    later = replay(longer, *register(TOWN, {1: "serving"}, TUESDAY))
    assert expected(later)["register:station"] == midnight("2026-11-20")


def test_g1_half_a_register_is_late_and_the_other_half_settles_it() -> None:
    made = replay(RegisterRule(), entry(STATION, 1, total=2))
    (alert,) = when_due(made, "register:station")
    assert (alert.to, alert.data) == ("ps-01", {"unit": "ps-01", "due_on": FRIDAY})
    assert alert.cause in settled(made, entry(STATION, 2, total=2))
    assert expected(made)["register:station"] == midnight("2026-11-26")


def test_a_register_is_bounded_and_then_never_whole() -> None:
    many = dict.fromkeys(range(MOST_ENTRIES + 1), "serving")
    made = replay(RegisterRule(), *register(TOWN, many), *register(STATION, {1: "serving"}))
    assert alerts(made) == []


# V1, V2


@pytest.mark.rule("V1", "fires", "short")
def test_v1_is_told_when_the_date_has_passed_and_a_later_pass_settles_it() -> None:
    made = replay(VenueRule(), patrol("2026-11-10", "2026-11-20"))
    assert expected(made)["fix:2026-11-10"] == midnight(TODAY)
    (alert,) = when_due(made, "fix:2026-11-10")
    again = replay(VenueRule(), patrol("2026-11-10", "2026-11-20"))
    assert passing(again, midnight(TODAY)) == ([], [alert])
    assert (alert.rule_id, alert.to) == ("V1", "ps-01")
    assert alert.data == {"uscc": USCC, "due_on": "2026-11-20"}
    assert alert.cause not in settled(made, patrol("2026-11-10"))
    assert alert.cause in settled(made, patrol("2026-11-11"))


@pytest.mark.rule("V2", "fires", "short")
def test_v2_a_venue_is_overdue_after_thirty_whole_days() -> None:
    made = replay(VenueRule(), patrol("2026-10-20"), patrol("2026-10-21", source="ps-02"))
    assert expected(made) == {"patrol": midnight(TODAY)}
    (alert,) = when_due(made, "patrol")
    again = replay(VenueRule(), patrol("2026-10-21", source="ps-02"))
    assert passing(again, midnight(TODAY)) == ([], [alert])
    assert (alert.rule_id, alert.to, alert.data["due_on"]) == ("V2", "ps-02", "2026-11-20")
    assert alert.cause in settled(made, patrol(TODAY, "2026-12-01"))
    shorter = replay(VenueRule(Settings(patrol_days=29)), patrol("2026-10-21"))
    assert expected(shorter) == {"patrol": midnight("2026-11-20")}


# E1, E2


@pytest.mark.rule("E1", "fires", "short")
def test_e1_reminds_sixty_days_before_and_tells_when_the_year_has_ended() -> None:
    made = replay(SchoolRule(), school(5, 3.5), school(6, 4))
    assert expected(made) == {
        "remind:hours": midnight("2027-06-01"),
        "end:hours": midnight("2027-08-01"),
    }
    (soon,) = when_due(made, "remind:hours")
    assert (soon.rule_id, soon.to, soon.title_code) == ("E1", "edu", "county.school_hours_soon")
    assert when_due(made, "remind:hours", midnight("2027-08-01")) == []
    assert [one.to for one in when_due(made, "end:hours")] == ["edu", Role("NCO", REGION)]
    assert passing(made, midnight("2027-06-01")) == ([], [soon])
    before, after = passing(made, midnight("2027-08-01"))
    assert (before, len(after)) == ([], 2)


@pytest.mark.rule("E1", "fires", "short")
def test_e1_four_hours_of_every_grade_are_enough_and_settle_it() -> None:
    assert expected(replay(SchoolRule(), school(5, 4), school(6, 4))) == {}
    made = replay(SchoolRule(), school(5, 3.9), school(6, 1))
    causes = {one.cause for one in when_due(made, "end:hours")}
    assert not causes & settled(made, school(5, 4))
    assert causes <= settled(made, school(6, 4))
    assert expected(made) == {}


@pytest.mark.rule("E2", "fires", "short")
def test_e2_visits_are_asked_for_when_the_county_says_so() -> None:
    assert expected(replay(SchoolRule(), school(5, 4, 0))) == {}
    rule = SchoolRule(Settings(school_visits=1))
    assert expected(replay(rule, school(5, 4, 1))) == {}
    (alert,) = when_due(replay(rule, school(5, 4, 0)), "remind:visits")
    assert alert.rule_id == "E2"


# W1


@pytest.mark.rule("W1", "fires", "short")
@pytest.mark.parametrize(
    ("workers", "registered", "in_treatment", "lacks"),
    [(4, 120, 80, 0), (4, 121, 80, 1), (4, 120, 81, 1), (1, 98, 25, 3), (0, 0, 0, 0), (0, 1, 0, 1)],
)
def test_w1_one_worker_for_thirty_registered_or_twenty_in_treatment(
    workers: int, registered: int, in_treatment: int, lacks: int
) -> None:
    made = replay(StaffingRule(), staff(workers, registered, in_treatment))
    found = {one.to: one for one in alerts(made)}
    if not lacks:
        assert found == {}
        return
    assert found["com-01"].data == {"unit": "com-01", "count": lacks}
    office = found[Role("NCO", PLACE)]
    assert office.data == {"unit": "com-01"}, "the office could work out the registered"
    assert set(office.params) == {"town", "as_of"}


def test_w1_the_newest_report_counts() -> None:
    made = replay(StaffingRule(), staff(1, 98, 25, "2026-11-01"))
    assert len(alerts(made)) == 2
    made.batch([staff(4, 98, 25, "2026-11-20"), staff(1, 98, 25, "2026-10-01")], NOW)
    assert alerts(made) == []


# D1–D3


@pytest.mark.rule("D1 D2 D3", "fires", "short")
def test_d1_reminds_three_days_before_and_d1_d2_d3_follow_its_date() -> None:
    made = replay(SupervisionRule(), notice("2026-11-30"))
    assert expected(made) == {
        "remind": midnight("2026-11-27"),
        "overdue": midnight("2026-12-01"),
        "escalate": midnight("2026-12-06"),
    }
    (soon,) = when_due(made, "remind")
    assert (soon.rule_id, soon.to, soon.type) == ("D1", "cln-01", "sys.alert.v1")
    assert [(one.rule_id, one.to) for one in when_due(made, "overdue")] == [
        ("D1", "cln-01"),
        ("D2", "nco"),
    ]
    (higher,) = when_due(made, "escalate")
    assert (higher.rule_id, higher.to, higher.urgent) == ("D3", "nco", True)
    for day, told in (("2026-11-27", 1), ("2026-12-01", 2), ("2026-12-06", 1)):
        before, after = passing(made, midnight(day))
        assert (before, len(after)) == ([], told), day


def test_d1_only_what_the_unit_itself_says_is_done_ends_it() -> None:
    made = replay(SupervisionRule(), notice())
    causes = {one.cause for one in when_due(made, "overdue")}
    assert not settled(made, reply("done", source="cln-02"))
    assert not settled(made, reply("in_progress"))
    assert causes < settled(made, reply("done"))
    assert expected(made) == {} and alerts(made) == []


def test_d2_a_dispute_goes_to_the_office_and_the_dates_rest() -> None:
    made = replay(SupervisionRule(), notice(), reply("disputed"))
    (alert,) = alerts(made)
    assert (alert.rule_id, alert.to, expected(made)) == ("D2", "nco", {})
    made.batch([reply("in_progress", add_days(TODAY, 1))], NOW)
    assert alerts(made) == [] and "overdue" in expected(made)


def test_d1_a_later_date_is_an_extension() -> None:
    made = replay(SupervisionRule(), notice("2026-11-25"))
    late = {one.cause for one in when_due(made, "overdue")}
    assert late < settled(made, notice("2026-12-25"))
    assert expected(made)["overdue"] == midnight("2026-12-26")


# all of them

DAYS = st.integers(-3, 40).map(lambda back: add_days(TODAY, -back))
SIDES = st.sampled_from([TOWN, STATION])
FACTS = st.one_of(
    st.builds(
        entry, SIDES, st.integers(1, 3), st.sampled_from(STATUSES), st.integers(1, 3),
        round=st.sampled_from([TUESDAY, FRIDAY, "2026-11-13", "2026-11-10"]),
    ),
    st.builds(entry, SIDES, st.integers(1, 3), total=st.integers(1, 2),
              source=st.sampled_from(["com-02", "ps-02"])),
    st.builds(patrol, DAYS, st.one_of(st.none(), DAYS), st.sampled_from(["ps-01", "ps-02"])),
    st.builds(school, st.integers(1, 2), st.sampled_from([0, 3.5, 4]), st.integers(0, 1)),
    st.builds(staff, st.integers(0, 3), st.integers(0, 90), st.integers(0, 40), DAYS),
    st.builds(notice, DAYS, st.sampled_from(["cln-01", "com-01"])),
    st.builds(reply, st.sampled_from(supervision.STATUSES), DAYS,
              st.sampled_from(["cln-01", "com-01"])),
)  # fmt: skip
RULES = plugin.jdgate_rules({"school_visits": 1})


@pytest.mark.rule("G1 G2 G3 V1 V2 E1 E2 W1 D1 D2 D3", "any order")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@given(facts=st.lists(FACTS, max_size=20))
@settings(max_examples=50, deadline=None)
def test_order_and_repetition_make_no_difference(rule: Rule, facts: list[Fact]) -> None:
    assert_order_free(rule, facts, NOW, orders=4)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"patrols": 1}, "plugin.setting_unknown"),
        ({"patrol_days": 0}, "plugin.setting_range"),
        ({"school_hours": 4.5}, "plugin.setting_range"),
        ({"reconcile_days": [2]}, "county.setting_weekdays"),
        ({"reconcile_days": [2, 8]}, "county.setting_weekdays"),
        ({"school_year_end": "02-30"}, "county.setting_day"),
        ({"school_year_end": 731}, "county.setting_day"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_readme_shows_the_settings_as_they_are() -> None:
    page = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    shown = tomllib.loads(
        "[rules.county]" + page.partition("[rules.county]")[2].partition("```")[0]
    )
    assert list(shown["rules"]["county"]) == list(Settings.__struct_fields__)
    assert read(shown["rules"]["county"]) == Settings()


def test_each_rule_says_what_it_rests_on_and_how_sure_that_is() -> None:
    texts = read_file(plugin.TEXTS)
    explained = {one: code for rule in RULES for one, code in rule.explains.items()}  # type: ignore[attr-defined]
    assert sorted(explained) == ["D1", "D2", "D3", "E1", "E2", "G1", "G2", "G3", "V1", "V2", "W1"]
    for code in explained.values():
        for lang, marks in zip(LANGUAGES, ("【】", "[]"), strict=True):
            assert all(mark in texts[code][lang] for mark in marks)


def test_a_day_that_has_not_come_counts_for_nothing() -> None:
    later = add_days(TODAY, 2)
    for rule, one in (
        (RegisterRule(), entry(TOWN, 1, round=later)),
        (VenueRule(), patrol(later, later)),
        (StaffingRule(), staff(0, 90, 0, later)),
        (SupervisionRule(), reply("disputed", later)),
    ):
        assert replay(rule, one).standing == {}
    assert replay(VenueRule(), patrol(later), now=NOW + timedelta(days=1)).standing
