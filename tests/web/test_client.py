"""`jdgate.client` against the running API: what it promises to a department's programmer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread
import httpx
import msgspec
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, County, attendance, enrolment

from jdgate.client import (
    Client,
    OwnKey,
    Problem,
    Unreachable,
    read_authority,
    read_keys,
)
from jdgate.client.calls import events, lines
from jdgate.clock import machine_time
from jdgate.core.signing import PublicKey, peek
from jdgate.errors import Refused
from jdgate.web.api import asking

pytestmark = pytest.mark.anyio
T = TypeVar("T")
SAMPLE = Path(__file__).parents[2] / "samples" / "attendance-mistakes.csv"


async def beside(work: Callable[[], T]) -> T:
    """The client blocks, and the county runs in this very thread."""
    return await anyio.to_thread.run_sync(work)


async def token(county: County, member: str, *types: str, **more: Any) -> str:
    given = {"types": list(types), "receives": True, "days": 9} | more
    made = await county.ask("token.add", member=member, name="client", **given)
    return str(made["token"])


class Losing(httpx.BaseTransport):
    """A network on which the first answers get lost after the request arrived."""

    def __init__(self, lost: int) -> None:
        self.lost = lost
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._real.handle_request(request)
        if self.lost > 0:
            self.lost -= 1
            answer.close()
            raise httpx.ReadError("lost")
        return answer

    def close(self) -> None:
        self._real.close()


async def test_records_are_sent_once_over_a_network_that_loses_answers(county: County) -> None:
    made, url = await token(county, "cln-01", ENROL), county.daemon.web_url or ""
    waits: list[float] = []

    def work() -> Any:
        with (
            httpx.Client(transport=Losing(2), timeout=60) as http,
            Client(url, made, http=http, sleep=waits.append) as api,
        ):
            taken = api.send(ENROL, [enrolment(800), enrolment(801, id_no="1")], id="c-1")
            assert api.send(ENROL, [enrolment(800), enrolment(801, id_no="1")], id="c-1") == taken
            with pytest.raises(Problem) as problem:
                api.send(ENROL, [enrolment(802)], id="c-1")
            assert (problem.value.status, problem.value.code) == (409, "web.same_id")
            assert set(problem.value.texts) == {"zh", "en"}
            return taken

    taken = await beside(work)
    assert [one.index for one in taken.refused] == [1] and taken.refused[0].texts["zh"]
    assert len(waits) == 2
    await county.verdicts([taken.messages[0].id])
    key = gateway_key(county)
    wrong = PublicKey(key.kid, key.alg, bytes(32))

    def look() -> None:
        with Client(url, made) as api:
            assert api.wait(taken.messages[0].id).state == "accepted"
            assert peek(api.receipt(taken.messages[0].id, key)).kid == key.kid
            with pytest.raises(Refused):
                api.receipt(taken.messages[0].id, wrong)

    await beside(look)


def gateway_key(county: County) -> PublicKey:
    now = machine_time()
    return county.trust.signing_key("gateway.sig.1", "gateway", now, now)


async def test_a_table_and_its_refused_rows(county: County) -> None:
    made, url = await token(county, "cln-01", ATTENDANCE), county.daemon.web_url or ""

    def work() -> None:
        with Client(url, made) as api:
            sent = api.send_table(SAMPLE, id="c-2")
            assert sent.type == ATTENDANCE and sent.counts["refused"]
            assert api.table("c-2").messages == sent.messages
            assert api.refused_rows(SAMPLE, id="c-2")[:2] == b"PK"

    await beside(work)


async def test_deliveries_are_polled_and_followed_until_they_are_acknowledged(
    county: County,
) -> None:
    made, url = await token(county, "ps-01"), county.daemon.web_url or ""
    await county.push("cln-01", ENROL, [enrolment(810, patient_ref="PS810")])
    await county.until(lambda: county.ask("inbox.list", member="ps-01"))

    def work() -> None:
        with Client(url, made) as api:
            for one in api.deliveries():
                assert one.records
                api.acknowledge(one.id)
            assert list(api.deliveries()) == [] and api.status().waiting == 0

    await beside(work)

    def first() -> Any:
        with Client(url, made) as api:
            stream = api.deliveries(follow=True)
            found = next(stream)
            stream.close()  # type: ignore[attr-defined]
            return found

    async with anyio.create_task_group() as group:
        group.start_soon(county.push, "cln-01", ENROL, [enrolment(811, patient_ref="PS811")])
        assert (await beside(first)).records


async def test_a_member_with_its_own_key_signs_opens_and_receipts(county: County) -> None:
    made, url = await token(county, "cln-09", own_key=True), county.daemon.web_url or ""
    own = read_keys(county.home.keys / "cln-09.key")
    authority = read_authority(county.home.authority_public)

    def work() -> None:
        with OwnKey(url, made, own, authority) as me:
            filed = me.sign(ENROL, [enrolment(820, site="cln-09")], purpose="mmt.filing")
            days = [f"2026-01-{day:02d}" for day in range(6, 11)]
            stays = [attendance(820, day, attended=False, site="cln-09") for day in days]
            absent = me.sign(ATTENDANCE, stays, purpose="mmt.continuity")
            for message in (filed, absent, filed):
                said = me.hand_in(message).said
                assert said is not None and said.verdict == "accepted"
            assert me.message(filed.id).state == "accepted"
            came = next(me.mailbox(follow=True))
            assert came.records
            me.acknowledge(*me.mailbox())
            assert list(me.mailbox()) == [] and me.status().waiting == 0

    await beside(work)


async def test_what_fails_says_so(county: County) -> None:
    made, url = await token(county, "cln-01", ENROL), county.daemon.web_url or ""

    def work() -> None:
        with Client(url, "wrong") as api, pytest.raises(Problem) as problem:
            api.status()
        assert problem.value.status == 401
        with Client(url, made) as api, pytest.raises(Problem) as problem:
            api.send(ATTENDANCE, [{}], id="x")
        assert problem.value.code == "web.type_not_yours" and ATTENDANCE in str(problem.value)
        waits: list[float] = []
        with (
            Client("http://127.0.0.1:1", made, patience=3, sleep=waits.append) as away,
            pytest.raises(Unreachable),
        ):
            away.status()
        assert waits

    await beside(work)


def test_it_needs_nothing_of_the_daemon() -> None:
    parts = ("gateway", "edge", "store", "bus", "web", "people", "plugins", "commands", "files")
    script = (
        "import sys, jdgate.client\n"
        f"found = [one for one in {parts!r} if f'jdgate.{{one}}' in sys.modules]\n"
        "assert not found, found\n"
        "assert not {'sqlalchemy', 'nats', 'litestar', 'uvicorn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)


def test_a_stream_is_read_by_line_feeds_alone() -> None:
    said = {"text": "a\u2028b\u2029c\x85d\x0be"}
    stream = asking.event("delivery", "1", said) + asking.STILL_HERE
    for size in (1, 7, len(stream)):
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        ((id, data),) = events(lines(pieces))
        assert (id, msgspec.json.decode(data)) == ("1", said)
