"""What people see and do at their desks, over HTTP, against a daemon that runs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from tests.e2e.kit import ENROL, WITHIN, County, enrolment
from tests.e2e.test_approval import draft_for
from tests.web.browsing import Browser, hire, without_token

from jdgate.cli.drafts import one_draft_lines
from jdgate.errors import TransportFailed
from jdgate.people import accounts
from jdgate.store import alert_box, draft_box, edge_tables, inbox, people
from jdgate.store.alert_box import AlertBoxRow
from jdgate.store.draft_box import DraftBoxRow
from jdgate.store.inbox import InboxRow
from jdgate.web import live
from jdgate.web.live import Key
from jdgate.web.site import Site, Visit

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


async def township(county: County, browser: Browser) -> None:
    """Sign in at a desk where nothing else comes."""
    if (await browser.try_sign_in("township")).status_code != 303:
        await hire(county, "township", "clerk", "com-02")
        await browser.sign_in("township")


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
    assert "clerk甲" in page.text and "前确认" in page.text
    assert "结果不能再改" in page.text

    done = await browser.send(page, f"/alerts/{id}/ack", by="somebody else")
    assert done.status_code == 303
    page = await browser.open(f"/alerts/{id}")
    assert "前确认" not in page.text, "what is done is not due any more"
    assert "确认：已办" in page.text or "前处理" in page.text
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
        async with asyncio.timeout(2 * WITHIN):
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
    assert desk.status_code == 200 and f"/alerts/{id}" not in desk.text
    assert "PS4" not in without_token(desk)
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
    assert "安检图像" in page.text and "images" not in page.text, "listed values are said in words"
    assert "（cln-01）" in page.text, "an id stands beside its name"
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
    page = await second.open(f"/drafts/{id}")
    assert "已发送的内容" in page.text and "批准后将发送" not in page.text
    assert "SF1000001" in page.text and "police甲" in page.text
    shown = one_draft_lines(await county.ask("drafts.show", id=id), {}, "en")
    assert "Sent:" in shown


async def test_a_desk_with_many_alerts_is_turned_page_by_page_by_deadline(
    county: County, browse: Browse
) -> None:
    now = county.daemon.clock.now()
    rows = [
        AlertBoxRow(
            member="com-02", id=f"many-{n:03d}", type="mmt.dropout.alert.v1", rule="T1",
            title_code="alert.sequence_gap", desk="com-02" if n else "com-01", level=0,
            urgent=False, state="resolved" if n == 1 else "delivered", repeats=0, told=1,
            received_at=now, due_step="acknowledged",
            due_at=None if n % 5 == 0 else now + timedelta(minutes=n * 7 % 113),
        )
        for n in range(130)
    ]  # fmt: skip
    await county.daemon.the_edge.run(lambda conn: [alert_box.hear(conn, row) for row in rows])
    browser = browse()
    await township(county, browser)
    shown: list[str] = []
    path, pages = "/", 0
    while path:
        page = await browser.open(path)
        assert page.status_code == 200 and '<span class="count">128</span>' in page.text
        shown += re.findall(r'href="/alerts/(many-\d+)"', page.text)
        (path,) = re.findall(r'href="(/\?after=[^"]+)"', page.text) or [""]
        pages += 1
    assert pages == 3
    by_deadline = sorted(rows[2:], key=lambda row: (row.due_at is None, row.due_at or now, row.id))
    assert shown == [row.id for row in by_deadline]


async def test_drafts_and_messages_are_turned_page_by_page(county: County, browse: Browse) -> None:
    now = county.daemon.clock.now()

    def fill(conn: Any) -> None:
        for n in range(120):
            at = now - timedelta(seconds=n // 3)  # several at one moment
            draft_box.add(conn, DraftBoxRow(
                member="com-02", id=f"draft-{n:03d}", type=REQUEST, rule="T1", cause="c",
                reason_code="alert.sequence_gap", params={}, key_id="k", prefill=None, checks=[],
                state="rejected", received_at=at,
            ))  # fmt: skip
        inbox.add_many(conn, [
            InboxRow(member="com-02", id=f"came-{n:03d}", source="gateway", type=ENROL,
                     received_at=now - timedelta(seconds=n // 3), next_at=now, state="done")
            for n in range(120)
        ])  # fmt: skip

    await county.daemon.the_edge.run(fill)
    browser = browse()
    await township(county, browser)
    for path, kind in (("/drafts", "draft"), ("/inbox", "came")):
        shown: list[str] = []
        following = path
        while following:
            page = await browser.open(following)
            shown += re.findall(rf'href="{path}/({kind}-\d+)"', page.text)
            (following,) = re.findall(rf'href="({path}\?before=[^"]+)"', page.text) or [""]
        wanted = [f"{kind}-{n:03d}" for n in range(120)]
        assert shown == sorted(wanted, key=lambda id: (int(id[-3:]) // 3, -int(id[-3:])))
        # a place that nobody gave begins at the newest; one of another member's tells nothing
        assert f"{kind}-000" in (await browser.open(f"{path}?before=nothing' OR 1=1")).text


async def test_an_alert_is_passed_on_only_to_those_who_may_get_it(
    county: County, browse: Browse
) -> None:
    id = await alert(county, "PS6")
    browser = browse()
    await browser.sign_in("clerk")
    page = await browser.open(f"/alerts/{id}")
    row = await county.ask("alerts.show", id=id, member="ps-01", opens=False)
    offered = set(re.findall(r'<option value="([a-z0-9-]+)">', page.text)) - set(row["outcomes"])
    sheet = county.daemon.catalogue.sheets[row["type"]]
    able = {
        one.id for one in county.trust.active() if any(sheet.fields_for(role) for role in one.roles)
    }
    assert offered == able - {"ps-01", "gateway"}
    assert "<optgroup label=" in page.text
    assert page.text.index("确认接办</h3>") < page.text.index("处理完毕</h3>")


async def test_each_role_sees_first_what_is_its_own(county: County, browse: Browse) -> None:
    keeper, auditor, clerk = browse(), browse(), browse()
    await keeper.sign_in("keeper")
    await auditor.sign_in("auditor")
    await clerk.sign_in("clerk")
    text = (await keeper.open("/")).text
    assert text.index("系统与密钥") < text.index("待办提醒")
    # cln-08's signing key has ended and has no successor
    assert "cln-08" in text and 'href="/members"' in text
    assert "只查看，不办理" in (await auditor.open("/")).text
    text = (await clerk.open("/")).text
    assert "系统与密钥" not in text and "只查看，不办理" not in text


async def test_what_came_is_shown_once_it_is_noted(county: County, browse: Browse) -> None:
    id = await alert(county, "PS5")
    rows = await county.ask("inbox.list", member="ps-01")
    browser = browse()
    await browser.sign_in("clerk")
    listed = await browser.open("/inbox")
    assert listed.status_code == 200 and rows[0]["id"] in listed.text
    page = await browser.open(f"/inbox/{rows[0]['id']}")
    assert page.status_code == 200 and f'href="/alerts/{id}"' in page.text
    assert "标题参数" not in page.text, "said in words, not as a code with its parameters"
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


async def test_what_was_erased_is_said_to_be(county: County, browse: Browse) -> None:
    await alert(county, "PS8")
    (row, *_) = await county.ask("inbox.list", member="ps-01")
    edge, mine = county.daemon.the_edge, edge_tables.inbox.c.id == row["id"]
    await edge.run(
        lambda conn: conn.execute(update(edge_tables.inbox).where(mine).values(body=None))
    )
    browser = browse()
    await browser.is_in("clerk")
    page = await browser.open(f"/inbox/{row['id']}")
    assert page.status_code == 200 and "内容已删除" in page.text


async def test_a_desk_that_could_not_be_drawn_is_drawn_again(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AGAIN_S", 0.01)
    daemon = county.daemon
    assert daemon.house is not None
    tries = 0

    async def draw(key: Key) -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise TransportFailed("books.busy", books="x")
        return "drawn"

    site, now = Site(daemon, daemon.house, tls=False), daemon.clock.now()
    token = await daemon.house.run(lambda conn: accounts.begin(conn, "clerk", now))
    who = await daemon.house.run(lambda conn: people.get(conn, "clerk"))
    events = live.Live(site, draw).events(Visit(token, False, who, "zh"))
    assert await anext(events) == b"retry: 3000\n\n"
    coming = asyncio.create_task(anext(events))
    while not coming.done():
        if not tries:
            daemon.the_edge.bell.ring("ps-01")  # once it listens, this is all that it hears
        await asyncio.sleep(0.01)
    assert coming.result() == live.stream_event("work", "drawn") and tries == 2
    await events.aclose()
    site.close()
