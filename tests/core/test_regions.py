"""The longest region that covers a place answers for it."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.regions import RegionIndex, check_division, covers, is_code, prefix


class Station(msgspec.Struct, frozen=True):
    id: str
    regions: tuple[str, ...]
    roles: tuple[str, ...] = ("PS",)
    status: str = "active"


def test_the_significant_part_drops_the_levels_left_at_zero() -> None:
    assert prefix("511623101201") == "511623101201"
    assert prefix("511623101000") == "511623101"
    assert prefix("511623000000") == "511623"
    assert prefix("511600000000") == "5116"
    assert prefix("510000000000") == "51"
    assert prefix("511623") == "511623"
    assert prefix("441900003000") == "441900003"  # a town right under a city without counties


def test_village_town_and_county_are_asked_in_this_order() -> None:
    county = Station("ps-county", ("511623000000",))
    town = Station("ps-town", ("511623101000",))
    village = Station("ps-village", ("511623101201",))
    code = "511623101201"
    assert RegionIndex([county, town, village]).find("PS", code) == ["ps-village"]
    assert RegionIndex([county, town]).find("PS", code) == ["ps-town"]
    assert RegionIndex([county]).find("PS", code) == ["ps-county"]
    assert RegionIndex([]).find("PS", code) == []


def test_a_village_does_not_answer_for_its_town() -> None:
    index = RegionIndex([Station("ps-village", ("511623101201",))])
    assert index.find("PS", "511623101000") == []


def test_all_members_at_the_same_length_answer() -> None:
    index = RegionIndex([Station("b", ("511623101000",)), Station("a", ("511623101000",))])
    assert index.find("PS", "511623101999") == ["a", "b"]


def test_other_roles_and_suspended_members_do_not_answer() -> None:
    index = RegionIndex(
        [
            Station("com", ("511623101000",), roles=("COM",)),
            Station("out", ("511623101000",), status="suspended"),
            Station("ps", ("511623000000",)),
        ]
    )
    assert index.find("PS", "511623101201") == ["ps"]
    assert index.with_role("PS") == ["ps"]
    assert not index.has_role("out", "PS")


def test_who_answers_under_a_place_can_be_listed() -> None:
    index = RegionIndex(
        [
            Station("county", ("511623000000",)),
            Station("town", ("511623101000",)),
            Station("com", ("511623101201",), roles=("COM",)),
        ]
    )
    assert index.under("511623101000") == ["com", "town"]
    assert index.under("511623101000", "PS") == ["town"]
    assert index.under("511600000000", "PS") == ["county", "town"]


# Few digits, so that places lie inside each other often.
codes = st.builds(
    lambda county, town, village: f"5116{county}{town}{village}",
    st.sampled_from(["00", "23", "24"]),
    st.sampled_from(["000", "101", "102"]),
    st.sampled_from(["000", "201", "202"]),
)
stations = st.lists(
    st.builds(
        Station,
        id=st.sampled_from([f"m{i}" for i in range(30)]),
        regions=st.lists(codes, max_size=3).map(tuple),
        roles=st.sampled_from([("PS",), ("COM",), ("PS", "COM")]),
        status=st.sampled_from(["active", "active", "suspended"]),
    ),
    max_size=20,
    unique_by=lambda station: station.id,
)


@given(stations, codes)
def test_the_index_agrees_with_looking_at_everyone(members: list[Station], code: str) -> None:
    best: dict[str, int] = {}
    for member in members:
        if member.status == "active" and "PS" in member.roles:
            for region in member.regions:
                if covers(region, code):
                    best[member.id] = max(best.get(member.id, 0), len(prefix(region)))
    longest = max(best.values(), default=0)
    expected = sorted(id for id, length in best.items() if length == longest)
    assert RegionIndex(members).find("PS", code) == expected


@given(codes, codes)
def test_a_place_that_covers_another_begins_its_code(outer: str, inner: str) -> None:
    significant = outer
    while significant and int(significant) and significant.endswith("000"):
        significant = significant[:-3]
    if len(significant) == 6 and significant.endswith("00"):
        significant = significant[:-2]
    assert covers(outer, inner) == prefix(inner).startswith(significant)


def test_ten_thousand_members_are_found_among() -> None:
    members = [
        Station(f"ps-{town:03d}-{village:03d}", (f"511623{town:03d}{village:03d}",))
        for town in range(1, 101)
        for village in range(1, 101)
    ]
    index = RegionIndex(members)
    assert index.find("PS", "511623100100") == ["ps-100-100"]
    assert len(index.under("511623050000")) == 100


@pytest.mark.parametrize("code", ["511623101000", "511623101201", "110000000000"])
def test_full_codes_are_accepted(code: str) -> None:
    assert check_division(code) is None


@pytest.mark.parametrize("code", ["", "511623", "51162310100", "5116231010000", "51162310100X",
                                  "００００００００００００", "000000000000"])  # fmt: skip
def test_other_texts_are_no_full_codes(code: str) -> None:
    assert check_division(code) == "record.bad_division"


def test_short_forms_are_codes_too() -> None:
    assert [is_code(c) for c in ("51", "5116", "511623", "511623101", "511623101201")] == [True] * 5
    assert not is_code("51162")


def test_the_directory_s_member_fits_the_index() -> None:
    from jdgate.core.directory import KeyRecord, Member

    moment = datetime(2026, 1, 1)
    key = KeyRecord("k", "sig", "Ed25519", "", moment, moment)
    member = Member("ps-01", "派出所", "department", ("PS",), ("511623101000",), (key,))
    assert RegionIndex([member]).find("PS", "511623101201") == ["ps-01"]
