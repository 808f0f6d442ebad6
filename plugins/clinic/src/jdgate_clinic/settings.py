"""The county's settings for clinics: the table `[rules.clinic]` of the config.

    [rules.clinic]
    absence_days = 7       # M1, reminds the clinic; 7 is this project's choice
    dropout_days = 15      # M2, drafts a dropout notice; no default: without it there are none
    report_by = "10:00"    # a day's attendance is due the next morning; false: never ask

How many days make a dropout is not settled anywhere that could be read (7, 15 and 30 all
occur); the health and the police authority agree on a number before it is set here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from msgspec import Struct

from jdgate.core.calendar import clock_time
from jdgate.plugins import Refused

PLUGIN = "clinic"
_KNOWN = ("absence_days", "dropout_days", "report_by")


class Settings(Struct, frozen=True):
    """Days are days reported as missed; `report_by` is local time."""

    absence_days: int = 7
    dropout_days: int | None = None
    report_by: time | None = time(10, 0)


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_number`, `plugin.setting_clock`.
    """
    for name in table:
        if name not in _KNOWN:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_KNOWN)
            )
    absence = _days(table, "absence_days", 1) or Settings().absence_days
    return Settings(
        absence_days=absence,
        dropout_days=_days(table, "dropout_days", absence),
        report_by=_clock(table, "report_by"),
    )


def _days(table: Mapping[str, Any], name: str, least: int) -> int | None:
    got = table.get(name)
    if got is None:
        return None
    if isinstance(got, bool) or not isinstance(got, int) or got < least:
        raise Refused("plugin.setting_number", plugin=PLUGIN, setting=name, got=got, least=least)
    return got


def _clock(table: Mapping[str, Any], name: str) -> time | None:
    if name not in table:
        return Settings().report_by
    got = table[name]
    if got is False:
        return None
    clock = clock_time(got) if isinstance(got, str) else None
    if clock is None:
        raise Refused("plugin.setting_clock", plugin=PLUGIN, setting=name, got=got)
    return clock
