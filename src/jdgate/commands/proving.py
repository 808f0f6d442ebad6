"""Commands on the ledger and on what proves an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jdgate.commands.forms import ledger_head
from jdgate.gateway import proofs
from jdgate.gateway.proofs import Recomputed
from jdgate.running import Running


class Proving:
    """The gateway's ledger."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def ledger_head(self) -> dict[str, Any]:
        """Size, root and latest checkpoint."""
        return await self._running.the_gateway.read(ledger_head)

    async def ledger_verify(self) -> AsyncIterator[Any]:
        """Hash the whole ledger again, with progress."""
        books = self._running.the_gateway.books

        def steps() -> Generator[Recomputed, None, None]:
            with books.read() as conn:
                yield from proofs.recompute(conn)

        # one thread for all of it: a connection of the books stays where it was opened
        thread, work, loop = ThreadPoolExecutor(1, "verify"), steps(), asyncio.get_running_loop()
        try:
            while (step := await loop.run_in_executor(thread, next, work, None)) is not None:
                yield step._asdict()
        finally:
            thread.submit(work.close)
            thread.shutdown(wait=False)

    async def ledger_prove(self, id: str) -> dict[str, Any]:
        """Where the ledger speaks of a message, with proofs."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        return await gateway.run(lambda conn: proofs.inclusion(conn, gateway.ground, id, now))

    async def evidence_export(self, id: str) -> dict[str, Any]:
        """The evidence file of one message, as text."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        data = await gateway.run(lambda conn: proofs.export(conn, gateway.ground, id, now))
        return {"evidence": data.decode()}
