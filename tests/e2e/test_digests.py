"""Digests on a running county: once for each period, over restarts and down time, to whose task
it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.kit import County, enrolment
from tests.e2e.test_alerts import ENROL, RULES, look

from jdgate.clock import machine_time
from jdgate.core.calendar import LOCAL, add_days, day_of

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
DIGEST = "county.digest.v1"
DAY = timedelta(days=1)


def found(own: Own, **digests: Any) -> County:
    return own(
        plugins={"telling": RULES},
        alerts={
            "alerts.normal": {"acknowledge": "", "resolve": ""},
            "digests": {"at": "00:00", "weekly": False, "monthly": False, **digests},
        },
    )


async def tell(county: County, *refs: str) -> None:
    records = [enrolment(n, patient_ref=ref) for n, ref in enumerate(refs, start=1)]
    told = await county.push("cln-01", ENROL, records)
    assert told[0]["verdict"] == "accepted", told
    await county.quiet()


async def rows(county: County, member: str) -> list[tuple[str, str, str, int | None]]:
    found = await county.records(member, DIGEST)
    return [(one["period_to"], one["unit"], one["measure"], one.get("n")) for one in found]


async def digested(county: County, day: str) -> None:
    async def so() -> bool:
        return any(row[0] == day for row in await rows(county, "nco"))

    await county.until(so)
    await county.quiet()


async def test_a_day_is_told_once_to_the_unit_to_who_oversees_it_and_to_the_authority(
    own: Own,
) -> None:
    county = found(own)
    county.turned.turn_to_noon()
    await county.start()
    today = day_of(county.daemon.clock.now())
    refs = [*(f"PS-private-{n}" for n in range(6)), "AB-private-1", "AB-private-2"]
    await tell(county, *refs)
    county.turned.turn(DAY)
    await digested(county, today)
    waiting = (today, "ps-01", "alerts_waiting", 6)
    assert await rows(county, "ps-01") == [waiting]
    assert await rows(county, "pol") == [waiting]
    assert await rows(county, "cln-01") == [(today, "cln-01", "alerts_waiting", None)]
    # who hears the total hears of no cell that it would give away
    assert sorted(await rows(county, "nco")) == [
        (today, "cln-01", "alerts_waiting", None),
        (today, "gateway", "alerts_waiting", 8),
        (today, "ps-01", "alerts_waiting", None),
    ]

    await county.stop()
    await county.start()
    await look(county)
    assert len(await county.inbox("nco", DIGEST)) == 1
    # two days down: each of them is told, once
    await county.stop()
    county.turned.turn(2 * DAY)
    await county.start()
    await digested(county, add_days(today, 2))
    assert [row[0] for row in await rows(county, "ps-01")] == [
        today,
        add_days(today, 1),
        add_days(today, 2),
    ]
    everything = str([await county.records("nco", DIGEST), await county.leaves()])
    assert "private" not in everything
    await county.assert_sound()


async def test_a_month_tells_how_soon_alerts_were_answered_and_what_rules_add_up(
    own: Own,
) -> None:
    county = found(own, daily=False, monthly=True)
    here = machine_time().astimezone(LOCAL)
    tallying = RULES.replace("class TellRule:", "class TellRule:\n" + TALLY)
    (county.plugins_dir / "telling.py").write_text(tallying, "utf-8")
    # to the first days of a month, so that the alerts fall into the one that ends next
    first = (here.replace(day=1, hour=12) + timedelta(days=32)).replace(day=3)
    county.turned.turn_to(first)
    await county.start()
    await tell(county, *(f"PS{n}" for n in range(5)))
    for alert in await county.ask("alerts.list", member="ps-01", state="open"):
        await county.ask("alerts.ack", id=alert["id"], by="李警官")

    async def acknowledged() -> bool:
        return len(await county.ask("alerts.list", state="acknowledged")) == 5

    await county.until(acknowledged)
    county.turned.turn(timedelta(days=31))
    last = day_of(first.replace(day=1) + timedelta(days=32))[:8] + "01"
    await digested(county, add_days(last, -1))
    shown = await county.records("ps-01", DIGEST)
    assert {(one["measure"], one.get("n"), one.get("of")) for one in shown} == {
        ("alert_minutes", 0, 5),
        ("alerts_in_time", 5, 5),
        ("inspection", 5, 5),
    }
    # what was told is what charts show
    month = add_days(last, -1)[:7]
    inspected = (await county.ask("charts.show", member="ps-01"))["inspection"]["rows"]
    assert [(row["unit"], row["cells"][month]) for row in inspected] == [("ps-01", [5, 5])]
    elsewhere = await county.ask("charts.show", member="com-01")
    assert elsewhere["inspection"]["rows"] == []


TALLY = """
    def tally(self, state, period):
        from jdgate.plugins import Role, Tally
        if period.span == "month":
            yield Tally(Role("PS", "511623100000"), "inspection", 1, 1)
"""
