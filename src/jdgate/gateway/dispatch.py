"""Out to the mailboxes: what a transaction committed is sealed and published, and sent again
until the recipient's signed receipt has come.

Publishing may fail or be lost without harm: a delivery stays open in the books. It is sent again
when its time has come and its recipient has fetched all that its mailbox held (a copy that still
waits there will do; a wiped bus has none). What goes again is made in `redelivery`. What is
untracked is not repeated: a receipt is given again when its message comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from jdgate.bus.port import GatewayBus, NotStored, Outgoing
from jdgate.core.sealing import context
from jdgate.errors import Refused
from jdgate.gateway.compose import Outbound
from jdgate.gateway.ground import Ground
from jdgate.gateway.workers import SealTask, Workers
from jdgate.store.deliveries import DeliveryRow

log = logging.getLogger(__name__)

AT_ONCE = 200


async def seal_outbound(
    ground: Ground, workers: Workers, outbound: Sequence[Outbound], now: datetime
) -> list[Outgoing]:
    """Sealed to each recipient's newest key. Who has none is left for later."""
    sendable: list[Outbound] = []
    tasks: list[SealTask] = []
    for one in outbound:
        try:
            key = ground.trust.sealing_key(one.recipient, now)
        except Refused as reason:
            log.warning("%s can't be sent now: %s", one.type, reason)
            continue
        sendable.append(one)
        tasks.append((one.jws, key, context(ground.me, one.recipient, one.id)))
    bodies = await workers.seal(tasks)
    return [
        Outgoing(
            member=one.recipient,
            id=one.id,
            msg_id=f"{one.id}.{one.attempt}" if one.attempt else one.id,
            kid=key.kid,
            body=body,
        )
        for one, (_, key, _), body in zip(sendable, tasks, bodies, strict=True)
    ]


async def send(
    bus: GatewayBus,
    ground: Ground,
    workers: Workers,
    outbound: Sequence[Outbound],
    now: datetime,
) -> str | None:
    """Publish; the code of what went wrong, if something did. Nothing is lost then."""
    trouble = None
    for at in range(0, len(outbound), AT_ONCE):
        try:
            part = outbound[at : at + AT_ONCE]
            await bus.publish(await seal_outbound(ground, workers, part, now))
        except NotStored as reason:
            trouble = reason.code
    return trouble


async def resend_due(
    bus: GatewayBus, due: Sequence[DeliveryRow]
) -> tuple[list[DeliveryRow], list[DeliveryRow]]:
    """Of the deliveries whose time has come: those to send now, and those whose recipient has
    messages in its mailbox that it never fetched: a copy of this one may be among them.

    What it fetched and does not settle holds nothing back: one message that its system chokes on
    must not keep the others from it.

    Raises:
        TransportFailed: `bus.unavailable`.
    """
    lag = (await bus.lag()).mailboxes
    now: list[DeliveryRow] = []
    later: list[DeliveryRow] = []
    for row in due:
        box = lag.get(row.recipient)
        (later if box is not None and box.pending > 0 else now).append(row)
    return now, later
