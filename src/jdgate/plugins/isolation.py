"""Keeping one plugin's trouble from the others: failures counted, pauses lengthened.

- A failure is told by its class and place, never its message, which may quote a record.
- Work is identified by plugin and place ("jdgate_prepare", the name of an adapter): one broken
  adapter does not silence its plugin's others.
- The first failures may be the fault of one record, so a pause begins with the third in a row.
  Pauses double from 1 s to 300 s; one success ends the count.

    if watch.ready("police", "police.registry"):
        try:
            ...
            watch.worked("police", "police.registry")
        except Exception as error:
            watch.failed("police", "police.registry", error)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from jdgate.core.rules import place_of

PATIENCE = 3
LONGEST = 300.0
"""Seconds."""


class Trouble(Struct):
    """What went wrong at one place of a plugin. `until` is on the monotonic clock."""

    failures: int = 0
    in_a_row: int = 0
    last: str = ""
    until: float = 0.0


class Condition(Struct, frozen=True):
    """How a plugin is: `running`, `failing` (its latest work failed) or `paused`.

    `places` names where it fails with the latest error there; `retry_in` is in seconds.
    """

    state: Literal["running", "failing", "paused"]
    failures: int
    places: dict[str, str]
    retry_in: float


class Watch:
    """The troubles of all plugins of one host."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._troubles: dict[tuple[str, str], Trouble] = {}

    def ready(self, plugin: str, where: str) -> bool:
        """Whether there is no pause at this place."""
        trouble = self._troubles.get((plugin, where))
        return trouble is None or trouble.until <= self._clock()

    def retry_in(self, plugin: str, where: str) -> float:
        """Seconds until it may be tried again; 0 when it may be now."""
        trouble = self._troubles.get((plugin, where))
        return max(0.0, trouble.until - self._clock()) if trouble else 0.0

    def failed(self, plugin: str, where: str, error: BaseException | str) -> float:
        """Note a failure; seconds to wait before the next try (0: at once)."""
        trouble = self._troubles.setdefault((plugin, where), Trouble())
        trouble.failures += 1
        trouble.in_a_row += 1
        trouble.last = error if isinstance(error, str) else place_of(error)
        beyond = trouble.in_a_row - PATIENCE
        pause = min(LONGEST, 2.0 ** min(beyond, 16)) if beyond >= 0 else 0.0
        trouble.until = self._clock() + pause
        return pause

    def worked(self, plugin: str, where: str) -> None:
        """Note a success."""
        trouble = self._troubles.get((plugin, where))
        if trouble is not None and trouble.in_a_row:
            trouble.in_a_row = 0
            trouble.until = 0.0

    def condition(self, plugin: str) -> Condition:
        """How this plugin is."""
        mine = {where: t for (name, where), t in self._troubles.items() if name == plugin}
        failing = {where: t.last for where, t in mine.items() if t.in_a_row}
        retry_in = max((self.retry_in(plugin, where) for where in failing), default=0.0)
        state: Literal["running", "failing", "paused"] = "running"
        if failing:
            state = "paused" if retry_in else "failing"
        return Condition(state, sum(t.failures for t in mine.values()), failing, retry_in)
