"""More that was tried against the console: what others know, what somebody has not read, what one
person can use up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import openpyxl
import pyotp
import pytest
from tests.e2e.kit import ENROL, County, enrolment, id_no
from tests.e2e.test_approval import draft_for
from tests.web.browsing import PASSWORD, Browser, hire, token_of, wrong_code
from tests.web.test_desk import REQUEST, alert
from tests.web.test_upload import at, hand_in, handed_in, kept, rows

from jdgate.commands.uploads import MOST_KEPT
from jdgate.core.identity import Pseudonyms
from jdgate.errors import Refused
from jdgate.store import people, subjects, traffic, uploads
from jdgate.store.subjects import Appearance
from jdgate.store.traffic import GATEWAY, Tally
from jdgate.web import patience
from jdgate.web.gate import MOST_READ
from jdgate.web.site import MOST_STREAMS

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


async def test_a_sender_does_not_learn_from_the_picture_who_knows_a_person(
    county: County,
) -> None:
    now, known, plain = county.daemon.clock.now(), "comm.test.result.v1", ENROL
    legs = [
        (("ps-01", recipient, type), Tally(1, 1))
        for recipient in (GATEWAY, "com-01")
        for type in (known, plain)
    ]
    await county.books(lambda conn: traffic.add(conn, legs, now))

    async def told(member: str | None) -> set[str]:
        flows = await county.ask("flows.show", span="hour", member=member)
        return {one["type"] for one in flows["legs"] if one["source"] == "ps-01"}

    assert await told(None) == {known, plain}, "the authority"
    assert await told("com-01") == {known, plain}, "who got it"
    assert await told("ps-01") == {plain}, "found by what others know of a person"


async def test_nobody_sends_a_draft_that_was_filled_in_after_they_read_it(
    county: County, browse: Browse
) -> None:
    record = {"to": "cln-01", "waybill_no": "SF1000001"}
    id = await draft_for(county, "pol", REQUEST, {**record, "scope": ["images"]})
    first, second = browse(), browse()
    await first.is_in("police")
    await second.is_in("officer")
    stale = await second.open(f"/drafts/{id}")
    slipped = {"check": "custody", "fill.legal_doc_no": "编造1号"}
    approved = await first.send(
        await first.open(f"/drafts/{id}"), f"/drafts/{id}/approve", **slipped
    )
    assert approved.status_code == 303, approved.text
    over = await second.send(stale, f"/drafts/{id}/approve", check="custody")
    assert over.status_code == 422 and "又有改动" in over.text and "编造1号" in over.text
    unsaid = await second.send(over, f"/drafts/{id}/approve", check="custody", version="")
    assert unsaid.status_code == 422, "nor without saying what they read"
    done = await second.send(over, f"/drafts/{id}/approve", check="custody")
    assert done.status_code == 303, done.text


async def test_nobody_sends_a_table_that_was_read_anew_after_they_read_it(
    county: County, browse: Browse
) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title in ("十月", "十一月"):
        sheet = book.create_sheet(title)
        sheet.append(["患者编号", "日期", "是否到诊"])
        sheet.append(["P1", "2026-11-20", "是"])
    out = BytesIO()
    book.save(out)
    nurse, colleague = browse(), browse()
    await nurse.is_in("nurse")
    await colleague.is_in("nurse")
    page = await handed_in(nurse, out.getvalue())
    await nurse.send(page, f"{at(page)}/choose", choice="0")
    stale = await nurse.open(at(page))
    theirs = await colleague.open(at(page))
    assert (await colleague.send(theirs, f"{at(page)}/choose", choice="1")).status_code == 303
    over = await nurse.send(stale, f"{at(page)}/send")
    assert over.status_code == 422 and "又有改动" in over.text and "十一月" in over.text
    (head,) = [one for one in await kept(county) if one.id == at(page).split("/")[-1]]
    assert (head.state, head.messages) == ("ready", [])
    assert (await nurse.send(over, f"{at(page)}/erase")).status_code == 303


async def test_files_that_come_all_at_once_are_as_few_as_one_by_one(
    county: County, browse: Browse
) -> None:
    nurses = [browse() for _ in range(-(-(MOST_KEPT + 6) // MOST_READ))]
    for one in nurses:
        await one.is_in("nurse")
    table = rows("P1,2026-11-20,是,")
    # no browser hands in more at once than are read of it at once
    by = [nurses[each % len(nurses)] for each in range(MOST_KEPT + 6)]
    answers = await asyncio.gather(*(hand_in(one, table) for one in by))
    assert sorted({one.status_code for one in answers}) == [303, 422]
    files = await county.daemon.the_edge.run(lambda conn: uploads.files(conn, "cln-01"))
    assert 0 < files <= MOST_KEPT
    page = await nurses[0].open("/upload")
    for head in await kept(county):
        await nurses[0].send(page, f"/upload/{head.id}/erase")


async def test_a_new_password_does_not_make_room_for_more_guesses_at_codes(county: County) -> None:
    await hire(county, "guessed", "clerk")
    house, now = county.daemon.house, county.daemon.clock.now()
    assert house is not None
    generator = pyotp.TOTP(pyotp.random_base32())
    sealed = house.key.wrap(generator.secret.encode(), b"totp\0guessed")
    await house.run(lambda conn: people.change(conn, "guessed", totp=sealed))

    async def guess(password: str) -> str:
        with pytest.raises(Refused) as said:
            await house.prove("guessed", password, wrong_code(generator, now), now)
        return said.value.code

    assert {await guess(PASSWORD) for _ in range(4)} == {"people.wrong"}
    another = "another correct horse"
    await house.change_password("guessed", PASSWORD, another, now)
    assert await guess(another) == "people.resting"


async def test_one_browser_has_so_many_pages_that_change_by_themselves(browse: Browse) -> None:
    clerk = browse()
    await clerk.is_in("clerk")
    async with AsyncExitStack() as stack:
        paths = ["/live", "/flows/live"] * (MOST_STREAMS // 2)
        for path in paths:
            stream = await stack.enter_async_context(clerk.client.stream("GET", path))
            assert stream.status_code == 200
        for path in ("/live", "/flows/live"):
            assert (await clerk.open(path)).status_code == 429, path
        assert (await clerk.open("/")).status_code == 200

    async def free() -> bool:
        async with clerk.client.stream("GET", "/live") as stream:
            return stream.status_code == 200

    assert await clerk.county.until(free), "as soon as they are closed"


async def test_who_opens_connection_after_connection_leaves_the_daemon_its_files(
    browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = browse()
    parts = urlsplit(browser.url)
    monkeypatch.setattr(patience, "MOST", 3)
    opened = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(12)]

    async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        with contextlib.suppress(OSError):
            writer.write(f"GET /sign-in HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())
            return bool(await reader.read(1))
        return False

    answers = [await answered(*one) for one in opened]
    assert sum(answers) <= 3
    for _, writer in opened:
        writer.close()

    async def lets_in() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await browser.open("/sign-in")).status_code == 200
        return False

    assert await browser.county.until(lets_in)


async def test_what_the_law_keeps_from_everybody_is_not_found_by_person(county: County) -> None:
    number, ground = 4321, county.gateway.ground
    (shown,) = await county.push("cln-01", ENROL, [enrolment(number)])
    (kept,) = await county.push("cln-01", ENROL, [enrolment(number + 1)])

    def as_sealed(conn: Any) -> str:
        token = Pseudonyms(ground.vault.domain_key(conn, "sealed")).token(id_no(number))
        row = Appearance(subject=token, domain="sealed", message_id=kept["id"], record_index=0)
        subjects.add_appearances(conn, [row])
        return token.hex()

    token = await county.books(as_sealed)
    asked = {"by": "second-checker"}
    for typed in (
        {"id_type": "ric", "id_no": id_no(number)},
        {"id_type": "pseudonym", "id_no": token},
    ):
        found = await county.ask("messages.person", **asked, **typed)
        ids = [row["id"] for row in found["rows"]]
        assert kept["id"] not in ids, typed["id_type"]
        assert (shown["id"] in ids) == (typed["id_type"] == "ric")


async def test_a_desk_that_passed_an_alert_on_does_not_learn_what_came_of_it(
    county: County, browse: Browse
) -> None:
    id = await alert(county, "PS7")
    await county.ask("alerts.reassign", id=id, by="甲", to="com-01", member="ps-01")

    async def there() -> bool:
        rows = await county.ask("alerts.list", member="com-01")
        return any(row["id"] == id and row["params"] is not None for row in rows)

    assert await county.until(there)
    (outcome,) = list((await county.ask("alerts.show", id=id, member="com-01"))["outcomes"])[:1]
    await county.ask("alerts.resolve", id=id, by="社区乙", outcome=outcome, member="com-01")

    async def over() -> bool:
        told = (await county.ask("messages.show", id=id, member="com-01"))["alert"]
        return told["state"] == "resolved" and told["by"] == "社区乙"

    assert await county.until(over)
    told = (await county.ask("messages.show", id=id, member="ps-01"))["alert"]
    assert (told["state"], told["by"], told["outcome"]) == ("passed_on", None, None)
    clerk = browse()
    await clerk.is_in("clerk")
    page = await clerk.open(f"/messages/{id}")
    assert page.status_code == 200 and "社区乙" not in page.text and "已转出" in page.text


async def forms_that_come(
    nurse: Browser, token: str, goes_on: asyncio.Event
) -> list[asyncio.Task[httpx.Response]]:
    """As many forms as one browser may send at once, all of them being read."""

    async def slowly() -> AsyncIterator[bytes]:
        yield b"form_token="
        await goes_on.wait()
        yield token.encode()

    async def send() -> httpx.Response:
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await nurse.client.post("/upload", content=slowly(), headers=kind)

    waiting = [asyncio.create_task(send()) for _ in range(MOST_READ)]
    assert await nurse.county.until(lambda: turned_away(nurse))
    return waiting


async def turned_away(nurse: Browser) -> bool:
    answer = await nurse.client.post("/upload", content=b"")  # takes no place: it is not read
    return answer.status_code == 429 and "retry-after" in answer.headers


async def test_one_browser_sends_so_many_forms_at_once(browse: Browse) -> None:
    nurse, goes_on = browse(), asyncio.Event()
    await nurse.is_in("nurse")
    token = token_of(await nurse.open("/upload"))
    waiting = await forms_that_come(nurse, token, goes_on)
    goes_on.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {422}
    assert not await turned_away(nurse)


async def test_a_form_that_is_under_way_when_its_session_ends_does_nothing(
    county: County, browse: Browse
) -> None:
    await hire(county, "leaving", "clerk", "cln-01")
    nurse, goes_on = browse(), asyncio.Event()
    await nurse.is_in("leaving")
    token = token_of(await nurse.open("/upload"))
    waiting = await forms_that_come(nurse, token, goes_on)
    await county.ask("operator.disable", login="leaving")
    goes_on.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {401}
