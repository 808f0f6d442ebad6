"""A browser for tests: keeps cookies, reads forms, follows nothing by itself.

browser = Browser(county)
await browser.sign_in("wang")
page = await browser.open(f"/alerts/{id}")
answer = await browser.send(page, f"/alerts/{id}/ack")
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pyotp
from tests.e2e.kit import County

from jdgate.people import accounts, credentials
from jdgate.store import people

PASSWORD = "correct horse 电池"
VERSION = re.compile(r'name="version" value="(\w+)"')
TOKEN = re.compile(r'name="form_token" value="([A-Za-z0-9_-]{43})"')


class Browser:
    """One person's browser. Made over the running county's real address."""

    def __init__(self, county: County, **headers: str) -> None:
        self.county = county
        url = county.daemon.web_url
        assert url is not None, "the console is not served"
        self.url = url
        self.client = httpx.AsyncClient(base_url=url, timeout=60, headers=headers)

    @property
    def cookie(self) -> str | None:
        return self.client.cookies.get("jdgate")

    async def open(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def send(self, page: httpx.Response, path: str, **fields: Any) -> httpx.Response:
        """Send a form that stands on `page`, with the version of what is shown there."""
        shown = VERSION.search(page.text)
        kept = {"version": shown[1]} if shown is not None else {}
        return await self.client.post(path, data={"form_token": token_of(page), **kept, **fields})

    async def try_sign_in(
        self, login: str, password: str = PASSWORD, code: str = "", **more: str
    ) -> httpx.Response:
        page = await self.open("/sign-in")
        return await self.send(page, "/sign-in", login=login, password=password, code=code, **more)

    async def sign_in(self, login: str, **more: str) -> httpx.Response:
        answer = await self.try_sign_in(login, **more)
        assert answer.status_code == 303, answer.text
        return answer

    async def is_in(self, login: str) -> None:
        """Be signed in, without the time that judging a password takes."""
        house, now = self.county.daemon.house, self.county.daemon.clock.now()
        assert house is not None
        token = await house.run(lambda conn: accounts.begin(conn, login, now))
        self.client.cookies.set("jdgate", token, domain="127.0.0.1")

    async def close(self) -> None:
        await self.client.aclose()


def token_of(page: httpx.Response) -> str:
    found = TOKEN.search(page.text)
    assert found is not None, page.text
    return found[1]


def without_token(page: httpx.Response) -> str:
    """The page without its forms' tokens: 43 random characters may hold any short word."""
    return TOKEN.sub("", page.text)


def wrong_code(generator: pyotp.TOTP, now: datetime) -> str:
    """Six digits that are not the generator's code, minutes before and after as little as now."""
    right = {generator.at(now + timedelta(seconds=30 * step)) for step in range(-4, 5)}
    return next(code for code in map("{:06}".format, range(10)) if code not in right)


async def hire(
    county: County, login: str, role: str, member: str = "ps-01", name: str | None = None
) -> None:
    """An operator who has set a password and has no code generator, as in the demo county."""
    house, now = county.daemon.house, county.daemon.clock.now()
    assert house is not None

    def work(conn: Any) -> None:
        accounts.add(
            conn, house.key, login=login, name=name or f"{login}甲", member=member, role=role,
            now=now,
        )  # fmt: skip
        people.change(conn, login, password=_kept())

    await house.run(work)


_KEPT: list[str] = []


def _kept() -> str:
    """Hashing is slow on purpose: once is enough."""
    if not _KEPT:
        _KEPT.append(credentials.keep(PASSWORD))
    return _KEPT[0]
