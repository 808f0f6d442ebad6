"""Times in working days on a running county: the county's own override table decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import County

from jdgate.core.calendar import add_days, at_local, local_day
from jdgate.refdata import References
from jdgate.store import meta

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
APPLY = {
    "to": "pol",
    "apply_no": "S-1",
    "item": "comm.order.notice.v1",
    "basis": "戒毒条例",
    "use": "核对",
    "scope": "本镇",
    "manner": "消息",
    "until": "2030-01-01",
}
A_MOMENT = timedelta(seconds=30)


async def due(county: County, what: str) -> datetime | None:
    rows = [row for row in await county.ask("expect.list") if row["what"] == what]
    return datetime.fromisoformat(rows[0]["due_at"]) if rows else None


async def _looked(county: County, at: datetime) -> bool:
    """Whether the timekeeper has looked at a moment."""
    latest = await county.books(meta.clock)
    return latest is not None and latest >= at


async def test_an_application_is_late_when_the_tenth_working_day_of_this_county_has_passed(
    own: Own, tmp_path: Path
) -> None:
    county = own(alerts={"alerts.rules.S1": {"acknowledge": "1wd"}, "replies": {"remind": 0}})
    county.turned.turn_to_noon()
    today = local_day(county.turned())
    tenth = References().working_days.add_working_days(today, 10)
    table = tmp_path / "days.csv"
    table.write_text(f"日期,是否工作日\n{tenth.isoformat()},否\n", "utf-8")
    References(county.home.var / "refdata").add(
        "working-days", table, source="县政府通知", since=today, now=county.turned()
    )
    own_days = References(county.home.var / "refdata").working_days
    last = own_days.next_working(tenth)
    assert last > tenth

    await county.start()
    (verdict,) = await county.push("com-01", "share.apply.v1", [APPLY])
    assert verdict["verdict"] == "accepted", verdict
    passed = at_local(add_days(last.isoformat(), 1), time(0))
    assert await due(county, "share.reply.v1") == passed

    with county.turned.standing(passed - A_MOMENT):
        await county.until(lambda: _looked(county, passed - A_MOMENT))
        assert [row for row in await county.ask("alerts.list") if row["rule"] == "S1"] == []
        assert await county.ask("alerts.list", member="pol") == []
    county.turned.turn(2 * A_MOMENT)

    async def told() -> Any:
        rows = await county.ask("alerts.list", member="pol")
        return [row for row in rows if row["params"] is not None]

    (alert,) = await county.until(told)
    assert alert["rule"] == "S1"
    assert alert["params"] == {"no": "S-1", "member": "com-01", "due_on": last.isoformat()}
    # and the desk's own time is counted by the same table
    acknowledge_by = own_days.add_working_days(local_day(passed), 1)
    assert local_day(datetime.fromisoformat(alert["due_at"])) == acknowledge_by

    answer = {"to": "com-01", "apply_no": "S-1", "decision": "refused", "reason": "无依据"}
    await county.push("pol", "share.reply.v1", [answer], approved_by=["张所长"])

    async def settled() -> Any:
        rows = await county.ask("alerts.list")
        return [row for row in rows if row["rule"] == "S1" and row["outcome"] == "settled"]

    await county.until(settled)
    assert await due(county, "share.reply.v1") is None
