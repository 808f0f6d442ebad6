"""The precursor catalogue: what it holds, and what was listed when."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.identity import check_cas
from jdgate.core.refdata import TAGS, Cas, Item, Precursors, Since
from jdgate.errors import Refused
from jdgate.refdata import References

CATALOGUE = References().precursors
TODAY = date(2026, 11, 21)


def counted(day: date, *, maybe: bool = True) -> tuple[int, int, int]:
    found = Counter(item.category for item in CATALOGUE.listed_on(day, maybe=maybe))
    return found[1], found[2], found[3]


def test_it_has_47_items_in_three_categories() -> None:
    assert counted(TODAY) == (19, 20, 8)
    assert len({item.id for item in CATALOGUE.items}) == 47


@pytest.mark.parametrize("item", CATALOGUE.items, ids=lambda item: item.id)
def test_every_item_says_what_it_is_and_how_sure_that_is(item: Item) -> None:
    assert item.id.startswith(f"{item.category}-")
    assert item.name and item.en and item.source
    assert item.cas
    assert all(check_cas(cas.number) is None for cas in item.cas)
    assert {item.name_tag, item.category_tag, item.cas_tag, item.since.tag} <= set(TAGS)


def test_pharmaceuticals_are_the_four_of_category_1() -> None:
    marked = {item.name for item in CATALOGUE.items if item.pharmaceutical}
    assert marked == {"麦角酸", "麦角胺", "麦角新碱", "麻黄素类物质"}


def test_salts_belong_to_categories_1_and_2() -> None:
    assert {item.category for item in CATALOGUE.items if item.salts} == {1, 2}
    assert not any(item.salts for item in CATALOGUE.items if item.category == 3)


@pytest.mark.parametrize(
    ("day", "surely", "perhaps"),
    [
        ("2005-10-31", (0, 0, 0), (12, 5, 6)),  # the original 23: on or before that November
        ("2005-11-01", (12, 5, 6), (12, 5, 6)),
        ("2007-12-31", (12, 5, 6), (12, 5, 6)),
        ("2008-01-01", (12, 5, 6), (13, 5, 6)),  # of 2008 only the year is known
        ("2008-12-31", (13, 5, 6), (13, 5, 6)),
        ("2012-06-01", (13, 5, 6), (14, 5, 6)),
        ("2014-12-31", (16, 5, 6), (16, 5, 6)),
        ("2018-01-31", (16, 5, 6), (16, 5, 6)),
        ("2018-02-01", (19, 7, 6), (19, 7, 6)),
        ("2021-09-19", (19, 7, 6), (19, 7, 6)),
        ("2021-09-20", (19, 11, 8), (19, 11, 8)),
        ("2024-08-31", (19, 11, 8), (19, 11, 8)),
        ("2024-09-01", (19, 18, 8), (19, 18, 8)),
        ("2025-07-19", (19, 18, 8), (19, 18, 8)),
        ("2025-07-20", (19, 20, 8), (19, 20, 8)),
    ],
)
def test_what_was_listed_on_a_day(
    day: str, surely: tuple[int, int, int], perhaps: tuple[int, int, int]
) -> None:
    asked = date.fromisoformat(day)
    assert counted(asked, maybe=False) == surely
    assert counted(asked) == perhaps


@pytest.mark.parametrize(
    ("what", "day", "category"),
    [
        ("103-79-7", "2026-01-01", 1),
        ("1-苯基-2-丙酮", "2026-01-01", 1),
        ("１－苯基－２－丙酮", "2026-01-01", 1),  # full width, as office forms have it
        ("Safrole", "2026-01-01", 1),
        ("90-82-4", "2026-01-01", 1),  # one of the five CAS numbers of one item
        ("伪麻黄碱", "2026-01-01", 1),
        ("79099-07-3", "2025-07-19", None),
        ("79099-07-3", "2025-07-20", 2),
        ("4-AP", "2024-08-31", None),
        ("4-AP", "2024-09-01", 2),
        ("GBL", "2026-01-01", 3),
        ("gamma-butyrolactone", "2026-01-01", 3),
        ("硫酸", "2026-01-01", 3),
        ("盐酸", "2026-01-01", 3),
        ("57-13-6", "2026-01-01", None),  # urea
        ("", "2026-01-01", None),
    ],
)
def test_the_category_of_a_number_or_a_name(what: str, day: str, category: int | None) -> None:
    assert CATALOGUE.category(what, date.fromisoformat(day)) == category


@pytest.mark.parametrize(
    ("salt", "item"),
    [
        ("盐酸麻黄素", "1-12"),
        ("麻黄素盐酸盐", "1-12"),
        ("盐酸伪麻黄碱", "1-12"),
        ("盐酸羟亚胺", "1-13"),
        ("酒石酸麦角胺", "1-10"),
        ("苯乙酸钠", "2-01"),
        ("Ephedrine hydrochloride", "1-12"),
        ("ergotamine tartrate", "1-10"),
        ("piperidine HCl", "2-05"),
        ("phenylacetic acid sodium salt", "2-01"),
    ],
)
def test_a_salt_is_listed_with_its_substance(salt: str, item: str) -> None:
    assert [one.id for one in CATALOGUE.find(salt)] == [item]
    assert CATALOGUE.find(salt, salts=False) == []


@pytest.mark.parametrize(
    "salt", ["硫酸钠", "盐酸盐", "盐酸丙酮", "acetone hydrochloride", "硫酸铵"]
)
def test_salts_of_category_3_are_not_listed(salt: str) -> None:
    assert CATALOGUE.find(salt) == []


def test_apaan_and_4_anpp_are_two_items() -> None:
    apaan, anpp = CATALOGUE.on("APAAN", TODAY), CATALOGUE.on("4-ANPP", TODAY)
    assert apaan and anpp
    assert (apaan.name, apaan.cas[0].number) == ("3-氧-2-苯基丁腈", "4468-48-8")
    assert anpp.cas[0].number == "21409-26-7"
    assert apaan.since.begun(date(2015, 1, 1)) == "yes"
    assert anpp.since.begun(date(2015, 1, 1)) == "no"
    assert CATALOGUE.find("4-APAAN") == []


def test_a_day_within_the_year_of_listing_is_told_as_perhaps() -> None:
    assert CATALOGUE.status("羟亚胺", date(2007, 12, 31)) == "no"
    assert CATALOGUE.status("羟亚胺", date(2008, 7, 1)) == "maybe"
    assert CATALOGUE.status("羟亚胺", date(2008, 12, 31)) == "yes"
    assert CATALOGUE.category("羟亚胺", date(2008, 7, 1)) == 1
    assert CATALOGUE.status("尿素", TODAY) == "no"


def test_what_is_only_remembered_says_so() -> None:
    piperidone = CATALOGUE.on("4-哌啶酮", TODAY)
    additions = CATALOGUE.on("α-苯乙酰乙酸甲酯", TODAY)
    assert piperidone and additions
    assert piperidone.category_tag == "unsure"
    assert additions.since.tag == "unsure"


@given(st.sampled_from(CATALOGUE.items), st.dates(date(2000, 1, 1), date(2030, 1, 1)))
def test_listing_begins_once_and_stays(item: Item, day: date) -> None:
    order = ("no", "maybe", "yes")
    later = item.status(day + timedelta(1))
    assert order.index(item.status(day)) <= order.index(later)


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)))
def test_every_listed_item_is_found_by_all_it_is_called(day: date) -> None:
    for item in CATALOGUE.listed_on(day):
        for what in (item.name, item.en, *item.aliases, *(cas.number for cas in item.cas)):
            assert CATALOGUE.category(what, day) == item.category


@given(st.text(max_size=40))
def test_no_text_whatever_breaks_the_question(what: str) -> None:
    assert CATALOGUE.category(what, TODAY) in (None, 1, 2, 3)


@pytest.mark.parametrize(
    ("since", "text"),
    [
        (Since.on(date(2018, 2, 1)), "2018-02-01"),
        (Since.year(2008), "2008"),
        (Since.by(date(2005, 11, 1)), "≤2005-11-01"),
        (Since(date(2020, 1, 1), date(2020, 3, 1)), "2020-01-01…2020-03-01"),
    ],
)
def test_a_beginning_is_written_no_more_precisely_than_it_is_known(since: Since, text: str) -> None:
    assert str(since) == text


def item(ident: str, name: str, cas: str) -> Item:
    return Item(id=ident, category=1, name=name, cas=(Cas(cas),), since=Since.on(date(2020, 1, 1)))


@pytest.mark.parametrize(
    ("items", "code"),
    [
        ([item("a", "甲", "103-79-8")], "refdata.bad_cas"),
        ([item("a", "甲", "103-79-7"), item("b", "乙", "103-79-7")], "refdata.cas_twice"),
        ([item("a", "甲", "103-79-7"), item("b", "甲", "120-57-0")], "refdata.name_twice"),
    ],
)
def test_a_wrong_table_is_refused_when_it_is_loaded(items: list[Item], code: str) -> None:
    with pytest.raises(Refused) as refused:
        Precursors(items)
    assert refused.value.code == code
