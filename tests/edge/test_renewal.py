"""What an edge renews by itself: a signature that ran out, and the directory it goes by."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.kit import County
from tests.edge.test_mailbox import Mailbox
from tests.gateway.test_properties import CLINIC, Setting, World

from jdgate.core import keys as formats
from jdgate.core.directory import Trust, publish
from jdgate.core.enrolment import rekeyed
from jdgate.core.signing import peek
from jdgate.edge.outbox import kept
from jdgate.founding import AUTHORITY
from jdgate.keystore import read_key_file
from jdgate.store import directories as stored
from jdgate.store import outbox

EXPIRED = {"verdict": "refused", "code": "key.expired", "params": {}}


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


@pytest.fixture
def box(setting: Setting, tmp_path: Path) -> Iterator[Mailbox]:
    world = World(setting, tmp_path / "world")
    yield Mailbox(world, setting)
    world.close()


def refusal(box: Mailbox, message: str) -> dict[str, Any]:
    return {**EXPIRED, "message_id": message, "digest": box.digest(message)}


def test_what_a_newer_key_can_sign_is_sent_anew_when_the_old_one_ran_out(box: Mailbox) -> None:
    message = box.open_message()
    desk = box.world.desks[CLINIC]
    newer, old_one = formats.make(CLINIC, os.urandom, number=2), desk.signer
    desk.keys = newer.beside(desk.keys)
    assert desk.signer == old_one, "the directory does not name the newer one yet"
    before, now = desk.trust, box.world.now
    desk.trust = Trust(
        rekeyed(before.directory, before.member(CLINIC), desk.keys, now, now + timedelta(days=9))
    )
    [answered] = box.answer(refusal(box, message)).answered
    assert answered.renewed_as is not None
    with box.world.edge.transaction() as conn:
        row = outbox.get(conn, answered.renewed_as)
        assert row is not None
        assert peek(kept(conn, desk, row)).kid == newer.signer.kid
        old = outbox.get(conn, message)
        assert old is not None and row.sequence == old.sequence, "the gateway did not count it"
    assert (box.state(message), box.state(answered.renewed_as)) == ("refused", "open")


def test_without_a_newer_key_the_refusal_stands(box: Mailbox) -> None:
    message = box.open_message()
    [answered] = box.answer(refusal(box, message)).answered
    assert (answered.renewed_as, answered.verdict) == (None, "refused")
    assert box.state(message) == "refused"


@pytest.mark.anyio
async def test_a_restart_goes_on_with_the_newest_directory_the_edge_accepted(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path / "county")
    signer = read_key_file(county.home.keys / f"{AUTHORITY}.key").signer
    began = county.directory
    newer = msgspec.structs.replace(began, version=began.version + 1)
    await county.start()
    assert county.daemon.edge is not None
    await county.daemon.edge.run(
        lambda conn: stored.keep_copy(
            conn, "pol", newer.version, publish(newer, signer), newer.issued
        )
    )
    await county.stop()
    async with county.running():
        assert county.daemon.trust.directory.version == newer.version
        assert county.daemon.edge is not None
        assert county.daemon.edge.desk("pol").trust.directory.version == newer.version
