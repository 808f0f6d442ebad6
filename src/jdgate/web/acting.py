"""What operators do, written into the ledger: signing in and out, accounts and tokens that change.

Each act is kept in `people.db` in the transaction that does it. From there it goes into the outbox
of the operator's member, as `sys.operator.acted.v1`, whatever the bus does just then: nobody waits
for it to sign in. The acts of a member that this machine does not host go straight into the books,
where the gateway runs here. How far it came is kept in the transaction that carries it, so each
goes once.

    acting = Acting(running, house)
    await acting.now()                                   # what commands did while no daemon ran
    task = asyncio.create_task(acting.forever())
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.core.sheet import Title
from jdgate.edge.host import EdgeHost
from jdgate.edge.looking import ACTED
from jdgate.errors import JdgateError, Refused
from jdgate.gateway.ground import Ground
from jdgate.people.house import House
from jdgate.plainlog import broke
from jdgate.running import Running
from jdgate.store import acts, ledger, meta
from jdgate.store.acts import KeptAct

log = logging.getLogger(__name__)

EVERY_S = 1.0
AT_ONCE = 500
_MARK = "acts.told:"


class Acting:
    """Carries acts from the house to the ledger."""

    def __init__(self, running: Running, house: House) -> None:
        self._running = running
        self._house = house
        self._began = False

    async def forever(self) -> None:
        """Carry what there is, now and then."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.now()

    async def now(self) -> None:
        """Carry what there is. What can't be carried is told in the log, and waits."""
        try:
            await self._begin()
            while await self.once():
                pass
        except JdgateError as reason:
            log.warning("acts of operators wait: %s", reason)
        except Exception as error:
            broke(log, "acts of operators wait", error=error)

    async def _begin(self) -> None:
        """An older `people.db` may have been put back, whose acts are numbered from less on."""
        if self._began:
            return
        last = await self._house.run(acts.last)
        for part in (self._running.edge, self._running.gateway):
            if part is not None and await part.run(_told) > last:
                await part.run(lambda conn: _tell(conn, last, back=True))
        self._began = True

    async def once(self) -> bool:
        """Carry some acts on; whether there may be more."""
        edge, gateway = self._running.edge, self._running.gateway
        if edge is None and gateway is None:
            return False
        told = [await part.run(_told) for part in (edge, gateway) if part is not None]
        since = min(told, default=0)
        rows = await self._house.run(lambda conn: acts.after(conn, since, AT_ONCE))
        if not rows:
            return False
        last = rows[-1].id
        hosted = set(edge.desks) if edge is not None else set()
        if edge is not None:
            for member in sorted({row.member for row in rows} & hosted):
                await self._send(edge, member, [row for row in rows if row.member == member])
            await edge.run(lambda conn: _tell(conn, last))
        if gateway is not None:
            rest = [row for row in rows if row.member not in hosted]
            await gateway.run(lambda conn: self._write(conn, gateway.ground, rest, last))
        await self._house.run(lambda conn: acts.drop_sign_ins(conn, last))
        return len(rows) == AT_ONCE

    @property
    def _known(self) -> dict[str, Title]:
        """The acts that the ledger has words for."""
        return self._running.catalogue.sheets[ACTED].values["act"]

    async def _send(self, edge: EdgeHost, member: str, rows: list[KeptAct]) -> None:
        known = self._known
        before, last = await edge.run(lambda conn: _told(conn, member)), rows[-1].id
        said = [_record(row) for row in rows if row.id > before and row.act in known]
        if not said:
            return
        try:
            await edge.submit(member, ACTED, said, noted=lambda conn, _: _tell(conn, last, member))
        except Refused as reason:  # by the directory it may send nothing now
            log.warning("acts of operators of %s are not in the ledger: %s", member, reason)

    def _write(self, conn: Connection, ground: Ground, rows: list[KeptAct], last: int) -> None:
        before, known = _told(conn), self._known
        written: list[tuple[bytes, bytes | None]] = []
        for row in rows:
            if row.id > before and row.act in known:
                said = _record(row)
                leaf = leaves.AdminLeaf(
                    id=ground.new_id(),
                    at=show_time(row.at),
                    act=said["act"],
                    operator=said.get("operator", ""),
                    target=said.get("about", ""),
                    source=row.member,
                )
                written.append((leaves.encode(leaf), None))
        if written:
            ledger.append(conn, written)
        _tell(conn, last)


def _told(conn: Connection, member: str = "") -> int:
    """The last act that was carried on, of all or of a member."""
    return int(meta.get(conn, _MARK + member) or 0)


def _tell(conn: Connection, last: int, member: str = "", *, back: bool = False) -> None:
    """Keep it; never a lower one, unless all go `back`."""
    if back:
        for key in meta.find(conn, _MARK, 1000):
            meta.put(conn, key, str(last))
        return
    meta.put(conn, _MARK + member, str(max(last, _told(conn, member))))


def _record(row: KeptAct) -> dict[str, Any]:
    """An act as a member says it. Who did it by a command has no name here."""
    said = {"act": row.act, "at": show_time(row.at)}
    if row.by:
        said["operator"] = row.by
    if row.about != row.by:
        said["about"] = row.about
    return said
