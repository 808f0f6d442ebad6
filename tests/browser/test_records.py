"""Messages, dead letters, the ledger and the catalogue in a real browser."""

from __future__ import annotations

import pytest
from tests.browser.driving import Drive
from tests.e2e.kit import County
from tests.web.test_dead import set_aside
from tests.web.test_messages import enrolled

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_records_are_for_everybody(drive: Drive, county: County, phone: bool) -> None:
    sent = await enrolled(county)
    letter = f"0194f3a0-0000-7000-8000-00000000ac0{int(phone)}"
    await set_aside(county, letter, "com-01")
    window = await drive.window("checker", phone=phone)
    for path in (
        "/messages", f"/messages/{sent}", "/messages?id=nothing", "/dead", f"/dead/{letter}",
        f"/ledger?q={sent}", "/catalogue", "/catalogue/precursor.inspect.result.v1",
    ):  # fmt: skip
        await window.open(path)
        await window.accessible()
    page = await window.open("/messages")
    await page.click("summary:has-text('按人员查找')")
    await window.accessible()
    await window.open(f"/messages/{sent}")
    await page.click("text=现在验证")
    await page.wait_for_selector("text=每一步都成立")
    await window.accessible()


async def test_the_ledger_is_verified_while_somebody_looks(drive: Drive, county: County) -> None:
    await enrolled(county)
    window = await drive.window("keeper")
    page = await window.open("/ledger")
    await page.click("text=开始验证")
    await page.wait_for_selector("text=条全部相符")
    await window.accessible()
