"""How long to wait for a receipt before a message is sent again: the same at both ends. Pure."""

from __future__ import annotations

from datetime import timedelta

RESEND_AFTER = timedelta(seconds=10)
"""How long the first receipt may take."""
LONGEST_WAIT = timedelta(minutes=10)
_DOUBLINGS = 6


def resend_wait(attempts: int) -> timedelta:
    """The wait after `attempts` earlier sendings: doubling, 10 minutes at most."""
    factor: int = 1 << min(attempts, _DOUBLINGS)
    return min(RESEND_AFTER * factor, LONGEST_WAIT)
