"""How the system is doing: all of it for the authority's administrators, their own department's
connection for everybody else.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from jdgate.people import rights
from jdgate.web.site import Asked, Site

_UNITS = ("B", "kB", "MB", "GB", "TB")


def pages(site: Site) -> list[HTTPRouteHandler]:
    """One page."""

    @get("/system")
    async def system(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        whole = site.oversees(who) and rights.may(who.role, "manage")
        if not whole:
            own = await site.call("connection.show", member=who.member)
            return site.page(request, "connection.html", own=own)
        told = await site.call("status")
        age = told["checkpoint_age_s"]
        return site.page(
            request, "condition.html", told=told, size=size,
            age=int(age) if age is not None else None,
        )  # fmt: skip

    return [system]


def size(number: int) -> str:
    """Bytes as people read them, in steps of 1000."""
    value, unit = float(number), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit and value < 100 else f"{value:.0f} {_UNITS[unit]}"
