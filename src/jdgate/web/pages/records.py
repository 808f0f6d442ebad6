"""Pages that show what something says: an alert, a draft, a message. Each look is noted first.

What a person decides is reported under the name of the operator who is signed in. An id of another
member's is not found: handlers look on the operator's own desk alone.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.alerts import Step
from jdgate.errors import JdgateError, Refused
from jdgate.people import rights
from jdgate.store import alert_box, draft_box, inbox, ledger
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang, say
from jdgate.web.site import Asked, Site, field

_SAID = ("alert_id", "rule", "title_code", "params", "raised_at", "cause_ref")
"""Fields of an alert's record that the page says in words."""
LISTED = 50
"""Drafts and messages on a page."""
TAKEN = (Step.ACKNOWLEDGED, Step.RESOLVED)
"""States of an alert that somebody took on at the desk it lies on."""
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
                raise Refused("web.not_found") from reason
            return await _alert(request, id, reason)
        return site.go("/" if step == "reassign" else f"/alerts/{id}")

    async def _alert(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _look(site, who, id, alert_box.get)
        works = rights.may(who.role, "answer")
        row = await site.call("alerts.show", id=id, member=who.member, opens=works)
        history = await _history(site, row)
        taken = [one["at"] for one in history if one["act"] == Step.ACKNOWLEDGED]
        return site.page(
            request,
            "alert.html",
            status=422 if error else 200,
            row=row,
            error=error,
            fields=site.renderer.fields(
                row["record"] or {}, row["delivered_type"], visit.lang, _SAID
            ),
            history=history,
            taken_at=taken[-1] if taken and row["state"] in TAKEN else None,
            actions=row["actions"] if works else [],
            takers=_takers(site, row["takers"], visit.lang),
        )

    @get("/drafts")
    async def drafts(request: Asked) -> Response[Any]:
        return await _list(request, "drafts", state=None)

    @get("/drafts/{id:str}")
    async def draft_page(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _draft(request, id, None)

    @post("/drafts/{id:str}/{decision:str}")
    async def decide(request: Asked, id: FromPath[str], decision: FromPath[str]) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        rights.require(who.role, "decide")
        given: dict[str, dict[str, Any]] = {
            "approve": {
                "checked": [one for one in form.getall("check", []) if isinstance(one, str)],
                "filled": _filled(form),
                "version": field(form, "version"),
            },
            "reject": {"reason": str(form.get("reason") or "")[:2000]},
        }
        if decision not in given:
            raise Refused("web.not_found")
        named = {"id": id, "by": who.name, "member": who.member}
        try:
            await site.call(f"drafts.{decision}", **named, **given[decision])
        except Refused as reason:
            if reason.code == "draft.unknown":
                raise Refused("web.not_found") from reason
            return await _draft(request, id, reason)
        return site.go(f"/drafts/{id}")

    async def _draft(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _look(site, who, id, draft_box.get)
        may_decide = rights.may(who.role, "decide")
        by = who.name if may_decide else say("web.draft_approver", visit.lang)
        row = await site.call("drafts.show", id=id, by=by, member=who.member)
        sheet = site.renderer.sheet(row["type"])
        part = next(each for each in ("record", "sent", "prefill") if each in row)
        decides = may_decide and row["state"] in UNDECIDED
        return site.page(
            request,
            "draft.html",
            status=422 if error else 200,
            row=row,
            error=error,
            lines=_lines(site, row[part], row["type"], visit.lang),
            what=say(f"web.draft_what.{part}", visit.lang),
            lacking=[
                (name, sheet.field_title(name, visit.lang) if sheet else name)
                for name in row.get("lacking", ())
            ],
            two=sheet is not None and sheet.approvers == 2,
            reads_only=not may_decide and row["state"] in UNDECIDED,
            decides=decides and who.name not in row["approvers"],
            mine=who.name in row["approvers"] and row["state"] in UNDECIDED,
            about=sheet.about.get(visit.lang) if sheet else "",
            basis_list=list(dict.fromkeys(one.cite() for one in sheet.basis)) if sheet else [],
        )

    @get("/inbox")
    async def inbox_page(request: Asked) -> Response[Any]:
        return await _list(request, "inbox")

    async def _list(request: Asked, what: str, **given: Any) -> Response[Any]:
        """A page of drafts or of the inbox, newest first; `before` is the last one seen."""
        before = request.query_params.get("before")
        rows = await site.call(
            f"{what}.list",
            member=request.state.visit.who.member,
            content=False,
            limit=LISTED + 1,
            before=before,
            **given,
        )
        more = rows[LISTED - 1]["id"] if len(rows) > LISTED else None
        shown = rows[:LISTED]
        return site.page(request, f"{what}.html", rows=shown, more=more, later=before is not None)

    @get("/inbox/{id:str}")
    async def message(request: Asked, id: FromPath[str]) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        await _look(site, who, id, inbox.get)
        row = await site.call("inbox.show", member=who.member, id=id)
        records = [
            {
                "said": one if "title_code" in one else None,
                "fields": site.renderer.fields(
                    one, row["type"], visit.lang, _SAID if "title_code" in one else ()
                ),
                "alert": await _own_alert(site, who.member, one.get("alert_id")),
            }
            for one in row["data"] or ()  # None: erased
        ]
        return site.page(request, "message.html", row=row, records=records)

    return [
        alert_page, alert_step, drafts, draft_page, decide, inbox_page, message,
    ]  # fmt: skip


async def _look(
    site: Site, who: OperatorRow, id: str, find: Callable[[Connection, str, str], Any]
) -> None:
    """Note a look at something; only at what lies, or lay, on the operator's own desk.

    Raises:
        Refused: `people.not_allowed`; `web.not_found`, there is nothing of this id.
    """
    rights.require(who.role, "read")
    edge, member = site.running.the_edge, who.member
    edge.desk(member)
    if await edge.run(lambda conn: find(conn, member, id)) is None:
        raise Refused("web.not_found")
    await site.look(who, id)


async def _own_alert(site: Site, member: str, alert: object) -> str | None:
    """The alert that a record raised, where it is on the member's own desk."""
    edge = site.running.the_edge
    if not isinstance(alert, str):
        return None
    found = await edge.run(lambda conn: alert_box.get(conn, member, alert))
    return alert if found is not None else None


def _filled(form: Any) -> dict[str, str]:
    """What an approver filled in: field → text."""
    named = {name.removeprefix("fill."): name for name in form if name.startswith("fill.")}
    return {name: value for name, given in named.items() if (value := field(form, given).strip())}


def _takers(site: Site, takers: dict[str, str], lang: Lang) -> list[tuple[str, list[Any]]]:
    """Members that an alert may be passed on to, by the role they would see it in."""
    named = sorted(
        (site.renderer.role_name(role, lang), site.renderer.member_name(id), id)
        for id, role in takers.items()
    )
    return [
        (role, [(id, name) for _, name, id in group])
        for role, group in groupby(named, key=lambda one: one[0])
    ]


def _lines(
    site: Site, record: dict[str, Any], type: str, lang: Lang
) -> list[tuple[str, str, list[str]]]:
    """Each field of what would be sent: its title, its value, and the desks that would see it."""
    sheet = site.renderer.sheet(type)
    routes = sheet.routes if sheet else ()
    told = []
    for name, title, value in site.renderer.fields(record, type, lang):
        roles = dict.fromkeys(route.role for route in routes if name in route.fields)
        told.append((title, value, [site.renderer.role_name(role, lang) for role in roles]))
    return told


async def _history(site: Site, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened to an alert: from the ledger where this machine has it, else what the desk
    knows itself."""
    gateway = site.running.gateway
    if gateway is None:
        first = {"at": row["raised_at"], "act": "raised", "desk": row["member"]}
        last = {"at": None, "act": row["state"], "desk": row["desk"]}
        return [first] if row["state"] == "raised" else [first, last]
    stored = await gateway.read(lambda conn: ledger.find(conn, row["id"]))
    told = [msgspec.json.decode(one.body) for one in stored]
    return [
        {"at": one["at"], "act": one["act"], "desk": one["recipient"]}
        for one in told
        if one["kind"] == leaves.AlertLeaf.__struct_config__.tag
    ]
