"""A1 and A2: at the day and not before; what is said names a number, never a person or a reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.core.calendar import WorkingDays, YearPlan, add_days
from jdgate.core.catalogue import default_path, load
from jdgate.core.rules import Alert, Expect, Fact, Role, run_due
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.files import Importer, open_file, write_table
from jdgate.kit import check_plugin
from jdgate.plugins.conformance import Replay, assert_order_free
from jdgate.refdata import References
from jdgate.texts import LANGUAGES, all_texts, read_file, say
from jdgate_aid import plugin
from jdgate_aid.importers import CHILD_REFERRAL, REFERRAL, RESULT, WITHDRAWAL
from jdgate_aid.rules import ROLES, ReferralRule
from jdgate_aid.settings import Settings, read

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
TODAY, REGION = "2026-11-20", "511623101000"
DAYS = WorkingDays({2026: YearPlan(off=frozenset({date(2026, 11, 24)}))})
CATALOGUE = load([default_path()])
DRUGS = re.compile(r"毒|戒|瘾|尿检|美沙酮|社康|drug|narcotic|addict|rehab|methadone|urine", re.I)
OFFICES = ("CIV", "HRS", "HOU")


def fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, None, {"ref": "R-1", **data}, "m", 0, REGION)


def referred(need: str = "job") -> Fact:
    return fact(REFERRAL.type, "com-01", need_type=need)


def answered(status: str, day: str = TODAY) -> Fact:
    return fact(RESULT.type, "hrs", to="com-01", status=status, date=day)


def withdrawn(day: str = TODAY, need: str = "job") -> Fact:
    return fact(WITHDRAWAL.type, "com-01", need_type=need, date=day)


def replay(*facts: Fact) -> Replay:
    made = Replay(ReferralRule(Settings(), DAYS))
    made.batch(list(facts), NOW)
    return made


def expected(made: Replay) -> dict[str, datetime]:
    """What is waited for, but for forgetting: the first word of its name, and when."""
    waits = {one.name.partition(":")[0]: one.due for one in made.standing.values()
             if isinstance(one, Expect)}  # fmt: skip
    return {what: due for what, due in waits.items() if what != "forget"}


def when_due(made: Replay, what: str) -> list[Alert]:
    (key,) = made.end()[0]
    (one,) = [each for each in made.standing.values()
              if isinstance(each, Expect) and each.name.startswith(what)]  # fmt: skip
    outcome = run_due(made.rule, key, made.end()[0][key], one.name, one.due)
    return [each.effect for each in outcome.effects if isinstance(each.effect, Alert)]


def standing(made: Replay) -> list[Alert]:
    return [one for one in made.standing.values() if isinstance(one, Alert)]


@pytest.mark.rule("A1", "fires", "short")
def test_a1_an_answer_is_due_after_ten_working_days_of_the_countys_calendar() -> None:
    made = replay(referred())
    # Friday 20 November and ten working days, with Tuesday the 24th off: Monday 7 December
    assert expected(made) == {"answer": datetime(2026, 12, 7, 16, 0, tzinfo=UTC)}
    (alert,) = when_due(made, "answer")
    assert made.until(datetime(2026, 12, 7, 15, 59, 59, tzinfo=UTC)) == []
    assert made.until(datetime(2026, 12, 7, 16, 0, tzinfo=UTC)) == [alert]
    assert (alert.rule_id, alert.to, alert.type) == ("A1", "com-01", "sys.alert.v1")
    assert alert.params == {"ref": "R-1", "due_on": "2026-12-07"}


@pytest.mark.parametrize("status", ["received", "in_progress", "granted", "declined", "withdrawn"])
def test_a1_any_answer_settles_it(status: str) -> None:
    assert expected(replay(referred(), answered(status))) == {}


@pytest.mark.rule("A2", "fires", "short")
def test_a2_a_withdrawal_is_to_be_confirmed_within_five_working_days() -> None:
    made = replay(referred(), answered("in_progress", "2026-11-10"), withdrawn())
    assert expected(made) == {"stop": datetime(2026, 11, 30, 16, 0, tzinfo=UTC)}
    told = when_due(made, "stop")
    assert [(one.to, one.urgent) for one in told] == [("hrs", True), ("com-01", True)]
    passing = replay(referred(), answered("in_progress", "2026-11-10"), withdrawn())
    assert passing.until(datetime(2026, 11, 30, 15, 59, 59, tzinfo=UTC)) == []
    assert passing.until(datetime(2026, 11, 30, 16, 0, tzinfo=UTC)) == told
    made.batch([answered("withdrawn")], NOW)
    assert expected(made) == {}


def test_a2_a_department_that_never_answered_is_found_by_what_was_asked_for() -> None:
    assert when_due(replay(referred("housing"), withdrawn(need="housing")), "stop")[0].to == Role(
        "HOU", REGION
    )
    child = fact(CHILD_REFERRAL.type, "com-01", need="care")
    assert when_due(replay(child, withdrawn(need="child")), "stop")[0].to == Role("CIV", REGION)


@pytest.mark.rule("A2", "fires", "short")
@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([answered("granted", "2026-11-18")], 0),
        ([answered("granted", "2026-11-19")], 2),
        ([answered("declined", "2026-11-19")], 0),
        ([answered("granted", "2026-11-19"), answered("withdrawn", "2026-11-20")], 0),
        ([answered("withdrawn", "2026-11-19"), answered("in_progress", "2026-11-20")], 2),
    ],
)
def test_a2_what_goes_on_after_the_day_of_withdrawal_is_told_at_once(
    answers: list[Fact], told: int
) -> None:
    found = standing(replay(referred(), withdrawn("2026-11-18"), *answers))
    assert [one.title_code for one in found] == ["aid.goes_on"] * told


FACTS = st.one_of(
    st.builds(referred, st.sampled_from(sorted(set(ROLES) - {"child"}))),
    st.builds(
        answered,
        st.sampled_from(["received", "in_progress", "granted", "declined", "withdrawn"]),
        st.integers(0, 9).map(lambda back: add_days(TODAY, -back)),
    ),
    st.builds(withdrawn, st.integers(0, 9).map(lambda back: add_days(TODAY, -back))),
)


@pytest.mark.rule("A1 A2", "any order")
@given(facts=st.lists(FACTS, max_size=12))
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_make_no_difference(facts: list[Fact]) -> None:
    assert_order_free(ReferralRule(Settings(), DAYS), facts, NOW, orders=4)


def test_nobody_s_name_is_kept() -> None:
    data = {"name": "甄某", "id_type": "ric", "id_no": "999999199001011234", "need_type": "job"}
    made = replay(fact(REFERRAL.type, "com-01", **data))
    assert "甄" not in str(made.end()) and "999999" not in str(made.end())


def test_it_is_forgotten_half_a_year_after_the_last_word() -> None:
    made = replay(referred(), answered("granted", "2026-11-10"))
    (one,) = [each for each in made.standing.values() if isinstance(each, Expect)]
    assert one.due == datetime(2027, 5, 19, 16, 0, tzinfo=UTC)
    ((key, state),) = made.end()[0].items()
    outcome = run_due(made.rule, key, state, one.name, one.due)
    assert outcome.states[key] == made.rule.state()


# what gives nothing away


def words_shown_to(role: str) -> dict[str, list[str]]:
    """Every word that an office of this role is shown of the types it gets or sends."""
    found = {}
    for name, sheet in CATALOGUE.sheets.items():
        fields = set(sheet.fields_for(role))
        sends = role in sheet.senders
        if (not fields and not sends) or name.startswith("sys."):
            continue
        shown = [name, sheet.purpose, sheet.title.zh, sheet.title.en]
        shown += sheet.cite(role) if fields else ()
        for field in sheet.fields:
            if field in fields or sends:
                shown += [field, *(sheet.field_title(field, lang) for lang in LANGUAGES)]
        found[name] = shown
    return found


@pytest.mark.parametrize("role", OFFICES)
def test_no_word_that_an_aid_office_is_shown_tells_of_drugs(role: str) -> None:
    own = {name: words for name, words in words_shown_to(role).items() if name.startswith("aid.")}
    assert {"aid.referral.v1", "aid.result.v1", "aid.withdrawal.v1"} <= set(own)
    told = {name: word for name, words in own.items() for word in words if DRUGS.search(word)}
    assert told == {}


def test_the_plugins_own_texts_tell_nothing_either() -> None:
    texts = read_file(Path(plugin.__file__).with_name("texts.toml"))
    assert not [code for code, text in texts.items() if DRUGS.search(f"{code} {text}")]


@pytest.mark.parametrize(
    ("type", "field"),
    [("aid.referral.v1", "consent_ref"), ("aid.child.referral.v1", "guardian_consent")],
)
def test_a_consent_s_number_that_gives_the_reason_is_refused(type: str, field: str) -> None:
    from tests.catalogue.catalogue_examples import GOOD

    validator, sheet = CATALOGUE.validator(type), CATALOGUE.sheet(type)
    (fault,) = check_record(validator, sheet, GOOD[type] | {field: "社戒同意书1号"})
    assert (fault.code, fault.path) == ("record.reveals_reason", f"/{field}")
    assert "社戒" not in say(fault.code, "zh", title=field)
    assert fault.code in all_texts()


# files

WHO = {"姓名": "甄某", "身份证号": "999999199001011238", "人员类别": "x", "电话": "x"}
FILES: list[tuple[Importer, dict[str, object], dict[str, object]]] = [
    (
        REFERRAL,
        {**WHO, "转介编号": "R-1", "需求": "低保", "同意书编号": "同-1"},
        {"need_type": "subsistence", "source": "township", "consent_ref": "同-1"},
    ),
    (
        CHILD_REFERRAL,
        {**WHO, "编号": "R-2", "需求": "就学", "监护人同意书编号": "监-1", "父母情况": "x"},
        {"need": "schooling"},
    ),
    (
        WITHDRAWAL,
        {**WHO, "编号": "R-1", "需求": "低保", "撤回日期": "2026-11-20"},
        {"ref": "R-1", "need_type": "subsistence", "date": "2026-11-20"},
    ),
    (
        RESULT,
        {**WHO, "编号": "R-1", "转介单位": "com-01", "办理结果": "已落实", "日期": "2026-11-20",
         "救助金额": "x"},
        {"ref": "R-1", "to": "com-01", "status": "granted", "date": "2026-11-20"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "cells", "wanted"), FILES, ids=[one.type for one, *_ in FILES]
)
def test_a_row_becomes_a_record_and_the_rest_stays_behind(
    tmp_path: Path, importer: Importer, cells: dict[str, object], wanted: dict[str, object]
) -> None:
    path = tmp_path / "file.xlsx"
    write_table(path, "1", list(cells), [list(cells.values())])
    with open_file(path, importer) as reading:
        (row,) = reading.rows
    assert row.record is not None, row.faults
    assert {name: row.record[name] for name in wanted} == wanted
    assert "x" not in row.record.values()
    if importer in (WITHDRAWAL, RESULT):
        assert set(row.record) == set(wanted), "neither a person nor an amount"


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"answer": 1}, "plugin.setting_unknown"),
        ({"answer_workdays": 0}, "plugin.setting_range"),
        ({"stop_workdays": True}, "plugin.setting_range"),
    ],
)
def test_settings_that_make_no_sense_are_refused(table: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as caught:
        read(table)
    assert caught.value.code == code


def test_the_countys_own_calendar_is_used() -> None:
    (rule,) = plugin.jdgate_rules({}, References())
    assert rule._days.years  # type: ignore[attr-defined]


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
