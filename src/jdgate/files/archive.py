"""Opens an XLSX's ZIP so that it can't take more than it may.

Rules
- Nothing is unpacked whole. A part is walked once before it is used: the bytes that really come
  out are counted, whatever size the ZIP declares, and the checksum is verified, so that a
  damaged file is refused before its first row is read.
- Refused by name: too many parts, too large, an absurd ratio of unpacked to packed size, a part
  whose declared size lies, a part that is encrypted, a ZIP cut short.

    archive = Archive(path, limits)
    size = archive.check("xl/worksheets/sheet1.xml")
    with archive.stream("xl/worksheets/sheet1.xml") as part: ...
"""

from __future__ import annotations

import copy
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jdgate.errors import Refused
from jdgate.files.importer import Limits

CHUNK = 64 * 1024
_MIB = 2**20
# XML without a single ">" for this long is no spreadsheet, and a parser would hold all of it.
_LONGEST_TOKEN = 4 * _MIB


class Archive:
    """A ZIP whose parts are read as streams within `limits`."""

    def __init__(self, path: Path, limits: Limits) -> None:
        """Raises: Refused `files.damaged`, `files.zip_bomb`."""
        self._limits = limits
        with _damage():
            self._zip = zipfile.ZipFile(path)
        try:
            self._check_declared()
        except BaseException:
            self._zip.close()
            raise

    def _check_declared(self) -> None:
        limits = self._limits
        infos = self._zip.infolist()
        if len(infos) > limits.members:
            raise Refused("files.zip_bomb", limit=limits.unpacked_bytes // _MIB)
        if sum(info.file_size for info in infos) > limits.unpacked_bytes:
            raise Refused("files.zip_bomb", limit=limits.unpacked_bytes // _MIB)
        for info in infos:
            self._check_ratio(info.file_size, info.compress_size)
        self._parts = {info.filename.lstrip("/").casefold(): info for info in infos}

    def _check_ratio(self, unpacked: int, packed: int) -> None:
        if unpacked > self._limits.ratio_from and unpacked > self._limits.ratio * max(packed, 1):
            raise Refused("files.zip_bomb", limit=self._limits.unpacked_bytes // _MIB)

    def has(self, name: str) -> bool:
        """Whether the ZIP has a part of this name (case does not count, as in Office)."""
        return name.casefold() in self._parts

    def names(self) -> list[str]:
        """The parts' names in lower case."""
        return list(self._parts)

    def _info(self, name: str) -> zipfile.ZipInfo:
        try:
            return self._parts[name.casefold()]
        except KeyError:
            raise Refused("files.damaged") from None

    def check(self, name: str, look: Callable[[bytes], None] | None = None) -> int:
        """Unpacks the part to nowhere and returns its true size in bytes.

        `look` sees each chunk on the way. Raises: Refused `files.zip_bomb` when more comes out
        than may or than was declared, `files.damaged` when less does or the checksum differs.
        """
        info = copy.copy(self._info(name))
        declared = info.file_size
        # zipfile stops at the declared size; a larger one makes it show what is really there.
        info.file_size = self._limits.unpacked_bytes + CHUNK
        total = token = 0
        with _damage(), self._zip.open(info) as part:
            while chunk := part.read(CHUNK):
                total += len(chunk)
                if total > self._limits.unpacked_bytes or total > declared:
                    raise Refused("files.zip_bomb", limit=self._limits.unpacked_bytes // _MIB)
                token = 0 if b">" in chunk else token + len(chunk)
                if token > _LONGEST_TOKEN:
                    raise Refused("files.damaged")
                if look is not None:
                    look(chunk)
        self._check_ratio(total, info.compress_size)
        if total != declared:
            raise Refused("files.damaged")
        return total

    @contextmanager
    def stream(self, name: str) -> Iterator[IO[bytes]]:
        """The part's bytes; call `check` first. Raises: Refused `files.damaged`."""
        with _damage(), self._zip.open(self._info(name)) as part:
            yield part

    def close(self) -> None:
        """Closes the file."""
        self._zip.close()


@contextmanager
def _damage() -> Iterator[None]:
    """Maps what zipfile and zlib raise on bad bytes to one refusal."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise Refused("files.damaged") from error
    except (NotImplementedError, RuntimeError) as error:
        # An encrypted part (RuntimeError) or a compression Office never uses.
        raise Refused("files.password") from error
