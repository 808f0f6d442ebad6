"""What monitors are told, on their own port: health, readiness, numbers that Prometheus reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.e2e.kit import ENROL, County
from tests.web.browsing import Browser
from tests.web.test_api import client

from jdgate.errors import TransportFailed
from jdgate.web.monitor import Monitor
from jdgate.web.series import family, one

pytestmark = pytest.mark.anyio
LABELS = r'\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\}'
SERIES = re.compile(rf"([a-z_]+)({LABELS})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
"""A line of the text format, as its specification has it (version 0.0.4)."""


async def numbers(county: County) -> dict[str, float]:
    """A scrape, read as strictly as the format is told: each metric once, its type first."""
    async with httpx.AsyncClient(base_url=county.daemon.monitor_url or "", timeout=60) as monitor:
        answer = await monitor.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.text.endswith("\n")
    found: dict[str, float] = {}
    typed: list[str] = []
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram") and name not in typed
            assert (kind == "counter") == name.endswith("_total"), name
            typed.append(name)
            continue
        series = SERIES.fullmatch(line)
        assert series is not None, line
        assert re.sub("_(bucket|sum|count)$", "", series[1]) == typed[-1] or series[1] == typed[-1]
        key = series[1] + (series[2] or "")
        assert key not in found
        found[key] = float(series[3])
    return found


async def test_monitors_have_a_port_of_their_own(county: County) -> None:
    async with httpx.AsyncClient(base_url=county.daemon.monitor_url or "", timeout=60) as monitor:
        assert (await monitor.get("/live")).text == "ok\n"
        assert (await monitor.get("/ready")).status_code == 200
        assert (await monitor.get("/")).status_code == 404
        assert (await monitor.post("/live")).status_code == 405
        head = await monitor.head("/metrics")
        assert (head.status_code, head.content) == (200, b"")
    told = await numbers(county)
    assert told["jdgate_ready"] == 1 and told['jdgate_member_healthy{member="cln-01"}'] == 1
    async with httpx.AsyncClient(base_url=county.daemon.web_url or "", timeout=60) as console:
        assert (await console.get("/metrics")).status_code != 200


async def test_answers_are_counted_by_kind_and_status_and_people_by_number(
    county: County, browse: Callable[..., Browser]
) -> None:
    before = await numbers(county)
    browser = browse()
    await browser.sign_in("clerk")
    made = await county.ask(
        "token.add", member="ps-01", name="counted", types=[], receives=True, days=9
    )
    async with client(county, made["token"]) as system:
        assert (await system.get("/api/v1/status")).status_code == 200
        assert (await system.get(f"/api/v1/messages/{ENROL}")).status_code == 404
        async with system.stream("GET", "/api/v1/deliveries/stream") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 3000"
            after = await numbers(county)

    def more(series: str) -> float:
        return after[series] - before.get(series, 0)

    assert more('jdgate_web_answers_total{kind="api",status="2xx"}') == 2
    assert more('jdgate_web_answers_total{kind="api",status="4xx"}') == 1
    assert more('jdgate_web_answers_total{kind="page",status="3xx"}') >= 1
    assert more('jdgate_web_seconds_bucket{kind="api",le="+Inf"}') == 3
    assert more('jdgate_web_seconds_count{kind="api"}') == 3
    assert after['jdgate_web_streams{kind="api"}'] == 1
    assert more("jdgate_web_sessions") == 1 and more("jdgate_api_tokens") == 1
    bounds = [after[key] for key in after if key.startswith('jdgate_web_seconds_bucket{kind="api"')]
    assert bounds == sorted(bounds)

    async def closed() -> bool:
        return (await numbers(county))['jdgate_web_streams{kind="api"}'] == 0

    await county.until(closed)


def test_numbers_are_written_whole_and_labels_escaped() -> None:
    assert one("jdgate_x_total", {}, 123_456_789) == "jdgate_x_total 123456789\n"
    assert one("jdgate_x", {"of": 'a"b\\c\nd'}, 0.25) == 'jdgate_x{of="a\\"b\\\\c\\nd"} 0.25\n'
    assert list(family("jdgate_x", "gauge", [({}, True)])) == [
        "# TYPE jdgate_x gauge\n",
        "jdgate_x 1\n",
    ]


async def test_while_the_books_are_away_the_daemon_is_not_ready() -> None:
    async def status() -> dict[str, Any]:
        raise TransportFailed("books.unavailable", books="x", reason="away")

    async def more() -> list[str]:
        return []

    app = httpx.ASGITransport(Monitor(status, more))
    async with httpx.AsyncClient(transport=app, base_url="http://monitor", timeout=60) as monitor:
        assert (await monitor.get("/live")).status_code == 200
        for path in ("/ready", "/metrics"):
            assert (await monitor.get(path)).status_code == 503
