"""Commands on alerts and on what is expected.

A member's own alerts come from its edge, which shows what they say. The gateway's books know of
all alerts, but hold what they say sealed: from them come the steps, desks and deadlines alone.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core.alerts import ORDER, AlertLife, Step, next_deadline
from jdgate.edge import answering
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.gateway import proofs
from jdgate.gateway.explained import text_of
from jdgate.gateway.gateway import Gateway
from jdgate.running import Running
from jdgate.store import alert_box, alerts, expectations, nudges
from jdgate.store.alert_box import AlertBoxRow
from jdgate.store.expectations import ExpectationRow
from jdgate.store.nudges import NudgeRow

OPEN = ("raised", "delivered", "opened", "acknowledged")
LIMIT = 500


class Alerting:
    """Alerts of this machine's members; on the gateway's machine, all."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def alerts_list(
        self, member: str | None = None, state: str | None = None, content: bool = True
    ) -> list[dict[str, Any]]:
        """Alerts, newest first: of one hosted member; else all that the gateway knows of; else of
        all members hosted here. `state`: one step, "open", or all; `content` false: nothing that
        is sealed is opened."""
        now = self._running.clock.now()
        if member is None and self._running.gateway is not None:
            gateway = self._running.gateway
            states = OPEN if state == "open" else (state,) if state else None
            rows = await gateway.read(lambda conn: alerts.search(conn, states=states, limit=LIMIT))
            return [_known(gateway, row, now) for row in rows]
        edge = self._running.the_edge
        if member is not None:
            edge.desk(member)
        wanted = None if state == "open" else state

        def read(conn: Connection) -> list[dict[str, Any]]:
            rows = alert_box.search(
                conn, member=member, state=wanted, only_open=state == "open", limit=LIMIT
            )
            return [
                _boxed(conn, edge.desks[row.member], row, now, content=content)
                for row in rows
                if row.member in edge.desks
            ]

        return await edge.run(read)

    async def alerts_waiting(
        self, member: str, after: str | None = None, limit: int = 50
    ) -> dict[str, Any]:
        """What is open on a member's desk, the most urgent deadline first: {rows, total}. Nothing
        that is sealed is opened. `after`: the id of the last one seen."""
        now, edge = self._running.clock.now(), self._running.the_edge
        desk = edge.desk(member)

        def read(conn: Connection) -> dict[str, Any]:
            seen = alert_box.get(conn, member, after) if after is not None else None
            rows = alert_box.waiting(conn, member, after=seen, limit=limit)
            return {
                "rows": [_boxed(conn, desk, row, now, content=False) for row in rows],
                "total": alert_box.count_waiting(conn, member),
            }

        return await edge.run(read)

    async def alerts_show(
        self, id: str, member: str | None = None, opens: bool = True
    ) -> dict[str, Any]:
        """One alert. On the desk it lies on this opens it, which the gateway is told, unless who
        asks only reads there (`opens` false)."""
        now, edge = self._running.clock.now(), self._running.edge
        if edge is not None:
            found = await edge.run(lambda conn: _rows(conn, edge.desks, id, member))
            if found:
                row = found[0]
                if row.open and opens:
                    await edge.answer_alert(row.member, id, "opened")
                desk = edge.desks[row.member]

                def read(conn: Connection) -> dict[str, Any]:
                    newest = alert_box.get(conn, row.member, id) or row
                    return _boxed(conn, desk, newest, now, full=True)

                return await edge.run(read)
        gateway = self._running.gateway
        life = await gateway.read(lambda conn: alerts.get(conn, id)) if gateway else None
        if gateway is None or life is None or member is not None:
            raise Refused("alert.unknown", alert=id[:64])
        told = await gateway.read(lambda conn: nudges.of_alert(conn, id))
        return _known(gateway, life, now) | {"nudges": [_nudged(row) for row in told]}

    async def alerts_ack(self, id: str, by: str, member: str | None = None) -> dict[str, Any]:
        """A named person takes an alert on."""
        return await self._step(id, member, "acknowledged", by=by)

    async def alerts_resolve(
        self, id: str, by: str, outcome: str, member: str | None = None
    ) -> dict[str, Any]:
        """A named person says what came of it."""
        return await self._step(id, member, "resolved", by=by, outcome=outcome)

    async def alerts_reassign(
        self, id: str, by: str, to: str, member: str | None = None
    ) -> dict[str, Any]:
        """A named person passes it on to another member."""
        return await self._step(id, member, answering.REASSIGNED, by=by, to=to)

    async def _step(self, id: str, member: str | None, step: str, **given: str) -> dict[str, Any]:
        edge = self._running.the_edge
        found = await edge.run(lambda conn: _rows(conn, edge.desks, id, member))
        if not found:
            raise Refused("alert.unknown", alert=id[:64])
        message = await edge.answer_alert(found[0].member, id, step, **given)
        return {"member": found[0].member, "step": step, "message": message}

    async def expect_show(self, id: str) -> dict[str, Any]:
        """A statement that a message had not come by its deadline, by its id."""
        return await self._running.the_gateway.read(lambda conn: proofs.missed(conn, id))

    async def expect_list(
        self, missed: bool = False, member: str | None = None
    ) -> list[dict[str, Any]]:
        """What is due from whom, the first due first: what rules wait for, and what desks owe; from
        `member` alone, if given.

        `missed`: instead, what had not come by its deadline and has not come since.
        """
        gateway, now = self._running.the_gateway, self._running.clock.now()
        members = self._running.trust.members
        if missed:
            rows = await gateway.read(
                lambda conn: expectations.search(
                    conn, state=None, only_missed=True, of=member, limit=LIMIT
                )
            )
            return [_expected(row, members, now) for row in rows]

        def read(conn: Connection) -> list[dict[str, Any]]:
            waited = [
                _expected(row, members, now)
                for row in expectations.search(conn, of=member, limit=LIMIT)
            ]
            lives = alerts.search(conn, recipient=member, states=OPEN, limit=LIMIT)
            owed = [owed_row(gateway, life, now) for life in lives if life.deadline_at is not None]
            return sorted([*waited, *owed], key=lambda one: str(one["due_at"]))

        return await gateway.read(read)


def _rows(
    conn: Connection, desks: dict[str, Desk], id: str, member: str | None
) -> list[AlertBoxRow]:
    """What the members hosted here know of an alert; first the one on whose desk it lies."""
    wanted = [one for one in desks if member in (None, one)]
    rows = [alert_box.get(conn, one, id) for one in wanted]
    return sorted((row for row in rows if row is not None), key=lambda row: not row.here)


def _boxed(
    conn: Connection,
    desk: Desk,
    row: AlertBoxRow,
    now: datetime,
    *,
    full: bool = False,
    content: bool = True,
) -> dict[str, Any]:
    due_at = row.due_at if row.open and not _met(row) else None
    told: dict[str, Any] = {
        "id": row.id,
        "rule": row.rule,
        "type": row.type,
        "member": row.member,
        "desk": row.desk,
        "state": row.state,
        "urgent": row.urgent,
        "level": row.level,
        "repeats": row.repeats,
        "raised_at": iso(row.received_at),
        "due_step": row.due_step if row.open else None,
        "due_at": iso(due_at) if due_at else None,
        "late": due_at is not None and due_at <= now,
        "by": row.by,
        "outcome": row.outcome,
        "note": row.note,
        "title_code": row.title_code,
        "params": None,
        "explains": row.explains,
    }
    inside = answering.content(conn, desk, row) if content else None
    if inside is not None:
        told["title_code"] = inside["record"]["title_code"]
        told["params"] = inside["record"].get("params", {})
    if full:
        told["outcomes"] = row.outcomes or {}
        told["delivered_type"] = inside["type"] if inside else None
        told["record"] = inside["record"] if inside else None
        told["basis"] = inside["basis"] if inside else []
        told["actions"] = _actions(row)
        told["takers"] = answering.takers(desk, row) if row.open else {}
    return told


def _met(row: AlertBoxRow) -> bool:
    """Whether the step that was due has been made here. The gateway's answer tells the next one;
    until it is here the step stays named, without a time."""
    due = row.due_step
    return due is not None and ORDER.index(Step(due)) <= ORDER.index(Step(row.state))


def _actions(row: AlertBoxRow) -> list[str]:
    if not row.open:
        return []
    first = [] if row.state == "acknowledged" else ["ack"]
    return [*first, "resolve", "reassign"]


def _known(gateway: Gateway, life: AlertLife, now: datetime) -> dict[str, Any]:
    due = next_deadline(life, gateway.ground.times)
    sheet = gateway.ground.catalogue.sheets.get(life.type)
    member = gateway.ground.trust.members.get(life.recipient)
    role = next((r for r in member.roles if sheet and sheet.fields_for(r)), "") if member else ""
    return {
        "id": life.id,
        "rule": life.rule_id,
        "type": life.type,
        "member": life.raised_to,
        "desk": life.recipient,
        "state": life.state,
        "urgent": life.urgent,
        "level": life.level,
        "repeats": life.repeats,
        "raised_at": iso(life.raised_at),
        "due_step": due[0].value if due else None,
        "due_at": iso(due[1]) if due else None,
        "late": due is not None and due[1] <= now,
        "by": life.by,
        "outcome": life.outcome,
        "note": None,
        "title_code": life.title_code,
        "params": None,
        "explains": text_of(gateway.ground.rules, life.rule, life.rule_id),
        "basis": list(sheet.cite(role)) if sheet else [],
        "held": life.delivery_id is None and life.open,
        "desks": life.desks,
    }


def _nudged(row: NudgeRow) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "member": row.member,
        "state": row.state,
        "attempts": row.attempts,
        "at": iso(row.ended_at or row.created_at),
        "code": row.code,
    }


_KEYED = re.compile(r":[0-9a-f]{16,}")
"""What names of expectations may hold to tell two of a kind apart: nothing for a reader."""


def _expected(row: ExpectationRow, members: Any, now: datetime) -> dict[str, Any]:
    # a rule's key may be the pseudonym of a person: only a member's name is shown of it
    first = row.key.partition("/")[0]
    return {
        "kind": "message" if row.awaits else "timer",
        "rule": row.rule,
        "what": row.awaits or _KEYED.sub("", row.name),
        "member": row.of or (first if first in members else None),
        "due_at": iso(row.due_at),
        "late": row.due_at <= now,
        "alert": None,
        "statement": row.statement,
    }


def owed_row(gateway: Gateway, life: AlertLife, now: datetime) -> dict[str, Any]:
    """The next step of an alert that has a deadline, as lists of what is due tell of it."""
    due = next_deadline(life, gateway.ground.times)
    assert life.deadline_at is not None
    return {
        "kind": "alert",
        "rule": life.rule_id,
        "what": due[0].value if due else None,
        "member": life.recipient,
        "due_at": iso(life.deadline_at),
        "late": life.deadline_at <= now,
        "alert": life.id,
    }
