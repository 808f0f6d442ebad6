"""Every address of the console and the API, whoever wrote its page: who gets in, and who does not.

A page that is new fails here until `ROUTES` says whom it is for, and `FOREIGN` what of another
member's its `{id}` may name (or `SHARED`, that it names nothing of anybody's). Then all of this is
held of it: strangers are sent to sign in, no form works without its token, a role without the right
is refused, another member's ids lead nowhere, and no id whatever breaks it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

import httpx
import pytest
from litestar import Litestar
from tests.e2e.kit import County
from tests.e2e.test_approval import draft_for
from tests.web.browsing import Browser
from tests.web.conftest import STAFF
from tests.web.test_desk import REQUEST, alert

from jdgate.people import credentials, rights
from jdgate.web.app import build
from jdgate.web.site import Site

pytestmark = pytest.mark.anyio


class For(NamedTuple):
    """Whom a route is for. `right` None: everybody who is signed in; `county`: operators of the
    authority alone."""

    right: rights.Right | None = None
    county: bool = False

    def lets(self, login: str) -> bool:
        role, member = STAFF[login]
        able = self.right is None or rights.may(role, self.right)
        return able and (not self.county or member == "nco")


ANYBODY, SYSTEM, SIGNED_IN = "anybody", "system", For()
READ, ANSWER, SEND, DECIDE, MANAGE = (
    For("read"), For("answer"), For("send"), For("decide"), For("manage"),
)  # fmt: skip
COUNTY, KEEPER, AUDITOR = For(county=True), For("manage", county=True), For("audit", county=True)

ROUTES: dict[str, str | For] = {
    "GET /static/{name}": ANYBODY,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": ANYBODY,
    "POST /sign-out": ANYBODY,
    "GET /sign-in/provider": ANYBODY,
    "GET /sign-in/provider/back": ANYBODY,
    "POST /sign-in/provider/code": ANYBODY,
    "GET /sign-out/provider": ANYBODY,
    "GET /first/{token}": ANYBODY,
    "POST /first/{token}": ANYBODY,
    "GET /language/{lang}": ANYBODY,
    "GET /api/docs": ANYBODY,
    "GET /api/openapi.json": ANYBODY,
    "GET /api/v1/status": SYSTEM,
    "GET /api/v1/directory": SYSTEM,
    "GET /api/v1/deliveries": SYSTEM,
    "GET /api/v1/deliveries/stream": SYSTEM,
    "POST /api/v1/deliveries/{id}/acknowledge": SYSTEM,
    "GET /api/v1/mailbox": SYSTEM,
    "GET /api/v1/mailbox/stream": SYSTEM,
    "POST /api/v1/messages": SYSTEM,
    "POST /api/v1/messages/signed": SYSTEM,
    "GET /api/v1/messages/{id}": SYSTEM,
    "GET /api/v1/messages/{id}/receipt": SYSTEM,
    "POST /api/v1/tables": SYSTEM,
    "GET /api/v1/tables/{id}": SYSTEM,
    # the desk
    "GET /": SIGNED_IN,
    "GET /live": SIGNED_IN,
    "GET /alerts/{id}": READ,
    "POST /alerts/{id}/{step}": ANSWER,
    "GET /drafts": SIGNED_IN,
    "GET /drafts/{id}": READ,
    "POST /drafts/{id}/{decision}": DECIDE,
    "GET /inbox": SIGNED_IN,
    "GET /inbox/{id}": READ,
    # sending
    "GET /upload": SEND,
    "POST /upload": SEND,
    "GET /upload/{id}": SEND,
    "POST /upload/{id}/choose": SEND,
    "POST /upload/{id}/send": SEND,
    "POST /upload/{id}/erase": SEND,
    "GET /upload/{id}/refused.xlsx": SEND,
    "GET /forms": SEND,
    "GET /forms/{type}": SEND,
    "POST /forms/{type}": SEND,
    "GET /forms/sent/{id}": SEND,
    "GET /forms/waiting/{id}": SEND,
    "POST /forms/waiting/{id}/{act}": SEND,
    "GET /inspection": SEND,
    "POST /inspection": SEND,
    "GET /inspection/offline": SEND,
    "GET /inspection/fresh": SEND,
    "GET /inspection/sent/{id}": SEND,
    "GET /inspection/worker.js": SIGNED_IN,
    "GET /inspection/app.webmanifest": SIGNED_IN,
    "GET /sent": SIGNED_IN,
    "GET /sent/{id}": SIGNED_IN,
    "GET /sent/{id}/receipt": SIGNED_IN,
    # oversight
    "GET /expectations": SIGNED_IN,
    "GET /expectations/list/{part}": SIGNED_IN,
    "GET /expectations/statements/{id}": SIGNED_IN,
    "GET /flows": SIGNED_IN,
    "GET /flows/live": SIGNED_IN,
    "GET /messages": SIGNED_IN,
    "POST /messages/person": AUDITOR,
    "GET /messages/{id}": SIGNED_IN,
    "POST /messages/{id}/verify": SIGNED_IN,
    "POST /messages/{id}/evidence": READ,
    "POST /messages/{id}/proof": COUNTY,
    "GET /charts": SIGNED_IN,
    "GET /catalogue": SIGNED_IN,
    "GET /catalogue/{type}": SIGNED_IN,
    "GET /ledger": SIGNED_IN,
    "POST /ledger/verify": COUNTY,
    "GET /dead": SIGNED_IN,
    "GET /dead/{id}": SIGNED_IN,
    "POST /dead/{id}/retry": KEEPER,
    "GET /subject": AUDITOR,
    "POST /subject": AUDITOR,
    "GET /subject/{id}": AUDITOR,
    "POST /subject/{id}/approve": AUDITOR,
    "POST /subject/{id}/refuse": AUDITOR,
    "GET /subject/{id}/report": AUDITOR,
    "GET /system": SIGNED_IN,
    "GET /members": SIGNED_IN,
    "POST /members": KEEPER,
    "GET /members/{id}": SIGNED_IN,
    "GET /members/{id}/welcome": KEEPER,
    "POST /members/{id}/{act}": KEEPER,
    "GET /admission": KEEPER,
    "POST /admission": KEEPER,
    "POST /admission/sign": KEEPER,
    # accounts
    "GET /account": SIGNED_IN,
    "POST /account/password": SIGNED_IN,
    "POST /account/authenticator": SIGNED_IN,
    "POST /account/authenticator/new": SIGNED_IN,
    "POST /account/sessions": SIGNED_IN,
    "GET /again/{id}": SIGNED_IN,
    "POST /again/{id}": SIGNED_IN,
    "GET /again/{id}/provider": SIGNED_IN,
    "POST /again/{id}/back": SIGNED_IN,
    "GET /operators": MANAGE,
    "POST /operators": MANAGE,
    "GET /operators/{login}": MANAGE,
    "GET /operators/{login}/reset": MANAGE,
    "GET /operators/{login}/disable": MANAGE,
    "POST /operators/{login}/reset": MANAGE,
    "POST /operators/{login}/disable": MANAGE,
    "POST /operators/{login}/role": MANAGE,
    "POST /operators/{login}/link": MANAGE,
    "GET /systems": MANAGE,
    "GET /systems/new": MANAGE,
    "POST /systems/new": MANAGE,
    "GET /systems/{id}/revoke": MANAGE,
    "POST /systems/{id}/revoke": MANAGE,
}

SHARED = (
    "/static/{name}", "/first/{token}", "/language/{lang}", "/forms/{type}", "/members/{id}",
    "/expectations/list/{part}", "/catalogue/{type}",
)  # fmt: skip
"""What these name is no member's own."""

FILLED = {
    "step": ("ack", "resolve"), "decision": ("approve", "reject"), "act": ("send", "suspend"),
}  # fmt: skip
"""Parameters that name no thing but what to do with it."""

STRANGE = (
    "nobody", "%00", "x" * 300, "%27%22%3E%3Cb%3E", "..%2f..%2fetc", "%ff", "-1",
    "%0d%0aset-cookie:%20a=b",
)  # fmt: skip
"""Ids that nobody gave."""
ASIDE = ("POST /sign-out", "POST /account/sessions")
"""These end the sessions that the tests go on with."""


class People:
    """One browser for each kind of operator, signed in."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.browsers: dict[str, Browser] = {}

    async def come(self, logins: Iterable[str]) -> None:
        for login in logins:
            browser = self.browsers[login] = Browser(self.county)
            await browser.is_in(login)

    def let_in(self, whom: str | For) -> Browser:
        """Somebody who may use a route."""
        assert isinstance(whom, For)
        return next(browser for login, browser in self.browsers.items() if whom.lets(login))

    async def ask(self, by: Browser, method: str, path: str, *, form: bool = True) -> Answer:
        """What is answered, without waiting for a stream's end. `form`: with the form's token."""
        data = {"form_token": credentials.form_token(by.cookie or "")} if form else {}
        given = {"data": data} if method == "POST" else {}
        async with by.client.stream(method, path, **given) as answer:
            streams = answer.headers.get("content-type", "").startswith("text/event-stream")
            text = "" if streams else (await answer.aread()).decode("utf-8", "replace")
        shows(answer)
        return Answer(answer.status_code, text, answer.headers.get("location", ""))


class Answer(NamedTuple):
    status: int
    text: str
    location: str


def shows(answer: httpx.Response) -> None:
    """What holds of every answer."""
    assert answer.status_code < 500 or answer.status_code == 503, answer.url
    assert "default-src 'none'" in answer.headers["content-security-policy"], answer.url
    assert answer.headers["x-content-type-options"] == "nosniff", answer.url
    assert "a=b" not in answer.headers.get("set-cookie", "")


@pytest.fixture(scope="module")
async def found(county: County) -> set[str]:
    """All routes there are."""
    house = county.daemon.house
    assert house is not None
    app = build(Site(county.daemon, house, tls=False))
    assert isinstance(app, Litestar)
    return {
        f"{method} {route.path_format}"
        for route in app.routes
        for handler in route.route_handlers  # type: ignore[union-attr]
        for method in handler.http_methods - {"OPTIONS", "HEAD"}  # type: ignore[union-attr]
    }


@pytest.fixture
def routes(found: set[str]) -> dict[str, str | For]:
    """Those of which it is said whom they are for."""
    return {route: whom for route, whom in ROUTES.items() if route in found}


@pytest.fixture(scope="module")
async def staff(county: County) -> AsyncIterator[People]:
    people = People(county)
    await people.come(
        ("clerk", "approver", "auditor", "admin", "elsewhere", "keeper", "checker", "office")
    )
    yield people
    for browser in people.browsers.values():
        await browser.close()


def paths(route: str, *ids: str) -> list[tuple[str, str]]:
    """Method and paths of a route with its parameters filled."""
    method, path = route.split()
    names = re.findall(r"{(\w+)}", path)
    filled = [path]
    for name in names:
        filled = [
            one.replace(f"{{{name}}}", value)
            for one in filled
            for value in FILLED.get(name, ids or ("nobody",))
        ]
    return [(method, one) for one in filled]


def test_of_every_route_it_is_said_whom_it_is_for(found: set[str]) -> None:
    lacking, gone = found - set(ROUTES), set(ROUTES) - found
    assert not lacking, f"say in ROUTES whom these are for: {sorted(lacking)}"
    assert not gone, f"not there any more: {sorted(gone)}"


async def test_strangers_see_and_do_nothing(
    county: County, routes: dict[str, str | For], staff: People
) -> None:
    stranger = Browser(county)
    await stranger.open("/sign-in")
    for route, whom in routes.items():
        for method, path in paths(route):
            answer = await staff.ask(stranger, method, path)
            if whom == SYSTEM:
                assert answer.status == 401, route
            elif isinstance(whom, For) and method == "GET":
                assert answer.status == 303 and answer.location.startswith("/sign-in?"), route
            elif isinstance(whom, For):
                assert answer.status == 401, route
            else:
                assert answer.status != 401, route
    await stranger.close()


async def test_nothing_is_done_without_the_token_of_a_form(
    routes: dict[str, str | For], staff: People
) -> None:
    for route, whom in routes.items():
        if not route.startswith("POST") or whom == SYSTEM:
            continue
        by = staff.let_in(whom) if isinstance(whom, For) else staff.browsers["clerk"]
        for method, path in paths(route):
            assert (await staff.ask(by, method, path, form=False)).status == 403, route


async def test_who_lacks_the_right_is_refused_and_who_has_it_is_not(
    routes: dict[str, str | For], staff: People
) -> None:
    for route, whom in routes.items():
        if not isinstance(whom, For) or route in ASIDE:
            continue
        for method, path in paths(route):
            logins = [one for one in staff.browsers if not whom.lets(one)]
            answers = await asyncio.gather(
                *(staff.ask(staff.browsers[one], method, path) for one in logins)
            )
            got_in = [one for one, got in zip(logins, answers, strict=True)
                      if got.status not in (403, 404)]  # fmt: skip
            assert got_in == [], f"{route} lets in {got_in}"
        if "{" not in route:
            answer = await staff.ask(staff.let_in(whom), *paths(route)[0])
            assert answer.status not in (401, 404), route
            assert "people.not_allowed" not in answer.text, route


async def test_ids_that_nobody_gave_break_nothing(
    routes: dict[str, str | For], staff: People
) -> None:
    async def ask(route: str, whom: str | For) -> None:
        by = staff.let_in(whom) if isinstance(whom, For) else staff.browsers["clerk"]
        for method, path in paths(route, *STRANGE):
            answer = await staff.ask(by, method, path)
            assert answer.status < 500 and "><b>" not in answer.text, (route, path)

    named = [(route, whom) for route, whom in routes.items() if "{" in route]
    await asyncio.gather(*(ask(route, whom) for route, whom in named))


async def test_another_members_ids_lead_nowhere(
    county: County, routes: dict[str, str | For], staff: People
) -> None:
    foreign = await _foreign(county)
    for route, whom in routes.items():
        path = route.split()[1]
        if "{" not in path or whom == SYSTEM or path.startswith(SHARED):
            continue
        prefix = next((one for one in foreign if path.startswith(one)), None)
        assert prefix is not None, f"say in _foreign what {route} may name of another member's"
        login, id = foreign[prefix]
        for method, filled in paths(route, id):
            answer = await staff.ask(staff.browsers[login], method, filled)
            assert answer.status in (403, 404), (route, answer.status)


async def _foreign(county: County) -> dict[str, tuple[str, str]]:
    """By the beginning of a path: somebody who may use it, and what belongs to another member."""
    raised = await alert(county, "PS8")
    (came, *_) = await county.ask("inbox.list", member="ps-01")
    draft = await draft_for(county, "ps-01", REQUEST, {"to": "cln-01"})
    (sent, *_) = await county.ask("sent.list", member="cln-01")
    uploaded = await _uploaded(county)
    system = await county.ask("token.add", member="pol", name="x", types=[], receives=True, days=9)
    return {
        "/alerts/{id}": ("elsewhere", raised),
        "/inbox/{id}": ("elsewhere", came["id"]),
        "/drafts/{id}": ("elsewhere", draft),
        "/forms/waiting/{id}": ("elsewhere", draft),
        "/forms/sent/{id}": ("elsewhere", sent["id"]),
        "/inspection/sent/{id}": ("elsewhere", sent["id"]),
        "/sent/{id}": ("elsewhere", sent["id"]),
        "/upload/{id}": ("elsewhere", uploaded),
        "/messages/{id}": ("elsewhere", sent["id"]),
        "/dead/{id}": ("elsewhere", "nobody"),
        "/expectations/statements/{id}": ("elsewhere", "nobody"),
        "/subject/{id}": ("elsewhere", "nobody"),
        "/again/{id}": ("elsewhere", "nobody"),
        "/operators/{login}": ("admin", "police"),
        "/systems/{id}": ("admin", system["id"]),
    }


async def _uploaded(county: County) -> str:
    """A table that the clinic's nurse is about to send."""
    nurse = Browser(county)
    await nurse.sign_in("nurse")
    form = {"form_token": credentials.form_token(nurse.cookie or "")}
    table = ("a.csv", "患者编号,日期,是否到诊\nP1,2026-11-20,是\n".encode(), "text/csv")
    answer = await nurse.client.post("/upload", data=form, files={"file": table})
    await nurse.close()
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]
