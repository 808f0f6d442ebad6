"""The directory changes while the county runs: who comes, who goes, and what can't come back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import ALERT, ENROL, County, enrolment

from jdgate.clock import machine_time
from jdgate.core.directory import Directory, Member
from jdgate.errors import JdgateError, Refused, TransportFailed

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


def failing_once(county: County) -> None:
    """The bus fails the gateway the next time it is to adopt a directory."""
    bus = county.gateway.bus
    ensure = bus.ensure_members

    async def fail(members: Any) -> None:
        bus.ensure_members = ensure  # type: ignore[method-assign]
        raise TransportFailed("bus.unavailable")

    bus.ensure_members = fail  # type: ignore[method-assign]


async def test_a_directory_that_could_not_be_adopted_shuts_nobody_out(own: Own) -> None:
    county = own()
    async with county.running():
        version = county.daemon.trust.directory.version
        county.publish(changed(county.directory, "cln-09", suspended))
        failing_once(county)
        with pytest.raises(TransportFailed):
            await county.daemon.reload()
        assert county.daemon.trust.directory.version == version
        raw = await RawMember.open(county, "cln-09")
        await raw.send(raw.sealed(raw.message()))
        await raw.close()


async def test_two_reloads_at_once_come_one_after_the_other(own: Own) -> None:
    """The second must not take for granted what the first takes back."""
    county = own()
    async with county.running():
        county.publish(county.directory)
        failing_once(county)
        first, second = await asyncio.gather(
            county.daemon.reload(), county.daemon.reload(), return_exceptions=True
        )
        assert isinstance(first, TransportFailed)
        assert second is True
        assert county.gateway.ground.version == county.directory.version


async def test_an_edge_says_when_it_goes_by_another_catalogue_than_the_directory_signs(
    own: Own,
) -> None:
    county = own()
    async with county.running():
        edge = county.daemon.edge
        assert edge is not None
        current = county.directory
        edge.adopt(
            msgspec.structs.replace(current, version=current.version + 1, catalogue="0" * 64)
        )
        status = await county.ask("status")
        assert status["directory"]["version"] == current.version + 1
        assert "catalogue.not_signed" in [warning["code"] for warning in status["warnings"]]
        assert edge.warnings["catalogue.not_signed"] == len(edge.desks)


async def test_what_lies_with_a_suspended_member_waits_as_dead_letters_until_it_is_back(
    own: Own,
) -> None:
    county = own()
    await county.start()
    edge = county.daemon.edge
    assert edge is not None
    for task in edge._tasks:
        if task.get_name() == "edge read pol":
            task.cancel()
    await county.push("cln-01", ENROL, [enrolment(1)])
    here = county.directory
    county.publish(changed(here, "pol", suspended))
    assert await county.daemon.reload() is True
    [letter] = await county.ask("dead.list")
    assert (letter["member"], letter["code"]) == ("pol", "delivery.member_suspended")

    async def told() -> bool:
        alerts = await county.records("nco", ALERT)
        return [one["title_code"] for one in alerts] == ["alert.recipient_away"]

    await county.until(told)
    county.publish(msgspec.structs.replace(here, version=county.directory.version))
    with contextlib.suppress(AssertionError):  # the reader that was taken away
        await county.stop()
    await county.start()
    assert (await county.ask("dead.retry", id=letter["id"]))["done"] == "dead.sent_again"
    await county.until(lambda: _has_one(county))
    await county.quiet()


async def _has_one(county: County) -> bool:
    return len(await county.records("pol", ENROL)) == 1
