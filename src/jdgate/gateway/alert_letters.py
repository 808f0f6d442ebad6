"""What is sent about an alert: the alert itself, and how it stands.

The alert is cut to the route that its sheet has for the member it lies with. A member that the
sheet shows nothing is told only that an alert was left lying, by whom, and not what it says.

    letters = AlertLetters(conn, ground, now)
    plans += [letters.alert(life), letters.standing(life, life.recipient)]
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import alerts as lives
from jdgate.core.alerts import AlertLife
from jdgate.core.message import show_time
from jdgate.core.outcomes import QUERIES, TROUBLE, outcomes_of
from jdgate.core.projection import project
from jdgate.core.schema import check_record
from jdgate.errors import Misuse, Refused
from jdgate.gateway.compose import Plan
from jdgate.gateway.explained import text_of
from jdgate.gateway.ground import Ground

BARE = "sys.alert.v1"
LIFE = "sys.alert.life.v1"
GATEWAY_RULE = "gateway"
"""The rule name of alerts that the exchange itself raises."""
QUERIES_IN_BULK = "S2"


class AlertLetters:
    """Composes messages about alerts; changes nothing."""

    def __init__(self, conn: Connection, ground: Ground, now: datetime) -> None:
        self._conn = conn
        self._ground = ground
        self._now = now

    def alert(self, life: AlertLife) -> Plan:
        """The alert, for the desk it lies on."""
        record = self._record(life)
        shown = self.shown(life.type, record, life.recipient) if record else None
        type = life.type
        if shown is None:
            type = BARE
            bare = {
                "alert_id": life.id,
                "rule": life.rule_id,
                "title_code": "alert.left_lying",
                "params": {"rule": life.rule_id, "member": life.desks[0], "level": life.level},
                "cause_ref": life.id,
                "raised_at": show_time(life.raised_at),
            }
            shown = self.shown(BARE, bare, life.recipient)
            assert shown is not None  # its sheet has a route for everyone
        cut, role, fields = shown
        return Plan(
            id=self._ground.new_id(),
            recipient=life.recipient,
            type=type,
            records=[cut],
            role=role,
            fields=fields,
            basis=self._ground.catalogue.sheets[type].cite(role),
            alert_id=life.id,
        )

    def _record(self, life: AlertLife) -> dict[str, Any] | None:
        """The whole alert, unless its retention has passed."""
        if life.key_id is None or life.body is None:
            return None
        try:
            opened = self._ground.vault.open(self._conn, life.key_id, life.body, life.id.encode())
        except Refused:
            return None
        found: dict[str, Any] = msgspec.json.decode(opened)
        return found

    def fields(self, type: str, member: str) -> tuple[str, tuple[str, ...]] | None:
        """The role under which a member sees an alert of this type, and the fields it sees."""
        sheet = self._ground.catalogue.sheets.get(type)
        known = self._ground.trust.members.get(member)
        if sheet is None or known is None:
            return None
        for role in known.roles:
            if fields := sheet.fields_for(role):
                return role, fields
        return None

    def shown(
        self, type: str, record: dict[str, Any], member: str
    ) -> tuple[dict[str, Any], str, tuple[str, ...]] | None:
        """The alert cut to the route its sheet has for this member; None where it has none."""
        found = self.fields(type, member)
        if found is None:
            return None
        role, fields = found
        cut = project(record, fields)
        sheet = self._ground.catalogue.sheets[type]
        faults = check_record(self._ground.catalogue.validator(type), sheet, cut)
        if faults:
            raise Misuse("rule.alert_malformed", type=type, path=faults[0].path)
        return cut, role, fields

    def standing(self, life: AlertLife, member: str, note: str | None = None) -> Plan:
        """How the alert stands, to a desk it lies or lay on."""
        due = lives.next_deadline(life, self._ground.times)
        here = member == life.recipient
        told = {
            "alert_id": life.id,
            "type": life.type,
            "rule": life.rule_id,
            "title_code": life.title_code,
            "explains": text_of(self._ground.rules, life.rule, life.rule_id),
            "delivery_id": life.delivery_id if here else None,
            "desk": life.recipient,
            "state": life.state,
            "urgent": life.urgent,
            "level": life.level,
            "due_step": due[0].value if due and here else None,
            "due_at": show_time(due[1]) if due and here else None,
            "repeats": life.repeats,
            "by": life.by if here else None,
            "outcome": life.outcome if here else None,
            "outcomes": dict(self.outcomes(life)) if here and life.open else None,
            "note": note,
        }
        return Plan(
            id=self._ground.new_id(),
            recipient=member,
            type=LIFE,
            records=[{name: value for name, value in told.items() if value is not None}],
        )

    def outcomes(self, life: AlertLife) -> Mapping[str, str]:
        """What may have come of it: code → code of its text."""
        if life.rule == GATEWAY_RULE:
            return QUERIES if life.rule_id == QUERIES_IN_BULK else TROUBLE
        rule = next((rule for rule in self._ground.rules if rule.name == life.rule), None)
        return outcomes_of(rule, life.rule_id)
