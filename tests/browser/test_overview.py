"""The pages that are looked at, in a real browser: for everybody, and alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.browser.driving import Drive
from tests.e2e.kit import ENROL, County, enrolment
from tests.web.test_overview import due, expect

from jdgate.core.calendar import local_day
from jdgate.store import figures
from jdgate.store.figures import FigureRow

pytestmark = pytest.mark.anyio


async def fill(county: County) -> None:
    """Something on each page."""
    now = county.daemon.clock.now()
    today = local_day(now)
    await county.push("cln-01", ENROL, [enrolment(7001)])
    await expect(county, due(county, "soon", 0.1), due(county, "late", -2), due(county, "x", 3))
    rows = [
        FigureRow(chart=f"courier.{kind}", first=str(day), last=str(day), unit="ps-01", item="W-1",
                  n=9_900 + back, of=10_000)
        for kind in ("realname", "inspect", "xray")
        for back in range(5)
        for day in [today - timedelta(days=30 * back)]
    ]  # fmt: skip
    rows += [
        FigureRow(chart="month.inspection", first=f"{today:%Y-%m}-01", last=str(today), unit=unit,
                  audience="county", n=n, of=of)
        for unit, n, of in (("gateway", 40, 80), ("ps-01", None, None))
    ]  # fmt: skip
    await county.books(lambda conn: figures.put(conn, rows))


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_pages_are_for_everybody(drive: Drive, county: County, phone: bool) -> None:
    await fill(county)
    day = local_day(due(county, "x", 3).due_at)
    window = await drive.window("keeper", phone=phone)
    for path in (
        f"/expectations?month={day:%Y-%m}&day={day}",
        f"/expectations/list/awaited?day={day}",
        "/flows",
        "/charts",
        "/system",
    ):
        await window.open(path)
        await window.accessible()
    other = await drive.window("clerk", phone=phone)
    await other.open("/system")
    await other.accessible()


async def test_the_flow_picture_changes_without_a_reload(drive: Drive, county: County) -> None:
    window = await drive.window("checker")
    # the stream is open before anything passes
    async with window.page.expect_response(lambda one: "/flows/live" in one.url):
        await window.open("/flows?span=hour&of=CLN")
    await window.page.evaluate("window.here = true")
    before = await window.page.inner_text("#work .tiles")
    await county.push("cln-01", ENROL, [enrolment(7101), enrolment(7102)])
    await window.page.wait_for_function(
        "before => document.querySelector('#work .tiles').innerText !== before", arg=before
    )
    assert await window.page.evaluate("window.here"), "it is the same page"
    assert await window.page.locator("#work svg path.band-ok").count() > 0
    assert "第一门诊" in await window.page.inner_text("#work table >> nth=0")


async def test_a_day_is_reached_by_keyboard(drive: Drive, county: County) -> None:
    county.turned.stay_within_a_day()
    await expect(county, due(county, "key", 0))  # today, whatever the hour
    window = await drive.window("clerk")
    page = await window.open("/expectations")
    link = page.locator(".calendar td[aria-current] a")
    await link.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda at: "day=" in at)
    assert await page.locator("section[aria-labelledby=day] table").count() >= 1
