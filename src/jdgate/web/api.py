"""The HTTP API for departments' systems, `/api/v1`. One token is one member's system.

Rules:
- a token sends the types it was given and no other, in the name of its member and no other; the
  member's key on this machine signs;
- a request to send has an id of the caller's. The same id with the same records is answered as the
  first time and sends nothing; with others it is refused (409);
- what came is fetched oldest first and stays until it is acknowledged;
- errors are problem details (RFC 9457) in both languages.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, Parameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from jdgate import __version__
from jdgate.commands.forms import iso
from jdgate.edge import inbox as reading
from jdgate.edge.desk import Desk
from jdgate.edge.outbox import Submission
from jdgate.errors import Refused
from jdgate.people import credentials
from jdgate.store import inbox, outbox, receipts, requests, web_sessions
from jdgate.store.inbox import InboxRow
from jdgate.store.requests import RequestRow
from jdgate.store.web_sessions import TokenRow
from jdgate.web.problems import Problems
from jdgate.web.site import Asked, Site

MOST_BYTES = 8 * 1024 * 1024
A_MINUTE = 600
"""Requests that one token may make in a minute."""
MOST_AT_ONCE = 100


class Sending(Struct, forbid_unknown_fields=True):
    """Records of one type. `id`: the caller's own id of this request, by which it may be repeated;
    `approved_by`: who approved them, where the agreement asks for that."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
    type: Annotated[str, Meta(max_length=64)]
    records: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=500)]
    region: Annotated[str, Meta(pattern=r"^[0-9]{12}$")] | None = None
    approved_by: Annotated[list[str], Meta(max_length=4)] = []


class Sent(Struct):
    """One message made of records, whose places in the request are `indexes`."""

    id: str
    indexes: list[int]


class NotSent(Struct):
    """A record that was not sent, and why."""

    index: int
    code: str
    path: str = ""
    params: dict[str, Any] = {}


class Taken(Struct):
    """What became of a request: messages under way, and records that were not sent."""

    messages: list[Sent]
    refused: list[NotSent]


class State(Struct):
    """How a message stands: `open` until the gateway answered; then its `verdict`."""

    id: str
    type: str
    state: str
    created_at: str
    verdict: dict[str, Any] | None


class Delivery(Struct):
    """What came for the member, with its records."""

    id: str
    type: str
    source: str
    received_at: str
    records: list[dict[str, Any]]
    purpose: str | None


class Standing(Struct):
    """How this member's connection is doing."""

    version: str
    member: str
    name: str
    healthy: bool
    outbox_open: int
    waiting: int


class Guard:
    """Finds out whose system calls, and counts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._minute = 0
        self._counted: dict[bytes, int] = defaultdict(int)

    async def __call__(self, request: Asked) -> None:
        """Before every request. Raises: Refused `web.token`, `web.too_many`."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        digest = credentials.digest(given)
        now = self._site.now()
        row = await self._site.house.run(lambda conn: web_sessions.token(conn, digest))
        alive = row is not None and row.revoked_at is None and now < row.expires_at
        if row is None or not alive or scheme.lower() != "bearer":
            raise Refused("web.token")
        self._count(digest)
        request.state.system = row

    def _count(self, digest: bytes) -> None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._counted = minute, defaultdict(int)
        self._counted[digest] += 1
        if self._counted[digest] > A_MINUTE:
            raise Refused("web.too_many")


def router(site: Site, problems: Problems) -> Router:
    """`/api/v1`."""
    doing = asyncio.Lock()
    guard = Guard(site)

    async def before(request: Asked) -> None:
        await guard(request)

    def details(request: Asked, error: Exception) -> Response[Any]:
        return problems.details(request, error)

    @get("/status", summary="How this member's connection is doing")
    async def status(request: Request[Any, Any, Any]) -> Standing:
        member = _system(request).member
        edge, desk = site.running.the_edge, site.running.the_edge.desk(member)

        def read(conn: Connection) -> tuple[int, int]:
            waiting = outbox.counts(conn, member).get(outbox.OPEN, 0)
            return waiting, inbox.counts(conn, member).get(inbox.RECEIVED, 0)

        waiting, received = await edge.run(read)
        name = desk.trust.member(member).name
        return Standing(__version__, member, name, edge.healthy(member), waiting, received)

    @post("/messages", status_code=202, summary="Send records")
    async def send(request: Request[Any, Any, Any], data: JSONBody[Sending]) -> Taken:
        system = _system(request)
        if data.type not in system.types:
            raise Refused("web.type_not_yours", type=data.type)
        edge, now, member = site.running.the_edge, site.now(), system.member
        digest = sha256(msgspec.json.encode(data, order="sorted")).digest()
        async with doing:  # two requests of one id at once are one
            known = await edge.run(lambda conn: requests.get(conn, member, system.id, data.id))
            if known is not None:
                if known.digest != digest:
                    raise Refused("web.same_id")
                return msgspec.convert(known.answer, Taken)

            def noted(conn: Connection, made: Submission) -> None:
                row = RequestRow(
                    member=member, system=system.id, id=data.id, digest=digest,
                    answer=_taken(made), at=now,
                )  # fmt: skip
                requests.add(conn, row)

            made = await edge.submit(
                member, data.type, data.records, region=data.region,
                approved_by=data.approved_by, noted=noted,
            )  # fmt: skip
        return _taken(made)

    @get("/messages/{id:str}", summary="How a message stands")
    async def message(request: Request[Any, Any, Any], id: FromPath[str]) -> State:
        row = await _outgoing(request, id)
        verdict = row.verdict if isinstance(row.verdict, dict) else None
        return State(row.id, row.type, row.state, iso(row.created_at), verdict)

    @get(
        "/messages/{id:str}/receipt",
        media_type="application/jose",
        summary="The gateway's signed receipt",
    )
    async def receipt(request: Request[Any, Any, Any], id: FromPath[str]) -> bytes:
        row = await _outgoing(request, id)
        kept = row.receipt_id
        found = (
            await site.running.the_edge.run(lambda conn: receipts.get_many(conn, [kept]))
            if kept
            else {}
        )
        if not kept or kept not in found:
            raise Refused("web.no_receipt")
        return found[kept]

    @get("/deliveries", summary="What waits for this system, oldest first")
    async def deliveries(
        request: Request[Any, Any, Any],
        limit: FromQuery[Annotated[int, Parameter(ge=1, le=MOST_AT_ONCE)]] = 20,
    ) -> list[Delivery]:
        member = _receiver(request)
        edge, desk = site.running.the_edge, site.running.the_edge.desk(member)

        def read(conn: Connection) -> list[Delivery]:
            found = (_delivery(conn, desk, row) for row in inbox.unfetched(conn, member, limit))
            return [one for one in found if one is not None]

        return await edge.run(read)

    @post("/deliveries/{id:str}/acknowledge", status_code=204, summary="Taken; not shown again")
    async def acknowledge(request: Request[Any, Any, Any], id: FromPath[str]) -> None:
        member = _receiver(request)

        now = site.now()
        if not await site.running.the_edge.run(lambda conn: inbox.fetched(conn, member, id, now)):
            raise Refused("web.not_found")

    async def _outgoing(request: Request[Any, Any, Any], id: str) -> outbox.OutboxRow:
        system = _system(request)
        row = await site.running.the_edge.run(lambda conn: outbox.get(conn, id))
        if row is None or row.member != system.member or row.type not in system.types:
            raise Refused("web.not_found")
        return row

    return Router(
        "/api/v1",
        route_handlers=[status, send, message, receipt, deliveries, acknowledge],
        before_request=before,
        exception_handlers={Exception: details},
        request_max_body_size=MOST_BYTES,
    )


def _delivery(conn: Connection, desk: Desk, row: InboxRow) -> Delivery | None:
    """None where the body can't be read: erased since, or damaged."""
    try:
        body = reading.read_body(conn, desk, row)
    except Refused:
        return None
    return Delivery(
        row.id,
        row.type,
        row.origin or row.source,
        iso(row.received_at),
        body["data"],
        body.get("purpose"),
    )


def _system(request: Request[Any, Any, Any]) -> TokenRow:
    system: TokenRow = request.state.system
    return system


def _receiver(request: Request[Any, Any, Any]) -> str:
    system = _system(request)
    if not system.receives:
        raise Refused("people.not_allowed")
    return system.member


def _taken(made: Submission) -> Taken:
    return Taken(
        [Sent(one.id, list(one.indexes)) for one in made.messages],
        [NotSent(one.index, one.code, one.path, one.params) for one in made.refused],
    )
