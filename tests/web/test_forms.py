"""Forms: every type has one, what is typed becomes the record, and who may send what."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from tests.catalogue.catalogue_examples import COMPANY, DAY, GOOD, ID_NO, PERSON
from tests.e2e.kit import County
from tests.web.browsing import Browser, token_of
from tests.web.test_desk import looked

from jdgate.core import approval
from jdgate.core.catalogue import Catalogue, default_path, load
from jdgate.core.directory import Member
from jdgate.errors import Refused
from jdgate.refdata import References
from jdgate.texts import Lang
from jdgate.web.pages.forms import INSPECTION
from jdgate.web.shaping.form_fields import places_of, record_of, tidied, values_of
from jdgate.web.shaping.form_view import Words, walk
from jdgate.web.shaping.names import Names

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
CATALOGUE: Catalogue = load([default_path()])
SENDABLE = [
    type
    for type, sheet in CATALOGUE.sheets.items()
    if sheet.domain != "sys" and sheet.senders != ("GW",)
]
VENUE, NOTICE, DROPOUT = (
    "venue.patrol.result.v1",
    "licence.basis.notice.v1",
    "mmt.dropout.notice.v1",
)
XSS = "<script>alert(1)</script>\"'><img src=x>"
PATROL = {
    "uscc": COMPANY, "date": DAY, "warning_signs": "true", "staff_list": "true",
    "business_log": "true", "cameras": "true", "own_patrols": "true", "result": "passed",
}  # fmt: skip


def own_of(page: httpx.Response) -> str:
    found = re.search(r'name="own" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


async def post(browser: Browser, type: str, **fields: str) -> httpx.Response:
    """Open a form and send it with these fields."""
    page = await browser.open(f"/forms/{type}")
    assert page.status_code == 200, page.text
    return await browser.send(page, f"/forms/{type}", own=own_of(page), **fields)


async def accepted(browser: Browser, answer: httpx.Response) -> str:
    """Wait until the page of what was sent says that the gateway has accepted it; its id."""
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    for _ in range(600):
        page = await browser.open(path)
        assert page.status_code == 200
        if "data-open" not in page.text:
            break
        await asyncio.sleep(0.05)
    assert "网关已接收" in page.text, page.text
    return str(path.rpartition("/")[2])


# --- schemas and records, without a county


@pytest.mark.parametrize("type", SENDABLE)
def test_what_a_form_shows_of_a_record_is_that_record_again(type: str) -> None:
    sheet, example = CATALOGUE.sheets[type], GOOD[type]
    record = {n: "两行\n文字" if n in sheet.sealed else v for n, v in example.items()}
    places = places_of(CATALOGUE.schema(type), sheet)
    values = values_of(places, record)
    assert tidied(places, values) == values
    signers = [record[name] for name in approval.signers(sheet)]
    assert approval.signed(sheet, record_of(places, values), signers) == record


@pytest.mark.parametrize("type", SENDABLE)
def test_every_field_has_its_words_in_both_languages(type: str) -> None:
    sheet = CATALOGUE.sheets[type]
    places = places_of(CATALOGUE.schema(type), sheet)
    shown = {}
    for lang in ("zh", "en"):
        fields, others = Words(sheet=sheet, lang=lang).form(places, {}, {})
        shown[lang] = [(one.path, one.title) for one in walk(fields)]
        assert not others
    assert all(re.search(r"[\u4e00-\u9fff]", title) for _, title in shown["zh"])
    assert not any(re.search(r"[\u4e00-\u9fff]", title) for _, title in shown["en"])


@pytest.mark.parametrize("type", sorted(CATALOGUE.sheets))
def test_listed_values_are_read_in_words(type: str) -> None:
    sheet, parts = CATALOGUE.sheets[type], CATALOGUE.schema(type)["properties"]
    listed = {
        name: part.get("enum") or [part["items"]["enum"]]
        for name, part in parts.items()
        if "enum" in part or "enum" in part.get("items", {})
    }
    places = places_of({"properties": {name: parts[name] for name in listed}}, sheet)
    for name, values in listed.items():
        for value in values:
            (_, said, _), *_ = Words(sheet=sheet, lang="zh").lines(places, {name: value})
            assert re.search(r"[\u4e00-\u9fff]", said), (name, value, said)


def test_codes_are_read_with_their_names() -> None:
    members = {
        one.id: one
        for one in (
            Member("cln-01", "第一门诊", "department", ("CLN",), ("511623000000",), ()),
            Member("com-03", "丙林镇", "department", ("COM",), ("511623103000",), ()),
        )
    }

    def said(type: str, lang: Lang, **record: Any) -> list[str]:
        sheet = CATALOGUE.sheets[type]
        words = Words(sheet=sheet, lang=lang, names=Names(References(), members, lang))
        places = places_of(CATALOGUE.schema(type), sheet)
        return [text for _, text, _ in words.lines(places, record)]

    stock = {"cas": "7647-01-0", "unit": "kg", "book_qty": 1.5, "stock_qty": 1.5}
    (zh,), (en,) = (said(INSPECTION, lang, stocks=[stock]) for lang in ("zh", "en"))
    assert "盐酸（7647-01-0）" in zh and "千克" in zh
    assert "(7647-01-0), " in en and "Kilograms" in en and "，" not in en
    assert said("mmt.enrol.filed.v1", "zh", site="cln-01-a") == ["第一门诊（cln-01-a）"]
    assert said("mmt.enrol.filed.v1", "zh", site="cln-09") == ["cln-09"], "nobody knows it"
    places = ["511623000000", "511623103000", "511699000000"]
    assert [said("comm.order.notice.v1", "zh", town=one) for one in places] == [
        ["邻水县（511623000000）"], ["丙林镇（511623103000）"], ["511699000000"],
    ]  # fmt: skip
    assert said("mmt.transfer.request.v1", "en", to="cln-01") == ["第一门诊 (cln-01)"]
    told = {"cas": "7647-01-0", "unit": "kg", "town": "com-03", "due_on": "2026-11-22"}
    assert Names(References(), members, "zh").in_params(told) == {
        **told, "cas": "盐酸（7647-01-0）", "town": "丙林镇（com-03）",
    }  # fmt: skip


def test_what_was_typed_is_read_as_people_write_it() -> None:
    sheet = CATALOGUE.sheets[INSPECTION]
    places = places_of(CATALOGUE.schema(INSPECTION), sheet)
    posted = {
        "uscc": f" {COMPANY.lower()} ", "date": "2026/11/20", "form_token": "t", "unknown": "x",
        "stocks.0.unit": "", "stocks.2.cas": "67-64-1", "stocks.2.unit": "kg",
        "stocks.2.book_qty": "1,200.50", "stocks.2.stock_qty": "１２００.5",
        "stocks.7.cas": "７６６４－９３－９", "stocks.7.book_qty": "abc",
        "stocks.7.stock_qty": "1.00000000000000000001",
        "items.0.code": "ledger", "items.0.ok": "maybe", "findings_ema.4": "ledger",
    }  # fmt: skip
    values = tidied(places, posted)
    assert not {"unknown", "form_token"} & values.keys()
    assert record_of(places, values) == {
        "uscc": COMPANY,
        "date": "2026-11-20",
        "stocks": [
            {"cas": "67-64-1", "unit": "kg", "book_qty": 1200.5, "stock_qty": 1200.5},
            # neither is a number that was meant as it would be sent: the checks will say so
            {"cas": "7664-93-9", "book_qty": "abc", "stock_qty": "1.00000000000000000001"},
        ],
        "items": [{"code": "ledger", "ok": "maybe"}],
        "findings_ema": ["ledger"],
    }


def test_moments_are_typed_in_the_countys_time() -> None:
    type = "courier.suspect.report.v1"
    places = places_of(CATALOGUE.schema(type), CATALOGUE.sheets[type])
    assert record_of(places, {"found_at": "2026-11-20T16:00"}) == {
        "found_at": "2026-11-20T08:00:00.000Z"
    }
    assert record_of(places, {"found_at": "yesterday"}) == {"found_at": "yesterday"}


def test_a_field_that_names_a_member_offers_those_it_may_go_to() -> None:
    type = "mmt.transfer.request.v1"
    members = [
        Member(id, id.upper(), "department", (role,), ("511623000000",), ())
        for id, role in (("cln-02", "CLN"), ("com-01", "COM"))
    ]
    words = Words(sheet=CATALOGUE.sheets[type], lang="zh", members=members)
    fields, _ = words.form(places_of(CATALOGUE.schema(type), words.sheet), {}, {})
    assert next(one for one in fields if one.path == "to").options == [("cln-02", "CLN-02")]


# --- in a county


async def test_the_list_has_the_types_of_the_members_roles(county: County, browse: Browse) -> None:
    seen = {}
    for login in ("clerk", "nurse"):
        browser = browse()
        await browser.sign_in(login)
        seen[login] = (await browser.open("/forms")).text
        for type in re.findall(r'href="/forms/([a-z.]+\.v1)"', seen[login]):
            page = await browser.open(f"/forms/{type}")
            assert page.status_code == 200 and "*" in page.text, type
        for type in ("sys.receipt.v1", "no.such.v1", "mmt.absence.alert.v1"):
            assert (await browser.open(f"/forms/{type}")).status_code == 404
    assert "巡查" in seen["clerk"] and DROPOUT not in seen["clerk"]
    assert DROPOUT in seen["nurse"] and VENUE not in seen["nurse"]
    assert (await browser.open(f"/forms/{VENUE}")).status_code == 404
    page = await browser.open("/forms")
    refused = await browser.send(page, f"/forms/{VENUE}", own="x" * 32, **PATROL)
    assert refused.status_code == 404, "a clinic's nurse sends no patrols"


async def test_a_form_is_sent_once_and_accepted(county: County, browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    page = await browser.open(f"/forms/{VENUE}")
    fields = {"own": own_of(page), **PATROL}
    first = await browser.send(page, f"/forms/{VENUE}", **fields)
    again = await browser.send(page, f"/forms/{VENUE}", **fields)
    assert again.headers["location"] == first.headers["location"], "pressed twice, sent once"
    other = await browser.send(page, f"/forms/{VENUE}", **{**fields, "date": "2026-11-19"})
    assert other.status_code == 409 and 'value="2026-11-19"' in other.text, "nothing is lost"
    assert own_of(other) != own_of(page), "sent now, it is another one"
    await accepted(browser, first)
    records = await county.until(lambda: county.records("pol", VENUE))
    assert [one for one in records if one["uscc"] == COMPANY and one["date"] == DAY]
    assert len(records) == 1

    elsewhere = browse()
    await elsewhere.sign_in("nurse")
    path = first.headers["location"]
    assert (await elsewhere.open(path)).status_code == 404, "another member's message"


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    county: County, browse: Browse
) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    answer = await post(
        browser, INSPECTION, uscc="91350100M000100Y44", date=DAY,
        **{"items.0.code": "ledger", "items.0.note": "门未上锁", "stocks.0.cas": "67-64-2",
           "stocks.0.unit": "kg", "stocks.0.book_qty": "ten", "stocks.0.stock_qty": "98.5",
           "stocks.3.cas": "67-64-1"},
    )  # fmt: skip
    assert answer.status_code == 422
    text = unescape(answer.text)
    for path, said in (
        ("uscc", "统一社会信用代码"), ("items.0.ok", "缺少“合格”"), ("stocks.0.cas", "CAS"),
        ("stocks.0.book_qty", "数"), ("stocks.1.unit", "缺少“单位”"),
    ):  # fmt: skip
        fault = re.search(rf'id="fault-{re.escape(path)}">(.*?)</p>', text)
        assert fault is not None and said in fault[1], path
        assert f'aria-describedby="hint-{path} fault-{path}"' in text or (
            f'aria-describedby="fault-{path}"' in text
        )
        assert f'href="#f-{path}"' in text, "the summary leads there"
    for typed in ('value="91350100M000100Y44"', 'value="ten"', "门未上锁", 'value="67-64-1"'):
        assert typed in text


async def test_rows_come_and_go_without_script(browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    more = await post(browser, INSPECTION, add="stocks", **{"stocks.0.cas": "67-64-1"})
    assert more.status_code == 200 and 'name="stocks.1.cas"' in more.text
    assert 'value="67-64-1"' in more.text
    less = await browser.send(
        more, f"/forms/{INSPECTION}", own=own_of(more), drop="stocks.0",
        **{"stocks.0.cas": "67-64-1", "stocks.1.cas": "108-88-3"},
    )  # fmt: skip
    assert 'value="108-88-3"' in less.text and 'value="67-64-1"' not in less.text
    assert 'name="stocks.1.cas"' not in less.text


@pytest.mark.parametrize("type", [INSPECTION, VENUE, "sealed.query.v1", "outreach.report.v1"])
async def test_nothing_typed_becomes_part_of_the_page(browse: Browse, type: str) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    places = places_of(CATALOGUE.schema(type), CATALOGUE.sheets[type])
    fields, _ = Words(sheet=CATALOGUE.sheets[type], lang="zh").form(places, {}, {})
    typed = {one.path: XSS for one in walk(fields) if not (one.parts or one.rows)}
    answer = await post(browser, type, **typed)
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text and "<img" not in answer.text
    assert "&lt;script&gt;" in answer.text


async def test_only_who_may_send_sees_forms(browse: Browse) -> None:
    for login in ("auditor", "admin", "keeper", "checker"):
        browser = browse()
        await browser.sign_in(login)
        page = await browser.open("/")
        for path in ("/forms", f"/forms/{VENUE}", "/forms/waiting/x", "/inspection",
                     "/inspection/offline", "/inspection/fresh"):  # fmt: skip
            assert (await browser.open(path)).status_code == 403, (login, path)
        for path in (f"/forms/{VENUE}", "/inspection", "/forms/waiting/x/approve"):
            sent = await browser.send(page, path, own="x" * 32, **PATROL)
            assert sent.status_code == 403, (login, path)
        assert 'href="/forms"' not in page.text and 'href="/inspection"' not in page.text
    stranger = browse()
    assert (await stranger.open("/forms")).status_code == 303
    nurse = browse()
    await nurse.sign_in("nurse")
    page = await nurse.open("/")
    assert 'href="/forms"' in page.text and 'href="/inspection"' not in page.text
    assert (await nurse.open("/inspection")).status_code == 404


async def test_a_form_of_another_browser_is_refused(browse: Browse) -> None:
    browser, other = browse(), browse()
    await browser.sign_in("clerk")
    await other.sign_in("approver")
    theirs = token_of(await other.open("/forms"))
    for path in (f"/forms/{VENUE}", "/inspection"):
        for token in ({}, {"form_token": theirs}):
            data = {**token, "own": "x" * 32, **PATROL}
            assert (await browser.client.post(path, data=data)).status_code == 403
    page = await browser.open(f"/forms/{VENUE}")
    odd = await browser.send(page, f"/forms/{VENUE}", own="../../x", **PATROL)
    assert odd.status_code == 422


# --- approval


async def test_an_approvers_form_goes_out_in_their_own_name(county: County, browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("approver")
    page = await browser.open("/forms/sealed.query.v1")
    assert "approver甲" in page.text and 'name="approver"' not in page.text
    answer = await post(
        browser, "sealed.query.v1", query_no="Q-77", case_no="案-77", approver="某局长",
        **{n: str(v) for n, v in PERSON.items()},
    )  # fmt: skip
    await accepted(browser, answer)
    records = await county.until(lambda: county.records("pol", "sealed.query.v1"))
    assert [one["approver"] for one in records if one["query_no"] == "Q-77"] == ["approver甲"]


async def test_a_clerks_form_waits_for_an_approver(county: County, browse: Browse) -> None:
    clerk, approver = browse(), browse()
    await clerk.sign_in("clerk")
    await approver.sign_in("approver")
    person = {n: str(v) for n, v in PERSON.items()}
    handed = await post(clerk, "sealed.query.v1", query_no="Q-78", case_no="案-78", **person)
    path = handed.headers["location"]
    id = path.rpartition("/")[2]
    assert path.startswith("/forms/waiting/")
    assert "待批准或者退回的填报" in (await approver.open("/")).text
    listed = (await approver.open("/forms")).text
    assert path in listed and ID_NO not in listed, "a list opens nothing"
    page = await approver.open(path)
    assert ID_NO in page.text
    await county.quiet()
    assert ("ps-01", "approver", "work") in await looked(county, id)

    own = await clerk.open(path)
    assert "以 clerk甲" not in own.text
    for act in ("approve", "return"):
        sent = await clerk.send(own, f"{path}/{act}", version="x", reason="x")
        assert sent.status_code == 403, act

    back = await approver.send(page, f"{path}/return", reason=f"案号不全{XSS}")
    assert back.status_code == 303
    shown = await clerk.open(path)
    assert "案号不全" in shown.text and "<script>alert" not in shown.text
    stale = re.search(r'name="version" value="(\w+)"', page.text)
    assert stale is not None
    over = await approver.send(page, f"{path}/approve", version=stale[1])
    assert over.status_code == 422 and "已退回修改" in over.text

    form = await clerk.open(f"/forms/sealed.query.v1?waiting={id}")
    assert f'value="{ID_NO}"' in form.text and own_of(form) == id
    changed = await clerk.send(
        form, "/forms/sealed.query.v1", own=id, again="1", query_no="Q-78", case_no="案-78之1",
        **person,
    )  # fmt: skip
    assert changed.headers["location"] == path
    over = await approver.send(page, f"{path}/approve", version=stale[1])
    assert over.status_code == 422 and "又有改动" in over.text
    page = await approver.open(path)
    fresh = re.search(r'name="version" value="(\w+)"', page.text)
    assert fresh is not None
    done = await approver.send(page, f"{path}/approve", version=fresh[1])
    await accepted(approver, done)
    records = await county.records("pol", "sealed.query.v1")
    (record,) = [one for one in records if one["query_no"] == "Q-78"]
    assert (record["case_no"], record["approver"]) == ("案-78之1", "approver甲")
    assert (await approver.open(path)).status_code == 404, "sent, and so no longer there"


@pytest.mark.parametrize("other", ["form.return", "submit.once", "form.drop"])
async def test_what_is_approved_and_taken_away_at_once_is_only_one_of_both(
    county: County, browse: Browse, other: str
) -> None:
    clerk = browse()
    await clerk.is_in("clerk")
    person = {n: str(v) for n, v in PERSON.items()}
    named = f"Q-{other}"
    handed = await post(clerk, "sealed.query.v1", query_no=named, case_no="案-79", **person)
    id = handed.headers["location"].rpartition("/")[2]
    row = await county.ask("form.show", member="ps-01", id=id)
    more: dict[str, Any] = {
        "form.return": {"id": id, "reason": "x", "by": "second甲"},
        "form.drop": {"id": id},
        "submit.once": {
            "system": "@second", "id": id, "instead_of": id, "type": row["type"],
            "records": [{**row["record"], "case_no": "案-79之1", "approver": "second甲"}],
            "approved_by": ["second甲"],
        },
    }[other]  # fmt: skip
    approve = {"member": "ps-01", "id": id, "version": row["version"], "by": "approver甲"}
    ended = await asyncio.gather(
        county.ask("form.approve", **approve), county.ask(other, member="ps-01", **more),
        return_exceptions=True,
    )  # fmt: skip
    (refused,) = [one for one in ended if isinstance(one, BaseException)]
    assert isinstance(refused, Refused)
    assert refused.code in ("web.not_found", "web.form_returned")
    still = [one["id"] for one in await county.ask("form.list", member="ps-01")]
    assert (id in still) == (refused.code == "web.form_returned")


async def test_two_different_approvers_stand_behind_what_wants_two(
    county: County, browse: Browse
) -> None:
    first, second, elsewhere = browse(), browse(), browse()
    for browser, login in ((first, "police"), (second, "officer"), (elsewhere, "approver")):
        await browser.sign_in(login)
    record = {n: str(v) for n, v in GOOD[NOTICE].items() if not n.startswith("reviewer")}
    handed = await post(first, NOTICE, **record)
    path = handed.headers["location"]
    page = await first.open(path)
    assert "您已批准" in page.text
    version = re.search(r'name="version" value="(\w+)"', (await second.open(path)).text)
    assert version is not None
    same = await first.send(page, f"{path}/approve", version=version[1])
    assert same.status_code == 422 and "另一人批准" in same.text
    for act in ("approve", "return", "drop"):
        theirs = await elsewhere.send(
            await elsewhere.open("/forms"), f"{path}/{act}", version=version[1], reason="x"
        )
        assert theirs.status_code == 404, "another member's form"
    assert (await elsewhere.open(path)).status_code == 404
    page = await second.open(path)
    done = await second.send(page, f"{path}/approve", version=version[1])
    id = done.headers["location"].rpartition("/")[2]
    (verdict,) = await county.verdicts([id])
    assert verdict["verdict"] == "accepted", verdict
    assert done.status_code == 303


async def test_what_is_sealed_is_typed_in_the_open_and_read_by_its_reader_alone(
    county: County, browse: Browse
) -> None:
    browser = browse()
    await browser.sign_in("elsewhere")
    answer = await post(
        browser, "tip.sealed.v1", receipt_token="Zk3x9QmT2rWv8LpB", received_on=DAY,
        body="有人在仓库\n夜间装货",
    )  # fmt: skip
    await accepted(browser, answer)
    (record,) = await county.until(lambda: county.records("pol", "tip.sealed.v1"))
    assert record["body"] == "有人在仓库\n夜间装货"


async def test_forms_do_not_wait_without_end(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jdgate.commands.waiting.MOST", 0)
    browser = browse()
    await browser.sign_in("clerk")
    person = {n: str(v) for n, v in PERSON.items()}
    full = await post(browser, "sealed.query.v1", query_no="Q-80", case_no="案-80", **person)
    assert full.status_code == 422 and "请先处理" in full.text and 'value="Q-80"' in full.text


async def test_a_form_that_nobody_wants_is_deleted(browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    person = {n: str(v) for n, v in PERSON.items()}
    handed = await post(browser, "sealed.query.v1", query_no="Q-79", case_no="案-79", **person)
    path = handed.headers["location"]
    page = await browser.open(path)
    assert (await browser.send(page, f"{path}/bend")).status_code == 404
    assert (await browser.send(page, f"{path}/drop")).headers["location"] == "/forms"
    assert path not in (await browser.open("/forms")).text


# --- the monthly inspection


async def test_an_inspection_without_script(county: County, browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    page = await browser.open("/inspection")
    good: dict[str, Any] = {
        "uscc": COMPANY, "date": DAY, "items.1.code": "ledger", "items.1.ok": "true",
        "items.2.code": "storage", "items.2.ok": "false", "items.2.note": "门未上锁",
        "items.3.code": "filing", "items.3.ok": "", "findings_ema.2": "storage",
        "findings_mpa.1": "ledger", "stocks.0.cas": "67-64-1", "stocks.0.unit": "kg",
        "stocks.0.book_qty": "100", "stocks.0.stock_qty": "98.5", "stocks.1.unit": "kg",
    }  # fmt: skip
    wrong = await browser.send(
        page, "/inspection", **{**good, "own": own_of(page), "items.2.note": "13800138000"}
    )
    assert wrong.status_code == 422
    odd = await browser.send(
        page, "/inspection", **{**good, "own": own_of(page), "uscc": XSS, "items.2.note": XSS}
    )
    assert odd.status_code == 422 and "<script>alert" not in odd.text and "<img" not in odd.text
    fault = re.search(r'data-fault="items.2.note">([^<]+)<', wrong.text)
    assert fault is not None and 'value="98.5"' in wrong.text
    more = await browser.send(page, "/inspection", **{**good, "own": own_of(page)}, add="stocks")
    assert 'name="stocks.1.cas"' in more.text
    sent = await browser.send(page, "/inspection", **{**good, "own": own_of(page)})
    await accepted(browser, sent)
    records = await county.until(lambda: county.records("pol", INSPECTION))
    assert records == [
        {
            "uscc": COMPANY,
            "date": DAY,
            "items": [
                {"code": "ledger", "ok": True},
                {"code": "storage", "ok": False, "note": "门未上锁"},
            ],
            "stocks": [{"cas": "67-64-1", "unit": "kg", "book_qty": 100, "stock_qty": 98.5}],
            "findings_ema": ["storage"],  # nothing is handed on where there is no problem
        }
    ]


async def test_what_is_kept_for_use_offline_names_nobody(county: County, browse: Browse) -> None:
    browser = browse()
    await browser.sign_in("clerk")
    shell = await browser.open("/inspection/offline")
    assert shell.status_code == 200 and 'name="uscc"' in shell.text
    token = token_of(await browser.open("/inspection"))
    for secret in ("clerk", "派出所</", "ps-01", token, browser.cookie):
        assert str(secret) not in shell.text
    worker = await browser.open("/inspection/worker.js")
    assert worker.headers["service-worker-allowed"] == "/inspection"
    assert "worker-src 'self'" in worker.headers["content-security-policy"]
    manifest = (await browser.open("/inspection/app.webmanifest")).json()
    assert manifest["start_url"] == "/inspection" and "clerk" not in str(manifest)
    out = await browser.send(await browser.open("/"), "/sign-out")
    assert out.headers["clear-site-data"] == '"storage"'
    fresh = await browser.open("/inspection/fresh", headers={"X-Jdgate-Live": "1"})
    assert fresh.status_code == 401


async def test_companies_inspected_before_are_offered(county: County, browse: Browse) -> None:
    edge = county.daemon.the_edge

    def note(conn: Any) -> None:  # as the precursor plugin does
        noted = {"last": "2026-10-12", "stocks": [["67-64-1", "kg"]]}
        edge.desk("ps-01").register(conn, INSPECTION).put("company", "91350211M000100Y46", noted)

    await edge.run(note)
    browser = browse()
    await browser.sign_in("clerk")
    page = unescape((await browser.open("/inspection")).text)
    assert '<option value="91350211M000100Y46" data-last="2026-10-12"' in page
    assert """data-stocks='[["67-64-1", "kg"]]'""" in page
    assert "91350211M000100Y46" not in (await browser.open("/inspection/offline")).text
