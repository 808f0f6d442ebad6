"""What a stranger, another member's system, or a system that runs wild tries on the API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, WITHIN, County, enrolment
from tests.web.test_api import JSON, client, request
from tests.web.test_api_signed import JOSE, Owner

from jdgate.core import message as messages
from jdgate.core.encoding import b64u
from jdgate.core.message import MAX_BODY
from jdgate.core.signing import TYP_MESSAGE, sign
from jdgate.errors import Refused
from jdgate.gateway.ground import new_id
from jdgate.web.api import asking
from jdgate.web.api.asking import MOST_BROUGHT, MOST_STREAMS
from jdgate.web.api.document import document

pytestmark = pytest.mark.anyio
Make = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def system(county: County) -> AsyncIterator[Make]:
    """Make a client with a token of its own: `system("cln-01", ENROL)`."""
    made: list[httpx.AsyncClient] = []

    async def make(member: str, *types: str, **more: Any) -> httpx.AsyncClient:
        given = {"types": list(types), "receives": True, "days": 9} | more
        told = await county.ask("token.add", member=member, name="attack", **given)
        made.append(client(county, told["token"]))
        made[-1].token_id = told["id"]  # type: ignore[attr-defined]
        return made[-1]

    yield make
    for one in made:
        await one.aclose()


async def owner(county: County, system: Make) -> Owner:
    return Owner(county, await system("cln-09", own_key=True), county.keys("cln-09"))


async def test_no_address_answers_without_a_good_token(county: County) -> None:
    async with client(county, "x") as stranger:
        for path, methods in document("en")["paths"].items():
            for method in methods:
                address = path.replace("{id}", new_id())
                for given in ("Bearer x", f"Bearer {'x' * 43}", "", "Basic eDp4", "Bearer", "无"):
                    answer = await stranger.request(
                        method, address, headers={b"authorization": given.encode()}
                    )
                    assert answer.status_code == 401, (method, path, given)
                    assert answer.headers["content-type"] == "application/problem+json"


async def test_another_members_ids_are_nobodys(county: County, system: Make) -> None:
    ours, theirs = await system("cln-01", ENROL, ATTENDANCE), await system("cln-02", ENROL)
    (sent,) = await county.submit("cln-01", ENROL, [enrolment(850)])
    await county.verdicts([sent])
    await ours.post("/api/v1/tables", params={"id": "mine"}, content=b"x", headers=JSON)
    await county.push("cln-01", ENROL, [enrolment(851, patient_ref="PS851")])
    came = (await county.until(lambda: county.ask("inbox.list", member="ps-01")))[0]["id"]
    own = await owner(county, system)
    for one in (theirs, own.http):
        for address in (f"/messages/{sent}", f"/messages/{sent}/receipt", "/tables/mine"):
            answer = await one.get(f"/api/v1{address}")
            assert answer.status_code == 404, address
    answer = await theirs.post(f"/api/v1/deliveries/{came}/acknowledge")
    assert answer.status_code == 404
    # a name of somebody else's delivery is no place in a stream of one's own
    assert (await theirs.get(f"/api/v1/messages/{came}")).status_code == 404


async def test_a_token_does_what_it_is_for_and_nothing_else(county: County, system: Make) -> None:
    hosted, own = await system("cln-01", ENROL), (await owner(county, system)).http
    fetches_not = await system("cln-01", ENROL, receives=False)
    jose = {"content-type": "application/jose"}
    refused = [
        await hosted.post("/api/v1/messages/signed", content=b"a.b.c", headers=jose),
        await hosted.get("/api/v1/mailbox"),
        await hosted.get("/api/v1/mailbox/stream"),
        await hosted.post("/api/v1/messages", json=request(852, "t") | {"type": ATTENDANCE}),
        await own.post("/api/v1/messages", json=request(852, "t")),
        await own.post("/api/v1/tables", params={"id": "t"}, content=b"x", headers=JSON),
        await own.get("/api/v1/deliveries"),
        await own.get("/api/v1/deliveries/stream"),
        await own.post(f"/api/v1/deliveries/{new_id()}/acknowledge"),
        await fetches_not.get("/api/v1/deliveries"),
        await fetches_not.get("/api/v1/deliveries/stream"),
    ]
    assert [one.status_code for one in refused] == [403] * len(refused)


async def test_a_system_speaks_for_its_own_member_alone(county: County, system: Make) -> None:
    """Its token says who it is, as the subject does on the bus: nobody else's signature passes."""
    mine = await owner(county, system)
    other = county.keys("cln-02")
    message = mine.message(source="cln-02", data=[enrolment(853, site="cln-02")])
    stolen = sign(messages.encode(message), other.signer, TYP_MESSAGE)
    forged = sign(messages.encode(message), mine.keys.signer, TYP_MESSAGE)
    for jws, code in ((stolen, "key.not_theirs"), (forged, "admission.sender")):
        said = (await mine.hand_in(jws)).json()["said"]
        assert (said["verdict"], said["code"]) == ("refused", code)
    assert (await mine.http.get(f"/api/v1/messages/{message.id}")).status_code == 404
    revoked = county.keys("cln-07")
    stale = await system("cln-07", own_key=True)
    speaker = Owner(county, stale, revoked)
    said = (await speaker.hand_in(speaker.signed(speaker.message()))).json()["said"]
    assert said["code"] == "key.revoked"


async def test_nobody_receipts_what_another_was_sent(county: County, system: Make) -> None:
    mine = await owner(county, system)
    await county.push("cln-01", ENROL, [enrolment(854, patient_ref="PS854")])
    rows = await county.until(lambda: county.ask("inbox.list", member="ps-01"))
    told = [{"message_id": rows[0]["id"], "digest": b64u(bytes(32)), "verdict": "delivered"}]
    receipt = mine.message(
        type="sys.receipt.v1", data=told, sequence=None, purpose="exchange.operation"
    )
    assert (await mine.hand_in(mine.signed(receipt))).status_code == 200
    assert not [
        leaf
        for leaf in await county.leaves(rows[0]["id"])
        if leaf["kind"] == "delivered" and leaf.get("recipient") == "cln-09"
    ]


async def test_a_member_that_is_hosted_here_has_no_second_hand(
    county: County, system: Make
) -> None:
    """Two that count its numbers would be one too many, wherever the keys may be."""
    with pytest.raises(Refused) as refused:
        await system("cln-01", own_key=True)
    assert refused.value.code == "web.hosted_here"
    with pytest.raises(Refused) as refused:
        await system("cln-09", ENROL, own_key=True)
    assert refused.value.code == "people.token_own_key"
    made = await system("cln-01", ENROL)  # as if it had been hosted elsewhere when it was made
    await county.daemon.house.run(  # type: ignore[union-attr]
        lambda conn: conn.exec_driver_sql(
            "UPDATE api_token SET own_key = 1 WHERE id = ?",
            (made.token_id,),  # type: ignore[attr-defined]
        )
    )
    answer = await made.post("/api/v1/messages/signed", content=b"a.b.c", headers=JOSE)
    assert (answer.status_code, answer.json()["title"]) == (409, "web.hosted_here")


async def test_what_was_revoked_or_has_expired_ends_at_once_and_so_do_its_streams(
    county: County, system: Make
) -> None:
    for member, path in (("ps-01", "/deliveries"), ("cln-09", "/mailbox")):
        made = await system(member, own_key=member == "cln-09")
        async with made.stream("GET", f"/api/v1{path}/stream") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 3000"
            waiting = asyncio.create_task(made.get(f"/api/v1{path}", params={"wait": 30}))
            await county.ask("token.revoke", id=made.token_id)  # type: ignore[attr-defined]
            async with asyncio.timeout(WITHIN):
                async for _ in lines:
                    pass
                await waiting
        assert (await made.get("/api/v1/status")).status_code == 401
    short = await system("cln-01", ENROL, days=1)
    county.turned.turn(timedelta(days=1, minutes=1))
    try:
        assert (await short.get("/api/v1/status")).status_code == 401
    finally:
        county.turned.turn(-timedelta(days=1, minutes=1))


async def test_a_suspended_member_is_handed_nothing_more_by_a_stream_that_is_open(
    county: County, system: Make
) -> None:
    own = await system("cln-09", own_key=True)
    try:
        async with own.stream("GET", "/api/v1/mailbox/stream") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 3000"
            await county.ask("member.suspend", id="cln-09")
            async with asyncio.timeout(WITHIN):
                async for _ in lines:
                    pass
        assert (await own.get("/api/v1/mailbox")).status_code == 403
    finally:
        await county.ask("member.resume", id="cln-09")


async def test_one_system_brings_so_much_at_once(county: County, system: Make) -> None:
    made, other = await system("cln-01", ENROL), await system("cln-01", ENROL)
    reader = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        await reader.wait()

    async def hand_in(id: int) -> httpx.Response:
        kind = {"content-type": "text/csv"}
        return await made.post(f"/api/v1/tables?id={id}", content=slowly(), headers=kind)

    waiting = [asyncio.create_task(hand_in(each)) for each in range(MOST_BROUGHT)]

    async def turned_away() -> bool:
        answer = await made.post("/api/v1/messages", content=b"")  # takes no place: it is not read
        return answer.status_code == 429 and answer.headers["retry-after"] == "5"

    assert await county.until(turned_away)
    assert (await other.post("/api/v1/messages", json={})).status_code == 400, "others go on"
    reader.set()
    assert {one.status_code for one in await asyncio.gather(*waiting)} == {422}
    assert (await made.post("/api/v1/messages", json={})).status_code == 400

    reader.clear()
    waiting = [asyncio.create_task(hand_in(each)) for each in range(MOST_BROUGHT)]
    assert await county.until(turned_away)
    await county.ask("token.revoke", id=made.token_id)  # type: ignore[attr-defined]
    reader.set()
    answers = await asyncio.gather(*waiting)
    assert {one.status_code for one in answers} == {401}, "revoked while they came"
    assert answers[0].headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("member", "path"), [("cln-02", "deliveries"), ("cln-09", "mailbox")])
async def test_who_waited_and_left_takes_no_place(
    county: County, system: Make, monkeypatch: pytest.MonkeyPatch, member: str, path: str
) -> None:
    made = await system(member, own_key=member == "cln-09")
    within = asking.Guard.within

    async def without_end(guard: asking.Guard, wait: float, *given: Any, **more: Any) -> Any:
        return await within(guard, 3600 if wait == 30 else wait, *given, **more)

    monkeypatch.setattr(asking.Guard, "within", without_end)

    async def wait(seconds: int) -> int:
        return (await made.get(f"/api/v1/{path}", params={"wait": seconds})).status_code

    waiting = [asyncio.create_task(wait(30)) for _ in range(MOST_STREAMS + 1)]
    ended, left = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [one.result() for one in ended] == [429], "one too many: the others wait"
    for one in left:
        one.cancel()
    await asyncio.gather(*left, return_exceptions=True)

    async def has_room() -> bool:
        return await wait(1) == 200

    assert await county.until(has_room)


async def test_json_is_read_in_one_way_only(county: County, system: Make) -> None:
    hosted = await system("cln-01", ENROL)
    whole = json.dumps(request(855, "j"))
    cases = {
        "message.duplicate_key": whole[:-1] + ', "id": "other"}',
        "message.not_json": '{"id": ' + "[" * 200_000,
        "message.number": whole[:-1] + ', "region": ' + "9" * 4000 + "}",
        "message.text": whole[:-1] + r', "region": "\ud800"}',
        "message.envelope": "[1, 2]",
        "web.malformed": whole[:-1] + ', "unknown": 1}',
    }
    for code, text in cases.items():
        answer = await hosted.post("/api/v1/messages", content=text, headers=JSON)
        assert (answer.status_code, answer.json()["title"]) == (400, code), code
    for kind in ("text/plain", "application/jsonx", "", "application/json/x"):
        answer = await hosted.post(
            "/api/v1/messages", content=whole, headers={"content-type": kind}
        )
        assert answer.status_code == 415, kind


async def test_what_is_too_large_or_too_often_is_turned_away(
    county: County, system: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = await owner(county, system)
    large = await mine.hand_in(b"a" * (MAX_BODY + 1))
    assert large.status_code == 413
    monkeypatch.setattr(asking, "MOST_STREAMS", 1)
    hosted, other = await system("ps-01"), await system("ps-01")
    async with hosted.stream("GET", "/api/v1/deliveries/stream") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 3000"
        second = await hosted.get("/api/v1/deliveries/stream")
        assert second.status_code == 429 and int(second.headers["retry-after"]) > 0
        assert (await other.get("/api/v1/deliveries")).status_code == 200
    monkeypatch.setattr(asking, "A_MINUTE", 2)
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: 90.0))  # one minute
    codes = [await hosted.get("/api/v1/status") for _ in range(6)]
    assert codes[-1].status_code == 429 and 1 <= int(codes[-1].headers["retry-after"]) <= 60
    assert (await other.get("/api/v1/status")).status_code == 200, "each is counted by itself"


async def test_a_stream_goes_on_behind_what_came_last(county: County, system: Make) -> None:
    hosted = await system("ps-01")

    async def events(last: str, count: int) -> list[str]:
        found: list[str] = []
        headers = {"last-event-id": last} if last else {}
        async with hosted.stream("GET", "/api/v1/deliveries/stream", headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    found.append(line[4:])
                if len(found) == count:
                    break
        return found

    before = len((await hosted.get("/api/v1/deliveries", params={"limit": 100})).json())
    records = [enrolment(860 + n, patient_ref=f"PS86{n}") for n in range(3)]
    for record in records:
        await county.push("cln-01", ENROL, [record])

    async def came() -> bool:
        found = (await hosted.get("/api/v1/deliveries", params={"limit": 100})).json()
        return len(found) >= before + 3

    await county.until(came)
    first = await events("", before + 3)
    assert len(set(first)) == before + 3
    assert await events(first[-2], 1) == first[-1:]
    assert await events(first[0], before + 2) == first[1:]
