"""Counties whose console is served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from tests.e2e.kit import CLINIC_RULES, County
from tests.e2e.test_alerts import RULES
from tests.e2e.test_approval import COMPLETES
from tests.web.browsing import Browser, hire
from tests.web.provider import Provider

STAFF = {
    "clerk": ("clerk", "ps-01"),
    "approver": ("approver", "ps-01"),
    "second": ("approver", "ps-01"),
    "auditor": ("auditor", "ps-01"),
    "admin": ("administrator", "ps-01"),
    "police": ("approver", "pol"),
    "officer": ("approver", "pol"),
    "elsewhere": ("approver", "com-01"),
    # at the authority, where the gateway is run from
    "keeper": ("administrator", "nco"),
    "checker": ("auditor", "nco"),
    "second-checker": ("auditor", "nco"),
    "office": ("approver", "nco"),
    # who sends
    "nurse": ("clerk", "cln-01"),
}


@pytest.fixture(scope="module")
async def county(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    """A county with a console and one operator for each role at a station."""
    county = County.found(
        tmp_path_factory.mktemp("county"),
        plugins={"telling": RULES, "completes": COMPLETES},
        rules={"clinic": CLINIC_RULES},
        alerts={
            "web": {"enabled": True},
            "digests": {"daily": False, "weekly": False, "monthly": False},
        },
    )
    async with county.running():
        for login, (role, member) in STAFF.items():
            await hire(county, login, role, member)
        yield county


@pytest.fixture(scope="module")
async def provider(anyio_backend: str) -> AsyncIterator[Provider]:
    """An OpenID provider that serves."""
    async with Provider().running() as running:
        yield running


@pytest.fixture
async def browse(county: County) -> AsyncIterator[Callable[..., Browser]]:
    """Open a browser that nobody is signed in with."""
    made: list[Browser] = []

    def make(**headers: str) -> Browser:
        made.append(Browser(county, **headers))
        return made[-1]

    yield make
    for browser in made:
        await browser.close()
