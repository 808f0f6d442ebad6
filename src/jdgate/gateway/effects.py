"""What rules ask for, carried out: alerts, drafts, expectations and their settlement.

Everything is written in the caller's transaction; what must be told to members comes back as
plans. An alert passes the same agreement as any message: it goes to a member only by a route of
its sheet and with the fields of that route. When it finds no desk, the authority hears of that.

    effects = Effects(conn, ground, now)
    effects.apply(outcome.effects)
    effects.plans, effects.leaves, effects.notices
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.effects import Alert, Draft, Expect, Role, Settle
from jdgate.core.message import show_time
from jdgate.core.routing import NoDesk, subject_value
from jdgate.core.rules import Emitted, Fact, Failure
from jdgate.errors import Misuse
from jdgate.gateway.alert_letters import GATEWAY_RULE, QUERIES_IN_BULK
from jdgate.gateway.alerting import Alerting
from jdgate.gateway.care import Teams
from jdgate.gateway.compose import Outbound, Plan
from jdgate.gateway.concerned import Concerned, Person
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.store import drafts, expectations, ledger
from jdgate.store.drafts import DraftRow
from jdgate.store.expectations import ExpectationRow

log = logging.getLogger(__name__)

NO_DESK, GAP, BROKEN, UNDELIVERABLE, SILENT = "X1", "X2", "X3", "X4", "X5"
"""Alerts about the exchange: nobody to tell, a sequence gap, a rule or message that failed, a
delivery that was refused, a recipient that does not receipt."""


_MOMENTARY = frozenset(
    (GATEWAY_RULE, id) for id in (NO_DESK, BROKEN, UNDELIVERABLE, QUERIES_IN_BULK)
)


class Effects:
    """Collects the effects of one transaction."""

    def __init__(self, conn: Connection, ground: Ground, now: datetime) -> None:
        self._conn = conn
        self._ground = ground
        self._now = now
        self._expect: list[ExpectationRow] = []
        self._settled: list[tuple[str, str, str]] = []
        self._teams = Teams(conn, ground)
        self._concerned = Concerned(conn, ground)
        self._came: dict[str, dict[tuple[str, str], Fact]] = {}
        self.plans: list[Plan] = []
        self.leaves: list[tuple[bytes, bytes | None]] = []
        self.notices: list[Notice] = []
        self.outbound: list[Outbound] = []
        self.alerts = Alerting(
            conn,
            ground,
            now,
            plans=self.plans,
            leaves=self.leaves,
            notices=self.notices,
            momentary=_MOMENTARY,
        )

    def apply(self, emitted: Iterable[Emitted]) -> None:
        """Carry out effects in order; `flush` must follow."""
        for one in emitted:
            match one.effect:
                case Expect() as expect:
                    self._note_arrival(one, expect.name)
                    self._expect.append(
                        ExpectationRow(
                            rule=one.rule,
                            key=one.key,
                            name=expect.name,
                            due_at=expect.due,
                            set_at=self._now,
                            awaits=expect.awaits,
                            of=self._sender(one.key, expect),
                        )
                    )
                case Settle(cause=cause):
                    self._note_arrival(one, cause)
                    self._settle(one.rule, one.key, cause)
                case Alert() | Draft():
                    self._stand(one.rule, one.key, one.effect)

    def _sender(self, key: str, expect: Expect) -> str:
        """Who should send what is waited for: a member, as far as one can be told, else a role."""
        members, regions = self._ground.trust.members, self._ground.regions
        if not expect.awaits or expect.of in members:
            return expect.of
        if not expect.of:  # most rules that wait for a member's report key it by the member
            first = key.partition("/")[0]
            return first if first in members else ""
        there = regions.find(expect.of, expect.region) if expect.region else []
        everywhere = regions.with_role(expect.of)
        return there[0] if there else everywhere[0] if len(everywhere) == 1 else expect.of

    def _stand(self, rule: str, key: str, effect: Alert | Draft) -> None:
        """Raise or draft. What has no agreement is the rule's fault and stops nothing else."""
        try:
            if isinstance(effect, Alert):
                self._alert(rule, effect, self._concerned.person(key, effect.type, effect.data))
            else:
                about = self._concerned.person(key, effect.type, effect.prefill)
                self._draft(rule, effect, about)
        except Misuse as error:
            params = {"rule": rule, "error": str(error)[:200]}
            self.tell_authority(BROKEN, f"effect:{rule}:{error.code}", "alert.rule_failed", params)

    def _note_arrival(self, one: Emitted, name: str) -> None:
        """Remember the message that moves or settles what may have been missing."""
        if one.fact is not None:
            self._came.setdefault(one.rule, {})[one.key, name] = one.fact

    def _arrivals(self) -> None:
        """Write down what was said to be missing and has come with this group of messages."""
        for rule, came in self._came.items():
            arrived = []
            for row in expectations.missed(self._conn, rule, {key for key, _ in came}):
                fact = came.get((row.key, row.name))
                if fact is None or fact.type != row.awaits or row.statement is None:
                    continue
                leaf = leaves.ArrivedLeaf(
                    id=row.statement, at=show_time(self._now), message=fact.message_id
                )
                self.leaves.append((leaves.encode(leaf), None))
                arrived.append(row)
            expectations.forget_missed(self._conn, arrived)
        self._came.clear()

    def missed(self, rows: Iterable[ExpectationRow]) -> bool:
        """State in the ledger that the messages these waited for had not come; whether any."""
        late = [row for row in rows if row.awaits]
        size = ledger.head(self._conn).size if late else 0
        for row in late:
            row.statement = self._ground.new_id()
            leaf = leaves.MissedLeaf(
                id=row.statement,
                at=show_time(self._now),
                type=row.awaits,
                source=row.of,
                rule=row.rule,
                about=self._cause(row.rule, f"{row.key}\n{row.name}"),
                since=show_time(row.set_at),
                due=show_time(row.due_at),
                size=size,
                directory=self._ground.version,
            )
            self.leaves.append((leaves.encode(leaf), None))
            told = {"type": row.awaits, "from": row.of or "—", "statement": row.statement}
            self.notices.append(Notice("story.missed", told))
        expectations.mark_missed(self._conn, late)
        return bool(late)

    def flush(self) -> None:
        """Write what was collected rather than written at once."""
        self._arrivals()
        expectations.expect(self._conn, self._expect)
        expectations.settle(self._conn, self._settled, self._now)
        self._expect, self._settled = [], []

    def tell_authority(self, rule_id: str, cause: str, code: str, params: dict[str, Any]) -> None:
        """An alert of the exchange itself, to the authority."""
        self._tell(self._ground.authority, rule_id, cause, code, params)

    def tell_security(self, cause: str, code: str, params: dict[str, Any]) -> None:
        """An alert about queries in bulk (S2), to the security desk; the authority, if none is."""
        to = self._ground.queries.security or self._ground.authority
        self._tell(to, QUERIES_IN_BULK, f"{QUERIES_IN_BULK}:{cause}", code, params)

    def _tell(self, to: str, rule_id: str, cause: str, code: str, params: dict[str, Any]) -> None:
        alert = Alert(
            cause=cause,
            rule_id=rule_id,
            type="sys.alert.v1",
            to=to,
            data={"cause_ref": cause},
            title_code=code,
            params=params,
            urgent=True,
        )
        self._alert(GATEWAY_RULE, alert)

    def rule_failed(self, failure: Failure) -> None:
        """A rule broke on a key; the same fault is told once."""
        cause = f"rule:{failure.rule}:{failure.error}"[:160]
        params = {"rule": failure.rule, "error": failure.error[:200]}
        self.tell_authority(BROKEN, cause, "alert.rule_failed", params)

    def no_desk(self, type: str, missing: NoDesk) -> None:
        """A record found nobody to go to."""
        region = missing.region or "-"
        params = {"type": type, "role": missing.role, "region": region}
        cause = f"no_desk:{type}:{missing.role}:{region}"
        self.tell_authority(NO_DESK, cause, "alert.no_desk", params)

    def settle_own(self, cause: str) -> None:
        """An alert of the exchange itself is no longer true."""
        self._settle(GATEWAY_RULE, "", cause)

    def _settle(self, rule: str, key: str, cause: str) -> None:
        self._settled.append((rule, key, cause))
        kept = self._cause(rule, cause)
        self.alerts.settle(rule, kept)
        withdrawn = drafts.settle(self._conn, rule, kept, self._now)
        if withdrawn is not None:
            self.plans.append(
                Plan(
                    id=self._ground.new_id(),
                    recipient=withdrawn.owner,
                    type="sys.draft.withdrawn.v1",
                    records=[{"draft_id": withdrawn.id, "reason_code": "draft.cause_gone"}],
                    draft_id=withdrawn.id,
                )
            )
            self.notices.append(
                Notice("story.draft_withdrawn", {"type": withdrawn.type, "to": withdrawn.owner})
            )

    def _cares(self, alert: Alert) -> str | None:
        """The member of the care team that an alert to a role goes to, where it names a person."""
        sheet = self._ground.catalogue.sheets.get(alert.type)
        id_no = subject_value(sheet, alert.data) if sheet else None
        if id_no is None or not isinstance(alert.to, Role):
            return None
        return self._teams.member(alert.to.role, id_no)

    def _desks_of(self, to: str | Role) -> list[str]:
        if isinstance(to, str):
            member = self._ground.trust.members.get(to)
            return [to] if member is not None and member.status == "active" else []
        region = to.region or self._ground.trust.directory.county
        return self._ground.regions.find(to.role, region)

    def _alert(self, rule: str, alert: Alert, about: Person | None = None) -> None:
        desks = self._desks_of(self._cares(alert) or alert.to)
        if not desks:
            if rule == GATEWAY_RULE:  # and nobody is left to hear that nobody heard it
                log.warning("%s could not be told of %s", alert.to, alert.title_code)
                return
            role = alert.to.role if isinstance(alert.to, Role) else alert.to
            self.no_desk(alert.type, NoDesk(role, "named", None))
            return
        for member in desks:
            self.alerts.raise_one(rule, self._cause(rule, alert.cause), alert, member, about)

    def _cause(self, rule: str, cause: str) -> str:
        """How the books call a cause. A rule's may tell when somebody last came, so they keep a
        keyed hash of it; the exchange's own are plain."""
        if rule == GATEWAY_RULE:
            return cause
        key = self._ground.vault.named_key(self._conn, "cause", rule)
        return hmac.new(key, cause.encode(), hashlib.sha256).hexdigest()[:32]

    def _draft(self, rule: str, draft: Draft, about: Person | None) -> None:
        owners = self._desks_of(draft.to)
        if not owners:
            role = draft.to.role if isinstance(draft.to, Role) else draft.to
            self.no_desk(draft.type, NoDesk(role, "named", None))
            return
        owner = owners[0]
        draft_id = self._ground.new_id()
        sealed = self._ground.vault.seal(
            self._conn,
            "sys.draft.v1",
            self._now.date(),
            msgspec.json.encode(draft.prefill),
            draft_id.encode(),
        )
        row = DraftRow(
            id=draft_id,
            rule=rule,
            cause=self._cause(rule, draft.cause),
            owner=owner,
            type=draft.type,
            key_id=sealed.key_id,
            prefill=sealed.blob,
            reason_code=draft.reason_code,
            params={},
            checks=list(draft.checks),
            created_at=self._now,
        )
        _, is_new = drafts.offer(self._conn, row)
        if not is_new:
            return
        record = {
            "draft_id": draft_id,
            "type": draft.type,
            "rule": rule,
            "cause": draft_id,
            "reason_code": draft.reason_code,
            "params": draft.params,
            "prefill": draft.prefill,
            "checks": list(draft.checks),
        }
        plan = Plan(
            id=self._ground.new_id(),
            recipient=owner,
            type="sys.draft.v1",
            records=[record],
            draft_id=draft_id,
        )
        self.plans.append(plan)
        for id in (draft_id, plan.id):
            self._concerned.note(about, id, owner)
        self.leaves.append(
            (
                leaves.encode(
                    leaves.DraftedLeaf(
                        id=draft_id,
                        at=show_time(self._now),
                        recipient=owner,
                        type=draft.type,
                        rule=rule,
                        version=self._ground.version,
                    )
                ),
                None,
            )
        )
        self.notices.append(Notice("story.draft", {"type": draft.type, "to": owner}))
