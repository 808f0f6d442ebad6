"""Private keys on disk: one file per member, mode 0600, made once and never overwritten.

keys = make_key_file(home.keys, "cln-01")
keys = read_key_file(home.keys / "cln-01.key")
"""

from __future__ import annotations

import os
from pathlib import Path

from jdgate.core import keys as formats
from jdgate.core.keys import MemberKeys
from jdgate.errors import Refused

SUFFIX = ".key"


def write_private(path: Path, data: bytes) -> None:
    """A new file only its owner can read, safely on disk when this returns.

    Raises:
        Refused: `keys.exists`.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused("keys.exists", file=path.name) from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes:
    """The content of a file that nobody else may read.

    Raises:
        Refused: `keys.missing`, `keys.permissions`.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError:
        raise Refused("keys.missing", file=path.name) from None
    if mode & 0o077:
        raise Refused("keys.permissions", file=path.name, got=f"{mode:04o}")
    return path.read_bytes()


def make_key_file(folder: Path, member: str) -> MemberKeys:
    """New keys for `member`, written to `folder/member.key`.

    Raises:
        Refused: `keys.exists`.
    """
    keys = formats.make(member, os.urandom)
    write_private(folder / f"{member}{SUFFIX}", formats.dump(keys))
    return keys


def read_key_file(path: Path) -> MemberKeys:
    """The keys in one file.

    Raises:
        Refused: `keys.missing`, `keys.permissions`, `keys.unreadable`.
    """
    return formats.load(read_private(path), path.name)


def hosted_members(folder: Path) -> list[str]:
    """Members whose private keys lie in `folder`."""
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))
