"""What members say their operators did: a leaf each; and who was stopped from opening content (S2),
until the security desk or somebody at the gateway lets them go on.

    take(conn, ground, opened, records, effects, now)          # from `sys.operator.acted.v1`
    resumed = resume(conn, ground, "pol", "wang", by, now)     # a plan and a leaf, or None
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Opened
from jdgate.core.calendar import day_of
from jdgate.core.message import show_time
from jdgate.gateway.compose import Plan
from jdgate.gateway.ground import Ground
from jdgate.store import holds

if TYPE_CHECKING:
    from jdgate.gateway.effects import Effects

RESUMED = "sys.looks.resumed.v1"
STOPPED = "looks.stopped"
_TITLES = {"too_many": "alert.looks_in_bulk", "off_hours": "alert.looks_off_hours"}


class Resumed(NamedTuple):
    """What lets an operator go on: a message to their member, and the leaf about it."""

    plan: Plan
    leaf: bytes


def take(
    conn: Connection,
    ground: Ground,
    opened: Opened,
    records: list[dict[str, Any]],
    effects: Effects,
    now: datetime,
) -> None:
    """Write down what a member's operators did; the security desk hears of who was stopped."""
    source = opened.message.source
    for record in records:
        salt = ground.salt()
        leaf = leaves.AdminLeaf(
            id=opened.message.id,
            at=show_time(now),
            act=record["act"],
            operator=record.get("operator", ""),
            target=record.get("about", ""),
            source=source,
            directory=ground.version,
            commitment=leaves.commitment(salt, opened.jws),
        )
        effects.leaves.append((leaves.encode(leaf), salt))
        if record["act"] == STOPPED and "operator" in record:
            _stopped(conn, source, record, effects, now)


def _stopped(
    conn: Connection, member: str, record: dict[str, Any], effects: Effects, now: datetime
) -> None:
    operator = record["operator"]
    holds.stop_looks(conn, member, operator, now)
    effects.tell_security(
        f"{member}:{operator}:{day_of(now)}",
        _TITLES[record.get("why", "too_many")],
        {"member": member, "operator": operator, "persons": record.get("persons", 0)},
    )


def resume(
    conn: Connection, ground: Ground, member: str, operator: str, by: str, now: datetime
) -> Resumed | None:
    """Let an operator open content again; None when they were not stopped."""
    if not holds.resume_looks(conn, member, operator):
        return None
    id = ground.new_id()
    plan = Plan(id=id, recipient=member, type=RESUMED, records=[{"operator": operator}])
    leaf = leaves.AdminLeaf(
        id=id,
        at=show_time(now),
        act="looks.resumed",
        operator=by,
        target=operator,
        source=member,
    )
    return Resumed(plan, leaves.encode(leaf))
