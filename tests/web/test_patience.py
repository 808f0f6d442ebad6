"""Who sends too slowly is waited for no longer, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tests.e2e.kit import ATTENDANCE, County
from tests.web.browsing import Browser

from jdgate.errors import Refused
from jdgate.web import patience, problems

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
WITHIN_S = 30


class Dripping(asyncio.Protocol):
    """A client that sends a little again and again, until it is cut off. It keeps what was
    answered, also where the connection is reset right after it."""

    def __init__(self) -> None:
        self.answer = b""
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.answer += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set()

    async def drip(self, piece: bytes) -> bytes:
        """All that was answered by the time the connection was over."""
        async with asyncio.timeout(WITHIN_S):
            while not self.over.is_set():
                self.transport.write(piece)
                await asyncio.sleep(0.02)
        return self.answer


@asynccontextmanager
async def connected(county: County, head: str) -> AsyncIterator[Dripping]:
    url = urlsplit(county.daemon.web_url or "")
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(Dripping, url.hostname, url.port)
    transport.write(head.format(host=url.netloc).replace("\n", "\r\n").encode())
    yield client
    transport.close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "GRACE_S", 0.4)
    monkeypatch.setattr(patience, "REST_S", 0.4)


async def test_a_head_that_never_ends_ends_the_connection(county: County) -> None:
    async with connected(county, "GET / HTTP/1.1\nHost: {host}\n") as client:
        assert await client.drip(b"X-Padding: x\r\n") == b""


async def test_a_connection_on_which_nothing_is_asked_is_closed(county: County) -> None:
    async with connected(county, "") as client:
        async with asyncio.timeout(WITHIN_S):
            await client.over.wait()
        assert client.answer == b""


async def test_a_body_that_drips_in_is_told_so_and_harms_nobody(
    county: County, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "REST_S", 30.0)  # a busy machine is late with the head
    browser = browse()
    await browser.is_in("clerk")
    head = (
        "POST /sign-out HTTP/1.1\nHost: {host}\nContent-Length: 60000\n"
        f"Cookie: jdgate={browser.cookie}\n"
        "Content-Type: application/x-www-form-urlencoded\n\n"
    )
    async with connected(county, head) as client:
        dripping = asyncio.create_task(client.drip(b"a"))
        while not dripping.done():  # meanwhile others work
            assert (await browser.open("/")).status_code == 200
        answer = await dripping
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower() and "传送太慢" in answer.decode()
    assert (await browser.open("/")).status_code == 200, "and nobody was signed out"


async def test_what_is_left_of_a_refused_body_keeps_no_connection(county: County) -> None:
    head = (
        "POST /sign-out HTTP/1.1\nHost: {host}\nContent-Length: 60000\n"
        "Content-Type: application/x-www-form-urlencoded\n\n"
    )
    async with connected(county, head) as client:
        assert (await client.drip(b"a")).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("large", [True, False])
def test_a_body_gets_more_time_for_what_came(monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(patience, "GRACE_S", 1000.0)
    pieces = iter([b"x" * (1000 * patience.SLOWEST if large else 1)] * 3 + [b""])

    async def drip() -> patience.Body:
        loop, passed = asyncio.get_running_loop(), 0.0
        really = loop.time
        monkeypatch.setattr(loop, "time", lambda: really() + passed)

        async def receive() -> dict[str, object]:
            nonlocal passed
            passed += 600.0
            for _ in range(3):  # whoever waited for so long notices
                await asyncio.sleep(0)
            piece = next(pieces)
            return {"type": "http.request", "body": piece, "more_body": bool(piece)}

        body = patience.Body(receive)
        with contextlib.suppress(Refused):
            for _ in range(4):
                await body.receive()
        return body

    assert asyncio.run(drip()).slow == (not large)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/sign-out", "application/x-www-form-urlencoded"),
        ("/api/v1/messages", "application/json"),
        ("/api/v1/tables?id=gone&type=mmt.attendance.v1", "text/csv"),
    ],
)
async def test_who_goes_away_in_the_middle_is_no_fault_of_ours(
    county: County,
    browse: Browse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    path: str,
    kind: str,
) -> None:
    for limit in ("GRACE_S", "REST_S"):
        monkeypatch.setattr(patience, limit, 60.0)
    answered: list[int] = []

    def told(error: Exception) -> tuple[int, str, dict[str, object]]:
        said = as_it_is(error)
        answered.append(said[0])
        return said

    as_it_is = problems.told
    monkeypatch.setattr(problems, "told", told)
    browser = browse()
    await browser.sign_in("clerk")
    made = await county.ask(
        "token.add", member="cln-01", name="gone", types=[ATTENDANCE], receives=False, days=1
    )
    head = (
        f"POST {path} HTTP/1.1\nHost: {{host}}\nContent-Length: 60000\nContent-Type: {kind}\n"
        f"Cookie: jdgate={browser.cookie}\nAuthorization: Bearer {made['token']}\n\n"
    )
    async with connected(county, head) as client:
        client.transport.write(b"only so much")
    await county.until(lambda: answered)
    assert answered == [400]
    assert not [one for one in caplog.records if one.levelname == "ERROR"]
