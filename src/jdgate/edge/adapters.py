"""Running a member's adapters: sinks that take what came, sources that give what is to be sent.

Each sink has a worker of its own, so that a slow or broken one delays nobody else. A sink is
called until it succeeds: later and later when its system can't be reached, and given up only
when it refuses the content itself. What it took is receipted after its effect is durable.

A source goes on from the mark of its last batch, which is kept in the very transaction that puts
the batch into the outbox: after a crash nothing is collected twice or left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core.rules import place_of
from jdgate.edge.desk import Desk
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins.adapters import Batch, Delivery, Sink, Source
from jdgate.store import draft_box

log = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
PATIENCE_S = 60.0
"""Seconds one call of an adapter may take."""
COLLECT_EVERY_S = 5.0


class Condition(msgspec.Struct):
    """How an adapter is doing, for `jdgate status`. `trouble` is a code, with its parameters;
    empty when it works."""

    member: str
    name: str
    kind: str
    trouble: str = ""
    params: dict[str, Any] = {}
    failures: int = 0

    def works(self) -> None:
        """The last call went well."""
        self.trouble, self.params, self.failures = "", {}, 0

    def is_troubled(self, code: str, params: Mapping[str, Any] | None = None) -> None:
        """The last call went wrong; the log hears of it once."""
        if code != self.trouble:
            log.warning("adapter %s of %s: %s", self.name, self.member, code)
        self.trouble, self.params = code, dict(params or {})

    def fails(self, code: str, params: Mapping[str, Any] | None = None) -> None:
        """The last call went wrong and is made again, each time later."""
        self.is_troubled(code, params)
        self.failures += 1


def pause(attempts: int) -> timedelta:
    """How long to wait after `attempts` failed ones: doubling, 10 minutes at most."""
    factor: int = 1 << min(attempts, 12)
    return min(FIRST_PAUSE * factor, LONGEST_PAUSE)


async def deliver(sink: Sink, delivery: Delivery, condition: Condition) -> Refused | bool:
    """Hand a delivery to a sink: True when it is durable, False to try again, or its refusal."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await sink.deliver(delivery)
    except Refused as reason:
        condition.is_troubled(reason.code, reason.params)
        return reason
    except TransportFailed as reason:
        condition.fails(reason.code, reason.params)
        return False
    except Exception as error:
        condition.fails("edge.adapter_broke")
        log.warning("adapter %s of %s: %s", condition.name, condition.member, place_of(error))
        return False
    condition.works()
    return True


def check(conn: Connection, desk: Desk, batch: Batch) -> None:
    """Whether what a source says of its batch may stand.

    Raises:
        Refused: `agreement.no_type`, `agreement.purpose`, `draft.not_by_source`.
    """
    sheet = desk.sheet(batch.type)
    if batch.purpose not in (None, sheet.purpose):
        raise Refused("agreement.purpose", type=batch.type, expected=sheet.purpose)
    if batch.inreplyto and draft_box.get(conn, desk.member, batch.inreplyto) is not None:
        raise Refused("draft.not_by_source", type=batch.type)


async def collect_forever(
    source: Source,
    condition: Condition,
    mark: Callable[[], Awaitable[str | None]],
    keep: Callable[[Batch], Awaitable[Any]],
) -> None:
    """Put everything a source gives into the outbox, for as long as the edge runs."""
    while True:
        try:
            async for batch in source.collect(await mark()):
                await keep(batch)
        except (Refused, TransportFailed) as reason:
            condition.fails(reason.code, reason.params)
        except Exception as error:
            condition.fails("edge.adapter_broke")
            log.warning("adapter %s of %s: %s", condition.name, condition.member, place_of(error))
        else:
            condition.works()
        waiting = pause(condition.failures).total_seconds() if condition.failures else 0.0
        await asyncio.sleep(max(COLLECT_EVERY_S, waiting))
