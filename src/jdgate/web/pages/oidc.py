"""Signing in by an OpenID provider: there, back, and a code of ours where the provider saw no
second factor.

Rules:
- the way there is sealed into `state` for this very browser: another's answer, an old one and one
  that was used (a sign-in gives the browser a new token) open nothing;
- which operator somebody is, is decided by `people.binding`. No account is made;
- what goes wrong is said on the page to sign in;
- who comes back for an act and not to sign in goes on to `again`, and keeps their session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from jdgate.errors import JdgateError, Refused
from jdgate.people import binding, carried, credentials
from jdgate.people.binding import Person, operator_of
from jdgate.web.gate import path_of_ours
from jdgate.web.pages import again
from jdgate.web.pages.signing_in import sign_in_form, status_of_try
from jdgate.web.site import BACK, Asked, Site, field

if TYPE_CHECKING:
    from jdgate.web.provider import Provider


class Way(msgspec.Struct, frozen=True):
    """A browser on its way to the provider: where it goes on to, and what ties the answer to it."""

    back: str
    nonce: str
    verifier: str


class Half(msgspec.Struct, frozen=True):
    """Somebody whom the provider knows, and who still has to give a code."""

    back: str
    subject: str
    login: str | None


def pages(site: Site) -> list[HTTPRouteHandler]:
    """What anybody may open; nothing of it is there without a provider."""

    @get("/sign-in/provider")
    async def there(request: Asked) -> Response[Any]:
        visit, provider = request.state.visit, site.the_provider
        way = Way(
            path_of_ours(request.query_params.get("next")),
            credentials.token(),
            credentials.token(),
        )
        state = carried.seal(site.house.key, way, visit.token, site.now())
        try:
            url = await provider.send(
                site.way_back(request), state, nonce=way.nonce, verifier=way.verifier
            )
        except JdgateError as reason:
            return sign_in_form(site, request, back=way.back, error=reason)
        return site.go(url, token=visit.token)

    @get(BACK)
    async def back(request: Asked) -> Response[Any]:
        visit, provider, given = request.state.visit, site.the_provider, request.query_params
        if (errand := again.errand_of(site, request)) is not None:
            return await again.came_back(site, request, errand)
        onward = "/"
        try:
            way = carried.unseal(
                site.house.key, Way, given.get("state", ""), visit.token, site.now()
            )
            onward = way.back
            person = await provider.answer(
                dict(given), site.way_back(request), nonce=way.nonce, verifier=way.verifier
            )
            token = await _let_in(provider, person)
        except JdgateError as reason:
            return sign_in_form(site, request, back=onward, error=reason)
        if token is None:
            return _ask_for_code(request, Half(onward, person.subject, person.login), None)
        await site.leave(request.state.visit)
        return site.go(onward, token=token)

    @post("/sign-in/provider/code")
    async def code(request: Asked) -> Response[Any]:
        visit, provider, form = request.state.visit, site.the_provider, await request.form()
        now, ticket = site.now(), str(form.get("ticket") or "")
        half = carried.unseal(site.house.key, Half, ticket, visit.token, now)
        try:
            token = await site.house.sign_in_with_code(
                provider.issuer, half.subject, half.login, field(form, "code"), now
            )
        except Refused as reason:
            return _ask_for_code(request, half, reason)
        await site.leave(request.state.visit)
        return site.go(half.back, token=token)

    @get("/sign-out/provider")
    async def out(request: Asked) -> Response[Any]:
        try:
            url = await site.the_provider.way_out(f"{site.origin(request)}/sign-in")
        except JdgateError as reason:
            return sign_in_form(site, request, back="/", error=reason)
        return site.go(url or "/sign-in")

    async def _let_in(provider: Provider, person: Person) -> str | None:
        """The session's token; None: a code is asked for."""
        now = site.now()

        def work(conn: Any) -> str | None:
            row = operator_of(conn, provider.issuer, person.subject, person.login)
            if binding.needs_code(row, strong=person.strong, wanted=site.second_factor):
                return None
            return binding.let_in(conn, row, provider.issuer, person.subject, now)

        return await site.house.run(work)

    def _ask_for_code(request: Asked, half: Half, error: Refused | None) -> Response[Any]:
        ticket = carried.seal(site.house.key, half, request.state.visit.token, site.now())
        status = status_of_try(error) if error is not None else 200
        return site.page(request, "sign_in_code.html", status=status, ticket=ticket, error=error)

    return [there, back, code, out]
