"""What an envelope claims and does not prove uses up no number, takes no place and no letter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.gateway.test_properties import CLINIC, ENROL, Setting, World, enrolment

from jdgate.core.admission import MAX_JUMP, Arrival
from jdgate.core.directory import Trust
from jdgate.core.resending import AT_ONCE, MAX_RANGES, merged
from jdgate.edge import outbox as writing
from jdgate.gateway import held, pipeline, timekeeper
from jdgate.store import dead, messages, outbox, sequences
from jdgate.store.dead import DeadRow

FAR = 10**11


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def world(setting: Setting, tmp_path: Path) -> Iterator[World]:
    made = World(setting, tmp_path / "world")
    yield made
    made.close()


def revoked(world: World, setting: Setting) -> Trust:
    """The directory with the clinic's signing keys revoked."""
    members = tuple(
        msgspec.structs.replace(
            one,
            keys=tuple(msgspec.structs.replace(k, revoked_at=world.now) for k in one.keys),
        )
        if one.id == CLINIC
        else one
        for one in setting.trust.directory.members
    )
    return Trust(msgspec.structs.replace(setting.trust.directory, members=members))


def written(world: World, number: int, sequence: int) -> Arrival:
    """A message of the clinic's under any number, as it arrives at the gateway."""
    desk = world.desks[CLINIC]
    with world.edge.transaction() as conn:
        row = writing.build(conn, desk, ENROL, [enrolment(number)], world.now, sequence=sequence)
        outbox.add_many(conn, [row])
        jws = writing.kept(conn, desk, row)
    world._say(CLINIC, jws, row.id)
    return world._arrivals([world.ingress.pop()])[0]


def process(world: World, *arrivals: Arrival) -> None:
    with world.books.transaction() as conn:
        world._to_boxes(pipeline.process(conn, world.ground, arrivals, world.now).outbound)


def position(world: World) -> tuple[int, int]:
    with world.books.read() as conn:
        where = sequences.position(conn, CLINIC)
        gaps = sequences.gaps_older(conn, world.now + timedelta(days=1))
    assert not gaps, gaps
    return where.contiguous, where.highest


def state(world: World, id: str) -> str:
    with world.edge.read() as conn:
        row = outbox.get(conn, id)
    assert row is not None
    return row.state


def test_a_revoked_key_uses_up_no_number_and_takes_no_id(world: World, setting: Setting) -> None:
    good, world.ground = world.ground, world.ground.with_trust(revoked(world, setting))
    arrival = written(world, 1, sequence=500)
    process(world, arrival)
    assert position(world) == (0, 0)
    assert world.answers[arrival.id]["code"] == "key.revoked"
    with world.books.read() as conn:
        assert messages.get(conn, arrival.id) is None
        (row,) = messages.search(conn, source=CLINIC)
    assert row.claimed_id == arrival.id
    # so the same message is judged as if it came for the first time once its key is good
    world.ground = good
    world.answers.clear()
    process(world, written(world, 1, sequence=1))
    assert position(world) == (1, 1)


def test_a_number_from_nowhere_opens_no_gap_and_its_sender_counts_on(world: World) -> None:
    process(world, written(world, 1, sequence=1))
    with world.edge.transaction() as conn:
        sequences.skip_to(conn, "gateway", FAR, member=CLINIC)
    arrivals = [written(world, 2, sequence=FAR), written(world, 3, sequence=FAR + 1)]
    process(world, *arrivals)
    assert position(world) == (1, 1)
    said = world.answers[arrivals[0].id]
    assert (said["code"], said["params"]["next"]) == ("admission.sequence_jump", 2)
    assert "sys.resend.v1" not in asked_types(world)

    world.member(CLINIC, 99)
    assert [state(world, one.id) for one in arrivals] == ["refused", "refused"]
    world.send()
    world.gateway(99)
    assert position(world) == (3, 3)


def asked_types(world: World) -> list[str]:
    with world.books.transaction() as conn:
        due = timekeeper.run_due(conn, world.ground, world.now + timedelta(minutes=1))
    return [one.type for one in due.outbound]


def test_a_jump_that_may_be_is_asked_for_in_one_bounded_request(world: World) -> None:
    process(world, *(written(world, n, sequence=1 + 2 * n) for n in range(1, MAX_RANGES + 20)))
    process(world, written(world, 0, sequence=MAX_JUMP))
    world.now += timedelta(minutes=1)
    with world.books.transaction() as conn:
        asked = sequences.ask(conn, world.now, timedelta(seconds=5))
        assert list(asked) == [("gateway", CLINIC)]
        first = asked["gateway", CLINIC]
        assert len(first) == MAX_RANGES
        assert first[0] == (1, 2)
        # the others come with the next request, and none twice
        second = sequences.ask(conn, world.now, timedelta(seconds=5))["gateway", CLINIC]
        assert not set(first) & set(second)
        assert second[-1][1] == MAX_JUMP - 1
        assert not sequences.ask(conn, world.now, timedelta(seconds=5))


def test_ranges_that_touch_are_one_and_there_are_never_many() -> None:
    assert merged([(7, 9), (1, 3), (4, 5), (8, 12), (20, 19)]) == [(1, 5), (7, 12)]
    assert merged([(1, FAR), (5, 6)]) == [(1, FAR)]
    assert len(merged((2 * n, 2 * n) for n in range(1, 1000))) == MAX_RANGES


def test_a_request_for_everything_brings_a_bounded_number_of_messages(world: World) -> None:
    world.push(AT_ONCE + 30)
    with world.edge.transaction() as conn:
        rows = outbox.search(conn, CLINIC, limit=1000)
        for row in rows:
            outbox.close(conn, row.id, "accepted", None, {}, world.now)
        assert outbox.requeue(conn, CLINIC, 1, FAR, world.now) == AT_ONCE
        due = outbox.due(conn, [CLINIC], world.now, 1000)
    assert sorted(row.sequence or 0 for row in due) == list(range(1, AT_ONCE + 1))


def letter(id: str, member: str) -> DeadRow:
    import datetime

    at = datetime.datetime(2026, 11, 21, tzinfo=datetime.UTC)
    return DeadRow(
        id=id, direction="in", member=member, code="admission.held", params={}, at=at, attempts=1
    )


@pytest.mark.parametrize("what", ["another's subject", "not sealed for us"])
def test_an_unproven_envelope_neither_closes_nor_replaces_a_letter(world: World, what: str) -> None:
    good = written(world, 1, sequence=1)
    other: dict[str, Any] = {"member": "cln-02"} if what == "another's subject" else {"body": b"x"}
    forged = msgspec.structs.replace(good, **other)
    with world.books.transaction() as conn:
        dead.add(conn, [letter(good.id, CLINIC)])
        held.went_through(conn, world.ground, forged, world.now)
        held.keep(conn, world.ground, forged, "somewhere", world.now)
        kept = dead.get(conn, good.id)
        assert kept is not None and (kept.state, kept.params) == (dead.OPEN, {})
        own = [row for row in dead.search(conn) if row.id != good.id]
        assert [row.params["message"] for row in own] == [good.id]
        # what is proven does both
        held.keep(conn, world.ground, good, "elsewhere", world.now)
        kept = dead.get(conn, good.id)
        assert kept is not None and kept.params["error"] == "elsewhere"
        held.went_through(conn, world.ground, good, world.now)
        kept = dead.get(conn, good.id)
        assert kept is not None and kept.state == dead.RETRIED
