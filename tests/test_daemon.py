"""What stops the daemon before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from jdgate import catalogues
from jdgate.config import Home, read_config
from jdgate.control import connect
from jdgate.daemon import Daemon
from jdgate.errors import Refused, TransportFailed, UsageError
from jdgate.founding import AUTHORITY, found, republish, starter_members
from jdgate.keystore import read_key_file
from jdgate.plugins.host import PluginHost
from jdgate.serving import folder_lock
from jdgate.teller import Teller

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    found(
        home,
        region="511623000000",
        name="示例县",
        plan=starter_members("511623000000", "示例县"),
        catalogue_digest=catalogues.load_all(PluginHost()).digest,
        now=NOW,
    )
    return home


def daemon_of(home: Home) -> Daemon:
    return Daemon(home, read_config(home), teller=Teller("en"))


@pytest.mark.anyio
async def test_a_members_key_of_an_unknown_suite_stops_the_start(home: Home) -> None:
    signer = read_key_file(home.keys / f"{AUTHORITY}.key").signer
    daemon = daemon_of(home)
    daemon.clock.raise_floor(NOW)
    directory = daemon._directory()
    members = tuple(
        msgspec.structs.replace(
            member,
            keys=tuple(
                msgspec.structs.replace(key, suite="SM9")
                if member.id == "cln-01" and key.use == "sig"
                else key
                for key in member.keys
            ),
        )
        for member in directory.members
    )
    republish(home, msgspec.structs.replace(directory, members=members), signer, NOW)
    with pytest.raises(Refused) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "directory.suite_missing"
    assert "cln-01" in caught.value.text("zh") and "SM9" in caught.value.text("en")


@pytest.mark.anyio
async def test_a_catalogue_the_authority_did_not_sign_stops_the_start(home: Home) -> None:
    signer = read_key_file(home.keys / f"{AUTHORITY}.key").signer
    directory = daemon_of(home)._directory()
    republish(home, msgspec.structs.replace(directory, catalogue="0" * 64), signer, NOW)
    with pytest.raises(Refused) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "catalogue.not_signed"


@pytest.mark.anyio
async def test_a_missing_directory_stops_the_start(home: Home) -> None:
    home.directory.unlink()
    with pytest.raises(Refused) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "directory.missing"


@pytest.mark.anyio
async def test_an_edge_alone_needs_the_gateways_bus(home: Home) -> None:
    text = home.config.read_text().replace('roles = ["gateway", "edge"]', 'roles = ["edge"]')
    home.config.write_text(text)
    with pytest.raises(UsageError) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "daemon.edge_needs_url"


def test_one_daemon_holds_a_folder(home: Home) -> None:
    with folder_lock(home):
        with pytest.raises(UsageError) as caught, folder_lock(home):
            pass
        assert caught.value.code == "daemon.running"
    with folder_lock(home):
        pass


def test_a_command_says_that_a_daemon_is_starting_rather_than_that_there_is_none(
    home: Home,
) -> None:
    with folder_lock(home), pytest.raises(TransportFailed) as starting:
        connect(home)
    assert starting.value.code == "control.starting"
    with pytest.raises(TransportFailed) as none:
        connect(home)
    assert none.value.code == "control.no_daemon"
