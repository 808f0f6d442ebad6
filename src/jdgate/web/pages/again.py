"""Proving once more who one is, for one act: with the password (and code) in its very form; who has
no password here at the OpenID provider, there and back, with a code of ours where that saw no
second factor.

Rules:
- the provider is asked to have its person sign in anew, and says when they did. What it answers
  counts for the session that asked, once, and only if it is the person who is signed in here;
- nothing is done on the way back, which is a link that anybody can send: the button of our own page
  does it;
- what goes wrong is said on the page of the act, which waits on: nothing was done.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from jdgate.errors import JdgateError, Refused
from jdgate.people import binding, carried, credentials
from jdgate.web.again import Act, Pending
from jdgate.web.pages.signing_in import sign_in_form, status_of_try
from jdgate.web.site import Asked, Site, field


class Errand(Struct, frozen=True):
    """A browser on its way to the provider for an act that waits; what ties the answer to it."""

    id: str
    nonce: str
    verifier: str


def pages(site: Site) -> list[HTTPRouteHandler]:
    """An act that waits, for who is signed in."""

    @get("/again/{id:str}")
    async def act(request: Asked, id: FromPath[str]) -> Response[Any]:
        return show(site, request, _waiting(request, id))

    @get("/again/{id:str}/provider")
    async def there(request: Asked, id: FromPath[str]) -> Response[Any]:
        pending, now = _waiting(request, id), site.now()
        errand = Errand(id, credentials.token(), credentials.token())
        state = carried.seal(site.house.key, errand, request.state.visit.token, now)
        try:
            url = await site.the_provider.send(
                site.way_back(request), state, nonce=errand.nonce, verifier=errand.verifier,
                again=True,
            )  # fmt: skip
        except JdgateError as reason:
            return show(site, request, pending, reason)
        pending.sent, pending.person = (errand.nonce, now), None
        return site.go(url)

    @post("/again/{id:str}")
    async def do(request: Asked, id: FromPath[str]) -> Response[Any]:
        pending, form = _waiting(request, id), await request.form()
        if pending.person is None:
            return show(site, request, pending)
        try:
            proof = await site.house.prove_there(
                pending.login, site.the_provider.issuer, pending.person, field(form, "code"),
                site.now(), wanted=site.second_factor,
            )  # fmt: skip
        except Refused as reason:
            return show(site, request, pending, reason)
        act = site.waiting.take(pending)
        try:
            return await act.do(request, proof)
        except JdgateError as reason:
            return await act.undone(request, reason)

    @post("/again/{id:str}/back")
    async def back(request: Asked, id: FromPath[str]) -> Response[Any]:
        """Rather not, or otherwise: the form as it was filled in."""
        return await site.waiting.take(_waiting(request, id)).undone(request, None)

    def _waiting(request: Asked, id: str) -> Pending:
        return site.waiting.get(request.state.visit, id, site.now())

    return [act, there, do, back]


async def once_more(site: Site, request: Asked, form: Any, act: Act) -> Response[Any]:
    """Do an act whose form just came, on its person's password (and code); or have it wait, and
    show what to do at the provider."""
    visit = request.state.visit
    if site.proved_by(visit.operator) is not None:
        return site.go(f"/again/{site.waiting.keep(visit, act, site.now())}")
    password, code = field(form, "password"), field(form, "code")
    try:
        proof = await site.house.prove(visit.who.login, password, code, site.now())
        return await act.do(request, proof)
    except JdgateError as reason:
        return await act.undone(request, reason)


def errand_of(site: Site, request: Asked) -> Errand | None:
    """The errand that this browser comes back from; None: it was no such errand of its own."""
    state = request.query_params.get("state", "")
    try:
        return carried.unseal(site.house.key, Errand, state, request.state.visit.token, site.now())
    except Refused:
        return None


async def came_back(site: Site, request: Asked, errand: Errand) -> Response[Any]:
    """Who it was, as the provider says; then on to the page of the act."""
    visit, provider = request.state.visit, site.the_provider
    if visit.operator is None:
        return sign_in_form(site, request, back="/", error=Refused("web.sign_in_first"))
    pending = site.waiting.get(visit, errand.id, site.now())
    try:
        if pending.sent is None or pending.sent[0] != errand.nonce:
            raise Refused("people.carried")
        (_, since), pending.sent = pending.sent, None  # this answer counts once
        person = await provider.answer(
            dict(request.query_params), site.way_back(request),
            nonce=errand.nonce, verifier=errand.verifier, since=since,
        )  # fmt: skip
        row = await site.house.run(
            lambda conn: binding.same(conn, pending.login, provider.issuer, person.subject)
        )
        if pending.act.code and row.totp is not None:
            person = person._replace(strong=False)
        binding.needs_code(row, strong=person.strong, wanted=site.second_factor)
    except JdgateError as reason:
        return show(site, request, pending, reason)
    pending.person = person
    return site.go(f"/again/{pending.id}")


def show(
    site: Site, request: Asked, pending: Pending, error: JdgateError | None = None
) -> Response[Any]:
    """What is to be done, and the next step to it."""
    who, person = request.state.visit.who, pending.person
    return site.page(
        request, "again.html", status=status_of_try(error) if error else 200, error=error,
        id=pending.id, act=pending.act, proved=person is not None,
        code=person is not None and not person.strong and who.totp is not None,
    )  # fmt: skip
