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

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace

from jdgate.plugins import Refused, read_settings

Weekdays = Annotated[
    tuple[Annotated[int, Meta(ge=1, le=7)], ...],
    Meta(extra={"refused": "county.setting_weekdays"}),
]
MonthDay = Annotated[
    str,
    Meta(
        pattern=r"^((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|"
        r"(0[13578]|1[02])-31)\Z",
        extra={"refused": "county.setting_day"},
    ),
]


class Settings(Struct, frozen=True):
    """Days are whole days; `reconcile_days` ISO weekdays; `school_year_end` month and day."""

    reconcile_days: Weekdays = (2, 5)
    reconcile_grace_days: Annotated[int, Meta(ge=0, le=30)] = 1
    differences_most: Annotated[int, Meta(ge=1, le=1000)] = 30
    patrol_days: Annotated[int, Meta(ge=1, le=366)] = 30
    school_hours: Annotated[int, Meta(ge=1, le=200)] = 4
    school_visits: Annotated[int, Meta(ge=0, le=200)] = 0
    school_year_end: MonthDay = "07-31"
    school_remind_days: Annotated[int, Meta(ge=1, le=300)] = 60
    staff_registered: Annotated[int, Meta(ge=1, le=1000)] = 30
    staff_in_treatment: Annotated[int, Meta(ge=1, le=1000)] = 20
    supervise_remind_days: Annotated[int, Meta(ge=0, le=90)] = 3
    supervise_escalate_days: Annotated[int, Meta(ge=0, le=90)] = 5


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`, `county.setting_weekdays`,
            `county.setting_day`.
    """
    chosen = read_settings("county", table, Settings)
    days = tuple(sorted(set(chosen.reconcile_days)))
    if len(days) < 2:  # twice a week at least
        raise Refused("county.setting_weekdays", setting="reconcile_days", got=list(days))
    return replace(chosen, reconcile_days=days)
