"""Pages that show what something says: an alert, a draft, a message. Each look is noted first.

What a person decides is reported under the name of the operator who is signed in. An id of another
member's is not found: handlers look on the operator's own desk alone.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.core import leaves
from jdgate.errors import JdgateError, Refused
from jdgate.people import rights
from jdgate.store import alert_box, draft_box, inbox, ledger
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang
from jdgate.web.signing_in import field
from jdgate.web.site import Asked, Site

_SAID = ("alert_id", "rule", "title_code", "params", "raised_at", "cause_ref")
"""Fields of an alert's record that the page says in words."""
LISTED = 200
"""Messages on the page of the inbox."""
UNDECIDED = ("waiting", "refused")


def pages(site: Site) -> list[HTTPRouteHandler]:
    """Alerts, drafts and the inbox."""

    @get("/alerts/{id:str}")
    async def alert_page(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _alert(request, id, None)

    @post("/alerts/{id:str}/{step:str}")
    async def alert_step(request: Asked, id: FromPath[str], step: FromPath[str]) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        rights.require(who.role, "answer")
        named = {"id": id, "by": who.name, "member": who.member}
        given = {
            "resolve": {"outcome": field(form, "outcome")},
            "reassign": {"to": field(form, "to")},
        }
        if step not in ("ack", *given):
            raise Refused("web.not_found")
        try:
            await site.call(f"alerts.{step}", **named, **given.get(step, {}))
        except Refused as reason:
            if reason.code == "alert.unknown":
                raise
            return await _alert(request, id, reason)
        return site.go("/" if step == "reassign" else f"/alerts/{id}")

    async def _alert(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _own(site, who, id, "alert.unknown")
        await site.look(who, id)
        works = rights.may(who.role, "answer")
        row = await site.call("alerts.show", id=id, member=who.member, opens=works)
        members = [
            one for one in site.running.trust.active() if one.id not in (who.member, row["desk"])
        ]
        return site.page(
            request,
            "alert.html",
            status=422 if error else 200,
            row=row,
            error=error,
            fields=site.renderer.fields(
                row["record"] or {}, row["delivered_type"], visit.lang, _SAID
            ),
            history=await _history(site, row),
            actions=row["actions"] if works else [],
            members=[one for one in members if one.kind != "gateway"],
        )

    @get("/drafts")
    async def drafts(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        rows = await site.call("drafts.list", member=who.member, state=None, content=False)
        return site.page(request, "drafts.html", rows=rows)

    @get("/drafts/{id:str}")
    async def draft_page(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _draft(request, id, None)

    @post("/drafts/{id:str}/approve")
    async def approve(request: Asked, id: FromPath[str]) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        rights.require(who.role, "decide")
        checked = [one for one in form.getall("check", []) if isinstance(one, str)]
        filled = {
            name.removeprefix("fill."): field(form, name).strip()
            for name in form
            if name.startswith("fill.") and field(form, name).strip()
        }
        return await _decide(
            request, id, "drafts.approve", by=who.name, checked=checked, filled=filled
        )

    @post("/drafts/{id:str}/reject")
    async def reject(request: Asked, id: FromPath[str]) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        rights.require(who.role, "decide")
        reason = str(form.get("reason") or "")[:2000]
        return await _decide(request, id, "drafts.reject", by=who.name, reason=reason)

    async def _decide(request: Asked, id: str, method: str, **given: Any) -> Response[Any]:
        member = request.state.visit.who.member
        try:
            await site.call(method, id=id, member=member, **given)
        except Refused as reason:
            if reason.code == "draft.unknown":
                raise
            return await _draft(request, id, reason)
        return site.go(f"/drafts/{id}")

    async def _draft(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _own(site, who, id, "draft.unknown")
        await site.look(who, id)
        row = await site.call("drafts.show", id=id, by=who.name, member=who.member)
        sheet = site.renderer.sheet(row["type"])
        record = row.get("record") or row["prefill"]
        decides = rights.may(who.role, "decide") and row["state"] in UNDECIDED
        return site.page(
            request,
            "draft.html",
            status=422 if error else 200,
            row=row,
            error=error,
            fields=_shown_to(site, record, row["type"], visit.lang),
            lacking=[
                (name, sheet.field_title(name, visit.lang) if sheet else name)
                for name in row.get("lacking", ())
            ],
            two=sheet is not None and sheet.approvers == 2,
            decides=decides and who.name not in row["approvers"],
            mine=who.name in row["approvers"] and row["state"] in UNDECIDED,
            about=sheet.about.get(visit.lang) if sheet else "",
            basis_list=list(dict.fromkeys(one.cite() for one in sheet.basis)) if sheet else [],
        )

    @get("/inbox")
    async def inbox_page(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        rows = await site.call("inbox.list", member=who.member, limit=LISTED, content=False)
        return site.page(request, "inbox.html", rows=rows)

    @get("/inbox/{id:str}")
    async def message(request: Asked, id: FromPath[str]) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _own(site, who, id, "web.not_found")
        await site.look(who, id)
        row = await site.call("inbox.show", member=who.member, id=id)
        records = [site.renderer.fields(one, row["type"], visit.lang) for one in row["data"]]
        return site.page(request, "message.html", row=row, records=records)

    return [
        alert_page, alert_step, drafts, draft_page, approve, reject, inbox_page, message,
    ]  # fmt: skip


async def _own(site: Site, who: OperatorRow, id: str, code: str) -> None:
    """Go on only with what lies, or lay, on the operator's own desk.

    Raises:
        Refused: `people.not_allowed`; `code`, there is nothing of this id.
    """
    rights.require(who.role, "read")
    edge, member = site.running.the_edge, who.member
    edge.desk(member)
    look = {"alert.unknown": alert_box.get, "draft.unknown": draft_box.get}.get(code, inbox.get)
    if await edge.run(lambda conn: look(conn, member, id)) is None:
        raise Refused(code, alert=id[:64], draft=id[:64])


def _shown_to(site: Site, record: dict[str, Any], type: str, lang: Lang) -> list[dict[str, Any]]:
    """Each field of what would be sent, with the desks that would see it."""
    sheet = site.renderer.sheet(type)
    return [
        {
            "title": title,
            "value": value,
            "to": [
                site.renderer.role_name(role, lang)
                for role in dict.fromkeys(
                    route.role for route in (sheet.routes if sheet else ()) if name in route.fields
                )
            ],
        }
        for name, title, value in site.renderer.fields(record, type, lang)
    ]


async def _history(site: Site, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened to an alert: from the ledger where this machine has it, else what the desk
    knows itself."""
    gateway = site.running.gateway
    if gateway is None:
        first = {"at": row["raised_at"], "act": "raised", "desk": row["member"]}
        last = {"at": None, "act": row["state"], "desk": row["desk"]}
        return [first] if row["state"] == "raised" else [first, last]
    stored = await gateway.run(lambda conn: ledger.find(conn, row["id"]))
    told = [msgspec.json.decode(one.body) for one in stored]
    return [
        {"at": one["at"], "act": one["act"], "desk": one["recipient"]}
        for one in told
        if one["kind"] == leaves.AlertLeaf.__struct_config__.tag
    ]
