"""Columns, wrapping and cleaning of what is printed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.cli.show import clean, columns, local, pairs, table, wrap

ANY_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Mn", "Me", "Zl", "Zp")))


def test_a_chinese_character_takes_two_columns() -> None:
    assert columns("日期 date") == 9
    assert columns("e\u0301") == 1


def test_the_columns_of_a_table_stand_under_each_other_in_any_script() -> None:
    lines = table(["member", "名称", "n"], [["cln-01", "邻水县门诊", "x"], ["p", "Police", "x"]])
    assert [columns(line.rpartition(" ")[0]) for line in (lines[0], *lines[2:])] == [
        len("member  ") + 10 + 1
    ] * 3


def test_the_last_column_is_wrapped_under_its_title() -> None:
    lines = table(["row", "reason"], [["5", "缺少“姓名”，请补填；" * 6]], width=40)
    assert len(lines) > 3
    assert all(columns(line) <= 40 for line in lines)
    assert all(line.startswith(" " * 5) for line in lines[3:])


@given(ANY_TEXT, st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing_but_spaces(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns(line) <= width + 2 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_no_line_begins_with_closing_punctuation() -> None:
    lines = wrap("请核对日期，然后重报。" * 5, 12)
    assert not any(line[0] in "，。" for line in lines)


@pytest.mark.parametrize(
    ("dirty", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\nb\tc", "a b c"),
        ("abc\u202edef", "abcdef"),
        ("\x9b2J", "2J"),
        ("王·小明", "王·小明"),
    ],
)
def test_nothing_from_outside_commands_the_terminal(dirty: str, shown: str) -> None:
    assert clean(dirty) == shown
    assert shown in table(["x"], [[dirty]])[-1]
    assert pairs([("x", dirty)]) == [f"x  {shown}"]


def test_times_are_china_standard_time() -> None:
    assert local("2026-11-21T16:00:05.000Z") == "2026-11-22 00:00:05"
    assert local(datetime(2026, 11, 21, 8, tzinfo=UTC)) == "2026-11-21 16:00:00"
    assert local(None) == "—"


def test_pairs_leave_out_what_is_not_there() -> None:
    assert pairs([("a", None), ("bb", ""), ("c", 0)]) == ["c  0"]
