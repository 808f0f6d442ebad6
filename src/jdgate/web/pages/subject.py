"""Subject reports in the console: the list of requests, asking, deciding, the report for print.

For auditors of the authority alone, at the machine with the gateway. What is typed about a person
goes by POST and is never shown again: not in an address, and not in the form after a mistake.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.subject_words import basis_of, sections, withheld
from jdgate.commands.subjects import PAGE
from jdgate.errors import JdgateError
from jdgate.gateway.persons import ID_TYPES
from jdgate.gateway.subject_books import (
    GROUNDS,
    NAME_CHARS,
    REASON_CHARS,
    REFERENCE_CHARS,
)
from jdgate.texts import Lang
from jdgate.web.site import Asked, Site, field

UNKNOWN = ("subject.unknown", "people.not_allowed", "daemon.no_gateway")
"""Errors that no form can put right."""
_REASON_READ = 2000


def pages(site: Site) -> list[HTTPRouteHandler]:
    """Requests, one request, the report."""

    @get("/subject")
    async def listed(request: Asked) -> Response[Any]:
        return await _list(request, None)

    @post("/subject")
    async def ask(request: Asked) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        names = ("id_type", "id_no", "name", "ground", "reference")
        try:
            made = await site.call(
                "subject.ask", by=who, **{one: field(form, one) for one in names}
            )
        except JdgateError as reason:
            if reason.code in UNKNOWN:
                raise
            return await _list(request, reason)
        return site.go(f"/subject/{made['id']}")

    @get("/subject/{id:str}")
    async def one(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _one(request, id, None)

    @post("/subject/{id:str}/approve")
    async def approve(request: Asked, id: FromPath[str]) -> Response[Any]:
        form = await request.form()
        return await _decide(request, id, approve=True, id_no=field(form, "id_no"))

    @post("/subject/{id:str}/refuse")
    async def refuse(request: Asked, id: FromPath[str]) -> Response[Any]:
        reason = str((await request.form()).get("reason") or "")[:_REASON_READ]
        return await _decide(request, id, approve=False, reason=reason)

    @get("/subject/{id:str}/report")
    async def report(request: Asked, id: FromPath[str]) -> Response[Any]:
        visit = request.state.visit
        told = await site.call("subject.report", by=visit.who, id=id)
        return site.page(
            request,
            "subject_report.html",
            told=told,
            row=told["request"],
            grounds=basis_of(told["request"], visit.lang),
            id_type=_id_type(site, told["request"], visit.lang),
            sections=sections(told, visit.lang),
            withheld=withheld(told, visit.lang),
        )

    async def _list(request: Asked, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        before = request.query_params.get("before")
        rows = await site.call("subject.list", by=visit.who, before=before)
        return site.page(
            request,
            "subject.html",
            status=422 if error else 200,
            rows=rows,
            more=rows[-1]["id"] if len(rows) == PAGE else None,
            error=error,
            id_types=[(one, _title(site, one, visit.lang)) for one in ID_TYPES],
            grounds=[(one, basis_of({"basis": GROUNDS[one]}, visit.lang)) for one in GROUNDS],
            most={"name": NAME_CHARS, "reference": REFERENCE_CHARS},
        )

    async def _one(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        visit = request.state.visit
        who = visit.who
        row = await site.call("subject.show", by=who, id=id)
        waits = row["state"] == "waiting"
        return site.page(
            request,
            "subject_request.html",
            status=409 if error and error.code == "subject.decided" else 422 if error else 200,
            row=row,
            error=error,
            decides=waits and who.login != row["asked_by"],
            mine=waits and who.login == row["asked_by"],
            opens=row["state"] == "approved" and who.login in (row["asked_by"], row["decided_by"]),
            grounds=basis_of(row, visit.lang),
            id_type=_id_type(site, row, visit.lang),
            most={"reason": REASON_CHARS},
        )

    async def _decide(request: Asked, id: str, **given: Any) -> Response[Any]:
        try:
            await site.call("subject.decide", by=request.state.visit.who, id=id, **given)
        except JdgateError as reason:
            if reason.code in UNKNOWN:
                raise
            return await _one(request, id, reason)
        return site.go(f"/subject/{id}")

    return [listed, ask, one, approve, refuse, report]


def _id_type(site: Site, row: dict[str, Any], lang: Lang) -> str:
    details = row["details"]
    return _title(site, details["id_type"], lang) if details else "—"


def _title(site: Site, id_type: str, lang: Lang) -> str:
    """A kind of identity document in words, as the sheet of such requests has it."""
    sheet = site.renderer.sheet("subject.request.v1")
    return sheet.value_title("id_type", id_type, lang) if sheet is not None else id_type
