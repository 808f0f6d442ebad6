"""A person's browser window on the console: Debian's Chromium, driven by Playwright.

    window = await drive.window("clerk")                # signed in; `phone=True`: 360 × 740, touch
    await window.open("/alerts/…")                      # a path; `window.page` is Playwright's page
    await window.accessible()                           # axe finds nothing serious
    await window.context.set_offline(True)

Every window fails its test for what its pages' scripts threw, and for what the content security
policy stopped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright
from tests.web.browsing import PASSWORD

CHROMIUM = os.environ.get("JDGATE_CHROMIUM", "/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
WITHIN_MS = 120_000
"""After this a thing that should appear is given up: far more than it takes."""


async def chromium(playwright: Playwright) -> Browser:
    """The browser itself, without a window."""
    return await playwright.chromium.launch(
        executable_path=CHROMIUM, args=list(FLAGS), timeout=WITHIN_MS
    )


class Window:
    """One person's window: cookies of its own. `troubles`: what scripts threw or policy stopped."""

    def __init__(self, url: str, context: BrowserContext, page: Page) -> None:
        self.url = url
        self.context = context
        self.page = page
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._said)

    @classmethod
    async def new(
        cls, browser: Browser, url: str, *, phone: bool = False, lang: str = "zh-CN", **more: Any
    ) -> Window:
        """An empty window at a console's address."""
        shape = (PHONE if phone else DESK) | more
        context = await browser.new_context(locale=lang, timezone_id="Asia/Shanghai", **shape)
        context.set_default_timeout(WITHIN_MS)
        return cls(url, context, await context.new_page())

    def _said(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.troubles.append(message.text)

    async def open(self, path: str) -> Page:
        """Go to a path of the console."""
        await self.page.goto(self.url + path)
        return self.page

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """By the form, as a person does."""
        await self.open("/sign-in")
        await self.page.fill("#login", login)
        await self.page.fill("#password", password)
        await self.page.click("main button")
        await self.page.wait_for_url(lambda at: "/sign-in" not in at)

    async def accessible(self) -> None:
        """axe finds nothing serious or critical on the page, and it is no wider than the window.

        Axe is brought in by the driver, not by the page: the page's policy stays as it is.
        """
        await self.page.wait_for_load_state()  # what was clicked on may have led to it
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [
            f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']]}"
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert not serious, "\n".join([self.page.url, *serious])
        wide = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{self.page.url} is {wide} px wider than the window"

    async def close(self) -> None:
        await self.context.close()


class Drive:
    """Opens windows of one county's console."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._windows: list[Window] = []

    async def window(self, login: str | None = None, **more: Any) -> Window:
        """A new window, of nobody or of somebody signed in."""
        window = await Window.new(self._browser, self._url, **more)
        self._windows.append(window)
        if login is not None:
            await window.sign_in(login)
        return window

    async def close(self) -> None:
        """Close all windows. Raises: AssertionError, a script threw or broke the policy."""
        for window in self._windows:
            await window.close()
        troubles = [one for window in self._windows for one in window.troubles]
        assert not troubles, troubles
