"""An inspector's phone: the monthly inspection, filled in without a connection, sent with one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Dialog, Page, Route, expect
from tests.browser.driving import WITHIN_MS, Drive, Window
from tests.catalogue.catalogue_examples import BUYER, COMPANY
from tests.e2e.kit import County

pytestmark = pytest.mark.anyio
expect.set_options(timeout=WITHIN_MS)
TYPE = "precursor.inspect.result.v1"
READY, OFF = "没有网络也能打开", "没有网络。"


async def ready(window: Window) -> Page:
    """The form, once it can be opened without a connection."""
    page = await window.open("/inspection")
    await expect(page.locator("#line")).to_contain_text(READY)
    return page


async def fill(page: Page, uscc: str = COMPANY, book: str = "100", stock: str = "98.5") -> None:
    """What a good inspection needs."""
    await page.fill("#uscc", uscc)
    await page.select_option("[name='stocks.0.cas']", "67-64-1")
    await page.fill("[name='stocks.0.book_qty']", book)
    await page.fill("[name='stocks.0.stock_qty']", stock)
    await choose(page, "items.1.ok", "true")


async def choose(page: Page, name: str, value: str) -> None:
    """Touch one of the large buttons."""
    await page.locator(f"[name='{name}'][value='{value}']").tap()


async def records(county: County, uscc: str) -> list[dict[str, Any]]:
    """What the police got of a company."""
    return [one for one in await county.records("pol", TYPE) if one["uscc"] == uscc]


async def kept(page: Page) -> Any:
    """The drafts on the phone."""
    return await page.evaluate(
        "() => Object.values(JSON.parse(localStorage['jdgate.inspection.clerk']).drafts)"
    )


async def test_an_inspection_without_a_connection_is_sent_once_when_it_is_back(
    county: County, drive: Drive
) -> None:
    window = await drive.window("clerk", phone=True)
    page = await ready(window)
    await window.context.set_offline(True)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("易制毒检查")
    await expect(page.locator("#line")).to_contain_text(OFF)
    await fill(page, book="0.3", stock="0.1")
    difference = page.locator(".difference").first
    await expect(difference).to_have_text("实物少 0.2 千克 (66.7 %)")
    await page.fill("[name='stocks.0.loss_qty']", "0.2")
    await expect(difference).to_have_text("账实相符")
    await page.fill("#nick", "东门化工厂")
    await page.locator("[data-add]").tap()
    await page.select_option("[name='stocks.1.cas']", "7664-93-9")
    await choose(page, "stocks.1.unit", "L")
    await page.fill("[name='stocks.1.book_qty']", "10")
    await page.fill("[name='stocks.1.stock_qty']", "12。5")
    await expect(page.locator(".difference").nth(1)).to_have_text("实物多 2.5 升 (25.0 %)")
    await choose(page, "items.2.ok", "false")
    await page.fill("[name='items.2.note']", "门未上锁")
    await page.check("[name='findings_ema.2']")
    await window.accessible()

    await page.close()
    page = window.page = await window.context.new_page()
    await window.open("/inspection")
    await expect(page.locator("[name='stocks.1.stock_qty']")).to_have_value("12.5")
    await expect(page.locator("[name='items.2.note']")).to_have_value("门未上锁")
    await page.locator("#go").tap()
    await expect(page.locator("#drafts")).to_contain_text("连上网络后发送")
    await expect(page.locator("#uscc")).to_have_value("")
    # another company may wait beside it
    await fill(page, BUYER)
    await page.locator("#another").tap()
    await expect(page.locator("#drafts li")).to_have_count(2)
    await expect(page.locator("#drafts")).to_contain_text(re.compile(rf"{BUYER}\d{{4}}-"))
    assert not await records(county, COMPANY)

    await window.context.set_offline(False)
    await expect(page.locator("#sent")).to_contain_text("东门化工厂")
    await expect(page.locator("#sent")).to_contain_text("网关已接收")
    assert [one["values"]["uscc"] for one in await kept(page)] == [BUYER]
    await window.accessible()
    (record,) = await county.until(lambda: records(county, COMPANY))
    assert record["stocks"] == [
        {"cas": "67-64-1", "unit": "kg", "book_qty": 0.3, "stock_qty": 0.1, "loss_qty": 0.2},
        {"cas": "7664-93-9", "unit": "L", "book_qty": 10, "stock_qty": 12.5},
    ]
    assert record["findings_ema"] == ["storage"]
    await page.reload()
    await page.select_option("#pick", label=f"东门化工厂 {COMPANY}")
    await expect(page.locator("#month")).to_contain_text("上次检查")


async def test_an_answer_that_is_lost_sends_nothing_twice(county: County, drive: Drive) -> None:
    window = await drive.window("clerk", phone=True)
    page = await ready(window)
    posted, lost = 0, True

    async def lose(route: Route) -> None:
        nonlocal posted
        if route.request.method != "POST":
            await route.fallback()
        elif not lost:
            posted += 1
            await route.fallback()
        else:  # the server has it, and the phone does not hear so, however often it tries
            if not posted:
                posted += 1
                await route.fetch()
            await route.abort("connectionreset")

    await window.context.route("**/inspection", lose)
    await fill(page, "91330100M000100Y4T", book="7", stock="7")
    await page.locator("#go").tap()
    await expect(page.locator("#line")).to_contain_text(OFF)
    assert [one["state"] for one in await kept(page)] == ["waiting"]
    await page.goto("about:blank")
    lost = False
    await window.open("/inspection")
    await expect(page.locator("#sent")).to_contain_text("网关已接收")
    assert posted == 2 and await kept(page) == []
    await county.quiet()
    assert len(await records(county, "91330100M000100Y4T")) == 1


async def test_whoever_was_signed_out_meanwhile_signs_in_and_it_is_sent(
    county: County, drive: Drive
) -> None:
    window = await drive.window("clerk", phone=True)
    page = await ready(window)
    await window.context.clear_cookies()
    await fill(page, "91440100M000100Y4M")
    await page.locator("#go").tap()
    await expect(page.locator("#line")).to_contain_text("登录已过期")
    assert len(await kept(page)) == 1
    await page.locator("#line a").tap()
    await page.wait_for_url("**/sign-in?next=/inspection")
    await window.sign_in("clerk")
    await window.open("/inspection")
    await expect(page.locator("#sent")).to_contain_text("网关已接收")
    assert await kept(page) == []


async def test_what_is_wrong_stands_at_its_field(drive: Drive) -> None:
    window = await drive.window("clerk", phone=True)
    page = await ready(window)
    await page.fill("#uscc", "91350100M000100Y44")
    await page.fill("[name='stocks.0.book_qty']", "ten")
    await page.locator("#go").tap()
    await expect(page.locator("#uscc")).to_be_focused()
    await expect(page.locator("[data-fault=uscc]")).to_contain_text("核对 18 位")
    await expect(page.locator("[data-fault='stocks.0.book_qty']")).to_contain_text("数字")
    await expect(page.locator("[data-fault='stocks.0.stock_qty']")).to_contain_text("请填写")
    await expect(page.locator("[data-fault=items]")).to_contain_text("至少选一项")
    await window.accessible()
    # what the phone can't judge the server does, and the draft comes back
    await fill(page)
    await page.fill("[name='stocks.0.book_qty']", "100")
    await choose(page, "items.2.ok", "false")
    await page.fill("[name='items.2.note']", "打 13800138000")
    await page.locator("#go").tap()
    await expect(page.locator("[data-fault='items.2.note']")).not_to_be_empty()
    await expect(page.locator("[name='items.2.note']")).to_be_focused()
    assert [one["state"] for one in await kept(page)] == ["refused"]
    page.on("dialog", lambda dialog: dialog.accept())
    await page.locator("#discard").tap()
    await expect(page.locator("#uscc")).to_have_value("")
    assert await kept(page) == []


async def test_signing_out_erases_what_was_kept_after_a_warning(drive: Drive) -> None:
    window = await drive.window("clerk", phone=True)
    page = await ready(window)
    await page.fill("#uscc", COMPANY)
    asked: list[str] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    page.on("dialog", answer)
    await page.get_by_role("button", name="退出登录").tap()
    assert len(await kept(page)) == 1
    await page.get_by_role("button", name="退出登录").tap()
    await page.wait_for_url("**/sign-in*")
    assert len(asked) == 2 and "没有发送的检查" in asked[0]
    left = await page.evaluate(
        "async () => [localStorage.length, (await caches.keys()).length,"
        " (await navigator.serviceWorker.getRegistrations()).length]"
    )
    assert left == [0, 0, 0]


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_forms_are_for_everybody(drive: Drive, phone: bool) -> None:
    window = await drive.window("clerk", phone=phone)
    for path in ("/forms", f"/forms/{TYPE}", "/forms/sealed.query.v1", "/inspection"):
        await window.open(path)
        await window.accessible()
    page = await window.open(f"/forms/{TYPE}")
    await page.fill("[name='items.0.code']", "ledger")
    await page.locator("[data-rows=items] [data-add]").click()
    await expect(page.locator("[name='items.1.code']")).to_be_focused()
    await page.fill("[name='items.1.code']", "storage")
    await page.locator("[data-row='items.0'] [data-drop]").click()
    await expect(page.locator("[name='items.0.code']")).to_have_value("storage")
    await page.evaluate("() => { document.querySelector('[data-form]').noValidate = true; }")
    await page.get_by_role("button", name="核对并发送").click()
    await expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    await window.accessible()
