"""An auditor answers a citizen: one asks, another approves, the report is opened and printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.driving import Drive, Window
from tests.e2e.kit import ENROL, County, enrolment, id_no
from tests.web.test_subject import about, standing

pytestmark = pytest.mark.anyio


async def ask(window: Window, number: int) -> str:
    page = await window.open("/subject")
    await page.fill("#id_no", id_no(number))
    await page.fill("#name", "甄患者")
    await page.fill("#reference", "申〔2026〕7号")
    await page.click("form[action='/subject'] button")
    await page.wait_for_url(lambda at: "/subject/" in at)
    return page.url.removeprefix(window.url)


async def approve(window: Window, at: str, number: int) -> None:
    page = await window.open(at)
    await page.fill("#id_no", id_no(number))
    await page.click("form[action$='/approve'] button")
    await page.wait_for_selector(f"a[href='{at}/report']")


async def test_two_auditors_and_a_report_on_paper(
    county: County, drive: Drive, tmp_path: Path
) -> None:
    await standing(county, 21)
    await county.until(lambda: about(county, "pol", ENROL, 21))
    first, second = await drive.window("checker"), await drive.window("second-checker")
    await first.open("/subject")
    await first.accessible()
    at = await ask(first, 21)
    await second.open(at)
    await second.accessible()
    assert await first.page.locator("input[name=id_no]").count() == 0
    await approve(second, at, 21)

    page = await first.open(f"{at}/report")
    assert await page.locator("article.report section").count() == 8
    await first.accessible()
    shown = page.locator("body > header, .skip, .screen").filter(visible=True)
    assert await shown.count() > 0
    printing = page.get_by_role("button", name="打印")
    await page.evaluate("window.print = () => { document.title = 'printed' }")
    await printing.click()
    assert await page.title() == "printed"
    await page.emulate_media(media="print")
    assert await shown.count() == 0
    await page.screenshot(path=tmp_path / "paper.png", full_page=True)
    pdf = await page.pdf(prefer_css_page_size=True)
    assert pdf.count(b"/Type /Page\n") > 1  # the title page stands alone


async def test_the_pages_are_for_everybody_on_a_phone_too(county: County, drive: Drive) -> None:
    await county.push("cln-01", ENROL, [enrolment(23)])
    first = await drive.window("checker", phone=True)
    second = await drive.window("second-checker", phone=True)
    at = await ask(first, 23)
    for window, path in ((first, "/subject"), (first, at), (second, at)):
        await window.open(path)
        await window.accessible()
    await approve(second, at, 23)
    await second.open(f"{at}/report")
    await second.accessible()
