"""Whose turn it is to have something drawn anew that nobody asked for by hand.

What pages are sent by themselves takes at most a share of the process's time: the exchange comes
first. While there is little of it, everything goes out at once; when it gets more, it goes out
later, in order of asking, and never not at all.

    pace = Pace(share=0.05, burst_s=1.0)
    async with pace.turn():
        …                                       # what is done in here is counted
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Pace:
    """`share`: of the time that passes; `burst_s`: seconds of work saved up in quiet times."""

    def __init__(
        self, share: float, burst_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = share
        self._burst = burst_s
        self._clock = clock
        self._saved = burst_s
        self._at = clock()
        self._one_by_one = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until there is time for it; its own time is counted."""
        async with self._one_by_one:
            if (wait := self.wait()) > 0:
                await asyncio.sleep(wait)
            begun = self._clock()
            try:
                yield
            finally:
                self.spend(self._clock() - begun)

    def wait(self) -> float:
        """Seconds until there is time again."""
        now = self._clock()
        self._saved = min(self._burst, self._saved + (now - self._at) * self._share)
        self._at = now
        return max(0.0, -self._saved / self._share)

    def spend(self, seconds: float) -> None:
        """Count work that was done."""
        self.wait()
        self._saved -= seconds
