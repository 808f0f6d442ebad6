"""Makes the pictures of the console that the README shows, from a demo county that it starts.

    python docs/screenshots.py                     # all, into docs/images/
    python docs/screenshots.py desk alert          # those alone

Needs what the tests need: Playwright, Debian's Chromium, letters for Chinese (`make setup-dev`).
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, FilePayload, Page, async_playwright

HERE = Path(__file__).parent
IMAGES = HERE / "images"
sys.path.insert(0, str(HERE.parent))

from tests.browser.driving import DESK, PHONE, chromium  # noqa: E402

from jdgate.demo.departments import company  # noqa: E402
from jdgate.texts import say  # noqa: E402

PATIENCE_S = 120
Shot = Callable[[Page, str], Awaitable[None]]


async def desk(page: Page, url: str) -> None:
    """What waits for the police."""
    await page.goto(f"{url}/")


async def alert(page: Page, url: str) -> None:
    """The most urgent alert on the desk of the police."""
    await page.goto(f"{url}/")
    await page.click("#work a[href^='/alerts/']")
    await page.wait_for_url("**/alerts/**")


async def upload(page: Page, url: str) -> None:
    """A nurse's attendance, sent: what was accepted, and what was refused and why."""
    today = datetime.now().date().isoformat()
    rows = [["患者编号", "日期", "是否到诊", "电话"]]
    rows += [[f"P{number:04d}", today, "是", ""] for number in range(1, 121)]
    rows[4][1], rows[9][0], rows[30][2] = today[:5] + "02-31", "P9999", "也许"
    text = "\n".join(",".join(row) for row in rows)
    await page.goto(f"{url}/upload")
    file = FilePayload(name="今日到诊.csv", mimeType="text/csv", buffer=text.encode())
    await page.set_input_files("#file", file)
    await page.click("#drop button")
    await page.click("form[action$='/send'] button")
    await page.wait_for_selector("#work:not([data-open]) tr.accepted")


async def flows(page: Page, url: str) -> None:
    """Who sends what to whom."""
    await page.set_viewport_size({"width": 1280, "height": 1320})
    await page.goto(f"{url}/flows")


async def inspection(page: Page, url: str) -> None:
    """A month's inspection on a phone: books and stock differ."""
    await page.goto(f"{url}/inspection")
    await page.fill("#uscc", company(2))
    await page.select_option("[name='stocks.0.cas']", "67-64-1")
    await page.fill("[name='stocks.0.book_qty']", "120")
    await page.fill("[name='stocks.0.stock_qty']", "118.5")
    await page.wait_for_selector(".difference:not(:empty)")
    await page.locator("#stocks-title").evaluate("one => one.scrollIntoView()")


SHOTS: dict[str, tuple[str, bool, Shot]] = {
    "desk": ("police", False, desk),
    "alert": ("police", False, alert),
    "upload": ("nurse", False, upload),
    "flows": ("auditor", False, flows),
    "inspection": ("inspector", True, inspection),
}
"""Name → who looks, on a phone or not, and how they get there."""


class Demo:
    """A demo county in a folder of its own, its story told to the end."""

    def __init__(self, folder: Path) -> None:
        command = Path(sys.executable).with_name("jdgate")
        self._folder = folder
        self._said = (folder / "said.txt").open("w+", encoding="utf-8")
        self._child = subprocess.Popen(
            [command, "run", "--demo", "--lang", "zh"],
            cwd=folder,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> tuple[str, str]:
        """The console's address and the operators' password, once the story is over."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self._child.poll() is not None:
                break
            if say("demo.stays", "zh") in self._text():
                password = (self._folder / "var" / "demo-password").read_text("ascii").strip()
                return self._status()["web_url"], password
            time.sleep(0.2)
        sys.exit(f"the demo county did not come up:\n{self._text()}")

    def _text(self) -> str:
        return Path(self._said.name).read_text("utf-8")

    def _status(self) -> dict[str, Any]:
        command = Path(sys.executable).with_name("jdgate")
        done = subprocess.run(
            [command, "status", "--json"], cwd=self._folder, check=True, capture_output=True
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def stop(self) -> None:
        """Stop it in good order."""
        self._child.send_signal(signal.SIGINT)
        self._child.wait(30)


async def take(browser: Browser, url: str, password: str, name: str) -> None:
    """One picture."""
    login, phone, shot = SHOTS[name]
    context = await browser.new_context(
        locale="zh-CN", timezone_id="Asia/Shanghai", **(PHONE if phone else DESK)
    )
    page = await context.new_page()
    await page.goto(f"{url}/sign-in")
    await page.fill("#login", login)
    await page.fill("#password", password)
    await page.click("main button")
    await page.wait_for_url(lambda at: "/sign-in" not in at)
    await shot(page, url)
    await page.screenshot(path=IMAGES / f"{name}.png")
    await context.close()
    print(f"docs/images/{name}.png")


async def main(names: list[str]) -> None:
    """Take the pictures of these names."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jdgate-screenshots-") as folder:
        demo = Demo(Path(folder))
        try:
            url, password = await asyncio.to_thread(demo.wait)
            async with async_playwright() as playwright:
                browser = await chromium(playwright)
                for name in names:
                    await take(browser, url, password, name)
                await browser.close()
        finally:
            demo.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or list(SHOTS)))
