"""A nurse hands in the day's attendance, with mistakes, in a real browser."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import FilePayload, expect
from tests.browser.driving import WITHIN_MS, Drive, Window
from tests.e2e.kit import ENROL, County, enrolment

pytestmark = pytest.mark.anyio
expect.set_options(timeout=WITHIN_MS)

GOOD, UNREAD, UNKNOWN = 3, 1, 1


def attendance_book(patients: Sequence[str]) -> bytes:
    """The sheet as a clinic keeps it: a title, a header, names and a telephone beside."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["第一门诊到诊登记"])
    sheet.append(["序号", "姓名", "患者编号", "日期", "是否到诊", "电话"])
    for number, patient in enumerate(patients, 1):
        sheet.append([number, "甄患者", patient, "2026-11-20", "是", "13800138000"])
    sheet.append([len(patients) + 1, "甄患者", patients[0], "2026-11-31", "否", ""])
    sheet.append([len(patients) + 2, "甄患者", "NOBODY", "2026-11-20", "是", ""])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


DROP = """async ([bytes, name]) => {
  const given = new DataTransfer();
  given.items.add(new File([new Uint8Array(bytes)], name));
  const form = document.getElementById("drop");
  for (const kind of ["dragover", "drop"]) {
    form.dispatchEvent(new DragEvent(kind, { dataTransfer: given, cancelable: true }));
  }
}"""


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_attendance_with_mistakes_is_sent_and_what_was_refused_is_corrected(
    county: County, drive: Drive, tmp_path: Path, phone: bool
) -> None:
    patients = [f"{'B' if phone else 'A'}{number}" for number in range(GOOD)]
    enrolled = [
        enrolment(20 + 10 * phone + number, patient_ref=patient)
        for number, patient in enumerate(patients)
    ]
    await county.push("cln-01", ENROL, enrolled)
    window = await drive.window("nurse", phone=phone)
    page = await window.open("/upload")
    await window.accessible()
    data = attendance_book(patients)
    if phone:
        file = FilePayload(name="到诊.xlsx", mimeType="application/octet-stream", buffer=data)
        await page.set_input_files("#file", file)
    else:
        await page.evaluate(DROP, [list(data), "到诊.xlsx"])
    await expect(page.locator("#chosen")).to_have_text("到诊.xlsx")
    await page.click("#drop button")

    await expect(page.locator("h1")).to_have_text("服药到诊")
    await expect(page.locator("tr.refused")).to_have_count(UNREAD)
    await expect(page.locator("tr.refused")).to_contain_text("6")
    await expect(page.locator("body")).not_to_contain_text("13800138000")
    await window.accessible()
    await page.get_by_role("button", name="发送 4 行，另有 1 行不通过").click()

    await expect(page.locator("tr.accepted")).to_have_count(GOOD)
    await expect(page.locator("tr.refused")).to_have_count(UNREAD + UNKNOWN)
    await expect(page.locator("#work")).to_contain_text("完成：3 行已接收，2 行不通过")
    await window.accessible()

    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="下载不通过的 2 行").click()
    got = tmp_path / "refused.xlsx"
    await (await downloading.value).save_as(got)
    book = openpyxl.load_workbook(got)
    sheet = book.active
    assert sheet is not None
    titles, *rows = [list(row) for row in sheet.values]
    assert [row[0] for row in rows] == [6, 7]
    assert "日期" in str(rows[0][1]) and all(row[1] for row in rows)
    sheet.cell(2, titles.index("日期") + 1, "2026-11-19")
    sheet.cell(3, titles.index("编号") + 1, patients[1])
    sheet.cell(3, titles.index("日期") + 1, "2026-11-18")
    book.save(got)

    await page.get_by_role("link", name="上传别的表格").click()
    await page.set_input_files("#file", got)
    await page.click("#drop button")
    await page.get_by_role("button", name="发送 2 行").click()
    await expect(page.locator("#work")).to_contain_text("完成：2 行已接收。")
    await _sent(window)


async def _sent(window: Window) -> None:
    """What went is found again among all that was sent."""
    page = window.page
    await page.get_by_role("link", name="消息 1").click()
    await expect(page.locator("dl")).to_contain_text("已接收")
    await window.accessible()
    await window.open("/sent")
    await window.accessible()


async def test_of_several_sheets_one_is_chosen(drive: Drive, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("十月", "十一月"):
        sheet = book.create_sheet(title)
        sheet.append(["患者编号", "日期", "是否到诊"])
        sheet.append(["P1", "2026-11-20", "是"])
    book.save(tmp_path / "two.xlsx")
    window = await drive.window("nurse", phone=True)
    page = await window.open("/upload")
    await page.set_input_files("#file", tmp_path / "two.xlsx")
    await page.click("#drop button")
    await page.get_by_label("十一月").check()
    await window.accessible()
    await page.get_by_role("button", name="读取并检查").click()
    await expect(page.locator("#work dl")).to_contain_text("十一月")
    await expect(page.get_by_role("button", name="发送 1 行")).to_be_visible()


async def test_a_file_that_is_too_large_is_told_before_it_is_sent(drive: Drive) -> None:
    window = await drive.window("nurse")
    page = await window.open("/upload")
    await page.evaluate("document.getElementById('drop').dataset.most = '10'")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    file = FilePayload(name="large.csv", mimeType="text/csv", buffer=b"x" * 11)
    await page.set_input_files("#file", file)
    await expect(page.locator("#chosen")).to_contain_text("16 MB")
    await page.click("#drop button")
    assert await page.evaluate("document.getElementById('drop').checkValidity()") is False
    assert "POST" not in asked
