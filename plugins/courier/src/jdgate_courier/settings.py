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
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings


class Settings(Struct, frozen=True):
    """`least_rate` in percent, the others in days."""

    least_rate: Annotated[int, Meta(ge=1, le=100)] = 100
    fix_days: Annotated[int, Meta(ge=1, le=366)] = 15
    silent_days: Annotated[int, Meta(ge=1, le=366)] = 30
    grace_days: Annotated[int, Meta(ge=1, le=90)] = 3


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`.
    """
    return read_settings("courier", table, Settings)
