"""A gateway lives longer than its keys, and than the membership of those it sends to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from tests.gateway.test_properties import CLINIC, POLICE, Setting, World

from jdgate.bus.memory import MemoryHub
from jdgate.bus.port import Outgoing
from jdgate.clock import Clock
from jdgate.core import checkpoints, evidence_verify, leaves
from jdgate.core import keys as formats
from jdgate.core.admission import Arrival
from jdgate.core.directory import Directory, KeyRecord, Trust, publish
from jdgate.core.encoding import b64u
from jdgate.core.signing import peek
from jdgate.edge import inbox as reading
from jdgate.errors import Refused
from jdgate.founding import AUTHORITY, pinned_authority
from jdgate.gateway import dispatch, letters, proofs, redelivery, upkeep
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.ground import Ground
from jdgate.keystore import read_key_file
from jdgate.store import dead, deliveries, directories, inbox, ledger
from jdgate.store.deliveries import DeliveryRow


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def world(setting: Setting, tmp_path: Path) -> Iterator[World]:
    world = World(setting, tmp_path / "world")
    with world.books.transaction() as conn:
        first = setting.county.home.directory.read_bytes()
        directories.publish(conn, setting.trust.directory.version, first, world.now)
    yield world
    world.close()


def go_by(world: World, setting: Setting, directory: Directory, keys: formats.MemberKeys) -> None:
    """A newer directory is in force everywhere."""
    directory = msgspec.structs.replace(
        directory, version=world.ground.version + 1, issued=world.now
    )
    signer = read_key_file(setting.county.home.keys / f"{AUTHORITY}.key").signer
    with world.books.transaction() as conn:
        directories.publish(conn, directory.version, publish(directory, signer), world.now)
    trust, old = Trust(directory), world.ground
    world.ground = Ground(
        trust=trust, catalogue=old.catalogue, keys=keys, vault=old.vault, rules=old.rules
    )
    for desk in world.desks.values():
        desk.trust = trust


def changed(world: World, member_id: str, **changes: object) -> Directory:
    directory = world.ground.trust.directory
    members = tuple(
        msgspec.structs.replace(each, **changes) if each.id == member_id else each
        for each in directory.members
    )
    return msgspec.structs.replace(directory, members=members)


def renew_the_gateways_key(
    world: World, setting: Setting, end: Literal["expired", "revoked"]
) -> str:
    """The gateway's signing key has ended and it has another; the name of that."""
    old = world.ground.keys
    newer = formats.make("gateway", os.urandom, number=2).signer
    since = world.now - timedelta(minutes=1)
    until = world.now + timedelta(days=300)
    gateway = world.ground.trust.gateway
    ended = {"not_after": world.now} if end == "expired" else {"revoked_at": world.now}
    records = tuple(
        msgspec.structs.replace(key, **ended) if key.use == "sig" else key for key in gateway.keys
    )
    public = b64u(newer.public().public)
    records += (KeyRecord(newer.kid, "sig", newer.alg, public, since, until),)
    keys = msgspec.structs.replace(old, signing=(*old.signing, newer))
    go_by(world, setting, changed(world, "gateway", keys=records), keys)
    return newer.kid


def the_delivery(world: World) -> DeliveryRow:
    with world.books.read() as conn:
        found = conn.exec_driver_sql("SELECT id FROM delivery WHERE recipient = 'pol'")
        row = deliveries.get(conn, found.scalar_one())
    assert row is not None
    return row


def assert_proven(world: World, setting: Setting) -> None:
    """The evidence of the one message holds, from its sender to the police's receipt."""
    row = the_delivery(world)
    assert row.message_id is not None
    with world.books.transaction() as conn:
        data = proofs.export(conn, world.ground, row.message_id, world.now)
    report = evidence_verify.verify(data, pinned_authority(setting.county.home.authority_public))
    assert report.ok, report.steps[-1]
    assert report.summary is not None
    assert [shown.outcome for shown in report.summary.disclosures] == ["delivered"]


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_what_a_key_signed_that_has_ended_is_signed_anew_and_arrives(
    world: World, setting: Setting, end: Literal["expired", "revoked"]
) -> None:
    """The delivery and the sender's receipt were under way, and the bus lost both."""
    world.push(1)
    world.send()
    world.gateway(100)
    before = the_delivery(world)
    world.boxes[CLINIC].clear()
    world.boxes[POLICE].clear()
    kid = renew_the_gateways_key(world, setting, end)
    world.settle()
    world.assert_receipts_are_true()
    world.assert_all_arrived_once()
    after = the_delivery(world)
    assert (after.id, after.sequence) == (before.id, before.sequence)
    assert after.digest != before.digest
    with world.books.read() as conn:
        jws = redelivery.kept(conn, world.ground, after)
        written = [leaf for leaf in ledger.find(conn, after.id) if leaf.kind == "disclosed"]
    assert jws is not None and peek(jws).kid == kid
    assert len(written) == 2 and after.leaf_index == written[1].index
    [first, second] = [leaves.decode(leaf.body) for leaf in written]
    assert isinstance(first, leaves.DisclosedLeaf) and isinstance(second, leaves.DisclosedLeaf)
    assert (second.fields, second.basis, second.records) == (
        first.fields,
        first.basis,
        first.records,
    )
    assert_proven(world, setting)


def test_who_had_it_before_the_key_ended_keeps_it_once_and_signs_for_the_new_one(
    world: World, setting: Setting
) -> None:
    """The police took it, and their receipt was lost on its way."""
    world.push(1)
    world.send()
    world.gateway(100)
    world.member(POLICE, 100)
    world.ingress.clear()
    renew_the_gateways_key(world, setting, "expired")
    world.settle()
    world.assert_receipts_are_true()
    world.assert_all_arrived_once()
    with world.edge.read() as conn:
        row = inbox.get(conn, POLICE, the_delivery(world).id)
        assert row is not None
        assert reading.digest(conn, world.desks[POLICE], row) == the_delivery(world).digest
    assert_proven(world, setting)


def test_what_was_receipted_keeps_its_bytes_though_a_copy_is_signed_now(
    world: World, setting: Setting
) -> None:
    world.push(1)
    world.settle()
    kid = renew_the_gateways_key(world, setting, "expired")
    before = the_delivery(world)
    with world.books.transaction() as conn:
        [copy] = redelivery.send_again(conn, world.ground, [before], world.now)
    assert peek(copy.jws).kid == kid
    assert the_delivery(world) == before
    assert_proven(world, setting)


def test_a_new_key_that_nobody_knows_yet_signs_nothing_anew(world: World, setting: Setting) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    before = the_delivery(world)
    newer = formats.make("gateway", os.urandom, number=2).signer
    keys = msgspec.structs.replace(world.ground.keys, signing=(*world.ground.keys.signing, newer))
    gateway = world.ground.trust.gateway
    ended = tuple(msgspec.structs.replace(key, not_after=world.now) for key in gateway.keys)
    go_by(world, setting, changed(world, "gateway", keys=ended), keys)
    with world.books.transaction() as conn:
        redelivery.send_again(conn, world.ground, [before], world.now)
    assert the_delivery(world).digest == before.digest


# --- recipients


def gateway_of(world: World, hub: MemoryHub) -> Gateway:
    return Gateway(
        ground=world.ground,
        books=world.books,
        bus=hub.gateway(),
        clock=Clock(lambda: world.now),
        directory_jws=world._setting.county.home.directory.read_bytes(),
    )


Change = dict[str, object]
GONE: list[tuple[Change, str]] = [
    ({"status": "suspended"}, "delivery.member_suspended"),
    ({"status": "left"}, "delivery.member_left"),
    ({"roles": ("PS",)}, "delivery.role_gone"),
]


@pytest.mark.parametrize(("change", "code"), GONE)
def test_what_is_open_to_a_member_that_is_gone_becomes_a_dead_letter_until_it_is_back(
    world: World, setting: Setting, change: Change, code: str
) -> None:
    world.push(3)
    world.send()
    world.gateway(100)
    world.boxes[POLICE].clear()
    here = world.ground.trust.directory
    go_by(world, setting, changed(world, POLICE, **change), world.ground.keys)
    gateway = gateway_of(world, MemoryHub())
    asyncio.run(upkeep.set_aside_absent(gateway))
    with world.books.read() as conn:
        found = dead.search(conn)
        assert [(letter.code, letter.member) for letter in found] == [(code, POLICE)] * 3
        assert not deliveries.counts(conn).get(POLICE)
        told = conn.exec_driver_sql(
            "SELECT count(*) FROM delivery WHERE recipient = 'nco' AND type = 'sys.alert.v1'"
        ).scalar_one()
    assert told == 1
    with pytest.raises(Refused) as away:
        asyncio.run(letters.retry(gateway, found[0].id, "op"))
    assert away.value.code == "dead.recipient_away"

    go_by(world, setting, here, world.ground.keys)
    gateway.ground = world.ground
    asyncio.run(upkeep.set_aside_absent(gateway))
    for letter in found:
        assert asyncio.run(letters.retry(gateway, letter.id, "op")) == "dead.sent_again"
    world.settle()
    world.assert_all_arrived_once()
    with world.books.read() as conn:
        states = conn.exec_driver_sql(
            "SELECT settled_at IS NOT NULL FROM alert WHERE cause = 'recipient:pol'"
        ).all()
    assert states == [(True,)]


def test_the_loop_announces_the_directory_and_gives_up_on_who_is_gone(
    world: World, setting: Setting
) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    go_by(world, setting, changed(world, POLICE, status="left"), world.ground.keys)
    with world.books.read() as conn:
        newest = directories.latest(conn)
    assert newest is not None
    hub = MemoryHub()
    gateway = gateway_of(world, hub)
    gateway.directory_jws = newest.jws
    desk = world.desks[CLINIC]
    desk.trust = setting.trust  # it has not heard of it yet

    async def hear() -> Directory:
        clinic = hub.member(CLINIC)
        await gateway.start()
        try:
            while True:
                incoming = await clinic.fetch(10, 60.0)
                assert incoming, "nobody told the clinic of the directory"
                arrivals = [
                    Arrival(CLINIC, one.id, one.kid, one.body, world.now) for one in incoming
                ]
                with world.edge.transaction() as conn:
                    offered = reading.take(conn, desk, arrivals, world.now, ()).directory
                if offered is not None:
                    return offered
        finally:
            await gateway.stop()

    assert asyncio.run(hear()).version == world.ground.version
    with world.books.read() as conn:
        assert [letter.code for letter in dead.search(conn)] == ["delivery.member_left"]


@pytest.mark.anyio
async def test_a_message_its_system_chokes_on_holds_back_no_other(world: World) -> None:
    hub = MemoryHub()
    bus = hub.gateway()
    await bus.start()
    await bus.ensure_members([POLICE])
    police = hub.member(POLICE)
    row = DeliveryRow(
        id="d", recipient=POLICE, type="t", created_at=world.now, next_at=world.now, digest=b""
    )
    stuck = Outgoing(member=POLICE, id="s", msg_id="s", kid="k", body=b"b")
    await bus.publish([stuck])
    assert await dispatch.resend_due(bus, [row]) == ([], [row])
    [fetched] = await police.fetch(10, 60.0)
    assert await dispatch.resend_due(bus, [row]) == ([row], [])
    await fetched.ack()
    assert await dispatch.resend_due(bus, [row]) == ([row], [])


def test_an_orderly_stop_signs_all_that_was_written(world: World) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    gateway = gateway_of(world, MemoryHub())

    async def live() -> None:
        await gateway.start()
        await gateway.stop()

    asyncio.run(live())
    with world.books.read() as conn:
        last = list(proofs.recompute(conn))[-1]
        assert last.total > 0 and last.checkpoints == 1
        assert len(ledger.checkpoints_between(conn, last.total - 1, last.total)) == 1


def test_a_ledger_that_was_cut_back_behind_a_checkpoint_is_broken(world: World) -> None:
    world.push(1)
    world.send()
    world.gateway(100)
    with world.books.transaction() as conn:
        assert [step.checkpoints for step in proofs.recompute(conn)] == [0]
        head = ledger.head(conn)
        beyond = checkpoints.Checkpoint(
            ledger=world.ground.trust.directory.county,
            size=head.size + 1,
            root=head.root(),
            at=world.now,
        )
        ledger.save_checkpoint(conn, beyond, checkpoints.sign(beyond, world.ground.keys.signer))
        with pytest.raises(Refused) as broken:
            list(proofs.recompute(conn))
    assert broken.value.code == "ledger.broken"
