"""`jdgate refdata`: list, show and import, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Jdgate, Write


@pytest.fixture
def county(tmp_path: Path) -> Path:
    """The configuration of an installation; nothing else is needed here."""
    config = tmp_path / "jdgate.toml"
    config.write_text('[county]\nregion = "511623000000"\nname = "邻水县"\n', encoding="utf-8")
    return config


PLACES = "代码,名称\n511623101000,鼎屏镇\n511623102000,城北镇\n"
WRONG = "代码,名称\n511623101000,鼎屏镇\n51162310,城北镇\n511623103201,甲村\n"


def reply(jdgate: Jdgate, *words: object) -> Any:
    told = jdgate("refdata", *words, "--json")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout)


def test_list_shows_every_table_with_source_and_digest(jdgate: Jdgate) -> None:
    rows = reply(jdgate, "list", "--on", "2026-11-21")
    assert [row["table"] for row in rows] == ["precursors", "divisions", "working-days", "grounds"]
    assert all(len(row["digest"]) == 64 and row["source"] and row["in_force"] for row in rows)
    told = jdgate("refdata", "list")
    assert "precursor catalogue" in told.stdout
    assert rows[0]["digest"][:16] in told.stdout


def test_list_tells_which_versions_applied_on_a_day(
    jdgate: Jdgate, county: Path, write: Write
) -> None:
    for day in ("2026-07-01", "2027-01-01"):
        done = jdgate(
            "refdata", "import", "divisions", write(PLACES), "--source", "民政局", "--from", day,
            "-c", county,
        )  # fmt: skip
        assert done.exit_code == 0, done.output

    def applied(day: str) -> list[int]:
        rows = reply(jdgate, "list", "--on", day, "-c", county)
        return [row["number"] for row in rows if row["table"] == "divisions" and row["in_force"]]

    assert applied("2026-06-30") == [0]
    assert applied("2026-07-01") == [0, 1]
    assert applied("2027-01-01") == [0, 2]


def test_an_import_says_what_it_stored_and_is_found_again(
    jdgate: Jdgate, county: Path, write: Write
) -> None:
    words = ("refdata", "import", "divisions", write(PLACES), "--source", "民政局", "--from")
    done = jdgate(*words, "2026-07-01", "-c", county)
    assert done.exit_code == 0, done.output
    assert "version 1 imported: 2 rows" in done.stdout
    assert "民政局" in done.stdout
    (row, *_) = reply(jdgate, "show", "divisions", "511623101000", "-c", county)
    assert row["path"] == "四川省广安市邻水县鼎屏镇"
    assert (row["from"], row["tag"], row["warning"]) == ("2026-07-01", "local", None)
    told = jdgate("--lang", "zh", *words, "2026-08-01", "-c", county)
    assert "第 2 版" in told.stdout


def test_wrong_rows_are_told_and_nothing_is_stored(
    jdgate: Jdgate, county: Path, write: Write
) -> None:
    words = (
        "refdata", "import", "divisions", write(WRONG), "--source", "x", "--from", "2026-07-01",
        "-c", county,
    )  # fmt: skip
    told = jdgate(*words)
    assert told.exit_code == 1
    assert "row 3" in told.stdout and "row 4" in told.stdout
    assert told.stderr.startswith("error: 2 of the 3 rows of table.csv")
    told = jdgate(*words, "--json")
    answer = json.loads(told.stdout)
    assert (told.exit_code, answer["error"]["code"]) == (1, "refdata.rows_wrong")
    assert [row["code"] for row in answer["rows"]] == ["refdata.row_code", "refdata.row_orphan"]
    assert not (county.parent / "var").exists()


def test_warnings_do_not_keep_a_table_out(jdgate: Jdgate, county: Path, write: Write) -> None:
    done = jdgate(
        "refdata", "import", "divisions", write("代码,名称\n511699101000,新镇\n"),
        "--source", "x", "--from", "2026-07-01", "-c", county,
    )  # fmt: skip
    assert done.exit_code == 0
    assert "the county 511699 is in no table yet" in done.stdout


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("import", "divisions", "none.csv", "--source", "x", "--from", "2026-13-01"),
         "refdata.bad_day"),
        (("import", "divisions", "none.csv", "--source", " ", "--from", "2026-01-01"),
         "refdata.source_needed"),
        (("import", "divisions", "none.csv", "--from", "2026-01-01"), "cli.usage.missing"),
        (("import", "divisions", "none.csv", "--source", "x"), "cli.usage.missing"),
        (("import", "towns", "none.csv"), "cli.usage.bad_value"),
        (("show", "towns"), "cli.usage.bad_value"),
        (("show", "grounds", "--on", "today"), "refdata.bad_day"),
        (("show", "working-days", "soon"), "refdata.bad_day"),
        (("show", "working-days", "+99999"), "refdata.bad_count"),
        (("list", "--on", "1"), "refdata.bad_day"),
        (("list", "-c", "none.toml"), "config.missing"),
        (("import", "divisions", "none.csv", "--source", "x", "--from", "2026-01-01"),
         "config.missing"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_a_usage_error(
    words: tuple[str, ...],
    code: str,
    jdgate: Jdgate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = jdgate("refdata", *words, "--json")
    assert (told.exit_code, json.loads(told.stdout)["error"]["code"]) == (2, code)


def test_a_file_that_is_not_there_is_one_sentence(jdgate: Jdgate, county: Path) -> None:
    told = jdgate(
        "refdata", "import", "divisions", "none.csv", "--source", "x", "--from", "2026-01-01",
        "-c", county, "--json",
    )  # fmt: skip
    assert (told.exit_code, json.loads(told.stdout)["error"]["code"]) == (1, "files.missing")


def test_show_the_precursors_listed_on_a_day(jdgate: Jdgate) -> None:
    assert len(reply(jdgate, "show", "precursors", "--on", "2026-01-01")) == 47
    assert len(reply(jdgate, "show", "precursors", "--on", "2018-01-31")) == 27


@pytest.mark.parametrize(
    ("query", "day", "ids", "status"),
    [
        ("79099-07-3", "2025-07-19", ["2-20"], "no"),
        ("79099-07-3", "2025-07-20", ["2-20"], "yes"),
        ("羟亚胺", "2008-06-01", ["1-13"], "maybe"),
        ("盐酸麻黄素", "2026-01-01", ["1-12"], "yes"),
        ("麦角", "2026-01-01", ["1-09", "1-10", "1-11"], "yes"),
    ],
)
def test_show_finds_precursors(
    query: str, day: str, ids: list[str], status: str, jdgate: Jdgate
) -> None:
    rows = reply(jdgate, "show", "precursors", query, "--on", day)
    assert [row["id"] for row in rows] == ids
    assert {row["status"] for row in rows} == {status}


def test_show_tells_how_sure_a_listing_is(jdgate: Jdgate) -> None:
    told = jdgate("refdata", "show", "precursors", "羟亚胺", "--on", "2008-06-01")
    assert "may be listed" in told.stdout
    assert "from memory" in told.stdout
    told = jdgate("--lang", "zh", "refdata", "show", "precursors", "羟亚胺")
    assert "已列管" in told.stdout and "盐类" in told.stdout


def test_nothing_found_is_a_failure_with_a_way_on(jdgate: Jdgate) -> None:
    told = jdgate("refdata", "show", "precursors", "尿素")
    assert told.exit_code == 1
    assert "nothing found in “precursor catalogue”" in told.stderr
    assert "尿素" not in told.stderr


def test_an_unknown_place_is_a_warning_not_an_error(jdgate: Jdgate) -> None:
    (row, *_) = reply(jdgate, "show", "divisions", "511699")
    assert (row["name"], row["warning"]) == (None, "refdata.division_unknown")
    assert row["parent"] == "511600"
    told = jdgate("refdata", "show", "divisions", "511699")
    assert told.exit_code == 0
    assert "no table has this code" in told.stdout


@pytest.mark.parametrize("code", ["133101", "460400"])
def test_the_places_that_others_do_not_know_are_there(code: str, jdgate: Jdgate) -> None:
    (row, *_) = reply(jdgate, "show", "divisions", code, "--on", "2026-01-01")
    assert row["code"] == code and row["warning"] is None


def test_show_divisions_by_name_and_from_the_top(jdgate: Jdgate) -> None:
    assert [row["code"] for row in reply(jdgate, "show", "divisions", "绿春县")] == ["532531"]
    assert len(reply(jdgate, "show", "divisions")) == 34
    below = reply(jdgate, "show", "divisions", "511600", "--on", "2026-01-01")
    assert {"511600", "511623"} <= {row["code"] for row in below}
    assert "more rows" in jdgate("refdata", "show", "divisions", "区").stdout


def test_show_working_days(jdgate: Jdgate) -> None:
    due = reply(jdgate, "show", "working-days", "+10", "--on", "2026-09-28")
    assert (due["date"], due["published"]) == ("2026-10-16", True)
    assert reply(jdgate, "show", "working-days", "2026-10-01")["working"] is False
    year = reply(jdgate, "show", "working-days", "2026")
    assert {"date": "2026-10-10", "working": True} in year["exceptions"]
    told = jdgate("refdata", "show", "working-days", "+10", "--on", "2045-01-01")
    assert "2045 is not published yet" in told.stdout
    told = jdgate("--lang", "zh", "refdata", "show", "working-days", "2026-10-01")
    assert told.stdout == "2026-10-01：休息日\n"


def test_a_count_backwards_stands_after_two_dashes(jdgate: Jdgate) -> None:
    told = jdgate("refdata", "show", "working-days", "--on", "2026-11-23", "--", "-1")
    assert told.exit_code == 0
    assert "2026-11-20" in told.stdout


def test_show_grounds(jdgate: Jdgate) -> None:
    assert len(reply(jdgate, "show", "grounds")) == 12
    assert [row["code"] for row in reply(jdgate, "show", "grounds", "67(2)")] == [
        "67-2-own-application"
    ]
    told = jdgate("--lang", "zh", "refdata", "show", "grounds", "79")
    assert "应当注销" in told.stdout and "公安部令第162号" in told.stdout


def test_a_changed_version_stops_every_answer(jdgate: Jdgate, county: Path, write: Write) -> None:
    words = ("--source", "x", "--from", "2026-07-01", "-c", county)
    assert jdgate("refdata", "import", "divisions", write(PLACES), *words).exit_code == 0
    stored = county.parent / "var" / "refdata" / "divisions" / "0001.csv"
    stored.write_text(stored.read_text(encoding="utf-8").replace("鼎屏", "假名"), encoding="utf-8")
    for words in (("list",), ("show", "divisions", "511623")):
        told = jdgate("refdata", *words, "-c", county, "--json")
        assert told.exit_code == 1
        assert json.loads(told.stdout)["error"]["code"] == "refdata.changed"
