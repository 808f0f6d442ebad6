"""Tables handed to the daemon: what they may be, what is read of them, what they may not ask."""

from __future__ import annotations

import asyncio
import threading
from io import BytesIO

import openpyxl
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, WITHIN, County, enrolment

from jdgate.commands import tables as tables_module
from jdgate.commands.standing import judge, tally
from jdgate.commands.tables import MOST_BYTES, Line, Reason, Tables, reasons, refused_book
from jdgate.errors import Refused
from jdgate.files import Limits
from jdgate.store.outbox import Answer

pytestmark = pytest.mark.anyio

HEADER = "患者编号,日期,是否到诊,电话,备注说明\n"


def rows(*lines: str) -> bytes:
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


@pytest.fixture
def tables(county: County) -> Tables:
    return Tables(county.daemon)


async def test_a_clinic_has_the_kinds_it_may_send(tables: Tables) -> None:
    assert {ATTENDANCE, ENROL} <= set(tables.kinds("cln-01"))
    assert ATTENDANCE not in tables.kinds("pol")
    with pytest.raises(Refused) as refused:
        await tables.read("pol", rows("P1,2026-11-20,是,,"), ATTENDANCE)
    assert refused.value.code == "tables.kind"


async def test_what_a_table_is_shows_in_its_columns(tables: Tables) -> None:
    fits = await tables.survey("cln-01", rows("P1,2026-11-20,是,,"))
    assert [(one.type, one.sheet) for one in fits] == [(ATTENDANCE, None)]
    book = openpyxl.Workbook()
    for title in ("十月", "十一月"):
        sheet = book.create_sheet(title)
        sheet.append(HEADER.strip().split(","))
        sheet.append(["P1", "2026-11-20", "是"])
    out = BytesIO()
    book.save(out)
    fits = await tables.survey("cln-01", out.getvalue())
    assert [(one.type, one.sheet) for one in fits] == [(ATTENDANCE, "十月"), (ATTENDANCE, "十一月")]
    assert await tables.survey("cln-01", b"a,b\n1,2\n") == []


async def test_a_header_without_rows_is_told_as_that(tables: Tables) -> None:
    with pytest.raises(Refused) as refused:
        await tables.survey("cln-01", rows())
    assert (refused.value.code, refused.value.params) == ("files.no_rows", {"row": 1})


async def test_rows_keep_every_reason_and_go_out_in_portions(
    county: County, tables: Tables
) -> None:
    await county.push("cln-01", ENROL, [enrolment(7, patient_ref="T7")])
    data = rows("T7,2026-11-20,是,13800000000,x", "T7,2026-13-40,是,,", "NOBODY,2026-11-20,否,,")
    table = await tables.read("cln-01", data, ATTENDANCE)
    await tables.check("cln-01", table)
    assert table.dropped == ["电话"] and table.unknown == ["备注说明"]
    assert "13800000000" not in repr(table)
    assert [line.number for line in table.good] == [2, 4], "who is enrolled, the gateway knows"
    made = await tables.submit("cln-01", ATTENDANCE, table.good)
    (message,) = made.messages
    assert message.indexes == [0, 1] and not made.refused
    sheet = county.daemon.catalogue.sheets[ATTENDANCE]
    tables_module.blame(table.good, [{"index": 1, "code": "record.not_enrolled", "path": ""}])
    data = refused_book(table, tables.importers[ATTENDANCE], sheet, "zh", "cln-01")
    cells = list(openpyxl.load_workbook(BytesIO(data)).active.values)
    assert [(row[0], row[2]) for row in cells[1:]] == [(3, "T7"), (4, "NOBODY")]
    assert cells[2][1] == reasons(table.bad[1], "zh", sheet)[0] != ""
    again = await tables.read("cln-01", data, ATTENDANCE)
    assert [line.record is None for line in again.lines] == [True, False]


async def test_a_table_may_ask_for_so_much_and_no_more(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(data: bytes) -> str:
        with pytest.raises(Refused) as caught:
            await tables.read("cln-01", data, ATTENDANCE)
        return caught.value.code

    assert await refused(b"x" * (MOST_BYTES + 1)) == "files.too_large"
    monkeypatch.setattr(tables_module, "MOST_RAW", 1_000)
    assert await refused(rows(*["P1,when?," + "x" * 200 + ",,"] * 20)) == "tables.cells"
    monkeypatch.setattr(tables_module, "LIMITS", Limits(rows=2))
    assert await refused(rows(*[f"P{n},2026-11-20,是,," for n in range(3)])) == "files.rows_many"
    monkeypatch.setattr(tables_module, "LIMITS", Limits(seconds=0))
    assert await refused(rows("P1,2026-11-20,是,,")) == "files.slow"


async def test_no_page_waits_until_a_table_is_read(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slowly(*_: object) -> list[object]:
        begun.set()
        goes_on.wait(2 * WITHIN)
        return []

    monkeypatch.setattr(tables_module, "survey", slowly)
    reading = asyncio.create_task(tables.survey("cln-01", rows()))
    assert await asyncio.to_thread(begun.wait, WITHIN)
    async with asyncio.timeout(WITHIN):
        assert await tables.aside(lambda: not reading.done())
    goes_on.set()
    assert await reading == []


def test_a_row_without_a_reason_is_good() -> None:
    assert Line(2, {}).good and not Line(2).good


def test_each_row_has_the_latest_that_was_said_of_it() -> None:
    lines = [Line(number, {}) for number in (2, 3, 4, 5, 6)]
    lines.append(Line(7, None, reasons=[Reason("files.cell_missing", title="日期")]))
    part = {"refused": [{"index": 1, "code": "record.not_enrolled"}, {"index": 9, "code": "x.y"}]}
    answers = [
        Answer(id="a", state="part", verdict=part, rows=[2, 3]),
        Answer(id="b", state="open", rows=[4]),
        Answer(id="c", state="refused", verdict={"code": "key.expired"}, rows=[5]),
    ]
    verdicts = judge(lines, [{"row": 6, "code": "record.too_large"}], answers)
    states = [one.state for one in verdicts]
    assert states == ["accepted", "refused", "waiting", "refused", "refused", "refused"]
    codes = [one.code for verdict in verdicts for one in verdict.reasons]
    assert codes == [
        "record.not_enrolled", "key.expired", "record.too_large", "files.cell_missing"
    ]  # fmt: skip
    assert tally(verdicts) == {"good": 0, "waiting": 1, "accepted": 1, "refused": 4}
    assert [line.reasons for line in lines[:5]] == [[]] * 5, "the table itself stays as it was"
