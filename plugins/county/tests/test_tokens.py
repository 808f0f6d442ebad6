"""Tokens: the same for both sides, others for another day, and back to rows by the key alone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from jdgate.core.catalogue import default_path, load
from jdgate.core.identity import synthetic_id_no
from jdgate.core.schema import check_record
from jdgate.files import open_file, write_table
from jdgate_county.importers import REGISTER
from jdgate_county.tokens import main, read_key, token

PLACE, DAY = "511623101000", "2026-11-20"
KEY, OTHER = b"k" * 32, b"o" * 32
ID_NO = synthetic_id_no(date(1990, 1, 1), 1)


def number(n: int) -> str:
    return synthetic_id_no(date(1990, 1, 1), n)


def run(*args: object, given: str = "", lang: str = "en") -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--lang", lang, *map(str, args)], input=given)
    return done.exit_code, done.output


def office(folder: Path, people: dict[int, str]) -> tuple[Path, Path]:
    """A register as an office keeps it, and the key."""
    rows = [[f"某人{n}", number(n), "13800138000", status] for n, status in people.items()]
    path = folder / "register.xlsx"
    write_table(path, "名册", ["姓名", "身份证号", "电话", "状态"], rows)
    key = folder / "town.key"
    assert run("key", key)[0] == 0
    return path, key


def made(folder: Path, register: Path, key: Path, side: str = "town") -> list[dict[str, Any]]:
    """The records that the file of tokens becomes."""
    out = folder / f"{side}.csv"
    given = ("--town", PLACE, "--side", side, "--day", DAY)
    code, said = run("make", register, "--key", key, *given, "-o", out)
    assert code == 0, said
    with open_file(out, REGISTER) as reading:
        rows = list(reading.rows)
    assert not any(row.faults for row in rows)
    return [
        {name: value for name, value in (row.record or {}).items() if value is not None}
        for row in rows
    ]


def test_a_token_depends_on_key_town_day_and_person_and_on_nothing_else() -> None:
    one = token(KEY, PLACE, DAY, ID_NO)
    assert one == token(KEY, PLACE, DAY, ID_NO)
    others = {
        token(OTHER, PLACE, DAY, ID_NO),
        token(KEY, "511623102000", DAY, ID_NO),
        token(KEY, PLACE, "2026-11-21", ID_NO),
        token(KEY, PLACE, DAY, number(2)),
    }
    assert len(others) == 4 and one not in others and len(one) == 22


def test_a_register_becomes_records_that_name_nobody(tmp_path: Path) -> None:
    register, key = office(tmp_path, {1: "执行中", 2: "中止"})
    records = made(tmp_path, register, key)
    sheets = load([default_path()])
    for record in records:
        assert not check_record(
            sheets.validator(REGISTER.type), sheets.sheet(REGISTER.type), record
        )
    assert {one["token"]: one["status"] for one in records} == {
        token(read_key(key), PLACE, DAY, number(1)): "serving",
        token(read_key(key), PLACE, DAY, number(2)): "suspended",
    }
    written = (tmp_path / "town.csv").read_text("utf-8-sig")
    assert number(1) not in written and "某人" not in written and "138" not in written
    assert key.stat().st_mode & 0o777 == 0o600


def test_an_empty_register_becomes_one_record_without_a_person(tmp_path: Path) -> None:
    register, key = office(tmp_path, {})
    (record,) = made(tmp_path, register, key)
    assert record == {"round": DAY, "town": PLACE, "side": "town", "total": 0}


def test_differences_lead_back_to_rows_and_only_with_the_key(tmp_path: Path) -> None:
    register, key = office(tmp_path, {1: "执行中", 2: "执行中", 3: "执行中"})
    about = {"round": DAY, "town": PLACE}
    secret = read_key(key)
    told = [
        {**about, "token": token(secret, PLACE, DAY, number(2)), "mend": "unmatched"},
        {**about, "token": token(secret, PLACE, DAY, number(3)), "mend": "status",
         "status": "ended"},
    ]  # fmt: skip
    code, said = run("find", register, "--key", key, given=json.dumps({"data": told}))
    assert code == 0
    first, second = said.splitlines()
    assert first.startswith("row 3:") and "not on the other register" in first
    assert second == "row 4: the status should be ended"
    wrong = tmp_path / "wrong.key"
    run("key", wrong)
    code, said = run("find", register, "--key", wrong, given=json.dumps(told), lang="zh")
    assert code == 0 and "不在这份名册里" in said


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([[number(1), "执行中"], [number(1), "中止"]], "row 3 of the register is the same person"),
        ([[number(1), ""]], "row 2 of the register has no readable"),
        ([["12345", "不知道"]], "row 2 of the register has no readable"),
    ],
)
def test_a_register_with_a_row_nobody_can_read_makes_no_tokens(
    tmp_path: Path, rows: list[list[str]], wrong: str
) -> None:
    _, key = office(tmp_path, {1: "执行中"})
    path = tmp_path / "bad.xlsx"
    write_table(path, "名册", ["身份证号", "状态"], rows)
    out = tmp_path / "out.csv"
    given = ("--town", PLACE, "--side", "town", "--day", DAY, "-o", out)
    code, said = run("make", path, "--key", key, *given)
    assert code == 1 and wrong in said and number(1) not in said
    assert not out.exists()


def test_a_key_is_never_overwritten_and_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    register, key = office(tmp_path, {1: "执行中"})
    before = key.read_bytes()
    assert run("key", key)[0] == 1
    assert key.read_bytes() == before
    code, said = run("find", register, "--key", register, given="[]")
    assert code == 1 and "is no key" in said
    assert run("find", register, "--key", key, given="?")[0] == 1
