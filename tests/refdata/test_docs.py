"""What docs/reference-data.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Jdgate

PAGE = (Path(__file__).parents[2] / "docs" / "reference-data.md").read_text(encoding="utf-8")
SHOWN = [line[2:] for line in PAGE.splitlines() if line.startswith("$ jdgate")]


@pytest.mark.parametrize("line", [line for line in SHOWN if " import " not in line])
def test_every_question_on_the_page_is_answered(
    line: str, jdgate: Jdgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = jdgate(*line.split()[1:])
    assert told.exit_code == 0, told.output


def test_the_python_on_the_page_gives_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    start, questions = code.split("day = date(2026, 9, 28)\n")
    names: dict[str, object] = {}
    exec(f"{start}day = date(2026, 9, 28)", names)
    checked = 0
    for line in questions.strip().splitlines():
        asked, _, answer = line.partition("  #")
        value = eval(asked, names)
        if not answer.strip().startswith(("Ground", "the ")):
            assert value == eval(answer, names), line
            checked += 1
        else:
            assert value
    assert checked == 6


def test_every_table_and_column_on_the_page_exists() -> None:
    from jdgate.refdata import TABLES
    from jdgate.refdata.columns import IMPORTERS

    for table in TABLES:
        rows = re.findall(rf"^\| `{table}` \| ([^|]+) \|", PAGE, re.MULTILINE)
        assert len(rows) == 2
        titles = {title for column in IMPORTERS[table].columns for title in column.titles}
        assert set(re.split(r"[,;] ", rows[1].strip())) <= titles
