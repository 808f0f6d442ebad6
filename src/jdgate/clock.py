"""The one clock: UTC, and never backwards.

A machine's clock that is set back would make old messages look new and let deadlines pass twice.
So the clock remembers the latest moment it has told (also across restarts, through `floor`) and
stays there until the machine's clock has caught up; `behind` says by how much, and `jdgate
status` shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def machine_time() -> datetime:
    """What this machine believes the time to be."""
    return datetime.now(UTC)


class Clock:
    """Moments that never decrease. `source` is replaced in tests; `floor` comes from the books."""

    def __init__(
        self, source: Callable[[], datetime] = machine_time, floor: datetime | None = None
    ) -> None:
        self._source = source
        self._latest = floor or datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """The present moment, or the latest one told if the machine's clock went back."""
        self._latest = max(self._latest, self._source())
        return self._latest

    def raise_floor(self, moment: datetime | None) -> None:
        """Never tell a moment before this one."""
        if moment is not None:
            self._latest = max(self._latest, moment)

    @property
    def behind(self) -> timedelta:
        """How far the machine's clock lies behind the latest moment told."""
        return max(timedelta(0), self._latest - self._source())
