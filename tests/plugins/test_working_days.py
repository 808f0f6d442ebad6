"""Every rule that counts working days counts the county's: with its overrides, at run time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from jdgate.core.calendar import WorkingDays
from jdgate.plugins.host import PluginHost
from jdgate.refdata import References

COUNTS = {
    "aid.referral",
    "clinic.transfer",
    "community.review",
    "licence.action",
    "release.handover",
    "tips.reward",
}
"""Rules with a time in working days."""


def test_rules_get_the_calendar_with_the_countys_overrides(tmp_path: Path) -> None:
    day = date(2026, 11, 23)
    table = tmp_path / "days.csv"
    table.write_text(f"日期,是否工作日\n{day},否\n", "utf-8")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    folder = tmp_path / "refdata"
    References(folder).add("working-days", table, source="县政府通知", since=day, now=now)
    references = References(folder)
    assert References().working_days.is_working(day)
    assert not references.working_days.is_working(day)

    found = {
        rule.name: value
        for rule in PluginHost(references=references).rules()
        for value in vars(rule).values()
        if isinstance(value, WorkingDays)
    }
    assert set(found) == COUNTS
    assert all(days is references.working_days for days in found.values())
