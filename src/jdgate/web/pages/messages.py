"""Pages that find messages, each with its chain of proof.

Rules:
- the authority's people see the metadata of all messages, everybody else what their own member
  sent or received. What a message says is on its own desk's page, never here;
- by a person only an auditor of the authority searches, in a form that is posted: no number gets
  into an address. The ledger says so before anything is found;
- the file of evidence holds records: it is for who may read, at a member that was given all of
  it, and taking it is a look. The entries with their proofs hold no content; the authority may
  take those.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from sqlalchemy import Connection

from jdgate.core.agreement_words import domain_order
from jdgate.core.fault import Fault
from jdgate.errors import JdgateError, Refused
from jdgate.gateway.person_search import PSEUDONYM
from jdgate.gateway.persons import ID_TYPES
from jdgate.people import rights
from jdgate.store import alert_box, draft_box, inbox
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang, say
from jdgate.web.shaping import leaf_words
from jdgate.web.site import Asked, Site, field
from jdgate.wording import clean, params_text

FILTERS = ("member", "side", "type", "verdict", "since", "until")
FAULTS = 50
"""Records with something wrong that a page names."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """Searching, one message's chain, and what may be taken of it."""

    @get("/messages")
    async def messages(request: Asked) -> Response[Any]:
        who, given = request.state.visit.who, request.query_params
        wanted = {name: clean(given.get(name, "")).strip()[:80] for name in FILTERS}
        id = given.get("id", "").strip().lower()[:64]
        county = site.oversees(who)
        if not county:
            wanted["member"] = who.member
        try:
            if id:
                await site.call("messages.show", id=id, member=site.seen_by(who))
                return site.go(f"/messages/{id}")
            before = clean(given.get("before", ""))[:100]
            asked = {**wanted, "side": wanted["side"] or "any", "before": before}
            found = await site.call("messages.search", **asked, told=county)
        except Refused as reason:
            return _listed(request, wanted, id=id, error=reason)
        return _listed(request, wanted, found=found)

    @post("/messages/person")
    async def person(request: Asked) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        if not by_person(site, who):
            raise Refused("people.not_allowed")
        asked = {"id_type": field(form, "id_type"), "id_no": field(form, "id_no")}
        try:
            found = await site.call("messages.person", **asked, by=who.login)
        except Refused as reason:
            return _listed(request, {}, error=reason, of_person=True)
        return _listed(request, {}, found=found, of_person=True)

    def _listed(
        request: Asked,
        wanted: dict[str, str],
        *,
        found: dict[str, Any] | None = None,
        id: str = "",
        error: JdgateError | None = None,
        of_person: bool = False,
    ) -> Response[Any]:
        visit, who = request.state.visit, request.state.visit.who
        unknown = error is not None and error.code.endswith(".unknown")
        kept = {name: value for name, value in wanted.items() if value}
        following = found["next"] if found else None
        return site.page(
            request,
            "messages.html",
            status=404 if unknown else 422 if error else 200,
            rows=found["rows"] if found else [],
            following=f"?{urlencode({**kept, 'before': following})}" if following else None,
            wanted={name: wanted.get(name, "") for name in FILTERS},
            id=id,
            error=_said(site, error, visit.lang),
            searched=found is not None,
            of_person=of_person,
            oversees=site.oversees(who),
            members=sorted(site.running.trust.members.values(), key=lambda one: one.id),
            types=_types(site, visit.lang),
            by_person=by_person(site, who),
            id_types=_id_types(site, visit.lang),
            gateway=site.running.trust.gateway.id,
        )

    @get("/messages/{id:str}")
    async def message(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _chain(request, "messages.show", id)

    @post("/messages/{id:str}/verify")
    async def verify(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _chain(request, "messages.verify", id)

    async def _chain(request: Asked, command: str, id: str) -> Response[Any]:
        visit, who = request.state.visit, request.state.visit.who
        found = await site.call(command, id=id, member=site.seen_by(who), own=who.member)
        sheet = site.renderer.sheet(found["type"])
        told = found["message"]
        faults = told["faults"][:FAULTS] if told else []
        return site.page(
            request,
            "message_chain.html",
            found=found,
            told=told,
            steps=[leaf_words.tell(site.renderer, one, visit.lang) for one in found["entries"]],
            faults=[
                (one["index"] + 1, Fault(one["code"], one["path"], one["params"])) for one in faults
            ],
            sheet=sheet,
            desk=await _on_desk(site, who, found),
            oversees=site.oversees(who),
            takes=found["evidence"] is not None and takes(site, who),
            verified="report" in found,
            report=_report(found.get("report")),
            finding=lambda one: say(
                one["code"], visit.lang, **params_text(one["params"], visit.lang)
            ),
            role_name=lambda role: site.renderer.role_name(role, visit.lang) if role else "",
        )

    @post("/messages/{id:str}/evidence")
    async def evidence(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = request.state.visit.who
        rights.require(who.role, "read")
        found = await site.call("messages.show", id=id, member=site.seen_by(who), own=who.member)
        about = found["evidence"]
        if about is None or not takes(site, who):
            raise Refused("web.not_found")
        await site.look(who, about)
        file = (await site.call("evidence.export", id=about))["evidence"]
        return _file(file, f"{about}.jws", "application/jose")

    @post("/messages/{id:str}/proof")
    async def proof(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = request.state.visit.who
        if not site.oversees(who):
            raise Refused("people.not_allowed")
        found = await site.call("messages.show", id=id)
        proved = await site.call("ledger.prove", id=found["id"])
        text = json.dumps({"id": found["id"], **proved}, ensure_ascii=False, indent=1)
        return _file(text, f"{found['id']}.json", "application/json")

    return [messages, person, message, verify, evidence, proof]


def by_person(site: Site, who: OperatorRow) -> bool:
    """Whether an operator may search by person."""
    return site.oversees(who) and rights.may(who.role, "audit")


def takes(site: Site, who: OperatorRow) -> bool:
    """Whether an operator may take a file that holds records of their own member."""
    return rights.may(who.role, "read") and site.reachable(who)


def _types(site: Site, lang: Lang) -> list[tuple[str, str]]:
    """Each type with its title, by domain."""
    known = sorted(site.running.catalogue.sheets, key=domain_order)
    return [(name, site.renderer.type_name(name, lang)) for name in known]


def _id_types(site: Site, lang: Lang) -> list[tuple[str, str]]:
    """What a person is searched by: kinds of document, as sheets name them, or a pseudonym."""
    sheet = site.renderer.sheet("subject.request.v1")
    kinds = [(one, sheet.value_title("id_type", one, lang) if sheet else one) for one in ID_TYPES]
    return [*kinds, (PSEUDONYM, say("web.messages_pseudonym", lang))]


def _said(site: Site, error: JdgateError | None, lang: Lang) -> str | None:
    """What is wrong with what was searched by; a field by its title."""
    if error is None or "field" not in error.params:
        return error.text(lang) if error is not None else None
    named = str(error.params["field"])
    params = {name: value for name, value in error.params.items() if isinstance(value, str | int)}
    return Fault(error.code, f"/{named}", params).text(
        lang, site.renderer.sheet("subject.request.v1")
    )


def _report(report: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The steps of a report, each with its number once: several findings belong to one."""
    steps: list[dict[str, Any]] = []
    for one in report["steps"] if report else ():
        if not steps or steps[-1]["number"] != one["number"]:
            steps.append({"number": one["number"], "name": one["name"], "findings": []})
        steps[-1]["findings"].append(one)
    return steps


async def _on_desk(site: Site, who: OperatorRow, found: dict[str, Any]) -> str | None:
    """Where the content lies on the operator's own desk, if it does and they may read it."""
    if not takes(site, who):
        return None
    member = who.member
    wanted: list[tuple[str, Callable[[Connection, str, str], Any], str]]
    wanted = [(f"/inbox/{one['id']}", inbox.get, one["id"]) for one in found["letters"]]
    if found["alert"] is not None:
        wanted.insert(0, (f"/alerts/{found['alert']['id']}", alert_box.get, found["alert"]["id"]))
    if found["draft"] is not None:
        wanted.insert(0, (f"/drafts/{found['draft']['id']}", draft_box.get, found["draft"]["id"]))

    def look(conn: Connection) -> str | None:
        return next((path for path, get, id in wanted if get(conn, member, id)), None)

    return await site.running.the_edge.run(look)


def _file(text: str, name: str, kind: str) -> Response[bytes]:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.encode(), status_code=200, media_type=kind, headers=headers)
