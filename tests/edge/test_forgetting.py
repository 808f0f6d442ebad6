"""What an edge or the gateway has forgotten stays so when an old database copy comes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.gateway.test_properties import CLINIC, POLICE, Setting, World

from jdgate.edge.forgetting import FORM, forget, kept_forms
from jdgate.errors import Refused
from jdgate.gateway import retention
from jdgate.store import dead, deliveries, draft_box, edge_keys, edge_tables, inbox, outbox
from jdgate.store.database import Database
from jdgate.store.draft_box import DraftBoxRow

KEEP = timedelta(days=90)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def world(setting: Setting, tmp_path: Path) -> Iterator[World]:
    world = World(setting, tmp_path / "world")
    yield world
    world.close()


def _copy(database: Database) -> bytes:
    database.scrub()
    return Path(database.name).read_bytes()


def _restore(world: World, which: str, copy: bytes) -> None:
    database: Database = getattr(world, which)
    file = Path(database.name)
    world.close()
    for old in file.parent.glob(f"{file.name}*"):
        old.unlink()
    file.write_bytes(copy)
    world.open()


def _forget(world: World) -> int:
    with world.edge.transaction() as conn:
        return forget(conn, world.desks, KEEP, world.now)


def _codes(world: World) -> set[str]:
    """What opening every body in the edge's database says."""
    codes = set()
    vault = world.desks[CLINIC].vault
    with world.edge.read() as conn:
        rows = [
            *outbox.search(conn, CLINIC, limit=100),
            *inbox.search(conn, POLICE, limit=100),
        ]
        for row in rows:
            if row.key_id is not None and row.body is not None:
                try:
                    vault.open(conn, row.key_id, row.body, row.id.encode())
                    codes.add("opened")
                except Refused as reason:
                    codes.add(reason.code)
    return codes


def test_an_old_copy_of_an_edge_opens_nothing_that_the_edge_has_erased(world: World) -> None:
    world.push(3)
    world.settle()
    copy = _copy(world.edge)
    assert _codes(world) == {"opened"}
    assert _forget(world) == 0
    world.now += KEEP + timedelta(days=2)
    assert _forget(world) > 0
    _restore(world, "edge", copy)
    assert _codes(world) == {"books.erased"}


def test_what_an_edge_still_has_to_send_keeps_its_key(world: World) -> None:
    world.push(1)
    world.now += KEEP + timedelta(days=2)
    _forget(world)
    assert _codes(world) == {"opened"}


def test_an_edge_goes_on_when_an_old_copy_calls_open_what_was_erased(world: World) -> None:
    world.push(1)
    with world.edge.read() as conn:
        key_ids = edge_keys.in_use(conn)
    copy = _copy(world.edge)
    world.settle()
    world.now += KEEP + timedelta(days=2)
    _forget(world)
    with world.edge.read() as conn:
        assert not key_ids & edge_keys.in_use(conn)
    _restore(world, "edge", copy)
    assert _codes(world) == {"books.erased"}


def test_every_edge_table_with_sealed_content_is_asked_which_keys_it_needs() -> None:
    sealed = {
        table.name for table in edge_tables.metadata.tables.values() if "key_id" in table.columns
    }
    asked = {content.table.name for content in edge_keys.SEALED}
    assert asked == sealed


def test_books_from_an_old_copy_set_aside_what_they_can_no_longer_send(world: World) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    copy = _copy(world.books)
    world.settle()
    world.now += timedelta(days=9)
    with world.books.transaction() as conn:
        assert retention.erase_due(conn, world.ground, world.now)
    _restore(world, "books", copy)
    world.wait(30)
    with world.books.read() as conn:
        letters = dead.search(conn)
        assert {letter.code for letter in letters} == {"books.erased"}
        assert POLICE in {letter.member for letter in letters}
        assert deliveries.counts(conn).get(POLICE, 0) == 0


def test_a_draft_is_erased_when_the_retention_of_its_decision_has_passed(world: World) -> None:
    desk = world.desks[CLINIC]
    kept = timedelta(days=desk.sheet("sys.draft.v1").retention_days)
    with world.edge.transaction() as conn:
        for id in ("waiting", "decided"):
            sealed = desk.vault.seal(conn, "sys.draft.v1", world.now.date(), b"{}", id.encode())
            row = DraftBoxRow(
                member=CLINIC, id=id, type="mmt.dropout.notice.v1", rule="r", cause=id,
                reason_code="c", params={}, key_id=sealed.key_id, prefill=sealed.blob, checks=[],
                received_at=world.now,
            )  # fmt: skip
            draft_box.add(conn, row)
        draft_box.decide(conn, CLINIC, "decided", "rejected", by="p", reason=None, at=world.now)

    def content(id: str) -> bytes | None:
        with world.edge.read() as conn:
            row = draft_box.get(conn, CLINIC, id)
        assert row is not None
        return row.prefill

    world.now += kept
    _forget(world)
    assert content("decided") is not None
    world.now += timedelta(days=1)
    _forget(world)
    assert content("decided") is None and content("waiting") is not None
    with world.edge.transaction() as conn:
        draft_box.decide(conn, CLINIC, "waiting", "withdrawn", by=None, reason=None, at=world.now)
    world.now += kept + timedelta(days=1)
    assert _forget(world) == 2  # the content, and with it the day's key
    assert content("waiting") is None


def test_a_form_that_nobody_approves_is_forgotten_after_a_month(world: World) -> None:
    desk = world.desks[CLINIC]
    with world.edge.transaction() as conn:
        for id, days in (("old", 32), ("young", 30)):
            at = (world.now - timedelta(days=days)).isoformat()
            kept_forms(conn, desk).put(FORM, id, {"at": at, "record": {}})
    assert _forget(world) >= 1
    with world.edge.transaction() as conn:
        assert [id for id, _ in kept_forms(conn, desk).find(FORM)] == ["young"]
