"""What the demo does with the running daemon: send, wait, look into mailboxes, remember.

Everything goes through the edge host that serves the commands too. How far the story came is
noted in the edge's database in the transaction that sends, so that a demo that was killed goes on
where it stopped and sends nothing twice.

    stage = Stage(daemon)
    ids = await stage.send("cln-01", "mmt.attendance.v1", records, mark=("demo.day", "0"))
    answered = await stage.answers(ids)
    await stage.quiet()
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection

from jdgate.core.fault import Fault
from jdgate.demo.county import CLINIC
from jdgate.demo.people import ATTENDANCE, NOTICE
from jdgate.edge import drafting
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.host import EdgeHost
from jdgate.edge.judged import Answered
from jdgate.edge.outbox import RefusedRow
from jdgate.errors import Refused
from jdgate.gateway import checkpointer, proofs
from jdgate.gateway.gateway import Gateway
from jdgate.store import deliveries, draft_box, inbox, ledger, meta, outbox, sequences
from jdgate.store.draft_box import DraftBoxRow
from jdgate.texts import say

if TYPE_CHECKING:
    from jdgate.running import Running

PATIENCE = 120.0
"""Seconds after which the story goes on although something has not been answered yet."""

Mark = tuple[str, str]


class Draft(msgspec.Struct, frozen=True):
    """A draft in the clinic's box and the patient it is about."""

    row: DraftBoxRow
    ref: str


class Alert(msgspec.Struct, frozen=True):
    """An alert as it lies in a mailbox."""

    member: str
    rule: str
    text: str


class Tally(msgspec.Struct):
    """What was sent in this run."""

    messages: int = 0
    records: int = 0
    accepted: int = 0
    refused: int = 0


class Stage:
    """The daemon as the story sees it."""

    def __init__(self, daemon: Running, gateway: Gateway, edge: EdgeHost) -> None:
        self.daemon = daemon
        self.gateway = gateway
        self.edge = edge
        self.teller = daemon.teller
        self.tally = Tally()

    def now(self) -> datetime:
        """The daemon's time."""
        return self.daemon.clock.now()

    def title(self, type: str) -> str:
        """A type in words."""
        return self.daemon.catalogue.sheets[type].title.get(self.teller.lang)

    def field_titles(self, type: str, names: Sequence[str]) -> str:
        """Fields in words."""
        sheet = self.daemon.catalogue.sheets[type]
        titles = [sheet.field_title(name, self.teller.lang) for name in names]
        return ("、" if self.teller.lang == "zh" else ", ").join(titles)

    # --- remembering

    async def noted(self, key: str) -> str | None:
        """What was noted under `key`, in this run or an earlier one."""
        return await self.edge.run(lambda conn: meta.get(conn, key))

    async def note(self, key: str, value: str) -> None:
        """Note something for later runs."""
        await self.edge.run(lambda conn: meta.put(conn, key, value))

    # --- sending

    async def send(
        self,
        member: str,
        type: str,
        records: list[dict[str, Any]],
        mark: Mark,
        approved_by: Sequence[str] = (),
    ) -> list[str]:
        """Put records into a member's outbox and note `mark` with them; ids of the messages."""
        submission = await self.edge.submit(
            member, type, records, approved_by=approved_by,
            noted=lambda conn, _: meta.put(conn, *mark),
        )  # fmt: skip
        self.tally.messages += len(submission.messages)
        self.tally.records += len(records)
        self.tally.refused += len({row.index for row in submission.refused})
        return [message.id for message in submission.messages]

    async def approve(self, draft: DraftBoxRow, person: str) -> str:
        """Approve a draft with all its checks; the id of the message that went out for it."""
        decision, message = await self.edge.approve(draft.id, person, draft.checks)
        self.tally.messages += 2
        self.tally.records += 2
        await self.answers([decision, message])
        return message

    async def force(self, member: str, type: str, record: dict[str, Any], mark: Mark) -> str:
        """Send what the member's own edge refuses, as somebody would who changed their edge."""
        desk, now = self.edge.desk(member), self.now()

        def put(conn: Connection) -> str:
            number = sequences.next_sequences(conn, desk.gateway, 1, member=member)
            row = writing.build(conn, desk, type, [record], now, sequence=number)
            outbox.add_many(conn, [row])
            meta.put(conn, *mark)
            return row.id

        message_id = await self.edge.run(put)
        await self.edge.submit(CLINIC, ATTENDANCE, [])  # an empty submission wakes the sender
        self.tally.messages += 1
        self.tally.records += 1
        return message_id

    async def refused_at_once(
        self, member: str, type: str, record: dict[str, Any]
    ) -> Refused | RefusedRow | None:
        """Why a member's own edge does not send a record; None if it would."""
        try:
            _, refused = await self.edge.check(member, type, [record], None)
        except Refused as reason:
            return reason
        return refused[0] if refused else None

    async def answers(self, ids: Sequence[str]) -> list[Answered]:
        """The gateway's verdicts on these messages, as far as they come in good time."""
        found: list[Answered] = []
        try:
            async with asyncio.timeout(PATIENCE):
                async for answered in self.edge.answers(ids):
                    found.append(answered)
        except TimeoutError:
            self.teller.say("demo.slow", open=len(ids) - len(found))
        for answered in found:
            self.tally.accepted += answered.record.get("accepted", 0)
            self.tally.refused += len(answered.record.get("refused", ())) or (
                answered.verdict == "refused"
            )
        return found

    def reason(self, type: str, fault: Any) -> str:
        """A refused record's reason in words."""
        sheet = self.daemon.catalogue.sheets[type]
        made = Fault(fault["code"], fault.get("path", ""), fault.get("params", {}))
        return made.text(self.teller.lang, sheet)

    # --- waiting

    async def quiet(self) -> None:
        """Wait until everything sent has its receipt and everything disclosed is signed for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while await self._under_way():  # noqa: ASYNC110 - what others commit has no event
                    await asyncio.sleep(0.02)
        await asyncio.sleep(0.05)  # the last receipts are told just after they are committed

    async def until(
        self, condition: Callable[[], Awaitable[bool]], patience: float = PATIENCE
    ) -> None:
        """Wait for something, as long as it may take in good time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while not await condition():  # noqa: ASYNC110 - others' work has no event
                    await asyncio.sleep(0.1)

    async def _under_way(self) -> bool:
        later = self.now() + timedelta(days=365)
        members = list(self.edge.desks)
        if await self.edge.run(lambda conn: outbox.due(conn, members, later, 1)):
            return True
        return bool(await self.gateway.run(deliveries.counts))

    async def left_open(self) -> list[str]:
        """Messages of an earlier run that have no receipt yet."""
        later = self.now() + timedelta(days=365)
        members = list(self.edge.desks)
        rows = await self.edge.run(lambda conn: outbox.due(conn, members, later, 10_000))
        return [row.id for row in rows]

    # --- looking

    async def mail(self) -> dict[str, Counter[str]]:
        """How many messages of each type lie in each member's mailbox."""

        def look(conn: Connection) -> dict[str, Counter[str]]:
            return {
                member: Counter(row.type for row in inbox.search(conn, member, limit=100_000))
                for member in self.edge.desks
            }

        return await self.edge.run(look)

    async def alerts(self) -> list[Alert]:
        """The alerts in all mailboxes, by member."""
        lang = self.teller.lang

        def look(conn: Connection) -> list[Alert]:
            found = []
            for member, desk in self.edge.desks.items():
                for row in inbox.search(conn, member, limit=100_000):
                    if row.type.endswith(".alert.v1"):
                        for record in reading.read_body(conn, desk, row)["data"]:
                            text = say(record["title_code"], lang, **record.get("params", {}))
                            found.append(Alert(member, record["rule"], text))
            return found

        return sorted(await self.edge.run(look), key=lambda one: (one.member, one.rule))

    async def seen_of(self, message_id: str) -> dict[str, tuple[str, ...]]:
        """Member → names of the fields that it got of one dropout notice."""

        def look(conn: Connection) -> dict[str, tuple[str, ...]]:
            seen = {}
            for member, desk in self.edge.desks.items():
                for row in inbox.search(conn, member, type=NOTICE, limit=1000):
                    body = reading.read_body(conn, desk, row)
                    if body.get("inreplyto") == message_id:
                        seen[member] = tuple(body["data"][0])
            return seen

        return await self.edge.run(look)

    async def drafts(self, member: str, state: str | None) -> list[Draft]:
        """A member's drafts, oldest first, with whom each is about."""
        desk = self.edge.desk(member)

        def look(conn: Connection) -> list[Draft]:
            rows = draft_box.search(conn, member=member, state=state, limit=1000)
            found = []
            for row in reversed(rows):
                if row.prefill is not None:
                    prefill = drafting.content(conn, desk, row)["prefill"]
                    found.append(Draft(row, str(prefill.get("patient_ref", ""))))
            return found

        return await self.edge.run(look)

    # --- proving

    async def sign_head(self) -> None:
        """Have the gateway sign the ledger's head now, as it does every minute."""
        ground, now = self.gateway.ground, self.now()
        await self.gateway.run(lambda conn: checkpointer.current(conn, ground, now))

    async def evidence(self, message_id: str) -> bytes:
        """The evidence file of a message.

        Raises:
            Refused: `evidence.erased` when its retention has passed.
        """
        ground, now = self.gateway.ground, self.now()
        return await self.gateway.run(lambda conn: proofs.export(conn, ground, message_id, now))

    async def ledger_size(self) -> int:
        """Entries in the ledger."""
        return await self.gateway.run(lambda conn: ledger.head(conn).size)
