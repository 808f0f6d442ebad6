"""What every test of this project stands on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_WANTED = 3 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Put the tests' files in memory where there is room for them.

    The product syncs to disk at every commit; many tests at once would wait for one disk. What
    the tests need of durability (a killed process) holds in memory too.
    """
    worker = hasattr(config, "workerinput")
    if worker or config.option.basetemp or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free < MEMORY_WANTED:
        return
    folder = tempfile.mkdtemp(prefix="jdgate-tests-", dir=MEMORY)
    config.option.basetemp = str(Path(folder) / "tmp")
    os.environ["TMPDIR"] = folder  # for what makes its own folders, in workers too
    tempfile.tempdir = None
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the daemon does."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """In CI a skipped test is a failed one: what a test needs is installed by `make setup`."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure in CI"
    return report
