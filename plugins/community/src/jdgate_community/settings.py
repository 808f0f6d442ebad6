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
from typing import Any

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "community"
_RANGE = {
    "remind_days": (1, 60),
    "checkin_days": (1, 60),
    "refusals": (1, 20),
    "test_remind_days": (0, 60),
    "absences": (1, 20),
    "absence_days": (1, 366),
    "absence_from_days": (1, 30),
    "objection_days": (0, 60),
    "place_days": (1, 60),
    "term_months": (1, 36),
    "prepare_days": (1, 366),
    "release_days": (0, 60),
    "review_months": (1, 120),
    "review_workdays": (1, 60),
    "keep_days": (30, 366),
}
_KNOWN = (*_RANGE, "missed_counts", "test_months")
MOST_YEARS = 5


class Settings(Struct, frozen=True):
    """Days, months, numbers of times; `test_months` one number for each year of an order."""

    remind_days: int = 10
    checkin_days: int = 15
    refusals: int = 3
    missed_counts: bool = True
    test_months: tuple[int, ...] = ()
    test_remind_days: int = 7
    absences: int = 3
    absence_days: int = 30
    absence_from_days: int = 3
    objection_days: int = 3
    place_days: int = 15
    term_months: int = 36
    prepare_days: int = 30
    release_days: int = 7
    review_months: int = 36
    review_workdays: int = 10
    keep_days: int = 90


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `community.setting_range`, `community.setting_bool`,
            `community.setting_months`.
    """
    chosen = dict(table)
    for name, got in table.items():
        if name not in _KNOWN:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_KNOWN)
            )
        if name == "missed_counts":
            if not isinstance(got, bool):
                raise Refused("community.setting_bool", setting=name, got=str(got)[:40])
        elif name == "test_months":
            chosen[name] = _months(got)
        else:
            least, most = _RANGE[name]
            if not _whole(got, least, most):
                raise Refused(
                    "community.setting_range",
                    setting=name,
                    got=str(got)[:40],
                    least=least,
                    most=most,
                )
    return Settings(**chosen)


def _months(got: object) -> tuple[int, ...]:
    good = isinstance(got, list) and 0 < len(got) <= MOST_YEARS
    if not good or not all(_whole(one, 1, 12) for one in got):  # type: ignore[attr-defined]
        raise Refused("community.setting_months", setting="test_months", got=str(got)[:40])
    return tuple(got)  # type: ignore[arg-type]


def _whole(got: object, least: int, most: int) -> bool:
    return isinstance(got, int) and not isinstance(got, bool) and least <= got <= most
