"""A county with township offices: who is told what, what waits for a person, what nobody hears."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e.kit import ORDER, TOWN_1, TOWN_2, County, person

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.core.catalogue import default_path, load
from jdgate.errors import Refused
from jdgate.founding import MemberPlan
from jdgate_community.book import (
    ALERT,
    CHECKIN,
    EXIT,
    HANDOVER,
    OVERDUE,
    TEST,
    VIOLATION,
)
from jdgate_community.grid import RESULT, TASK

pytestmark = pytest.mark.anyio
VILLAGE = "511623100201"
GRID = MemberPlan("grd-01", "一村网格", ("GRD",), (VILLAGE,))
CATALOGUE = load([default_path()])


@pytest.fixture(scope="module")
async def county(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[County]:
    folder = tmp_path_factory.mktemp("community") / "county"
    county = County.found(folder, rules={"community": {}}, more=(GRID,))
    async with county.running():
        yield county
        await county.quiet()
        await county.assert_sound()


def ago(days: int) -> str:
    return add_days(day_of(machine_time()), -days)


def doc(number: int) -> dict[str, Any]:
    return {**person(number), "doc_no": f"社戒{number}号"}


async def order(county: County, number: int, days: int, town: str = TOWN_1) -> None:
    known = {"town": town, "measure": "community_treatment", "served_on": ago(days)}
    await accepted(county, "pol", ORDER, doc(number) | known)


async def accepted(county: County, member: str, type: str, *records: dict[str, Any]) -> None:
    for verdict in await county.push(member, type, list(records)):
        assert verdict["verdict"] == "accepted", verdict


async def about(county: County, member: str, type: str, number: int) -> list[dict[str, Any]]:
    """The records of a type about person `number` that a member can read."""
    found = await county.records(member, type)
    return [one for one in found if one["id_no"] == person(number)["id_no"]]


async def draft(county: County, member: str, type: str, number: int) -> Any:
    """The one draft of a type about person `number` that waits, once it is there."""

    async def waiting() -> Any:
        rows = await county.ask("drafts.list", member=member, state="waiting")
        shown = [await county.ask("drafts.show", id=one["id"]) for one in rows]
        return [
            one
            for one in shown
            if one["type"] == type and one["prefill"]["id_no"] == person(number)["id_no"]
        ]

    (found,) = await county.until(waiting)
    return found


async def reviews(county: County) -> list[Any]:
    """The reviews that are open at the police."""
    rows = await county.ask("alerts.list", member="pol", state="open")
    return [one for one in rows if one["rule"] == "C7"]


def shown_to(type: str, role: str) -> set[str]:
    return set(CATALOGUE.fields_for(type, role))


async def test_nobody_checks_in_and_the_police_hear_only_what_a_named_person_found_out(
    county: County,
) -> None:
    await order(county, 1, 20)
    alerts = await county.until(lambda: about(county, "com-01", ALERT, 1))
    assert all(set(one) <= shown_to(ALERT, "COM") for one in alerts)
    waiting = await draft(county, "com-01", OVERDUE, 1)
    assert waiting["lacking"] == ["contact_attempts"]
    assert waiting["record"] == {**doc(1), "due_on": ago(5)}
    await county.quiet()
    assert not await about(county, "pol", OVERDUE, 1)
    assert not await about(county, "pol", ALERT, 1)
    assert not await about(county, "com-02", ALERT, 1)

    approve = {"id": waiting["id"], "by": "干部甲", "checked": waiting["checks"]}
    with pytest.raises(Refused, match="contact_attempts"):
        await county.ask("drafts.approve", **approve)
    changed = approve | {"filled": {"contact_attempts": "3", "due_on": ago(1)}}
    with pytest.raises(Refused, match="due_on"):
        await county.ask("drafts.approve", **changed)
    filled = {"contact_attempts": "3", "reason": "ill"}
    await county.ask("drafts.approve", **approve, filled=filled)
    (told,) = await county.until(lambda: about(county, "pol", OVERDUE, 1))
    assert told == {**doc(1), "due_on": ago(5), "contact_attempts": 3, "reason": "ill"}
    assert set(told) == shown_to(OVERDUE, "POL")

    async def settled() -> bool:
        rows = await county.ask("alerts.list", member="com-01", state="open")
        return not [one for one in rows if (one["params"] or {}).get("due_on") == ago(5)]

    await county.until(settled)


async def test_three_refusals_are_a_draft_and_go_to_the_police_with_the_evidence(
    county: County,
) -> None:
    await order(county, 2, 100)
    await accepted(county, "com-01", CHECKIN, {**doc(2), "date": ago(95), "agreement_no": "协-2"})
    refused = [{**person(2), "date": ago(days), "state": "refused"} for days in (60, 40, 20)]
    await accepted(county, "com-01", TEST, *refused)
    waiting = await draft(county, "com-01", VIOLATION, 2)
    await county.quiet()
    assert not await about(county, "pol", VIOLATION, 2)
    assert waiting["lacking"] == ["evidence_ref"]
    await county.ask(
        "drafts.approve", id=waiting["id"], by="干部乙", checked=waiting["checks"],
        filled={"evidence_ref": "卷-7"},
    )  # fmt: skip
    (told,) = await county.until(lambda: about(county, "pol", VIOLATION, 2))
    assert set(told) == shown_to(VIOLATION, "POL")
    assert [one["date"] for one in told["events"]] == [ago(60), ago(40), ago(20)]
    assert told["confirmer"] == "干部乙"
    tests = await about(county, "pol", TEST, 2)
    assert len(tests) == 3
    assert all(set(one) <= shown_to(TEST, "POL") for one in tests)


async def test_a_held_positive_reaches_the_police_alone(county: County) -> None:
    await order(county, 3, 30)
    held = {**person(3), "date": ago(1), "state": "positive_held"}
    await accepted(county, "com-01", TEST, held)
    await accepted(county, "pol", TEST, held | {"date": ago(2)})
    attended = {**person(3), "date": ago(9), "state": "attended"}
    await accepted(county, "pol", TEST, attended)
    await county.until(lambda: about(county, "com-01", TEST, 3))
    await county.quiet()
    assert await about(county, "com-01", TEST, 3) == [attended]
    assert await about(county, "pol", TEST, 3) == [held]


async def test_after_three_years_an_officer_decides_and_the_township_hears_of_the_exit_alone(
    county: County,
) -> None:
    await order(county, 5, 1200)
    await accepted(county, "com-01", CHECKIN, {**doc(5), "date": ago(1190), "agreement_no": "5"})
    waiting = await draft(county, "pol", EXIT, 5)
    codes = {one["title_code"] for one in await about(county, "pol", ALERT, 5)}
    assert {"community.review_due", "community.unreviewed"} <= codes
    for alert in await county.records("nco", "sys.alert.v1"):
        assert not {person(5)["name"], person(5)["id_no"], doc(5)["doc_no"]} & set(
            str(value) for value in (*alert.values(), *alert["params"].values())
        )
    await county.quiet()
    assert len(await reviews(county)) == 2
    assert not await about(county, "com-01", EXIT, 5)
    await county.ask("drafts.approve", id=waiting["id"], by="民警甲", checked=waiting["checks"])
    (told,) = await county.until(lambda: about(county, "com-01", EXIT, 5))
    assert told == {**person(5), "date": ago(0)}

    async def closed() -> bool:
        return not await reviews(county)

    await county.until(closed)


async def test_a_change_of_place_shows_the_station_who_it_is_and_no_more(county: County) -> None:
    await order(county, 4, 60, TOWN_2)
    papers = {
        **doc(4), "to_town": TOWN_1, "docs": ["record"], "served_days": 30, "next_test": ago(-30),
        "handed_on": ago(20),
    }  # fmt: skip
    await accepted(county, "com-02", HANDOVER, papers)
    (new,) = await county.until(lambda: about(county, "com-01", HANDOVER, 4))
    (station,) = await county.until(lambda: about(county, "ps-01", HANDOVER, 4))
    assert set(new) == shown_to(HANDOVER, "COM")
    assert station == doc(4)

    async def both() -> bool:
        told = [await about(county, one, ALERT, 4) for one in ("com-01", "com-02")]
        codes = [{alert["title_code"] for alert in one} for one in told]
        return "community.place_new" in codes[0] and "community.place_old" in codes[1]

    await county.until(both)


async def test_a_grid_worker_gets_a_name_a_place_and_a_day(county: County) -> None:
    task = {
        "task_no": "V-1", "name": "甄某", "address": "一村1组3号", "place": VILLAGE,
        "code": "routine", "due_on": ago(1),
    }  # fmt: skip
    await accepted(county, "com-01", TASK, task)
    (got,) = await county.until(lambda: county.records("grd-01", TASK))
    assert got == task
    assert set(got) == shown_to(TASK, "GRD")
    for wording in ("一村1组，社戒人员", "戒毒所旁", "尿检点对面"):
        answer = await county.ask(
            "submit", member="com-01", type=TASK, records=[task | {"address": wording}]
        )
        (fault,) = answer["refused"]
        assert wording not in str(fault)
        assert "record.reveals_reason" in str(fault)
    (overdue,) = await county.until(lambda: county.records("com-01", "sys.alert.v1"))
    assert overdue["params"] == {"task_no": "V-1", "due_on": ago(1)}
    answered = {"task_no": "V-1", "date": ago(0), "met": True, "need_code": "job"}
    await accepted(county, "grd-01", RESULT, answered)
    (told,) = await county.until(lambda: county.records("com-01", RESULT))
    assert told == answered
    assert {row["type"] for row in await county.ask("inbox.list", member="grd-01")} <= {
        TASK, "sys.receipt.v1",
    }  # fmt: skip


def test_what_a_grid_worker_is_shown_has_no_word_of_drugs() -> None:
    sheet = CATALOGUE.sheets[TASK]
    words = [sheet.title.zh, sheet.title.en, sheet.purpose, *sheet.cite("GRD")]
    words += [sheet.field_title(name, lang) for name in sheet.fields for lang in ("zh", "en")]
    for drug in ("毒", "戒", "drug", "community treatment"):
        assert not [one for one in words if drug in one.lower()]
