"""A department's system over HTTP: it sends what it may, once, and fetches what came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, County, enrolment

from jdgate.core import signing
from jdgate.errors import Refused
from jdgate.web.api import asking

pytestmark = pytest.mark.anyio
JSON = {"content-type": "application/json"}


@pytest.fixture
async def system(county: County) -> AsyncIterator[httpx.AsyncClient]:
    """The clinic's own system, which may send enrolments and fetch."""
    made = await county.ask(
        "token.add", member="cln-01", name="HIS", types=[ENROL], receives=True, days=90
    )
    async with client(county, made["token"]) as found:
        yield found


def client(county: County, token: str) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=county.daemon.web_url or "", headers=headers, timeout=60)


def request(number: int, id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": ENROL, "records": [enrolment(number, **more)]}


async def test_records_are_sent_once_however_often_they_are_posted(
    county: County, system: httpx.AsyncClient
) -> None:
    first = await system.post("/api/v1/messages", json=request(60, "no slash/60"))
    assert first.status_code == 400
    first = await system.post("/api/v1/messages", json=request(60, "r-60"))
    assert first.status_code == 202, first.text
    again = await system.post("/api/v1/messages", json=request(60, "r-60"))
    assert (again.status_code, again.json()) == (202, first.json())
    other = await system.post("/api/v1/messages", json=request(61, "r-60"))
    assert other.status_code == 409 and other.json()["type"] == "urn:jdgate:web.same_id"

    (sent,) = first.json()["messages"]
    (verdict,) = await county.verdicts([sent["id"]])
    assert verdict["verdict"] == "accepted"
    told = (await system.get(f"/api/v1/messages/{sent['id']}")).json()
    assert told["state"] == "accepted" and told["verdict"]["verdict"] == "accepted"
    receipt = await system.get(f"/api/v1/messages/{sent['id']}/receipt")
    assert receipt.headers["content-type"] == "application/jose"
    assert signing.peek(receipt.content).kid


async def test_records_that_are_wrong_are_named_and_the_others_go(
    county: County, system: httpx.AsyncClient
) -> None:
    posted = request(62, "r-62")
    posted["records"].append(enrolment(63, id_no="999999196001010011"))
    answer = (await system.post("/api/v1/messages", json=posted)).json()
    assert [one["indexes"] for one in answer["messages"]] == [[0]]
    assert [one["index"] for one in answer["refused"]] == [1]


async def test_what_came_is_fetched_until_it_is_acknowledged(county: County) -> None:
    made = await county.ask(
        "token.add", member="ps-01", name="desk", types=[], receives=True, days=1
    )
    async with client(county, made["token"]) as system:
        await county.push("cln-01", ENROL, [enrolment(64, patient_ref="PS64")])

        async def waiting() -> Any:
            return (await system.get("/api/v1/deliveries")).json()

        came = await county.until(waiting)
        id = came[0]["id"]
        assert came[0]["records"][0]["alert_id"] and came == await waiting()
        done = await system.post(f"/api/v1/deliveries/{id}/acknowledge")
        assert (done.status_code, done.content) == (204, b"")
        assert id not in [one["id"] for one in await waiting()]


async def test_what_comes_while_one_looks_is_not_waited_for(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await county.ask(
        "token.add", member="ps-01", name="desk", types=[], receives=True, days=1
    )
    before = len(await county.ask("inbox.list", member="ps-01"))
    within, looks = asking.Guard.within, 0

    async def slow(guard: asking.Guard, wait: float, request: Any, look: Any) -> Any:
        async def look_slowly() -> Any:
            nonlocal looks
            looks += 1
            found = await look() if looks > 1 else []
            if looks == 1:
                with county.daemon.the_edge.bell.listening("ps-01") as rung:
                    await county.push("cln-01", ENROL, [enrolment(67, patient_ref="PS67")])
                    await county.until(arrived)
                    while await asking.rings(rung, 1):  # until it is still
                        pass
            return found

        return await within(guard, 100 * wait, request, look_slowly)

    async def arrived() -> bool:
        return len(await county.ask("inbox.list", member="ps-01")) > before

    monkeypatch.setattr(asking.Guard, "within", slow)
    async with client(county, made["token"]) as system:
        came = await system.get("/api/v1/deliveries", params={"wait": 30}, timeout=120)
    assert came.json() and looks == 2


async def test_a_token_is_good_for_its_member_and_its_types(
    county: County, system: httpx.AsyncClient
) -> None:
    types = await system.post(
        "/api/v1/messages", json={"id": "x", "type": ATTENDANCE, "records": [{}]}
    )
    assert types.status_code == 403 and types.json()["title"] == "web.type_not_yours"
    (other,) = await county.submit("cln-02", ENROL, [enrolment(65, site="cln-02")])
    assert (await system.get(f"/api/v1/messages/{other}")).status_code == 404
    await county.push("cln-01", ENROL, [enrolment(66, patient_ref="PS66")])
    theirs = (await county.until(lambda: county.ask("inbox.list", member="ps-01")))[0]["id"]
    assert (await system.post(f"/api/v1/deliveries/{theirs}/acknowledge")).status_code == 404

    for given in ("Bearer x", "", "Basic eDp4"):
        answer = await system.get("/api/v1/status", headers={"authorization": given})
        assert answer.status_code == 401, given
    made = await county.ask(
        "token.add", member="cln-01", name="short", types=[ENROL], receives=False, days=1
    )
    async with client(county, made["token"]) as short:
        assert (await short.get("/api/v1/status")).json()["member"] == "cln-01"
        assert (await short.get("/api/v1/deliveries")).status_code == 403
        await county.ask("token.revoke", id=made["id"])
        assert (await short.get("/api/v1/status")).status_code == 401


async def test_a_token_for_what_the_member_may_not_send_is_not_made(county: County) -> None:
    for type in ("courier.data.request.v1", "sys.receipt.v1", "no.such.v1"):
        with pytest.raises(Refused) as refused:
            await county.ask(
                "token.add", member="cln-01", name="x", types=[type], receives=False, days=9
            )
        assert refused.value.code == "people.token_types"


async def test_problems_say_it_in_both_languages_and_hold_no_value(
    system: httpx.AsyncClient,
) -> None:
    answer = await system.get("/api/v1/messages/no-such-thing")
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == 404 and set(told["texts"]) == {"zh", "en"}
    malformed = await system.post("/api/v1/messages", content=b'{"id": "13800138000"', headers=JSON)
    assert malformed.status_code == 400 and "13800138000" not in malformed.text
    patience = await system.get("/api/v1/deliveries", params={"wait": "13800138000s"})
    assert patience.status_code == 400 and "13800138000" not in patience.text
    assert patience.json()["texts"]["en"].endswith("at: wait")


async def test_too_much_and_too_often(
    county: County, system: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = b" " * (asking.MOST_BYTES + 1)
    large = await system.post("/api/v1/messages", content=whole, headers=JSON)
    assert large.status_code == 413
    monkeypatch.setattr(asking, "A_MINUTE", 3)
    monkeypatch.setattr(asking, "time", SimpleNamespace(monotonic=lambda: 90.0))  # one minute
    codes = [(await system.get("/api/v1/status")).status_code for _ in range(8)]
    assert codes[-1] == 429
