"""Division codes: the national set over the years, and a county's own levels under it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.refdata import Division, Divisions
from jdgate.refdata import References

NATIONAL = References().divisions
TODAY = date(2026, 11, 21)
COUNTY = Divisions(
    [
        *NATIONAL,
        Division("511623101", "鼎屏镇", date(2020, 1, 1)),
        Division("511623101201", "石滓村", date(2020, 1, 1)),
        Division("511623105", "老街道", date(2020, 1, 1), date(2025, 12, 31)),
    ]
)


@pytest.mark.parametrize(
    ("code", "path", "parent"),
    [
        ("511623", "四川省广安市邻水县", "511600"),
        ("511623000000", "四川省广安市邻水县", "511600000000"),
        ("532531", "云南省红河哈尼族彝族自治州绿春县", "532500"),
        ("110105", "北京市朝阳区", "110100"),
        ("442000", "广东省中山市", "440000"),
        ("133101", "河北省雄安新区", "133100"),  # what other tables raise an error for
        ("460400", "海南省儋州市", "460000"),  # what other tables refuse
        ("429004", "湖北省仙桃市", "429000"),
        ("110000", "北京市", None),
        ("810000", "香港特别行政区", None),
    ],
)
def test_a_place_has_its_name_and_what_it_lies_in(code: str, path: str, parent: str | None) -> None:
    assert NATIONAL.known(code, TODAY)
    assert NATIONAL.path(code, TODAY) == path
    assert NATIONAL.parent(code, TODAY) == parent
    assert NATIONAL.warning(code, TODAY) is None


def test_the_set_covers_the_country() -> None:
    now = [one for one in NATIONAL if one.holds(TODAY)]
    assert len([one for one in now if len(one.code) == 2]) == 34
    assert 2_800 < len([one for one in now if len(one.code) == 6]) < 3_300


def test_an_old_code_was_known_then_and_warns_now() -> None:
    assert NATIONAL.name("110103", date(2009, 1, 1)) == "崇文区"
    assert NATIONAL.known("110103", date(2010, 12, 31)), "of 2010 only the year is known"
    assert not NATIONAL.known("110103", date(2011, 1, 1))
    assert NATIONAL.warning("110103", TODAY) == "refdata.division_not_then"
    assert NATIONAL.name("110103") == "崇文区", "without a day: the last that had the code"


def test_a_code_may_change_its_name() -> None:
    assert NATIONAL.name("120110", date(1990, 1, 1)) == "东郊区"
    assert NATIONAL.name("120110", date(2000, 1, 1)) == "东丽区"


def test_an_unknown_code_is_a_warning() -> None:
    assert NATIONAL.warning("511699", TODAY) == "refdata.division_unknown"
    assert NATIONAL.name("511699") is None
    assert NATIONAL.parent("511699") == "511600", "the nearest place that is known"


def test_towns_are_judged_only_where_there_is_a_table_of_them() -> None:
    assert NATIONAL.warning("511623101201", TODAY) is None
    assert COUNTY.warning("511623101201", TODAY) is None
    assert COUNTY.warning("511623101202", TODAY) == "refdata.division_unknown"
    assert COUNTY.warning("511623102000", TODAY) == "refdata.division_unknown"
    assert COUNTY.warning("511621101000", TODAY) is None, "the neighbour county has no table"
    assert COUNTY.warning("511623105000", TODAY) == "refdata.division_not_then"
    assert COUNTY.warning("511623101201", date(2019, 1, 1)) is None, "before there was a table"


def test_a_village_lies_in_its_town() -> None:
    assert COUNTY.parent("511623101201") == "511623101000"
    assert COUNTY.parent("511623101000") == "511623000000"
    assert COUNTY.path("511623101201", TODAY) == "四川省广安市邻水县鼎屏镇石滓村"
    assert COUNTY.path("511623101299", TODAY) == "四川省广安市邻水县鼎屏镇", "as far as known"


def test_no_place_ends_before_it_begins() -> None:
    assert [one for one in NATIONAL if one.since and one.until and one.until < one.since] == []


@given(st.sampled_from(list(NATIONAL)))
def test_every_place_is_known_on_its_days_and_lies_in_a_known_one(place: Division) -> None:
    day = place.until or place.since or TODAY
    assert NATIONAL.known(place.code, day)
    parent = NATIONAL.parent(place.code, day)
    assert parent is None or NATIONAL.known(parent, day)
    assert (parent is None) == (len(place.code) == 2)


@given(st.text(max_size=14) | st.text("0123456789", max_size=14), st.dates() | st.none())
def test_no_text_whatever_breaks_the_questions(code: str, day: date | None) -> None:
    NATIONAL.warning(code, day)
    NATIONAL.path(code, day)
    NATIONAL.parent(code, day)
