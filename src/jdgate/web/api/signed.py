"""For a member with its own key, over HTTP, where the gateway runs: it hands in messages that it
signed, and fetches from its mailbox what only it can open. See `jdgate.gateway.door`.

What it fetched it acknowledges as any member does: with a signed receipt (`sys.receipt.v1`) of its
own, handed in like every message.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from jdgate.bus.port import Outgoing
from jdgate.core.encoding import b64u
from jdgate.core.message import MAX_BODY, MESSAGE_ID
from jdgate.errors import Refused
from jdgate.gateway import door
from jdgate.gateway.gateway import Gateway
from jdgate.store.web_sessions import TokenRow
from jdgate.web.api import asking
from jdgate.web.api.asking import (
    BEGUN,
    HEARTBEAT_S,
    LOOK_S,
    STILL_HERE,
    Guard,
    event,
    rings,
    system_of,
)  # fmt: skip
from jdgate.web.api.deliveries import AT_A_TIME, Limit, Wait, may_receive
from jdgate.web.api.messages import JOSE
from jdgate.web.api.shapes import Judged, Said, Sealed
from jdgate.web.site import Site

EMPTY_EVERY_S = 60.0
_FORM = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""A JWS in compact form (RFC 7515 §7.1)."""


def handlers(site: Site, guard: Guard) -> list[HTTPRouteHandler]:
    """Hand in, and the mailbox."""
    emptied: dict[str, float] = {}

    @post("/messages/signed", status_code=200, request_max_body_size=MAX_BODY)
    async def signed(request: Request[Any, Any, Any]) -> Judged:
        system = _own_key(site, request)
        with guard.bringing(system):
            jws = (await guard.body(request, JOSE)).strip()
            if not _FORM.fullmatch(jws):  # no message at all: nothing to judge and to write down
                raise Refused("signing.malformed")
            answer = await door.hand_in(site.running.the_gateway, system.member, jws)
        said = msgspec.convert(answer.record, Said) if answer.record else None
        receipt = answer.receipt.decode() if answer.receipt else None
        return Judged(answer.id, said, receipt)

    @get("/mailbox")
    async def mailbox(
        request: Request[Any, Any, Any], limit: Limit = 20, wait: Wait = 0
    ) -> list[Sealed]:
        system = may_receive(_own_key(site, request))
        gateway = await _ready(system)

        async def look() -> list[tuple[int, Outgoing]]:
            return await door.mailbox(gateway, system.member, limit)

        found = await guard.within(wait, request, look, every=LOOK_S)
        return [_sealed(one) for _, one in found]

    @get("/mailbox/stream")
    async def stream(request: Request[Any, Any, Any]) -> Stream:
        system = may_receive(_own_key(site, request))
        gateway, last = await _ready(system), request.headers.get("last-event-id") or ""
        known = MESSAGE_ID.fullmatch(last)
        after = await door.number_of(gateway, system.member, last) if known else 0
        return await asking.stream(forever(gateway, system, after))

    async def forever(gateway: Gateway, system: TokenRow, after: int) -> AsyncGenerator[bytes]:
        quiet = time.monotonic()
        with guard.listening(system) as rung:
            yield BEGUN
            while await guard.still(system):
                found = await door.mailbox(gateway, system.member, AT_A_TIME, after)
                for number, one in found:
                    after = max(after, number)
                    yield event("sealed", one.id, _sealed(one))
                if found:
                    quiet = time.monotonic()
                elif not await rings(rung, LOOK_S) and time.monotonic() - quiet > HEARTBEAT_S:
                    quiet = time.monotonic()
                    yield STILL_HERE

    async def _ready(system: TokenRow) -> Gateway:
        """The gateway; the member's mailbox on the bus is emptied now and then."""
        gateway, now = site.running.the_gateway, time.monotonic()
        if now - emptied.get(system.member, -EMPTY_EVERY_S) >= EMPTY_EVERY_S:
            emptied[system.member] = now
            await door.empty_mailbox(gateway, system.member)
        return gateway

    return [signed, mailbox, stream]


def _own_key(site: Site, request: Request[Any, Any, Any]) -> TokenRow:
    """The token, when it is one of an active member whose key is not here.

    Raises:
        Refused: `web.own_key_only`, `web.hosted_here`, `member.…`.
    """
    system, running = system_of(request), site.running
    if not system.own_key:
        raise Refused("web.own_key_only")
    if running.edge is not None and system.member in running.edge.desks:
        # two hands that count its numbers would be one too many
        raise Refused("web.hosted_here", member=system.member)
    if running.trust.member(system.member).status != "active":
        raise Refused("member.suspended", member=system.member)
    return system


def _sealed(one: Outgoing) -> Sealed:
    return Sealed(one.id, one.kid, b64u(one.body))
