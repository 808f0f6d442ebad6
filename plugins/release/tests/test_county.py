"""A release in a running county: who is told what, who acknowledges, and when somebody calls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import ORDER, REGION, TOWN_1, County, person

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.founding import MemberPlan
from jdgate_release.releases import ALERT, HANDOVER, PRENOTICE, RECEIVED

pytestmark = pytest.mark.anyio
DTX = MemberPlan("dtx-01", "强制隔离戒毒所", ("DTX",), (REGION,))
TODAY = day_of(machine_time())
DAY = add_days(TODAY, 10)
RULES: dict[str, dict[str, Any]] = {"release": {"notice": "7wd"}, "release.places": {"51": "3d"}}
SEALED_TO_COM = "康复评估：一般"


async def test_from_the_notice_to_the_papers(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", more=(DTX,), rules=RULES)
    async with county.running():
        order = person(1) | {
            "town": TOWN_1,
            "measure": "community_recovery",
            "doc_no": "D1",
            "served_on": TODAY,
        }
        await push(county, "pol", ORDER, order)
        notice = person(1) | {
            "town": TOWN_1,
            "release_on": DAY,
            "next_measure": "community_recovery",
        }
        await push(county, "dtx-01", PRENOTICE, notice)
        for desk in ("pol", "ps-01", "com-01"):
            got = await county.until(lambda desk=desk: county.records(desk, PRENOTICE))
            assert got == [notice]

        # nobody acknowledges for a day: those who receive are called
        county.turned.turn(timedelta(hours=25))
        for desk in ("pol", "com-01"):
            await county.until(lambda desk=desk: has(county, desk, "release.call"))

        seen = person(1) | {"release_on": DAY, "what": "notice", "received_on": TODAY}
        await push(county, "com-01", RECEIVED, seen)
        for desk in ("dtx-01", "pol"):
            got = await county.until(lambda desk=desk: county.records(desk, RECEIVED))
            assert got == [seen]

        papers = person(1) | {
            "doc_no": "D1",
            "town": TOWN_1,
            "docs": ["decision", "plan"],
            "handed_on": TODAY,
            "assessment": SEALED_TO_COM,
        }
        await push(county, "dtx-01", HANDOVER, papers)
        (got_papers,) = await county.until(lambda: county.records("com-01", HANDOVER))
        assert got_papers == papers  # the assessment opens there and nowhere else
        some = seen | {"what": "papers", "docs": ["decision"]}
        await push(county, "com-01", RECEIVED, some)
        for desk in ("dtx-01", "com-01"):
            await county.until(lambda desk=desk: has(county, desk, "release.papers_missing"))

        # three days before the release and, in this place, no sooner
        assert not await has(county, "pol", "release.near")
        county.turned.turn(timedelta(days=7))
        for desk in ("pol", "com-01"):
            await county.until(lambda desk=desk: has(county, desk, "release.near"))
        await county.quiet()
        shown = {"alert_id", "rule", "title_code", "params", "release_on", "raised_at", *person(1)}
        for desk in ("pol", "com-01", "dtx-01"):
            for alert in await county.records(desk, ALERT):
                assert set(alert) == shown
        for member, types in {
            "ps-01": (HANDOVER, RECEIVED, ALERT),
            "pol": (HANDOVER,),
            "com-02": (PRENOTICE, HANDOVER, RECEIVED, ALERT),
            "cln-01": (PRENOTICE, HANDOVER, RECEIVED, ALERT),
            "nco": (PRENOTICE, HANDOVER, RECEIVED, ALERT),
        }.items():
            for type in types:
                assert await county.records(member, type) == [], (member, type)
        await county.assert_sound("dtx-01", "com-01", "pol")


async def has(county: County, member: str, title: str) -> bool:
    return title in [one["title_code"] for one in await county.records(member, ALERT)]


async def push(county: County, member: str, type: str, record: dict[str, Any]) -> None:
    (told,) = await county.push(member, type, [record])
    assert told["verdict"] == "accepted", told
