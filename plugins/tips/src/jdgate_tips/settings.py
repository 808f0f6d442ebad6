"""The county's settings for tips: the table `[rules.tips]` of the config.

    [rules.tips]
    notice_days = 15           # R1, working days from solving a case to telling the claimant
    notice_remind_days = 3     # R1, working days before that
    collect_months = 2         # R1, months to collect, from the day the claimant was told
    collect_remind_days = 10   # R1, days before they end

15 working days and 2 months are those of 毒品违法犯罪举报奖励办法 (2018), as told by news; the days
ahead are this project's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "tips"
_RANGE = {
    "notice_days": (1, 250),
    "notice_remind_days": (0, 60),
    "collect_months": (1, 120),
    "collect_remind_days": (1, 60),
}


class Settings(Struct, frozen=True):
    """`notice_*` in working days, `collect_months` in months, `collect_remind_days` in days."""

    notice_days: int = 15
    notice_remind_days: int = 3
    collect_months: int = 2
    collect_remind_days: int = 10


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `tips.setting_range`.
    """
    for name, got in table.items():
        if name not in _RANGE:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_RANGE)
            )
        least, most = _RANGE[name]
        if isinstance(got, bool) or not isinstance(got, int) or not least <= got <= most:
            raise Refused("tips.setting_range", setting=name, got=got, least=least, most=most)
    return Settings(**table)
