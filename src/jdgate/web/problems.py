"""What went wrong, as HTTP has it: a status for each error, a page for people, and problem details
(RFC 9457) in both languages for systems. No value of a record is in any of them.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from jdgate.errors import JdgateError, Refused, TransportFailed, UsageError
from jdgate.people import credentials
from jdgate.plainlog import broke
from jdgate.texts import say
from jdgate.web.gate import language
from jdgate.web.shell import NO_HEAD
from jdgate.web.site import Site, Visit

log = logging.getLogger(__name__)
_MISSING = re.compile(r"parameter '(\w+)'")

_GONE = "client disconnected prematurely"
"""What the framework says of a sender who left in the middle. Networks drop: no fault of ours."""

SOON_S = 10
"""After so many seconds what failed for now is worth another try."""

_STATUS = {
    "people.not_allowed": 403,
    "subject.not_yours": 403,
    "looks.too_many": 403,
    "looks.off_hours": 403,
    "looks.held": 403,
    "subject.not_open": 409,
    "people.link_void": 404,
    "people.out_of_reach": 403,
    "people.no_passwords": 403,
    "people.session_unknown": 404,
    "people.token_unknown": 404,
    "people.resting": 429,
    "web.sign_in_first": 401,
    "web.not_ours": 403,
    "web.not_found": 404,
    "web.again_over": 404,
    "web.too_many": 429,
    "web.slow": 408,
    "files.too_large": 413,
    "upload.gone_on": 409,
    "upload.approver": 403,
    "web.token": 401,
    "web.same_id": 409,
    "web.no_receipt": 409,
    "web.hosted_here": 409,
    "web.type_not_yours": 403,
    "web.own_key_only": 403,
    "web.not_own_key": 403,
    "web.media_type": 415,
    "web.malformed": 400,
    "web.too_many_streams": 429,
    "web.too_many_pages": 429,
    "signing.malformed": 400,
    "message.not_json": 400,
    "message.duplicate_key": 400,
    "message.number": 400,
    "message.text": 400,
    "message.envelope": 400,
    "member.not_hosted": 404,
    "member.suspended": 403,
    "daemon.no_gateway": 404,
    "daemon.no_edge": 404,
    "draft.decided": 409,
    "alert.over": 409,
    "alert.not_here": 409,
}
_OF_HTTP = {
    400: "web.bad_request",
    404: "web.not_found",
    405: "web.bad_method",
    413: "web.too_large",
    415: "web.bad_request",
}


def status_of(error: JdgateError) -> int:
    """The HTTP status of an error of ours."""
    if error.code in _STATUS:
        return _STATUS[error.code]
    if error.code.endswith(".unknown"):
        return 404
    if isinstance(error, TransportFailed):
        return 503
    return 422 if isinstance(error, Refused | UsageError) else 500


def told(error: Exception) -> tuple[int, str, dict[str, object]]:
    """Status, code and parameters of anything that was raised."""
    if isinstance(error, JdgateError):
        return status_of(error), error.code, error.params
    if isinstance(error, HTTPException):
        status = 400 if error.detail == _GONE else error.status_code
        if status < 500:
            return status, _OF_HTTP.get(status, "web.bad_request"), {}
    broke(log, "a request failed", error=error)
    return 500, "control.failed", {}


class Problems:
    """Answers errors: with a page where a page was asked for, else with problem details."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self, request: Request[Any, Any, Any], error: Exception) -> Response[str]:
        """A page that says it, in the visitor's language."""
        status, code, params = told(error)
        if getattr(request.state, "visit", None) is None:
            request.state.visit = Visit(credentials.token(), False, None, language(request))
        lang = request.state.visit.lang
        text = error.text(lang) if isinstance(error, JdgateError) else say(code, lang, **params)
        answer = self._site.page(request, "problem.html", status=status, text=text, code=code)
        answer.headers.update(_headers(request, status, params))
        return answer

    def details(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        """Problem details: `detail` in the language asked for, `texts` in both."""
        status, code, params = told(error)
        if code == "web.bad_request" and (at := _parameter(error)):
            code, params = "web.malformed", {"at": at}
        return problem(status, code, params, request=request)


def _parameter(error: Exception) -> str | None:
    """The parameter that is missing or malformed, as the framework tells it: never its value."""
    if not isinstance(error, ValidationException):
        return None
    if isinstance(error.extra, list) and error.extra and "key" in error.extra[0]:
        return str(error.extra[0]["key"])
    found = _MISSING.search(error.detail)
    return found[1] if found else None


def problem(
    status: int,
    code: str,
    params: dict[str, object],
    *,
    request: Request[Any, Any, Any],
    **more: Any,
) -> Response[Any]:
    """One problem (RFC 9457). `type` is the code; it does not lead anywhere."""
    texts = {"zh": say(code, "zh", **params), "en": say(code, "en", **params)}
    body = {
        "type": f"urn:jdgate:{code}",
        "title": code,
        "status": status,
        "detail": texts[language(request)],
        "texts": texts,
        **more,
    }
    headers = _headers(request, status, params)
    if status == 401:
        headers["www-authenticate"] = "Bearer"  # RFC 6750 §3
    return Response(
        body, status_code=status, media_type="application/problem+json", headers=headers
    )


def _headers(
    request: Request[Any, Any, Any], status: int, params: dict[str, object]
) -> dict[str, str]:
    """What goes with a status: when to come again, what may be asked."""
    if status == 429:
        return {"retry-after": str(params.get("seconds", 60))}
    if status == 503:
        return {"retry-after": str(SOON_S)}
    return {"allow": ", ".join(_allowed(request))} if status == 405 else {}


def _allowed(request: Request[Any, Any, Any]) -> Iterator[str]:
    """What may be asked of an address (RFC 9110 §10.2.1)."""
    routing, path = request.app.asgi_router.handle_routing, request.url.path
    for method in ("GET", "POST", "OPTIONS"):
        with contextlib.suppress(HTTPException):
            routing(path=path, method=method)
            yield method
            if method == "GET" and not path.startswith(NO_HEAD):
                yield "HEAD"
