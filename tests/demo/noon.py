"""`jdgate` with its clock turned by the seconds in TURNED_BY: `python noon.py run --demo`.

The demo goes by local days. Tests that start a county several times would see another story if
midnight passed between two starts, so to a county under test it is noon when it starts first.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from jdgate import clock
from jdgate.core.calendar import LOCAL

_BY = timedelta(seconds=float(os.environ.get("TURNED_BY", "0")))
_machine_time = clock.machine_time


def turned() -> datetime:
    """What this process believes the time to be."""
    return _machine_time() + _BY


def to_noon() -> float:
    """Seconds from now to noon of this local day; negative in the afternoon."""
    now = clock.machine_time().astimezone(LOCAL)
    return (now.replace(hour=12, minute=0, second=0, microsecond=0) - now).total_seconds()


if __name__ == "__main__":
    clock.machine_time = turned
    clock.Clock.__init__.__defaults__ = (turned, None, time.monotonic)
    sys.argv[0] = str(Path(sys.executable).with_name("jdgate"))

    from jdgate.cli import main  # what it imports must find the clock turned

    main()
