"""Care teams at the gateway: who may assign, who has which place, what the ledger says of it.

- The office whose order it is assigns, nobody else: without an active order of its own for the
  person an office could make itself a recipient of what concerns that person.
- The ledger names place and member, never the person.

    teams = Teams(conn, ground)
    verdict = teams.check(verdict)                       # record by record
    leaves += teams.note(verdict, now)
    teams.member("PS", id_no)                            # None: by region
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Verdict
from jdgate.core.care import ASSIGN, DOMAIN, Assignment, place_of
from jdgate.core.identity import Pseudonyms
from jdgate.core.message import show_time
from jdgate.core.places import PLACES
from jdgate.core.routing import relation_domain
from jdgate.core.schema import Fault
from jdgate.gateway.ground import Ground
from jdgate.store import care, subjects

ORDER = "comm.order"
"""The relation that makes a township office responsible for a person."""


class Teams:
    """The care teams, in one transaction."""

    def __init__(self, conn: Connection, ground: Ground) -> None:
        self._conn = conn
        self._ground = ground
        self._keyed: dict[str, Pseudonyms] = {}

    def member(self, role: str, id_no: str) -> str | None:
        """Who has the place of this role in a person's team, if it is there to be reached."""
        place = place_of(role)
        if place is None:
            return None
        subject = self._token(DOMAIN, id_no)
        member = care.holders(self._conn, place, [subject]).get(subject)
        if member is None or not self._ground.regions.has_role(member, role):
            return None
        return member

    def check(self, verdict: Verdict) -> Verdict:
        """The verdict, with a fault on each record that its sender may not write."""
        opened = verdict.opened
        if opened is None or opened.message.type != ASSIGN or not verdict.accepted:
            return verdict
        faults = dict(verdict.faults)
        for index in verdict.accepted:
            code = self._fault(opened.message.data[index], opened.message.source)
            if code is not None:
                field = "member" if code == "team.wrong_role" else "id_no"
                faults[index] = [Fault(code, f"/{field}", {"field": field})]
        return verdict.with_faults(faults)

    def note(self, verdict: Verdict, now: datetime) -> list[tuple[bytes, bytes | None]]:
        """Keep what an accepted message assigns and ends; the ledger's leaves about it."""
        opened = verdict.opened
        if opened is None or opened.message.type != ASSIGN:
            return []
        message = opened.message
        written: list[tuple[bytes, bytes | None]] = []
        for index in verdict.accepted:
            record = message.data[index]
            assigns = record["action"] == "assign"
            given = Assignment(
                record["member"],
                assigned_at=message.time if assigns else None,
                ended_at=None if assigns else message.time,
            )
            care.note(self._conn, self._token(DOMAIN, record["id_no"]), record["place"], given)
            leaf = leaves.AdminLeaf(
                id=message.id,
                at=show_time(now),
                act="team.assigned" if assigns else "team.ended",
                operator=message.source,
                target=f"{record['place']} {record['member']}",
            )
            written.append((leaves.encode(leaf), None))
        return written

    def _fault(self, record: Mapping[str, Any], sender: str) -> str | None:
        regions = self._ground.regions
        role = PLACES[record["place"]]
        if record["action"] == "assign" and not regions.has_role(record["member"], role):
            return "team.wrong_role"
        subject = self._token(relation_domain(ORDER), record["id_no"])
        order = subjects.active_relations(self._conn, ORDER, [subject]).get(subject)
        if order is None or sender not in (order.member, *regions.find("COM", order.region)):
            return "team.not_yours"
        return None

    def _token(self, domain: str, id_no: str) -> bytes:
        keyed = self._keyed.get(domain)
        if keyed is None:
            keyed = Pseudonyms(self._ground.vault.domain_key(self._conn, domain))
            self._keyed[domain] = keyed
        return keyed.token(id_no)
