"""The life of alerts from rule to resolution, with the clock turned by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.e2e.kit import ALERT, CLINIC_RULES, ENROL, REGION, TOWN_1, County, enrolment

from jdgate.clock import machine_time
from jdgate.core.calendar import LOCAL
from jdgate.errors import Refused
from jdgate.founding import MemberPlan
from jdgate.gateway import timekeeper
from jdgate.gateway.effects import BROKEN, Effects

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
MINUTE = timedelta(minutes=1)
A_MOMENT = timedelta(seconds=20)
A_MILLISECOND = timedelta(milliseconds=1)
"""What moments are shown to."""

RULES = '''
from msgspec import Struct
from jdgate.plugins import Alert, Settle, hookimpl


class Nothing(Struct):
    pass


class TellRule:
    """PS…: to the station; UR…: urgent; AB…: what only the clinic may see. A later date settles."""

    name = "telling.enrolments"
    version = 1
    types = frozenset({"mmt.enrol.filed.v1"})
    state = Nothing
    explains = {"T1": "record.bad_form"}
    outcomes = {"T1": {"visited": "cli.yes", "moved": "cli.no"}}

    def key(self, fact):
        return fact.data["patient_ref"]

    def step(self, state, fact, now):
        ref = fact.data["patient_ref"]
        if ref[:2] not in ("PS", "UR", "AB"):
            return state, []
        if fact.data["date"] > "2026-02-01":
            return state, [Settle(ref)]
        if ref.startswith("AB"):
            data = {"patient_ref": ref, "absent_days": 7}
            return state, [
                Alert(ref, "T1", "mmt.absence.alert.v1", "cln-01", data, "record.bad_form")
            ]
        data = {"cause_ref": ref}
        urgent = ref.startswith("UR")
        return state, [
            Alert(ref, "T1", "sys.alert.v1", "ps-01", data, "record.bad_form", {}, urgent)
        ]

    def due(self, state, name, now):
        return state, []


@hookimpl
def jdgate_rules(settings):
    return [TellRule()]
'''
COUNTY_STATION = MemberPlan("ps-10", "县派出所", ("PS",), (REGION,))
DEPUTY = MemberPlan("ps-02", "代理派出所", ("PS",), (TOWN_1,))


def settings(**alerts: Any) -> dict[str, Any]:
    return {
        "plugins": {"telling": RULES},
        "rules": {"clinic": CLINIC_RULES},
        "more": (COUNTY_STATION, DEPUTY),
        "alerts": {
            **({"alerts": alerts} if alerts else {}),
            "alerts.normal": {"acknowledge": "60m", "resolve": "2d"},
            "alerts.deputies": {"ps-01": "ps-02"},
            "digests": {"daily": False, "weekly": False, "monthly": False},
        },
    }


async def tell(county: County, ref: str, number: int = 1, date: str = "2026-01-05") -> None:
    record = enrolment(number, patient_ref=ref, date=date)
    told = await county.push("cln-01", ENROL, [record])
    assert told[0]["verdict"] == "accepted", told


async def on_desk(county: County, member: str) -> dict[str, Any]:
    """The one alert that lies on this desk, once it is there."""

    async def known() -> Any:
        rows = await county.ask("alerts.list", member=member, state="open")
        return [row for row in rows if row["params"] is not None]

    rows = await county.until(known)
    assert len(rows) == 1
    await county.until(lambda: delivered(county, rows[0]["id"]))
    return dict(rows[0])


async def delivered(county: County, id: str) -> bool:
    return (await life(county, id))["state"] != "raised"


async def life(county: County, id: str) -> dict[str, Any]:
    """How the gateway's books have it."""
    return next(one for one in await county.ask("alerts.list") if one["id"] == id)


async def reaches(county: County, id: str, **wanted: Any) -> dict[str, Any]:
    async def so() -> Any:
        found = await life(county, id)
        return found if wanted.items() <= found.items() else None

    return dict(await county.until(so))


async def nothing_until(county: County, id: str, moment: datetime, **still: Any) -> None:
    """A moment before it the timekeeper leaves an alert as it is; the clock goes on at it."""
    with county.turned.standing(moment - A_MOMENT):
        await look(county)
        found = await life(county, id)
        assert still.items() <= found.items(), found
    county.turned.turn_to(moment)


async def due(county: County, id: str, allowed: timedelta, since: datetime) -> datetime:
    """When the step that an alert waits for is due; its time began to run after `since`."""
    moment = datetime.fromisoformat((await life(county, id))["due_at"])
    assert since - A_MILLISECOND <= moment - allowed <= county.turned()
    return moment


async def look(county: County) -> None:
    """Have the timekeeper look once more, now."""
    ground, now = county.gateway.ground, county.daemon.clock.now()
    due = await county.books(lambda conn: timekeeper.run_due(conn, ground, now))
    assert not [one for one in due.outbound if one.tracked]


async def acts(county: County, id: str) -> list[tuple[str, str]]:
    """What the ledger says of an alert: act and desk."""
    leaves = await county.leaves(id)
    return [(leaf["act"], leaf["recipient"]) for leaf in leaves if leaf["kind"] == "alert"]


async def test_an_alert_is_opened_acknowledged_and_resolved_by_its_desk(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "AB-seldom-seen")
    alert = await on_desk(county, "cln-01")
    id = alert["id"]
    assert (alert["due_step"], alert["late"], alert["level"]) == ("acknowledged", False, 0)

    shown = await county.ask("alerts.show", id=id)
    assert shown["record"]["patient_ref"] == "AB-seldom-seen"
    assert shown["explains"] == "record.bad_form"
    assert any("[read]" in basis for basis in shown["basis"])
    assert shown["actions"] == ["ack", "resolve", "reassign"]
    await reaches(county, id, state="opened")

    first = await county.ask("alerts.ack", id=id, by="王医生")
    assert first["message"]
    await reaches(county, id, state="acknowledged", by="王医生", due_step="resolved")
    again = await county.ask("alerts.ack", id=id, by="王医生")
    assert again["message"] is None

    await county.ask("alerts.resolve", id=id, by="王医生", outcome="visited")
    await reaches(county, id, state="resolved", outcome="visited", due_at=None)
    assert (await county.ask("alerts.resolve", id=id, by="王医生", outcome="visited"))[
        "message"
    ] is None
    with pytest.raises(Refused, match=id):
        await county.ask("alerts.resolve", id=id, by="王医生", outcome="moved")  # decided already
    expected = ["raised", "opened", "acknowledged", "resolved"]
    assert await acts(county, id) == [(act, "cln-01") for act in expected]
    assert "seldom" not in str([await county.leaves(), await county.ask("alerts.list")])
    await county.quiet()
    await county.assert_sound()


async def test_a_repeat_is_folded_and_the_settled_cause_ends_it_wherever_it_lies(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "PS1")
    id = (await on_desk(county, "ps-01"))["id"]
    await tell(county, "PS1")
    await reaches(county, id, repeats=1)
    assert len(await county.records("ps-01", ALERT)) == 1

    county.turned.turn(61 * MINUTE)
    await reaches(county, id, desk="ps-02", level=1)
    await on_desk(county, "ps-02")
    await tell(county, "PS1", date="2026-03-01")
    await reaches(county, id, state="closed", outcome="settled", desk="ps-02")

    async def closed() -> Any:
        rows = await county.ask("alerts.list", member="ps-02")
        return [row for row in rows if row["state"] == "closed"]

    await county.until(closed)
    assert await acts(county, id) == [
        ("raised", "ps-01"),
        ("escalated", "ps-02"),
        ("settled", "ps-02"),
    ]
    county.turned.turn(timedelta(days=2))
    await look(county)
    assert (await life(county, id))["level"] == 1


@pytest.mark.rule("K2 P5", "fires", "short")
async def test_what_nobody_acknowledges_goes_to_deputy_region_and_authority_at_each_deadline(
    own: Own,
) -> None:
    county = own(**settings())
    await county.start()
    since = county.turned()
    await tell(county, "UR1")
    id = (await on_desk(county, "ps-01"))["id"]
    for level, desk in enumerate(("ps-02", "ps-10", "nco"), start=1):
        deadline = await due(county, id, 15 * MINUTE, since)
        await nothing_until(county, id, deadline, level=level - 1)
        since = deadline
        await reaches(county, id, desk=desk, level=level)
        await on_desk(county, desk)
    county.turned.turn(16 * MINUTE)

    async def late() -> Any:
        rows = [row for row in await county.ask("expect.list") if row["alert"] == id]
        return rows and rows[0]["late"]

    await county.until(late)

    async def told() -> Any:
        return ("late", "nco") in await acts(county, id)

    await county.until(told)
    desks = ["ps-01", "ps-02", "ps-10", "nco"]
    assert (await life(county, id))["desks"] == desks
    for desk in desks:
        assert [record["alert_id"] for record in await county.records(desk, ALERT)] == [id]
    await county.quiet()
    await county.assert_sound("ps-02", "ps-10", "nco")


async def test_an_acknowledged_alert_that_nobody_resolves_goes_on_at_its_deadline(
    own: Own,
) -> None:
    county = own(**settings())
    await county.start()
    since = county.turned()
    await tell(county, "UR1")
    id = (await on_desk(county, "ps-01"))["id"]
    await county.ask("alerts.ack", id=id, by="李警官")
    await reaches(county, id, state="acknowledged", due_step="resolved")
    deadline = await due(county, id, timedelta(hours=24), since)
    await nothing_until(county, id, deadline, desk="ps-01")
    await reaches(county, id, desk="ps-02", level=1, state="delivered", by=None)
    await on_desk(county, "ps-02")


async def test_only_an_outcome_that_fits_the_rule_resolves(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "PS1")
    id = (await on_desk(county, "ps-01"))["id"]
    shown = await county.ask("alerts.show", id=id)
    assert shown["outcomes"] == {"visited": "cli.yes", "moved": "cli.no"}
    with pytest.raises(Refused) as refused:
        await county.ask("alerts.resolve", id=id, by="李警官", outcome="handled")
    assert refused.value.code == "alert.no_such_outcome"
    # nor does it when the desk's own check is passed over
    step = {"alert_id": id, "step": "resolved", "by": "李警官", "outcome": "handled"}
    await county.push("ps-01", "sys.alert.step.v1", [step])

    async def told() -> Any:
        rows = await county.ask("alerts.list", member="ps-01")
        return rows[0]["note"] == "alert.no_such_outcome"

    await county.until(told)
    assert (await life(county, id))["outcome"] is None
    await county.ask("alerts.resolve", id=id, by="李警官", outcome="moved")
    await reaches(county, id, state="resolved", outcome="moved")


async def test_only_the_desk_it_lies_on_may_do_something_about_it(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "PS1")
    id = (await on_desk(county, "ps-01"))["id"]
    edge = county.daemon.edge
    assert edge is not None
    # another member that somehow learnt the number reports a step by a message of its own
    await county.push("pol", "sys.alert.step.v1", [{"alert_id": id, "step": "opened"}])
    forged = {"alert_id": id, "step": "resolved", "by": "某人", "outcome": "visited"}
    await county.push("pol", "sys.alert.step.v1", [forged])
    assert (await life(county, id))["state"] == "delivered"

    county.turned.turn(61 * MINUTE)
    await on_desk(county, "ps-02")

    async def gone() -> Any:
        rows = await county.ask("alerts.list", member="ps-01")
        return rows[0]["note"] == "alert.moved" and rows[0]["desk"] == "ps-02"

    await county.until(gone)
    with pytest.raises(Refused) as refused:
        await edge.answer_alert("ps-01", id, "acknowledged", by="李警官")
    assert refused.value.code == "alert.not_here"
    await county.ask("alerts.ack", id=id, by="王警官")
    await reaches(county, id, state="acknowledged", desk="ps-02")


async def test_an_alert_is_passed_on_only_to_one_who_may_see_such_alerts(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "AB1")
    id = (await on_desk(county, "cln-01"))["id"]
    await county.ask("alerts.reassign", id=id, by="王医生", to="pol")

    async def refused() -> Any:
        rows = await county.ask("alerts.list", member="cln-01", state="open")
        return [row for row in rows if row["note"] == "alert.no_such_desk"]

    await county.until(refused)
    assert (await life(county, id))["desk"] == "cln-01"
    await county.ask("alerts.reassign", id=id, by="王医生", to="cln-02")
    await reaches(county, id, desk="cln-02", level=0)
    await on_desk(county, "cln-02")
    assert ("reassigned", "cln-02") in await acts(county, id)


async def test_the_authority_hears_of_what_it_may_not_see_without_what_it_says(own: Own) -> None:
    county = own(**settings())
    await county.start()
    await tell(county, "AB1")
    id = (await on_desk(county, "cln-01"))["id"]
    county.turned.turn(61 * MINUTE)
    await reaches(county, id, desk="nco")
    await on_desk(county, "nco")
    (record,) = await county.records("nco", ALERT)
    assert record["title_code"] == "alert.left_lying"
    assert record["params"] == {"rule": "T1", "member": "cln-01", "level": 1}
    assert "AB1" not in str(record)


async def test_quiet_hours_hold_back_what_is_not_urgent(own: Own) -> None:
    here = machine_time().astimezone(LOCAL).replace(second=0, microsecond=0)
    start, end = here - 60 * MINUTE, here + 120 * MINUTE
    county = own(**settings(quiet_from=f"{start:%H:%M}", quiet_to=f"{end:%H:%M}"))
    await county.start()
    await tell(county, "PS1")
    await tell(county, "UR2", number=2)
    urgent = await on_desk(county, "ps-01")
    assert urgent["urgent"]
    (held,) = [row for row in await county.ask("alerts.list") if not row["urgent"]]
    assert (held["held"], held["state"]) == (True, "raised")
    await county.ask("alerts.ack", id=urgent["id"], by="李警官")
    await reaches(county, urgent["id"], state="acknowledged")

    await nothing_until(county, held["id"], end, held=True)
    await reaches(county, held["id"], held=False, state="delivered", level=0)
    deadline = await due(county, held["id"], 60 * MINUTE, since=end)
    await nothing_until(county, held["id"], deadline, desk="ps-01")
    await reaches(county, held["id"], desk="ps-02")


async def test_trouble_that_was_resolved_is_told_again_when_it_comes_again(own: Own) -> None:
    county = own(**settings())
    await county.start()

    async def break_() -> None:
        def tell(effects: Effects) -> None:
            params = {"rule": "r", "error": "e"}
            effects.tell_authority(BROKEN, "rule:r:e", "alert.rule_failed", params)

        ground, now = county.gateway.ground, county.daemon.clock.now()
        await county.books(lambda conn: timekeeper.originate(conn, ground, now, tell))

    await break_()
    await break_()
    (first,) = await county.ask("alerts.list")
    assert first["repeats"] == 1
    await on_desk(county, "nco")
    await county.ask("alerts.resolve", id=first["id"], by="主任", outcome="mended")
    await reaches(county, first["id"], state="closed", outcome="mended")
    await break_()
    again = await county.ask("alerts.list")
    assert sorted(row["state"] == "closed" for row in again) == [False, True]
