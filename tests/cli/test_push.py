"""Pushing a file: what reaches the daemon, and what its owner is told.

The daemon's side of the control socket is played here with fixed answers; the socket, the
importer, the catalogue and the command are the real ones.
"""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import Result

from jdgate.config import Home
from jdgate.control import ControlServer
from jdgate.errors import Refused

Jdgate = Callable[..., Result]
PLUGINS = Path(__file__).parents[2] / "plugins"
BATCH = 200


class Desk:
    """Answers as a daemon would: batches of 200, each record judged by `judge`.

    `judge(record)` gives None, or the code and parameters of a refusal. Messages named in
    `silent` get no receipt; those in `outright` are refused whole.
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.batches: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.waits: list[list[str]] = []
        self.judge: Callable[[dict[str, Any]], tuple[str, dict[str, Any]] | None] = lambda _: None
        self.silent: set[str] = set()
        self.outright: set[str] = set()
        self.renewed: dict[str, str] = {}
        self.approved_by: list[str] | None = None
        self.fail_after: int | None = None
        self.vanish_after: int | None = None

    async def status(self) -> dict[str, Any]:
        return {"members": [{"id": "cln-01"}]}

    async def submit(
        self,
        member: str,
        type: str,
        records: list[Any],
        rows: list[int],
        region: str | None,
        approved_by: list[str],
    ) -> dict[str, Any]:
        assert (member, type, len(records)) == ("cln-01", "mmt.attendance.v1", len(rows))
        self.approved_by = approved_by
        if self.fail_after is not None and len(self.records) >= self.fail_after:
            raise Refused("member.suspended", member=member)
        if self.vanish_after is not None and len(self.records) >= self.vanish_after:
            raise ConnectionResetError
        self.records += records
        messages = []
        for start in range(0, len(records), BATCH):
            name = f"m{len(self.batches)}"
            indexes = list(range(start, min(start + BATCH, len(records))))
            self.batches[name] = [(rows[i], records[i]) for i in indexes]
            messages.append({"id": name, "indexes": indexes})
        return {"messages": messages, "refused": []}

    async def check(
        self, member: str, type: str, records: list[Any], rows: list[int]
    ) -> dict[str, Any]:
        faults = self._faults(list(zip(rows, records, strict=True)))
        return {"ok": len(records) - len(faults), "refused": faults}

    async def wait(self, ids: list[str], timeout_s: float) -> AsyncIterator[Any]:
        self.waits.append(ids)
        for name in ids:
            if name in self.silent:
                continue
            if name in self.renewed:
                newer = self.renewed[name]
                self.batches[newer] = self.batches[name]
                yield {"id": name, "verdict": "refused", "renewed_as": newer}
                name = newer
            if name in self.outright:
                yield {"id": name, "verdict": "refused", "code": "agreement.purpose",
                       "params": {"type": "x", "expected": "y"}, "refused": []}  # fmt: skip
                continue
            faults = self._faults(self.batches[name])
            verdict = "part" if faults else "accepted"
            yield {"id": name, "verdict": verdict, "refused": faults}
        yield {"open": sorted(self.silent)}

    def _faults(self, rows: list[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
        return [
            {"index": i, "row": row, "code": found[0], "path": "/patient_ref", "params": found[1]}
            for i, (row, record) in enumerate(rows)
            if (found := self.judge(record)) is not None
        ]


@pytest.fixture
def desk(county: Path) -> Iterator[Desk]:
    played = Desk()
    ready = threading.Event()
    ends: list[Callable[[], object]] = []

    async def serve() -> None:
        names = ("status", "submit", "check", "wait")
        server = ControlServer(
            Home(county).control, {name: getattr(played, name) for name in names}
        )
        await server.start()
        over, loop = asyncio.Event(), asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(over.set))
        ready.set()
        await over.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(60)
    yield played
    ends[0]()
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture
def push(county: Path, jdgate: Jdgate) -> Jdgate:
    def call(*args: object) -> Result:
        given = ("-c", county / "jdgate.toml", "--plugins-dir", PLUGINS)
        return jdgate("push", "mmt.attendance", *args, *given)

    return call


def attendance(path: Path, rows: int, bad: tuple[int, ...] = ()) -> Path:
    """A CSV of `rows` patients, two lines of heading above; `bad` ones have no real date."""
    lines = ["门诊服药登记表", "编号,姓名,日期,到诊"]
    for number in range(1, rows + 1):
        day = "2026-02-30" if number in bad else "2026-11-20"
        lines.append(f"P{number:05d},某某,{day},是")
    path.write_text("\n".join(lines) + "\n合计,,,\n", encoding="gb18030")
    return path


def not_enrolled(record: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    refused = record["patient_ref"].endswith("3")
    return ("record.not_enrolled", {"field": "patient_ref"}) if refused else None


def test_a_good_file_is_accepted(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    result = push(attendance(tmp_path / "a.csv", 3))
    assert result.exit_code == 0
    assert "3 rows accepted, 0 refused" in result.stdout
    assert "a.csv · gb18030 · header in row 2: 3 rows read" in result.stdout
    assert "columns not needed and not sent: 姓名" in result.stdout
    assert "message ids: m0" in result.stdout
    assert "evidence export m0" in result.stdout
    assert desk.records[0] == {
        "patient_ref": "P00001", "date": "2026-11-20", "attended": True, "site": "cln-01",
    }  # fmt: skip


def test_who_approved_the_rows_goes_with_them(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    assert push(attendance(tmp_path / "a.csv", 3), "--by", " 王医生 ").exit_code == 0
    assert desk.approved_by == ["王医生"]
    push(attendance(tmp_path / "b.csv", 3))
    assert desk.approved_by == []


def test_what_people_approve_is_not_sent_without_their_names(
    tmp_path: Path, desk: Desk, county: Path, jdgate: Jdgate
) -> None:
    file = attendance(tmp_path / "a.csv", 1)
    given = ("push", "comm.checkin.overdue", file, "-c", county / "jdgate.toml")
    for by in ((), ("--by", "干部，甲")):
        result = jdgate(*given, *by, "--json")
        assert result.exit_code != 0
        code = json.loads(result.stdout or result.stderr)["error"]["code"]
        assert code == ("approval.name" if by else "cli.push.by_needed")
    assert desk.approved_by is None


def test_every_row_of_a_small_file_is_told(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.judge = not_enrolled
    result = push(attendance(tmp_path / "a.csv", 5, bad=(4,)), "--as", "cln-01")
    assert result.exit_code == 3
    told = [line.split(maxsplit=2) for line in result.stdout.splitlines()[2:7]]
    assert [(row, verdict) for row, verdict, *_ in told] == [
        ("3", "accepted"), ("4", "accepted"), ("5", "refused"), ("6", "refused"), ("7", "accepted"),
    ]  # fmt: skip
    assert "no enrolment was filed for this “Clinic's patient number”" in told[2][2]
    assert "is a date that does not exist" in told[3][2]


def test_the_account_is_in_chinese_too(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.judge = not_enrolled
    result = push(attendance(tmp_path / "a.csv", 3), "--lang", "zh")
    assert "没有对应的登记备案" in result.stdout
    assert "接收 2 行，退回 1 行" in result.stdout
    assert "合计行 1" in result.stdout


def test_nothing_of_a_cell_is_repeated_in_an_answer(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    desk.judge = not_enrolled
    file = attendance(tmp_path / "a.csv", 13, bad=(4,))
    for answer in (push(file), push(file, "--json"), push(file, "--dry-run")):
        assert "P000" not in answer.output
        assert "某某" not in answer.output


def test_json_is_one_document_with_rows_and_messages(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    desk.judge = not_enrolled
    result = push(attendance(tmp_path / "a.csv", 450), "--json")
    assert result.exit_code == 3
    told = json.loads(result.stdout)
    assert (told["read"], told["accepted"], told["refused"], told["waiting"]) == (450, 405, 45, 0)
    assert [one["records"] for one in told["messages"]] == [200, 200, 50]
    assert {one["verdict"] for one in told["messages"]} == {"part"}
    assert told["rows"][0]["row"] == 5
    assert told["rows"][0]["reasons"][0]["code"] == "record.not_enrolled"
    assert told["columns_not_sent"] == ["姓名"]
    assert result.stderr == ""


def test_a_dry_run_sends_nothing(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.judge = not_enrolled
    result = push(attendance(tmp_path / "a.csv", 5, bad=(4,)), "--dry-run")
    assert result.exit_code == 3
    assert "nothing was sent: 3 rows are fit to send, 2 would be refused" in result.stdout
    assert desk.records == []


def test_without_waiting_the_ids_are_printed(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    result = push(attendance(tmp_path / "a.csv", 900), "--no-wait")
    assert result.exit_code == 0
    assert "message ids: m0, m1, m2, m3, m4" in result.stdout
    assert desk.waits == []


def test_what_has_no_receipt_is_told_as_stored(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.silent = {"m1"}
    result = push(attendance(tmp_path / "a.csv", 450), "--wait-seconds", "0")
    assert result.exit_code == 1
    assert "250 rows accepted, 0 refused, 200 without a receipt yet" in result.stdout
    assert "don't push them again" in result.stdout


def test_a_message_refused_whole_is_one_line(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.outright = {"m0", "m1"}
    result = push(attendance(tmp_path / "a.csv", 250))
    assert result.exit_code == 1
    assert "3–202 " in result.stdout
    assert "203–252 " in result.stdout
    assert "0 rows accepted, 250 refused" in result.stdout


def test_a_message_signed_anew_is_followed(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.renewed = {"m0": "again"}
    result = push(attendance(tmp_path / "a.csv", 3), "--json")
    told = json.loads(result.stdout)
    assert [(one["id"], one["verdict"]) for one in told["messages"]] == [("again", "accepted")]
    assert result.exit_code == 0


def test_a_long_file_is_pushed_in_portions_while_receipts_come(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    result = push(attendance(tmp_path / "a.csv", 20_000), "--json")
    told = json.loads(result.stdout)
    assert (told["accepted"], len(told["messages"])) == (20_000, 100)
    assert len(desk.waits) > 2, "receipts were taken in only at the end"
    assert max(map(len, desk.waits)) <= 60


def test_refused_rows_become_a_file_to_correct(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.judge = not_enrolled
    fix = tmp_path / "fix.xlsx"
    result = push(attendance(tmp_path / "a.csv", 14, bad=(4,)), "--refused-to", fix)
    assert result.exit_code == 3
    assert "the 3 refused rows are in" in result.stdout
    assert stat.S_IMODE(fix.stat().st_mode) == 0o600
    rows = list(openpyxl.load_workbook(fix).active.iter_rows(values_only=True))
    assert [row[0] for row in rows[1:]] == [5, 6, 15]
    assert rows[1][2] == "P00003"
    assert "no enrolment" in str(rows[1][1])
    assert rows[2][2] == "P00004"
    desk.judge = lambda _: None
    again = push(fix)
    assert "2 rows accepted, 1 refused" in again.stdout


def test_many_refusals_point_to_the_list(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    desk.judge = lambda _: ("record.not_enrolled", {"field": "patient_ref"})
    result = push(attendance(tmp_path / "a.csv", 120))
    assert "70 more rows were refused; --refused-to FILE.xlsx writes them all" in result.stdout


def test_an_error_on_the_way_tells_what_was_reached(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    desk.fail_after = 2_000
    result = push(attendance(tmp_path / "a.csv", 5_000), "--no-wait", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["error"]["code"] == "member.suspended"
    assert len(told["messages"]) == 10
    assert told["stopped_at_row"] == 2003

    desk.fail_after = None
    result = push(attendance(tmp_path / "a.csv", 5_000), "--from-row", "2003")
    assert result.exit_code == 0
    assert "3,000 rows accepted" in result.stdout
    assert len(desk.records) == 5_000


def test_a_daemon_that_goes_away_leaves_a_clear_account(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    desk.vanish_after = 1_000
    result = push(attendance(tmp_path / "a.csv", 3_000))
    assert result.exit_code == 1
    assert "1,000 without a receipt yet. These are stored" in result.stdout
    assert "stopped at rows 1003–2002: these 1,000 were handed over" in result.stdout
    assert "go on with --from-row 1003" in result.stdout
    assert "the connection to the running jdgate was lost" in result.stderr


def test_a_file_that_can_not_be_read_is_one_error(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    wrong = tmp_path / "a.csv"
    wrong.write_text("甲,乙\n丙,丁\n", encoding="utf-8")
    result = push(wrong, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"].startswith("files.header")
    result = push(tmp_path / "none.csv", "--json")
    assert json.loads(result.stdout)["error"]["code"] == "files.missing"
    assert desk.records == []


def test_a_column_the_file_lacks_can_be_given(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    file = attendance(tmp_path / "a.csv", 1)
    assert push(file, "--set", "site=ext-1").exit_code == 0
    assert desk.records[0]["site"] == "ext-1"
    assert push(file, "--set", "nothing=1").exit_code == 2
    assert push(file, "--set", "site").exit_code == 2


def test_another_sheet_than_the_one_meant_is_not_sent(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    book = openpyxl.Workbook()
    book.active.title = "十一月"
    for row in (["编号", "日期", "到诊"], ["P1", "2026-11-20", "是"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    assert push(tmp_path / "a.xlsx", "--sheet", "十一月").exit_code == 0
    sent = len(desk.records)
    assert push(tmp_path / "a.xlsx", "--sheet", "十月").exit_code == 1
    assert len(desk.records) == sent


def test_the_list_of_refused_rows_destroys_no_file_and_is_checked_before_anything_is_sent(
    tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    file = attendance(tmp_path / "a.csv", 1)
    before = file.read_bytes()
    older = tmp_path / "corrected.xlsx"
    older.write_bytes(b"what somebody corrected")
    for target, code in (
        (file, "cli.push.list_is_file"),
        (older, "cli.push.list_exists"),
        (tmp_path / "fix.csv", "cli.push.list_suffix"),
        (tmp_path / "nowhere" / "fix.xlsx", "cli.push.list_folder"),
    ):
        done = push(file, "--refused-to", str(target), "--json")
        assert done.exit_code == 2
        assert code in done.output
    assert desk.records == []
    assert (file.read_bytes(), older.read_bytes()) == (before, b"what somebody corrected")


def test_ready_records_go_as_they_are(tmp_path: Path, desk: Desk, push: Jdgate) -> None:
    file = tmp_path / "ready.json"
    ready = [{"patient_ref": f"P{n}", "visits": [{"on": "2026-11-20"}]} for n in (1, 2)]
    file.write_text(json.dumps(ready), encoding="utf-8-sig")
    desk.judge = lambda record: ("record.field_missing", {}) if record == ready[1] else None
    told = push(file, "--json")
    assert (told.exit_code, desk.records) == (3, ready)
    assert [one["row"] for one in json.loads(told.stdout)["rows"]] == [2]


@pytest.mark.parametrize("wrong", ["[1, 2]", "{", "", "[" * 5000, '"text"'])
def test_what_is_no_record_is_one_error(
    wrong: str, tmp_path: Path, desk: Desk, push: Jdgate
) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(wrong)
    refused = push(file, "--json")
    assert json.loads(refused.stdout)["error"]["code"] == "files.not_records"
    assert desk.records == []
    assert push(file, "--set", "site=x", "--json").exit_code == 2
