"""My account: password, code generator, where I am signed in, what was done to accounts here.

Rules:
- whoever sits at a desk that was left open changes nothing: the password (who has none signs in at
  their provider again), and for another generator a code of the one so far, are asked for, and
  wrong ones are counted as at the sign-in page;
- a changed password or generator signs every other browser out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from jdgate.errors import JdgateError, Refused
from jdgate.people import accounts, carried, credentials, own, personnel
from jdgate.web.again import Act
from jdgate.web.pages.again import once_more
from jdgate.web.pages.signing_in import status_of_try
from jdgate.web.shaping.qr import qr
from jdgate.web.site import Asked, Site, field

DONE = ("password", "authenticator", "sessions")


class Generator(msgspec.Struct, frozen=True):
    """A new generator's secret, until a code of it came."""

    login: str
    secret: str


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The account of whoever is signed in."""

    @get("/account")
    async def account(request: Asked) -> Response[Any]:
        done = request.query_params.get("done")
        return await _account(request, None, done if done in DONE else None)

    @post("/account/password")
    async def password(request: Asked) -> Response[Any]:
        who, form = request.state.visit.who, await request.form()
        new = field(form, "new")
        try:
            if new != field(form, "again"):
                raise Refused("people.password_differs")
            token = await site.house.change_password(
                who.login, field(form, "password"), new, site.now()
            )
        except Refused as reason:
            return await _account(request, reason)
        return site.go("/account?done=password", token=token)

    @post("/account/authenticator")
    async def authenticator(request: Asked) -> Response[Any]:
        visit, form = request.state.visit, await request.form()
        login = visit.who.login

        async def do(request: Asked, proof: str) -> Response[Any]:
            return _offer(request, Generator(login, credentials.totp_secret()), None)

        async def undone(request: Asked, error: JdgateError | None) -> Response[Any]:
            return await _account(request, error)

        about = (("web.login", login),)
        act = Act("web.acc_generator_next", about, do, undone, code=True)
        return await once_more(site, request, form, act)

    @post("/account/authenticator/new")
    async def new_authenticator(request: Asked) -> Response[Any]:
        visit, form = request.state.visit, await request.form()
        login, now, key = visit.who.login, site.now(), site.house.key
        ticket, code = str(form.get("ticket") or ""), field(form, "code")
        given = carried.unseal(key, Generator, ticket, visit.token, now)
        if given.login != login:
            raise Refused("people.carried")

        def work(conn: Any) -> None:
            accounts.set_generator(conn, key, login, given.secret, code, now)
            own.end_others(conn, login, visit.token)

        try:
            await site.house.run(work)
        except Refused as reason:
            return _offer(request, given, reason)
        return site.go("/account?done=authenticator")

    @post("/account/sessions")
    async def sessions(request: Asked) -> Response[Any]:
        visit, form = request.state.visit, await request.form()
        login, id = visit.who.login, field(form, "id")
        if id:
            await site.house.run(lambda conn: own.end_session(conn, login, id))
        else:
            await site.house.run(lambda conn: own.end_others(conn, login, visit.token))
        return site.go("/account?done=sessions")

    async def _account(
        request: Asked, error: JdgateError | None, done: str | None = None
    ) -> Response[Any]:
        visit, now = request.state.visit, site.now()
        who = visit.who

        def work(conn: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            open_ones = own.sessions(conn, who.login, visit.token, site.limits, now)
            return open_ones, personnel.acts(conn, [who.member])

        open_ones, acts = await site.house.run(work)
        return site.page(
            request, "account.html", status=status_of_try(error) if error else 200, error=error,
            done=done, sessions=open_ones, acts=acts, least=credentials.SHORTEST,
        )  # fmt: skip

    def _offer(request: Asked, fresh: Generator, error: Refused | None) -> Response[Any]:
        ticket = carried.seal(site.house.key, fresh, request.state.visit.token, site.now())
        uri = credentials.totp_uri(fresh.secret, fresh.login, site.running.config.county.name)
        return site.page(
            request, "account_generator.html", status=422 if error else 200, error=error,
            ticket=ticket, secret=fresh.secret, uri=uri, picture=qr(uri),
        )  # fmt: skip

    return [account, password, authenticator, new_authenticator, sessions]
