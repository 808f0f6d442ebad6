"""What people see and do at their desks, over HTTP, against a daemon that runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.kit import ENROL, County, enrolment
from tests.e2e.test_approval import draft_for
from tests.web.browsing import Browser

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
REQUEST = "courier.data.request.v1"
_numbers = iter(range(1, 99))


async def alert(county: County, ref: str) -> str:
    """An alert on the station's desk; its id."""
    before = {row["id"] for row in await county.ask("alerts.list", member="ps-01")}
    number = next(_numbers)
    (told,) = await county.push("cln-01", ENROL, [enrolment(number, patient_ref=ref)])
    assert told["verdict"] == "accepted", told

    async def come() -> Any:
        rows = await county.ask("alerts.list", member="ps-01")
        return [row for row in rows if row["id"] not in before and row["params"] is not None]

    (row,) = await county.until(come)
    return str(row["id"])


async def looked(county: County, about: str) -> list[tuple[str, str, str]]:
    """Who looked, as the ledger has it."""
    return [
        (leaf["source"], leaf["operator"], leaf["reason"])
        for leaf in await county.leaves(about)
        if leaf["kind"] == "looked"
    ]


async def test_an_alert_goes_from_the_desk_to_resolved(county: County, browse: Browse) -> None:
    id = await alert(county, "PS1")
    browser = browse()
    await browser.sign_in("clerk")
    desk = await browser.open("/")
    assert f"/alerts/{id}" in desk.text
    page = await browser.open(f"/alerts/{id}")
    assert page.status_code == 200
    assert "政务数据共享条例" in page.text and "[已核对原文]" in page.text
    assert "clerk甲" in page.text

    done = await browser.send(page, f"/alerts/{id}/ack", by="somebody else")
    assert done.status_code == 303
    page = await browser.open(f"/alerts/{id}")
    await county.until(lambda: state(county, id, "acknowledged"))
    wrong = await browser.send(page, f"/alerts/{id}/resolve", outcome="never_heard")
    assert wrong.status_code == 422 and 'role="alert"' in wrong.text
    await browser.send(page, f"/alerts/{id}/resolve", outcome="visited")
    await county.until(lambda: state(county, id, "resolved"))
    row = await county.ask("alerts.show", id=id, member="ps-01", opens=False)
    assert (row["by"], row["outcome"]) == ("clerk甲", "visited")
    page = await browser.open(f"/alerts/{id}")
    assert "处理完毕" in page.text and 'action="/alerts' not in page.text
    await county.quiet()
    assert set(await looked(county, id)) == {("ps-01", "clerk", "work")}


async def state(county: County, id: str, wanted: str) -> bool:
    return any(
        row["id"] == id and row["state"] == wanted for row in await county.ask("alerts.list")
    )


async def test_the_desk_hears_of_an_alert_without_a_reload(county: County, browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    async with browser.client.stream("GET", "/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 3000"
        telling = asyncio.create_task(alert(county, "PS2"))
        async with asyncio.timeout(30):
            id = await telling
            while f'href="/alerts/{id}"' not in await anext(lines):
                pass


async def test_an_auditor_reads_and_does_nothing(county: County, browse: Browse) -> None:
    id = await alert(county, "PS3")
    browser = browse()
    await browser.sign_in("auditor")
    page = await browser.open(f"/alerts/{id}")
    assert page.status_code == 200 and "/ack" not in page.text
    refused = await browser.send(page, f"/alerts/{id}/ack")
    assert refused.status_code == 403
    await county.quiet()
    row = await county.ask("alerts.show", id=id, member="ps-01", opens=False)
    assert row["state"] in ("raised", "delivered"), "an auditor's look does not even open it"
    assert await looked(county, id) == [("ps-01", "auditor", "audit")]


async def test_an_administrator_sees_lists_and_opens_nothing(
    county: County, browse: Browse
) -> None:
    id = await alert(county, "PS4")
    browser = browse()
    await browser.sign_in("admin")
    desk = await browser.open("/")
    assert desk.status_code == 200 and f"/alerts/{id}" not in desk.text and "PS4" not in desk.text
    for path in (f"/alerts/{id}", f"/inbox/{id}", f"/drafts/{id}"):
        assert (await browser.open(path)).status_code == 403, path
    assert await looked(county, id) == []


async def test_two_people_approve_a_draft_that_wants_two(county: County, browse: Browse) -> None:
    record = {"to": "cln-01", "legal_doc_no": "W-1", "waybill_no": "SF1000001"}
    id = await draft_for(county, "pol", REQUEST, {**record, "scope": ["images"]})
    first, second = browse(), browse()
    await first.sign_in("police")
    page = await first.open(f"/drafts/{id}")
    assert "须由两个人先后批准" in page.text and "寄递企业" in page.text
    unchecked = await first.send(page, f"/drafts/{id}/approve")
    assert unchecked.status_code == 422
    approved = await first.send(page, f"/drafts/{id}/approve", check="custody", by="赵警官")
    assert approved.status_code == 303, approved.text
    page = await first.open(f"/drafts/{id}")
    assert "您已批准" in page.text and f"/drafts/{id}/approve" not in page.text
    again = await first.send(page, f"/drafts/{id}/approve", check="custody")
    assert again.status_code == 422, "the same person twice"

    await second.sign_in("officer")
    page = await second.open(f"/drafts/{id}")
    assert "police甲" in page.text
    sent = await second.send(page, f"/drafts/{id}/approve", check="custody")
    assert sent.status_code == 303, sent.text
    rows = await county.ask("drafts.list", member="pol")
    (row,) = [one for one in rows if one["id"] == id]
    (verdict,) = await county.verdicts([row["message"]])
    assert verdict["verdict"] == "accepted" and row["by"] == "officer甲"


async def test_what_came_is_shown_once_it_is_noted(county: County, browse: Browse) -> None:
    id = await alert(county, "PS5")
    rows = await county.ask("inbox.list", member="ps-01")
    browser = browse()
    await browser.sign_in("clerk")
    listed = await browser.open("/inbox")
    assert listed.status_code == 200 and rows[0]["id"] in listed.text
    page = await browser.open(f"/inbox/{rows[0]['id']}")
    assert page.status_code == 200 and id in page.text
    await county.quiet()
    assert await looked(county, rows[0]["id"]) == [("ps-01", "clerk", "work")]


async def test_pages_speak_both_languages(browse: Browse) -> None:
    browser = browse()
    chinese = await browser.open("/sign-in")
    assert 'lang="zh-CN"' in chinese.text and "登录名" in chinese.text
    switched = await browser.open("/language/en?next=/sign-in")
    assert (switched.status_code, switched.headers["location"]) == (303, "/sign-in")
    english = await browser.open("/sign-in")
    assert '<html lang="en">' in english.text and "Sign-in name" in english.text


async def test_status_names_the_address(county: County) -> None:
    status = await county.ask("status")
    assert status["web_url"].startswith("http://127.0.0.1:")
