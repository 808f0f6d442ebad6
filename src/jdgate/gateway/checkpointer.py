"""Checkpoints: the head of the ledger, signed at intervals and sent to every member.

Whoever keeps one can later prove that the history it saw was not rewritten.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jdgate.core import checkpoints
from jdgate.core.signing import SigningKey
from jdgate.errors import Refused
from jdgate.gateway.compose import Outbound, Plan, sign_plan
from jdgate.gateway.ground import Ground
from jdgate.store import ledger


def sign_head(conn: Connection, ground: Ground, now: datetime) -> bytes | None:
    """A new checkpoint, kept in the books; None when nothing was added since the last one."""
    frontier = ledger.head(conn)
    if frontier.size == 0:
        return None
    head = checkpoints.of(frontier, ground.trust.directory.county, now)
    jws = checkpoints.sign(head, ground.keys.signer)
    return jws if ledger.save_checkpoint(conn, head, jws) else None


def current(conn: Connection, ground: Ground, now: datetime) -> bytes:
    """A checkpoint over everything written so far, made if there is none.

    Raises:
        Refused: `ledger.empty`.
    """
    made = sign_head(conn, ground, now)
    latest = made or ledger.latest_checkpoint(conn)
    if latest is None:
        raise Refused("ledger.empty")
    return latest


def announce(ground: Ground, jws: bytes, now: datetime) -> list[Outbound]:
    """The checkpoint as a message to every active member."""
    return _to_all(ground, "sys.checkpoint.v1", {"checkpoint": jws.decode()}, now)


def announce_directory(ground: Ground, jws: bytes, now: datetime) -> list[Outbound]:
    """The directory in force as a message to every active member. Our oldest key that counts signs
    it: whoever has not got it yet does not know our newest one."""
    oldest = (key for key in ground.keys.signing if ground.counts(key.kid, now))
    signer = next(oldest, ground.keys.signer)
    return _to_all(ground, "sys.directory.v1", {"directory": jws.decode()}, now, signer)


def _to_all(
    ground: Ground,
    type: str,
    record: dict[str, str],
    now: datetime,
    signer: SigningKey | None = None,
) -> list[Outbound]:
    return [
        sign_plan(
            ground,
            Plan(id=ground.new_id(), recipient=member.id, type=type, records=[record]),
            None,
            now,
            signer,
        )
        for member in ground.trust.active()
        if member.id != ground.me
    ]
