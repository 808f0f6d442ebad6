"""What the plugins' rules add up for the weekly and monthly digests."""

from __future__ import annotations

from plugins.community.tests.township import NOW, TOWN, came, ordered

from jdgate.core.digests import Period, Tally
from jdgate.core.rules import Role
from jdgate.plugins.conformance import Replay
from jdgate_community.checkin import CheckinRule
from jdgate_courier.rates import FULL, Rates, RatesRule
from jdgate_precursor.enterprises import Enterprise
from jdgate_precursor.inspections import Inspected, InspectionRule

OCTOBER = Period("month", "2026-10-01", "2026-10-31")
NOVEMBER = Period("month", "2026-11-01", "2026-11-30")
WEEK = Period("week", "2026-11-16", "2026-11-22")


def test_outlets_count_in_the_period_in_which_theirs_ended_for_each_kind_of_100_percent() -> None:
    state = Rates("cur", "o-1", "2026-11-01", "2026-11-30", "", (FULL, FULL - 1, FULL), False, "")
    assert RatesRule().tally(state, NOVEMBER) == [
        Tally("cur", "realname", 1, 1),
        Tally("cur", "inspect", 0, 1),
        Tally("cur", "xray", 1, 1),
    ]
    assert RatesRule().tally(state, WEEK) == RatesRule().tally(state, OCTOBER) == []


def test_an_enterprise_counts_at_its_station_from_the_month_it_is_known_until_it_closed() -> None:
    rule, station = InspectionRule(), Role("PS", "511623100000")
    known = Enterprise("u", "2026-10-20", ("2026-10-20", "511623100000"))
    done = Inspected(known, "2026-10")
    assert rule.tally(done, OCTOBER) == [Tally(station, "inspection", 1, 1)]
    assert rule.tally(done, NOVEMBER) == [Tally(station, "inspection", 0, 1)]
    assert rule.tally(done, Period("month", "2026-09-01", "2026-09-30")) == []
    assert rule.tally(done, WEEK) == []
    closed = Enterprise("u", "2026-10-20", permits={"p": ("2026-10-25", True)})
    assert rule.tally(Inspected(closed, ""), NOVEMBER) == []


def test_who_had_to_check_in_by_a_day_counts_in_the_period_of_that_day() -> None:
    office = Role("COM", TOWN)
    for arrival, expected in (("2026-11-10", 1), ("2026-11-18", 1), ("2026-11-19", 0)):
        replay = Replay(CheckinRule())
        replay.batch([ordered("2026-11-03"), came(arrival)], NOW)
        ((_, case),) = replay.end()[0].items()
        assert CheckinRule().tally(case, WEEK) == [Tally(office, "checkin", expected, 1)], arrival
        assert CheckinRule().tally(case, OCTOBER) == []
