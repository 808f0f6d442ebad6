"""The county's settings for its units: the table `[rules.county]` of the config.

    [rules.county]
    reconcile_days = [2, 5]       # G1, weekdays of comparison (1: Monday), two or more
    reconcile_grace_days = 1      # G1, whole days after a comparison's day for a register to come
    differences_most = 30         # G3, of one side; with more the registers are apart altogether
    patrol_days = 30              # V2, whole days without a patrol of a venue
    school_hours = 4              # E1, class hours of a grade in a school year
    school_visits = 0             # E2, visits to the education base; 0: none are asked for
    school_year_end = "07-31"     # E1, E2
    school_remind_days = 60       # E1, E2, before the end of the school year
    staff_registered = 30         # W1, registered people for one full-time worker
    staff_in_treatment = 20       # W1, people in treatment for one full-time worker
    supervise_remind_days = 3     # D1, before a notice is due
    supervise_escalate_days = 5   # D3, whole days after it was due

None of these numbers could be found in national law: all are the county's to set. Twice a week,
4 hours, 1:30 and 1:20 are what counties told of; the others are this project's choice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "county"
_RANGE = {
    "reconcile_grace_days": (0, 30),
    "differences_most": (1, 1000),
    "patrol_days": (1, 366),
    "school_hours": (1, 200),
    "school_visits": (0, 200),
    "school_remind_days": (1, 300),
    "staff_registered": (1, 1000),
    "staff_in_treatment": (1, 1000),
    "supervise_remind_days": (0, 90),
    "supervise_escalate_days": (0, 90),
}
_KNOWN = ("reconcile_days", "school_year_end", *_RANGE)
_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|"
                  r"(0[13578]|1[02])-31")  # fmt: skip


class Settings(Struct, frozen=True):
    """Days are whole days; `reconcile_days` ISO weekdays; `school_year_end` month and day."""

    reconcile_days: tuple[int, ...] = (2, 5)
    reconcile_grace_days: int = 1
    differences_most: int = 30
    patrol_days: int = 30
    school_hours: int = 4
    school_visits: int = 0
    school_year_end: str = "07-31"
    school_remind_days: int = 60
    staff_registered: int = 30
    staff_in_treatment: int = 20
    supervise_remind_days: int = 3
    supervise_escalate_days: int = 5


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `county.setting_range`, `county.setting_weekdays`,
            `county.setting_day`.
    """
    known: dict[str, Any] = {}
    for name, got in table.items():
        if name not in _KNOWN:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_KNOWN)
            )
        if name == "reconcile_days":
            known[name] = _weekdays(name, got)
        elif name == "school_year_end":
            if not isinstance(got, str) or not _DAY.fullmatch(got):
                raise Refused("county.setting_day", setting=name, got=got)
            known[name] = got
        else:
            least, most = _RANGE[name]
            if isinstance(got, bool) or not isinstance(got, int) or not least <= got <= most:
                raise Refused("county.setting_range", setting=name, got=got, least=least, most=most)
            known[name] = got
    return Settings(**known)


def _weekdays(name: str, got: object) -> tuple[int, ...]:
    if isinstance(got, list) and all(type(one) is int and 1 <= one <= 7 for one in got):
        days = tuple(sorted(set(got)))
        if len(days) >= 2:  # twice a week at least
            return days
    raise Refused("county.setting_weekdays", setting=name, got=got)
