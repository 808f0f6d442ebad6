"""Key files: only their owner reads them, they are whole, and none is ever overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jdgate import keystore
from jdgate.core import keys as formats
from jdgate.errors import Refused
from jdgate.keystore import (
    hosted_members,
    make_key_file,
    read_key_file,
    read_private,
    replace_private,
    write_private,
)


def code(call: object, *args: object) -> str:
    with pytest.raises(Refused) as refused:
        call(*args)  # type: ignore[operator]
    str(refused.value)
    return refused.value.code


def test_a_key_file_is_read_back_and_only_its_owner_may(tmp_path: Path) -> None:
    made = make_key_file(tmp_path, "cln-01")
    path = tmp_path / "cln-01.key"
    assert read_key_file(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_even_with_a_lenient_umask_nobody_else_may_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_key_file(tmp_path / "keys", "cln-01")
    finally:
        os.umask(before)
    assert (tmp_path / "keys" / "cln-01.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_two_members_get_different_keys(tmp_path: Path) -> None:
    one, other = make_key_file(tmp_path, "pol"), make_key_file(tmp_path, "cln-01")
    assert one.bus != other.bus and one.signer.private != other.signer.private
    assert hosted_members(tmp_path) == ["cln-01", "pol"]


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    made = make_key_file(tmp_path, "cln-01")
    assert code(make_key_file, tmp_path, "cln-01") == "keys.exists"
    assert read_key_file(tmp_path / "cln-01.key") == made
    assert [path.name for path in tmp_path.iterdir()] == ["cln-01.key"]


def test_a_crash_in_the_middle_leaves_no_half_key_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file would be unreadable for ever, as nothing overwrites it."""

    class Crash(Exception):
        pass

    def crash(_: int) -> None:
        raise Crash

    monkeypatch.setattr(keystore.os, "fsync", crash)
    with pytest.raises(Crash):
        make_key_file(tmp_path, "cln-01")
    assert list(tmp_path.glob("*.key")) == []
    monkeypatch.undo()
    assert make_key_file(tmp_path, "cln-01").member == "cln-01"


@pytest.mark.parametrize("last", [1, 2, 3])
def test_new_content_comes_in_one_step_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Whenever it is interrupted, there is a whole file and the old one; done again, it is done."""
    path, kept = tmp_path / "cln-01.key", tmp_path / "cln-01.key.before-2"
    old, new = b"old keys", b"old keys and new ones"
    write_private(path, old)

    class Crash(Exception):
        pass

    calls, really = iter(range(1, 9)), os.fsync

    def crash(handle: int) -> None:
        if next(calls) == last:
            raise Crash
        really(handle)

    monkeypatch.setattr(keystore.os, "fsync", crash)
    with pytest.raises(Crash):
        replace_private(path, new, kept)
    assert read_private(path) == (new if last == 3 else old)
    assert read_private(kept) == old
    monkeypatch.undo()
    if last < 3:
        replace_private(path, new, kept)
    assert (read_private(path), read_private(kept)) == (new, old)
    assert code(replace_private, path, b"others", kept) == "keys.exists"
    assert sorted(one.name for one in tmp_path.iterdir()) == [path.name, kept.name]


def test_what_a_killed_process_left_is_no_obstacle_and_no_member(tmp_path: Path) -> None:
    (tmp_path / f".cln-01.key.{os.getpid()}.new").write_bytes(b"half")
    make_key_file(tmp_path, "cln-01")
    assert hosted_members(tmp_path) == ["cln-01"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o620])
def test_a_file_others_may_touch_is_refused_with_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "cln-01.key"
    make_key_file(tmp_path, "cln-01")
    path.chmod(mode)
    with pytest.raises(Refused, match=f"{mode:04o}") as refused:
        read_key_file(path)
    assert refused.value.code == "keys.permissions"


def test_missing_unreadable_and_misnamed_files_are_told_apart(tmp_path: Path) -> None:
    assert code(read_key_file, tmp_path / "no.key") == "keys.missing"
    (tmp_path / "folder.key").mkdir(mode=0o700)
    assert code(read_key_file, tmp_path / "folder.key") == "keys.unreadable"
    write_private(tmp_path / "bad.key", b"{}")
    assert code(read_key_file, tmp_path / "bad.key") == "keys.unreadable"
    keys = formats.make("cln-01", os.urandom)
    write_private(tmp_path / "pol.key", formats.dump(keys))
    assert code(read_key_file, tmp_path / "pol.key") == "keys.misnamed"


def test_an_error_names_the_file_and_shows_nothing_of_it(tmp_path: Path) -> None:
    keys = formats.make("cln-01", os.urandom)
    write_private(tmp_path / "cln-01.key", formats.dump(keys)[:-40])
    with pytest.raises(Refused) as refused:
        read_key_file(tmp_path / "cln-01.key")
    assert refused.value.params == {"file": "cln-01.key"}
    assert refused.value.__cause__ is None and refused.value.__suppress_context__


def test_private_bytes_come_back_as_they_were(tmp_path: Path) -> None:
    write_private(tmp_path / "x", b"\0\xff")
    assert read_private(tmp_path / "x") == b"\0\xff"
