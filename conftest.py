"""What every test of this project stands on."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest

MEMORY = Path("/dev/shm")  # noqa: S108
GIB = 2**30
FILES_WANTED = 3 * GIB
"""Room for the tests' files: some three times what they take."""
WORKER_WANTED = 3 * GIB // 2
"""Memory for one worker with the browser, the servers and the daemons that it starts."""
MOST_WORKERS = 8

# How fast a machine is makes no test fail. In CI the same examples are tried each time; elsewhere
# Hypothesis looks for new ones.
IN_CI = bool(os.environ.get("CI"))
hypothesis.settings.register_profile(
    "jdgate",
    hypothesis.settings.default,
    deadline=None,
    derandomize=IN_CI,
    database=None if IN_CI else hypothesis.settings.default.database,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("jdgate")

# all that the tests speak to is on this machine; where there is a proxy, it is not asked for that
for name in ("NO_PROXY", "no_proxy"):
    os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost,::1"]))


def pytest_configure(config: pytest.Config) -> None:
    """Put the tests' files in memory where there is room for them.

    The product syncs to disk at every commit; many tests at once would wait for one disk. What
    the tests need of durability (a killed process) holds in memory too.
    """
    worker = hasattr(config, "workerinput")
    if worker or config.option.basetemp or not os.access(MEMORY, os.W_OK):
        return
    workers = getattr(config.option, "numprocesses", None) or 1
    if shutil.disk_usage(MEMORY).free < FILES_WANTED:
        return
    if memory_left() < FILES_WANTED + workers * WORKER_WANTED:
        return
    folder = tempfile.mkdtemp(prefix="jdgate-tests-", dir=MEMORY)
    config.option.basetemp = str(Path(folder) / "tmp")
    os.environ["TMPDIR"] = folder  # for what makes its own folders, in workers too
    tempfile.tempdir = None
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: one for each processor, and from the third on only those there is memory for."""
    enough = max(2, int(memory_left() / WORKER_WANTED))
    return min(processors(), enough, MOST_WORKERS)


def processors() -> int:
    """How many processors we may use: a container may be given two of sixty-four."""
    found = len(os.sched_getaffinity(0))
    quota, period = (*_told("cpu.max").split(), "", "")[:2]
    if not quota:  # control groups of version 1
        quota, period = _told("cpu/cpu.cfs_quota_us"), _told("cpu/cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit():
        found = min(found, max(1, round(int(quota) / int(period))))
    return found


def memory_left() -> int:
    """Bytes of memory that are free for us: of the machine's, and of what we may use of it."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    machine = {
        name: int(rest.split()[0]) for name, _, rest in (one.partition(":") for one in lines)
    }
    left = machine["MemAvailable"] * 1024
    for limit, usage, stat, cache, shared in (
        ("memory.max", "memory.current", "memory.stat", "file", "shmem"),
        (
            "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
            "total_cache", "total_shmem",
        ),
    ):  # fmt: skip
        most, used = _told(limit), _told(usage)
        if most.isdigit() and used.isdigit():
            parts = dict(line.split() for line in _told(stat).splitlines())
            cached = int(parts.get(cache, 0)) - int(parts.get(shared, 0))  # given back when needed
            left = min(left, max(0, int(most) - int(used) + cached))
    return left


def _told(name: str) -> str:
    """What a file of our control group says."""
    try:
        return (Path("/sys/fs/cgroup") / name).read_text().strip()
    except OSError:
        return ""


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the daemon does."""
    return "asyncio"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """In CI a skipped test is a failed one: what a test needs is installed by `make setup`."""
    report = yield
    if report.skipped and IN_CI:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which is a failure in CI"
    return report
