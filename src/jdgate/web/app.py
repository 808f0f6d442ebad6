"""The console and the API put together."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.params import FromPath
from litestar.types import ASGIApp

from jdgate.errors import Refused
from jdgate.web import api
from jdgate.web.api import pages as described
from jdgate.web.gate import Gate
from jdgate.web.pages import (
    account,
    again,
    catalogue,
    charts,
    dead,
    desk,
    expectations,
    flows,
    forms,
    inspection,
    ledger,
    members,
    messages,
    oidc,
    operators,
    records,
    sent,
    signing_in,
    subject,
    system,
    upload,
)
from jdgate.web.problems import Problems
from jdgate.web.site import Asked, Site

FORM_BYTES = 64 * 1024
_A_YEAR = "public, max-age=31536000, immutable"


def build(site: Site) -> ASGIApp:
    """The application of a site."""
    gate, problems = Gate(site), Problems(site)

    @get("/static/{name:str}", cache=False)
    async def static(request: Asked, name: FromPath[str]) -> Response[bytes]:
        found = site.renderer.static.get(name)
        if found is None:
            raise Refused("web.not_found")
        data, kind = found
        return Response(data, media_type=kind, headers={"cache-control": _A_YEAR})

    # Litestar copies what it is given, and with a bound method all that hangs on it
    async def anybody(request: Asked) -> Response[Any] | None:
        return await gate.anybody(request)

    async def signed_in(request: Asked) -> Response[Any] | None:
        return await gate.operators(request)

    def page(request: Asked, error: Exception) -> Response[Any]:
        return problems.page(request, error)

    def pages(handlers: Any, before: Any) -> Router:
        return Router(
            "/",
            route_handlers=handlers,
            before_request=before,
            exception_handlers={Exception: page},
            request_max_body_size=FORM_BYTES,
        )

    def elsewhere(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Where no page is: who called the API gets details, who looked with a browser a page."""
        for_api = request.url.path.startswith("/api/")
        return (problems.details if for_api else problems.page)(request, error)

    return Litestar(
        route_handlers=[
            static,
            pages([*signing_in.pages(site), *oidc.pages(site), *described.pages(site)], anybody),
            pages(
                [
                    *desk.pages(site),
                    *expectations.pages(site),
                    *flows.pages(site),
                    *charts.pages(site),
                    *system.pages(site),
                    *records.pages(site),
                    *upload.pages(site),
                    *sent.pages(site),
                    *forms.pages(site),
                    *inspection.pages(site),
                    *messages.pages(site),
                    *dead.pages(site),
                    *ledger.pages(site),
                    *catalogue.pages(site),
                    *members.pages(site),
                    *account.pages(site),
                    *again.pages(site),
                    *operators.pages(site),
                    *subject.pages(site),
                ],
                signed_in,
            ),
            api.router(site, problems),
        ],
        exception_handlers={Exception: elsewhere},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
