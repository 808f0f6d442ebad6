"""How long to go on breaking things: `pytest tests/faults --rounds 50` is the long version."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rounds", type=int, default=4, help="how often the daemon is killed in each fault test"
    )


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    found: int = request.config.getoption("--rounds", 4)
    return found
