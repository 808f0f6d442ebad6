"""A member with its own key over HTTP: its system signs, the gateway answers, and nothing of the
member's key is on the gateway's machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, WITHIN, County, attendance, enrolment
from tests.e2e.test_trouble import cap, uncap
from tests.web.test_api import client

from jdgate.clock import machine_time
from jdgate.core import signing
from jdgate.core.admission import Arrival, Opened, open_arrival
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.keys import MemberKeys
from jdgate.core.message import Message, decode, encode, whole_ms
from jdgate.core.signing import TYP_MESSAGE
from jdgate.errors import Refused
from jdgate.gateway import door
from jdgate.gateway.ground import new_id

pytestmark = pytest.mark.anyio
JOSE = {"content-type": "application/jose"}


class Owner:
    """A department's system that holds the department's keys."""

    def __init__(self, county: County, http: httpx.AsyncClient, keys: MemberKeys) -> None:
        self.county, self.http, self.keys = county, http, keys
        self.number = 0

    def message(self, **other: Any) -> Message:
        self.number += 1
        fields: dict[str, Any] = {
            "id": new_id(),
            "source": self.keys.member,
            "type": ENROL,
            "time": whole_ms(machine_time()),
            "recipient": "gateway",
            "data": [enrolment(700 + self.number, site=self.keys.member)],
            "sequence": self.number,
            "purpose": "mmt.filing",
        }
        return Message(**(fields | other))

    def signed(self, message: Message) -> bytes:
        return signing.sign(encode(message), self.keys.signer, TYP_MESSAGE)

    async def hand_in(self, jws: bytes) -> httpx.Response:
        return await self.http.post("/api/v1/messages/signed", content=jws, headers=JOSE)

    def opened(self, sealed: dict[str, Any]) -> Opened:
        body = unb64u(sealed["body"])
        arrival = Arrival(self.keys.member, sealed["id"], sealed["kid"], body, machine_time())
        found = open_arrival(arrival, self.county.trust, self.keys, sender="gateway")
        assert isinstance(found, Opened), found
        return found

    def receipt(self, *deliveries: Opened) -> bytes:
        said = [
            {"message_id": one.message.id, "digest": b64u(one.digest), "verdict": "delivered"}
            for one in deliveries
        ]
        return self.signed(
            self.message(type="sys.receipt.v1", data=said, sequence=None,
                         purpose="exchange.operation")
        )  # fmt: skip


@pytest.fixture(scope="module")
async def owner(county: County) -> AsyncIterator[Owner]:
    """A clinic that this machine does not host, whose system has its keys."""
    made = await county.ask(
        "token.add", member="cln-09", name="own", types=[], receives=True, days=9, own_key=True
    )
    async with client(county, made["token"]) as http:
        yield Owner(county, http, county.keys("cln-09"))


async def test_what_a_member_signed_itself_is_judged_and_receipted(
    county: County, owner: Owner
) -> None:
    message = owner.message()
    jws = owner.signed(message)
    answer = await owner.hand_in(jws)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["said"]["verdict"] == "accepted" and said["id"] == message.id
    assert proven(county, said["receipt"]).data[0]["digest"] == said["said"]["digest"]

    again = await owner.hand_in(jws)
    assert again.json() == said
    told = (await owner.http.get(f"/api/v1/messages/{message.id}")).json()
    assert told["state"] == "accepted" and told["verdict"] == said["said"]
    kept = await owner.http.get(f"/api/v1/messages/{message.id}/receipt")
    assert kept.text == said["receipt"]
    leaves = await county.leaves(message.id)
    assert [leaf["source"] for leaf in leaves if leaf["kind"] == "accepted"] == ["cln-09"]
    assert (await owner.http.get("/api/v1/status")).json()["next_sequence"] == owner.number + 1


def proven(county: County, receipt: str) -> Message:
    """A receipt, its signature by the gateway verified."""
    jws = receipt.encode()
    key = county.trust.signing_key(signing.peek(jws).kid, "gateway", machine_time(), machine_time())
    return decode(signing.verify(jws, key, TYP_MESSAGE))


async def test_what_it_is_owed_only_it_can_open_and_its_own_receipt_ends_it(
    county: County, owner: Owner
) -> None:
    await missing_patient(owner, 741)
    found = await waiting(owner)
    opened = owner.opened(found[0])
    assert opened.message.recipient == "cln-09" and opened.message.data
    other = county.keys("cln-01")
    assert isinstance(
        open_arrival(
            Arrival("cln-09", found[0]["id"], found[0]["kid"], unb64u(found[0]["body"]),
                    machine_time()), county.trust, other, sender="gateway"),
        Refused,
    )  # fmt: skip
    assert [one["id"] for one in await waiting(owner)] == [one["id"] for one in found]
    answer = await owner.hand_in(owner.receipt(*map(owner.opened, found)))
    assert answer.json() | {"id": ""} == {"id": "", "said": None, "receipt": None}
    assert (await owner.http.get("/api/v1/mailbox")).json() == []
    (leaf,) = [leaf for leaf in await county.leaves(found[0]["id"]) if leaf["kind"] == "delivered"]
    assert leaf["verdict"] == "delivered"


async def test_a_full_disk_is_told_and_the_same_again_is_answered(
    county: County, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was handed in is judged once there is room, whether its sender waited or not."""
    monkeypatch.setattr(door, "PATIENCE_S", 0.3)
    await county.books(cap)
    try:
        for _ in range(20):
            more = [enrolment(2_000 + n, site="cln-09") for n in range(200)]
            message = owner.message(data=more)
            answer = await owner.hand_in(owner.signed(message))
            if answer.status_code != 200:
                break
        assert (answer.status_code, answer.json()["title"]) == (503, "web.busy")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        await county.books(uncap)
    jws = owner.signed(message)

    async def judged() -> Any:
        answer = await owner.hand_in(jws)
        return answer.status_code == 200 and answer.json()["said"]

    said = await county.until(judged)
    assert said["verdict"] == "accepted" and said == await judged()
    leaves = [leaf for leaf in await county.leaves(message.id) if leaf["kind"] == "accepted"]
    assert len(leaves) == 1


async def missing_patient(owner: Owner, number: int) -> None:
    """A patient stays away so long that the clinic itself is told."""
    clinic = owner.keys.member
    days = [f"2026-01-{day:02d}" for day in range(6, 11)]
    stays = [attendance(number, day, attended=False, site=clinic) for day in days]
    for message in (
        owner.message(data=[enrolment(number, site=clinic)]),
        owner.message(type=ATTENDANCE, data=stays, purpose="mmt.continuity"),
    ):
        answer = await owner.hand_in(owner.signed(message))
        assert answer.json()["said"]["verdict"] == "accepted", answer.text


async def waiting(owner: Owner) -> list[dict[str, Any]]:
    async with asyncio.timeout(WITHIN):
        while True:
            answer = await owner.http.get("/api/v1/mailbox", params={"wait": 5})
            assert answer.status_code == 200, answer.text
            if found := answer.json():
                return list(found)
