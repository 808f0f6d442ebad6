"""Commands on queries that were suspended (S2), on the gateway's machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.gateway.ground import Ground
from jdgate.running import Running
from jdgate.store import holds, ledger


class Guarding:
    """Whose queries are suspended, and letting them go on."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def queries_list(self) -> list[dict[str, Any]]:
        """The members whose queries are suspended."""
        found = await self._running.the_gateway.run(holds.suspended)
        return [{"member": member, "since": iso(at)} for member, at in found]

    async def queries_resume(self, member: str, by: str) -> dict[str, Any]:
        """A named person lets a member's queries go on; the ledger keeps that."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        if not by.strip():
            raise Refused("query.person_needed")
        await gateway.run(lambda conn: _resume(conn, gateway.ground, member, by.strip(), now))
        return {"member": member}


def _resume(conn: Connection, ground: Ground, member: str, by: str, now: datetime) -> None:
    if not holds.lift(conn, member):
        raise Refused("query.not_suspended", member=member[:40])
    leaf = leaves.AdminLeaf(
        id=ground.new_id(),
        at=show_time(now),
        act="queries.resumed",
        operator=by[:64],
        target=member,
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])
