"""Proving who one is at the OpenID provider, in a real browser: the policy lets people go there by
a link, and the session's cookie comes back with them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser
from tests.browser.driving import Window
from tests.e2e.kit import County
from tests.web.browsing import hire
from tests.web.provider import Provider, User
from tests.web.test_oidc import STRONG, found

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def provider(anyio_backend: str) -> AsyncIterator[Provider]:
    async with Provider().running() as running:
        yield running


@pytest.fixture(scope="module")
async def county(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    """Where people sign in by the provider alone."""
    county = found(tmp_path_factory.mktemp("county"), provider.issuer, passwords=False)
    async with county.running():
        await hire(county, "keeper", "administrator", "nco")
        await county.ask("operator.link", login="keeper", subject="subject-keeper")
        yield county


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_an_administrator_confirms_there_and_comes_back(
    county: County, provider: Provider, browser: Browser, phone: bool
) -> None:
    provider.who = User("subject-keeper", amr=STRONG)
    window = await Window.new(browser, county.daemon.web_url or "", phone=phone)
    page = await window.open("/sign-in?next=/members/com-02")
    await page.click("a.button")
    act = "resume" if county.daemon.trust.members["com-02"].status == "suspended" else "suspend"
    await page.click(f'form[action="/members/com-02/{act}"] button')
    await page.wait_for_url("**/again/*")
    await window.accessible()
    provider.who = User("subject-other", amr=STRONG)
    await page.click("a.button")
    await page.wait_for_selector("[role=alert]")
    await window.accessible()
    provider.who = User("subject-keeper", amr=STRONG)
    await page.click("a.button")
    await page.wait_for_url("**/again/*")
    await window.accessible()
    await page.click('form[action^="/again/"] button >> nth=0')
    await page.wait_for_url("**/members/com-02")
    wanted = "suspended" if act == "suspend" else "active"
    assert county.daemon.trust.members["com-02"].status == wanted
    await window.close()
    assert window.troubles == []
