"""Counties that run: one shared by the tests of a module, or one of a test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import County


@pytest.fixture(scope="module")
async def county(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    """A running county that the tests of one module share."""
    async with County.found(tmp_path_factory.mktemp("county")).running() as county:
        yield county


@pytest.fixture(scope="module")
async def raw(anyio_backend: str, county: County) -> AsyncIterator[RawMember]:
    """A clinic with good keys that keeps to no rule."""
    raw = await RawMember.open(county, "cln-09")
    yield raw
    await raw.close()


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Callable[..., County]]:
    """Found a county of the test's own (`own(plugins={…})`); it is stopped after the test."""
    made: list[County] = []

    def make(**options: Any) -> County:
        made.append(County.found(tmp_path / f"county-{len(made)}", **options))
        return made[-1]

    yield make
    for county in made:
        await county.stop()
