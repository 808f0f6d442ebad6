"""The desk in a real browser: an alert from its arrival to its end, a draft that two people
approve, and an administrator, to whom nothing opens."""

from __future__ import annotations

import pytest
from tests.browser.driving import Drive
from tests.e2e.kit import County
from tests.e2e.test_approval import draft_for
from tests.web.test_desk import REQUEST, alert, state

pytestmark = pytest.mark.anyio


async def test_an_alert_arrives_without_a_reload_and_is_resolved(
    county: County, drive: Drive
) -> None:
    window = await drive.window("clerk")
    page = window.page
    await page.evaluate("window.loadedOnce = true")
    id = await alert(county, "PS7")
    await page.wait_for_selector(f'#work a[href="/alerts/{id}"]')
    assert await page.evaluate("window.loadedOnce"), "the page was not loaded again"
    await window.accessible()

    await page.click(f'#work a[href="/alerts/{id}"]')
    await page.wait_for_url(f"**/alerts/{id}")
    await window.accessible()
    assert "[read]" not in await page.inner_text("main")
    await page.click(f'form[action="/alerts/{id}/ack"] button')
    await county.until(lambda: state(county, id, "acknowledged"))
    await page.select_option("#outcome", "visited")
    await page.click(f'form[action="/alerts/{id}/resolve"] button')
    await county.until(lambda: state(county, id, "resolved"))
    await window.open(f"/alerts/{id}")
    assert "处理完毕" in await page.inner_text("main")
    assert await page.locator('form[action^="/alerts"]').count() == 0
    row = await county.ask("alerts.show", id=id, member="ps-01", opens=False)
    assert (row["by"], row["outcome"]) == ("clerk甲", "visited")


async def test_two_people_approve_a_draft_and_never_the_same_twice(
    county: County, drive: Drive
) -> None:
    record = {"to": "cln-01", "legal_doc_no": "W-7", "waybill_no": "SF1000007"}
    id = await draft_for(county, "pol", REQUEST, {**record, "scope": ["images"]})
    first, second = await drive.window("police"), await drive.window("officer", phone=True)
    approve = f'form[action="/drafts/{id}/approve"]'
    page, beside = first.page, await first.context.new_page()
    await beside.goto(f"{first.url}/drafts/{id}")  # a second page of the same person, opened before
    await first.open(f"/drafts/{id}")
    await first.accessible()
    assert "须由两个人先后批准" in await page.inner_text("main")
    await page.check("#check-1")
    await page.click(f"{approve} button")
    await page.wait_for_selector("text=您已批准")
    assert await page.locator(approve).count() == 0
    await beside.check("#check-1")
    await beside.click(f"{approve} button")
    assert await beside.inner_text(".error[role=alert]"), "the same person twice"
    (row,) = [one for one in await county.ask("drafts.list", member="pol") if one["id"] == id]
    assert row["approvers"] == ["police甲"] and row["message"] is None

    await second.open(f"/drafts/{id}")
    await second.accessible()
    await second.page.check("#check-1")
    await second.page.click(f"{approve} button")
    await second.page.wait_for_url(f"**/drafts/{id}")
    (row,) = [one for one in await county.ask("drafts.list", member="pol") if one["id"] == id]
    (verdict,) = await county.verdicts([row["message"]])
    assert verdict["verdict"] == "accepted" and row["by"] == "officer甲"


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_an_administrator_opens_no_content(county: County, drive: Drive, phone: bool) -> None:
    id = await alert(county, f"PS8{phone}")
    window = await drive.window("admin", phone=phone)
    page = window.page
    assert await page.locator("#work .card").count() > 0
    assert await page.locator(f'a[href="/alerts/{id}"]').count() == 0
    await window.accessible()
    answer = await page.goto(f"{window.url}/alerts/{id}")
    assert answer is not None and answer.status == 403
    shown = await page.inner_text("main")
    assert "您的岗位没有这项权限" in shown and "PS8" not in shown
    await window.accessible()
