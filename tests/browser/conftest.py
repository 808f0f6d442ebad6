"""The county of the console's tests, and a real browser to look at it with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright
from tests.browser.driving import Drive, chromium
from tests.e2e.kit import County
from tests.web.conftest import county  # the same county, with its staff

__all__ = ["county"]


@pytest.fixture(scope="module")
async def browser(anyio_backend: str) -> AsyncIterator[Browser]:
    """Chromium, started once for a module's tests."""
    async with async_playwright() as playwright:
        made = await chromium(playwright)
        yield made
        await made.close()


@pytest.fixture
async def drive(browser: Browser, county: County) -> AsyncIterator[Drive]:
    """Opens windows of the county's console."""
    url = county.daemon.web_url
    assert url is not None
    made = Drive(browser, url)
    yield made
    await made.close()
