"""The pages in a real browser: what a screen reader, a keyboard and a phone need of every page."""

from __future__ import annotations

import pytest
from tests.browser.driving import Drive

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_pages_are_for_everybody(drive: Drive, phone: bool) -> None:
    window = await drive.window(phone=phone)
    await window.open("/sign-in")
    await window.accessible()
    await window.sign_in("clerk")
    for path in ("/", "/drafts", "/inbox", "/api/docs"):
        await window.open(path)
        await window.accessible()
