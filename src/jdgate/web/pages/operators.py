"""Operators and systems, for administrators: who has an account, who is let in, shut out, and what
may call the HTTP API.

Rules:
- everything is done by the commands' own handlers in the name of who is signed in; whether they may
  is decided there;
- a link or a token is shown on the answer to the form that made it, and never again;
- what can't be undone is asked twice: a page says what will happen, and its button does it.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.staffing import machine_of
from jdgate.errors import JdgateError, Refused, UsageError
from jdgate.people import personnel, rights
from jdgate.people.rights import ROLES
from jdgate.store.people import OperatorRow
from jdgate.web.site import Asked, Site, field

DAYS = 365
"""How long a system's token is good unless somebody says otherwise."""
_OUT_OF_REACH = ("people.unknown", "people.not_allowed", "people.out_of_reach")


def pages(site: Site) -> list[HTTPRouteHandler]:
    """Operators and systems in reach of an administrator."""

    # --- operators

    @get("/operators")
    async def operators(request: Asked) -> Response[Any]:
        return await _operators(request, None)

    @post("/operators")
    async def add(request: Asked) -> Response[Any]:
        who, form = _manager(request), await request.form()
        given = {
            "login": field(form, "login").strip().lower(),
            **{name: field(form, name).strip() for name in ("name", "member", "role")},
        }
        try:
            made = await site.call("operator.add", by=who.login, **given)
        except Refused as reason:
            if reason.code in _OUT_OF_REACH:
                raise
            return await _operators(request, reason, given)
        return _once(request, made)

    @get("/operators/{login:str}")
    async def operator(request: Asked, login: FromPath[str]) -> Response[Any]:
        return await _operator(request, login, None)

    @get("/operators/{login:str}/reset")
    async def ask_reset(request: Asked, login: FromPath[str]) -> Response[Any]:
        row = await _one(request, login)
        return site.page(request, "operator_confirm.html", row=row, act="reset")

    @get("/operators/{login:str}/disable")
    async def ask_disable(request: Asked, login: FromPath[str]) -> Response[Any]:
        row = await _one(request, login)
        return site.page(request, "operator_confirm.html", row=row, act="disable")

    @post("/operators/{login:str}/reset")
    async def reset(request: Asked, login: FromPath[str]) -> Response[Any]:
        who = _manager(request)
        return _once(request, await site.call("operator.reset", by=who.login, login=login))

    @post("/operators/{login:str}/disable")
    async def disable(request: Asked, login: FromPath[str]) -> Response[Any]:
        who = _manager(request)
        await site.call("operator.disable", by=who.login, login=login)
        return site.go("/operators")

    @post("/operators/{login:str}/role")
    async def role(request: Asked, login: FromPath[str]) -> Response[Any]:
        form = await request.form()
        return await _change(request, login, "operator.role", role=field(form, "role"))

    @post("/operators/{login:str}/link")
    async def link(request: Asked, login: FromPath[str]) -> Response[Any]:
        form = await request.form()
        subject = field(form, "subject").strip() or None
        return await _change(request, login, "operator.link", subject=subject)

    async def _change(request: Asked, login: str, method: str, **given: Any) -> Response[Any]:
        who = _manager(request)
        try:
            await site.call(method, by=who.login, login=login, **given)
        except (Refused, UsageError) as reason:
            if reason.code in _OUT_OF_REACH:
                raise
            return await _operator(request, login, reason)
        return site.go(f"/operators/{login}")

    async def _operators(
        request: Asked, error: JdgateError | None, given: dict[str, str] | None = None
    ) -> Response[Any]:
        who = _manager(request)
        rows = await site.call("operator.list", by=who.login)
        members = _members(who)
        acts = await site.house.run(lambda conn: personnel.acts(conn, members))
        return site.page(
            request, "operators.html", status=422 if error else 200, error=error, rows=rows,
            members=members, roles=ROLES, acts=acts,
            given=given or {"login": "", "name": "", "member": who.member, "role": "clerk"},
        )  # fmt: skip

    async def _operator(request: Asked, login: str, error: JdgateError | None) -> Response[Any]:
        row = await _one(request, login)
        managing = rights.may(row["role"], "manage")
        return site.page(
            request, "operator.html", status=422 if error else 200, error=error, row=row,
            roles=[one for one in ROLES if rights.may(one, "manage") == managing],
            provider=site.provider.label if site.provider is not None else None,
        )  # fmt: skip

    async def _one(request: Asked, login: str) -> dict[str, Any]:
        """An operator in reach."""
        who = _manager(request)
        for row in await site.call("operator.list", by=who.login):
            if row["login"] == login:
                found: dict[str, Any] = row
                return found
        raise Refused("people.unknown", login=login[:32])

    def _once(request: Asked, made: dict[str, Any]) -> Response[Any]:
        """The link, this one time."""
        url = f"{made['web_url'] or ''}{made['link']}"
        return site.page(request, "operator_link.html", made=made, url=url)

    # --- systems

    @get("/systems")
    async def systems(request: Asked) -> Response[Any]:
        who = _manager(request)
        rows = await site.call("token.list", by=who.login)
        return site.page(request, "systems.html", rows=rows, members=_members(who))

    @get("/systems/new")
    async def new_system(request: Asked) -> Response[Any]:
        who = _manager(request)
        member = request.query_params.get("member") or who.member
        if member not in _members(who):
            raise Refused("people.out_of_reach")
        return _system(request, member, {"name": "", "types": [], "receives": False, "days": DAYS})

    @post("/systems/new")
    async def add_system(request: Asked) -> Response[Any]:
        who, form = _manager(request), await request.form()
        member, days = field(form, "member"), field(form, "days")
        given = {
            "name": field(form, "name").strip(),
            "types": [one for one in form.getall("type", []) if isinstance(one, str)],
            "receives": field(form, "receives") == "yes",
            "days": int(days) if days.isascii() and days.isdigit() else 0,
        }
        try:
            made = await site.call("token.add", by=who.login, member=member, **given)
        except Refused as reason:
            if member not in _members(who):
                raise
            return _system(request, member, given, reason)
        return site.page(request, "system_token.html", made=made, name=given["name"])

    @get("/systems/{id:str}/revoke")
    async def ask_revoke(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = _manager(request)
        for row in await site.call("token.list", by=who.login):
            if row["id"] == id and row["revoked_at"] is None:
                return site.page(request, "system_confirm.html", row=row)
        raise Refused("people.token_unknown", id=id[:16])

    @post("/systems/{id:str}/revoke")
    async def revoke(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = _manager(request)
        await site.call("token.revoke", by=who.login, id=id)
        return site.go("/systems")

    def _system(
        request: Asked, member: str, given: dict[str, Any], error: JdgateError | None = None
    ) -> Response[Any]:
        sheets = site.running.catalogue.sheets
        roles = site.running.trust.member(member).roles
        types = [
            type
            for type, sheet in sorted(sheets.items())
            if not type.startswith("sys.") and sheet.may_send(roles)
        ]
        return site.page(
            request, "system_new.html", status=422 if error else 200, error=error, member=member,
            types=types, given=given,
        )  # fmt: skip

    # --- who

    def _manager(request: Asked) -> OperatorRow:
        who: OperatorRow = request.state.visit.who
        rights.require(who.role, "manage")
        return who

    def _members(who: OperatorRow) -> list[str]:
        reach = machine_of(site.running).reach(who)
        return sorted(one for one in reach if one in site.running.trust.members)

    return [
        operators, add, operator, ask_reset, reset, ask_disable, disable, role, link,
        systems, new_system, add_system, ask_revoke, revoke,
    ]  # fmt: skip
