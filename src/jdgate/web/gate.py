"""Who asks, and whether the request is theirs: before every page.

Rules:
- a request that changes something carries the token of this browser's forms and comes from our own
  pages; where a browser says it does not, it is refused;
- a page that only signed-in people see sends others to sign in and back. Back is a path of ours,
  never an address.
"""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Response
from litestar.exceptions import ClientException

from jdgate.errors import Refused
from jdgate.people import accounts, credentials
from jdgate.store.people import OperatorRow
from jdgate.texts import LANGUAGES, Lang
from jdgate.web.site import LANGUAGE_COOKIE, Asked, Site, Visit

SAFE = ("GET", "HEAD", "OPTIONS")
BY_ITSELF = "x-jdgate-live"
"""A page's script says with this header that nobody pressed anything."""
_TOKEN_LENGTH = 43
MOST_READ = 8
"""Forms of one browser that are read at once: a file that comes lies on the disk meanwhile."""


class Gate:
    """Stands before all pages of a site; `open` ones are seen by anybody."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._reading: Counter[str] = Counter()

    async def anybody(self, request: Asked) -> Response[Any] | None:
        """A page that nobody needs to sign in for."""
        await self._enter(request)
        return None

    async def operators(self, request: Asked) -> Response[Any] | None:
        """A page for people who are signed in."""
        visit = await self._enter(request, signed_in=True)
        if visit.operator is not None:
            return None
        if request.method not in SAFE or BY_ITSELF in request.headers:
            raise Refused("web.sign_in_first")
        back = request.url.path
        return self._site.go(f"/sign-in?next={quote(back, safe='')}")

    async def _enter(self, request: Asked, *, signed_in: bool = False) -> Visit:
        site = self._site
        given = request.cookies.get(site.cookie, "")
        fresh = len(given) != _TOKEN_LENGTH
        visit = Visit(credentials.token() if fresh else given, fresh, None, language(request))
        request.state.visit = visit
        if not fresh:
            visit.operator = await self._who(request, visit)
        if request.method not in SAFE:
            await self._ours(request, visit, signed_in)
        return visit

    async def _who(self, request: Asked, visit: Visit) -> OperatorRow | None:
        site, now, by_hand = self._site, self._site.now(), BY_ITSELF not in request.headers
        return await site.house.run(
            lambda conn: accounts.signed_in(conn, visit.token, site.limits, now, by_hand=by_hand)
        )

    async def _ours(self, request: Asked, visit: Visit, signed_in: bool) -> None:
        headers = request.headers
        origin = headers.get("origin")
        same = origin is None or origin.partition("://")[2] == headers.get("host")
        if not same or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused("web.not_ours")
        if visit.fresh:
            raise Refused("web.not_ours")
        if signed_in and visit.operator is None:  # a stranger's form is not read first
            raise Refused("web.sign_in_first")
        form = await self._read(request, visit)
        given = form.get("form_token")
        if not isinstance(given, str) or not credentials.is_form_token(visit.token, given):
            raise Refused("web.not_ours")
        # a form may take minutes to come: whoever was shut out meanwhile does nothing any more
        visit.operator = await self._who(request, visit)
        if signed_in and visit.operator is None:
            raise Refused("web.sign_in_first")

    async def _read(self, request: Asked, visit: Visit) -> Any:
        if self._reading[visit.token] >= MOST_READ:
            raise Refused("web.too_many", seconds=5)
        self._reading[visit.token] += 1
        try:
            return await request.form()
        except (ValueError, LookupError):  # its text is in no encoding, or not in the one it names
            raise ClientException from None
        finally:
            self._reading[visit.token] -= 1
            if not self._reading[visit.token]:
                del self._reading[visit.token]


def language(request: Asked) -> Lang:
    """What the visitor chose; else Chinese, unless the browser asks for English before it."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for lang in LANGUAGES:
        if chosen == lang:
            return lang
    wanted = request.headers.get("accept-language", "zh").lower()
    return "en" if wanted.startswith("en") else "zh"


def path_of_ours(given: str | None) -> str:
    """A path to go on to: one of this site, whatever was asked for."""
    wanted = given or "/"
    plain = wanted.isprintable() and "\\" not in wanted
    ours = wanted.startswith("/") and not wanted.startswith("//")
    return wanted if plain and ours and not urlsplit(wanted).netloc else "/"
