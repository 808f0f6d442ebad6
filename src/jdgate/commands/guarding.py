"""Commands on queries that were suspended, and operators who were stopped from opening content
(S2), on the gateway's machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.gateway import acting, timekeeper
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.timekeeper import Due
from jdgate.running import Running
from jdgate.store import holds, ledger


class Guarding:
    """Whose queries are suspended, and letting them go on."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def queries_list(self) -> list[dict[str, Any]]:
        """The members whose queries are suspended, and operators who may open nothing."""
        gateway = self._running.the_gateway
        members, operators = await gateway.read(
            lambda conn: (holds.suspended(conn), holds.stopped(conn))
        )
        return [
            *({"member": one, "since": iso(at), "operator": None} for one, at in members),
            *({"member": one, "since": iso(at), "operator": who} for one, who, at in operators),
        ]

    async def queries_resume(
        self, member: str, by: str, operator: str | None = None
    ) -> dict[str, Any]:
        """A named person lets a member's queries go on, or one `operator` of it open content
        again; the ledger keeps that."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        person = by.strip()
        if not person:
            raise Refused("query.person_needed")
        if operator is None:
            await gateway.run(lambda conn: _resume(conn, gateway.ground, member, person, now))
        else:
            due = await gateway.run(
                lambda conn: _resume_looks(conn, gateway.ground, member, operator, person, now)
            )
            await gateway.send(due.outbound)
        return {"member": member, "operator": operator}


def _resume_looks(
    conn: Connection, ground: Ground, member: str, operator: str, by: str, now: datetime
) -> Due:
    def tell(effects: Effects) -> None:
        resumed = acting.resume(conn, ground, member, operator, by[:64], now)
        if resumed is None:
            raise Refused("looks.not_stopped", member=member[:40], operator=operator[:32])
        effects.plans.append(resumed.plan)
        effects.leaves.append((resumed.leaf, None))

    return timekeeper.originate(conn, ground, now, tell)


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
