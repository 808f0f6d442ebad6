"""`jdgate push` against a running county: what a clerk sees for every kind of bad file and row,
with its exit code, and that the good rows of the same file arrive."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, County, enrolment, id_no, jdgate_command

from jdgate.clock import machine_time
from jdgate.store import messages

pytestmark = pytest.mark.anyio
VECTORS = Path(__file__).parents[1] / "files" / "vectors"
HEADER = "编号,日期,到诊"
DAY = (machine_time().date() - timedelta(days=2)).isoformat()


class Told(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


async def jdgate(county: County, *args: object, lang: str = "en") -> Told:
    """A command as a user gives it, in a process of its own."""
    child = await asyncio.create_subprocess_exec(
        jdgate_command(), *map(str, args), "-c", str(county.home.config), "--lang", lang,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate(), 120)
    assert child.returncode is not None
    return Told(child.returncode, out.decode(), err.decode())


async def push(county: County, file: Path, *more: object, type: str = "mmt.attendance") -> Told:
    return await jdgate(county, "push", type, file, "--as", "cln-01", *more)


def csv(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "到诊.csv"
    file.write_text("\n".join(lines) + "\n", encoding)
    return file


@pytest.fixture(scope="module")
async def clinic(county: County) -> County:
    """The county with patients 1 to 9 enrolled."""
    await county.push("cln-01", ENROL, [enrolment(n) for n in range(1, 10)])
    return county


async def judged(county: County) -> int:
    return await county.books(messages.total)


def bomb(folder: Path) -> Path:
    """A workbook of some kilobytes that unpacks to forty megabytes."""
    file = folder / "炸弹.xlsx"
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    book.save(file)
    packed = file.with_suffix(".new")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"</sheetData>", b"</sheetData>" + b" " * 40 * 1024 * 1024)
            new.writestr(name, data)
    packed.replace(file)
    return file


def empty(folder: Path) -> Path:
    file = folder / "空.csv"
    file.write_bytes(b"")
    return file


def locked(folder: Path) -> Path:
    return Path(shutil.copy(VECTORS / "password.xlsx", folder / "加密.xlsx"))


def wrong_header(folder: Path) -> Path:
    return csv(folder, "甲,乙,丙", f"P00001,{DAY},是")


FILES = {
    "wrong header": (wrong_header, "files.header", ("甲", "乙", "丙", "编号", "日期")),
    "empty": (empty, "files.empty", ()),
    "password": (locked, "files.password", ()),
    "zip bomb": (bomb, "files.zip_bomb", ()),
}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_that_cannot_be_read_is_refused_with_the_way_out(
    name: str, clinic: County, tmp_path: Path
) -> None:
    make, code, named = FILES[name]
    file, before = make(tmp_path), await judged(clinic)
    for lang in ("zh", "en"):
        told = await jdgate(clinic, "push", "mmt.attendance", file, "--as", "cln-01", lang=lang)
        assert told.code == 1
        assert "Traceback" not in told.err and "{" not in told.err
        assert len(told.err.strip()) > 10
    as_json = (await push(clinic, file, "--json")).document["error"]
    assert as_json["code"].startswith(code), as_json
    assert all(word in as_json["text"] for word in named), as_json
    assert await judged(clinic) == before, "something was sent"


async def test_bad_rows_are_told_by_their_number_and_the_good_ones_arrive(
    clinic: County, tmp_path: Path
) -> None:
    file = csv(
        tmp_path,
        "服药到诊登记表,,",
        HEADER,
        f"P00001,{DAY},是",
        "P00002,2026-02-30,是",
        f"P77777,{DAY},是",
        f"P00003,{DAY},大概",
        f"P00004,{DAY},√",
        encoding="gb18030",
    )
    told = await push(clinic, file, "--json")
    assert told.code == 3, told
    document = told.document
    assert (document["accepted"], document["refused"]) == (2, 3), document
    rows = {row["row"]: row for row in document["rows"] if row.get("reasons")}
    assert set(rows) == {4, 5, 6}, document
    assert "not_enrolled" in json.dumps(rows[5])
    for lang in ("zh", "en"):
        shown = await jdgate(clinic, "push", "mmt.attendance", file, "--as", "cln-01", lang=lang)
        assert shown.code == 3
        assert "P77777" not in shown.out + shown.err


async def test_a_file_of_bad_rows_alone_fails(clinic: County, tmp_path: Path) -> None:
    told = await push(clinic, csv(tmp_path, HEADER, f"P77777,{DAY},是"))
    assert told.code == 1


async def test_a_good_file_is_all_good(clinic: County, tmp_path: Path) -> None:
    told = await push(clinic, csv(tmp_path, HEADER, *(f"P0000{n},{DAY},是" for n in range(1, 10))))
    assert told.code == 0, told


async def test_enrolments_are_checked_by_digit_and_date(clinic: County, tmp_path: Path) -> None:
    good, number = id_no(21), id_no(22)
    wrong = number[:17] + ("1" if number[17] != "1" else "2")
    file = csv(
        tmp_path,
        "姓名,身份证号,编号,服药点,日期,状态,民族",
        f"甄患者一,{good},P00021,cln-01,{DAY},在治,汉",
        f"甄患者二,{wrong},P00022,cln-01,{DAY},在治,汉",
        f"甄患者三,999999199002300012,P00023,cln-01,{DAY},在治,汉",
    )
    told = await push(clinic, file, "--json", type="mmt.enrol.filed")
    assert told.code == 3, told
    document = told.document
    assert (document["accepted"], document["refused"]) == (1, 2), document
    assert wrong not in told.out and "甄患者二" not in told.out
    await clinic.until(lambda: _known(clinic, good))
    names = [record["name"] for record in await clinic.records("pol", ENROL)]
    assert "甄患者一" in names and "甄患者二" not in names
    assert "民族" not in json.dumps(await clinic.records("pol", ENROL), ensure_ascii=False)


async def _known(county: County, number: str) -> bool:
    return any(record["id_no"] == number for record in await county.records("pol", ENROL))


@pytest.mark.parametrize("titles", ["身份证号,日期,到诊", "编号,身份证号,日期,到诊"])
async def test_the_list_of_refused_rows_is_corrected_and_accepted(
    clinic: County, tmp_path: Path, titles: str
) -> None:
    blank = "," * (titles.count(",") - 2)
    enrolled, stranger = id_no(2), id_no(77)
    file = csv(tmp_path, titles, f"{blank}{enrolled},2026-02-30,是", f"{blank}{stranger},{DAY},是")
    fix = tmp_path / "fix.xlsx"
    told = await push(clinic, file, "--refused-to", fix, "--json")
    assert (told.code, told.document["refused"]) == (1, 2), told
    codes = {row["row"]: row["reasons"][0]["code"] for row in told.document["rows"]}
    assert codes == {2: "files.date_impossible", 3: "clinic.id_not_enrolled"}
    book = openpyxl.load_workbook(fix)
    sheet = book.worksheets[0]
    at = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, at["date"]).value = DAY
    sheet.cell(3, at["ID number"]).value = id_no(3)
    book.save(fix)
    told = await push(clinic, fix, "--json")
    assert (told.code, told.document["accepted"]) == (0, 2), told


async def test_rows_beyond_the_end_and_unknown_members_are_told(
    clinic: County, tmp_path: Path
) -> None:
    file = csv(tmp_path, HEADER, f"P00001,{DAY},是")
    told = await push(clinic, file, "--from-row", "9", "--json")
    assert (told.code, told.document["error"]["code"]) == (2, "cli.push.from_row_beyond")
    told = await jdgate(clinic, "drafts", "list", "--as", "nobody", "--json")
    assert (told.code, told.document["error"]["code"]) == (2, "member.not_hosted")


async def test_a_dry_run_sends_nothing(clinic: County, tmp_path: Path) -> None:
    before = await judged(clinic)
    told = await push(clinic, csv(tmp_path, HEADER, f"P00001,{DAY},是"), "--dry-run")
    assert told.code == 0, told
    assert await judged(clinic) == before


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--as", "cln-99"), 2),
        (("--as", "pol"), 1),
        (("--as", "gateway"), 2),
    ],
)
async def test_a_member_that_may_not_send_is_told_so(
    clinic: County, tmp_path: Path, args: tuple[str, ...], code: int
) -> None:
    file = csv(tmp_path, HEADER, f"P00001,{DAY},是")
    told = await jdgate(clinic, "push", "mmt.attendance", file, *args)
    assert told.code == code, told
    assert told.err.strip() and "Traceback" not in told.err


async def test_without_a_daemon_a_push_says_so(own: Any, tmp_path: Path) -> None:
    county = own()
    told = await push(county, csv(tmp_path, HEADER, f"P00001,{DAY},是"))
    assert told.code == 1
    assert "daemon" in told.err or "jdgate run" in told.err


async def test_status_and_proof_after_all_that(clinic: County, tmp_path: Path) -> None:
    """What a person would ask next: how is it, does the ledger hold, prove this message."""
    assert (await jdgate(clinic, "status")).code == 0
    verified = await jdgate(clinic, "ledger", "verify")
    assert verified.code == 0, verified
    (verdict,) = await clinic.push("cln-01", ENROL, [enrolment(31)])
    await clinic.quiet()
    proof = tmp_path / "proof.jws"
    assert (await jdgate(clinic, "evidence", "export", verdict["id"], "-o", proof)).code == 0
    assert (await jdgate(clinic, "evidence", "verify", proof)).code == 0
    data = bytearray(proof.read_bytes())
    data[len(data) // 2] ^= 1
    proof.write_bytes(data)
    spoilt = await jdgate(clinic, "evidence", "verify", proof)
    assert spoilt.code == 1, spoilt
    assert not await clinic.inbox("pol", ATTENDANCE)


async def test_while_the_bus_is_away_a_push_says_what_is_kept_and_it_arrives_later(
    own: Any, tmp_path: Path
) -> None:
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, [enrolment(1)])
    server = county.daemon.server
    assert server is not None and server.pid is not None
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        file = csv(tmp_path, HEADER, f"P00001,{DAY},是")
        for lang in ("zh", "en"):
            told = await jdgate(
                county, "push", "mmt.attendance", file, "--as", "cln-01", "--wait-seconds", "1",
                lang=lang,
            )  # fmt: skip
            assert told.code == 1, told
            assert "Traceback" not in told.err
        kept = await push(county, file, "--no-wait", "--json")
        assert kept.code == 0, kept
        assert len(kept.document["messages"]) == 1
    finally:
        os.kill(pid, signal.SIGKILL)

    async def all_answered() -> bool:
        county.turned.turn(timedelta(seconds=1))
        return await county.still()

    await county.until(all_answered)
    accepted = [leaf for leaf in await county.leaves() if leaf["kind"] == "accepted"]
    assert [leaf["type"] for leaf in accepted].count(ATTENDANCE) == 3
