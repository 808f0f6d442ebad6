"""A drug-driving case with an objection in a running county: who sees what, and what time does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import REGION, County, person

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.errors import Refused
from jdgate.founding import MemberPlan
from jdgate_licence.cases import ACTION, ALERT, BASIS, FINDING, OBJECTION, RESTORE
from jdgate_licence.eligibility import ANSWER, QUERY

pytestmark = pytest.mark.anyio
TRA = MemberPlan("tra-01", "县交管大队", ("TRA",), (REGION,))
DOC = "邻公强戒〔2026〕1号"
TODAY = day_of(machine_time())
OFFICERS = ("民警甲", "民警乙")
OTHERS = ("nco", "ps-01", "cln-01", "com-01")


def county_at(root: Path) -> County:
    return County.found(root, more=(TRA,), rules={"licence": {}})


def ground(number: int, doc: str = DOC) -> dict[str, Any]:
    return person(number) | {
        "matched_by": "id_document",
        "ground_code": "79-6-isolation",
        "doc_no": doc,
        "effective_on": add_days(TODAY, -3),
        "reviewer1": "民警甲",
        "reviewer2": "民警乙",
    }


async def titles(county: County, member: str) -> list[str]:
    found = [one["title_code"] for one in await county.records(member, ALERT)]
    return [one.removeprefix("licence.") for one in found]


async def push(county: County, member: str, type: str, record: dict[str, Any], *by: str) -> str:
    (told,) = await county.push(member, type, [record], approved_by=by)
    assert told["verdict"] == "accepted", told
    return str(told["id"])


async def test_a_case_from_the_ground_over_an_objection_to_its_restoration(tmp_path: Path) -> None:
    county = county_at(tmp_path / "county")
    async with county.running():
        # two officers, or nothing
        with pytest.raises(Refused) as alone:
            await county.push("pol", BASIS, [ground(1)], approved_by=["民警甲"])
        assert alone.value.code == "agreement.approval"
        # matched by a number or a document, or nothing
        by_name = {"type": BASIS, "records": [ground(1) | {"matched_by": "姓名"}]}
        answer = await county.ask("submit", member="pol", approved_by=OFFICERS, **by_name)
        assert [one["code"] for one in answer["refused"]] == ["licence.by_name_only"]
        words = ground(1) | {"matched_by": "证件原件", "ground_code": "强戒"}
        notice = await push(county, "pol", BASIS, words, *OFFICERS)
        assert await county.until(lambda: county.records("tra-01", BASIS)) == [ground(1)]
        await county.until(lambda: has(county, "tra-01", "give_notice"))

        notified = person(1) | {"doc_no": DOC, "action": "notified", "date": TODAY}
        await push(county, "tra-01", ACTION, notified, "民警丙")
        assert await county.until(lambda: county.records("pol", ACTION)) == [notified]

        objection = person(1) | {"ref": DOC, "ground": "data_error", "lodged_on": TODAY}
        await push(county, "tra-01", OBJECTION, objection)
        assert await county.until(lambda: county.records("pol", OBJECTION)) == [objection]
        for desk in ("pol", "tra-01"):
            await county.until(lambda desk=desk: has(county, desk, "frozen_objection"))

        # a month later the freeze still holds, both hear that nobody has decided, and no more
        county.turned.turn(timedelta(days=32))
        for desk in ("pol", "tra-01"):
            await county.until(lambda desk=desk: has(county, desk, "check_overdue"))
        await county.quiet()
        assert await titles(county, "tra-01") == [
            "give_notice",
            "frozen_objection",
            "check_overdue",
        ]
        assert await county.records("pol", ACTION) == [notified]  # nothing acted by itself

        # the notice was wrong: withdrawn by the police, restored by a named person
        finding = {
            "to": "tra-01",
            "request_no": "K-1",
            "message_id": notice,
            "record": 0,
            "item": "ground_code",
            "decision": "withdrawn",
            "decided_on": TODAY,
        }
        await push(county, "pol", FINDING, finding, "民警甲")
        await county.until(lambda: has(county, "tra-01", "frozen_withdrawn"))
        (draft,) = await county.until(lambda: county.ask("drafts.list", member="tra-01"))
        checks = ["licence_person", "licence_gone"]
        await county.ask("drafts.approve", id=draft["id"], by="民警丙", checked=checks)
        (restored,) = await county.until(lambda: county.records("pol", RESTORE))
        assert restored == person(1) | {
            "ref": DOC,
            "decision": "restore",
            "decided_by": "民警丙",
            "decided_on": day_of(machine_time() + timedelta(days=32)),
        }

        # an alert names the decision and nobody
        for desk in ("pol", "tra-01"):
            for alert in await county.records(desk, ALERT):
                shown = {"alert_id", "rule", "title_code", "params", "doc_no", "raised_at"}
                assert set(alert) - {"due_on"} == shown
                assert person(1)["id_no"] not in str(alert)
                assert person(1)["name"] not in str(alert)
        for member in OTHERS:
            for type in (BASIS, ACTION, OBJECTION, RESTORE, ALERT):
                assert await county.records(member, type) == []
        await county.assert_sound("tra-01", "pol")


async def has(county: County, member: str, title: str) -> bool:
    return title in await titles(county, member)


async def test_a_question_is_answered_with_yes_or_no_and_a_rule(tmp_path: Path) -> None:
    county = county_at(tmp_path / "county")
    async with county.running():
        question = person(2) | {"application_no": "受-1", "class": "school_bus"}
        await push(county, "tra-01", QUERY, question)
        assert await county.until(lambda: county.records("pol", QUERY)) == [question]
        county.turned.turn(timedelta(days=7))
        (late,) = await county.until(lambda: county.records("pol", ALERT))
        assert (late["rule"], late["application_no"]) == ("S1", "受-1")
        answer = {
            "to": "tra-01",
            "application_no": "受-1",
            "eligible": False,
            "rule_code": "162-87",
        }
        await push(county, "pol", ANSWER, answer)
        assert await county.until(lambda: county.records("tra-01", ANSWER)) == [answer]
        await county.until(lambda: settled(county))
        for member in OTHERS:
            assert await county.records(member, ANSWER) == []


async def settled(county: County) -> bool:
    return not await county.ask("alerts.list", member="pol", state="open")
