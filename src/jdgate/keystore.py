"""Private keys on disk: one file per member, mode 0600, never overwritten: next keys come into a
new file, and the one before stays beside it.

keys = make_key_file(home.keys, "cln-01")
keys = read_key_file(home.keys / "cln-01.key")
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from jdgate.core import keys as formats
from jdgate.core.keys import MemberKeys
from jdgate.errors import Refused

SUFFIX = ".key"


def write_private(path: Path, data: bytes) -> None:
    """A new file only its owner can read, whole and safely on disk when this returns.

    It gets its name only once it is whole: a crash leaves no half key file behind, which nothing
    could read and nothing would overwrite.

    Raises:
        Refused: `keys.exists`.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _written(path, data) as partial:
            path.hardlink_to(partial)  # unlike a rename, this never replaces what is there
    except FileExistsError:
        raise Refused("keys.exists", file=path.name) from None
    sync_folder(path.parent)


def replace_private(path: Path, data: bytes, kept: Path) -> None:
    """Other content for a private file; the old file stays, under the name `kept`.

    At every moment there is a whole file under the first name, and the old one is never gone.
    Whoever was interrupted may do it again.

    Raises:
        Refused: `keys.exists`, another file is named `kept`.
    """
    try:
        kept.hardlink_to(path)
    except FileExistsError:
        if kept.read_bytes() != path.read_bytes():
            raise Refused("keys.exists", file=kept.name) from None
    sync_folder(path.parent)
    with _written(path, data) as partial:
        partial.replace(path)
    sync_folder(path.parent)


@contextlib.contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """A whole file beside `path`, which only its owner can read, until it is given its name."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def close_folder(folder: Path) -> None:
    """Let nobody but its owner look into a folder of keys: a checkout by git opens it to all.

    Where the folder is somebody else's, it stays as it is; every key file is checked by itself.
    """
    with contextlib.suppress(OSError):
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Put a folder's names on disk: without it a new file may be gone after a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
    """The content of a file that nobody else may read.

    Raises:
        Refused: `keys.missing`, `keys.permissions`, `keys.unreadable`.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777  # of the very file that is read
            if mode & 0o077:
                raise Refused("keys.permissions", file=path.name, got=f"{mode:04o}")
            return file.read()
    except FileNotFoundError:
        raise Refused("keys.missing", file=path.name) from None
    except OSError:
        raise Refused("keys.unreadable", file=path.name) from None


def make_key_file(folder: Path, member: str) -> MemberKeys:
    """New keys for `member`, written to `folder/member.key`.

    Raises:
        Refused: `keys.exists`.
    """
    keys = formats.make(member, os.urandom)
    write_private(folder / f"{member}{SUFFIX}", formats.dump(keys))
    return keys


def read_key_file(path: Path) -> MemberKeys:
    """The keys in one file, which must be those of the member it is named after.

    Raises:
        Refused: `keys.missing`, `keys.permissions`, `keys.unreadable`, `keys.misnamed`.
    """
    keys = formats.load(read_private(path), path.name)
    if keys.member != path.stem:
        raise Refused("keys.misnamed", file=path.name, member=keys.member)
    return keys


def hosted_members(folder: Path) -> list[str]:
    """Members whose private keys lie in `folder`."""
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))
