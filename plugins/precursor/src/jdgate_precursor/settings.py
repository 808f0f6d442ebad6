"""The county's settings for precursors: the table `[rules.precursor]` of the config.

    [rules.precursor]
    inspect_days = 3            # P1, days after a month's end; monthly checks are local practice
    tolerance_percent = 2       # P2, categories 2 and 3, of the quantity in the books; 1 has none
    file_days_first = 5         # P3, category 1
    file_days_other = 30        # P3, categories 2 and 3
    newly_listed_days = 180     # P6, how long a purchase of a newly listed substance is looked at
    revoked_days = 5            # P7

5, 30 and 5 days are the law's (易制毒化学品管理条例 19, 35); the others are this project's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "precursor"
_RANGE = {
    "inspect_days": (0, 90),
    "tolerance_percent": (0, 100),
    "file_days_first": (0, 366),
    "file_days_other": (0, 366),
    "newly_listed_days": (0, 3660),
    "revoked_days": (0, 366),
}


class Settings(Struct, frozen=True):
    """Days, and `tolerance_percent` of the quantity in the books."""

    inspect_days: int = 3
    tolerance_percent: float = 2
    file_days_first: int = 5
    file_days_other: int = 30
    newly_listed_days: int = 180
    revoked_days: int = 5


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `precursor.setting_range`.
    """
    for name, got in table.items():
        if name not in _RANGE:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_RANGE)
            )
        least, most = _RANGE[name]
        kinds = (int, float) if name == "tolerance_percent" else (int,)
        if isinstance(got, bool) or not isinstance(got, kinds) or not least <= got <= most:
            raise Refused("precursor.setting_range", setting=name, got=got, least=least, most=most)
    return Settings(**table)
