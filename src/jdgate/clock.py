"""The one clock: UTC, and never backwards.

A machine's clock that is set back would make old messages look new and let deadlines pass twice.
So the clock remembers the latest moment it has told (also across restarts, through `floor`) and
goes on from there at half speed until the machine's clock has caught up: it never stands still,
or nothing that the bus lost would be sent again for as long. `behind` says by how much the
machine's clock lies back, and `jdgate status` shows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def machine_time() -> datetime:
    """What this machine believes the time to be."""
    return datetime.now(UTC)


class Clock:
    """Moments that never decrease. `floor` comes from the books; `source` and `ticks`, seconds
    that nobody can set, are replaced in tests."""

    def __init__(
        self,
        source: Callable[[], datetime] = machine_time,
        floor: datetime | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._ticks = ticks
        self._latest = floor or datetime.min.replace(tzinfo=UTC)
        self._told_at = ticks()

    def now(self) -> datetime:
        """The present moment; after the machine's clock went back, one a little after the last."""
        moment, ticks = self._source(), self._ticks()
        if moment < self._latest:
            moment = self._latest + timedelta(seconds=(ticks - self._told_at) / 2)
        self._latest, self._told_at = moment, ticks
        return moment

    def raise_floor(self, moment: datetime | None) -> None:
        """Never tell a moment before this one."""
        if moment is not None:
            self._latest = max(self._latest, moment)

    @property
    def behind(self) -> timedelta:
        """How far the machine's clock lies behind the latest moment told."""
        return max(timedelta(0), self._latest - self._source())
