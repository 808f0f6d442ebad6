"""What a member's edge believes of what lies in its mailbox: only what its own gateway signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.kit import ENROL, enrolment, id_no
from tests.gateway.test_properties import CLINIC, POLICE, Setting, World

from jdgate.core.admission import Arrival
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.checkpoints import sign as sign_checkpoint
from jdgate.core.directory import publish
from jdgate.core.encoding import b64u
from jdgate.core.message import Message, encode
from jdgate.core.sealing import context, seal
from jdgate.core.signing import TYP_MESSAGE, SigningKey, sign
from jdgate.edge import inbox as reading
from jdgate.edge.inbox import Taken
from jdgate.gateway.ground import new_id
from jdgate.store import inbox, outbox, witness
from jdgate.texts import LANGUAGES


class Mailbox:
    """A world without a gateway: the tests write what the gateway would have."""

    def __init__(self, world: World, setting: Setting) -> None:
        self.world, self.setting = world, setting
        self.gateway = setting.keys["gateway"].signer
        self.number = 0

    def message(self, type: str, record: dict[str, Any], to: str, **other: Any) -> Message:
        tracked = self.setting.catalogue.sheets[type].tracked
        self.number += tracked
        fields: dict[str, Any] = {
            "id": new_id(),
            "source": "gateway",
            "type": type,
            "time": self.world.now,
            "recipient": to,
            "data": [record],
            "sequence": self.number if tracked else None,
            "purpose": self.setting.catalogue.sheets[type].purpose,
        }
        return Message(**(fields | other))

    def arrival(
        self, message: Message, reader: str, key: SigningKey | None = None, sender: str = "gateway"
    ) -> Arrival:
        jws = sign(encode(message), key or self.gateway, TYP_MESSAGE)
        to = self.setting.trust.sealing_key(reader, self.world.now)
        body = seal(jws, to, context(sender, reader, message.id))
        return Arrival(reader, message.id, to.kid, body, self.world.now)

    def take(self, reader: str, *arrivals: Arrival, sinks: tuple[str, ...] = ()) -> Taken:
        world = self.world
        with world.edge.transaction() as conn:
            return reading.take(conn, world.desks[reader], arrivals, world.now, sinks)

    def deliver(self, message: Message, reader: str = POLICE, **other: Any) -> Taken:
        return self.take(reader, self.arrival(message, reader, **other))

    def enrolment(self, number: int, **other: Any) -> Message:
        record = {k: v for k, v in enrolment(number).items() if k != "patient_ref"}
        return self.message(ENROL, record, POLICE, **other)

    def open_message(self) -> str:
        """A message in the clinic's outbox; its id."""
        self.world.push(1)
        with self.world.edge.read() as conn:
            return outbox.search(conn, CLINIC)[0].id

    def state(self, id: str) -> str:
        with self.world.edge.read() as conn:
            row = outbox.get(conn, id)
        assert row is not None
        return row.state

    def digest(self, id: str) -> str:
        with self.world.edge.read() as conn:
            row = outbox.get(conn, id)
        assert row is not None
        return b64u(row.digest)

    def answer(self, record: dict[str, Any], **other: Any) -> Taken:
        message = self.message("sys.receipt.v1", record, CLINIC)
        return self.take(CLINIC, self.arrival(message, CLINIC, **other))


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def box(setting: Setting, tmp_path: Path) -> Iterator[Mailbox]:
    world = World(setting, tmp_path / "world")
    yield Mailbox(world, setting)
    world.close()


def test_what_the_gateway_signed_is_kept_and_receipted(box: Mailbox) -> None:
    message = box.enrolment(1)
    taken = box.deliver(message)
    assert [r["message_id"] for r in taken.receipts] == [message.id]
    assert box.world.received() == {id_no(1): 1}


def test_a_copy_changes_nothing_and_gets_the_same_receipt(box: Mailbox) -> None:
    arrival = box.arrival(box.enrolment(1), POLICE)
    first = box.take(POLICE, arrival, arrival)
    again = box.take(POLICE, arrival)
    assert first.receipts == again.receipts * 2
    assert (len(first.fresh), len(again.fresh)) == (1, 0)
    assert box.world.received() == {id_no(1): 1}


@pytest.mark.parametrize("together", [True, False])
def test_other_content_under_the_same_id_is_neither_kept_nor_receipted(
    box: Mailbox, together: bool
) -> None:
    """A gateway that lies must not get a receipt for bytes that nobody kept."""
    one = box.enrolment(1)
    other = box.enrolment(2, id=one.id)
    arrivals = [box.arrival(one, POLICE), box.arrival(other, POLICE)]
    if together:
        taken = box.take(POLICE, *arrivals)
        receipts, warnings = taken.receipts, taken.warnings
    else:
        first, second = box.take(POLICE, arrivals[0]), box.take(POLICE, arrivals[1])
        receipts, warnings = first.receipts + second.receipts, second.warnings
    assert len(receipts) == 1
    assert [warning.code for warning in warnings] == ["edge.other_content"]
    assert all(warnings[0].text(lang) for lang in LANGUAGES)
    assert box.world.received() == {id_no(1): 1}


FORGERS: dict[str, dict[str, Any]] = {
    "another member": {"member": CLINIC},
    "nobody the directory knows": {"kid": "gateway.sig.9"},
    "somebody with the gateway's key name": {"kid": "gateway.sig.1"},
}


@pytest.mark.parametrize("who", FORGERS)
@pytest.mark.parametrize("type", [ENROL, "sys.receipt.v1", "sys.directory.v1"])
def test_what_anybody_else_signed_is_not_believed(box: Mailbox, who: str, type: str) -> None:
    """The administrator of the bus may write into a mailbox; it is worth nothing."""
    forger = FORGERS[who]
    signer = box.setting.keys[CLINIC].signer
    if "kid" in forger:
        signer = SigningKey(forger["kid"], signer.alg, bytes(range(32)))
    id = box.open_message()
    if type == ENROL:
        message, reader = box.enrolment(1), POLICE
    elif type == "sys.receipt.v1":
        record = {"message_id": id, "digest": box.digest(id), "verdict": "accepted"}
        message, reader = box.message(type, record, CLINIC), CLINIC
    else:
        directory = box.setting.trust.directory
        newer = msgspec.structs.replace(directory, version=directory.version + 1)
        message = box.message(type, {"directory": publish(newer, signer).decode()}, CLINIC)
        reader = CLINIC
    taken = box.deliver(message, reader, key=signer)
    assert len(taken.warnings) == 1
    assert not taken.receipts and not taken.answered and taken.directory is None
    assert box.state(id) == outbox.OPEN
    assert not box.world.received()


def test_a_body_for_another_mailbox_is_not_believed(box: Mailbox) -> None:
    arrival = box.arrival(box.enrolment(1), POLICE)
    moved = msgspec.structs.replace(arrival, member=CLINIC)
    taken = box.take(CLINIC, moved)
    assert [warning.code for warning in taken.warnings] == ["sealing.not_ours"]


def test_a_bad_body_delays_no_good_one_beside_it(box: Mailbox) -> None:
    good = [box.arrival(box.enrolment(n), POLICE) for n in (1, 2)]
    bad = msgspec.structs.replace(good[0], body=b"junk", id=new_id())
    taken = box.take(POLICE, good[0], bad, good[1])
    assert (len(taken.receipts), len(taken.warnings)) == (2, 1)
    assert box.world.received() == {id_no(1): 1, id_no(2): 1}


@pytest.mark.parametrize("verdict", ["accepted", "refused", "part"])
def test_a_receipt_for_other_bytes_closes_nothing(box: Mailbox, verdict: str) -> None:
    id = box.open_message()
    box.answer({"message_id": id, "digest": "A" * 43, "verdict": verdict})
    assert box.state(id) == outbox.OPEN


def test_a_refusal_without_a_digest_counts_only_after_several_sendings(box: Mailbox) -> None:
    """A copy may have been spoilt on its way, or by somebody who wants it refused."""
    id = box.open_message()
    said = {"message_id": id, "verdict": "refused", "code": "sealing.cannot_open"}
    for _ in range(5):
        box.answer(said)
        assert box.state(id) == outbox.OPEN
        with box.world.edge.transaction() as conn:
            outbox.mark_sent(conn, [id], box.world.now)
    box.answer(said)
    assert box.state(id) == "refused"


def test_an_acceptance_without_a_digest_is_none(box: Mailbox) -> None:
    id = box.open_message()
    with box.world.edge.transaction() as conn:
        for _ in range(9):
            outbox.mark_sent(conn, [id], box.world.now)
    box.answer({"message_id": id, "verdict": "accepted"})
    assert box.state(id) == outbox.OPEN


def test_a_malformed_message_of_the_gateway_is_passed_over(box: Mailbox) -> None:
    id = box.open_message()
    taken = box.answer({"message_id": id, "verdict": "splendid"})
    assert [warning.code for warning in taken.warnings] == ["edge.malformed"]
    assert box.state(id) == outbox.OPEN


def test_an_older_directory_and_another_of_the_same_version_are_refused(box: Mailbox) -> None:
    county = box.setting.county
    signer = county.keys("authority").signer
    current = box.setting.trust.directory
    later = current.expires + timedelta(days=1)
    for change, code in (
        ({"version": current.version - 1}, "directory.rollback"),
        ({"expires": later}, "directory.forked"),
    ):
        offered = publish(msgspec.structs.replace(current, **change), signer)
        message = box.message("sys.directory.v1", {"directory": offered.decode()}, CLINIC)
        taken = box.deliver(message, CLINIC)
        assert [warning.code for warning in taken.warnings] == [code]
        assert taken.directory is None


def test_two_different_ledgers_of_one_size_are_noticed(box: Mailbox) -> None:
    for root, warned in ((b"\x01" * 32, []), (b"\x02" * 32, ["edge.split_view"])):
        head = Checkpoint(
            ledger=box.setting.trust.directory.county, size=7, root=root, at=box.world.now
        )
        jws = sign_checkpoint(head, box.gateway).decode()
        message = box.message("sys.checkpoint.v1", {"checkpoint": jws}, CLINIC)
        taken = box.deliver(message, CLINIC)
        assert [warning.code for warning in taken.warnings] == warned
    with box.world.edge.read() as conn:
        assert witness.latest(conn, CLINIC) is not None


def test_what_its_system_has_not_taken_is_not_receipted(box: Mailbox) -> None:
    arrival = box.arrival(box.enrolment(1), POLICE)
    for _ in range(2):
        taken = box.take(POLICE, arrival, sinks=(ENROL,))
        assert not taken.receipts
    with box.world.edge.read() as conn:
        assert [row.state for row in inbox.search(conn, POLICE)] == [inbox.RECEIVED]
