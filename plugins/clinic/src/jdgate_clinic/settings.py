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
from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.core.calendar import clock_time
from jdgate.plugins import Refused, read_settings

PLUGIN = "clinic"
_CLOCK = {"refused": "plugin.setting_clock"}
Sites = Annotated[
    frozenset[Annotated[str, Meta(min_length=1)]],
    Meta(extra={"refused": "clinic.setting_sites"}),
]
SitesOf = Annotated[Mapping[str, Sites], Meta(extra={"refused": "clinic.setting_sites_of"})]


class Settings(Struct, frozen=True):
    """Absence and dropout in days reported as missed; `report_by` is local time;
    `transfer_days` are working days; `sites` are the extension sites of those clinics whose
    sites the county has named."""

    absence_days: Annotated[int, Meta(ge=1)] = 7
    dropout_days: Annotated[int, Meta(ge=1)] | None = None
    report_by: Annotated[str | bool, Meta(extra=_CLOCK)] = "10:00"
    sites: SitesOf = {}
    offline_sites: Sites = frozenset()
    offline_days: Annotated[int, Meta(ge=1, le=90)] = 10
    transfer_days: Annotated[int, Meta(ge=1, le=30)] = 1

    def report_time(self) -> time | None:
        """When a day's report is due; None: never."""
        return clock_time(self.report_by) if isinstance(self.report_by, str) else None


def read(table: Mapping[str, Any]) -> Settings:
    """The settings of a table, with defaults for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_number`, `plugin.setting_range`,
            `plugin.setting_clock`, `clinic.setting_sites`, `clinic.setting_sites_of`.
    """
    chosen = read_settings(PLUGIN, table, Settings)
    absence, dropout, clock = chosen.absence_days, chosen.dropout_days, chosen.report_by
    if dropout is not None and dropout < absence:
        about = {"setting": "dropout_days", "got": dropout, "least": absence}
        raise Refused("plugin.setting_number", plugin=PLUGIN, **about)
    if clock is not False and chosen.report_time() is None:
        raise Refused("plugin.setting_clock", plugin=PLUGIN, setting="report_by", got=clock)
    return chosen
