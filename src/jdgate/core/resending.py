"""Sending again, the same at both ends: how long to wait for a receipt, and which numbers are
asked for in one request. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

RESEND_AFTER = timedelta(seconds=10)
"""How long the first receipt may take."""
LONGEST_WAIT = timedelta(minutes=10)
_DOUBLINGS = 6

MAX_RANGES = 50
"""Ranges of numbers in one request to send again, and of those that one request is answered for."""
AT_ONCE = 200
"""Messages sent again at most for one request, however much it asks for."""


def resend_wait(attempts: int) -> timedelta:
    """The wait after `attempts` earlier sendings: doubling, 10 minutes at most."""
    factor: int = 1 << min(attempts, _DOUBLINGS)
    return min(RESEND_AFTER * factor, LONGEST_WAIT)


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The lowest ranges of numbers (both ends included), those that touch made one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if first > last:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found[:MAX_RANGES]
