"""What a member sent: listed page by page, each with the gateway's verdict and its receipt; to its
own people alone, and never with content."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection
from tests.e2e.kit import ATTENDANCE, ENROL, County, attendance, enrolment, id_no
from tests.web.browsing import Browser, without_token

from jdgate.core import signing
from jdgate.store import outbox
from jdgate.texts import say
from jdgate.web.pages import sent

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


@pytest.fixture
async def nurse(browse: Browse) -> Browser:
    browser = browse()
    await browser.sign_in("nurse")
    return browser


async def judged(county: County) -> dict[str, str]:
    """Verdict → id of a message of the clinic's that the gateway gave it."""
    await county.push("cln-01", ENROL, [enrolment(1, patient_ref="S1")])
    mixed = [attendance(1, "2026-11-20", patient_ref="S1"), attendance(2, "2026-11-20")]
    await county.push("cln-01", ATTENDANCE, mixed)
    listed = await county.ask("sent.list", member="cln-01")
    return {one["state"]: one["id"] for one in reversed(listed)}


async def test_each_message_has_its_verdict_and_a_receipt_that_holds(
    county: County, nurse: Browser
) -> None:
    found = await judged(county)
    assert set(found) == {"accepted", "part"}
    page = await nurse.open("/sent")
    assert all(f"/sent/{id}" in page.text for id in found.values())
    one = await nurse.open(f"/sent/{found['part']}")
    assert say("sent.state.part", "zh") in one.text and "第 2 条" in one.text
    for content in ("S1", "P00002", id_no(1), "甄患者"):
        assert content not in without_token(one) and content not in without_token(page)
    answer = await nurse.open(f"/sent/{found['part']}/receipt")
    assert answer.headers["content-disposition"].endswith(f'"receipt-{found["part"]}.jws"')
    said = json.loads(signing.payload_unverified(answer.content))
    assert found["part"] in [record["message_id"] for record in said["data"]]
    row = await county.ask("sent.show", member="cln-01", id=found["part"])
    assert (row["records"], row["accepted"], row["refused"]) == (2, 1, 1)
    assert [fault["index"] for fault in row["faults"]] == [1]


async def test_a_long_list_is_read_page_by_page(
    county: County, nurse: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await judged(county)
    monkeypatch.setattr(sent, "A_PAGE", 1)
    listed = await county.ask("sent.list", member="cln-01")
    path, seen = "/sent", []
    while True:
        page = await nurse.open(path)
        seen += re.findall(r'href="/sent/([\w-]+)"', page.text)
        following = re.search(r'href="(/sent\?before=[\w-]+)"', page.text)
        if following is None:
            break
        path = following[1]
    assert seen == [one["id"] for one in listed] and len(seen) > 1


async def test_notices_of_the_exchange_itself_are_listed_apart(
    county: County, browse: Browse
) -> None:
    await county.push("cln-01", ENROL, [enrolment(3, patient_ref="PS31")])
    (message, *_) = await county.until(lambda: county.ask("inbox.list", member="ps-01"))
    clerk = browse()
    await clerk.sign_in("clerk")
    assert (await clerk.open(f"/inbox/{message['id']}")).status_code == 200
    looks = await county.ask("sent.list", member="ps-01", notices=True)
    assert looks and all(one["type"].startswith("sys.") for one in looks)
    assert await county.ask("sent.list", member="ps-01") == []
    assert looks[0]["id"] in (await clerk.open("/sent?notices=1")).text


async def test_what_was_signed_anew_leads_to_what_took_its_place(
    county: County, nurse: Browser
) -> None:
    found = await judged(county)

    now = county.daemon.clock.now()

    def anew(conn: Connection) -> None:
        outbox.requeue(conn, "cln-01", 1, 100_000, now)
        outbox.close(conn, found["accepted"], "refused", None, verdict, now, found["part"])

    params = {"type": ENROL, "expected": "CLN", "got": "COM/GRD"}
    verdict = {"code": "agreement.sender_role", "params": params}
    await county.daemon.the_edge.run(anew)
    page = await nurse.open(f"/sent/{found['accepted']}")
    assert f"/sent/{found['part']}" in page.text and say("sent.renewed", "zh") in page.text
    assert f"“登记备案（{ENROL}）”只能由角色 维持治疗门诊 发送" in page.text
    assert "本单位的角色是 乡镇（街道）、网格员" in page.text


@pytest.mark.parametrize("login", ["elsewhere", "clerk", None])
async def test_another_members_are_not_found(
    county: County, browse: Browse, login: str | None
) -> None:
    found = await judged(county)
    other = browse()
    if login:
        await other.sign_in(login)
    for path in (f"/sent/{found['part']}", f"/sent/{found['part']}/receipt"):
        assert (await other.open(path)).status_code == (404 if login else 303)
    if login:
        assert (await other.open(f"/sent?before={found['part']}")).status_code == 404
        for path in ("/sent/..%2f..%2fetc", '/sent/"><b>', "/sent/x%0d%0ay: z/receipt"):
            answer = await other.open(path)
            assert answer.status_code == 404 and "<b>" not in answer.text


async def test_auditors_and_administrators_see_the_lists(county: County, browse: Browse) -> None:
    for login in ("auditor", "admin"):
        browser = browse()
        await browser.sign_in(login)
        assert (await browser.open("/sent")).status_code == 200
