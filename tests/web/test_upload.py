"""Tables handed in over the console: what is shown of them, what is sent, who may, and what a file
that means harm achieves."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import httpx
import openpyxl
import pytest
from msgspec import structs
from tests.e2e.kit import ATTENDANCE, ENROL, County, enrolment
from tests.web.browsing import Browser, hire, token_of
from tests.web.test_desk import looked

from jdgate.commands.tables import MOST_BYTES
from jdgate.edge.forgetting import forget
from jdgate.store import uploads

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]

RELAPSE = "mmt.relapse.report.v1"
HEADER = "患者编号,日期,是否到诊,电话\n"


def rows(*lines: str, header: str = HEADER) -> bytes:
    return (header + "".join(f"{line}\n" for line in lines)).encode()


async def hand_in(
    browser: Browser, data: bytes, name: str = "attendance.csv", **fields: str
) -> httpx.Response:
    """Upload a file by the form."""
    token = token_of(await browser.open("/upload"))
    form = {"form_token": token, **fields}
    return await browser.client.post("/upload", data=form, files={"file": (name, data)})


async def handed_in(browser: Browser, data: bytes, **fields: str) -> httpx.Response:
    """The page of an upload that was taken."""
    answer = await hand_in(browser, data, **fields)
    assert answer.status_code == 303, answer.text
    return await browser.open(answer.headers["location"])


async def finished(browser: Browser, path: str) -> httpx.Response:
    """The page once every row has its verdict."""

    async def look() -> httpx.Response | None:
        page = await browser.open(path)
        return None if "data-open" in page.text else page

    found = await browser.county.until(look)
    assert isinstance(found, httpx.Response)
    return found


def at(page: httpx.Response) -> str:
    return page.request.url.path


async def kept(county: County, member: str = "cln-01") -> list[uploads.UploadHead]:
    return await county.daemon.the_edge.run(lambda conn: uploads.of_member(conn, member))


@pytest.fixture
async def nurse(county: County, browse: Browse) -> Browser:
    browser = browse()
    await browser.sign_in("nurse")
    return browser


async def test_rows_are_tried_out_sent_and_the_refused_ones_come_back_to_be_corrected(
    county: County, nurse: Browser
) -> None:
    await county.push("cln-01", ENROL, [enrolment(n, patient_ref=f"U{n}") for n in (1, 2)])
    good = "U1,2026-11-20,是,13800138000"
    data = rows(good, "U2,2026-11-99,否,", "STRANGER,2026-11-20,是,", good)
    page = await handed_in(nurse, data, name="张三的到诊.csv")
    text = page.text
    assert "张三的到诊.csv" in text and "13800138000" not in text
    assert "不发送（有意留下）" in text and "2026-11-99" in text
    assert "发送 2 行，另有 1 行不通过" in text
    assert "发送 3" not in text, "the one that can't be read stays"
    assert (await nurse.send(page, f"{at(page)}/send")).status_code == 303
    done = await finished(nurse, at(page))
    assert "完成：1 行已接收，2 行不通过" in done.text
    assert "完全相同的行只算一次，略过 1 行" in done.text
    book = await nurse.open(f"{at(page)}/refused.xlsx")
    assert book.headers["content-disposition"] == 'attachment; filename="refused-rows.xlsx"'
    sheet = openpyxl.load_workbook(BytesIO(book.content)).active
    assert sheet is not None
    cells = [list(row) for row in sheet.values]
    assert [row[0] for row in cells[1:]] == [3, 4] and all(row[1] for row in cells[1:])
    column = cells[0].index("日期")
    sheet.cell(2, column + 1, "2026-11-19")
    sheet.delete_rows(3)
    out = BytesIO()
    sheet.parent.save(out)
    again = await handed_in(nurse, out.getvalue(), name="refused-rows.xlsx")
    assert "发送 1 行<" in again.text, "the corrected list goes as it is"
    await nurse.send(again, f"{at(again)}/send")
    assert "完成：1 行已接收。" in (await finished(nurse, at(again))).text


async def test_what_went_can_be_followed_and_is_sent_once(county: County, nurse: Browser) -> None:
    await county.push("cln-01", ENROL, [enrolment(3, patient_ref="U3")])
    page = await handed_in(nurse, rows("U3,2026-11-18,是,"))
    first = await nurse.send(page, f"{at(page)}/send")
    second = await nurse.send(page, f"{at(page)}/send")
    assert (first.status_code, second.status_code) == (303, 409)
    done = await finished(nurse, at(page))
    (message,) = set(re.findall(r"/sent/([\w-]+)", done.text))
    assert "已接收" in (await nurse.open(f"/sent/{message}")).text
    (head,) = [one for one in await kept(county) if one.id == at(page).split("/")[-1]]
    row = await county.daemon.the_edge.run(lambda conn: uploads.get(conn, "cln-01", head.id))
    assert row is not None and row.file is None, "the file goes when its rows are sent"


async def test_an_interrupted_upload_goes_on_where_it_was(county: County, nurse: Browser) -> None:
    await county.push("cln-01", ENROL, [enrolment(4, patient_ref="U4")])
    page = await handed_in(nurse, rows("U4,2026-11-17,是,", "U4,2026-11-16,是,"))
    id = at(page).split("/")[-1]

    def half(conn: Any) -> None:
        uploads.change(conn, id, state="sending", sent=1, file=None)

    await county.daemon.the_edge.run(half)
    page = await nurse.open(at(page))
    assert "2 行中的 1 行已发出" in page.text
    assert (await nurse.send(page, f"{at(page)}/send")).status_code == 303
    done = await finished(nurse, at(page))
    (head,) = [one for one in await kept(county) if one.id == id]
    assert (head.state, head.sent, len(head.messages)) == ("sent", 2, 1), done.text


async def test_a_file_that_may_be_two_things_is_asked_about(nurse: Browser) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title in ("十月", "十一月"):
        sheet = book.create_sheet(title)
        sheet.append(["患者编号", "日期", "是否到诊"])
        sheet.append(["P1", "2026-11-20", "是"])
    out = BytesIO()
    book.save(out)
    page = await handed_in(nurse, out.getvalue(), name="two.xlsx")
    assert "十月" in page.text and "十一月" in page.text and "/send" not in page.text
    assert (await nurse.send(page, f"{at(page)}/choose", choice="7")).status_code == 404
    assert (await nurse.send(page, f"{at(page)}/choose", choice="1")).status_code == 303
    assert "发送 1 行<" in (await nurse.open(at(page))).text
    assert (await nurse.send(page, f"{at(page)}/erase")).status_code == 303
    assert (await nurse.open(at(page))).status_code == 404


async def test_what_can_not_be_read_says_why(nurse: Browser) -> None:
    unknown = await hand_in(nurse, b"a,b\n1,2\n")
    assert unknown.status_code == 422 and "表格种类" in unknown.text
    named = await hand_in(nurse, "姓名,日期\n甄,2026-11-20\n".encode(), type=ATTENDANCE)
    assert named.status_code == 422 and "缺少：到诊" in named.text
    none = await nurse.client.post(
        "/upload", data={"form_token": token_of(await nurse.open("/upload"))}
    )
    assert none.status_code == 422 and "没有选择文件" in none.text
    empty = await hand_in(nurse, rows())
    assert empty.status_code == 422 and "只有表头（第 1 行）" in empty.text
    foreign = await hand_in(nurse, rows("U1,2026-11-20,是,"), type="licence.basis.notice.v1")
    assert foreign.status_code == 422


def relapse(county: County, patient: str) -> bytes:
    """A report that an approver of a clinic answers for."""
    importer = {one.type: one for one in county.daemon.plugins.importers()}[RELAPSE]
    fields = ("patient_ref", "date", "confirmed")
    titles = ",".join(importer.column(name).titles[0] for name in fields)
    return rows(f"{patient},2026-11-10,是", header=f"{titles}\n")


async def test_what_wants_an_approver_goes_out_under_theirs(
    county: County, nurse: Browser, browse: Browse
) -> None:
    await hire(county, "doctor", "approver", "cln-01", "王医生")
    await county.push("cln-01", ENROL, [enrolment(5, patient_ref="U5")])
    page = await handed_in(nurse, relapse(county, "U5"), type=RELAPSE)
    assert "审批人" in page.text and "/send" not in page.text
    assert (await nurse.send(page, f"{at(page)}/send")).status_code == 403
    doctor = browse()
    await doctor.sign_in("doctor")
    assert at(page) in (await doctor.open("/upload")).text, "who decides finds it"
    theirs = await doctor.open(at(page))
    assert "以“王医生”的名义" in theirs.text
    id = at(page).split("/")[-1]
    (noted,) = await county.until(lambda: looked(county, id))
    assert noted == ("cln-01", "doctor", "work"), "and that it was opened is in the ledger"
    assert (await doctor.send(theirs, f"{at(page)}/send", by="别人")).status_code == 303
    await finished(doctor, at(page))
    (head,) = [one for one in await kept(county) if one.id == id]
    assert head.approved_by == ["王医生"]
    assert len(await looked(county, id)) == 1


async def test_where_two_approve_the_same_person_does_not_count_twice(
    county: County, nurse: Browser, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheets = county.daemon.catalogue.sheets
    monkeypatch.setitem(sheets, RELAPSE, structs.replace(sheets[RELAPSE], approval="two"))
    await hire(county, "first", "approver", "cln-01", "周医生")
    await hire(county, "other", "approver", "cln-01", "吴医生")
    await county.push("cln-01", ENROL, [enrolment(6, patient_ref="U6")])
    page = await handed_in(nurse, relapse(county, "U6"), type=RELAPSE)
    first, other = browse(), browse()
    await first.sign_in("first")
    await other.sign_in("other")
    await first.send(await first.open(at(page)), f"{at(page)}/send")
    mine = await first.open(at(page))
    assert "您已批准" in mine.text and "/send" not in mine.text
    assert (await first.send(mine, f"{at(page)}/send")).status_code == 422
    id = at(page).split("/")[-1]
    (head,) = [one for one in await kept(county) if one.id == id]
    assert (head.state, head.messages) == ("ready", []), "nothing went out yet"
    assert (await other.send(await other.open(at(page)), f"{at(page)}/send")).is_redirect
    await finished(other, at(page))
    (head,) = [one for one in await kept(county) if one.id == id]
    assert head.approved_by == ["周医生", "吴医生"] and head.sent == 1


# --- attacks


# Litestar leaves the piece that came to be closed when it is collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_file_that_is_too_large_is_refused_with_a_clear_page(nurse: Browser) -> None:
    answer = await hand_in(nurse, b"x" * (MOST_BYTES + 200_000))
    assert answer.status_code == 413 and "<h1" in answer.text
    answer = await hand_in(nurse, b"x" * (MOST_BYTES + 1))
    assert answer.status_code == 413 and "<h1" in answer.text

    async def unsized() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(18):
            yield b"x" * 2**20

    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = await nurse.client.post("/upload", content=unsized(), headers=kind)
    assert answer.status_code == 413, "nor without saying how large it is"


def bombs() -> Iterator[tuple[str, bytes, str]]:
    """Name, bytes, and what the page says."""

    def book(sheet: bytes, **more: bytes) -> bytes:
        out = BytesIO()
        empty = BytesIO()
        openpyxl.Workbook().save(empty)
        with (
            zipfile.ZipFile(empty) as source,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
        ):
            for info in source.infolist():
                if info.filename != "xl/worksheets/sheet1.xml":
                    target.writestr(info.filename, source.read(info))
            target.writestr("xl/worksheets/sheet1.xml", sheet)
            for name, data in more.items():
                target.writestr(name, data)
        return out.getvalue()

    top = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    rest = b"<sheetData>" + b"<row></row>" * 2_000_000 + b"</sheetData></worksheet>"
    yield "unpacks without end", book(top + rest), "异常地大"
    yield "a part nobody reads", book(top + b"</worksheet>", big=b"\0" * (200 * 2**20)), "异常地大"
    entities = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    yield "entities", book(entities + top + b"<sheetData/>&b;</worksheet>"), "损坏"
    yield (
        "a file from elsewhere",
        book(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + top + b"&a;</worksheet>"),
        "损坏",
    )
    many = BytesIO()
    with zipfile.ZipFile(many, "w") as target:
        for number in range(6_000):
            target.writestr(f"{number}", b"")
    yield "many parts", many.getvalue(), "异常地大"


async def test_bombs_are_refused_before_they_go_off(county: County, nurse: Browser) -> None:
    before = len(await kept(county))
    for name, data, told in bombs():
        assert len(data) < MOST_BYTES, name
        answer = await hand_in(nurse, data, name="bomb.xlsx")
        assert answer.status_code == 422 and told in answer.text, (name, answer.text)
    assert len(await kept(county)) == before, "and nothing of them is kept"


async def test_a_files_name_leads_nowhere_and_is_no_markup_and_no_header(
    county: County, nurse: Browser
) -> None:
    data = rows("U1,2026-11-20,是,")
    for name, shown in (
        ("../../../../etc/cron.d/evil.csv", "evil.csv"),
        ("C:\\Users\\nurse\\evil.csv", "evil.csv"),
        ("<script>alert(1)</script>.csv", "script&gt;.csv"),
        ("a\r\nset-cookie: x=1.csv", "x=1.csv"),
        ('a";filename="evil.html', "evil"),
    ):
        token = token_of(await nurse.open("/upload"))
        part = name.replace('"', "%22") if "\r" not in name else name.replace("\r\n", "%0D%0A")
        body = (
            (
                f'--b\r\nContent-Disposition: form-data; name="form_token"\r\n\r\n{token}\r\n'
                f'--b\r\nContent-Disposition: form-data; name="file"; filename="{part}"\r\n\r\n'
            ).encode()
            + data
            + b"\r\n--b--\r\n"
        )
        answer = await nurse.client.post(
            "/upload", content=body, headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert answer.status_code == 303, (name, answer.text)
        assert set(answer.headers) & {"x", "set-cookie"} == set()
        page = await nurse.open(answer.headers["location"])
        assert shown in page.text and "<script>alert" not in page.text, name
        assert "/etc/" not in page.text and "Users" not in page.text
        book = await nurse.open(f"{at(page)}/refused.xlsx")
        assert book.headers["content-disposition"] == 'attachment; filename="refused-rows.xlsx"'
        assert not list(county.home.root.rglob("*evil*"))
        await nurse.send(page, f"{at(page)}/erase")


EVIL = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =HYPERLINK(1)")


async def test_cells_become_neither_markup_nor_formulas(nurse: Browser) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["患者编号", "日期", "是否到诊", "<img src=x onerror=a>"])
    for evil in (*EVIL, "<script>alert(1)</script>", "\"'><svg onload=a>"):
        sheet.append([evil, "when?", evil, evil])
        sheet.cell(sheet.max_row, 1).data_type = "s"
        sheet.cell(sheet.max_row, 3).data_type = "s"
        sheet.cell(sheet.max_row, 4).data_type = "s"
    out = BytesIO()
    book.save(out)
    page = await handed_in(nurse, out.getvalue(), name="evil.xlsx")
    assert "&lt;script&gt;" in page.text and "&lt;img" in page.text
    for markup in ("<script>alert", "<img", "<svg"):
        assert markup not in page.text
    data = (await nurse.open(f"{at(page)}/refused.xlsx")).content
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
    found = openpyxl.load_workbook(BytesIO(data)).active
    assert found is not None
    cells = [cell for row in found.iter_rows(min_row=2) for cell in row]
    assert not [one for one in cells if one.data_type == "f"]
    texts = [one.value for one in cells if isinstance(one.value, str)]
    assert not [one for one in texts if one.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert "'=1+1" in texts


@pytest.mark.parametrize("login", ["admin", "auditor", "elsewhere", None])
async def test_others_neither_hand_in_nor_find_what_was(
    county: County, nurse: Browser, browse: Browse, login: str | None
) -> None:
    page = await handed_in(nurse, rows("U1,2026-11-20,是,"))
    other = browse()
    if login:
        await other.sign_in(login)
    foreign = await other.open("/" if login else "/sign-in")
    expected = {"elsewhere": 404, "": 401}.get(login or "", 403)
    opened = expected if login else 303
    for path in ("", "/refused.xlsx"):
        assert (await other.open(at(page) + path)).status_code == opened
    for act in ("send", "choose", "erase"):
        assert (await other.send(foreign, f"{at(page)}/{act}", choice="0")).status_code == expected
    if login != "elsewhere":
        assert (await other.open("/upload")).status_code == opened
        data = {"form_token": token_of(foreign)}
        sent = await other.client.post("/upload", data=data, files={"file": ("a.csv", rows())})
        assert sent.status_code == expected
    assert (await nurse.open(at(page))).status_code == 200, "it is still there, and not sent"


async def test_a_form_without_its_token_hands_in_nothing(county: County, nurse: Browser) -> None:
    before = len(await kept(county))
    for data in ({}, {"form_token": "x" * 43}):
        answer = await nurse.client.post("/upload", data=data, files={"file": ("a.csv", rows())})
        assert answer.status_code == 403
    assert len(await kept(county)) == before


async def test_uploads_are_sealed_counted_and_gone_after_a_day(
    county: County, nurse: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await handed_in(nurse, rows("MARKER-77,2026-11-20,是,"), name="MARKER-77.csv")
    for file in county.home.root.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # some come and go
            assert not file.is_file() or b"MARKER-77" not in file.read_bytes(), file
    monkeypatch.setattr("jdgate.commands.uploads.MOST_KEPT", 0)
    assert (await hand_in(nurse, rows("U1,2026-11-20,是,"))).status_code == 422
    edge, later = county.daemon.the_edge, county.daemon.clock.now() + timedelta(hours=25)
    await edge.run(lambda conn: forget(conn, edge.desks, timedelta(days=90), later))
    assert (await nurse.open(at(page))).status_code == 404 and not await kept(county)
