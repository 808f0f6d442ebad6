"""What is entered in the registry is sent once: ties, late commits, restarts, rows that are bad."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from plugins.police.tests.office import MAPPING, Office

from jdgate.core import catalogue as catalogues
from jdgate.core.identity import synthetic_id_no
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins import Batch, Delivery
from jdgate_police import mapping
from jdgate_police.inbox import SEALED_QUERY, Inbox
from jdgate_police.source import BATCH, Changes

pytestmark = pytest.mark.anyio
CATALOGUE = catalogues.load([catalogues.default_path()])
NOON = datetime(2026, 11, 20, 12, 0)
"""A moment of the registry, in its own, local time."""
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def id_no(number: int) -> str:
    return synthetic_id_no(datetime(1980, 1, 1).date(), number)


class Edge:
    """What the edge does with a source: keeps each batch and its mark together."""

    def __init__(self, office: Office, text: str = MAPPING, inbox: Inbox | None = None) -> None:
        self.office, self.inbox = office, inbox
        file = office.folder / "registry.toml"
        file.write_text(text, "utf-8")
        self._plan = mapping.read(file, CATALOGUE)
        self.mark: str | None = None
        self.batches: list[Batch] = []
        self.source = self.restarted()

    def restarted(self) -> Changes:
        clock: Callable[[], datetime] = lambda: NOW  # noqa: E731
        self.source = Changes(
            self.office.registry, self._plan.sections, CATALOGUE, self.inbox, clock=clock
        )
        return self.source

    async def round(self, stop_after: int = 0) -> list[Batch]:
        """Collect once; with `stop_after`, crash after that many batches."""
        new: list[Batch] = []
        async for batch in self.source.collect(self.mark):
            new.append(batch)
            self.batches.append(batch)
            if batch.mark is not None:
                self.mark = batch.mark
            if stop_after and len(new) == stop_after:
                break
        return new

    def documents(self) -> Counter[str]:
        return Counter(record["doc_no"] for batch in self.batches for record in batch.records)


def enter(office: Office, *numbers: int, at: datetime = NOON, measure: str = "1") -> None:
    """Enter orders 1, 2, …, all at one moment."""
    enter_at(office, {number: at for number in numbers}, measure)


def enter_at(office: Office, moments: dict[int, datetime], measure: str = "1") -> None:
    """Enter orders, each at its moment, in one transaction."""
    office.does(
        "INSERT INTO decision VALUES (:id, :xm, :sfzh, '511623100000', :cs, :wh, :day, :at)",
        *(
            {
                "id": number,
                "xm": f"甄{number}",
                "sfzh": id_no(number % 1000),
                "cs": measure,
                "wh": f"D{number}",
                "day": "2026-11-18",
                "at": at.isoformat(" ", "seconds"),
            }
            for number, at in moments.items()
        ),
    )


def once(*numbers: int) -> Counter[str]:
    return Counter(f"D{number}" for number in numbers)


@pytest.fixture
def edge(office: Office) -> Edge:
    office.found()
    return Edge(office)


async def test_a_row_becomes_a_record_of_its_type(edge: Edge) -> None:
    enter(edge.office, 7)
    (batch,) = await edge.round()
    assert batch.type == "comm.order.notice.v1"
    assert batch.records == [
        {
            "name": "甄7",
            "id_type": "ric",
            "id_no": id_no(7),
            "town": "511623100000",
            "measure": "community_treatment",
            "doc_no": "D7",
            "served_on": "2026-11-18",
        }
    ]


async def test_rows_that_share_a_moment_are_all_sent_once(edge: Edge) -> None:
    count = 2 * BATCH + 17
    enter(edge.office, *range(count))
    batches = await edge.round()
    assert [len(one.records) for one in batches] == [BATCH, BATCH, 17]
    assert not await edge.round()
    assert edge.documents() == once(*range(count))


async def test_one_more_row_at_a_moment_that_was_read_is_sent(edge: Edge) -> None:
    enter(edge.office, 2, 4)
    await edge.round()
    enter(edge.office, 1, 3, 5)
    await edge.round()
    assert edge.documents() == once(1, 2, 3, 4, 5)


async def test_a_row_that_commits_late_with_an_older_moment_is_sent(edge: Edge) -> None:
    enter(edge.office, 1, at=NOON - timedelta(seconds=590))
    enter(edge.office, 3)
    await edge.round()
    enter(edge.office, 2, at=NOON - timedelta(seconds=595))
    await edge.round()
    assert edge.documents() == once(1, 2, 3)
    assert not await edge.round()


async def test_what_commits_later_than_the_mapping_allows_is_not_looked_for(edge: Edge) -> None:
    """The distance is what the mapping promises: the README says how to choose it."""
    for number, seconds in ((1, 1300), (2, 0)):
        enter(edge.office, number, at=NOON - timedelta(seconds=seconds))
    await edge.round()
    enter(edge.office, 3, at=NOON - timedelta(seconds=1400))
    await edge.round()
    assert edge.documents() == once(1, 2)


async def test_a_row_from_the_future_does_not_hide_those_of_today(edge: Edge) -> None:
    enter(edge.office, 1, at=NOON + timedelta(days=4000))
    await edge.round()
    enter(edge.office, 2, at=NOON)
    await edge.round()
    enter(edge.office, 3, at=NOON + timedelta(seconds=5))
    await edge.round()
    assert edge.documents() == once(1, 2, 3)


async def test_stopped_after_any_batch_it_goes_on_without_a_gap_or_a_double(edge: Edge) -> None:
    moments = {n: NOON - timedelta(seconds=3 * (n % 400)) for n in range(5 * BATCH)}
    enter_at(edge.office, moments)
    while await edge.round(stop_after=1):
        edge.restarted()
    assert edge.documents() == once(*range(5 * BATCH))


async def test_a_batch_whose_mark_was_not_kept_comes_again_unchanged(edge: Edge) -> None:
    enter(edge.office, *range(BATCH + 5))
    first = await edge.round(stop_after=1)
    edge.mark = None  # the edge died before its transaction
    edge.restarted()
    assert (await edge.round(stop_after=1))[0] == first[0]


async def test_a_changed_row_is_sent_again(edge: Edge) -> None:
    enter(edge.office, 1)
    await edge.round()
    later = (NOON + timedelta(seconds=9)).isoformat(" ", "seconds")
    edge.office.does("UPDATE decision SET cs = '2', updated_at = :at", at=later)
    (batch,) = await edge.round()
    assert [one["measure"] for one in batch.records] == ["community_recovery"]


async def test_a_row_that_vanished_leaves_nothing_behind_in_the_mark(edge: Edge) -> None:
    enter(edge.office, 1, 2)
    await edge.round()
    edge.office.does("DELETE FROM decision WHERE id = 1")
    enter(edge.office, 3)
    await edge.round()
    assert edge.mark is not None
    assert len(json.loads(edge.mark)["orders"]["dealt"]) == 2


async def test_the_mark_stays_small_and_holds_no_person(edge: Edge) -> None:
    enter_at(edge.office, {n: NOON - timedelta(hours=n) for n in range(BATCH)})
    await edge.round()
    assert edge.mark is not None and len(edge.mark) < 500
    assert id_no(3) not in edge.mark and "甄" not in edge.mark


async def test_an_order_goes_out_before_the_change_of_its_status(edge: Edge) -> None:
    edge.office.does(
        "INSERT INTO change_log VALUES (1, '甄1', :no, 'D1', 'suspended', '2026-11-19')",
        no=id_no(1),
    )
    enter(edge.office, 1)
    types = [batch.type for batch in await edge.round()]
    assert types == ["comm.order.notice.v1", "comm.status.change.v1"]


async def test_rows_that_can_not_be_sent_hold_up_nobody_and_are_told_without_a_value(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    enter(edge.office, 1, 2, 3, 4)
    edge.office.does("UPDATE decision SET cs = '7' WHERE id = 1")
    edge.office.does("UPDATE decision SET sfzh = '110101199001011234' WHERE id = 2")
    edge.office.does("UPDATE decision SET cs = '9' WHERE id = 3")
    with caplog.at_level(logging.WARNING):
        await edge.round()
        await edge.round()
    assert edge.documents() == once(4)
    assert "police.value_unmapped measure" in caplog.text
    assert "record.bad_id_check_digit /id_no" in caplog.text
    assert "110101199001011234" not in caplog.text and "甄" not in caplog.text
    edge.office.does(
        "UPDATE decision SET cs = '1', updated_at = :at WHERE id = 1",
        at=(NOON + timedelta(minutes=1)).isoformat(" ", "seconds"),
    )
    await edge.round()
    assert edge.documents() == once(1, 4)


async def test_a_row_held_back_alone_is_told_once(
    edge: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    enter(edge.office, 1, measure="7")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not await edge.round()
    assert caplog.text.count("police.value_unmapped") == 1


APPROVED = """
[send.exits]
type = "comm.control.exit.v1"
table = "decision"
key = "id"
marker = "updated_at"
approved_by = "wh"
[send.exits.fields]
name = "xm"
id_no = "sfzh"
date = "sdrq"
[send.exits.constants]
id_type = "ric"
"""


async def test_what_needs_a_persons_approval_waits_for_it(office: Office) -> None:
    office.found()
    edge = Edge(office, APPROVED)
    enter(office, 1)
    office.does("UPDATE decision SET wh = ' '")
    assert not await edge.round()
    later = (NOON + timedelta(minutes=2)).isoformat(" ", "seconds")
    office.does("UPDATE decision SET wh = '王民警', updated_at = :at", at=later)
    (batch,) = await edge.round()
    assert batch.records[0]["date"] == "2026-11-18"
    assert "王民警" not in str(batch.records)
    assert batch.approved_by == ("王民警",)


async def test_each_batch_holds_what_the_same_persons_approved(office: Office) -> None:
    office.found()
    edge = Edge(office, APPROVED.replace('approved_by = "wh"', 'approved_by = ["wh", "zxd"]'))
    for number in range(1, 6):
        enter(office, number)
    for number, (first, second) in enumerate(
        [
            ("王民警", ""),
            ("王民警", ""),
            ("李所长", "王民警"),
            ("王民警", "王 民警"),
            ("赵，钱", ""),
        ]
    ):
        office.does(
            "UPDATE decision SET wh = :a, zxd = :b WHERE id = :n", a=first, b=second, n=number + 1
        )
    batches = await edge.round()
    assert [(batch.approved_by, len(batch.records)) for batch in batches] == [
        (("王民警",), 2),
        (("李所长", "王民警"), 1),
    ]
    assert not await edge.round(), "one was sent twice"


SEALED = """
[send.sealed]
type = "sealed.answer.v1"
table = "sealed_reply"
key = "id"
marker = "id"
approved_by = "officer"
[send.sealed.fields]
to = "body"
query_no = "no"
decision = "decision"
approver = "officer"
date = "day"
"""


async def test_an_answer_about_sealed_records_goes_only_to_who_asked_with_a_ground(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox(office.registry, "inbox", create=True, types=frozenset({SEALED_QUERY}))
    asked = [
        {"query_no": "Q1", "case_no": "A-1", "approver": "李局长"},
        {"query_no": "Q2", "approver": "李局长"},
    ]
    await inbox.deliver(Delivery("s-1", SEALED_QUERY, "tra", NOW, asked))
    office.does(
        "CREATE TABLE sealed_reply (id INTEGER PRIMARY KEY, body VARCHAR(32), no VARCHAR(32),"
        " decision VARCHAR(9), officer VARCHAR(60), day DATE)"
    )
    for number, (body, no) in enumerate([("tra", "Q1"), ("tra", "Q2"), ("ps-01", "Q1")]):
        office.does(
            "INSERT INTO sealed_reply VALUES (:id, :body, :no, 'allowed', '王民警', '2026-11-19')",
            id=number, body=body, no=no,
        )  # fmt: skip
    edge = Edge(office, SEALED, inbox)
    with caplog.at_level(logging.WARNING):
        (batch,) = await edge.round()
    assert [(one["to"], one["query_no"]) for one in batch.records] == [("tra", "Q1")]
    assert "2 rows were held back: police.sealed_not_asked" in caplog.text


async def test_a_missing_table_or_column_is_told_and_mended_while_running(office: Office) -> None:
    edge = Edge(office)
    with pytest.raises(Refused, match="lacks a table or column"):
        await edge.round()
    health = await edge.source.check()
    assert (health.ok, health.code) == (False, "police.no_such_table")
    office.found()
    enter(office, 1)
    await edge.round()
    assert edge.documents() == once(1)
    assert (await edge.source.check()).ok


async def test_a_registry_that_is_away_is_not_made_anew(office: Office, tmp_path: Path) -> None:
    edge = Edge(office)
    if office.engine.dialect.name == "sqlite":
        (tmp_path / "registry.db").unlink()
        away = edge
    else:
        office.url = office.url.set(query={"host": str(tmp_path)})
        away = Edge(office)
    with pytest.raises(TransportFailed) as raised:
        await away.round()
    assert raised.value.code == "police.unreachable"
    assert (await away.source.check()).code == "police.unreachable"
    assert not (tmp_path / "registry.db").exists()
