"""What comes for the police is in their table once, whole, and durable before anybody is told."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from plugins.police.tests.office import Office

from jdgate.errors import TransportFailed
from jdgate.plugins import Delivery
from jdgate_police.answers import Answers
from jdgate_police.database import Registry
from jdgate_police.inbox import Inbox
from jdgate_police.mapping import QUERY, Bar

pytestmark = pytest.mark.anyio
DROPOUT = "mmt.dropout.notice.v1"
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def delivery(number: int = 1, count: int = 2, type: str = DROPOUT, **more: object) -> Delivery:
    records = [{"name": f"甄{n}", "id_no": f"X{n}", **more} for n in range(count)]
    return Delivery(f"01-{number}", type, "cln-01", NOW, records, title={"zh": "脱失告知"})


def inbox(office: Office, *, create: bool = True, registry: Registry | None = None) -> Inbox:
    types = frozenset({DROPOUT})
    return Inbox(registry or office.registry, "jdgate_inbox", create=create, types=types)


def rows(office: Office) -> list[tuple[object, ...]]:
    return office.sees("SELECT delivery_id, record_no, type FROM jdgate_inbox ORDER BY seq")


async def test_a_delivery_is_rows_and_a_receipt(office: Office) -> None:
    await inbox(office).deliver(delivery())
    assert rows(office) == [("01-1", 0, DROPOUT), ("01-1", 1, DROPOUT)]
    assert office.sees("SELECT delivery_id, records FROM jdgate_inbox_receipt") == [("01-1", 2)]
    ((sender, title, record),) = office.sees(
        "SELECT sender, title, record FROM jdgate_inbox WHERE record_no = 0"
    )
    assert (sender, title) == ("cln-01", "脱失告知")
    assert json.loads(record) == {"name": "甄0", "id_no": "X0"}


async def test_the_same_delivery_again_changes_nothing_also_when_its_rows_were_taken_out(
    office: Office,
) -> None:
    for _ in range(3):
        await inbox(office).deliver(delivery())
    assert len(rows(office)) == 2
    office.does("DELETE FROM jdgate_inbox")
    await inbox(office).deliver(delivery())
    assert rows(office) == []


async def test_numbers_are_not_given_again_when_rows_are_taken_out(office: Office) -> None:
    await inbox(office).deliver(delivery(1))
    office.does("DELETE FROM jdgate_inbox")
    await inbox(office).deliver(delivery(2))
    assert office.sees("SELECT seq FROM jdgate_inbox") == [(3,), (4,)]


async def test_many_at_the_same_moment_are_one(office: Office) -> None:
    await inbox(office).deliver(delivery(0))
    await asyncio.gather(*(inbox(office).deliver(delivery(7)) for _ in range(8)))
    assert len(rows(office)) == 4


async def test_a_delivery_is_there_whole_or_not_at_all(office: Office) -> None:
    await inbox(office).deliver(delivery(1))
    office.does("DROP TABLE jdgate_inbox_receipt")
    office.does("CREATE TABLE jdgate_inbox_receipt (delivery_id VARCHAR(2) CHECK (1 = 0))")
    with pytest.raises(TransportFailed):
        await inbox(office).deliver(delivery(2))
    assert len(rows(office)) == 2


async def test_no_table_is_made_unless_allowed_and_the_log_says_how(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    forbidden = inbox(office, create=False)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            with pytest.raises(TransportFailed) as raised:
                await forbidden.deliver(delivery())
            assert raised.value.code == "police.inbox_missing"
    assert caplog.text.count("CREATE TABLE jdgate_inbox ") == 1
    health = await forbidden.check()
    assert (health.ok, health.code) == (False, "police.inbox_missing")
    for statement in forbidden.ddl().split(";"):
        if statement.strip():
            office.does(statement)
    assert (await forbidden.check()).ok
    await forbidden.deliver(delivery())
    assert len(rows(office)) == 2


async def test_looking_makes_nothing(office: Office) -> None:
    assert (await inbox(office).check()).ok
    with pytest.raises(Exception, match="jdgate_inbox"):
        rows(office)


# --- answers about licences


TODAY: Callable[[], datetime] = lambda: NOW  # noqa: E731
BARS = (
    Bar("162-15-2", frozenset({"ordinary", "large", "school_bus"}), "barred", "no", "kind", "til"),
    Bar("162-87", frozenset({"school_bus"}), "recorded", "no"),
)


async def ask(office: Office, number: int, *asked: tuple[str, str, str]) -> None:
    """Queries of the traffic police: kind and number of the document, and the class."""
    records = [
        {
            "name": "甄",
            "id_type": kind,
            "id_no": no,
            "class": one,
            "application_no": f"A{number}-{n}",
        }
        for n, (kind, no, one) in enumerate(asked)
    ]
    await inbox(office).deliver(Delivery(f"q-{number}", QUERY, "tra", NOW, records))


async def answered(office: Office, mark: str | None = None) -> tuple[dict[str, str], str | None]:
    source = Answers(office.registry, BARS, inbox(office), clock=TODAY)
    found: dict[str, str] = {}
    async for batch in source.collect(mark):
        for one in batch.records:
            assert set(one) == {"to", "application_no", "eligible", "rule_code"}
            assert one["to"] == "tra" and one["eligible"] == (one["rule_code"] == "none")
            found[one["application_no"]] = one["rule_code"]
        mark = batch.mark
    return found, mark


@pytest.fixture
def barred(office: Office) -> Office:
    office.does("CREATE TABLE barred (no VARCHAR(20), kind VARCHAR(9), til DATE)")
    office.does("CREATE TABLE recorded (no VARCHAR(20))")
    office.does("INSERT INTO barred VALUES ('N1', 'ric', NULL), ('N2', 'ric', '2026-11-19')")
    office.does("INSERT INTO barred VALUES ('N3', 'ric', '2026-11-20'), ('P1', 'passport', NULL)")
    office.does("INSERT INTO recorded VALUES ('N4')")
    return office


async def test_the_answer_is_yes_or_no_and_the_rule(barred: Office) -> None:
    await ask(
        barred, 1,
        ("ric", "N1", "ordinary"), ("ric", "N2", "ordinary"), ("ric", "N3", "large"),
        ("ric", "N4", "large"), ("ric", "N4", "school_bus"), ("ric", "N9", "school_bus"),
    )  # fmt: skip
    found, _ = await answered(barred)
    assert list(found.values()) == ["162-15-2", "none", "162-15-2", "none", "162-87", "none"]


async def test_another_kind_of_document_with_the_same_number_is_another_person(
    barred: Office,
) -> None:
    await ask(barred, 1, ("ric", "P1", "ordinary"), ("passport", "P1", "ordinary"),
              ("passport", "N4", "school_bus"))  # fmt: skip
    found, _ = await answered(barred)
    assert list(found.values()) == ["none", "162-15-2", "none"]


async def test_each_query_is_answered_once(barred: Office) -> None:
    await ask(barred, 1, ("ric", "N1", "ordinary"))
    _, mark = await answered(barred)
    assert await answered(barred, mark) == ({}, mark)
    await ask(barred, 1, ("ric", "N1", "ordinary"))  # the same delivery, come again
    await ask(barred, 2, ("ric", "N9", "large"))
    found, _ = await answered(barred, mark)
    assert found == {"A2-0": "none"}


async def test_a_view_that_is_missing_is_told_and_nothing_is_answered(office: Office) -> None:
    await ask(office, 1, ("ric", "N1", "ordinary"))
    source = Answers(office.registry, BARS, inbox(office), clock=TODAY)
    assert (await source.check()).code == "police.no_such_table"
    with pytest.raises(Exception, match="lacks a table"):
        await answered(office)


# --- sealed records


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ({"case_no": "A-1", "approver": "李局长"}, True),
        ({"national_rule": "某法 1", "approver": "李局长"}, True),
        ({"approver": "李局长"}, False),
        ({"case_no": "A-1"}, False),
    ],
)
async def test_a_sealed_query_counts_only_with_a_ground_and_an_approver(
    office: Office, asked: dict[str, str], held: bool
) -> None:
    record = {"query_no": "Q1", **asked}
    await inbox(office).deliver(Delivery("s-1", "sealed.query.v1", "tra", NOW, [record]))
    assert await inbox(office).holds_sealed_query("tra", "Q1") is held
    assert not await inbox(office).holds_sealed_query("ps-01", "Q1")
    assert not await inbox(office).holds_sealed_query("tra", "Q2")
