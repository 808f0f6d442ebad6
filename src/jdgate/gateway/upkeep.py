"""What the gateway sees to when nothing comes: the directory in force, checkpoints, forgetting,
members that are not there. At every start, every hour, with every directory and at the stop.

    await note_directory(gateway)
    await hourly(gateway)
    await sign_head(gateway)
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.calendar import add_days, day_of
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.gateway import checkpointer, redelivery, retention, timekeeper
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.store import directories, figures, ledger, traffic

if TYPE_CHECKING:
    from jdgate.gateway.gateway import Gateway

SCRUB_TRIES = 5
FIGURES_KEPT_DAYS = 400
"""A year and a little (domain reference §5: design), so that charts can show one."""


async def note_directory(gateway: Gateway) -> None:
    """Write down from when on the directory is in force. It is announced right after.

    Raises:
        Refused: `directory.rollback`, `directory.forked`.
    """
    now, ground, jws = gateway.clock.now(), gateway.ground, gateway.directory_jws
    await gateway.run(lambda conn: _note(conn, ground, jws, now))


def _note(conn: Connection, ground: Ground, jws: bytes, now: datetime) -> None:
    known = directories.latest(conn)
    if known is not None and known.version > ground.version:
        # an older file put in place would make a revoked key good again
        raise Refused("directory.rollback", got=ground.version, expected=known.version)
    if known is not None and known.version == ground.version:
        if known.jws != jws:
            raise Refused("directory.forked", version=ground.version)
        return
    directories.publish(conn, ground.version, jws, now)
    leaf = leaves.DirectoryLeaf(
        id=ground.new_id(),
        at=show_time(now),
        version=ground.version,
        digest=leaves.digest(jws),
    )
    ledger.append(conn, [(leaves.encode(leaf), None)])


async def announce_directory(gateway: Gateway) -> None:
    """Send the directory to everyone: now, at every start and every hour, for an announcement
    is not receipted and who was away must learn of a revocation too."""
    now = gateway.clock.now()
    await gateway.send(checkpointer.announce_directory(gateway.ground, gateway.directory_jws, now))


async def sign_head(gateway: Gateway) -> None:
    """Sign the ledger's head, if something was added, and send it to everyone."""
    now = gateway.clock.now()
    jws = await gateway.run(lambda conn: checkpointer.sign_head(conn, gateway.ground, now))
    if jws is not None:
        await gateway.send(checkpointer.announce(gateway.ground, jws, now))


async def hourly(gateway: Gateway) -> None:
    """Members that are away, bodies that may go, recipients that say nothing, the directory."""
    await set_aside_absent(gateway)
    await forget(gateway)
    now = gateway.clock.now()
    silence = await gateway.run(lambda conn: timekeeper.look_for_silence(conn, gateway.ground, now))
    await gateway.send(silence.outbound)
    await gateway.run(lambda conn: _tidy(conn, now))
    await announce_directory(gateway)


def _tidy(conn: Connection, now: datetime) -> None:
    """Tallies of tens of minutes become those of hours; figures of long ago are forgotten."""
    traffic.roll_up(conn, now)
    figures.forget(conn, add_days(day_of(now), -FIGURES_KEPT_DAYS))


async def set_aside_absent(gateway: Gateway) -> None:
    """Give up on what is open to members that are suspended, have left or lost the role."""
    more = True
    while more:
        now = gateway.clock.now()

        def work(conn: Connection) -> tuple[timekeeper.Due, bool]:
            found: list[bool] = []

            def tell(effects: Effects) -> None:
                found.append(
                    redelivery.set_aside_absent(conn, gateway.ground, effects, now)  # noqa: B023
                )

            due = timekeeper.originate(conn, gateway.ground, now, tell)  # noqa: B023
            return due, found[0]

        due, more = await gateway.run(work)
        await gateway.send(due.outbound)
        gateway.tell(due.notices)


async def forget(gateway: Gateway) -> None:
    """Erase all that may go, one bounded transaction after the other."""
    gone = 0
    now = gateway.clock.now()
    while step := await gateway.run(lambda conn: retention.erase_due(conn, gateway.ground, now)):
        gone += step
    if not gone:
        return
    for _ in range(SCRUB_TRIES):
        if await gateway.aside(gateway.books.scrub):
            return
        await asyncio.sleep(1.0)  # a reader still uses the log; what is in it goes next hour too
