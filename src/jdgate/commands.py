"""What the running daemon answers to commands: one method each, on plain JSON values.

Reading goes to the books or the edge's database through their own thread; nothing here decides.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from jdgate import __version__
from jdgate.control import Handler
from jdgate.core import checkpoints
from jdgate.core.directory import Member
from jdgate.core.encoding import b64u
from jdgate.edge import drafting
from jdgate.edge import inbox as reading
from jdgate.edge.host import EdgeHost
from jdgate.edge.inbox import Answered
from jdgate.edge.outbox import RefusedRow
from jdgate.errors import Refused, TransportFailed, UsageError
from jdgate.gateway import letters, proofs
from jdgate.gateway.gateway import Gateway
from jdgate.store import alerts, dead, deliveries, draft_box, inbox, ledger, messages, outbox
from jdgate.store.draft_box import DraftBoxRow
from jdgate.store.inbox import InboxRow

if TYPE_CHECKING:
    from jdgate.daemon import Daemon


class Commands:
    """The handlers of one daemon, by method name."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def handlers(self) -> dict[str, Handler]:
        """Method name → handler, for the control server."""
        return {
            "status": self.status,
            "submit": self.submit,
            "check": self.check,
            "wait": self.wait,
            "inbox.list": self.inbox_list,
            "inbox.show": self.inbox_show,
            "inbox.follow": self.inbox_follow,
            "drafts.list": self.drafts_list,
            "drafts.show": self.drafts_show,
            "drafts.approve": self.drafts_approve,
            "drafts.reject": self.drafts_reject,
            "member.list": self.member_list,
            "member.show": self.member_show,
            "ledger.head": self.ledger_head,
            "ledger.verify": self.ledger_verify,
            "ledger.prove": self.ledger_prove,
            "evidence.export": self.evidence_export,
            "dead.list": self.dead_list,
            "dead.show": self.dead_show,
            "dead.retry": self.dead_retry,
            "plugin.list": self.plugin_list,
        }

    @property
    def _gateway(self) -> Gateway:
        if self._daemon.gateway is None:
            raise UsageError("daemon.no_gateway")
        return self._daemon.gateway

    @property
    def _edge(self) -> EdgeHost:
        if self._daemon.edge is None:
            raise UsageError("daemon.no_edge")
        return self._daemon.edge

    # --- sending

    async def submit(
        self,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        rows: list[int] | None = None,
        region: str | None = None,
    ) -> dict[str, Any]:
        """Put records into a member's outbox."""
        submission = await self._edge.submit(member, type, records, rows=rows, region=region)
        return {
            "messages": [{"id": one.id, "indexes": one.indexes} for one in submission.messages],
            "refused": [_refused(one) for one in submission.refused],
        }

    async def check(
        self,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        rows: list[int] | None = None,
    ) -> dict[str, Any]:
        """What `submit` would refuse, without sending anything."""
        good, refused = await self._edge.check(member, type, records, rows)
        return {"ok": good, "refused": [_refused(one) for one in refused]}

    async def wait(self, ids: list[str], timeout_s: float = 60.0) -> AsyncIterator[Any]:
        """Verdicts as they come; the last event names what is still open."""
        open_ids = set(ids)
        try:
            async with asyncio.timeout(timeout_s):
                async for answered in self._edge.answers(ids):
                    open_ids.discard(answered.id)
                    if answered.renewed_as is None:
                        yield _verdict(answered)
                    else:
                        open_ids.add(answered.renewed_as)
                        yield {"id": answered.id, "renewed_as": answered.renewed_as}
        except TimeoutError:
            pass
        if open_ids:
            yield {"open": sorted(open_ids)}

    # --- receiving

    async def inbox_list(self, member: str, limit: int = 50) -> list[dict[str, Any]]:
        """What came for a member, newest first."""
        edge, desk = self._edge, self._edge.desk(member)

        def read(conn: Connection) -> list[dict[str, Any]]:
            return [
                _inbox_row(row, _count(conn, desk, row))
                for row in inbox.search(conn, member, limit=limit)
            ]

        return await edge.run(read)

    async def inbox_show(self, member: str, id: str) -> dict[str, Any]:
        """One message with its records: for the member's own people."""
        edge, desk = self._edge, self._edge.desk(member)

        def read(conn: Connection) -> dict[str, Any]:
            row = inbox.get(conn, member, id)
            if row is None:
                raise Refused("inbox.unknown", id=id[:64], member=member)
            body = reading.read_body(conn, desk, row)
            sheet = desk.sheet(row.type)
            role = next((r for r in desk.trust.member(member).roles if sheet.fields_for(r)), "")
            return {
                **_inbox_row(row, len(body["data"])),
                "data": body["data"],
                "purpose": body.get("purpose"),
                "inreplyto": body.get("inreplyto"),
                "basis": list(sheet.cite(role)),
            }

        return await edge.run(read)

    async def inbox_follow(self, member: str) -> AsyncIterator[Any]:
        """What comes for a member from now on."""
        async for row in self._edge.follow(member):
            desk = self._edge.desk(member)
            count = await self._edge.run(lambda conn: _count(conn, desk, row))  # noqa: B023
            yield _inbox_row(row, count)

    # --- drafts

    async def drafts_list(
        self, member: str | None = None, state: str | None = None
    ) -> list[dict[str, Any]]:
        """Drafts of hosted members, newest first."""
        edge = self._edge

        def read(conn: Connection) -> list[dict[str, Any]]:
            listed = []
            for row in draft_box.search(conn, member=member, state=state, limit=500):
                desk = edge.desks.get(row.member)
                shown = _draft(row)
                if desk is not None:
                    shown["params"] = drafting.content(conn, desk, row)["params"]
                listed.append(shown)
            return listed

        return await edge.run(read)

    async def drafts_show(self, id: str, by: str = "") -> dict[str, Any]:
        """One draft, with the record that approving it would send."""
        edge = self._edge

        def read(conn: Connection) -> dict[str, Any]:
            for member, desk in edge.desks.items():
                row = draft_box.get(conn, member, id)
                if row is None:
                    continue
                shown = _draft(row)
                content = drafting.content(conn, desk, row)
                shown["params"], shown["prefill"] = content["params"], content["prefill"]
                if row.state == draft_box.WAITING:
                    now = self._daemon.clock.now()
                    shown["record"] = drafting.proposed(conn, desk, row, by or "—", now)
                return shown
            raise Refused("draft.unknown", draft=id[:64])

        return await edge.run(read)

    async def drafts_approve(self, id: str, by: str, checked: list[str]) -> dict[str, Any]:
        """A named person approves; ids of the decision and of the message sent."""
        decision, message = await self._edge.approve(id, by, checked)
        return {"decision": decision, "message": message}

    async def drafts_reject(self, id: str, by: str, reason: str) -> dict[str, Any]:
        """A named person rejects; id of the decision."""
        return {"decision": (await self._edge.reject(id, by, reason))[0]}

    # --- members

    async def member_list(self) -> list[dict[str, Any]]:
        """Everyone in the directory."""
        hosted = self._daemon.edge.desks if self._daemon.edge else {}
        return [
            _member(member, member.id in hosted) for member in self._daemon.trust.directory.members
        ]

    async def member_show(self, id: str) -> dict[str, Any]:
        """One member with its public keys."""
        member = self._daemon.trust.member(id)
        hosted = self._daemon.edge.desks if self._daemon.edge else {}
        shown = _member(member, id in hosted)
        shown["keys"] = msgspec.to_builtins(member.keys)
        return shown

    # --- proofs

    async def ledger_head(self) -> dict[str, Any]:
        """Size, root and latest checkpoint."""
        return await self._gateway.run(_head)

    async def ledger_verify(self) -> AsyncIterator[Any]:
        """Hash the whole ledger again, with progress."""
        books = self._gateway.books

        def steps() -> Sequence[tuple[int, int]]:
            with books.read() as conn:
                return list(proofs.recompute(conn))

        done = await asyncio.to_thread(steps)
        for at, total in done:
            yield {"done": at, "total": total}

    async def ledger_prove(self, id: str) -> dict[str, Any]:
        """Where the ledger speaks of a message, with proofs."""
        gateway, now = self._gateway, self._daemon.clock.now()
        return await gateway.run(lambda conn: proofs.inclusion(conn, gateway.ground, id, now))

    async def evidence_export(self, id: str) -> dict[str, Any]:
        """The evidence file of one message, as text."""
        gateway, now = self._gateway, self._daemon.clock.now()
        data = await gateway.run(lambda conn: proofs.export(conn, gateway.ground, id, now))
        return {"evidence": data.decode()}

    # --- dead letters and plugins

    async def dead_list(self, state: str | None = "open") -> list[dict[str, Any]]:
        """Dead letters, newest first."""
        rows = await self._gateway.run(lambda conn: dead.search(conn, state=state, limit=500))
        return [_dead(row) for row in rows]

    async def dead_show(self, id: str) -> dict[str, Any]:
        """One dead letter; its body stays sealed."""
        row = await self._gateway.run(lambda conn: dead.get(conn, id))
        if row is None:
            raise Refused("dead.unknown", id=id[:64])
        return _dead(row)

    async def dead_retry(self, id: str, by: str = "operator") -> dict[str, Any]:
        """Put a dead letter to work again."""
        return {"done": await letters.retry(self._gateway, id, by)}

    async def plugin_list(self) -> list[dict[str, Any]]:
        """Plugins and how they are doing."""
        found: list[dict[str, Any]] = msgspec.to_builtins(self._daemon.plugins.status())
        return found

    # --- status

    async def status(self) -> dict[str, Any]:
        """Everything an operator looks at first."""
        daemon = self._daemon
        directory = daemon.trust.directory
        told: dict[str, Any] = {
            "version": __version__,
            "pid": os.getpid(),
            "roles": list(daemon.config.run.roles),
            "county": {"region": daemon.config.county.region, "name": daemon.config.county.name},
            "web_url": None,
            "directory": {"version": directory.version, "expires": _iso(directory.expires)},
            "clock_behind_s": daemon.clock.behind.total_seconds(),
            "plugins": await self.plugin_list(),
            "warnings": [],
            "members": [],
        }
        if daemon.clock.behind.total_seconds() > 5:
            seconds = int(daemon.clock.behind.total_seconds())
            told["warnings"].append({"code": "status.clock_behind", "params": {"seconds": seconds}})
        if directory.expires <= daemon.clock.now():
            params = {"version": directory.version, "expired": directory.expires.date().isoformat()}
            told["warnings"].append({"code": "directory.expired", "params": params})
        if daemon.gateway is not None:
            await self._gateway_status(daemon.gateway, told)
        if daemon.edge is not None:
            await self._edge_status(daemon.edge, told)
        return told

    async def _gateway_status(self, gateway: Gateway, told: dict[str, Any]) -> None:
        def read(conn: Connection) -> dict[str, Any]:
            oldest = deliveries.oldest_open(conn)
            return {
                "ledger": _head(conn),
                "dead": dead.count_open(conn),
                "alerts": alerts.counts(conn),
                "open_deliveries": sum(deliveries.counts(conn).values()),
                "oldest_open": _iso(oldest) if oldest else None,
            }

        told.update(await gateway.run(read))
        told["books"] = {"name": gateway.books.name, "dialect": gateway.books.dialect}
        told["counters"] = {
            "messages": gateway.counters.messages,
            "groups": gateway.counters.groups,
            "dead": gateway.counters.dead,
        }
        server = self._daemon.server
        bus: dict[str, Any] = {
            "mode": "embedded" if server else "external",
            "url": self._daemon.nats_url,
            "healthy": gateway.bus.healthy,
            "lag": None,
            "restarts": server.restarts if server else 0,
        }
        if server is not None and server.full:
            told["warnings"].append({"code": "bus.full", "params": {}})
        try:
            lag = await gateway.bus.lag()
            bus["lag"] = {
                "ingress": lag.ingress.pending + lag.ingress.unsettled,
                "mailboxes": sum(one.pending + one.unsettled for one in lag.mailboxes.values()),
            }
        except TransportFailed as reason:
            told["warnings"].append({"code": reason.code, "params": {}})
        told["bus"] = bus
        trouble, at = gateway.counters.trouble, gateway.counters.trouble_at
        if trouble and at and (self._daemon.clock.now() - at).total_seconds() < 60:
            told["warnings"].append({"code": trouble, "params": {}})

    async def _edge_status(self, edge: EdgeHost, told: dict[str, Any]) -> None:
        def read(conn: Connection) -> dict[str, tuple[int, int, int, datetime | None]]:
            return {
                member: (
                    outbox.counts(conn, member).get(outbox.OPEN, 0),
                    sum(inbox.counts(conn, member).values()),
                    len(draft_box.search(conn, member=member, state=draft_box.WAITING, limit=999)),
                    outbox.oldest_open(conn, member),
                )
                for member in edge.desks
            }

        for member, (waiting, received, drafts, oldest) in (await edge.run(read)).items():
            told["members"].append(
                {
                    "id": member,
                    "name": edge.desks[member].trust.member(member).name,
                    "healthy": edge.healthy(member),
                    "outbox_open": waiting,
                    "oldest_open": _iso(oldest) if oldest else None,
                    "inbox": received,
                    "drafts": drafts,
                    "adapters": [
                        {"name": one.name, "kind": one.kind, "trouble": one.trouble}
                        for one in edge.conditions
                        if one.member == member
                    ],
                }
            )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _refused(one: RefusedRow) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(one)
    return found


def _verdict(answered: Answered) -> dict[str, Any]:
    record = answered.record
    rows = answered.rows
    refused = [
        {**fault, "row": rows[fault["index"]] if rows else None}
        for fault in record.get("refused", ())
    ]
    return {
        "id": answered.id,
        "verdict": answered.verdict,
        "code": record.get("code"),
        "params": record.get("params", {}),
        "accepted": record.get("accepted", 0),
        "leaf": record.get("leaf"),
        "refused": refused,
    }


def _count(conn: Connection, desk: Any, row: InboxRow) -> int | None:
    try:
        return len(reading.read_body(conn, desk, row)["data"])
    except Refused:
        return None


def _inbox_row(row: InboxRow, records: int | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "origin": row.origin or row.source,
        "received_at": _iso(row.received_at),
        "records": records,
        "state": row.state,
        "error": row.error_code,
    }


def _draft(row: DraftBoxRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "member": row.member,
        "type": row.type,
        "rule": row.rule,
        "reason_code": row.reason_code,
        "checks": row.checks,
        "state": row.state,
        "received_at": _iso(row.received_at),
        "decided_at": _iso(row.decided_at) if row.decided_at else None,
        "by": row.by,
        "reason": row.reason,
        "message": row.message_id,
    }


def _member(member: Member, hosted: bool) -> dict[str, Any]:
    return {
        "id": member.id,
        "name": member.name,
        "kind": member.kind,
        "roles": list(member.roles),
        "regions": list(member.regions),
        "status": member.status,
        "hosted": hosted,
    }


def _dead(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "direction": row.direction,
        "member": row.member,
        "type": row.type,
        "code": row.code,
        "params": row.params,
        "at": _iso(row.at),
        "attempts": row.attempts,
        "state": row.state,
        "by": row.by,
    }


def _head(conn: Connection) -> dict[str, Any]:
    frontier = ledger.head(conn)
    latest = ledger.latest_checkpoint(conn)
    signed = checkpoints.unverified(latest) if latest else None
    return {
        "size": frontier.size,
        "root": b64u(frontier.root()) if frontier.size else None,
        "checkpoint_size": signed.size if signed else None,
        "checkpoint_at": _iso(signed.at) if signed else None,
        "messages": messages.total(conn),
    }
