"""The county's settings for referrals: the table `[rules.aid]` of the config.

    [rules.aid]
    answer_workdays = 10        # A1, from referral to a first answer; this project's choice
    stop_workdays = 5           # A2, from withdrawal to its confirmation; this project's choice
    keep_days = 180             # what rules know of a referral is forgotten so long after the last

No number of days is laid down for either [design].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings


class Settings(Struct, frozen=True):
    """Working days, and days."""

    answer_workdays: Annotated[int, Meta(ge=1, le=60)] = 10
    stop_workdays: Annotated[int, Meta(ge=1, le=60)] = 5
    keep_days: Annotated[int, Meta(ge=90, le=1096)] = 180


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`.
    """
    return read_settings("aid", table, Settings)
