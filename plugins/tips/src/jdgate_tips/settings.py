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
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings


class Settings(Struct, frozen=True):
    """`notice_*` in working days, `collect_months` in months, `collect_remind_days` in days."""

    notice_days: Annotated[int, Meta(ge=1, le=250)] = 15
    notice_remind_days: Annotated[int, Meta(ge=0, le=60)] = 3
    collect_months: Annotated[int, Meta(ge=1, le=120)] = 2
    collect_remind_days: Annotated[int, Meta(ge=1, le=60)] = 10


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`.
    """
    return read_settings("tips", table, Settings)
