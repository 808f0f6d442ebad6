"""The people who look at the console while the benchmark runs: a process of their own.

Each has a desk open as a browser has, and takes what the stream sends. Nothing is drawn.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from multiprocessing.connection import Connection as Pipe
from typing import Any

import httpx


class Audience:
    """`cookies`: one person each."""

    def __init__(self, url: str, cookies: list[str]) -> None:
        self._url = url
        # a client of its own would take most of its time to read the system's certificates
        self._tls = httpx.create_ssl_context()
        self._cookies = cookies
        self._tasks: list[asyncio.Task[None]] = []
        self.told = self.taken = self.lost = 0
        self.waits: list[float] = []

    async def sit_down(self) -> int:
        """Open all desks; how many streams are open."""
        ready = [asyncio.Event() for _ in self._cookies]
        for cookie, event in zip(self._cookies, ready, strict=True):
            self._tasks.append(asyncio.create_task(self._look(cookie, event)))
        await asyncio.wait_for(asyncio.gather(*(each.wait() for each in ready)), 120)
        return len(self._tasks)

    async def _look(self, cookie: str, ready: asyncio.Event) -> None:
        async with httpx.AsyncClient(
            base_url=self._url, cookies={"jdgate": cookie}, timeout=120, verify=self._tls
        ) as client:
            (await client.get("/")).raise_for_status()
            async with client.stream("GET", "/live") as stream:
                stream.raise_for_status()
                ready.set()
                last = time.perf_counter()
                async for line in stream.aiter_lines():
                    self.taken += len(line)
                    if line == "event: work":
                        now = time.perf_counter()
                        self.told += 1
                        self.waits.append(now - last)
                        last = now
            self.lost += 1

    async def counted(self) -> dict[str, Any]:
        """What happened since the last call."""
        done = {
            "told": self.told,
            "kilobytes": round(self.taken / 1000),
            "open": len(self._tasks) - self.lost,
            "apart_s": round(sum(self.waits) / len(self.waits), 2) if self.waits else None,
            "most_apart_s": round(max(self.waits, default=0), 2),
        }
        self.told = self.taken = 0
        self.waits.clear()
        return done

    async def stand_up(self) -> None:
        """Close all desks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self.lost = 0


def run(pipe: Pipe, url: str, cookies: list[str]) -> None:
    """The main function of the process: do what the parent asks until it says `stop`."""
    asyncio.run(_serve(pipe, Audience(url, cookies)))


async def _serve(pipe: Pipe, audience: Audience) -> None:
    while True:
        method, args = await asyncio.to_thread(pipe.recv)
        if method == "stop":
            return
        try:
            pipe.send(("ok", await getattr(audience, method)(*args)))
        except Exception:
            pipe.send(("failed", traceback.format_exc()))
