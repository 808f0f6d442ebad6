"""Reasons to restart a nats-server that runs but can no longer keep what it is given.

Measured with nats-server 2.15:
- When its store is deleted it goes on acknowledging into deleted files: all is lost at the next
  restart, so that had better come now.
- When a write fails (disk full) the stream is broken for good: publishes are not even answered,
  also after there is room again. It must be restarted, but only then.
- On a full disk its log can't be written either, so a disk that was full counts as a failure.
- The room it allows itself is three quarters of what was free when it started. Started on a
  full disk, it stays full for ever.

    watch.begin()                  # the server has just started
    reason = watch.look()          # twice a second; a code of the log line, or None
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

_ROOM = 32 * 1024 * 1024
_NO_ROOM = 1024 * 1024
_WRITE_FAILED = (b"critical write error", b"will be DISABLED")
_LIMIT_REACHED = b"file resource limits exceeded"


class StoreWatch:
    """Looks at one server's store directory, its log and the free space on its disk."""

    def __init__(
        self, store: Path, log_file: Path, free: Callable[[Path], int] | None = None
    ) -> None:
        self._store, self._streams, self._log_file = store, store / "$G" / "streams", log_file
        self._made: int | None = None
        self._disk, self._free_on = store.parent, free or _free_on
        self._seen: set[str] = set()
        self._read = 0
        self._free_at_start = 0
        self._write_failed = self._limit_reached = False

    @property
    def full(self) -> bool:
        """Whether the server said that it could not store something since it started."""
        return self._write_failed or self._limit_reached

    @property
    def streams(self) -> frozenset[str]:
        """The streams that had a directory when last looked at."""
        return frozenset(self._seen)

    def begin(self) -> None:
        """Forget what an earlier process did."""
        # by its number, since a store deleted before the first look has shown no stream yet
        self._made = _number_of(self._store)
        self._seen = self._there()
        self._read = self.log_size()
        self._free_at_start = self._free_on(self._disk)
        self._write_failed = self._limit_reached = False

    def look(self) -> str | None:
        """Why to restart now: `store_deleted`, `write_failed`, `limit_outgrown`; None: don't."""
        now, made = self._there(), _number_of(self._store)
        gone = bool(self._seen - now) or (self._made is not None and self._made != made)
        self._seen, self._made = now, made
        if gone:  # we never delete a stream
            return "store_deleted"
        said = self.log_since(self._read)
        self._read = self.log_size()
        self._write_failed |= any(words in said for words in _WRITE_FAILED)
        self._limit_reached |= _LIMIT_REACHED in said
        free = self._free_on(self._disk)
        self._write_failed |= free < _NO_ROOM
        if self._write_failed and free >= _ROOM:
            return "write_failed"
        if self._limit_reached and free >= 2 * self._free_at_start + _ROOM:
            return "limit_outgrown"
        return None

    def _there(self) -> set[str]:
        try:
            with os.scandir(self._streams) as entries:
                return {entry.name for entry in entries}
        except FileNotFoundError:
            return set()

    def log_size(self) -> int:
        """Bytes in the server's log."""
        try:
            return self._log_file.stat().st_size
        except FileNotFoundError:
            return 0

    def log_since(self, size: int) -> bytes:
        """What was logged after the log had `size` bytes; all of it if it was rotated since."""
        now = self.log_size()
        if now == size:
            return b""
        try:
            with self._log_file.open("rb") as file:
                file.seek(size if now > size else 0)
                return file.read()
        except FileNotFoundError:
            return b""


def _number_of(directory: Path) -> int | None:
    """What tells a directory from another that was made in its place."""
    try:
        return directory.stat().st_ino
    except FileNotFoundError:
        return None


def _free_on(disk: Path) -> int:
    try:
        return shutil.disk_usage(disk).free
    except OSError:
        return _ROOM  # the directory is gone: `look` says so by its streams
