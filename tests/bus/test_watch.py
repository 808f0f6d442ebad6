"""When a running nats-server is of no use any more, and when a restart helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from jdgate.bus.watch import StoreWatch

MB = 1024 * 1024


class Disk:
    """A store directory, a log and as much free space as the test says."""

    def __init__(self, directory: Path) -> None:
        self.free = 1000 * MB
        self.streams = directory / "jetstream" / "$G" / "streams"
        self.streams.mkdir(parents=True)
        self.log = directory / "log"
        self.log.write_text("[INF] Server is ready\n")
        self.watch = StoreWatch(directory / "jetstream", self.log, lambda _: self.free)

    def say(self, line: str) -> None:
        with self.log.open("a") as file:
            file.write(line + "\n")


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_a_server_that_does_well_is_left_alone(disk: Disk) -> None:
    disk.watch.begin()
    (disk.streams / "JD_IN").mkdir()
    disk.say("[INF] Reloaded server configuration")
    assert [disk.watch.look() for _ in range(3)] == [None, None, None]
    assert disk.watch.streams == {"JD_IN"}


def test_a_stream_that_vanishes_is_noticed_once(disk: Disk) -> None:
    disk.watch.begin()
    (disk.streams / "JD_IN").mkdir()
    assert disk.watch.look() is None
    (disk.streams / "JD_IN").rmdir()
    assert [disk.watch.look(), disk.watch.look()] == ["store_deleted", None]


@pytest.mark.parametrize("made_again", [True, False])
def test_a_store_that_vanishes_before_the_first_look_is_noticed(
    disk: Disk, made_again: bool
) -> None:
    disk.watch.begin()
    (disk.streams / "JD_IN").mkdir()
    store = disk.streams.parents[1]
    store.rename(store.with_name("gone"))
    if made_again:
        disk.streams.mkdir(parents=True)
    assert [disk.watch.look(), disk.watch.look()] == ["store_deleted", None]


def test_a_failed_write_is_remembered_until_there_is_room(disk: Disk) -> None:
    disk.watch.begin()
    disk.free = 2 * MB
    disk.say("[ERR] JetStream stream '$G > JD_IN' critical write error: no space left on device")
    assert disk.watch.look() is None
    assert disk.watch.full
    disk.free = 500 * MB
    assert disk.watch.look() == "write_failed"
    disk.watch.begin()
    assert disk.watch.look() is None
    assert not disk.watch.full


def test_a_disk_that_was_full_counts_without_a_word_in_the_log(disk: Disk) -> None:
    disk.watch.begin()
    disk.free = 0
    assert disk.watch.look() is None
    disk.free = 500 * MB
    assert disk.watch.look() == "write_failed"


def test_a_limit_from_a_full_disk_is_dropped_when_the_disk_is_not(disk: Disk) -> None:
    disk.free = 20 * MB
    disk.watch.begin()
    disk.say("[ERR] JetStream file resource limits exceeded for server")
    assert disk.watch.look() is None
    disk.free = 50 * MB
    assert disk.watch.look() is None
    disk.free = 500 * MB
    assert disk.watch.look() == "limit_outgrown"


def test_what_an_earlier_process_logged_does_not_count(disk: Disk) -> None:
    disk.say("[ERR] critical write error")
    disk.watch.begin()
    assert disk.watch.look() is None


def test_a_rotated_log_is_read_from_its_start(disk: Disk) -> None:
    disk.say("x" * 1000)
    disk.watch.begin()
    disk.log.write_text("[ERR] critical write error\n")
    assert disk.watch.look() == "write_failed"
