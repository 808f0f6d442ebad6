"""Worker processes for HPKE and signatures, which are most of what a single message costs.

Python runs one thread at a time, and `cryptography` keeps its lock, so threads don't help. What
is done here needs no books and no clock: whether a body opens to a message of its sender, and
sealing to a recipient. A worker opens one group while the gateway's thread commits the one
before. It only ever says yes: what it can't open (or can't judge: a suite of a plugin, a newer
directory) the gateway opens itself, and finds the reason.

    workers = Workers(1)
    workers.trust(trust, keys)                 # again with every directory
    jws_of = await workers.open(arrivals)      # one JWS or None for each
    bodies = await workers.seal(tasks)
    workers.stop()

With no workers, or for a few messages only, nothing leaves the process: `open` answers None for
each and `seal` seals on the spot. A worker that dies is replaced; its group is done here. Workers
hold the gateway's private keys, as the gateway does, and die with it.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from jdgate.bus.tether import PR_SET_PDEATHSIG
from jdgate.core.admission import Arrival, open_signed
from jdgate.core.directory import Trust
from jdgate.core.keys import MemberKeys
from jdgate.core.sealing import SealingKey, seal
from jdgate.errors import Refused

log = logging.getLogger(__name__)

FEW = 4
"""Up to this many are done at once here: handing them over would cost more."""

SealTask = tuple[bytes, SealingKey, bytes]
"""What to seal, for which key, under which `info` (`sealing.context`)."""


class Workers:
    """`count` processes beside the gateway; none when it is 0."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None
        self._ground: tuple[Trust, MemberKeys] | None = None

    @property
    def count(self) -> int:
        """How many processes there are to be."""
        return self._count

    def trust(self, trust: Trust, keys: MemberKeys) -> None:
        """Go by this directory and these keys from now on."""
        self.stop()
        self._ground = (trust, keys)
        if self._count:
            self._pool = ProcessPoolExecutor(
                self._count,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(os.getpid(), trust, keys),
            )
            self._pool.submit(_open, [])  # so that the first message doesn't wait for a start

    def stop(self) -> None:
        """End the processes once they have done what they were given."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    async def open(self, arrivals: Sequence[Arrival]) -> list[bytes | None]:
        """The verified JWS inside each arrival; None where that is not settled here."""
        if self._pool is None or len(arrivals) <= FEW:
            return [None] * len(arrivals)
        return await self._spread(_open, arrivals) or [None] * len(arrivals)

    async def seal(self, tasks: Sequence[SealTask]) -> list[bytes]:
        """The sealed body of each task.

        Raises:
            Refused: `sealing.key`, `sealing.suite_unknown`.
        """
        if self._pool is None or len(tasks) <= FEW:
            return _seal(tasks)
        return await self._spread(_seal, tasks) or _seal(tasks)

    async def _spread(self, work: Callable[[Any], list[Any]], items: Sequence[Any]) -> list[Any]:
        """`work` on equal shares of the items; nothing when the workers are gone."""
        pool, loop = self._pool, asyncio.get_running_loop()
        assert pool is not None and self._ground is not None
        share = -(-len(items) // self._count)
        try:
            parts = await asyncio.gather(
                *(
                    loop.run_in_executor(pool, work, list(items[at : at + share]))
                    for at in range(0, len(items), share)
                )
            )
        except (BrokenProcessPool, RuntimeError) as reason:  # died, or shut down meanwhile
            if pool is self._pool:
                log.warning(
                    "the worker processes ended (%s); new ones begin", type(reason).__name__
                )
                self.trust(*self._ground)
            return []
        return [one for part in parts for one in part]


# --- in the worker

_ground: tuple[Trust, MemberKeys] | None = None


def _begin(parent: int, trust: Trust, keys: MemberKeys) -> None:
    global _ground
    _ground = trust, keys
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the gateway's to handle
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _open(arrivals: Sequence[Arrival]) -> list[bytes | None]:
    assert _ground is not None
    trust, keys = _ground
    opened: list[bytes | None] = []
    for arrival in arrivals:
        try:
            opened.append(open_signed(arrival, trust, keys))
        except Refused:
            opened.append(None)
    return opened


def _seal(tasks: Sequence[SealTask]) -> list[bytes]:
    return [seal(*task) for task in tasks]
