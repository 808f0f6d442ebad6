"""The county's settings for clinics: the table `[rules.clinic]` of the config.

    [rules.clinic]
    absence_days = 7       # M1, reminds the clinic; 7 is this project's choice
    dropout_days = 15      # M2, drafts a dropout notice; no default: without it there are none
    report_by = "10:00"    # a day's attendance is due the next morning; false: never ask
    offline_sites = []     # dosing sites that work offline and send their days late
    offline_days = 10      # how late at most; M1, M2 and the daily report wait for them
    transfer_days = 1      # M3, working days for the other clinic to answer; a design choice

    [rules.clinic.sites]   # extension dosing sites of a clinic; a record of another is refused
    cln-01 = ["village-1"] # the clinic itself is always one; a clinic not named may have any

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
_RANGE = {"offline_days": (1, 90), "transfer_days": (1, 30)}
_KNOWN = ("absence_days", "dropout_days", "report_by", "sites", "offline_sites", *_RANGE)


class Settings(Struct, frozen=True):
    """Absence and dropout in days reported as missed; `report_by` is local time;
    `transfer_days` are working days; `sites` are the extension sites of those clinics whose
    sites the county has named."""

    absence_days: int = 7
    dropout_days: int | None = None
    report_by: time | None = time(10, 0)
    sites: Mapping[str, frozenset[str]] = {}
    offline_sites: frozenset[str] = frozenset()
    offline_days: int = 10
    transfer_days: int = 1


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_number`, `plugin.setting_clock`,
            `clinic.setting_range`, `clinic.setting_sites`, `clinic.setting_sites_of`.
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
        sites=_sites_of(table),
        offline_sites=_sites(table, "offline_sites"),
        **{name: _within(table, name) for name in _RANGE},
    )


def _days(table: Mapping[str, Any], name: str, least: int) -> int | None:
    got = table.get(name)
    if got is None:
        return None
    if isinstance(got, bool) or not isinstance(got, int) or got < least:
        raise Refused("plugin.setting_number", plugin=PLUGIN, setting=name, got=got, least=least)
    return got


def _within(table: Mapping[str, Any], name: str) -> int:
    least, most = _RANGE[name]
    got = table.get(name, getattr(Settings(), name))
    if isinstance(got, bool) or not isinstance(got, int) or not least <= got <= most:
        raise Refused("clinic.setting_range", setting=name, got=got, least=least, most=most)
    return got


def _sites_of(table: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    got = table.get("sites", {})
    if not isinstance(got, Mapping):
        raise Refused("clinic.setting_sites_of", got=got)
    return {clinic: _sites(got, clinic) for clinic in got}


def _sites(table: Mapping[str, Any], name: str) -> frozenset[str]:
    got = table.get(name, [])
    if not isinstance(got, list) or not all(isinstance(one, str) and one for one in got):
        raise Refused("clinic.setting_sites", setting=name, got=got)
    return frozenset(got)


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
