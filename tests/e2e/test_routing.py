"""Who is told what: every message to the desks its sheet names, with those fields and no other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from tests.e2e.kit import (
    ATTENDANCE,
    CLINIC_RULES,
    CUSTODY,
    DROPOUT,
    ENROL,
    HOSTED,
    ORDER,
    STATUS,
    TOWN_1,
    TOWN_2,
    County,
    attendance,
    enrolment,
    person,
)

from jdgate.clock import machine_time
from jdgate.errors import JdgateError
from jdgate.gateway import retention
from jdgate.store import messages
from jdgate.store.tables import relation

pytestmark = pytest.mark.anyio
Own = Callable[..., County]

M1 = "mmt.absence.alert.v1"


def dropout(number: int) -> dict[str, Any]:
    day = machine_time().date().isoformat()
    return person(number) | {"site": "cln-01", "confirmed_on": day, "confirmer": "王医生"}


def order(number: int, town: str = TOWN_1, served_on: str = "2026-03-01") -> dict[str, Any]:
    return person(number) | {
        "town": town,
        "measure": "community_treatment",
        "doc_no": f"邻公(禁)社戒字{number}号",
        "served_on": served_on,
    }


def ended(number: int, day: str = "2026-04-01") -> dict[str, Any]:
    return person(number) | {
        "doc_no": f"邻公(禁)社戒字{number}号",
        "status": "terminated",
        "date": day,
    }


async def told(county: County, type: str, number: int) -> dict[str, list[dict[str, Any]]]:
    """Member → the records of a type about a person that it can read, once all is delivered."""
    await county.quiet()
    found = {}
    for member in HOSTED:
        own = [
            r for r in await county.records(member, type) if r["id_no"] == person(number)["id_no"]
        ]
        if own:
            found[member] = own
    return found


def fields_for(county: County, type: str, role: str) -> set[str]:
    """What the sheet shows to a role."""
    return set(county.daemon.catalogue.sheets[type].fields_for(role))


async def test_a_dropout_reaches_the_police_with_the_fields_of_its_sheet(county: County) -> None:
    await county.push("cln-01", DROPOUT, [dropout(100)])
    reached = await told(county, DROPOUT, 100)
    assert set(reached) == {"pol"}
    (record,) = reached["pol"]
    assert set(record) == fields_for(county, DROPOUT, "POL")
    assert record == dropout(100)


@pytest.mark.parametrize(
    ("number", "town", "desk"), [(101, TOWN_1, "com-01"), (102, TOWN_2, "com-02")]
)
async def test_the_township_is_told_of_a_dropout_while_an_order_is_in_force(
    county: County, number: int, town: str, desk: str
) -> None:
    await county.push("pol", ORDER, [order(number, town)])
    assert set(await told(county, ORDER, number)) == {desk}
    await county.push("cln-01", DROPOUT, [dropout(number)])
    reached = await told(county, DROPOUT, number)
    assert set(reached) == {"pol", desk}
    (record,) = reached[desk]
    assert set(record) == fields_for(county, DROPOUT, "COM")
    assert "confirmer" not in record and "site" not in record


async def test_a_search_by_person_names_who_was_shown_that_person_alone(county: County) -> None:
    """Two people's orders in one message go to a township each."""
    await county.push("pol", ORDER, [order(107, TOWN_1), order(108, TOWN_2)])
    assert set(await told(county, ORDER, 107)) == {"com-01"}
    about = {"id_type": "ric", "id_no": person(107)["id_no"], "by": "checker"}
    (sent,) = [
        row
        for row in (await county.ask("messages.person", **about))["rows"]
        if (row["kind"], row["type"]) == ("message", ORDER)
    ]
    assert sent["to"] == ["com-01"]


ORDERS = list(itertools.permutations(["order", "ended", "dropout"]))


@pytest.mark.parametrize("steps", ORDERS, ids=["-".join(steps) for steps in ORDERS])
async def test_the_township_is_told_only_between_order_and_end(
    county: County, steps: tuple[str, ...]
) -> None:
    """Only if the order came before the dropout and its end did not."""
    number = 110 + ORDERS.index(steps)
    made: dict[str, tuple[str, str, dict[str, Any]]] = {
        "order": ("pol", ORDER, order(number)),
        "ended": ("pol", STATUS, ended(number)),
        "dropout": ("cln-01", DROPOUT, dropout(number)),
    }
    for step in steps:
        member, type, record = made[step]
        (verdict,) = await county.push(member, type, [record])
        assert verdict["verdict"] == "accepted"
    reached = set(await told(county, DROPOUT, number))
    in_force = steps == ("order", "dropout", "ended")
    assert reached == ({"pol", "com-01"} if in_force else {"pol"})


async def test_an_order_ended_before_it_came_stays_ended(county: County) -> None:
    """The end overtakes the order on its way: the later fact wins, not the later message."""
    await county.push("pol", STATUS, [ended(120)])
    await county.push("pol", ORDER, [order(120)])
    await county.push("cln-01", DROPOUT, [dropout(120)])
    assert set(await told(county, DROPOUT, 120)) == {"pol"}
    # a new order, served later, is in force again
    await county.push("pol", ORDER, [order(120, served_on="2026-05-01")])
    await county.push("cln-01", DROPOUT, [dropout(120)])
    assert set(await told(county, DROPOUT, 120)) == {"pol", "com-01"}


async def test_custody_is_told_to_the_clinic_that_enrolled_and_to_nobody_else(
    county: County,
) -> None:
    await county.push("cln-02", ENROL, [enrolment(130, site="cln-02")])
    await county.push("pol", CUSTODY, [person(130) | {"date": "2026-06-01"}])
    reached = await told(county, CUSTODY, 130)
    assert set(reached) == {"cln-02"}
    assert set(reached["cln-02"][0]) == fields_for(county, CUSTODY, "CLN")


async def test_custody_of_somebody_no_clinic_knows_is_told_to_nobody(county: County) -> None:
    (verdict,) = await county.push("pol", CUSTODY, [person(131) | {"date": "2026-06-01"}])
    assert verdict["verdict"] == "accepted"
    assert await told(county, CUSTODY, 131) == {}


async def test_custody_is_not_told_to_a_clinic_whose_treatment_ended(county: County) -> None:
    await county.push("cln-01", ENROL, [enrolment(132)])
    gone = enrolment(132, status="terminated", date="2026-02-01")
    await county.push("cln-01", ENROL, [gone])
    await county.push("pol", CUSTODY, [person(132) | {"date": "2026-06-01"}])
    assert await told(county, CUSTODY, 132) == {}


async def test_enrolments_go_to_the_police_without_the_clinics_own_number(county: County) -> None:
    await county.push("cln-01", ENROL, [enrolment(140)])
    reached = await told(county, ENROL, 140)
    assert set(reached) == {"pol"}
    assert set(reached["pol"][0]) == fields_for(county, ENROL, "POL")
    assert "patient_ref" not in reached["pol"][0]


def days_ago(count: int) -> str:
    return (machine_time().date() - timedelta(days=count)).isoformat()


async def absent(county: County, number: int, days: int) -> None:
    """Enrol somebody who came once and then stayed away for `days` days."""
    await county.push("cln-01", ENROL, [enrolment(number, date=days_ago(days + 10))])
    rows = [attendance(number, days_ago(days + 1), True)]
    rows += [attendance(number, days_ago(n), False) for n in range(1, days + 1)]
    await county.push("cln-01", ATTENDANCE, rows)


async def about(county: County, member: str, type: str, number: int) -> list[dict[str, Any]]:
    ref = attendance(number, "x")["patient_ref"]
    return [r for r in await county.records(member, type) if r.get("patient_ref") == ref]


async def test_attendance_reaches_nobody_and_the_alert_only_the_clinic(county: County) -> None:
    await absent(county, 150, 3)
    await county.until(lambda: about(county, "cln-01", M1, 150))
    await county.quiet()
    for member in HOSTED:
        assert not await county.inbox(member, ATTENDANCE)
        if member != "cln-01":
            assert not await about(county, member, M1, 150)
    assert not await drafts(county, 150)


async def drafts(county: County, number: int, state: str = "waiting") -> list[dict[str, Any]]:
    """The drafts about a patient, in full."""
    ref = attendance(number, "x")["patient_ref"]
    rows = await county.ask("drafts.list", member="cln-01", state=state)
    shown = [await county.ask("drafts.show", id=row["id"]) for row in rows]
    return [one for one in shown if one["prefill"]["patient_ref"] == ref]


async def code_of(asked: Any) -> str:
    with pytest.raises(JdgateError) as refused:
        await asked
    for lang in ("zh", "en"):
        assert "{" not in refused.value.text(lang)
    return refused.value.code


async def test_a_draft_leaves_only_when_a_named_person_has_checked_everything(
    county: County,
) -> None:
    await absent(county, 160, 6)
    (draft,) = await county.until(lambda: drafts(county, 160))
    assert draft["type"] == DROPOUT
    approve = {"id": draft["id"], "by": "王医生", "checked": draft["checks"]}
    fewer = approve | {"checked": draft["checks"][:-1]}
    assert await code_of(county.ask("drafts.approve", **fewer)) == "draft.checks_missing"
    nobody = approve | {"by": "  "}
    assert await code_of(county.ask("drafts.approve", **nobody)) == "draft.person_needed"
    assert await told(county, DROPOUT, 160) == {}

    await county.ask("drafts.approve", **approve)
    assert await code_of(county.ask("drafts.approve", **approve)) == "draft.decided"
    reached = await county.until(lambda: told(county, DROPOUT, 160))
    assert set(reached) == {"pol"}
    assert reached["pol"][0]["confirmer"] == "王医生"
    await county.until(lambda: _decided(county, draft["id"], "approved"))
    assert [leaf["kind"] for leaf in await county.leaves(draft["id"])].count("decided") == 1


async def test_a_rejected_draft_is_never_sent(county: County) -> None:
    await absent(county, 161, 6)
    (draft,) = await county.until(lambda: drafts(county, 161))
    reject = {"id": draft["id"], "by": "王医生", "reason": "住院"}
    assert await code_of(county.ask("drafts.reject", **(reject | {"reason": ""}))) == (
        "draft.reason_needed"
    )
    await county.ask("drafts.reject", **reject)
    assert (
        await code_of(
            county.ask("drafts.approve", id=draft["id"], by="王医生", checked=draft["checks"])
        )
        == "draft.decided"
    )
    assert await told(county, DROPOUT, 161) == {}
    await county.until(lambda: _decided(county, draft["id"], "rejected"))
    # the same absence does not ask a second time
    await county.push("cln-01", ATTENDANCE, [attendance(161, days_ago(0), False)])
    await county.quiet()
    assert not await drafts(county, 161)


async def _decided(county: County, draft: str, decision: str) -> bool:
    return any(leaf.get("decision") == decision for leaf in await county.leaves(draft))


async def test_a_draft_is_withdrawn_when_the_patient_comes_back(county: County) -> None:
    await absent(county, 162, 6)
    (draft,) = await county.until(lambda: drafts(county, 162))
    await county.push("cln-01", ATTENDANCE, [attendance(162, days_ago(0), True)])
    await county.until(lambda: drafts(county, 162, "withdrawn"))
    assert (
        await code_of(
            county.ask("drafts.approve", id=draft["id"], by="王医生", checked=draft["checks"])
        )
        == "draft.decided"
    )
    assert await told(county, DROPOUT, 162) == {}


async def test_a_record_for_a_place_nobody_answers_for_is_told_to_the_authority(own: Own) -> None:
    county = own(rules={"clinic": CLINIC_RULES})
    directory = county.directory
    gone = tuple(
        msgspec.structs.replace(m, status="suspended") if m.id == "pol" else m
        for m in directory.members
    )
    county.publish(msgspec.structs.replace(directory, members=gone))
    config = county.home.config.read_text("utf-8").replace('"pol", ', "")
    county.home.config.write_text(config, "utf-8")
    await county.start()
    (verdict,) = await county.push("cln-01", ENROL, [enrolment(1)])
    assert verdict["verdict"] == "accepted"
    (alert,) = await county.until(lambda: county.records("nco", "sys.alert.v1"))
    assert alert["rule"] == "X1"


async def test_when_retention_ends_the_content_is_gone_and_the_proof_is_not(own: Own) -> None:
    county = own()
    await county.start()
    (verdict,) = await county.push("cln-01", ENROL, [enrolment(1)])
    await county.quiet()
    id = verdict["id"]
    before = await county.ask("evidence.export", id=id)
    assert before["evidence"]
    for days, kept in ((5, True), (9, False)):
        later = machine_time() + timedelta(days=days)
        await county.books(
            lambda conn, at=later: retention.erase_due(conn, county.gateway.ground, at)
        )
        row = await county.books(lambda conn: messages.get(conn, id))
        assert row is not None
        assert (row.body is not None) is kept
    assert await code_of(county.ask("evidence.export", id=id)) == "evidence.erased"
    await county.assert_sound()
    kinds = {leaf["kind"] for leaf in await county.leaves(id)}
    assert {"accepted", "disclosed", "delivered"} <= kinds
    county.gateway.books.scrub()
    raw = b"".join(file.read_bytes() for file in county.home.var.glob("books.db*"))
    assert enrolment(1)["id_no"].encode() not in raw
    assert enrolment(1)["name"].encode() not in raw


async def test_the_books_tell_two_orders_apart_and_hold_no_document_number(county: County) -> None:
    await county.push("pol", ORDER, [order(61), order(61, TOWN_2) | {"doc_no": "另案9号"}])
    await county.push("pol", STATUS, [ended(61)])
    assert set(await told(county, STATUS, 61)) == {"com-01"}
    kept = await county.books(
        lambda conn: conn.execute(select(relation.c.key, relation.c.closed_on)).all()
    )
    assert not [key for key, _ in kept if "号" in key or "cln" in key]
    assert any(closed is not None for _, closed in kept)
