"""Accounts in a real browser: the first administrator of a new county, the code for a phone, the
pages of administrators and one's own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, Page
from tests.browser.driving import Drive, Window
from tests.e2e.kit import County, jdgate_command
from tests.web.browsing import PASSWORD

pytestmark = pytest.mark.anyio


async def first_sign_in(window: Window, county: County) -> pyotp.TOTP:
    """Set a password and scan the code, as a person whom a link was given does."""
    page = window.page
    assert await page.locator("figure svg.qr").is_visible()
    box = await page.locator("figure svg.qr").bounding_box()
    assert box is not None and min(box["width"], box["height"]) > 150, "large enough to scan"
    generator = pyotp.TOTP(await page.inner_text(".secret"))
    uri = await page.get_attribute("figure a", "href")
    assert uri is not None and pyotp.parse_uri(uri).secret == generator.secret
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.fill("#code", "000000" if generator.now() != "000000" else "000001")
    await page.click("main button")
    assert "验证码不对" in await page.inner_text("[role=alert]")
    await page.fill("#password", PASSWORD)
    await page.fill("#again", PASSWORD)
    await page.fill("#code", generator.at(county.turned()))
    await page.click("main button")
    await page.wait_for_url(f"{window.url}/")
    return generator


async def test_a_new_countys_first_administrator_comes_in_by_the_link(
    browser: Browser, tmp_path: Path
) -> None:
    link = await asyncio.to_thread(_founded, tmp_path)
    county = County(tmp_path / "county")
    with county.process():
        status = await asyncio.to_thread(county.patiently, "status")
        window = await Window.new(browser, status["web_url"])
        await window.open(link)
        await window.accessible()
        generator = await first_sign_in(window, county)
        assert "我的工作台" in await window.page.inner_text("nav")
        await window.open("/operators")
        assert "admin" in await window.page.inner_text("tbody")

        await window.page.click("text=退出登录")
        await window.page.fill("#login", "admin")
        await window.page.fill("#password", PASSWORD)
        later = county.turned() + timedelta(seconds=30)  # the next code counts too
        await window.page.fill("#code", generator.at(later))
        await window.page.click("main button")
        await window.page.wait_for_url(f"{window.url}/")
        await window.close()
        assert window.troubles == []


def _founded(folder: Path) -> str:
    """`jdgate init`; the link that it prints."""
    made = subprocess.run(
        [jdgate_command(), "init", "county", "--region", "511623", "--name", "新县", "--json"],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        check=True,
    )  # fmt: skip
    return str(json.loads(made.stdout)["administrator"]["link"])


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_an_administrator_adds_somebody_who_signs_in(
    drive: Drive, county: County, phone: bool
) -> None:
    login = "by-phone" if phone else "by-desk"
    window = await drive.window("admin", phone=phone)
    await window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await window.open("/operators")
    await window.accessible()
    await page.fill("#login", login)
    await page.fill("#name", f"新人{login}")
    await page.click("main form button")
    await window.accessible()
    link = await page.input_value("#made")
    await page.click("[data-copies]")
    await page.wait_for_function("document.querySelector('[role=status]').textContent !== ''")
    assert await page.evaluate("navigator.clipboard.readText()") == link

    other = await drive.window(phone=phone)
    await other.open(link.removeprefix(other.url))
    await other.accessible()
    await first_sign_in(other, county)
    await other.open("/account")
    await other.accessible()
    await other.page.fill("#proof", PASSWORD)

    for path in (f"/operators/{login}", f"/operators/{login}/disable"):
        await window.open(path)
        await window.accessible()
    await page.click("main button")
    await page.wait_for_url(f"{window.url}/operators")
    assert "停用" in await page.inner_text("tbody")
    await other.page.reload()
    assert "/sign-in" in other.page.url, "who is disabled is out at once"


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_a_system_gets_a_token_and_people_mind_their_account(
    drive: Drive, county: County, phone: bool
) -> None:
    window = await drive.window("admin", phone=phone)
    page = await window.open("/systems")
    await window.accessible()
    await page.click("main form button")
    await window.accessible()
    await page.fill("#name", "HIS")
    await page.check("#receives")
    await page.click("main form button")
    await window.accessible()
    assert len(await page.input_value("#made")) == 43
    await window.open("/systems")
    await page.click("tbody a")
    await window.accessible()
    await page.click("main button")

    await window.open("/account")
    await window.accessible()
    await _new_generator(page)
    await window.accessible()


async def _new_generator(page: Page) -> None:
    await page.fill("#proof", PASSWORD)
    await page.click("main form:has(#proof) button")
    await page.wait_for_selector("svg.qr")
