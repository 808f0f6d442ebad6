"""Telling people outside jdgate that an alert waits: mail, webhook, whatever plugins bring.

- Urgent alerts that come onto a desk, and any alert that came late or lies late at the top.
- A channel hears which member, which rule, how urgent and how many wait: never what an alert says
  or about whom (`plugins.adapters.Notice`).
- Nudges are rows of the books, written with the alert and sent from here, outside every
  transaction: a channel that hangs or fails delays no delivery. A failed one is tried again, later
  and later, for a day; one that the channel refuses is not. Each end is in the ledger.
- One that somebody has answered meanwhile is not sent.

    nudging = Nudging(gateway, {"notify.mail": channel}, clock)
    await nudging.start()
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jdgate.clock import Clock
from jdgate.core import leaves
from jdgate.core.message import show_time
from jdgate.ending import end
from jdgate.errors import JdgateError, Refused
from jdgate.gateway.gateway import Gateway
from jdgate.plugins.adapters import Channel, Notice
from jdgate.store import alerts, ledger, nudges
from jdgate.store.nudges import FAILED, NEEDLESS, SENT, NudgeRow

log = logging.getLogger(__name__)

AT_ONCE = 20
PATIENCE_S = 60.0
"""How long a channel may take for one nudge."""
FIRST_AGAIN, LAST_AGAIN = timedelta(minutes=2), timedelta(hours=1)
GIVE_UP = timedelta(hours=24)
TICK_S = 1.0


def again_at(row: NudgeRow, now: datetime) -> datetime:
    """When a nudge is tried once more if this try comes to nothing: 2, 4, 8 … 60 minutes later."""
    return now + min(FIRST_AGAIN * (1 << min(row.attempts, 10)), LAST_AGAIN)


class Nudging:
    """Sends what is due, one loop."""

    def __init__(self, gateway: Gateway, channels: Mapping[str, Channel], clock: Clock) -> None:
        self._gateway = gateway
        self._channels = channels
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._forever(), name="gateway nudging")

    async def stop(self) -> None:
        """End; what is under way is tried again after the next start."""
        await end(self._task)

    @property
    def failed(self) -> BaseException | None:
        """Why the loop ended by itself, which it should not."""
        task = self._task
        if task is not None and task.done() and not task.cancelled():
            return task.exception()
        return None

    async def _forever(self) -> None:
        while True:
            try:
                await self._pass()
            except JdgateError as reason:
                log.warning("nudges wait: %s", reason)
            await asyncio.sleep(TICK_S)

    async def _pass(self) -> None:
        now = self._clock.now()
        due = await self._gateway.run(lambda conn: _take(conn, now))
        await asyncio.gather(*(self._send(row, notice) for row, notice in due))

    async def _send(self, row: NudgeRow, notice: Notice) -> None:
        channel = self._channels.get(row.channel)
        code, final = "nudge.no_channel", True
        if channel is not None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await channel.notify(notice)
            except TimeoutError:
                code, final = "nudge.timeout", False
            except Refused as reason:
                code, final = reason.code, True
            except JdgateError as reason:
                code, final = reason.code, False
            except Exception as error:  # a plugin's fault must not end the loop
                log.warning("channel %s broke: %s", row.channel, type(error).__name__)
                code, final = "nudge.channel_broke", False
            else:
                code = ""
        now = self._clock.now()
        await self._gateway.run(lambda conn: self._note(conn, row, code, final, now))

    def _note(self, conn: Connection, row: NudgeRow, code: str, final: bool, now: datetime) -> None:
        if code and not final and now - row.created_at < GIVE_UP:
            nudges.note(conn, row.id, code)
            return
        state = FAILED if code else SENT
        nudges.end(conn, row.id, state, now, code or None)
        leaf = leaves.AdminLeaf(
            id=row.alert_id,
            at=show_time(now),
            act=f"nudge.{state}",
            operator=self._gateway.ground.me,
            target=f"{row.channel} {row.member}",
        )
        ledger.append(conn, [(leaves.encode(leaf), None)])


def _take(conn: Connection, now: datetime) -> list[tuple[NudgeRow, Notice]]:
    due = []
    for row in nudges.claim(conn, now, lambda row: again_at(row, now), AT_ONCE):
        life = alerts.get(conn, row.alert_id)
        here = life is not None and life.recipient == row.member
        if life is None or not here or life.state not in ("raised", "delivered", "opened"):
            nudges.end(conn, row.id, NEEDLESS, now)
            continue
        notice = Notice(
            member=row.member,
            rule_id=life.rule_id,
            title_code=life.title_code,
            urgent=row.urgent,
            waiting=nudges.waiting(conn, row.member),
            at=now,
            id=row.id,
        )
        due.append((row, notice))
    return due
