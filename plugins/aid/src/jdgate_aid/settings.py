"""The county's settings for referrals: the table `[rules.aid]` of the config.

    [rules.aid]
    answer_workdays = 10        # A1, from referral to a first answer; this project's choice
    stop_workdays = 5           # A2, from withdrawal to its confirmation; this project's choice
    keep_days = 180             # what rules know of a referral is forgotten so long after the last

No number of days is laid down for either [design].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "aid"
_RANGE = {"answer_workdays": (1, 60), "stop_workdays": (1, 60), "keep_days": (90, 1096)}


class Settings(Struct, frozen=True):
    """Working days, and days."""

    answer_workdays: int = 10
    stop_workdays: int = 5
    keep_days: int = 180


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `aid.setting_range`.
    """
    for name, got in table.items():
        if name not in _RANGE:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_RANGE)
            )
        least, most = _RANGE[name]
        if isinstance(got, bool) or not isinstance(got, int) or not least <= got <= most:
            shown = str(got)[:40]
            raise Refused("aid.setting_range", setting=name, got=shown, least=least, most=most)
    return Settings(**table)
