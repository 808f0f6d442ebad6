"""Corrections follow the data: to whoever got the record, as far as they saw it, and to nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from tests.e2e.kit import DROPOUT, ENROL, HOSTED, ORDER, TOWN_1, County, enrolment, person

from jdgate.cli import main
from jdgate.clock import machine_time
from jdgate.core.evidence_report import Report
from jdgate.core.evidence_verify import verify
from jdgate.founding import pinned_authority
from jdgate.gateway import proofs, retention
from jdgate.store import inbox, messages

pytestmark = pytest.mark.anyio
Own = Callable[..., County]

REQUEST, RESULT = "correct.request.v1", "correct.result.v1"
DAY = machine_time().date().isoformat()


def order(number: int) -> dict[str, Any]:
    return person(number) | {
        "town": TOWN_1,
        "measure": "community_treatment",
        "doc_no": f"公(禁)字{number}号",
        "served_on": "2026-03-01",
    }


def dropout(number: int, day: str = DAY) -> dict[str, Any]:
    return person(number) | {"site": "cln-01", "confirmed_on": day, "confirmer": "王医生"}


def finding(message_id: str, record: int, item: str, **changes: Any) -> dict[str, Any]:
    return {
        "to": "cln-01",
        "request_no": "JH-1",
        "message_id": message_id,
        "record": record,
        "item": item,
        "decision": "corrected",
        "decided_on": DAY,
        **changes,
    }


FREEZING = '''
import json
from pathlib import Path
from msgspec import Struct
from jdgate.core.effects import Alert, Role
from jdgate.errors import TransportFailed
from jdgate.plugins import hookimpl
from jdgate.plugins.adapters import Health

ROOT = Path(__file__).parents[1]
DROPOUT, RESULT = "mmt.dropout.notice.v1", "correct.result.v1"


class Case(Struct, frozen=True):
    notices: int = 0
    wrong: str = ""


class Freeze:
    """What was begun on a notice is frozen when the notice turns out wrong."""

    name, version, types, state = "freezing.cases", 1, frozenset({DROPOUT, RESULT}), Case
    explains = {}

    def key(self, fact):
        return fact.subject.hex() if fact.subject else None

    def step(self, state, fact, now):
        new = Case(1, state.wrong) if fact.type == DROPOUT else Case(
            state.notices, max(state.wrong, fact.data["decision"]))
        if new == state or not (new.notices and new.wrong):
            return new, ()
        return new, [Alert("frozen", "L2", "sys.alert.v1", Role("NCO"), {"cause_ref": "frozen"},
                           "alert.left_lying", {"rule": "L2", "member": "pol", "level": 0})]

    def due(self, state, name, now):
        return state, ()


class Desk:
    name, types = "freezing.desk", frozenset({DROPOUT})

    async def check(self):
        return Health(ok=True)

    async def deliver(self, delivery):
        if not (ROOT / "open").exists():
            raise TransportFailed("bus.unavailable")
        (ROOT / "taken.json").write_text(json.dumps(list(delivery.corrections.items())))


@hookimpl
def jdgate_rules(settings):
    return [Freeze()]


@hookimpl
def jdgate_adapters(member, roles, settings):
    return [Desk()] if member == "com-01" else []
'''


async def told(county: County, type: str) -> dict[str, list[dict[str, Any]]]:
    """Member → the records of a type that came for it, once all is delivered."""
    await county.quiet()
    found = {member: await county.records(member, type) for member in HOSTED}
    return {member: records for member, records in found.items() if records}


async def two_dropouts(county: County, first: int) -> str:
    """A message about two people, of whom only the second has an order in a town; its id."""
    await county.push("cln-01", ENROL, [enrolment(first), enrolment(first + 1)])
    await county.push("pol", ORDER, [order(first + 1)])
    pair = [dropout(first), dropout(first + 1)]
    (sent,) = await county.submit("cln-01", DROPOUT, pair, approved_by=["王医生"])
    await county.verdicts([sent])
    await county.quiet()
    return sent


async def copy_of(county: County, member: str, sent: str) -> dict[str, Any]:
    """What a member got of a message, as its inbox has it."""
    return next(one for one in await county.inbox(member) if one["inreplyto"] == sent)


async def correct(county: County, *records: dict[str, Any], by: str = "cln-01") -> dict[str, Any]:
    ids = await county.submit(by, RESULT, list(records), approved_by=["王医生"])
    (answer,) = await county.verdicts(ids)
    await county.quiet()
    return {"id": ids[0], **answer}


async def evidence_of(county: County, message_id: str) -> tuple[bytes, Report]:
    ground, now = county.gateway.ground, county.gateway.clock.now()
    data = await county.books(lambda conn: proofs.export(conn, ground, message_id, now))
    return data, verify(data, pinned_authority(county.home.authority_public))


async def test_a_finding_reaches_whoever_got_the_record_and_as_far_as_they_saw_it(
    own: Own,
) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 1)
    # the office saw the second person's day and no confirmer; of the first it saw nothing
    seen = await copy_of(county, "com-01", sent)
    assert len(seen["data"]) == 1 and "confirmer" not in seen["data"][0]

    answer = await correct(
        county,
        finding(sent, 0, "confirmed_on"),
        finding(sent, 1, "confirmed_on", decision="withdrawn", reason="不是本人"),
        finding(sent, 1, "confirmer"),
    )
    found = await told(county, RESULT)
    assert set(found) == {"pol", "com-01"}
    police = await copy_of(county, "pol", sent)
    assert [(r["message_id"], r["record"]) for r in found["pol"]] == [
        (police["id"], 0), (police["id"], 1), (police["id"], 1),
    ]  # fmt: skip
    # nothing of the first person, and nothing of the field that it never saw
    assert found["com-01"] == [
        {
            "message_id": seen["id"],
            "record": 0,
            "item": "confirmed_on",
            "decision": "withdrawn",
            "decided_on": DAY,
        }
    ]
    marked = (await copy_of(county, "com-01", sent))["marks"]
    assert [(one["record"], one["mark"]) for one in marked] == [(0, "withdrawn")]

    data, report = await evidence_of(county, answer["id"])
    assert report.ok, report.failed
    assert report.summary is not None
    assert {shown.recipient for shown in report.summary.disclosures} == {"pol", "com-01"}
    assert {shown.outcome for shown in report.summary.disclosures} == {"delivered"}
    assert "evidence.past" in [step.code for step in report.steps]
    spoilt = bytearray(data)
    spoilt[len(spoilt) // 2] ^= 1
    assert not verify(bytes(spoilt), pinned_authority(county.home.authority_public)).ok


async def test_recipients_hear_of_it_after_the_body_was_erased(own: Own) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 11)
    later = machine_time() + timedelta(days=20)
    ground = county.gateway.ground
    await county.books(lambda conn: retention.erase_due(conn, ground, later))
    copy = (await copy_of(county, "com-01", sent))["id"]

    def forget(conn: Any) -> None:
        inbox.erase_done(conn, "com-01", later)

    assert county.daemon.edge is not None
    await county.daemon.edge.run(forget)
    answer = await correct(
        county, finding(sent, 1, "confirmer", decision="withdrawn", reason="不是本人")
    )
    found = await told(county, RESULT)
    assert set(found) == {"pol", "com-01"}
    assert "item" not in found["com-01"][0]  # it never saw that field
    shown = await county.ask("inbox.show", member="com-01", id=copy)
    assert (shown["data"], [one["mark"] for one in shown["marks"]]) == (None, ["withdrawn"])
    assert (await evidence_of(county, answer["id"]))[1].ok


async def test_a_request_goes_to_the_provider_and_its_refusal_back_with_the_reason(
    own: Own,
) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 21)
    seen = await copy_of(county, "com-01", sent)
    asked = {
        "to": "cln-01",
        "request_no": "JH-7",
        "message_id": seen["id"],
        "record": 0,
        "item": "confirmed_on",
        "error": "本人称未脱失",
    }
    (asking,) = await county.submit("com-01", REQUEST, [asked])
    (verdict,) = await county.verdicts([asking])
    assert verdict["verdict"] == "accepted"
    await county.quiet()
    (request,) = await county.records("cln-01", REQUEST)
    # the clinic reads its own message and place, the office its own
    assert (request["message_id"], request["record"]) == (sent, 1)
    assert [one["mark"] for one in (await copy_of(county, "com-01", sent))["marks"]] == ["disputed"]
    assert (await evidence_of(county, asking))[1].ok

    upheld = finding(
        sent, 1, "confirmed_on", to="com-01", request_no="JH-7", decision="upheld",
        reason="服药记录与本人签字一致",
    )  # fmt: skip
    await correct(county, upheld)
    found = await told(county, RESULT)
    assert set(found) == {"com-01"}
    assert found["com-01"][0]["reason"] == "服药记录与本人签字一致"
    assert (found["com-01"][0]["message_id"], found["com-01"][0]["record"]) == (seen["id"], 0)
    assert [one["mark"] for one in (await copy_of(county, "com-01", sent))["marks"]] == ["upheld"]


async def test_nobody_speaks_of_a_record_that_is_not_theirs(own: Own) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 31)
    seen = await copy_of(county, "com-01", sent)
    unknown = "01890a5d-ac96-774b-bcce-000000000000"
    for by, record, code in (
        ("cln-02", finding(sent, 0, "confirmed_on"), "correct.unknown_record"),
        ("pol", finding(sent, 0, "confirmed_on"), "correct.unknown_record"),
        ("cln-01", finding(unknown, 0, "confirmed_on"), "correct.unknown_record"),
        ("cln-01", finding(sent, 2, "confirmed_on"), "correct.unknown_record"),
        ("cln-01", finding(sent, 0, "no_such_field"), "correct.unknown_field"),
    ):
        answer = await correct(county, record, by=by)
        assert answer["verdict"] == "refused"
        assert [one["code"] for one in answer["refused"]] == [code]
    base = {"to": "cln-01", "request_no": "JH-9", "record": 0, "item": "name", "error": "x"}
    for by, changes, code in (
        ("ps-01", {"message_id": seen["id"]}, "correct.unknown_record"),
        ("com-01", {"message_id": sent}, "correct.unknown_record"),
        ("com-01", {"message_id": seen["id"], "record": 1}, "correct.unknown_record"),
        ("com-01", {"message_id": seen["id"], "to": "pol"}, "correct.not_provider"),
        ("com-01", {"message_id": seen["id"], "item": "confirmer"}, "correct.unknown_field"),
    ):
        (answer,) = await county.push(by, REQUEST, [base | changes])
        assert [one["code"] for one in answer["refused"]] == [code]
    assert await told(county, RESULT) == {}
    # of several the good one goes on, under the id and the number of its message
    wrong = finding(unknown, 0, "confirmed_on")
    answer = await correct(county, wrong, finding(sent, 1, "confirmer"))
    assert (answer["verdict"], [one["index"] for one in answer["refused"]]) == ("part", [0])
    assert await county.books(lambda conn: messages.get(conn, answer["id"]))
    assert len((await told(county, RESULT))["pol"]) == 1
    await county.assert_sound()


async def test_rules_and_systems_can_freeze_on_it(own: Own) -> None:
    county = own(plugins={"freezing": FREEZING})
    await county.start()
    await county.push("cln-01", ENROL, [enrolment(41), enrolment(42)])
    await county.push("pol", ORDER, [order(42)])
    pair = [dropout(41), dropout(42)]
    (sent,) = await county.submit("cln-01", DROPOUT, pair, approved_by=["王医生"])
    await county.verdicts([sent])
    seen = await county.until(lambda: county.inbox("com-01", DROPOUT))
    wrong = finding(sent, 1, "name", decision="withdrawn", reason="不是本人")
    ids = await county.submit("cln-01", RESULT, [wrong], approved_by=["王医生"])
    await county.verdicts(ids)

    async def marked() -> bool:
        rows = await county.inbox("com-01", DROPOUT)
        return any(one["marks"] for one in rows)

    # the office's system is away: it reads of the finding with the notice itself
    await county.until(marked)
    (county.home.root / "open").touch()
    taken = county.home.root / "taken.json"

    def delivered() -> bool:
        county.turned.turn(timedelta(seconds=1))
        return taken.exists() and bool(taken.read_text())

    await county.until(delivered)
    assert json.loads(taken.read_text()) == [[0, "withdrawn"]]
    assert len(seen) == 1
    # and one case of the two is frozen, found by the person of the record
    alerts = await county.until(lambda: county.records("nco", "sys.alert.v1"))
    assert [one["rule"] for one in alerts] == ["L2"]


async def test_a_request_that_nobody_answers_is_stated_and_its_answer_noted(own: Own) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 51)
    seen = await copy_of(county, "com-01", sent)
    asked = {"to": "cln-01", "request_no": "JH-3", "message_id": seen["id"], "record": 0,
             "item": "confirmed_on", "error": "日期有误"}  # fmt: skip
    await county.push("com-01", REQUEST, [asked])
    # ten working days, however many of them are holidays
    county.turned.turn(timedelta(days=30))

    async def stated() -> list[dict[str, Any]]:
        """Beside the check-ins that nobody of this test makes."""
        missed = await county.ask("expect.list", missed=True)
        return [one for one in missed if one["what"] == RESULT]

    (late,) = await county.until(stated)
    assert late["member"] == "cln-01"
    overdue = await county.until(lambda: county.records("cln-01", "share.alert.v1"))
    assert {one["rule"] for one in overdue} == {"S1"}
    day = county.turned().date().isoformat()
    answer = await correct(
        county,
        finding(sent, 1, "confirmed_on", to="com-01", request_no="JH-3", decided_on=day),
    )
    said = await county.ask("expect.show", id=late["statement"])
    assert said["message"] == answer["id"]


async def test_people_ask_and_answer_with_two_commands(own: Own) -> None:
    county = own()
    await county.start()
    sent = await two_dropouts(county, 61)
    seen = await copy_of(county, "com-01", sent)

    async def said(*args: str) -> tuple[int, Any]:
        command = ["correct", *args, "--json", "-c", str(county.home.config)]
        done = await asyncio.to_thread(CliRunner().invoke, main, command)
        return done.exit_code, json.loads(done.stdout)

    asking = ("request", seen["id"], "--item", "confirmed_on", "--error", "日期有误", "--number",
              "JH-5", "--as", "com-01")  # fmt: skip
    for slip, told in (("confirmed", "item"), ("confirmed_on", "record")):
        wrong = ("request", seen["id"], "--item", slip, "--record", "9", "--error", "有误",
                 "--number", "JH-5", "--as", "com-01")  # fmt: skip
        code, refused = await said(*wrong)
        assert (code, refused["error"]["code"]) == (2, f"cli.correct.{told}")
    code, taken = await said(*asking)
    assert (code, taken["accepted"]) == (0, True)
    await county.until(lambda: county.records("cln-01", REQUEST))
    found = ("answer", sent, "--record", "2", "--item", "confirmed_on", "--decision", "upheld",
             "--number", "JH-5", "--to", "com-01", "--by", "王医生", "--as", "cln-01")  # fmt: skip
    code, refused = await said(*found)
    assert code == 1 and refused["error"]["code"].startswith("record.")
    code, refused = await said(*found, "--reason", "与签字一致", "--record", "300")
    assert (code, refused["error"]["code"]) == (1, "correct.unknown_record")
    code, _ = await said(*found, "--reason", "与签字一致")
    assert code == 0
    (answer,) = await county.until(lambda: county.records("com-01", RESULT))
    assert (answer["decision"], answer["message_id"], answer["record"]) == ("upheld", seen["id"], 0)
