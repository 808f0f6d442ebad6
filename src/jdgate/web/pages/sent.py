"""What my member sent: a list, and for each message the gateway's verdict with its reasons and the
signed receipt. No content is opened for any of it.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.core.fault import Fault
from jdgate.errors import Refused
from jdgate.people import rights
from jdgate.web.site import Asked, Site

A_PAGE = 50
_LONGEST_ID = 64


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The list, one message, its receipt."""

    @get("/sent")
    async def sent(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        rights.require(who.role, "see")
        asked = request.query_params
        notices, before = asked.get("notices") == "1", asked.get("before") or None
        rows = await site.call(
            "sent.list", member=who.member, limit=A_PAGE + 1, before=before, notices=notices
        )
        more = len(rows) > A_PAGE
        return site.page(
            request, "sent.html", rows=rows[:A_PAGE], more=more, notices=notices, before=before
        )

    @get("/sent/{id:str}")
    async def one(request: Asked, id: FromPath[str]) -> Response[Any]:
        visit = request.state.visit
        rights.require(visit.who.role, "see")
        row = await site.call("sent.show", member=visit.who.member, id=id)
        sheet = site.renderer.sheet(row["type"])
        faults = [
            {
                "place": one["row"] if one["row"] is not None else one["index"] + 1,
                "text": Fault(one["code"], one.get("path", ""), one.get("params", {})).text(
                    visit.lang, sheet
                ),
            }
            for one in row["faults"]
        ]
        why = site.renderer.reason(row["code"], row["params"], visit.lang)
        by_row = bool(row["rows"])
        return site.page(request, "sent_one.html", row=row, faults=faults, why=why, by_row=by_row)

    @get("/sent/{id:str}/receipt")
    async def receipt(request: Asked, id: FromPath[str]) -> Response[bytes]:
        who = request.state.visit.who
        rights.require(who.role, "see")
        found = await site.call("sent.receipt", member=who.member, id=id)
        if not id.replace("-", "").isalnum() or len(id) > _LONGEST_ID:  # it becomes a file's name
            raise Refused("web.not_found")
        headers = {"content-disposition": f'attachment; filename="receipt-{id}.jws"'}
        return Response(found["receipt"].encode(), media_type="application/jose", headers=headers)

    return [sent, one, receipt]
