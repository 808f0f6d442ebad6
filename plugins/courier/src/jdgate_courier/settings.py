"""The county's settings for couriers: the table `[rules.courier]` of the config.

    [rules.courier]
    least_rate = 100     # K1, percent; an outlet below it in a period is told to the postal bureau
    fix_days = 15        # K1, days to put it right, counted from the day it was reported
    silent_days = 30     # K3, whole days without new data after which the bureau is asked
    grace_days = 3       # K0, days after a period's end in which all outlets should have reported

All four are this project's choice; the law lays down no numbers here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "courier"
_MOST = {"least_rate": 100, "fix_days": 366, "silent_days": 366, "grace_days": 90}


class Settings(Struct, frozen=True):
    """`least_rate` in percent, the others in days."""

    least_rate: int = 100
    fix_days: int = 15
    silent_days: int = 30
    grace_days: int = 3


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `courier.setting_range`.
    """
    for name, got in table.items():
        if name not in _MOST:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_MOST)
            )
        if isinstance(got, bool) or not isinstance(got, int) or not 1 <= got <= _MOST[name]:
            raise Refused("courier.setting_range", setting=name, got=got, most=_MOST[name])
    return Settings(**table)
