"""What is due and what is late, as a calendar. A list opens nothing: it says what kind of thing is
awaited from whom, never about whom.

Who oversees the county sees all of it, or one member's part (`of`); everybody else what is expected
of their own member. A statement that something had not come is shown to both.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.expecting import PARTS
from jdgate.core.calendar import local_day
from jdgate.core.months import Month, day_of_text
from jdgate.errors import Refused
from jdgate.store.people import OperatorRow
from jdgate.web.site import Asked, Site

AT_ONCE = 50
FIRST_LATE = 20
"""Rows of a list, and of the list of what is late on the first page."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The calendar, its lists and a statement."""

    @get("/expectations")
    async def calendar(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        given = request.query_params
        of = _whose(site, who, given.get("of", ""))
        today = local_day(site.now())
        month = Month.read(given["month"]) if "month" in given else Month.of(today)
        if month is None:
            raise Refused("web.not_found")
        day = _day(given["day"]) if "day" in given else None
        found = await site.call("expect.month", month=str(month), member=of)
        late = {
            part: await site.call("expect.late", part=part, member=of, limit=FIRST_LATE)
            for part in ("missed", "owed")
        }
        parts = {}
        if day is not None:
            for part in PARTS:
                parts[part] = await site.call(
                    "expect.day", day=day.isoformat(), part=part, member=of, limit=AT_ONCE
                )
        return _page(
            site, request, "expectations.html", of, month=month, weeks=month.weeks(), day=day,
            today=today, days={date.fromisoformat(one["day"]): one for one in found}, late=late,
            parts=parts,
        )  # fmt: skip

    @get("/expectations/list/{part:str}")
    async def more(request: Asked, part: FromPath[str]) -> Response[Any]:
        who, given = request.state.visit.who, request.query_params
        of = _whose(site, who, given.get("of", ""))
        if part not in PARTS:
            raise Refused("web.not_found")
        asked = {"part": part, "member": of, "after": given.get("after", ""), "limit": AT_ONCE}
        day = _day(given["day"]) if "day" in given else None
        if day is None and part == "awaited":
            raise Refused("web.not_found")
        if day is None:
            answer = await site.call("expect.late", **asked)
        else:
            answer = await site.call("expect.day", day=day.isoformat(), **asked)
        return _page(
            site, request, "expectations_list.html", of, part=part, day=day, answer=answer,
            first=not given.get("after"),
        )  # fmt: skip

    @get("/expectations/statements/{id:str}")
    async def statement(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = request.state.visit.who
        row = await site.call("expect.show", id=id)
        if not site.oversees(who) and row["member"] != who.member:
            raise Refused("expect.unknown", id=id[:64])
        return _page(site, request, "expectation.html", None, row=row)

    return [calendar, more, statement]


def _page(site: Site, request: Asked, template: str, of: str | None, **words: Any) -> Response[Any]:
    visit = request.state.visit
    members = site.running.trust.members
    whole = site.oversees(visit.who)

    def whom(of: str | None) -> str:
        """A member or a role in words."""
        if of and of not in members:
            return site.renderer.role_name(of, visit.lang)
        return site.renderer.member_name(of)

    def address(path: str = "/expectations", **more: object) -> str:
        kept = {"of": of} if whole and of else {}
        query = urlencode({name: str(value) for name, value in more.items() if value} | kept)
        return f"{path}?{query}" if query else path

    return site.page(
        request, template, whom=whom, address=address, of=of, whole=whole,
        local_gateway=site.running.gateway is not None,
        members=sorted(members.values(), key=lambda one: one.id) if whole else [], **words,
    )  # fmt: skip


def _whose(site: Site, who: OperatorRow, of: str) -> str | None:
    """Whose part is looked at; None: everybody's. Raises: Refused `web.not_found`."""
    if not site.oversees(who):
        return who.member
    if of and of not in site.running.trust.members:
        raise Refused("web.not_found")
    return of or None


def _day(text: str) -> date:
    day = day_of_text(text)
    if day is None:
        raise Refused("web.not_found")
    return day
