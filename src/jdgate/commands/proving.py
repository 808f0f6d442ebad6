"""Commands on the ledger and on what proves an exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from jdgate.commands.forms import ledger_head
from jdgate.gateway import proofs
from jdgate.running import Running


class Proving:
    """The gateway's ledger."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def ledger_head(self) -> dict[str, Any]:
        """Size, root and latest checkpoint."""
        return await self._running.the_gateway.run(ledger_head)

    async def ledger_verify(self) -> AsyncIterator[Any]:
        """Hash the whole ledger again, with progress."""
        books = self._running.the_gateway.books

        def steps() -> Sequence[tuple[int, int]]:
            with books.read() as conn:
                return list(proofs.recompute(conn))

        done = await asyncio.to_thread(steps)
        for at, total in done:
            yield {"done": at, "total": total}

    async def ledger_prove(self, id: str) -> dict[str, Any]:
        """Where the ledger speaks of a message, with proofs."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        return await gateway.run(lambda conn: proofs.inclusion(conn, gateway.ground, id, now))

    async def evidence_export(self, id: str) -> dict[str, Any]:
        """The evidence file of one message, as text."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        data = await gateway.run(lambda conn: proofs.export(conn, gateway.ground, id, now))
        return {"evidence": data.decode()}
