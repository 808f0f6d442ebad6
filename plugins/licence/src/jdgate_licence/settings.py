"""The county's settings for driving licences: the table `[rules.licence]` of the config.

    [rules.licence]
    notice_days = 30       # L1, from the written notice; 令162 67(二)
    check_days = 10        # L2, working days in which an objection is checked; 共享条例26
    answer_days = 5        # days in which the police answer a question; 令162 87–89
    keep_days = 1096       # how long a case in which nothing waits any more is remembered

30 days and 10 working days are the law's; that the 10 working days hold between police and
traffic police is an analogy. Three years are those for which use has to be recorded (共享条例
29): so long a finding that a notice was wrong still finds its case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings


class Settings(Struct, frozen=True):
    """Days; `check_days` are working days."""

    notice_days: Annotated[int, Meta(ge=1, le=366)] = 30
    check_days: Annotated[int, Meta(ge=1, le=250)] = 10
    answer_days: Annotated[int, Meta(ge=1, le=366)] = 5
    keep_days: Annotated[int, Meta(ge=1, le=3660)] = 1096


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`.
    """
    return read_settings("licence", table, Settings)
