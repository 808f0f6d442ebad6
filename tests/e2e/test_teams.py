"""Care teams on a running county: assigned by name of nobody, found before the region."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.kit import ORDER, REGION, TOWN_1, TOWN_2, County, id_no, person

from jdgate.errors import Refused
from jdgate.founding import MemberPlan

pytestmark = pytest.mark.anyio
Own = Callable[..., County]

ASSIGN = "comm.team.assign.v1"
PRENOTICE = "release.prenotice.v1"
RULES = """
from msgspec import Struct
from jdgate.plugins import Alert, Role, hookimpl


class Nothing(Struct):
    pass


class TellTown:
    name = "telling.checkins"
    version = 1
    types = frozenset({"comm.checkin.done.v1"})
    state = Nothing

    def key(self, fact):
        return fact.message_id

    def step(self, state, fact, now):
        data = {name: fact.data[name] for name in ("name", "id_type", "id_no", "doc_no")}
        to = Role("PS", "511623100000")
        return state, [Alert(fact.message_id, "T1", "comm.alert.v1", to, data, "record.bad_form")]

    def due(self, state, name, now):
        return state, []


@hookimpl
def jdgate_rules(settings):
    return [TellTown()]
"""
MORE = (
    MemberPlan("ps-02", "邻镇派出所", ("PS",), (TOWN_2,)),
    MemberPlan("soc-01", "社工机构", ("SOC",), (REGION,)),
    MemberPlan("dtx", "强戒所", ("DTX",), (REGION,)),
)


async def found(own: Own) -> County:
    county = own(more=MORE, plugins={"telling": RULES})
    await county.start()
    order = person(1) | {
        "town": TOWN_1,
        "measure": "community_treatment",
        "doc_no": "某公社戒〔2026〕1号",
        "served_on": "2026-01-05",
    }
    told = await county.push("pol", ORDER, [order])
    assert told[0]["verdict"] == "accepted", told
    await county.until(lambda: county.inbox("com-01", ORDER))
    return county


async def order_ref(county: County) -> str:
    return str((await county.inbox("com-01", ORDER))[0]["id"])


async def announced(county: County, day: str) -> None:
    """A release is announced; the station in charge of the person must know."""
    notice = person(1) | {"town": TOWN_1, "release_on": day, "next_measure": "none"}
    told = await county.push("dtx", PRENOTICE, [notice])
    assert told[0]["verdict"] == "accepted", told
    await county.quiet()


async def releases(county: County, member: str) -> list[str]:
    return [record["release_on"] for record in await county.records(member, PRENOTICE)]


async def assign(county: County, place: str, to: str | None, ref: str, **more: Any) -> Any:
    given = {"member": "com-01", "ref": ref, "place": place, "to": to, "by": "王主任", **more}
    answer = await county.ask("assign.set", **given)
    assert answer["answered"]
    return answer


async def acts(county: County) -> list[tuple[str, str]]:
    return [
        (leaf["act"], leaf["target"])
        for leaf in await county.leaves()
        if leaf["kind"] == "admin" and leaf["act"].startswith("team.")
    ]


async def test_what_concerns_a_person_goes_to_the_team_and_no_longer_by_region(own: Own) -> None:
    county = await found(own)
    ref = await order_ref(county)
    await announced(county, "2026-05-01")
    first = await assign(county, "officer", "ps-02", ref, worker="李警官")
    await assign(county, "social_worker", "soc-01", first["ref"])
    await announced(county, "2026-05-02")
    assert await releases(county, "ps-01") == ["2026-05-01"]
    assert await releases(county, "ps-02") == ["2026-05-02"]

    # an alert to the role, about this person, too; about another person it goes by region
    for number, desk in ((1, "ps-02"), (2, "ps-01")):
        checkin = {"doc_no": "D", "date": "2026-01-06", "agreement_no": "A"}
        await county.push("com-01", "comm.checkin.done.v1", [person(number) | checkin])

        async def on_desk(desk: str = desk) -> Any:
            return await county.records(desk, "comm.alert.v1")

        (alert,) = await county.until(on_desk)
        assert alert["id_no"] == id_no(number)

    # changed: the one before hears that it is over, and gets nothing more
    await assign(county, "officer", "ps-01", ref)
    await county.quiet()
    told = [(one["action"], one["member"]) for one in await county.records("ps-02", ASSIGN)]
    assert told == [("assign", "ps-02"), ("end", "ps-02")]
    await announced(county, "2026-05-03")
    assert await releases(county, "ps-01") == ["2026-05-01", "2026-05-03"]

    # moved once more and ended: back to the region
    await assign(county, "officer", "ps-02", ref)
    await assign(county, "officer", None, ref)
    await announced(county, "2026-05-04")
    assert (await releases(county, "ps-01"))[-1] == "2026-05-04"
    assert await releases(county, "ps-02") == ["2026-05-02"]

    (row,) = await county.ask("assign.list", member="com-01")
    assert row["ref"] == first["ref"] and list(row["team"]) == ["social_worker"]
    shown = await county.ask("assign.show", member="com-01", ref=row["ref"])
    assert shown["name"] == person(1)["name"]
    assert await acts(county) == [
        ("team.assigned", "officer ps-02"),
        ("team.assigned", "social_worker soc-01"),
        ("team.ended", "officer ps-02"),
        ("team.assigned", "officer ps-01"),
        ("team.ended", "officer ps-01"),
        ("team.assigned", "officer ps-02"),
        ("team.ended", "officer ps-02"),
    ]
    everything = str([await county.leaves(), await county.ask("assign.list", member="com-01")])
    assert id_no(1) not in everything and person(1)["name"] not in everything
    await county.assert_sound()


async def test_only_the_office_that_runs_the_order_assigns_and_only_whom_the_place_is_for(
    own: Own,
) -> None:
    county = await found(own)
    ref = await order_ref(county)
    for place, to, code in (
        ("officer", "soc-01", "team.wrong_role"),
        ("officer", "ps-99", "team.wrong_role"),
    ):
        with pytest.raises(Refused) as refused:
            await assign(county, place, to, ref)
        assert refused.value.code == code
    record = person(1) | {"place": "officer", "action": "assign", "member": "ps-02"}
    other = [record | {"on": "2026-01-06"}]
    told = await county.push("com-02", ASSIGN, other, approved_by=["某人"])
    assert (told[0]["verdict"], told[0]["refused"][0]["code"]) == ("refused", "team.not_yours")
    nobody = [person(3) | {**record, **person(3), "on": "2026-01-06"}]
    told = await county.push("com-01", ASSIGN, nobody, approved_by=["王主任"])
    assert told[0]["refused"][0]["code"] == "team.not_yours"
    assert await acts(county) == []
    assert await county.ask("assign.list", member="com-01") == []
    # what was refused has used up its number: the next one leaves no gap behind it
    await assign(county, "officer", "ps-02", ref)
    await county.assert_sound()


async def test_what_the_office_can_not_mean_is_refused_before_anything_is_sent(own: Own) -> None:
    county = await found(own)
    ref = await order_ref(county)
    await assign(county, "officer", "ps-02", ref)
    for place, to, given, code in (
        ("chief", "ps-01", ref, "team.no_place"),
        ("officer", "ps-02", ref, "team.so_already"),
        ("social_worker", None, ref, "team.nobody"),
        ("officer", "ps-01", "no-such", "team.unknown_person"),
        ("officer", "ps-01", f"{ref}:2", "team.unknown_person"),
    ):
        with pytest.raises(Refused) as refused:
            await assign(county, place, to, given)
        assert refused.value.code == code, given
