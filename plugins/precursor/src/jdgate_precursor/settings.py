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
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings


class Settings(Struct, frozen=True):
    """Days, and `tolerance_percent` of the quantity in the books."""

    inspect_days: Annotated[int, Meta(ge=0, le=90)] = 3
    tolerance_percent: Annotated[float, Meta(ge=0, le=100)] = 2
    file_days_first: Annotated[int, Meta(ge=0, le=366)] = 5
    file_days_other: Annotated[int, Meta(ge=0, le=366)] = 30
    newly_listed_days: Annotated[int, Meta(ge=0, le=3660)] = 180
    revoked_days: Annotated[int, Meta(ge=0, le=366)] = 5


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`, `plugin.setting_between`.
    """
    return read_settings("precursor", table, Settings)
