"""Sending over HTTP: records that the member's key on this machine signs, and what became of them.

A request has an id of the caller's. The same id with the same content is answered as the first
time and sends nothing; with other content it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.forms import iso
from jdgate.core.fault import Fault
from jdgate.core.message import MESSAGE_ID
from jdgate.core.sheet import Sheet
from jdgate.edge.outbox import RefusedRow, Submission
from jdgate.errors import Refused
from jdgate.gateway import door
from jdgate.store import outbox, receipts
from jdgate.store.messages import MessageRow
from jdgate.store.outbox import OutboxRow
from jdgate.store.web_sessions import TokenRow
from jdgate.texts import LANGUAGES
from jdgate.web.api.asking import Guard, system_of
from jdgate.web.api.shapes import NotSent, Said, Sending, Sent, State, Taken
from jdgate.web.site import Site

JOSE = "application/jose"


def handlers(site: Site, guard: Guard) -> list[HTTPRouteHandler]:
    """Send records; look at what became of a message."""

    @post("/messages", status_code=202)
    async def send(request: Request[Any, Any, Any]) -> Taken:
        system = hosted(request)
        with guard.bringing(system):
            return await sent(system, await guard.json(request, Sending))

    async def sent(system: TokenRow, data: Sending) -> Taken:
        may_send(system, data.type)
        made = await site.call(
            "submit.once", system=system.id, id=data.id, member=system.member, type=data.type,
            records=data.records, region=data.region, approved_by=data.approved_by,
            refused_too=True,
        )  # fmt: skip
        return taken(msgspec.convert(made, Submission), site.renderer.sheet(data.type))

    @get("/messages/{id:str}")
    async def message(request: Request[Any, Any, Any], id: FromPath[str]) -> State:
        system = system_of(request)
        if system.own_key:
            row, answer = await _judged(system, id)
            said = _said(answer.record)
            return State(row.id, row.type, row.verdict, iso(row.received_at), said)
        sent = await _outgoing(system, id)
        said = _said(sent.verdict)
        return State(sent.id, sent.type, sent.state, iso(sent.created_at), said)

    @get("/messages/{id:str}/receipt", media_type=JOSE)
    async def receipt(request: Request[Any, Any, Any], id: FromPath[str]) -> bytes:
        system = system_of(request)
        if system.own_key:
            _, answer = await _judged(system, id)
            found = answer.receipt
        else:
            kept = (await _outgoing(system, id)).receipt_id or ""
            read = await site.running.the_edge.run(lambda conn: receipts.get_many(conn, [kept]))
            found = read.get(kept)
        if found is None:
            raise Refused("web.no_receipt")
        return found

    async def _judged(system: TokenRow, id: str) -> tuple[MessageRow, door.Answer]:
        found = None
        if MESSAGE_ID.fullmatch(id):
            found = await door.outcome(site.running.the_gateway, system.member, id)
        if found is None:
            raise Refused("web.not_found")
        return found

    async def _outgoing(system: TokenRow, id: str) -> OutboxRow:
        row = await site.running.the_edge.run(lambda conn: outbox.get(conn, id))
        if row is None or row.member != system.member or row.type not in system.types:
            raise Refused("web.not_found")
        return row

    return [send, message, receipt]


def hosted(request: Request[Any, Any, Any]) -> TokenRow:
    """The token, when it is one of a member whose key is here.

    Raises:
        Refused: `web.not_own_key`.
    """
    system = system_of(request)
    if system.own_key:
        raise Refused("web.not_own_key")
    return system


def may_send(system: TokenRow, type: str) -> None:
    """Go on only with a type that the token may send.

    Raises:
        Refused: `web.type_not_yours`.
    """
    if type not in system.types:
        raise Refused("web.type_not_yours", type=type)


def taken(made: Submission, sheet: Sheet | None) -> Taken:
    """What became of records that were to be sent."""
    sent = [Sent(one.id, list(one.indexes)) for one in made.messages]
    return Taken(sent, list(not_sent(made.refused, sheet)))


def not_sent(rows: Iterable[RefusedRow], sheet: Sheet | None) -> Iterable[NotSent]:
    """Refused records with their reasons in words. The words name columns, never values."""
    for one in rows:
        fault = Fault(one.code, one.path, one.params)
        texts: dict[str, str] = {lang: fault.text(lang, sheet) for lang in LANGUAGES}
        yield NotSent(one.index, one.code, one.path, dict(one.params), texts)


def _said(record: Any) -> Said | None:
    return msgspec.convert(record, Said, strict=False) if isinstance(record, dict) else None
