"""The nats-server child: how it starts, whom it lets in, what kills it and what doesn't."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from jdgate.bus.binary import find, packaged
from jdgate.bus.embedded import EmbeddedServer
from jdgate.bus.jetstream import connect_member
from jdgate.bus.port import NotStored
from jdgate.errors import JdgateError, Misuse, TransportFailed, UsageError

pytestmark = pytest.mark.anyio


def alive(pid: int) -> bool:
    try:
        # A process nobody has waited for yet is dead all the same.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(folder: Path) -> None:
    """Delete it at one stroke: the server may be writing into it."""
    shutil.rmtree(folder.rename(folder.with_name("gone")), ignore_errors=True)


def fake_server(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


async def test_the_configuration_is_for_its_owner_only(county: Any) -> None:
    assert stat.S_IMODE((county.directory / "server.conf").stat().st_mode) == 0o600
    assert stat.S_IMODE(county.directory.stat().st_mode) == 0o700


async def test_stopping_leaves_nothing_running_and_the_directory_free(county: Any) -> None:
    pid = county.server.pid
    await county.server.stop()
    assert not alive(pid)
    assert county.server.pid is None
    await county.server.stop()
    again = EmbeddedServer(county.directory, users=county.users("m1"))
    await again.start()
    await again.stop()


async def test_what_is_stored_is_there_after_a_stop(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1")
    await gateway.publish([tools.message("m1", 1)])
    await gateway.close()
    await county.server.stop()
    with county.keeping_the_port():
        await county.server.start()
    m1 = await county.member("m1")
    assert [g.id for g in await m1.fetch(10, wait=30)] == ["id-1"]


async def test_a_second_daemon_on_the_same_directory_is_told_who_has_it(county: Any) -> None:
    second = EmbeddedServer(county.directory, users=county.users("m1"))
    with pytest.raises(UsageError) as refused:
        await second.start()
    assert refused.value.code == "bus.store_in_use"
    assert str(os.getpid()) in str(refused.value)
    assert county.server.running


async def test_a_port_that_is_taken_is_a_clear_failure(county: Any, tmp_path: Path) -> None:
    port = int(county.server.url.rpartition(":")[2])
    second = EmbeddedServer(tmp_path / "other", users=county.users("m1"), port=port)
    with pytest.raises(TransportFailed) as failed:
        await second.start()
    assert failed.value.code == "bus.server_failed"
    assert "address already in use" in second.log_file.read_text()


async def test_members_are_admitted_and_dropped_without_disturbing_others(
    county: Any, tools: Any
) -> None:
    gateway = await county.gateway("m1", "m2", "m3", watch_patience=30)
    m1, m2 = await county.member("m1", watch_patience=30), await county.member("m2")
    with pytest.raises(TransportFailed) as refused:
        await connect_member(county.server.url, "m3", county.keys["m3"], patience=4)
    assert refused.value.code == "bus.denied"

    await county.server.reload(county.users("gateway", "m1", "m3"))

    m3 = await county.member("m3")
    await m3.publish([tools.message("m3", "new")])
    await m1.publish([tools.message("m1", "old")])
    assert {g.id for g in await tools.fetch_all(gateway, 2)} == {"id-new", "id-old"}
    await tools.until(lambda: not m2.healthy)
    with pytest.raises(NotStored):
        await m2.publish([tools.message("m2", "dropped")])
    assert (gateway._wire.epoch, m1._wire.epoch) == (1, 1)

    await county.server.reload(county.users("gateway", "m1", "m2"))
    await tools.until(lambda: m2.healthy)
    await m2.publish([tools.message("m2", "back again")])
    assert [g.id for g in await tools.fetch_all(gateway, 1)] == ["id-back again"]


async def test_users_that_can_not_be_written_leave_the_old_ones_in_force(
    county: Any, tools: Any
) -> None:
    one = county.users("m1")[0]
    before = (county.directory / "server.conf").read_text()
    with pytest.raises(Misuse):
        await county.server.reload([one, one])
    assert (county.directory / "server.conf").read_text() == before
    m2 = await county.member("m2")
    assert m2.healthy


async def test_a_configuration_the_server_can_not_parse_is_never_put_in_place(
    county: Any, tmp_path: Path
) -> None:
    from jdgate.bus.access import Tls

    broken = EmbeddedServer(
        tmp_path / "tls", users=county.users("m1"), tls=Tls(tmp_path / "no", tmp_path / "no")
    )
    with pytest.raises(Misuse) as refused:
        await broken.start()
    assert refused.value.code == "bus.config_refused"
    assert not (tmp_path / "tls" / "server.conf").exists()


async def test_killed_it_comes_back_on_its_port_and_nothing_stored_is_lost(
    county: Any, tools: Any
) -> None:
    gateway = await county.gateway("m1")
    m1 = await county.member("m1")
    url, stored, kills = county.server.url, set(), 0
    finished = asyncio.Event()

    async def send() -> None:
        for number in range(400):
            outgoing = tools.message("m1", number)
            while outgoing.id not in stored:
                with contextlib.suppress(NotStored):
                    await m1.publish([outgoing])
                    stored.add(outgoing.id)
                    break
                await asyncio.sleep(0.01)
        finished.set()

    sending = asyncio.create_task(send())
    got: set[str] = set()
    while not finished.is_set() or got < stored:
        batch = await gateway.fetch(50, wait=0.2)
        got |= {g.id for g in batch}
        with contextlib.suppress(TransportFailed):
            await gateway.ack_many(batch)
        if kills < 3 and len(got) > 100 * (kills + 1):
            kills += 1
            os.kill(county.server.pid, signal.SIGKILL)
            await tools.until(lambda n=kills: county.server.restarts == n and county.server.running)
    await sending
    assert len(got) == len(stored) == 400
    assert kills == 3
    assert county.server.url == url


async def test_while_it_is_down_nobody_else_is_given_its_port(county: Any, tools: Any) -> None:
    server = county.server
    port = int(server.url.rpartition(":")[2])
    down, again, spawn = asyncio.Event(), asyncio.Event(), server._spawn

    async def later() -> None:
        down.set()
        await again.wait()
        await spawn()

    server._spawn = later
    os.kill(server.pid, signal.SIGKILL)
    await down.wait()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    again.set()
    await tools.until(lambda: server.running)
    assert server.url.endswith(f":{port}")
    await county.member("m1")


async def test_a_store_deleted_under_the_server_is_made_again(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1")
    m1 = await county.member("m1")
    await gateway.publish([tools.message("m1", "lost")])
    await asyncio.sleep(0)
    await tools.until(lambda: county.server._watch.streams == {"JD_IN", "JD_BOX"})
    gone(county.directory / "jetstream")
    await tools.until(lambda: county.server.restarts == 1 and county.server.running)

    async def both_ways() -> bool:
        try:
            await gateway.publish([tools.message("m1", "again")])
            await m1.publish([tools.message("m1", "up")])
        except TransportFailed:
            return False
        return True

    await tools.until(both_ways)
    assert [g.id for g in await tools.fetch_all(m1, 1)] == ["id-again"]
    assert [g.id for g in await tools.fetch_all(gateway, 1)] == ["id-up"]
    assert (county.directory / "jetstream" / "$G" / "streams" / "JD_BOX").is_dir()


async def test_a_whole_directory_deleted_is_made_again(county: Any, tools: Any) -> None:
    gateway = await county.gateway("m1")
    await tools.until(lambda: county.server._watch.streams == {"JD_IN", "JD_BOX"})
    gone(county.directory)
    await tools.until(lambda: county.server.restarts == 1 and county.server.running)

    async def stored() -> bool:
        with contextlib.suppress(TransportFailed):
            await gateway.publish([tools.message("m1", 1)])
            return True
        return False

    await tools.until(stored)


async def test_a_server_whose_write_failed_is_restarted_once_there_is_room(
    county: Any, tools: Any
) -> None:
    """A limit on the size of its files makes the running server's writes fail."""
    gateway = await county.gateway("m1")
    await (await county.member("m1")).publish([tools.message("m1", "before")])
    m1 = await county.member("m1", confirm=0.3)
    resource.prlimit(county.server.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
    stored = 0

    async def recovered() -> bool:
        nonlocal stored
        with contextlib.suppress(NotStored):
            await m1.publish([tools.message("m1", stored, bytes(50_000))])
            stored += 1
        return county.server.restarts > 0 and stored > 5

    await tools.until(recovered)
    assert "critical write error" in county.server.log_file.read_text()
    got = {g.id for g in await tools.fetch_all(gateway, stored + 1)}
    assert got == {"id-before", *(f"id-{n}" for n in range(stored))}


async def test_it_dies_with_a_daemon_that_is_killed(tmp_path: Path, tools: Any) -> None:
    program = (
        "import asyncio, pathlib, sys\n"
        "from jdgate.bus.embedded import EmbeddedServer\n"
        "async def main():\n"
        "    server = EmbeddedServer(pathlib.Path(sys.argv[1]), users=[])\n"
        "    await server.start()\n"
        "    print(server.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(tmp_path / "nats"), stdout=asyncio.subprocess.PIPE
    )
    assert daemon.stdout is not None
    pid = int(await daemon.stdout.readline())
    assert alive(pid)
    daemon.kill()
    await daemon.communicate()
    # The next daemon may start at once: it waits for the dying server's lock.
    successor = EmbeddedServer(tmp_path / "nats", users=[])
    await successor.start()
    try:
        assert not alive(pid)
    finally:
        await successor.stop()


async def test_the_packaged_binary_is_new_enough() -> None:
    assert await find(None) == packaged().absolute()


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("echo nats-server: v2.10.27", "bus.server_old", "2.10.27"),
        ("echo nats-server: v2.11.9", "bus.server_old", "2.12"),
        ("echo nats-server: v1.4.1", "bus.server_old", "1.4.1"),
        ("echo hello", "bus.server_unfit", "hello"),
        ("exit 1", "bus.server_unfit", "nothing"),
    ],
)
async def test_a_configured_binary_must_be_a_recent_nats_server(
    tmp_path: Path, script: str, code: str, told: str
) -> None:
    binary = fake_server(tmp_path / "nats-server", script)
    server = EmbeddedServer(tmp_path / "nats", users=[], binary=binary)
    with pytest.raises(UsageError) as refused:
        await server.start()
    assert refused.value.code == code
    assert told in str(refused.value)


async def test_a_newer_binary_is_taken(tmp_path: Path) -> None:
    binary = fake_server(tmp_path / "nats-server", "echo nats-server: v2.12.0")
    assert await find(binary) == binary
    binary = fake_server(tmp_path / "nats-server", "echo nats-server: v3.0.1")
    assert await find(binary) == binary


async def test_a_missing_or_unrunnable_binary_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        await find(tmp_path / "nowhere")
    assert refused.value.code == "bus.server_missing"
    plain = tmp_path / "text"
    plain.write_text("not a program")
    with pytest.raises(JdgateError) as unfit:
        await find(plain)
    assert unfit.value.code == "bus.server_unfit"
    assert "ermission" in str(unfit.value)
