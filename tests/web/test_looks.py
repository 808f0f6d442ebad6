"""Who opens content about too many people in a day is stopped, tab or no tab, until the security
desk has looked into it (S2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import ENROL, County, enrolment
from tests.web.browsing import Browser, hire

from jdgate.clock import machine_time
from jdgate.core.calendar import LOCAL
from jdgate.errors import Refused

pytestmark = pytest.mark.anyio
MOST = 3
STAFF = {
    "police": ("approver", "pol"),
    "other": ("clerk", "pol"),
    "inspector": ("auditor", "pol"),
    "office": ("approver", "nco"),
}


@pytest.fixture(scope="module")
async def county(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    """A county where nobody opens content about more than three people a day."""
    county = County.found(
        tmp_path_factory.mktemp("county"),
        alerts={"web": {"enabled": True}, "queries": {"looks_a_day": MOST}},
    )
    county.turned.stay_within_a_day()
    async with county.running():
        for login, (role, member) in STAFF.items():
            await hire(county, login, role, member)
        yield county


Browse = Callable[..., Browser]


async def filed(county: County, *numbers: int) -> list[str]:
    """Messages at the police, one for each patient; their ids."""
    before = {row["id"] for row in await county.inbox("pol", ENROL)}
    for number in numbers:
        await county.push("cln-01", ENROL, [enrolment(number)])

    async def come() -> Any:
        rows = [row for row in await county.inbox("pol", ENROL) if row["id"] not in before]
        return rows if len(rows) == len(numbers) else []

    rows = await county.until(come)
    by_name = {row["data"][0]["name"]: row["id"] for row in rows}
    return [by_name[enrolment(number)["name"]] for number in numbers]


async def the_alert(county: County) -> dict[str, Any]:
    async def known() -> Any:
        rows = await county.ask("alerts.list", member="nco", state="open")
        return [row for row in rows if row["rule"] == "S2" and row["params"] is not None]

    (row,) = await county.until(known)
    return dict(row)


async def raised(county: County, title: str) -> list[dict[str, Any]]:
    rows = await county.ask("alerts.list", member="nco", state="open")
    return [row for row in rows if row["title_code"] == title and row["params"] is not None]


async def looked(county: County, ids: list[str], login: str) -> int:
    """How many of these an operator has opened, by the ledger."""
    await county.quiet()
    told = [leaf for id in ids for leaf in await county.leaves(id)]
    return sum(1 for leaf in told if leaf["kind"] == "looked" and leaf["operator"] == login)


async def test_one_too_many_is_not_shown_and_the_security_desk_lets_go_on(
    county: County, browse: Browse
) -> None:
    ids = await filed(county, 1, 2, 3, 4)
    browser = browse()
    await browser.sign_in("police")
    for id in ids[:MOST]:
        assert (await browser.open(f"/inbox/{id}")).status_code == 200
    assert (await browser.open(f"/inbox/{ids[0]}")).status_code == 200  # the same person again
    stopped = await browser.open(f"/inbox/{ids[3]}")
    assert stopped.status_code == 403
    assert enrolment(4)["name"] not in stopped.text and "已暂停" in stopped.text
    again = await browser.open(f"/inbox/{ids[0]}")
    assert again.status_code == 403 and enrolment(1)["name"] not in again.text

    told = await the_alert(county)
    assert told["params"] == {"member": "pol", "operator": "police", "persons": MOST}
    assert await looked(county, ids, "police") == MOST + 1
    (held,) = await county.ask("queries.list")
    assert (held["member"], held["operator"]) == ("pol", "police")
    colleague = browse()
    await colleague.sign_in("other")
    assert (await colleague.open(f"/inbox/{ids[3]}")).status_code == 200

    office = browse()
    await office.sign_in("office")
    page = await office.open(f"/alerts/{told['id']}")
    assert "police" in page.text
    done = await office.send(page, f"/alerts/{told['id']}/resolve", outcome="justified")
    assert done.status_code == 303

    async def lets_go_on() -> bool:
        return (await browser.open(f"/inbox/{ids[3]}")).status_code == 200

    await county.until(lets_go_on)
    assert await county.ask("queries.list") == []
    acts = [leaf for leaf in await county.leaves() if leaf.get("act", "").startswith("looks.")]
    assert [(one["act"], one["source"]) for one in acts] == [
        ("looks.stopped", "pol"),
        ("looks.resumed", "pol"),
    ]


async def test_many_tabs_at_once_are_as_few_as_one(county: County, browse: Browse) -> None:
    ids = await filed(county, *range(11, 11 + 3 * MOST))
    browser = browse()
    await browser.sign_in("inspector")
    answers = await asyncio.gather(*(browser.open(f"/inbox/{id}") for id in ids))
    assert sorted(one.status_code for one in answers) == [200] * MOST + [403] * (2 * MOST)
    assert await looked(county, ids, "inspector") == MOST
    stops = [
        leaf
        for leaf in await county.leaves()
        if leaf.get("act") == "looks.stopped" and leaf["operator"] == "inspector"
    ]
    assert len(stops) == 1
    done = await county.ask("queries.resume", member="pol", by="陈主任", operator="inspector")
    assert done == {"member": "pol", "operator": "inspector"}


async def test_it_holds_over_a_restart_and_out_of_hours_where_those_are_set(
    tmp_path: Path,
) -> None:
    hours = {"hours_from": "08:00", "hours_to": "18:00", "looks_in_hours": True}
    county = County.found(
        tmp_path / "county",
        alerts={"web": {"enabled": True}, "queries": {"looks_a_day": 1, **hours}},
    )
    noon = machine_time().astimezone(LOCAL).replace(hour=12) + timedelta(days=1)
    county.turned.turn(noon - machine_time())

    async def opens(*ids: str) -> list[int]:
        browser = Browser(county)
        await browser.sign_in("police")
        found = [(await browser.open(f"/inbox/{id}")).status_code for id in ids]
        await browser.close()
        return found

    async def resumes() -> None:
        await county.until(lambda: county.ask("queries.list"))
        await county.ask("queries.resume", member="pol", by="陈主任", operator="police")
        await county.quiet()

    async with county.running():
        await hire(county, "police", "approver", "pol")
        first, second = await filed(county, 1, 2)
        assert await opens(first, second, first) == [200, 403, 403]
    async with county.running():
        assert await opens(first) == [403]
        county.turned.turn(timedelta(days=1))
        assert await opens(second) == [403]  # nobody has looked into it
        await resumes()
        assert await opens(second, first) == [200, 403]
        await resumes()
        county.turned.turn(timedelta(days=1))
        assert await opens(first) == [200]  # a new day
        county.turned.turn(timedelta(hours=8))
        assert await opens(first) == [403]
        told = await county.until(lambda: raised(county, "alert.looks_off_hours"))
        assert told[0]["params"]["operator"] == "police"
        with pytest.raises(Refused) as refused:
            await county.ask("queries.resume", member="pol", by="陈主任", operator="nobody")
        assert refused.value.code == "looks.not_stopped"
