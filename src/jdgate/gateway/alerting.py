"""Alerts on their way: raised, held back, delivered, answered by people, escalated, settled.

`core.alerts` decides; this carries it out in the caller's transaction. Each time an alert comes
onto a desk, two messages go there: the alert itself and `sys.alert.life.v1`, which says how far
it has come and what is due (`alert_letters`). Every step is a leaf of the ledger.

    desk = Alerting(conn, ground, now, plans=…, leaves=…, notices=…)
    desk.raise_one("clinic.absence", cause, alert, "cln-01")
    desk.step("cln-01", record, opened)           # from `sys.alert.step.v1`
    desk.look()                                   # what is due
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import alerts as lives
from jdgate.core import leaves
from jdgate.core.admission import Opened
from jdgate.core.alerts import AlertLife, Step
from jdgate.core.effects import Alert
from jdgate.core.message import show_time
from jdgate.errors import Misuse, Refused
from jdgate.gateway import acting
from jdgate.gateway.alert_letters import GATEWAY_RULE, AlertLetters
from jdgate.gateway.compose import Plan
from jdgate.gateway.concerned import Concerned, Person
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.store import alerts, holds, nudges

AT_ONCE = 500
LIFTS = "justified"
"""The outcome of an alert about queries in bulk (S2) that lets the member ask again."""


class Alerting:
    """The alerts of one transaction."""

    def __init__(
        self,
        conn: Connection,
        ground: Ground,
        now: datetime,
        *,
        plans: list[Plan],
        leaves: list[tuple[bytes, bytes | None]],
        notices: list[Notice],
        momentary: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        """`momentary`: alerts (rule, rule id) whose cause nothing ever settles: one that a person
        has resolved is over, so that the next of its cause is told again."""
        self._conn = conn
        self._ground = ground
        self._now = now
        self._plans = plans
        self._letters = AlertLetters(conn, ground, now)
        self._concerned = Concerned(conn, ground)
        self._leaves = leaves
        self._notices = notices
        self._momentary = momentary

    # --- by rules

    def raise_one(
        self, rule: str, cause: str, alert: Alert, member: str, about: Person | None = None
    ) -> None:
        """Raise an alert for one desk, or fold it into the one that is there. `about`: the person
        concerned, if any.

        Raises:
            Misuse: `rule.no_agreement`, `rule.alert_malformed`.
        """
        alert_id = self._ground.new_id()
        record = {
            "alert_id": alert_id,
            "rule": alert.rule_id,
            "title_code": alert.title_code,
            "params": alert.params,
            "raised_at": show_time(self._now),
            **alert.data,
        }
        if self._letters.shown(alert.type, record, member) is None:
            raise Misuse("rule.no_agreement", type=alert.type, member=member)
        # the books keep the record sealed: it may say when somebody last came
        sealed = self._ground.vault.seal(
            self._conn,
            alert.type,
            self._now.date(),
            msgspec.json.encode(record),
            alert_id.encode(),
        )
        life = AlertLife(
            id=alert_id,
            rule=rule,
            rule_id=alert.rule_id,
            cause=cause,
            type=alert.type,
            recipient=member,
            raised_to=member,
            raised_at=self._now,
            last_at=self._now,
            desk_at=self._now,
            title_code=alert.title_code,
            desks=[member],
            urgent=alert.urgent,
            key_id=sealed.key_id,
            body=sealed.blob,
        )
        life = lives.lay(life, member, at=self._now, times=self._ground.times)
        _, is_new = alerts.raise_or_fold(self._conn, life)
        if not is_new:
            return
        self._concerned.note(about, life.id, member)
        self._leaf(life, "raised", to=member)
        self._notices.append(Notice("story.alert", {"rule": alert.rule_id, "to": member}))
        if not self._held_now(life):
            self._send(life)

    def settle(self, rule: str, cause: str) -> None:
        """The cause is gone: nobody has to do anything about it any more."""
        for life in alerts.unsettled(self._conn, rule, cause):
            settled = lives.settle(life, at=self._now)
            if not alerts.save(self._conn, settled, was=life) or not life.open:
                continue
            self._leaf(settled, "settled", to=life.recipient)
            for member in life.desks:
                if member != life.recipient or life.delivery_id is not None:
                    self._tell(settled, member)
            self._notices.append(
                Notice("story.alert_settled", {"rule": life.rule_id, "to": life.recipient})
            )

    # --- by the desks

    def delivered(self, alert_id: str, delivery_id: str) -> None:
        """The desk's edge has receipted the delivery that carries the alert."""
        life = alerts.get(self._conn, alert_id)
        if life is not None and life.delivery_id == delivery_id:
            times = self._ground.times
            there = lives.advance(life, Step.DELIVERED, at=self._now, times=times)
            alerts.save(self._conn, there, was=life)

    def step(self, source: str, record: Mapping[str, Any], opened: Opened) -> None:
        """What a desk reports of an alert; it hears how the alert stands now.

        What it may not do, and what comes too late, changes nothing and is answered with why.
        """
        life = alerts.get(self._conn, record["alert_id"])
        if life is None:
            return
        if source != life.recipient:
            self._tell(life, source, note="alert.not_here")
            return
        try:
            self._carry_out(life, record, opened)
        except Refused as reason:
            self._tell(life, source, note=reason.code)

    def _carry_out(self, life: AlertLife, record: Mapping[str, Any], opened: Opened) -> None:
        step, by = record["step"], record.get("by", "")
        times, now, source = self._ground.times, self._now, life.recipient
        if step == "reassigned":
            self._reassign(life, record.get("to", ""), by, opened)
            return
        if step == Step.RESOLVED:
            outcome = record.get("outcome", "")
            picks = self._letters.outcomes(life)
            own = life.rule == GATEWAY_RULE and life.cause.split(":")[1:2] == [source]
            if outcome == LIFTS and own:
                raise Refused("query.own_case", alert=life.id)
            if outcome and outcome not in picks:
                expected = ", ".join(picks)
                raise Refused(
                    "alert.no_such_outcome", alert=life.id, outcome=outcome, expected=expected
                )
            after = lives.resolve(life, at=now, times=times, by=by, outcome=outcome)
            if after != life and (life.rule, life.rule_id) in self._momentary:
                after = lives.settle(after, at=now)
        else:
            after = lives.advance(life, Step(step), at=now, times=times, by=by)
        if after == life or not alerts.save(self._conn, after, was=life):
            self._tell(life, source)
            return
        self._leaf(after, step, to=source, opened=opened)
        if after.outcome == LIFTS and life.rule == GATEWAY_RULE:
            self._lift(life, source)
        self._tell(after, source)
        if step != Step.OPENED:
            told = {"rule": life.rule_id, "by": source}
            self._notices.append(Notice(f"story.alert_{step}", told))

    def _lift(self, life: AlertLife, source: str) -> None:
        """The security desk found queries in bulk justified: the member may ask again, or its
        operator open content."""
        _, member, *operator, _ = life.cause.split(":")
        if operator:
            resumed = acting.resume(
                self._conn, self._ground, member, operator[0], source, self._now
            )
            if resumed is not None:
                self._plans.append(resumed.plan)
                self._leaves.append((resumed.leaf, None))
        elif holds.lift(self._conn, member):
            leaf = leaves.AdminLeaf(
                id=life.id,
                at=show_time(self._now),
                act="queries.resumed",
                operator=source,
                target=member,
            )
            self._leaves.append((leaves.encode(leaf), None))

    def _reassign(self, life: AlertLife, to: str, by: str, opened: Opened) -> None:
        if not by:
            raise Refused("alert.person_needed", alert=life.id)
        if to == life.recipient:
            self._tell(life, to)
            return
        if (
            not self._ground.regions.has_role(to, "*")
            or self._letters.fields(life.type, to) is None
        ):
            raise Refused("alert.no_such_desk", alert=life.id, to=to)
        moved = lives.lay(life, to, at=self._now, times=self._ground.times)
        self._move(moved, life, "reassigned", opened)

    # --- by time

    def look(self) -> bool:
        """Send what quiet hours held back, escalate what was left lying; whether there is more."""
        rows = alerts.due(self._conn, self._now, AT_ONCE)
        for life in rows:
            if not lives.is_held(life):
                self._escalate(life)
            elif not self._held_now(life):
                self._send(life)
        return len(rows) == AT_ONCE

    def _escalate(self, life: AlertLife) -> None:
        ground = self._ground
        role, _ = self._letters.fields(life.type, life.desks[0]) or ("", ())
        to = lives.next_desk(
            life,
            deputies=ground.times.deputies,
            regions=ground.regions,
            role=role,
            authority=ground.authority,
        )
        if to is None:
            if alerts.save(self._conn, lives.exhausted(life), was=life):
                self._leaf(life, "late", to=life.recipient)
                self._nudge(life)
            return
        moved = lives.lay(life, to, at=self._now, times=ground.times, escalated=True)
        self._move(moved, life, "escalated", None)

    def _move(self, moved: AlertLife, was: AlertLife, act: str, opened: Opened | None) -> None:
        if not alerts.save(self._conn, moved, was=was):
            return
        self._leaf(moved, act, to=moved.recipient, opened=opened)
        if was.delivery_id is not None:
            self._tell(moved, was.recipient, note="alert.moved")
        self._notices.append(
            Notice(f"story.alert_{act}", {"rule": was.rule_id, "to": moved.recipient})
        )
        if not self._held_now(moved):
            self._send(moved)

    # --- what goes out

    def _held_now(self, life: AlertLife) -> bool:
        return not life.urgent and self._ground.times.quiet_until(self._now) is not None

    def _send(self, life: AlertLife) -> None:
        """Put the alert on the way to the desk it lies on."""
        plan = self._letters.alert(life)
        out = lives.sent(life, plan.id, self._ground.times)
        if alerts.save(self._conn, out, was=life):
            self._plans.append(plan)
            self._concerned.follow(life.id, plan.id, life.recipient)
            self._tell(out, life.recipient)
            if life.urgent or life.level:
                self._nudge(out)

    def _nudge(self, life: AlertLife) -> None:
        """Have the desk's people told outside jdgate that something waits."""
        nudges.add(self._conn, life, self._ground.channels, self._now)

    def _tell(self, life: AlertLife, member: str, note: str | None = None) -> None:
        self._plans.append(self._letters.standing(life, member, note))

    def _leaf(self, life: AlertLife, act: str, *, to: str, opened: Opened | None = None) -> None:
        salt = self._ground.salt() if opened else None
        leaf = leaves.AlertLeaf(
            id=life.id,
            at=show_time(self._now),
            act=act,
            recipient=to,
            rule=life.rule_id,
            level=life.level,
            directory=self._ground.version,
            commitment=leaves.commitment(salt, opened.jws) if opened and salt else "",
            message=opened.message.id if opened else "",
        )
        self._leaves.append((leaves.encode(leaf), salt))
