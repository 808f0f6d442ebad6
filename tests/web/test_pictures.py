"""Where the parts of pictures stand, whatever the figures."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.web.pages.charts import inspection, rates
from jdgate.web.pages.system import size
from jdgate.web.shaping import bands
from jdgate.web.shaping.bands import Box, Drawing, Link, draw, share
from jdgate.web.shaping.flow_view import MOST_TYPES, OTHERS, Naming, View, bars, clip, view
from jdgate.web.shaping.lines import SPAN, along, floor_of, lines, whisker

counts = st.integers(0, 10_000)
parts = st.dictionaries(st.sampled_from(["ok", "part", "waiting", "bad"]), counts, max_size=4)


def boxes(side: str, number: int) -> list[Box]:
    return [Box(f"{side}{each}", f"{side} {each}") for each in range(number)]


@st.composite
def links(draw_one: st.DrawFn) -> list[Link]:
    ends = st.tuples(st.integers(0, 5), st.integers(0, 8), st.booleans())
    wanted = draw_one(st.dictionaries(ends, parts, max_size=30))
    return [
        Link(f"l{outer}" if inward else f"m{inner}", f"m{inner}" if inward else f"r{outer}",
             each, inward)
        for (outer, inner, inward), each in wanted.items()
    ]  # fmt: skip


def drawn(all_links: list[Link]) -> Drawing:
    return draw(boxes("l", 6), boxes("m", 9), boxes("r", 6), all_links)


@given(links())
def test_boxes_of_a_column_do_not_overlap_and_stay_in_the_picture(all_links: list[Link]) -> None:
    drawing = drawn(all_links)
    columns: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in drawing.boxes:
        assert one.number > 0 and one.height >= bands.LEAST
        assert one.x >= 0 and one.x + one.width <= bands.WIDTH
        columns[one.side].append((one.y, one.y + one.height))
    for spans in columns.values():
        spans.sort()
        assert spans[0][0] >= 0 and spans[-1][1] <= drawing.height
        assert all(below[0] > above[1] for above, below in pairwise(spans))


@given(links())
def test_every_count_is_in_one_band(all_links: list[Link]) -> None:
    told = sorted(
        (one.source, one.target, style, number)
        for one in all_links
        for style, number in one.parts.items()
        if number
    )
    drawing = drawn(all_links)
    assert told == sorted((one.source, one.target, one.style, one.number) for one in drawing.bands)


@given(st.floats(1, 1000), st.lists(st.integers(1, 10_000), min_size=1, max_size=40))
def test_shares_fill_a_side_and_none_disappears(height: float, numbers: list[int]) -> None:
    shares = share(height, numbers)
    assert sum(shares) == pytest.approx(height)
    assert all(one >= min(bands.THIN, height / len(numbers)) - 1e-9 for one in shares)


def test_what_is_drawn_again_with_other_counts_stands_in_the_same_order() -> None:
    def order(number: int) -> list[str]:
        both = [
            Link("l0", "m1", {"ok": number}, True),
            Link("l1", "m0", {"ok": 5}, True),
            Link("m0", "r1", {"ok": 7}, False),
        ]
        return [one.box.key for one in drawn(both).boxes]

    assert order(1) == order(900)


# --- the flow picture


NAMING = Naming(
    roles={"nco": "NCO", "gateway": "GW", "pol": "POL", "ps-01": "PS", "ps-02": "PS", "cln": "CLN"},
    order={"NCO": 0, "GW": 1, "POL": 2, "PS": 3, "CLN": 4},
    member=str,
    role=str.lower,
    type=str,
    others=str,
    at=lambda of: f"/flows?of={of}",
)


def leg(source: str, recipient: str, type: str = "a.b.v1", **more: int) -> dict[str, Any]:
    usual = {"messages": 10, "records": 10, "waiting": 0, "dead": 0}
    return {"source": source, "recipient": recipient, "type": type, **usual, **more}


def came(source: str, type: str = "a.b.v1", **more: int) -> dict[str, Any]:
    usual = {"messages": 10, "records": 10, "refused": 0, "part": 0}
    return {"source": source, "type": type, **usual, **more}


def seen(
    cames: list[dict[str, Any]], legs: list[dict[str, Any]], of: str = "", member: str | None = None
) -> View:
    data = {
        "gateway": "gateway", "span": "day", "since": "2026-11-21T00:00:00.000+00:00",
        "until": "2026-11-21T12:34:00.000+00:00", "came": cames, "legs": legs, "course": [],
    }  # fmt: skip
    return view(data, NAMING, of, member)


def rows(shown: View) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    return (
        [(row.source, row.target, row.number) for row in shown.came],
        [(row.source, row.target, row.number) for row in shown.went],
    )


def test_members_of_a_role_are_one_box_until_one_looks_into_it() -> None:
    cames = [came("ps-01"), came("ps-02", messages=5, refused=2)]
    legs = [leg("ps-01", "pol"), leg("ps-02", "pol", messages=3, waiting=1, dead=1)]
    whole = seen(cames, legs)
    assert rows(whole) == ([("ps (2)", "a.b.v1", 15)], [("a.b.v1", "pol", 13)])
    assert whole.came[0].parts == {"ok": 13, "part": 0, "bad": 2}
    assert whole.went[0].parts == {"ok": 11, "waiting": 1, "bad": 1}
    assert whole.sums == (15, 2, 13, 1, 1)
    apart = seen(cames, legs, of="PS")
    assert rows(apart)[0] == [("ps-01", "a.b.v1", 10), ("ps-02", "a.b.v1", 5)]
    one = seen(cames, legs, of="ps-02")
    assert rows(one) == ([("ps-02", "a.b.v1", 5)], [("a.b.v1", "pol", 3)])


def test_what_the_gateway_says_of_itself_comes_from_it() -> None:
    assert rows(seen([], [leg("gateway", "cln")])) == (
        [("gateway", "a.b.v1", 10)],
        [("a.b.v1", "cln", 10)],
    )


def test_one_members_part_has_what_it_sent_and_what_came_to_it() -> None:
    shown = seen([came("pol")], [leg("pol", "ps-01"), leg("cln", "pol", messages=4)], "PS", "pol")
    ins, outs = rows(shown)
    assert ins == [("pol", "a.b.v1", 10), ("cln", "a.b.v1", 4)]
    assert outs == [("a.b.v1", "ps-01", 10), ("a.b.v1", "pol", 4)]
    assert (shown.sums.came, shown.sums.went) == (10, 4)


def test_rare_kinds_are_drawn_together() -> None:
    cames = [came("cln", f"t.k{each}.v1", messages=100 - each) for each in range(MOST_TYPES + 5)]
    shown = seen(cames, [])
    kinds = [one for one in shown.drawing.boxes if one.side == "middle"]
    assert len(kinds) == MOST_TYPES
    (rare,) = [one for one in kinds if one.box.key == OTHERS]
    assert rare.box.label == "6" and rare.number == sum(
        100 - each for each in range(MOST_TYPES - 1, MOST_TYPES + 5)
    )


def test_every_piece_of_the_time_has_a_bar() -> None:
    data = {
        "span": "day", "since": "2026-11-20T12:30:00.000+00:00",
        "until": "2026-11-21T12:34:00.000+00:00",
        "course": [
            {"at": "2026-11-21T01:00:00.000+00:00", "messages": 8, "refused": 1},
            {"at": "2026-11-21T01:20:00.000+00:00", "messages": 2, "refused": 0},
            {"at": "2026-11-21T12:30:00.000+00:00", "messages": 5, "refused": 0},
        ],
    }  # fmt: skip
    found = bars(data)
    assert len(found) == 25 and found[0].label == "20:00"
    assert [(bar.label, bar.messages, bar.refused, bar.share) for bar in found if bar.messages] == [
        ("09:00", 10, 1, 100),
        ("20:00", 5, 0, 50),
    ]


def test_names_are_cut_where_they_no_longer_fit() -> None:
    assert clip("示例县公安局", 6) == "示例县公安局"
    assert clip("示例县公安局", 5) == "示例县公…"
    assert clip("narcotics unit", 8) == "narcotics unit"


# --- charts


def test_a_chart_has_100_on_top_and_its_low_end_at_the_bottom() -> None:
    chart = lines({"a": [("2026-02", 100.0), ("2026-01", 90.0)], "b": [("2026-01", 40.0)]}, 90.0)
    (first, second) = chart.drawn["a"].dots
    assert (first[1], second[1]) == (chart.bottom, chart.top) and first[0] < second[0]
    assert chart.drawn["b"].dots[0][1] == chart.bottom, "what is lower still stands on the edge"
    assert chart.drawn["a"].path.startswith("M") and lines({}, 0.0).drawn == {}


def test_the_low_end_goes_with_the_lowest() -> None:
    assert [floor_of(each) for each in ([], [99.9], [94.9], [79.0], [3.0])] == [95, 95, 90, 50, 0]


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_longer_times_stand_further_on(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert 0 <= along(shorter) <= along(longer) <= SPAN
    bar = whisker(shorter, longer)
    assert 0 < bar.median <= bar.p90


def outlet(item: str, *realname: int | None) -> dict[str, Any]:
    return {
        "unit": "cur-01",
        "item": item,
        "periods": [
            {"first": f"2026-{at:02d}-01", "last": f"2026-{at:02d}-28", "realname": rate,
             "inspect": 10_000, "xray": 10_000}
            for at, rate in enumerate(realname, start=1)
        ],
    }  # fmt: skip


def test_outlets_that_are_short_come_first() -> None:
    found = rates([outlet("a", 10_000), outlet("b", 9_000, 10_000), outlet("c", 9_950)], "")
    assert [one["item"] for one in found["outlets"]] == ["c", "b", "a"]
    assert (found["short"], found["all"], found["low"]) == (1, 3, 90.0)
    assert found["outlets"][0]["latest"]["realname"] == 99.5
    assert rates([], "")["outlets"] == []


def test_inspections_are_rounded_down_and_small_ones_left_out() -> None:
    cells = {"2026-01": [199, 200], "2026-02": [None, None]}
    few = {"2026-02": [None, None]}
    data = {
        "months": ["2026-01", "2026-02", "2026-03"], "so_far": "2026-03", "county": "gateway",
        "rows": [
            {"unit": "gateway", "cells": cells}, {"unit": "ps-01", "cells": cells},
            {"unit": "ps-02", "cells": few}, {"unit": "ps-03", "cells": {}},
        ],
    }  # fmt: skip
    found = inspection(data)
    assert [month for month, _ in found["months"]] == ["2026-03", "2026-02", "2026-01"]
    assert [row["unit"] for row in found["rows"]] == ["ps-01"]
    assert found["few"] == ["ps-02"]
    third, second, first = found["county"]["cells"]
    assert first["percent"] == 99 and second["few"] and second["percent"] is None and third is None


def test_bytes_are_written_as_people_read_them() -> None:
    assert [size(each) for each in (0, 999, 1000, 51_000_000, 271_000_000_000, 10**16)] == [
        "0 B", "999 B", "1.0 kB", "51.0 MB", "271 GB", "10000 TB",
    ]  # fmt: skip
