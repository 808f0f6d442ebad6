"""What the machine under the exchange is like: room on the disk, databases, what is kept.

told.update(await machine(running))
"""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from sqlalchemy import Connection

from jdgate.running import Running
from jdgate.store import bodies

LITTLE_BYTES, LITTLE_SHARE = 1024**3, 0.05
"""Less room than this on the disk is warned about: a gigabyte, or a twentieth of it."""

SETTLED_AFTER_S = 30.0
"""After this a member without a connection is no longer taken to be connecting."""
NAMED = 3
"""Members without a connection that a warning names."""


async def machine(running: Running) -> dict[str, Any]:
    """`disk`: free and total bytes where the data is; `databases`: {which, name, dialect, bytes};
    `workers`: processes beside the gateway; `retention`: since which day bodies are kept, and how
    many keys of a type and a day there are. What is not on this machine is not there."""
    gateway, edge = running.gateway, running.edge
    usage = await asyncio.to_thread(shutil.disk_usage, running.home.var)
    told: dict[str, Any] = {"disk": {"free": usage.free, "total": usage.total}, "databases": []}
    open_here = [
        *([gateway.books] if gateway is not None else []),
        *([edge.database] if edge is not None else []),
    ]
    for database in open_here:
        told["databases"].append(
            {
                "which": database.which,
                "name": database.name,
                "dialect": database.dialect,
                "bytes": await asyncio.to_thread(database.size),
            }
        )
    if gateway is not None:

        def read(conn: Connection) -> dict[str, Any]:
            oldest, keys = bodies.days_kept(conn)
            return {"since": oldest.isoformat() if oldest else None, "keys": keys}

        told["workers"] = gateway.workers
        told["retention"] = await gateway.read(read)
    return told


def connections(members: list[dict[str, Any]], up_s: float) -> list[dict[str, Any]]:
    """The members that the bus does not answer; so soon after the start (`up_s`: seconds since)
    nobody knows whether they are down."""
    lost = [one["name"] for one in members if not one["healthy"]]
    if not lost:
        return []
    if up_s < SETTLED_AFTER_S:
        return [{"code": "status.connecting", "params": {"count": len(lost)}}]
    names = "、".join(lost[:NAMED]) + ("…" if len(lost) > NAMED else "")
    return [{"code": "status.disconnected", "params": {"count": len(lost), "members": names}}]


def warnings(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What of it needs somebody's attention."""
    free, total = told["disk"]["free"], told["disk"]["total"]
    if free >= min(LITTLE_BYTES, total * LITTLE_SHARE):
        return []
    return [{"code": "status.disk_low", "params": {"megabytes": free // 1024**2}}]
