"""Ending tasks for sure.

Before Python 3.12 `asyncio.wait_for` can lose a cancellation that comes in the moment its result
does (python/cpython#86296), and nats-py waits with it: a loop that was cancelled once may go on,
and whoever waits for its end would wait for ever.

    await end(self._reading, *self._tasks)
"""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_S = 0.5


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks, once more after a while, until each has ended. What they raised is theirs."""
    waiting = {task for task in tasks if task is not None}
    while waiting:
        for task in waiting:
            task.cancel()
        ended, waiting = await asyncio.wait(waiting, timeout=AGAIN_S)
        for task in ended:
            if not task.cancelled():
                task.exception()  # looked at, or the loop would report it
