"""C8: each part fires at its threshold and not just short of it, in any order of the facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core import catalogue
from jdgate.core.calendar import add_days
from jdgate.core.identity import synthetic_id_no
from jdgate.core.rules import Alert, Expect, Fact, Role, Settle, run_due
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Importer, open_file, write_table
from jdgate.kit import check_plugin
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate_release.importers import HANDOVER as HANDED
from jdgate_release.importers import IMPORTERS, PRENOTICE, RECEIVED
from jdgate_release.releases import HANDOVER, Release
from jdgate_release.rules import ReleaseRule
from jdgate_release.settings import Span, read

TOWN = "511623101000"
WHO = bytes(range(16))
DAY = "2026-11-27"  # a Friday
PERSON = {"name": "某甲", "id_type": "ric", "id_no": synthetic_id_no(date(1990, 1, 1), 1)}
DAYS = References().working_days
POL, COM, PS = Role("POL", TOWN), Role("COM", TOWN), Role("PS", TOWN)
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOURS_24 = timedelta(hours=24)
SECOND = timedelta(seconds=1)


def rule(**table: Any) -> ReleaseRule:
    return ReleaseRule(DAYS, read(table))


def fact(type: str, source: str, message: str, **data: Any) -> Fact:
    return Fact(type, source, WHO, {**PERSON, **data}, message, 0, "511623000000")


def notice(
    day: str = DAY, measure: str = "community_recovery", message: str = "m1", town: str = TOWN
) -> Fact:
    return fact(PRENOTICE.type, "dtx-01", message, town=town, release_on=day, next_measure=measure)


def received(what: str, day: str = "2026-11-24", release: str = DAY, *docs: str) -> Fact:
    more = {"docs": list(docs)} if docs else {}
    return fact(
        RECEIVED.type, "com-01", "r", release_on=release, what=what, received_on=day, **more
    )


def handed(day: str, *docs: str) -> Fact:
    return fact(HANDOVER, "dtx-01", "h", doc_no="D1", town=TOWN, docs=list(docs), handed_on=day)


def replay(rule: ReleaseRule, *facts: Fact, now: datetime = NOW) -> Replay:
    made = Replay(rule)
    made.batch(list(facts), now)
    return made


def said(made: Replay) -> set[tuple[str, str | Role]]:
    return {
        (one.title_code.removeprefix("release."), one.to)
        for one in made.standing.values()
        if isinstance(one, Alert)
    }


def waits(made: Replay) -> dict[str, datetime]:
    return {one.name: one.due for one in made.standing.values() if isinstance(one, Expect)}


def when_due(made: Replay, name: str, now: datetime) -> set[tuple[str, str | Role]]:
    """What is told when `name` comes due at `now`."""
    ((key, state),) = made.end()[0].items()
    effects = run_due(made.rule, key, state, name, now).effects
    alerts = [one.effect for one in effects if isinstance(one.effect, Alert)]
    return {(one.title_code.removeprefix("release."), one.to) for one in alerts}


# Before the release


@pytest.mark.rule("C8", "fires", "short")
def test_three_days_before_those_who_receive_are_told_and_not_a_moment_before() -> None:
    made = replay(rule(), notice())
    near = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # 24 November begins in the county
    assert waits(made)["near"] == near
    assert when_due(made, "near", near - SECOND) == set()
    assert when_due(made, "near", near) == {("near", POL), ("near", COM)}


def test_where_no_measure_follows_the_station_is_told_and_no_township() -> None:
    made = replay(rule(), notice(measure="none"))
    later = datetime(2026, 11, 25, tzinfo=UTC)
    assert when_due(made, "near", later) == {("near", POL), ("near", PS)}
    assert when_due(made, "ack", later) == {("call", POL), ("call", PS)}


@pytest.mark.rule("C8", "fires", "short")
@pytest.mark.parametrize(
    ("came", "late"),
    [
        (datetime(2026, 11, 24, 15, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), True),
    ],
)
def test_a_notice_is_late_after_the_third_day_before_the_release(
    came: datetime, late: bool
) -> None:
    told = said(replay(rule(), notice(), now=came))
    assert told == ({("notice_late", POL), ("notice_late", "dtx-01")} if late else set())


def test_places_have_times_of_their_own_and_the_longest_code_wins() -> None:
    places = {"31": "7wd", "310101": "5d"}
    made = rule(places=places)
    for town, near in (
        ("310115100000", datetime(2026, 11, 17, 16, 0, tzinfo=UTC)),  # seven working days
        ("310101100000", datetime(2026, 11, 21, 16, 0, tzinfo=UTC)),
        (TOWN, datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),
    ):
        assert waits(replay(made, notice(town=town)))["near"] == near
    october = replay(rule(notice="7wd"), notice("2026-10-12"), now=datetime(2026, 9, 1, tzinfo=UTC))
    assert waits(october)["near"] < datetime(2026, 9, 30, tzinfo=UTC)  # holidays are no work days


@pytest.mark.rule("C8", "fires", "short")
def test_nobody_acknowledged_for_24_hours_call() -> None:
    made = replay(rule(), notice())
    assert waits(made)["ack"] == NOW + HOURS_24
    assert when_due(made, "ack", NOW + HOURS_24 - SECOND) == set()
    assert when_due(made, "ack", NOW + HOURS_24) == {("call", POL), ("call", COM)}
    shorter = replay(rule(ack_hours=12), notice())
    assert waits(shorter)["ack"] == NOW + HOURS_24 / 2


def test_who_came_for_the_person_need_not_have_acknowledged_the_notice() -> None:
    assert set(waits(replay(rule(), notice(), received("person")))) == {"forget"}


def test_a_notice_after_the_release_says_that_it_is_late_and_not_that_it_is_near() -> None:
    came = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)  # the day of the release has passed
    made = replay(rule(), notice(), now=came)
    assert {code for code, _ in said(made)} == {"notice_late"}
    assert when_due(made, "near", came) == set()
    assert when_due(made, "near", came - SECOND) != set()


def test_an_acknowledgement_ends_the_waiting_and_settles_what_was_told() -> None:
    made = replay(rule(), notice())
    effects = [one.effect for one in made.batch([received("notice")], NOW).effects]
    assert "ack" not in waits(made) and "near" in waits(made)
    settled = [one.cause for one in effects if isinstance(one, Settle)]
    assert len([cause for cause in settled if cause.startswith("call:")]) == 2
    made.batch([received("person", DAY)], NOW + 5 * HOURS_24)
    assert "near" not in waits(made)


def test_a_notice_of_another_day_is_acknowledged_anew() -> None:
    made = replay(rule(), notice(), received("notice"))
    made.batch([notice("2026-12-04", message="m2")], NOW + HOURS_24)
    assert waits(made)["ack"] == NOW + 2 * HOURS_24
    made.batch([notice("2026-11-30", message="m0")], NOW)  # written before the others
    assert made.end()[0][WHO.hex()].notice.release_on == "2026-12-04"


# Papers


def test_papers_are_asked_for_only_where_the_county_set_a_time() -> None:
    assert "papers" not in waits(replay(rule(), notice()))
    made = replay(rule(papers="3wd"), notice())
    over = datetime(2026, 12, 2, 16, 0, tzinfo=UTC)  # Wednesday 2 December has passed
    assert waits(made)["papers"] == over
    assert when_due(made, "papers", over - SECOND) == set()
    assert when_due(made, "papers", over) == {("papers_overdue", POL), ("papers_overdue", "dtx-01")}
    made.batch([handed("2026-11-30", "decision")], NOW + 7 * HOURS_24)
    assert "papers" not in waits(made)


def test_papers_nobody_acknowledged_for_24_hours_are_told_to_both_ends() -> None:
    later = NOW + 7 * HOURS_24
    made = replay(rule(), notice())
    made.batch([handed("2026-11-30", "decision")], later)
    assert waits(made)["papers_ack"] == later + HOURS_24
    assert when_due(made, "papers_ack", later + HOURS_24) == {
        ("papers_unanswered", COM),
        ("papers_unanswered", "dtx-01"),
    }
    assert when_due(made, "papers_ack", later + HOURS_24 - SECOND) == set()


def test_papers_that_are_missing_are_told_until_they_are_there() -> None:
    made = replay(rule(), notice())
    papers = handed("2026-11-30", "decision", "plan")
    some = received("papers", "2026-11-30", DAY, "decision")
    made.batch([papers, some], NOW + 7 * HOURS_24)
    assert said(made) == {("papers_missing", COM), ("papers_missing", "dtx-01")}
    made.batch([received("papers", "2026-12-01", DAY, "plan")], NOW + 8 * HOURS_24)
    assert said(made) == set() and "papers_ack" not in waits(made)


def test_ninety_days_after_the_release_nothing_of_the_person_is_kept() -> None:
    made = replay(rule(), notice())
    over = datetime(2027, 2, 25, 16, 0, tzinfo=UTC)
    assert waits(made)["forget"] == over
    ((key, state),) = made.end()[0].items()
    assert run_due(made.rule, key, state, "forget", over - SECOND).states == {}
    assert run_due(made.rule, key, state, "forget", over).states == {key: Release()}


# Any order


@st.composite
def anything(draw: st.DrawFn) -> Fact:
    day = add_days("2026-11-20", draw(st.integers(0, 3)))
    release = draw(st.sampled_from([DAY, "2026-12-04"]))
    docs = draw(st.lists(st.sampled_from(["decision", "plan"]), min_size=1, max_size=2))
    kinds = [
        lambda: notice(release, draw(st.sampled_from(["none", "community_recovery"])),
                       draw(st.sampled_from(["m1", "m2"]))),
        lambda: received(draw(st.sampled_from(["notice", "person"])), day, release),
        lambda: received("papers", day, release, *docs),
        lambda: handed(day, *docs),
    ]  # fmt: skip
    return draw(st.sampled_from(kinds))()


def _one_text_per_id(facts: list[Fact]) -> list[Fact]:
    """A message id stands for one text."""
    seen = {one.message_id: one for one in facts if one.type == PRENOTICE.type}
    return [one for one in facts if one.type != PRENOTICE.type or seen[one.message_id] is one]


@pytest.mark.rule("C8", "any order")
@settings(max_examples=50, deadline=None)
@given(st.lists(anything(), max_size=10))
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(rule(papers="3wd"), _one_text_per_id(facts), NOW, orders=4)


# Files, settings, the kit

CELLS: list[tuple[Importer, dict[str, object]]] = [
    (PRENOTICE, {"居住地区划代码": TOWN, "后续措施": "社区康复", "家属电话": "x"}),
    (RECEIVED, {"签收内容": "收到预告", "签收日期": "2026/11/20"}),
    (
        RECEIVED,
        {"签收内容": "收到文书", "签收文书": "决定书，释放证明", "签收日期": "2026/11/20"},
    ),
    (
        HANDED,
        {"文号": "强戒〔2026〕1号", "执行地代码": TOWN, "移交文书": "决定书、康复计划",
         "移交日期": "2026-11-27"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("importer", "cells"), CELLS, ids=lambda one: getattr(one, "type", ""))
def test_a_row_becomes_a_record_that_its_schema_accepts(
    tmp_path: Path, importer: Importer, cells: dict[str, object]
) -> None:
    cells = {"姓名": "某甲", "身份证号": PERSON["id_no"], "出所日期": "2026年11月27日", **cells}
    path = tmp_path / "file.xlsx"
    write_table(path, "1", list(cells), [list(cells.values())])
    with open_file(path, importer) as reading:
        (row,) = reading.rows
    assert row.record is not None, row.faults
    assert row.record.get("release_on", DAY) == DAY
    wanted = {"签收文书": ["decision", "release_certificate"], "移交文书": ["decision", "plan"]}
    assert row.record.get("docs") == next((wanted[one] for one in cells if one in wanted), None)
    known = catalogue.load([catalogue.default_path()])
    record = dict(row.record)
    assert check_record(known.validator(importer.type), known.sheet(importer.type), record) == []


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_what_is_dropped_is_read_by_no_column(importer: Importer) -> None:
    read_titles = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not read_titles & set(importer.dropped)
    assert {"家属", "民族", "联系电话", "工作单位"} <= set(importer.dropped)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"notices": "3d"}, "plugin.setting_unknown"),
        ({"notice": 3}, "release.setting_span"),
        ({"notice": ""}, "release.setting_span"),
        ({"papers": "3w"}, "release.setting_span"),
        ({"ack_hours": 0}, "plugin.setting_range"),
        ({"keep_days": True}, "plugin.setting_range"),
        ({"places": {"上海": "7wd"}}, "release.setting_place"),
        ({"places": "7wd"}, "release.setting_place"),
        ({"places": {"31": 7}}, "release.setting_span"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    assert read({}).notice_at("511623001") == Span(3)
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
