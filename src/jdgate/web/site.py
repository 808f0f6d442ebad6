"""What every page and every call of the API shares: the daemon's parts, who visits, how to answer.

Rules:
- a visitor's cookie is a random token. Signing in replaces it, so a token that somebody else knew
  before is worth nothing after; only tokens of people who are signed in are in the database;
- a name that is written down is the signed-in operator's, never one that was typed;
- what is shown of a record was noted before (`look`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import Cookie, State
from msgspec import Struct
from sqlalchemy import Connection

from jdgate.commands import handlers
from jdgate.commands.tables import Tables
from jdgate.edge import looking
from jdgate.errors import Refused
from jdgate.gateway import deadlines
from jdgate.people import accounts, credentials, noting, rights
from jdgate.people.accounts import Limits
from jdgate.people.house import House
from jdgate.running import Running
from jdgate.store import web_sessions
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang
from jdgate.web import menu
from jdgate.web.again import Waiting
from jdgate.web.rendering import Renderer

if TYPE_CHECKING:
    from jdgate.web.provider import Provider

Asked = Request[Any, Any, State]
LANGUAGE_COOKIE = "jdgate_lang"
BACK = "/sign-in/provider/back"
"""The one address of ours that a provider knows."""
_IN_ADDRESSES = "/?#[]@!$&'()*+,;=:%~"
"""What RFC 3986 §2.2 gives a meaning; `%`, because an address may be encoded already."""
_YEAR_S = 366 * 86_400
_LONGEST = 256
"""Characters of a form's field that are looked at."""
MOST_STREAMS = 12
"""Pages that one browser may have open which change by themselves; by itself a browser opens six
connections."""


class Visit(Struct):
    """One request: from which browser, by whom, in which language."""

    token: str
    fresh: bool
    operator: OperatorRow | None
    lang: Lang

    @property
    def who(self) -> OperatorRow:
        """The operator, on pages that nobody sees without having signed in."""
        if self.operator is None:
            raise Refused("web.sign_in_first")
        return self.operator


class Site:
    """The console of one daemon. `tls`: whether browsers reach it over TLS."""

    def __init__(self, running: Running, house: House, *, tls: bool) -> None:
        self.running = running
        self.house = house
        self.tls = tls
        self.ask = handlers(running)
        self.renderer = Renderer(running)
        self.closing = asyncio.Event()
        self._streams: Counter[str] = Counter()
        self.tables = Tables(running)
        self.at_closing: list[Callable[[], None]] = [self.tables.close]
        web = running.config.web
        self.limits = Limits(timedelta(minutes=web.idle_minutes), timedelta(hours=web.hours))
        self.provider: Provider | None = None
        if web.oidc.issuer:
            from jdgate.web.provider import Provider

            self.provider = Provider(web.oidc, running.home.root, self.now)
        self.waiting = Waiting()
        days = running.references.working_days
        self._look_limits = deadlines.look_limits(running.config.queries, days)
        # a browser takes a cookie of this name from nobody but this very host, over TLS
        self.cookie = "__Host-jdgate" if tls else "jdgate"

    def close(self) -> None:
        """Let go whoever listens: the daemon stops."""
        self.closing.set()
        for let_go in self.at_closing:
            let_go()

    @property
    def second_factor(self) -> bool:
        """Whether people need a code generator: everywhere but in the demo county."""
        return not self.running.config.county.demo

    @property
    def passwords(self) -> bool:
        """Whether people may sign in with a password of ours."""
        return self.provider is None or self.running.config.web.oidc.passwords

    @property
    def the_provider(self) -> Provider:
        """The OpenID provider.

        Raises:
            Refused: `web.not_found`, there is none.
        """
        if self.provider is None:
            raise Refused("web.not_found")
        return self.provider

    def proved_by(self, who: OperatorRow | None) -> str | None:
        """At which provider somebody proves once more who they are: who has no password that
        counts here. None: with their password."""
        if self.provider is None or who is None or who.issuer != self.provider.issuer:
            return None
        return None if who.password is not None and self.passwords else self.provider.label

    def now(self) -> datetime:
        """The daemon's time."""
        return self.running.clock.now()

    async def call(self, method: str, **params: Any) -> Any:
        """What the command of this name answers.

        Raises:
            JdgateError: what it raises.
        """
        answer = self.ask[method](**params)
        return await answer  # type: ignore[misc]

    # --- answering

    def page(
        self, request: Asked, template: str, *, status: int = 200, **words: Any
    ) -> Response[str]:
        """A page in the visitor's language."""
        visit: Visit = request.state.visit
        html = self.renderer.page(
            template,
            visit.lang,
            operator=visit.operator,
            menu=self._menu(visit.operator),
            form_token=credentials.form_token(visit.token),
            path=request.url.path,
            return_to=request.url.path if request.method == "GET" else "/",
            second_factor=self.second_factor,
            proved_by=self.proved_by(visit.operator),
            **words,
        )
        cookies = [self._cookie(visit.token)] if visit.fresh else []
        return Response(html, status_code=status, media_type="text/html", cookies=cookies)

    def go(self, path: str, *, token: str | None = None) -> Response[None]:
        """On to another page; with a new token where somebody signed in or out."""
        cookies = [self._cookie(token)] if token is not None else []
        location = quote(path, safe=_IN_ADDRESSES)  # a header is ASCII
        return Response(None, status_code=303, headers={"location": location}, cookies=cookies)

    def origin(self, request: Asked) -> str:
        """Our own address, by the name that this browser uses."""
        # the host was held against our names by the shell
        return f"{'https' if self.tls else 'http'}://{request.headers['host']}"

    def way_back(self, request: Asked) -> str:
        """Where a provider sends this browser back to."""
        return self.origin(request) + BACK

    def _cookie(self, token: str) -> Cookie:
        return Cookie(
            key=self.cookie, value=token, path="/", httponly=True, secure=self.tls, samesite="lax"
        )

    def language_cookie(self, lang: Lang) -> Cookie:
        """Keeps which language a browser reads."""
        return Cookie(
            key=LANGUAGE_COOKIE, value=lang, path="/", max_age=_YEAR_S, httponly=True,
            secure=self.tls, samesite="lax",
        )  # fmt: skip

    def _menu(self, who: OperatorRow | None) -> dict[menu.Group, list[menu.Entry]]:
        if who is None:
            return {}
        return menu.entries(
            who.role, county=self.oversees(who), sends=lambda type: self.may_send(who, type)
        )

    @contextlib.contextmanager
    def streaming(self, visit: Visit) -> Iterator[None]:
        """While a page of a browser is sent what changes.

        Raises:
            Refused: `web.too_many_pages`.
        """
        if self._streams[visit.token] >= MOST_STREAMS:
            raise Refused("web.too_many_pages", most=MOST_STREAMS)
        self._streams[visit.token] += 1
        try:
            yield
        finally:
            self._streams[visit.token] -= 1
            if not self._streams[visit.token]:
                del self._streams[visit.token]

    async def still_in(self, tokens: Collection[str], member: str, role: str) -> Collection[str]:
        """Which of these browsers' people are signed in as yet, as who they were. A page that
        changes by itself keeps nobody in."""
        now = self.now()
        found = await self.house.run(
            lambda conn: accounts.still_signed_in(conn, tokens, self.limits, now)
        )
        return {token for token, who in found.items() if (who.member, who.role) == (member, role)}

    async def leave(self, visit: Visit, *, by_hand: bool = False) -> None:
        """End the session that a browser had. `by_hand`: its person signs out, which is noted."""
        digest, who, now = credentials.digest(visit.token), visit.operator, self.now()

        def work(conn: Connection) -> None:
            web_sessions.end(conn, digest)
            if by_hand and who is not None:
                noting.left(conn, who.login, now)

        await self.house.run(work)

    # --- looking

    async def look(self, who: OperatorRow, about: str) -> None:
        """Note that somebody looks at what `about` names. Call before anything of it is shown.

        Raises:
            Refused: `people.not_allowed`; `looks.…`, they have opened too much today, and nothing
                may be shown. UsageError: `member.not_hosted`.
        """
        rights.require(who.role, "read")
        await looking.look(
            self.running.the_edge, who.member, about=about, operator=who.login,
            reason=rights.reason(who.role), limits=self._look_limits, now=self.now(),
        )  # fmt: skip

    def oversees(self, who: OperatorRow) -> bool:
        """Whether an operator oversees the whole county: one of the authority, where the gateway
        runs. All others see what concerns their own member alone."""
        member = self.running.trust.members.get(who.member)
        here = self.running.gateway is not None
        return here and member is not None and member.kind == "authority"

    def seen_by(self, who: OperatorRow) -> str | None:
        """Whose part of the books an operator sees; None: all of it."""
        return None if self.oversees(who) else who.member

    def may_send(self, who: OperatorRow, type: str) -> bool:
        """Whether an operator's member is a sender of a type. What the exchange itself consists of
        is sent by nobody's hand."""
        sheet = self.running.catalogue.sheets.get(type)
        member = self.running.trust.members.get(who.member)
        if sheet is None or member is None or sheet.domain == "sys":
            return False
        return sheet.may_send(member.roles)

    def reachable(self, who: OperatorRow) -> bool:
        """Whether this machine hosts the operator's member, and so has a desk for them."""
        edge = self.running.edge
        return edge is not None and who.member in edge.desks


def field(form: Any, name: str) -> str:
    """A field of a form, as text; empty when it is not there or is no text."""
    given = form.get(name)
    return given[:_LONGEST] if isinstance(given, str) else ""
