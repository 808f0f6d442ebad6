"""A county is founded once, in an order that a crash at any point only interrupts."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate import founding
from jdgate.config import CONFIG_NAME, Home, read_config
from jdgate.core.directory import Directory, Trust, accept, read
from jdgate.errors import Refused, UsageError
from jdgate.founding import (
    AUTHORITY,
    config_text,
    found,
    is_empty,
    pinned_authority,
    republish,
    starter_members,
)
from jdgate.keystore import hosted_members, read_key_file

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
REGION = "511623000000"


def make(folder: Path) -> tuple[Home, Directory]:
    home = Home(folder)
    plan = starter_members(REGION, "邻水县")
    made = found(home, region=REGION, name="邻水县", plan=plan, catalogue_digest="0" * 64, now=NOW)
    return home, made


def test_a_new_county_has_keys_a_directory_and_a_configuration(tmp_path: Path) -> None:
    home, directory = make(tmp_path)
    pinned = pinned_authority(home.authority_public)
    assert read(home.directory.read_bytes(), pinned) == directory
    assert accept(home.directory.read_bytes(), pinned, None, NOW).version == 1
    config = read_config(home)
    assert (config.county.region, config.county.name) == (REGION, "邻水县")
    assert config.rules["clinic"].get("dropout_days") is None
    members = {member.id for member in directory.members}
    assert set(hosted_members(home.keys)) == members | {AUTHORITY}
    assert AUTHORITY not in members


def test_every_member_can_sign_be_sealed_to_and_connect_at_once(tmp_path: Path) -> None:
    home, directory = make(tmp_path)
    trust = Trust(directory)
    for member in directory.members:
        keys = read_key_file(home.keys / f"{member.id}.key")
        trust.signing_key(keys.signer.kid, member.id, NOW, NOW)
        assert trust.sealing_key(member.id, NOW) == keys.opening[-1].public()
    assert set(trust.bus_keys(NOW)) == set(trust.members)
    assert (trust.gateway.id, trust.authority.id) == ("gateway", "nco")


def test_private_files_are_private(tmp_path: Path) -> None:
    home, _ = make(tmp_path)
    for path in home.keys.glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert home.var.stat().st_mode & 0o777 == 0o700


def test_a_county_is_not_founded_twice(tmp_path: Path) -> None:
    home, _ = make(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError) as refused:
        make(tmp_path)
    assert refused.value.code == "config.exists"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert home.config.is_file()


@pytest.mark.parametrize("crash_at", range(1, 12))
def test_an_interrupted_founding_is_done_again_with_the_same_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_at: int
) -> None:
    class Crash(Exception):
        pass

    steps = 0

    def step(name: str) -> None:
        original = getattr(founding, name)

        def stepped(*args: object, **more: object) -> object:
            nonlocal steps
            steps += 1
            if steps == crash_at:
                raise Crash
            return original(*args, **more)

        monkeypatch.setattr(founding, name, stepped)

    step("make_key_file")
    step("write_file")
    try:
        make(tmp_path)
    except Crash:
        assert not (tmp_path / CONFIG_NAME).exists()
    keys = {path.name: path.read_bytes() for path in tmp_path.glob("keys/*.key")}
    monkeypatch.undo()
    if not (tmp_path / CONFIG_NAME).exists():
        make(tmp_path)
    home = Home(tmp_path)
    assert read(home.directory.read_bytes(), pinned_authority(home.authority_public)).version == 1
    for name, data in keys.items():
        assert (home.keys / name).read_bytes() == data


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_any_name_gives_a_configuration_that_is_read_back(name: str) -> None:
    text = config_text(REGION, name, demo=False)
    assert tomllib.loads(text)["county"]["name"] == name


def test_a_directory_is_published_again_as_the_next_version(tmp_path: Path) -> None:
    home, directory = make(tmp_path)
    signer = read_key_file(home.keys / f"{AUTHORITY}.key").signer
    later = NOW + timedelta(days=1)
    newer = republish(home, directory, signer, later)
    pinned = pinned_authority(home.authority_public)
    assert accept(home.directory.read_bytes(), pinned, directory, later) == newer
    assert (newer.version, newer.issued) == (2, later)
    assert not list(tmp_path.rglob("*.new"))


def test_a_missing_or_spoilt_pin_is_told(tmp_path: Path) -> None:
    file = tmp_path / "authority.pub"
    with pytest.raises(Refused) as refused:
        pinned_authority(file)
    assert refused.value.code == "keys.authority_missing"
    for spoilt in (b"", b"\xff", b"{}", msgspec.json.encode({"kid": "a", "suite": 1})):
        file.write_bytes(spoilt)
        with pytest.raises(Refused) as refused:
            pinned_authority(file)
        assert refused.value.code == "keys.authority_unreadable"


def test_only_a_folder_of_nobodys_is_empty(tmp_path: Path) -> None:
    assert is_empty(tmp_path)
    (tmp_path / CONFIG_NAME).write_text("")
    assert is_empty(tmp_path)
    (tmp_path / "letter.txt").write_text("")
    assert not is_empty(tmp_path)
