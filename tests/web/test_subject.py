"""Subject reports: two auditors, one person, everything that was really disclosed, and no more."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update
from tests.e2e.kit import (
    ATTENDANCE,
    ENROL,
    ORDER,
    TOWN_1,
    County,
    attendance,
    enrolment,
    id_no,
    person,
)
from tests.web.browsing import PASSWORD, Browser, hire

from jdgate.cli import main
from jdgate.cli.subject import report_lines, request_lines
from jdgate.core import leaves
from jdgate.core.encoding import b64u
from jdgate.gateway import retention
from jdgate.store import ledger, subject_requests
from jdgate.store.tables import subject_person, subject_request

pytestmark = pytest.mark.anyio

Browse = Callable[..., Browser]
SCRIPT = "<script>alert(1)</script>"


async def signed_in(browse: Browse, login: str, **headers: str) -> Browser:
    browser = browse(**headers)
    await browser.sign_in(login)
    return browser


async def asked(browser: Browser, number: int, **other: str) -> str:
    """The id of a new request about patient `number`."""
    page = await browser.open("/subject")
    given = {
        "id_type": "ric", "id_no": id_no(number), "name": "甄患者", "ground": "access",
        "reference": "申〔2026〕1号",
    }  # fmt: skip
    answer = await browser.send(page, "/subject", **given | other)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/subject/")


async def decided(browser: Browser, id: str, number: int) -> Any:
    page = await browser.open(f"/subject/{id}")
    return await browser.send(page, f"/subject/{id}/approve", id_no=id_no(number))


async def test_one_auditor_asks_another_approves_and_both_open_it(
    county: County, browse: Browse
) -> None:
    await county.push("cln-01", ENROL, [enrolment(31)])
    await county.until(lambda: county.inbox("pol"), 1)
    first, second = await signed_in(browse, "checker"), await signed_in(browse, "second-checker")
    id = await asked(first, 31)

    own = await first.open(f"/subject/{id}")
    assert "id_no" not in own.text
    assert (await first.open(f"/subject/{id}/report")).status_code == 409
    assert (await decided(first, id, 31)).status_code == 422
    assert (await decided(second, id, 32)).status_code == 422  # not the number that was asked with
    assert (await decided(second, id, 31)).status_code == 303
    for browser in (first, second):
        report = await browser.open(f"/subject/{id}/report")
        assert report.status_code == 200
        assert "checker甲" in report.text and "second-checker甲" in report.text

    steps = await county.books(lambda conn: ledger.find(conn, id))
    told = [leaves.decode(one.body) for one in steps]
    acts = [
        (one.act, one.operator, one.source) for one in told if isinstance(one, leaves.AdminLeaf)
    ]
    assert acts == [
        ("subject.asked", "checker", "nco"),
        ("subject.mistyped", "second-checker", "nco"),
        ("subject.approved", "second-checker", "nco"),
        ("subject.opened", "checker", "nco"),
        ("subject.opened", "second-checker", "nco"),
    ]
    assert all(id_no(31).encode() not in one.body for one in steps)


async def standing(county: County, number: int) -> None:
    """Patient `number`: enrolled, seen at the clinic, away for long, with what follows of that."""
    today = county.daemon.clock.now().date()
    days = [str(today - timedelta(days=ago)) for ago in range(1, 7)]
    await county.push("cln-01", ENROL, [enrolment(number), enrolment(number + 1)])
    came = [attendance(number, day, day == days[-1]) for day in days]
    await county.push("cln-01", ATTENDANCE, came)
    await county.push("pol", ORDER, [order(number)], approved_by=["赵警官"])


async def opened_report(
    browse: Browse, number: int, lang: str = "zh", **other: str
) -> tuple[Browser, str, str]:
    """A report on patient `number` that the first auditor opened: browser, id, page."""
    english = {"accept-language": "en"} if lang == "en" else {}
    first = await signed_in(browse, "checker", **english)
    second = await signed_in(browse, "second-checker")
    id = await asked(first, number, **other)
    assert (await decided(second, id, number)).status_code == 303
    return first, id, (await first.open(f"/subject/{id}/report")).text


def section(page: str, number: int) -> list[list[str]]:
    """The rows of a report's section, cell by cell."""
    part = page.split(f'id="s{number}"')[1].split("</section>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    cells = [re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows[1:]]
    return [[html.unescape(cell) for cell in row] for row in cells]


async def test_the_report_holds_all_that_was_disclosed_and_nothing_of_others(
    county: County, browse: Browse
) -> None:
    await standing(county, 41)
    (came,) = await county.until(lambda: about(county, "pol", ENROL, 41))
    (draft,) = await county.until(lambda: county.ask("drafts.list", member="cln-01"))
    await county.until(lambda: county.ask("drafts.list", member="com-01"))  # by the clock's rules
    clerk = await signed_in(browse, "nurse")
    assert (await clerk.open(f"/drafts/{draft['id']}")).status_code == 200
    officer = await signed_in(browse, "police")
    assert (await officer.open(f"/inbox/{came['id']}")).status_code == 200
    finding = correction(came["inreplyto"])
    await county.push("cln-01", "correct.result.v1", [finding], approved_by=["王医生"])
    await county.until(lambda: looks(county, came["id"], draft["id"]))

    _, _, page = await opened_report(browse, 41)
    sent, shown, looked, corrected, alerts, drafts, still = (
        section(page, number) for number in range(1, 8)
    )
    names = [row[1] for row in sent]
    assert names.count("登记备案") == 1 and len(sent) == 3, sent
    (filed,) = [row for row in shown if row[1].startswith("登记备案")]
    sheet = county.daemon.catalogue.sheets[ENROL]
    titles = [sheet.field_title(one, "zh") for one in sorted(sheet.fields_for("POL"))]
    assert filed[2] == "县公安局禁毒大队"
    assert sorted(filed[3].split("、")) == sorted(titles)
    assert "戒毒条例 12 [已核对原文]" in filed[4]
    assert "签收（台账第" in filed[5] and "保留到" in filed[5]
    assert {(row[1], row[2], row[3]) for row in looked} == {
        ("第一门诊", "nurse", "办理业务"),
        ("县公安局禁毒大队", "police", "办理业务"),
    }
    assert len(corrected) == 1 and corrected[0][2] == "第一门诊"
    assert [row[2] for row in alerts][:1] == ["发出提醒"]
    assert {(row[1], row[2], row[3]) for row in drafts} == {
        ("脱失告知", "起草", "第一门诊"),
        ("逾期未报到", "起草", "甲镇社区戒毒办"),
    }
    assert {row[0] for row in still} >= {"维持治疗门诊", "社区戒毒（康复）执行单位"}
    for hidden in (id_no(41), "甄患者41", "P00041", "甄患者42", "公(禁)字"):
        assert hidden not in page

    # what it says of the ledger is true
    head = await county.ask("ledger.head")
    size, root = re.findall(r"(\d+) 条，根 ([\w-]{43})", page)[0]
    assert int(size) <= head["size"]
    kept = await county.books(lambda conn: ledger.root_of(conn, int(size)))
    assert b64u(kept) == root
    place = int(re.findall(r"台账第 (\d+) 号", filed[0])[0])
    leaf = await county.books(lambda conn: ledger.leaf(conn, place))
    assert leaf is not None and leaves.decode(leaf.body).id == came["id"]


async def test_a_report_speaks_english_too(county: County, browse: Browse) -> None:
    await county.push("cln-01", ENROL, [enrolment(51)])
    _, _, page = await opened_report(browse, 51, "en")
    assert "Who was shown information about you" in page
    assert "Enrolment" in section(page, 1)[0][1] or section(page, 1)[0][1]
    assert not re.search(r"(subject|purpose|web)\.[a-z_.]+", re.sub(r"<[^>]*>", "", page))


async def test_of_erased_content_only_the_fact_is_left(county: County, browse: Browse) -> None:
    await standing(county, 61)
    await county.until(lambda: about(county, "pol", ENROL, 61))
    await county.quiet()
    first, id, before = await opened_report(browse, 61)
    assert len(section(before, 1)) == 3
    later = county.daemon.clock.now() + timedelta(days=8)  # attendance is kept for seven
    ground = county.gateway.ground
    await county.books(lambda conn: [retention.erase_due(conn, ground, later) for _ in range(3)])
    after = (await first.open(f"/subject/{id}/report")).text
    names = [row[1] for row in section(after, 1)]
    assert len(names) == 2 and "服药到诊" not in names
    (filed,) = [row for row in section(after, 2) if row[1].startswith("登记备案")]
    assert filed[2] == "县公安局禁毒大队" and "签收" in filed[5] and "已清除" in filed[5]


async def test_time_runs_out_for_deciding_and_for_opening(county: County, browse: Browse) -> None:
    first, second = await signed_in(browse, "checker"), await signed_in(browse, "second-checker")
    waiting, open_one = await asked(first, 71), await asked(first, 72)
    assert (await decided(second, open_one, 72)).status_code == 303

    def lapse(conn: Any) -> None:
        now = county.daemon.clock.now()
        for table in (subject_request, subject_person):
            conn.execute(update(table).where(table.c.id.in_([waiting, open_one])).values(until=now))

    await county.books(lapse)
    assert (await decided(second, waiting, 71)).status_code == 409
    assert (await first.open(f"/subject/{open_one}/report")).status_code == 409
    listed = (await first.open("/subject")).text
    assert "无人决定，已过期" in listed and "已过打开期限" in listed
    kept = await county.books(
        lambda conn: [subject_requests.person(conn, id) for id in (waiting, open_one)]
    )
    assert kept == [None, None]  # whom it was about is forgotten


async def test_a_refusal_gives_its_reason_and_forgets_the_person(
    county: County, browse: Browse
) -> None:
    first, second = await signed_in(browse, "checker"), await signed_in(browse, "second-checker")
    id = await asked(first, 81)
    page = await second.open(f"/subject/{id}")
    assert (await second.send(page, f"/subject/{id}/refuse", reason="  ")).status_code == 422
    refused = await second.send(page, f"/subject/{id}/refuse", reason="委托书不全\n请补交")
    assert refused.status_code == 303
    assert "委托书不全 请补交" in (await first.open(f"/subject/{id}")).text
    assert (await decided(second, id, 81)).status_code == 409
    assert (await first.open(f"/subject/{id}/report")).status_code == 409
    assert await county.books(lambda conn: subject_requests.person(conn, id)) is None


async def test_who_types_wrong_numbers_is_stopped_and_the_request_stays(
    county: County, browse: Browse
) -> None:
    first, second = await signed_in(browse, "checker"), await signed_in(browse, "second-checker")
    id = await asked(first, 82)
    page = await second.open(f"/subject/{id}")
    at_once = [
        second.send(page, f"/subject/{id}/approve", id_no=id_no(number)) for number in range(1, 8)
    ]
    answers = await asyncio.gather(*at_once)
    assert sum("不能再同意" in one.text for one in answers) == 2
    assert (await decided(second, id, 82)).status_code == 422  # the right one, too late
    stopped = await second.open(f"/subject/{id}")
    assert 'name="id_no"' not in stopped.text and 'name="reason"' in stopped.text
    told = [one for one in await county.leaves(id) if one["act"] == "subject.mistyped"]
    assert [one["operator"] for one in told] == ["second-checker"] * 5
    await hire(county, "fourth-checker", "auditor", "nco")
    assert (await decided(await signed_in(browse, "fourth-checker"), id, 82)).status_code == 303


async def test_one_person_with_two_accounts_is_one_person(county: County, browse: Browse) -> None:
    first = await signed_in(browse, "checker")
    id = await asked(first, 91)
    await hire(county, "checker2", "auditor", "nco", "ＣＨＥＣＫＥＲ 甲")
    other = await signed_in(browse, "checker2")
    answer = await decided(other, id, 91)
    assert answer.status_code == 422 and "另一位审计人" in answer.text


@pytest.mark.parametrize("login", ["keeper", "office", "auditor", "clerk", "admin", "nurse"])
async def test_nobody_but_auditors_of_the_authority_gets_anywhere(
    county: County, browse: Browse, login: str
) -> None:
    first = await signed_in(browse, "checker")
    id = await asked(first, 95)
    page = await first.open("/subject")
    assert 'href="/subject"' in page.text
    browser = await signed_in(browse, login)
    desk = await browser.open("/")
    assert 'href="/subject"' not in desk.text
    for path in ("/subject", f"/subject/{id}", f"/subject/{id}/report"):
        assert (await browser.open(path)).status_code == 403
    for path in ("/subject", f"/subject/{id}/approve", f"/subject/{id}/refuse"):
        assert (await browser.send(desk, path, id_no=id_no(95))).status_code == 403
    stranger = browse()
    assert (await stranger.open(f"/subject/{id}/report")).status_code == 303
    assert (await stranger.client.post("/subject", data={"id_no": "1"})).status_code in (401, 403)
    assert (await first.client.post(f"/subject/{id}/refuse", data={})).status_code == 403


async def test_only_the_two_open_it_and_other_ids_are_not_found(
    county: County, browse: Browse
) -> None:
    await hire(county, "third-checker", "auditor", "nco")
    _, id, page = await opened_report(browse, 96)
    assert "没有" in page
    third = await signed_in(browse, "third-checker")
    assert (await third.open(f"/subject/{id}")).status_code == 200
    assert (await third.open(f"/subject/{id}/report")).status_code == 403
    for path in ("/subject/1", "/subject/1/report", "/subject/..%2f..%2fetc"):
        assert (await third.open(path)).status_code == 404


async def test_what_people_type_stays_text(county: County, browse: Browse) -> None:
    first, _, page = await opened_report(browse, 97, name=SCRIPT, reference=SCRIPT)
    second = await signed_in(browse, "second-checker")
    id = await asked(first, 98, name=SCRIPT, reference=SCRIPT)
    form = await second.open(f"/subject/{id}")
    await second.send(form, f"/subject/{id}/refuse", reason=SCRIPT)
    pages = [page, (await first.open("/subject")).text, (await first.open(f"/subject/{id}")).text]
    for one in pages:
        assert SCRIPT not in one and "&lt;script&gt;" in one


@pytest.mark.parametrize(
    "given",
    [
        {"id_no": "110101199001010010"},
        {"id_type": "badge"},
        {"ground": "curiosity"},
        {"name": ""},
        {"reference": "x" * 121},
        {"reference": "a\x07b"},
    ],
    ids=lambda given: next(iter(given)),
)
async def test_a_mistyped_request_is_refused_and_repeats_no_number(
    county: County, browse: Browse, given: dict[str, str]
) -> None:
    first = await signed_in(browse, "checker")
    page = await first.open("/subject")
    fields = {
        "id_type": "ric", "id_no": id_no(99), "name": "甄患者", "ground": "access",
        "reference": "1",
    }  # fmt: skip
    answer = await first.send(page, "/subject", **fields | given)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text and fields["id_no"] not in answer.text


async def about(county: County, member: str, type: str, number: int) -> list[dict[str, Any]]:
    """What came of a type about patient `number`."""
    rows = await county.inbox(member, type)
    return [row for row in rows if any(one["id_no"] == id_no(number) for one in row["data"])]


async def looks(county: County, *about: str) -> bool:
    told = [await county.leaves(id) for id in about]
    return all(any(leaf["kind"] == "looked" for leaf in one) for one in told)


def order(number: int) -> dict[str, Any]:
    return person(number) | {
        "town": TOWN_1,
        "measure": "community_treatment",
        "doc_no": f"公(禁)字{number}号",
        "served_on": "2026-03-01",
    }


def correction(message_id: str) -> dict[str, Any]:
    return {
        "to": "pol",
        "request_no": "JH-1",
        "message_id": message_id,
        "record": 0,
        "item": "name",
        "decision": "corrected",
        "decided_on": "2026-03-02",
    }


async def test_the_command_line_asks_for_the_same_two_persons(county: County) -> None:
    async def jdgate(*words: str, login: str, typed: list[str]) -> Any:
        args = ["subject", *words, "--login", login, "-c", str(county.home.config), "--json"]
        given = "\n".join([*typed, ""])
        done = await asyncio.to_thread(CliRunner().invoke, main, args, given)
        return json.loads(done.output)

    await county.push("cln-01", ENROL, [enrolment(15)])
    number, by = id_no(15), [PASSWORD, ""]
    made = await jdgate("ask", "--reference", "7", login="checker", typed=[*by, number, "甄患者"])
    id = made["id"]
    refused = await jdgate("approve", id, login="checker", typed=[*by, number])
    assert refused["error"]["code"] == "subject.same_person"
    guessed = await jdgate("approve", id, login="second-checker", typed=["guessed", "", number])
    assert guessed["error"]["code"] == "people.wrong"
    done = await jdgate("approve", id, login="second-checker", typed=[*by, number])
    assert done["state"] == "approved"
    listed = await jdgate("list", login="checker", typed=by)
    assert listed[0]["id"] == id and listed[0]["details"]["ending"] == number[-4:]
    report = await jdgate("report", id, login="checker", typed=by)
    assert [one["type"] for one in report["messages"]] == [ENROL]
    assert "到诊" not in "\n".join(report_lines(report, "zh", 100))
    assert "县公安局禁毒大队" in "\n".join(report_lines(report, "zh", 100))
    other = await jdgate("ask", "--reference", "8", login="checker", typed=[*by, number, "甄"])
    reason = ("--reason", "委托书不全")
    done = await jdgate("reject", other["id"], *reason, login="second-checker", typed=by)
    assert done["state"] == "refused"
    assert "不予同意" in "\n".join(request_lines([listed[0] | {"state": "refused"}], "zh", None))
