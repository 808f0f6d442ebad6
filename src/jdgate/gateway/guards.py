"""What county and books say against a message that is in order by itself: a record that its
settings rule out, queries in bulk (S2), care teams assigned by an office that is not responsible.

Guards come after admission and before anything is learnt from a message. What they refuse is
refused, recorded and answered like any other; a member whose queries were suspended stays so until
the security desk resolves the alert as justified, or somebody lifts it on the gateway's machine.

    guards = Guards(conn, ground, now)
    verdict = guards.check(judge(…))
    guards.tell(effects)                   # suspensions: the ledger and the alert
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Verdict
from jdgate.core.calendar import day_of
from jdgate.core.care import ASSIGN
from jdgate.core.message import show_time
from jdgate.core.queries import OFF_HOURS, TOO_MANY, day_began, trespass
from jdgate.errors import Refused
from jdgate.gateway.care import Teams
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.store import holds

_TITLES = {TOO_MANY: "alert.queries_in_bulk", OFF_HOURS: "alert.queries_off_hours"}


class Guards:
    """The guards of one transaction."""

    def __init__(self, conn: Connection, ground: Ground, now: datetime) -> None:
        self._conn = conn
        self._ground = ground
        self._now = now
        self._asked: dict[str, set[object]] = {}
        self._suspended: dict[str, tuple[str, int]] = {}
        self._teams = Teams(conn, ground)
        self._assigned: list[tuple[bytes, bytes | None]] = []

    def check(self, verdict: Verdict) -> Verdict:
        """The verdict, or a refusal in its place."""
        verdict = self._by_settings(verdict)
        opened = verdict.opened
        if opened is None or not verdict.accepted:
            return verdict
        if opened.message.type == ASSIGN:
            verdict = self._teams.check(verdict)
            self._assigned += self._teams.note(verdict, self._now)
            return verdict
        limits = self._ground.queries
        if opened.message.type not in limits.types:
            return verdict
        member = opened.message.source
        if member in self._suspended or holds.since(self._conn, member) is not None:
            return verdict.refused(Refused("query.suspended"))
        asked = self._asked.get(member)
        if asked is None:
            since = day_began(self._now)
            asked = set(holds.asked_about(self._conn, member, limits.types, since))
            self._asked[member] = asked
        # where a record names nobody that is known, it counts for itself
        more = {verdict.subjects.get(i, (opened.message.id, i)) for i in verdict.accepted}
        why = trespass(limits, asked=asked, more=more, at=self._now)
        if why is None:
            asked |= more
            return verdict
        self._suspended[member] = (why, len(asked | more))
        holds.suspend(self._conn, member, self._now)
        return verdict.refused(Refused(why, most=limits.persons))

    def _by_settings(self, verdict: Verdict) -> Verdict:
        opened = verdict.opened
        if opened is None or opened.message.type not in self._ground.refusing:
            return verdict
        message, faults = opened.message, dict(verdict.faults)
        for refuses in self._ground.refusing[message.type]:
            for index in verdict.accepted:
                fault = refuses(message.type, message.source, message.data[index])
                if fault is not None:
                    faults.setdefault(index, []).append(fault)
        return verdict if len(faults) == len(verdict.faults) else verdict.with_faults(faults)

    def tell(self, effects: Effects) -> None:
        """Write down who was assigned and who was suspended, and raise the alert about that."""
        ground = self._ground
        effects.leaves += self._assigned
        for member, (why, persons) in self._suspended.items():
            leaf = leaves.AdminLeaf(
                id=ground.new_id(),
                at=show_time(self._now),
                act="queries.suspended",
                operator=ground.me,
                target=member,
            )
            effects.leaves.append((leaves.encode(leaf), None))
            effects.tell_security(
                f"{member}:{day_of(self._now)}",
                _TITLES[why],
                {"member": member, "persons": persons, "most": ground.queries.persons},
            )
