"""The directory changes while the county runs: who comes, who goes, and what can't come back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import ENROL, County, enrolment

from jdgate.clock import machine_time
from jdgate.core.directory import Directory, Member
from jdgate.errors import JdgateError, Refused

pytestmark = pytest.mark.anyio
Own = Callable[..., County]


def changed(directory: Directory, member_id: str, change: Callable[[Member], Member]) -> Directory:
    members = tuple(
        change(member) if member.id == member_id else member for member in directory.members
    )
    return msgspec.structs.replace(directory, members=members)


def suspended(member: Member) -> Member:
    return msgspec.structs.replace(member, status="suspended")


async def test_a_suspended_member_loses_the_bus_and_its_voice_without_a_restart(own: Own) -> None:
    county = own()
    async with county.running():
        raw = await RawMember.open(county, "cln-09")
        county.publish(changed(county.directory, "cln-09", suspended))
        assert await county.daemon.reload() is True
        await county.until(lambda: not raw.bus.healthy)
        with pytest.raises(JdgateError):
            await raw.send(raw.sealed(raw.message()))
        [verdict] = await county.push("cln-01", ENROL, [enrolment(2)])
        assert verdict["verdict"] == "accepted"
        await raw.close()


async def test_members_learn_of_a_newer_directory_and_reload_says_when_there_is_none(
    own: Own,
) -> None:
    county = own()
    async with county.running():
        assert await county.daemon.reload() is False
        before = county.daemon.trust.directory.version
        county.publish(county.directory)
        assert await county.daemon.reload() is True
        assert county.daemon.trust.directory.version == before + 1
        edge = county.daemon.edge
        assert edge is not None
        assert edge.desk("pol").trust.directory.version == before + 1
        assert [leaf["version"] for leaf in await county.leaves() if leaf["kind"] == "directory"][
            -1
        ] == before + 1


async def test_an_older_directory_is_not_taken_at_run_time_nor_at_a_restart(own: Own) -> None:
    county = own()
    older = county.home.directory.read_bytes()
    county.publish(county.directory)
    async with county.running():
        county.home.directory.write_bytes(older)
        with pytest.raises(Refused) as caught:
            await county.daemon.reload()
        assert caught.value.code == "directory.rollback"
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"
    with pytest.raises(Refused) as again:
        await county.start()
    assert again.value.code == "directory.rollback"


async def test_a_hosted_member_whose_bus_key_ran_out_is_left_out_and_the_others_go_on(
    own: Own,
) -> None:
    county = own()

    def ran_out(member: Member) -> Member:
        past = machine_time() - timedelta(minutes=1)
        keys = tuple(
            msgspec.structs.replace(key, not_after=past) if key.use == "bus" else key
            for key in member.keys
        )
        return msgspec.structs.replace(member, keys=keys)

    county.publish(changed(county.directory, "com-02", ran_out))
    async with county.running():
        edge = county.daemon.edge
        assert edge is not None
        assert "com-02" not in edge.desks and "cln-01" in edge.desks
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"


FORGETFUL = '''
"""A plugin that breaks the first times it should note something."""
from pathlib import Path
from jdgate.plugins import hookimpl

COUNT = Path(__file__).with_name("count")


@hookimpl
def jdgate_accepted(type, records, register):
    tries = int(COUNT.read_text()) if COUNT.exists() else 0
    COUNT.write_text(str(tries + 1))
    if tries < 2:
        raise RuntimeError("not yet")
    register.put("noted", records[0]["patient_ref"], {"n": len(records)})
'''


async def test_what_a_plugin_broke_on_it_is_told_of_again(own: Own, monkeypatch: Any) -> None:
    monkeypatch.setattr("jdgate.edge.host.NOTE_AGAIN_TICKS", 1)
    county = own(plugins={"forgetful": FORGETFUL})
    async with county.running():
        record = enrolment(1)
        [verdict] = await county.push("cln-01", ENROL, [record])
        assert verdict["verdict"] == "accepted"
        edge = county.daemon.edge
        assert edge is not None
        desk = edge.desk("cln-01")

        async def noted() -> Any:
            return await edge.run(
                lambda conn: desk.register(conn, ENROL).get("noted", record["patient_ref"])
            )

        await county.until(noted)
