"""Accounts in a real browser: the first administrator of a new county, the code for a phone, the
pages of administrators and one's own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path

import pyotp
import pytest
from playwright.async_api import Browser, Page
from tests.browser.driving import Drive, Window
from tests.e2e.kit import County, jdgate_command
from tests.web.browsing import PASSWORD
from tests.web.provider import CLIENT, SECRET, Provider, User

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


async def everywhere(window: Window) -> None:
    """The page is for everybody, on a desk's screen and on a phone's."""
    await window.accessible()
    await window.page.set_viewport_size({"width": 360, "height": 740})
    await window.accessible()
    await window.page.set_viewport_size({"width": 1280, "height": 900})


async def test_a_new_countys_first_administrator_comes_in_by_the_link_and_then_by_a_provider(
    browser: Browser, tmp_path: Path
) -> None:
    link = await asyncio.to_thread(_founded, tmp_path)
    county = County(tmp_path / "county")
    async with Provider().running() as provider:
        with county.home.config.open("a", encoding="utf-8") as config:
            config.write(f'[web.oidc]\nissuer = "{provider.issuer}"\nclient_id = "{CLIENT}"\n')
            config.write('client_secret_file = "secret"\nlabel = "统一认证"\namr = ["otp"]\n')
        (county.home.root / "secret").write_text(SECRET, "ascii")
        with county.process():
            status = await asyncio.to_thread(county.patiently, "status", within=120)
            window = await Window.new(browser, status["web_url"])
            await window.open(link)
            await everywhere(window)
            await first_sign_in(window, county)
            await window.open("/operators")
            assert "admin" in await window.page.inner_text("tbody")

            await asyncio.to_thread(
                county.control, "operator.link", login="admin", subject="subject-1"
            )
            await window.open("/operators")
            assert "/sign-in" in window.page.url, "linked anew, signed out"
            await everywhere(window)
            provider.who = User("subject-1", amr=("pwd", "otp"))
            await window.page.click("text=用统一认证登录")
            await window.page.wait_for_url(f"{window.url}/operators")
            await window.close()
            assert window.troubles == []


def _founded(folder: Path) -> str:
    """`jdgate init`; the link that it prints."""
    made = subprocess.run(
        [jdgate_command(), "init", "county", "--region", "511623", "--name", "新县", "--json"],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
        check=True,
    )  # fmt: skip
    return str(json.loads(made.stdout)["administrator"]["link"])


async def test_an_administrator_adds_somebody_who_signs_in(drive: Drive, county: County) -> None:
    login = "by-link"
    window = await drive.window("admin")
    await window.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await window.open("/operators")
    await everywhere(window)
    await page.fill("#login", login)
    await page.fill("#name", f"新人{login}")
    await page.click("main form button")
    await everywhere(window)
    link = await page.input_value("#made")
    await page.click("[data-copies]")
    await page.wait_for_function("document.querySelector('[role=status]').textContent !== ''")
    assert await page.evaluate("navigator.clipboard.readText()") == link

    other = await drive.window(phone=True)
    await other.open(link.removeprefix(other.url))
    await other.accessible()
    await first_sign_in(other, county)
    await other.open("/account")
    await other.accessible()
    await other.page.fill("#proof", PASSWORD)

    for path in (f"/operators/{login}", f"/operators/{login}/disable"):
        await window.open(path)
        await everywhere(window)
    await page.click("main button")
    await page.wait_for_url(f"{window.url}/operators")
    assert "停用" in await page.inner_text("tbody")
    await other.page.reload()
    assert "/sign-in" in other.page.url, "who is disabled is out at once"


async def test_a_system_gets_a_token_and_people_mind_their_account(drive: Drive) -> None:
    window = await drive.window("admin")
    page = await window.open("/systems")
    await everywhere(window)
    await page.click("main form button")
    await everywhere(window)
    await page.fill("#name", "HIS")
    await page.check("#receives")
    await page.click("main form button")
    await everywhere(window)
    assert len(await page.input_value("#made")) == 43
    await window.open("/systems")
    await page.click("tbody a")
    await everywhere(window)
    await page.click("main button")

    await window.open("/account")
    await everywhere(window)
    await _new_generator(page)
    await everywhere(window)


async def _new_generator(page: Page) -> None:
    await page.fill("#proof", PASSWORD)
    await page.click("main form:has(#proof) button")
    await page.wait_for_selector("svg.qr")
