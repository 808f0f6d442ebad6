"""How long the console takes for a page when the books are full: `python bench/pages.py`.

The books are filled the way they fill in life: messages of one record through a real edge, bus and
gateway, alerts by a clinic's rule. Then every page is fetched over HTTP on loopback, one at a time,
by an operator who may see it; the time is from the request to the last byte, so it is the server's
and a little more. Filling takes some minutes; `--keep DIR` keeps the county for another run.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import county
import httpx
import measure
from run import RESULTS, Party, say

CLINICS = 4
TARGET_MS = 150
TIMES = 30
"""Requests a page; the first one is reported beside the others."""
WHO = {"authority": ("nco", "auditor"), "keeper": ("nco", "administrator"),
       "police": ("pol", "approver"), "clinic": ("cln-01", "clerk")}  # fmt: skip
LINK = re.compile(r'href="(/[^"#]*)"')


def fill(machine: Party, messages: int, alerts: int) -> None:
    """Bring the books to about so many messages and alerts."""
    known = machine.ask("known")
    lacking = max(messages - known["messages"], 0)
    each = lacking // CLINICS
    first = known["messages"]
    for begin in range(0, each, 1000):
        count = min(1000, each - begin)
        machine.ask("enrol", first + begin, count, 1)
        say(f"{known['messages'] + (begin + count) * CLINICS:,} messages")
    if lacking:
        machine.ask("settled")
    missing = alerts - known["alerts"]
    if missing > 0:
        say(f"{missing:,} alerts")
        machine.ask("absences", first, missing, 8)
        until = time.monotonic() + 600
        while machine.ask("known")["alerts"] < alerts and time.monotonic() < until:
            time.sleep(1)
        machine.ask("settled")


def timed(client: httpx.Client, path: str, times: int) -> dict[str, Any]:
    """Milliseconds of a page, fetched several times."""
    took, status, size = [], 0, 0
    for _ in range(times):
        begun = time.perf_counter()
        answer = client.get(path)
        took.append((time.perf_counter() - begun) * 1000)
        status, size = answer.status_code, len(answer.content)
    return {
        "status": status,
        "bytes": size,
        "first_ms": round(took[0], 1),
        "median_ms": round(measure.quantile(took, 0.5), 1),
        "p95_ms": round(measure.quantile(took, 0.95), 1),
    }


def links(client: httpx.Client, path: str) -> list[str]:
    """Where a page leads to, here."""
    answer = client.get(path)
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return []
    found = dict.fromkeys(LINK.findall(answer.text))
    away = ("/static/", "/language/", "/api/")
    return [one.replace("&amp;", "&") for one in found if not one.startswith(away)]


def shape(path: str) -> str:
    """A page's path without ids, so that each kind of page is measured once."""
    plain, _, query = path.partition("?")
    plain = re.sub(r"/[0-9a-f]{8}-[0-9a-f-]{27}|/(?=[^/]*\d)[^/]+", "/…", plain)
    names = sorted(one.partition("=")[0] for one in query.split("&")) if query else []
    return plain + (f"?{'&'.join(names)}" if names else "")


def walk(client: httpx.Client, times: int, searches: list[str]) -> dict[str, Any]:
    """Every kind of page that can be reached from the menu, at most two steps away."""
    seen: dict[str, str] = {"/": "/"}
    for _ in range(2):
        for path in list(seen.values()):
            for one in links(client, path):
                seen.setdefault(shape(one), one)
    for one in searches:
        seen.setdefault(shape(one), one)
    return {kind: timed(client, path, times) for kind, path in sorted(seen.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--keep", type=Path, help="a folder for the county, used again")
    parser.add_argument("--search", action="append", default=[], help="one more path to measure")
    parser.add_argument("--json", type=Path, help="where the figures go")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jdgate-pages-") as folder:
        root = chosen.keep or Path(folder)
        if not (root / "gateway").exists():
            county.settle(root, CLINICS, 0, 0, console=True)
        machine = Party("machine", root / "gateway")
        try:
            fill(machine, chosen.messages, chosen.alerts)
            result = {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": measure.machine(),
                "books": machine.ask("known"),
                "pages": {name: measured(machine, chosen, *who) for name, who in WHO.items()},
            }
        finally:
            machine.stop()
    slow = report(result)
    target = chosen.json or RESULTS / f"pages-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{target}")
    sys.exit(1 if slow else 0)


def measured(machine: Party, chosen: Any, member: str, role: str) -> dict[str, Any]:
    """All pages of one operator."""
    say(f"pages of a {role} at {member}")
    (cookie,) = machine.ask("let_in", role, [member])
    with httpx.Client(
        base_url=machine.ask("console"), cookies={"jdgate": cookie}, timeout=60
    ) as client:
        return walk(client, chosen.times, chosen.search)


def report(result: dict[str, Any]) -> list[str]:
    """Print it; the pages that took too long or were no pages."""
    machine, books = result["machine"], result["books"]
    print(
        f"\n{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; load before "
        f"{machine['load_before']}; {books['messages']:,} messages, {books['alerts']:,} alerts"
    )
    slow = []
    for who, pages in result["pages"].items():
        print(f"\n{who:<40}{'status':>8}{'median ms':>11}{'p95':>8}{'first':>8}{'kB':>8}")
        for kind, one in pages.items():
            bad = one["median_ms"] >= TARGET_MS or one["status"] >= 500
            slow += [kind] if bad else []
            print(
                f"  {kind:<38}{one['status']:>8}{one['median_ms']:>11}{one['p95_ms']:>8}"
                f"{one['first_ms']:>8}{one['bytes'] / 1000:>8.1f}{'  ← slow' if bad else ''}"
            )
    print(f"\n{len(slow)} pages at {TARGET_MS} ms or more (median)")
    return slow


if __name__ == "__main__":
    main()
