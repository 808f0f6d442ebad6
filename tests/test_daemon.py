"""What stops the daemon before anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from jdgate import catalogues, hosting
from jdgate.config import Home, Run, read_config
from jdgate.control import connect
from jdgate.core.directory import Trust
from jdgate.daemon import Daemon
from jdgate.errors import Refused, TransportFailed, UsageError
from jdgate.founding import AUTHORITY, found, republish, starter_members
from jdgate.keystore import make_key_file, read_key_file
from jdgate.plugins.host import PluginHost
from jdgate.serving import folder_lock
from jdgate.teller import Teller

NOW = datetime.now(UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return founded(tmp_path)


def founded(folder: Path) -> Home:
    home = Home(folder)
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
async def test_another_countys_authority_key_is_told_by_name(home: Home, tmp_path: Path) -> None:
    other = founded(tmp_path / "other")
    home.authority_public.write_bytes(other.authority_public.read_bytes())
    with pytest.raises(Refused) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "directory.not_signed"
    assert "keys/authority.pub" in str(caught.value)


@pytest.mark.anyio
async def test_an_edge_alone_needs_the_gateways_bus(home: Home) -> None:
    text = home.config.read_text().replace('roles = ["gateway", "edge"]', 'roles = ["edge"]')
    home.config.write_text(text)
    with pytest.raises(UsageError) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "daemon.edge_needs_url"


@pytest.mark.anyio
async def test_a_directory_of_another_county_stops_the_start(home: Home) -> None:
    home.config.write_text(home.config.read_text().replace("511623000000", "511600000000"))
    with pytest.raises(UsageError) as caught:
        await daemon_of(home).start()
    assert caught.value.code == "config.other_county"


@pytest.mark.anyio
async def test_a_bus_that_is_away_is_named_without_its_password(home: Home) -> None:
    daemon = Daemon(
        home, read_config(home), teller=Teller("en"), nats_url="nats://me:secret@127.0.0.1:1"
    )
    with pytest.raises(TransportFailed) as caught:
        await daemon.start()
    assert caught.value.code == "daemon.bus_away"
    assert "127.0.0.1:1" in str(caught.value) and "secret" not in str(caught.value)


def test_a_start_closes_the_folder_of_the_keys(home: Home) -> None:
    assert home.keys.stat().st_mode & 0o777 == 0o700
    home.keys.chmod(0o755)
    daemon_of(home)._load()
    assert home.keys.stat().st_mode & 0o777 == 0o700


def trust_of(home: Home) -> Trust:
    return Trust(daemon_of(home)._directory())


def at_work(home: Home, *, embedded: bool) -> hosting.AtWork:
    members = hosting.wanted(trust_of(home), home, Run())
    return hosting.at_work(trust_of(home), home, members, NOW, embedded=embedded)


def test_all_whose_keys_are_here_are_hosted_and_the_others_are_named(home: Home) -> None:
    (home.keys / "com-01.key").unlink()
    found = at_work(home, embedded=True)
    assert sorted(found.keys) == ["cln-01", "nco", "pol", "ps-01"]
    assert hosting.absent(trust_of(home), home, found.keys) == ["com-01"]


def test_a_member_that_the_directory_lacks_is_told_with_those_it_has(home: Home) -> None:
    with pytest.raises(UsageError) as caught:
        hosting.wanted(trust_of(home), home, Run(members=("xx",)))
    assert caught.value.code == "config.member_unknown"
    assert caught.value.params["known"] == "nco, pol, ps-01, cln-01, com-01"


def test_a_bus_key_that_is_not_the_directorys_is_named_and_left_out(home: Home) -> None:
    (home.keys / "ps-01.key").unlink()
    make_key_file(home.keys, "ps-01")
    found = at_work(home, embedded=True)
    assert found.left_out == {"ps-01": "daemon.other_bus_key"}
    assert "ps-01" not in found.keys
    assert "ps-01" in at_work(home, embedded=False).keys  # the county's servers may know it


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
