"""Commands of those who run the exchange: dead letters, plugins, status."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate import __version__
from jdgate.commands import machine
from jdgate.commands.forms import iso, ledger_head
from jdgate.commands.membering import warnings
from jdgate.edge.host import EdgeHost
from jdgate.errors import Refused, TransportFailed
from jdgate.gateway import letters
from jdgate.gateway.gateway import Gateway
from jdgate.running import Running
from jdgate.store import alerts, dead, deliveries, draft_box, inbox, outbox


class Operating:
    """How this machine is doing, and what waits for its operator."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._began = time.monotonic()

    async def dead_list(
        self,
        state: str | None = "open",
        member: str | None = None,
        after: str | None = None,
        limit: int = 500,
    ) -> list[dict[str, Any]]:
        """Dead letters, newest first; those that come after the letter of the id `after`."""

        def read(conn: Connection) -> list[dead.DeadRow]:
            below = dead.get(conn, after) if after else None
            return dead.search(conn, state=state, member=member, below=below, limit=limit)

        return [_dead(row) for row in await self._running.the_gateway.read(read)]

    async def dead_show(self, id: str) -> dict[str, Any]:
        """One dead letter; its body stays sealed."""
        row = await self._running.the_gateway.read(lambda conn: dead.get(conn, id))
        if row is None:
            raise Refused("dead.unknown", id=id[:64])
        return _dead(row)

    async def dead_retry(self, id: str, by: str = "operator") -> dict[str, Any]:
        """Put a dead letter to work again."""
        return {"done": await letters.retry(self._running.the_gateway, id, by)}

    async def plugin_list(self) -> list[dict[str, Any]]:
        """Plugins and how they are doing."""
        found: list[dict[str, Any]] = msgspec.to_builtins(self._running.plugins.status())
        return found

    async def status(self) -> dict[str, Any]:
        """Everything an operator looks at first."""
        daemon = self._running
        # a department's own machine learns of a newer directory over the bus
        desks = daemon.edge.desks.values() if daemon.edge else ()
        known = (daemon.trust.directory, *(desk.trust.directory for desk in desks))
        directory = max(known, key=lambda each: each.version)
        told: dict[str, Any] = {
            "version": __version__,
            "pid": os.getpid(),
            "roles": list(daemon.config.run.roles),
            "county": {"region": daemon.config.county.region, "name": daemon.config.county.name},
            "web_url": daemon.web_url,
            "monitor_url": daemon.monitor_url,
            "directory": {"version": directory.version, "expires": iso(directory.expires)},
            "clock_behind_s": daemon.clock.behind.total_seconds(),
            "plugins": await self.plugin_list(),
            "warnings": [],
            "members": [],
        }
        if daemon.clock.behind.total_seconds() > 5:
            seconds = int(daemon.clock.behind.total_seconds())
            told["warnings"].append({"code": "status.clock_behind", "params": {"seconds": seconds}})
        told["warnings"] += warnings(directory, daemon.clock.now())
        if directory.catalogue != daemon.catalogue.digest:
            got, expected = daemon.catalogue.digest[:16], directory.catalogue[:16]
            params = {"got": got, "expected": expected}
            told["warnings"].append({"code": "catalogue.not_signed", "params": params})
        if daemon.gateway is not None:
            await self._gateway_status(daemon.gateway, told)
            signed = told["ledger"]["checkpoint_at"]
            age = daemon.clock.now() - datetime.fromisoformat(signed) if signed else None
            told["checkpoint_age_s"] = age.total_seconds() if age is not None else None
        if daemon.edge is not None:
            await self._edge_status(daemon.edge, told)
            told["warnings"] += machine.connections(told["members"], time.monotonic() - self._began)
        below = await machine.machine(daemon)
        told["warnings"] += machine.warnings(below)
        return told | below

    async def connection_show(self, member: str) -> dict[str, Any] | None:
        """How one member's connection is doing; None where this machine does not host it."""
        edge = self._running.edge
        if edge is None or member not in edge.desks:
            return None

        def read(conn: Connection) -> tuple[int, datetime | None]:
            return outbox.unanswered(conn, member)

        waiting, oldest = await edge.run(read)
        return {
            "version": __version__,
            "healthy": edge.healthy(member),
            "outbox_open": waiting,
            "oldest_open": iso(oldest) if oldest else None,
            "adapters": _adapters(edge, member),
        }

    async def _gateway_status(self, gateway: Gateway, told: dict[str, Any]) -> None:
        def read(conn: Connection) -> dict[str, Any]:
            oldest = deliveries.oldest_open(conn)
            return {
                "ledger": ledger_head(conn),
                "dead": dead.count_open(conn),
                "alerts": alerts.counts(conn),
                "open_deliveries": sum(deliveries.counts(conn).values()),
                "oldest_open": iso(oldest) if oldest else None,
            }

        told.update(await gateway.read(read))
        told["books"] = {"name": gateway.books.name, "dialect": gateway.books.dialect}
        told["counters"] = {
            "messages": gateway.counters.messages,
            "groups": gateway.counters.groups,
            "dead": gateway.counters.dead,
        }
        server = self._running.server
        bus: dict[str, Any] = {
            "mode": "embedded" if server else "external",
            "url": self._running.nats_url,
            "healthy": gateway.bus.healthy,
            "lag": None,
            "restarts": server.restarts if server else 0,
        }
        if server is not None and server.full:
            told["warnings"].append({"code": "bus.full", "params": {}})
        try:
            lag = await gateway.bus.lag()
            bus["lag"] = {
                "ingress": lag.ingress.pending + lag.ingress.unsettled,
                "mailboxes": sum(one.pending + one.unsettled for one in lag.mailboxes.values()),
            }
        except TransportFailed as reason:
            told["warnings"].append({"code": reason.code, "params": {}})
        told["bus"] = bus
        trouble, at = gateway.counters.trouble, gateway.counters.trouble_at
        if trouble and at and (self._running.clock.now() - at).total_seconds() < 60:
            params = {name: str(value) for name, value in gateway.counters.trouble_params.items()}
            told["warnings"].append({"code": trouble, "params": params})

    async def _edge_status(self, edge: EdgeHost, told: dict[str, Any]) -> None:
        def read(conn: Connection) -> dict[str, tuple[int, datetime | None, int, int]]:
            return {
                member: (
                    *outbox.unanswered(conn, member),
                    inbox.count(conn, member),
                    draft_box.count_undecided(conn, member),
                )
                for member in edge.desks
            }

        for member, (waiting, oldest, received, drafts) in (await edge.run(read)).items():
            told["members"].append(
                {
                    "id": member,
                    "name": edge.desks[member].trust.member(member).name,
                    "healthy": edge.healthy(member),
                    "outbox_open": waiting,
                    "oldest_open": iso(oldest) if oldest else None,
                    "inbox": received,
                    "drafts": drafts,
                    "adapters": _adapters(edge, member),
                }
            )


def _adapters(edge: EdgeHost, member: str) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "trouble": one.trouble,
            "params": {name: str(value) for name, value in one.params.items()},
        }
        for one in edge.conditions
        if one.member == member
    ]


def _dead(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "direction": row.direction,
        "member": row.member,
        "type": row.type,
        "code": row.code,
        "params": row.params,
        "at": iso(row.at),
        "attempts": row.attempts,
        "state": row.state,
        "by": row.by,
        "erased_at": iso(row.erased_at) if row.erased_at else None,
    }
