"""Pages that are looked at: what is due, who sends what to whom, charts, the system."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.kit import ENROL, WITHIN, County, enrolment
from tests.web.browsing import Browser, without_token

from jdgate.commands import machine
from jdgate.commands.expecting import Expecting
from jdgate.core.calendar import local_day
from jdgate.errors import Refused
from jdgate.store import alert_box, expectations, figures, traffic
from jdgate.store.alert_box import AlertBoxRow
from jdgate.store.expectations import ExpectationRow
from jdgate.store.figures import FigureRow
from jdgate.store.traffic import GATEWAY, Tally

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
PAGES = ("/expectations", "/flows", "/charts", "/system")
RULE, TYPE = "telling.enrolments", "mmt.attendance.v1"
EVIL = "<img src=x onerror=alert(1)>"
_numbers = iter(range(5000, 9999))


async def expect(county: County, *rows: ExpectationRow) -> None:
    await county.books(lambda conn: expectations.expect(conn, rows))


def due(county: County, name: str, days: float, **more: Any) -> ExpectationRow:
    """A report of the station's, due so many days from now."""
    now = county.daemon.clock.now()
    usual: dict[str, Any] = {
        "rule": RULE,
        "awaits": TYPE,
        "of": "ps-01",
        "due_at": now + timedelta(days=days),
    }
    return ExpectationRow(key=name, name=name, set_at=now, **{**usual, **more})


async def signed_in(browse: Browse, login: str, **headers: str) -> Browser:
    browser = browse(**headers)
    await browser.sign_in(login)
    return browser


# --- what is due


async def test_what_is_late_stands_first_with_its_statement(county: County, browse: Browse) -> None:
    theirs = due(county, "theirs", -1, of="pol", rule="clinic.absence")
    await expect(county, due(county, "late", -1), theirs)

    async def stated() -> Any:
        rows = (await county.ask("expect.late", part="missed"))["rows"]
        return {row["member"]: row for row in rows} if len(rows) == 2 else None

    rows = await county.until(stated)
    clerk = await signed_in(browse, "clerk")
    page = await clerk.open("/expectations")
    assert page.status_code == 200 and RULE in page.text and "已经逾期" in page.text
    own, other = (f"/expectations/statements/{rows[of]['statement']}" for of in ("ps-01", "pol"))
    assert own in page.text and other not in page.text
    statement = await clerk.open(own)
    assert "至今没有" in statement.text and "派出所" in statement.text
    for path in (other, "/expectations/statements/0194f3a0-0000-7000-8000-00000000abcd"):
        assert (await clerk.open(path)).status_code == 404, path
    checker = await signed_in(browse, "checker")
    whole = await checker.open("/expectations")
    assert own in whole.text and other in whole.text
    assert re.search(r"缺服药.* <small class=\"hint\">clinic.absence</small>", whole.text)
    assert "缺服药" in (await checker.open(other)).text
    only = await checker.open("/expectations?of=pol")
    assert own not in only.text and other in only.text
    # what a department asks for does not matter: it sees its own part
    assert own in (await clerk.open("/expectations?of=pol")).text
    stranger = await signed_in(browse, "elsewhere")
    assert "没有逾期的" in (await stranger.open("/expectations")).text
    assert (await stranger.open(own)).status_code == 404


async def test_a_month_is_a_calendar_and_a_day_a_list_in_pages(
    county: County, browse: Browse
) -> None:
    begin = due(county, "first", 40).due_at
    rows = [
        due(county, f"r{each}", 40, due_at=begin, awaits=f"mmt.k{each}.v1") for each in range(120)
    ]
    more = [due(county, f"again{each}", 40, due_at=begin, awaits="mmt.k7.v1") for each in range(9)]
    await expect(county, *rows, *more)
    clerk = await signed_in(browse, "clerk")
    day = local_day(begin)
    page = await clerk.open(f"/expectations?month={day:%Y-%m}")
    assert f"day={day}#day" in page.text and "待 129" in page.text
    seen: list[str] = []
    counts: list[str] = []
    path = f"/expectations?month={day:%Y-%m}&day={day}"
    while path:
        page = await clerk.open(path)
        assert page.status_code == 200, page.text
        listed = page.text.rpartition('class="due"')[2]
        seen += re.findall(r"(mmt\.k\d+\.v1)", listed.partition("</table>")[0])
        counts += re.findall(r"×\s*(\d+)</span>", listed)
        assert "again" not in page.text, "a rule's key stays where it is"
        found = re.search(r'href="(/expectations/list/awaited[^"]*)"', page.text)
        path = found[1].replace("&amp;", "&") if found else ""
    assert sorted(seen) == sorted(row.awaits for row in rows), "each once, those alike together"
    assert counts == ["10"]


async def test_what_is_no_month_part_member_or_place_is_refused(browse: Browse) -> None:
    checker = await signed_in(browse, "checker")
    for path in (
        "/expectations?month=2026-13", "/expectations?day=never", "/expectations?day=9999-12-31",
        "/expectations/list/all", "/expectations/list/awaited", "/flows?span=year",
        "/flows?of=nobody", "/charts?unit=nobody", "/flows/live?of=nobody",
    ):  # fmt: skip
        assert (await checker.open(path)).status_code == 404, path
    for after in ("x", "1~a", "1~a~b~c~d", "9" * 20 + "~a~b~c", "٣~a~b~c"):
        answer = await checker.open(
            "/expectations/list/awaited", params={"day": "2026-11-22", "after": after}
        )
        assert answer.status_code == 422, after


async def test_handlers_refuse_what_is_no_month_day_or_part(county: County) -> None:
    for method, given in (
        ("expect.month", {"month": "never"}),
        ("expect.day", {"day": "never", "part": "owed"}),
        ("expect.late", {"part": "never"}),
    ):
        with pytest.raises(Refused) as refused:
            await county.ask(method, **given)
        assert refused.value.code == "web.bad_request", method


# --- flows


async def test_what_passed_is_seen_by_both_ends_and_the_authority(
    county: County, browse: Browse
) -> None:
    nurse = await signed_in(browse, "nurse")
    await county.push("cln-01", ENROL, [enrolment(next(_numbers))])
    await county.quiet()
    row = re.compile(r'<th scope="row">第一门诊</th><td [^>]*>登记备案</td>')
    for login, path in (("checker", "/flows?span=hour&of=CLN"), ("nurse", "/flows?span=hour")):
        page = await (await signed_in(browse, login)).open(path)
        assert page.status_code == 200 and row.search(page.text), login
        assert '<path class="band band-ok"' in page.text, login
    other = await (await signed_in(browse, "elsewhere")).open("/flows?span=hour")
    assert other.status_code == 200 and "第一门诊" not in other.text
    looked = await (await signed_in(browse, "elsewhere")).open("/flows?span=hour&of=cln-01")
    assert "第一门诊" not in looked.text, "nobody looks at others by asking for them"
    whole = await (await signed_in(browse, "checker")).open("/flows")
    assert "维持治疗门诊 (5)" in whole.text and "第一门诊" not in whole.text, "drawn together"
    flows = await county.ask("flows.show", span="hour", member="cln-01")
    assert {one["source"] for one in flows["came"]} == {"cln-01"}
    assert all("cln-01" in (one["source"], one["recipient"]) for one in flows["legs"])
    assert (await nurse.open("/flows?span=week")).status_code == 200


async def test_the_tallies_are_what_the_books_hold(county: County) -> None:
    await county.push("cln-02", ENROL, [enrolment(next(_numbers), site="cln-02")])
    await county.quiet()
    flows = await county.ask("flows.show", span="week")

    def counted(conn: Any) -> tuple[int, int]:
        judged = "SELECT count(*) FROM message WHERE type <> 'sys.receipt.v1' AND source = 'cln-02'"
        made = "SELECT count(*) FROM delivery d JOIN message m ON m.id = d.message_id WHERE m.source = 'cln-02'"  # noqa: E501
        return tuple(conn.exec_driver_sql(sql).scalar_one() for sql in (judged, made))

    judged, made = await county.books(counted)
    assert made and made == sum(
        one["messages"] for one in flows["legs"] if one["source"] == "cln-02"
    )
    assert judged == sum(one["messages"] for one in flows["came"] if one["source"] == "cln-02")


async def test_the_picture_is_sent_anew_when_something_passed(
    county: County, browse: Browse
) -> None:
    checker = await signed_in(browse, "checker")
    async with checker.client.stream("GET", "/flows/live?span=hour") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 3000"
        await asyncio.sleep(0)
        sending = asyncio.create_task(county.push("cln-01", ENROL, [enrolment(next(_numbers))]))
        async with asyncio.timeout(2 * WITHIN):
            while await anext(lines) != "event: work":
                pass
            assert (await anext(lines)).startswith("data: ")
        await sending


# --- charts


async def test_figures_are_seen_by_whom_digests_tell(county: County, browse: Browse) -> None:
    month = f"{local_day(county.daemon.clock.now()):%Y-%m}-01"
    rates = [
        FigureRow(chart=f"courier.{kind}", first=month, last=month, unit="ps-01", item="W-1",
                  n=9_876, of=10_000)
        for kind in ("realname", "inspect", "xray")
    ]  # fmt: skip
    inspections = [
        FigureRow(chart="month.inspection", first=month, last=month, unit=unit, n=n, of=of,
                  audience=audience)
        for unit, n, of, audience in (
            ("ps-01", 7, 14, "unit"),
            ("ps-01", None, None, "county"),
            ("gateway", 40, 80, "county"),
        )
    ]  # fmt: skip
    await county.books(lambda conn: figures.put(conn, [*rates, *inspections]))
    seen = {
        login: without_token(await (await signed_in(browse, login)).open("/charts"))
        for login in ("clerk", "police", "elsewhere", "checker")
    }
    assert all("W-1" in seen[login] and "98.76" in seen[login] for login in ("clerk", "checker"))
    assert "W-1" in seen["police"], "the police oversee stations"
    assert "W-1" not in seen["elsewhere"] and "7/14" not in seen["elsewhere"]
    assert "7/14" in seen["clerk"] and "7/14" not in seen["checker"], "told too little of it"
    assert (
        "40/80" in seen["checker"] and "40/80" not in seen["clerk"] and "少于五" in seen["checker"]
    )


# --- the system


async def test_the_system_is_for_the_authoritys_administrators(
    county: County, browse: Browse
) -> None:
    page = await (await signed_in(browse, "keeper")).open("/system")
    assert page.status_code == 200
    for text in ("clinic", "telling", "sqlite", "NATS", "第一门诊", "运行中", "磁盘"):
        assert text in page.text, text
    for login, member in (("admin", "ps-01"), ("checker", "nco"), ("clerk", "ps-01")):
        page = await (await signed_in(browse, login)).open("/system")
        assert page.status_code == 200 and "连接正常" in page.text
        assert "sqlite" not in page.text and "第一门诊" not in page.text, member
    assert await county.ask("connection.show", member="cln-07") is None, "it is not here"


async def test_status_and_metrics_tell_of_the_machine(county: County) -> None:
    status = await county.ask("status")
    assert {one["which"] for one in status["databases"]} == {"books", "edge"}
    assert all(one["bytes"] > 0 for one in status["databases"])
    assert 0 < status["disk"]["free"] < status["disk"]["total"]
    assert status["workers"] == 0 and status["retention"]["keys"] > 0

    def warned(free: int, total: int) -> list[str]:
        return [one["code"] for one in machine.warnings({"disk": {"free": free, "total": total}})]

    assert warned(10**9, 10**12) == ["status.disk_low"]
    assert warned(2 * 10**9, 10**12) == [] == warned(10**9, 10**10)


def test_a_member_without_a_connection_is_warned_of_once_that_is_known() -> None:
    members = [{"name": name, "healthy": name == "a"} for name in "abcde"]

    def warned(up_s: float) -> list[dict[str, Any]]:
        return machine.connections(members, up_s)

    assert warned(1) == [{"code": "status.connecting", "params": {"count": 4}}]
    told = {"count": 4, "members": "b、c、d…"}
    assert warned(60) == [{"code": "status.disconnected", "params": told}]
    assert machine.connections(members[:1], 60) == []


# --- all of them


async def test_who_is_not_signed_in_sees_none_of_it(browse: Browse) -> None:
    nobody = browse()
    for path in (*PAGES, "/expectations/list/missed", "/expectations/statements/x", "/flows/live"):
        answer = await nobody.open(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in"), path
        assert (await nobody.open(path, headers={"X-Jdgate-Live": "1"})).status_code == 401, path


async def test_names_that_are_markup_are_text(county: County, browse: Browse) -> None:
    month = f"{local_day(county.daemon.clock.now()):%Y-%m}-01"
    now = county.daemon.clock.now()
    evil = due(county, "evil", 0.01, awaits=EVIL, of=EVIL, rule=EVIL)
    await expect(county, evil)
    await county.books(
        lambda conn: figures.put(
            conn, [FigureRow(chart="courier.xray", first=month, last=EVIL, unit=EVIL, item=EVIL,
                             n=9_000, of=10_000)]
        )
    )  # fmt: skip
    legs = [((EVIL, GATEWAY, EVIL), Tally(3, 3)), ((EVIL, "nco", EVIL), Tally(3, 3))]
    await county.books(lambda conn: traffic.add(conn, legs, now))
    checker = await signed_in(browse, "checker")
    day = local_day(evil.due_at)
    days = (f"/expectations?day={day}", f"/expectations/list/awaited?day={day}")
    for path in (*days, "/flows", "/charts"):
        page = await checker.open(path)
        assert page.status_code == 200
        assert "<img" not in page.text and "&lt;img src=x onerror" in page.text, path


async def test_pages_speak_english_too(browse: Browse) -> None:
    keeper = await signed_in(browse, "keeper", **{"accept-language": "en"})
    for path in PAGES:
        page = await keeper.open(path)
        assert page.status_code == 200, path
        main = page.text.partition("<main")[2]
        # names of departments and agreements stay as they are; nothing is left untranslated
        assert "web.overview" not in page.text and "逾期" not in main and "系统" not in main, path


async def test_far_from_the_gateway_what_is_owed_is_turned_page_by_page(county: County) -> None:
    now = county.daemon.clock.now()
    due = [now + timedelta(hours=1), now + timedelta(hours=1), now + timedelta(hours=2)]
    rows = [
        AlertBoxRow(
            member="com-02", id=f"own-{n}", type="mmt.dropout.alert.v1", rule="T1",
            title_code="alert.sequence_gap", desk="com-02", level=0, urgent=False,
            state="delivered", repeats=0, told=1, received_at=now, due_step="acknowledged",
            due_at=at,
        )
        for n, at in enumerate(due)
    ]  # fmt: skip
    await county.daemon.the_edge.run(lambda conn: [alert_box.hear(conn, row) for row in rows])
    alone = copy.copy(county.daemon)
    alone.gateway = None
    seen: list[str] = []
    for day in sorted({local_day(at).isoformat() for at in due}):
        after: str | None = ""
        while after is not None:
            told = await Expecting(alone).expect_day(day, "owed", "com-02", after, limit=1)
            assert len(told["rows"]) <= 1
            seen += [row["alert"] for row in told["rows"]]
            after = told["next"]
    assert seen == [row.id for row in rows]
