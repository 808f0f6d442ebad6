"""The county's settings for community orders: the table `[rules.community]` of the config.

    [rules.community]
    remind_days = 10            # C1, after service; this project's choice
    checkin_days = 15           # C1, after service (戒毒条例 14, 38)
    refusals = 3                # C2, tests evaded or refused (20)
    missed_counts = true        # C2, whether a missed test counts until somebody says it does not
    test_months = [1, 2, 3]     # C2, months from test to test in year 1, 2, 3; no default
    test_remind_days = 7        # C2, before a test is due
    absences = 3                # C3, times away without leave (20)
    absence_days = 30           # C3, days away without leave in all: more than these (20)
    absence_from_days = 3       # C3, shorter absences need no leave (19)
    objection_days = 3          # C4, in which a second test may be asked for
    place_days = 15             # C5, after the papers were handed on (22)
    term_months = 36            # C6, from check-in, where the notice does not say (13)
    prepare_days = 30           # C6, before the term ends; this project's choice
    release_days = 7            # C6, after it ended (23, 40)
    review_months = 36          # C7, without relapse (7)
    review_workdays = 10        # C7, for the review; this project's choice
    keep_days = 90              # what rules know of an order is forgotten so long after its end

How often to test is laid down nowhere that could be read: without `test_months` no test is
expected. The numbers of the law stand here to be shown, not to be changed lightly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.plugins import read_settings

TestMonths = Annotated[
    tuple[Annotated[int, Meta(ge=1, le=12)], ...],
    Meta(min_length=1, max_length=5, extra={"refused": "community.setting_months"}),
]


class Settings(Struct, frozen=True):
    """Days, months, numbers of times; `test_months` one number for each year of an order."""

    remind_days: Annotated[int, Meta(ge=1, le=60)] = 10
    checkin_days: Annotated[int, Meta(ge=1, le=60)] = 15
    refusals: Annotated[int, Meta(ge=1, le=20)] = 3
    missed_counts: bool = True
    test_months: TestMonths = ()
    test_remind_days: Annotated[int, Meta(ge=0, le=60)] = 7
    absences: Annotated[int, Meta(ge=1, le=20)] = 3
    absence_days: Annotated[int, Meta(ge=1, le=366)] = 30
    absence_from_days: Annotated[int, Meta(ge=1, le=30)] = 3
    objection_days: Annotated[int, Meta(ge=0, le=60)] = 3
    place_days: Annotated[int, Meta(ge=1, le=60)] = 15
    term_months: Annotated[int, Meta(ge=1, le=36)] = 36
    prepare_days: Annotated[int, Meta(ge=1, le=366)] = 30
    release_days: Annotated[int, Meta(ge=0, le=60)] = 7
    review_months: Annotated[int, Meta(ge=1, le=120)] = 36
    review_workdays: Annotated[int, Meta(ge=1, le=60)] = 10
    keep_days: Annotated[int, Meta(ge=30, le=366)] = 90


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_range`, `plugin.setting_flag`,
            `community.setting_months`.
    """
    return read_settings("community", table, Settings)
