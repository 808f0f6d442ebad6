"""What the gateway forgets is gone: from its books, from its ledger's salts, from its files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.kit import ENROL
from tests.gateway.test_long_life import gateway_of
from tests.gateway.test_properties import CLINIC, POLICE, Setting, World

from jdgate.bus.memory import MemoryHub
from jdgate.core.admission import Arrival
from jdgate.errors import Refused
from jdgate.gateway import held, letters, redelivery, retention, upkeep
from jdgate.gateway.gateway import Gateway
from jdgate.store import dead, deliveries

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def world(setting: Setting, tmp_path: Path) -> Iterator[World]:
    world = World(setting, tmp_path / "world")
    yield world
    world.close()


def forget(world: World) -> Gateway:
    gateway = gateway_of(world, MemoryHub())
    asyncio.run(upkeep.forget(gateway))
    return gateway


def ask(world: World, query: str) -> int:
    with world.books.read() as conn:
        return int(conn.exec_driver_sql(query).scalar_one())


ENROLMENTS = f"SELECT count(*) FROM message WHERE body IS NOT NULL AND type = '{ENROL}'"
DELIVERED = f"SELECT count(*) FROM delivery WHERE body IS NOT NULL AND type = '{ENROL}'"
KEYS = f"SELECT count(*) FROM body_key WHERE wrapped IS NOT NULL AND type = '{ENROL}'"
SALTS = (
    "SELECT count(*) FROM ledger_leaf WHERE salt IS NOT NULL AND coalesce(message, id) IN "
    f"(SELECT id FROM message WHERE type = '{ENROL}')"
)


def test_bodies_salts_and_keys_go_and_are_in_no_file_any_more(world: World) -> None:
    world.push(2)
    world.settle()
    with world.books.read() as conn:
        wrapped = conn.exec_driver_sql(f"SELECT wrapped FROM body_key WHERE type = '{ENROL}'")
        key = wrapped.scalar_one()
    folder = Path(world.books.name).parent

    def on_disk() -> bool:
        return any(key in file.read_bytes() for file in folder.glob("books.db*"))

    secrets = (folder / "books.days").read_bytes()
    assert on_disk() and ask(world, SALTS) > 0
    forget(world)
    assert ask(world, ENROLMENTS) == ask(world, DELIVERED) == 2
    assert ask(world, KEYS) == 1
    world.now += 9 * DAY
    forget(world)
    assert ask(world, ENROLMENTS) == ask(world, DELIVERED) == 0
    assert ask(world, KEYS) == 0
    assert ask(world, SALTS) == 0
    assert not on_disk()
    assert (folder / "books.days").read_bytes() != secrets


def test_everything_that_is_due_goes_in_one_hour_a_few_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    world.push(10)
    world.settle()
    world.now += 9 * DAY
    with world.books.transaction() as conn:
        assert retention.erase_due(conn, world.ground, world.now) == 3
    forget(world)
    assert ask(world, ENROLMENTS) == ask(world, DELIVERED) == ask(world, KEYS) == 0


def test_a_day_whose_bodies_are_gone_is_shredded_though_none_is_due(world: World) -> None:
    with world.books.transaction() as conn:
        world.ground.vault.seal(conn, ENROL, world.now.date(), b"kept nowhere", b"")
    world.now += 9 * DAY
    forget(world)
    assert ask(world, KEYS) == 0


def test_what_is_open_keeps_its_key_and_is_forgotten_once_it_is_given_up(world: World) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    world.now += 9 * DAY
    gateway = forget(world)
    assert ask(world, KEYS) == ask(world, DELIVERED) == 1
    with world.books.transaction() as conn:
        rows = deliveries.open_of(conn, POLICE, "POL", 9)
        redelivery.give_up(
            conn, rows, "delivery.member_left", world.now, lambda row: {"member": row.recipient}
        )
    forget(world)
    assert ask(world, KEYS) == ask(world, DELIVERED) == 0
    with pytest.raises(Refused) as gone:
        asyncio.run(letters.retry(gateway, rows[0].id, "op"))
    assert gone.value.code == "dead.body_erased"


def hold(world: World) -> str:
    """A message that our own code broke on is set aside whole; the letter's id."""
    world.push(1)
    world.send()
    one = world.ingress.pop()
    arrival = Arrival(CLINIC, one.id, one.kid, one.body, world.now)
    with world.books.transaction() as conn:
        held.keep(conn, world.ground, arrival, "KeyError in somewhere:1", world.now)
    return one.id


def test_a_message_set_aside_lives_while_its_letter_is_open(world: World) -> None:
    letter_id = hold(world)
    world.now += (retention.UNOPENED_DAYS + 2) * DAY
    gateway = forget(world)
    assert asyncio.run(letters.retry(gateway, letter_id, "op")) == "dead.judged_again"
    with world.books.read() as conn:
        letter = dead.get(conn, letter_id)
    assert letter is not None
    assert (letter.state, letter.body, letter.erased_at) == ("retried", None, None)
    forget(world)
    held_keys = "SELECT count(*) FROM body_key WHERE wrapped IS NOT NULL AND type = 'sys.held'"
    world.now += retention.HELD_DAYS * DAY
    forget(world)
    assert ask(world, held_keys) == 0


def test_after_its_time_the_letter_says_that_its_content_is_gone(world: World) -> None:
    letter_id = hold(world)
    world.now += (retention.HELD_DAYS + 2) * DAY
    gateway = forget(world)
    with world.books.read() as conn:
        letter = dead.get(conn, letter_id)
    assert letter is not None
    assert (letter.state, letter.body, letter.erased_at) == ("open", None, world.now)
    with pytest.raises(Refused) as gone:
        asyncio.run(letters.retry(gateway, letter_id, "op"))
    assert gone.value.code == "dead.body_erased"
