"""Signing in and out, the first sign-in by a link, the choice of a language."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.errors import JdgateError, Refused
from jdgate.people import accounts, credentials
from jdgate.texts import LANGUAGES
from jdgate.web.gate import path_of_ours
from jdgate.web.shaping.qr import qr
from jdgate.web.site import Asked, Site, field


def pages(site: Site) -> list[HTTPRouteHandler]:
    """What anybody may open."""

    @get("/sign-in")
    async def sign_in_page(request: Asked) -> Response[Any]:
        back = path_of_ours(request.query_params.get("next"))
        if request.state.visit.operator is not None:
            return site.go(back)
        return sign_in_form(site, request, back=back, out="out" in request.query_params)

    @post("/sign-in")
    async def sign_in(request: Asked) -> Response[Any]:
        form = await request.form()
        back = path_of_ours(field(form, "next"))
        login = field(form, "login").strip().lower()
        if not site.passwords:
            raise Refused("people.no_passwords")
        try:
            token = await site.house.sign_in(
                login, field(form, "password"), field(form, "code"), site.now()
            )
        except Refused as reason:
            return sign_in_form(site, request, back=back, login=login, error=reason)
        await site.leave(request.state.visit)
        return site.go(back, token=token)

    @post("/sign-out")
    async def sign_out(request: Asked) -> Response[Any]:
        await site.leave(request.state.visit, by_hand=True)
        answer = site.go("/sign-in?out" if site.provider else "/sign-in", token=credentials.token())
        answer.headers["clear-site-data"] = '"storage"'  # drafts and pages for use offline too
        return answer

    @get("/first/{token:str}")
    async def first_page(request: Asked, token: FromPath[str]) -> Response[Any]:
        return await _first(request, token, None)

    @post("/first/{token:str}")
    async def first(request: Asked, token: FromPath[str]) -> Response[Any]:
        form = await request.form()
        password = field(form, "password") if site.passwords else None
        code = field(form, "code") if site.second_factor else None
        try:
            if password is not None and password != field(form, "again"):
                raise Refused("people.password_differs")
            session = await site.house.use_link(token, password, code, site.now())
        except Refused as reason:
            return await _first(request, token, reason)
        if session is None:
            return site.go("/sign-in")
        await site.leave(request.state.visit)
        return site.go("/", token=session)

    async def _first(request: Asked, token: str, error: Refused | None) -> Response[Any]:
        now, key = site.now(), site.house.key
        offer = await site.house.run(lambda conn: accounts.open_link(conn, key, token, now))
        secret = offer.secret if site.second_factor else None
        login = offer.operator.login
        uri = credentials.totp_uri(offer.secret, login, site.running.config.county.name)
        return site.page(
            request, "first.html", status=422 if error else 200, token=token, who=offer.operator,
            secret=secret, uri=uri, picture=qr(uri), error=error, least=credentials.SHORTEST,
            passwords=site.passwords,
        )  # fmt: skip

    @get("/language/{lang:str}")
    async def language(request: Asked, lang: FromPath[str]) -> Response[Any]:
        answer = site.go(path_of_ours(request.query_params.get("next")))
        for known in LANGUAGES:
            if lang == known:
                answer.cookies.append(site.language_cookie(known))
        return answer

    return [sign_in_page, sign_in, sign_out, first_page, first, language]


def sign_in_form(
    site: Site,
    request: Asked,
    *,
    back: str,
    login: str = "",
    error: JdgateError | None = None,
    out: bool = False,
) -> Response[str]:
    """The page to sign in. `out`: somebody signed out just now, and may do so at the provider."""
    status = status_of_try(error) if error is not None else 200
    provider = site.provider.label if site.provider is not None else None
    return site.page(
        request, "sign_in.html", status=status, back=back, login=login, error=error,
        passwords=site.passwords, provider=provider, out=out and provider is not None,
    )  # fmt: skip


def status_of_try(error: JdgateError) -> int:
    """The HTTP status of a try to sign in that failed."""
    known = {"people.resting": 429, "web.oidc_away": 503}
    return known.get(error.code, 422)
