"""Admitting a department, as the authority's administrator does it at a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.driving import Drive
from tests.e2e.kit import County
from tests.web.browsing import PASSWORD
from tests.web.test_members import asks

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_a_department_is_admitted_by_what_it_reads_out(
    county: County, drive: Drive, tmp_path: Path, phone: bool
) -> None:
    member = f"cln-{40 + phone}"
    request, read_out = asks(tmp_path, member, name=f"镇卫生院{member}")
    file = tmp_path / f"{member}.request"
    file.write_text(request, "ascii")
    heard = read_out.split()
    window = await drive.window("keeper", phone=phone)
    page = await window.open("/members")
    await window.accessible()
    await page.click('a[href="/admission"]')
    await window.accessible()
    await page.set_input_files("#file", file)
    await page.click("main button")
    await page.wait_for_selector("#group-1")
    await window.accessible()
    assert heard[0] not in await page.inner_text("main")
    misheard = [*heard[:7], "00000" if heard[7] != "00000" else "00001"]
    for n, digits in enumerate(misheard, 1):
        await page.fill(f"#group-{n}", digits)
    await page.fill("#password-admit", PASSWORD)
    await page.click("main button")
    await page.wait_for_selector(".error")
    await window.accessible()
    await page.fill("#group-8", heard[7])  # the others stand as they were typed
    await page.fill("#password-admit", PASSWORD)
    await page.click("main button")
    await page.wait_for_url(f"**/members/{member}")
    await window.accessible()
    async with page.expect_download() as got:
        await page.click('a[href$="/welcome"]')
    assert (await got.value).suggested_filename == f"{member}.welcome"
    assert member in county.daemon.trust.members
