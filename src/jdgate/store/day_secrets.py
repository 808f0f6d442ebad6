"""The secrets of days: a small file beside the master key, without which no body's key opens.

A database is copied, and copies are kept. If the master key alone opened the data keys in it, an
old copy would open what retention has erased since. So each data key is wrapped under the master
key *and* a random secret of its own, which is only in this file (`keys/books.days`): erasing it
there makes that key's bodies unreadable in every copy of the database, however old.

Rules:

- a secret is on disk before anything is wrapped with it, and it goes after the shredding is
  committed. A crash in between leaves a secret too many, never one too few; `Vault.unlock`
  finishes what was begun;
- a secret is removed only for a row that says it was shredded: opening an older or a wrong
  database never costs a secret;
- the file also says up to which day each type was shredded. A secret missing before that day was
  erased on purpose; missing after it, the file is an older one, or not the database's own;
- it is replaced whole (written beside, synced, renamed), by one process at a time: a lock file
  says who. Another gateway on the same books finds here what the first one wrote.

    days = DaySecrets(Path("keys/books.days"))
    secret = days.issue(key_id)
    days.find(key_id) == secret
    days.drop([(key_id, "mmt.attendance.v1", day)])
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from jdgate.errors import Refused, TransportFailed

LENGTH = 32
"""Bytes of a secret."""

KeyOfDay = tuple[str, str, date]
"""A data key's id, its type and its day."""


class _Content(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds. `shredded`: of each type, the first day that was not."""

    version: Literal[1] = 1
    secrets: dict[str, bytes] = {}
    shredded: dict[str, date] = {}


class DaySecrets:
    """The secrets in one file, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _Content()
        self._going: dict[str, tuple[str, date]] = {}

    @property
    def file(self) -> str:
        """The file, to be told to a person."""
        return str(self._path)

    def read(self) -> set[str]:
        """Take in what the file says now; the ids that have a secret.

        Raises:
            Refused: `vault.loose`, `vault.days_damaged`.
            TransportFailed: `vault.days_unavailable`.
        """
        self._known = self._load()
        return set(self._known.secrets)

    def find(self, key_id: str) -> bytes | None:
        """The secret of a data key; the file is read again for one that is not known.

        Raises:
            TransportFailed: what `read` refuses, too: it is not the fault of what is being done.
        """
        found = self._known.secrets.get(key_id)
        if found is None:
            with _mendable():
                self.read()
            found = self._known.secrets.get(key_id)
        return found

    def was_shredded(self, type: str, day: date) -> bool:
        """Whether keys of `type` and `day` that have no secret lost it to `drop`."""
        kept_from = self._known.shredded.get(type)
        return kept_from is not None and day < kept_from

    def issue(self, key_id: str) -> bytes:
        """The secret of a new data key: on disk when this returns, the same if asked again.

        Raises:
            TransportFailed: as `find`, or the disk is full.
        """

        def add(now: _Content) -> _Content:
            if key_id in now.secrets:
                return now
            grown = {**now.secrets, key_id: secrets.token_bytes(LENGTH)}
            return msgspec.structs.replace(now, secrets=grown)

        return self._change(add).secrets[key_id]

    def drop(self, keys: Iterable[KeyOfDay]) -> None:
        """Remove the secrets of keys whose shredding is committed.

        What could not be removed is remembered, and goes with the next change of the file.

        Raises:
            TransportFailed: as `issue`.
        """
        self._going.update({key_id: (type, day) for key_id, type, day in keys})
        if self._going:
            self._change(lambda now: now)

    def tidy(self) -> None:
        """Remove the half-written file of a process that died: it holds secrets too.

        Raises:
            TransportFailed: `vault.days_unavailable`.
        """
        if self._draft.exists():
            with self._locked():
                self._draft.unlink(missing_ok=True)

    @property
    def _draft(self) -> Path:
        return self._path.with_name(self._path.name + ".new")

    def _change(self, change: Callable[[_Content], _Content]) -> _Content:
        with _mendable(), self._locked():
            now = self._load()
            changed = _without(change(now), self._going)
            if changed != now or (changed.secrets and not self._path.exists()):
                self._replace(msgspec.json.format(msgspec.json.encode(changed), indent=1))
            self._known = changed
            self._going.clear()
            return changed

    def _load(self) -> _Content:
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                data = file.read()
        except FileNotFoundError:
            return self._known  # taken away while we run: the next change writes it again
        except OSError as error:
            raise self._unavailable(error) from error
        if mode & 0o077:
            raise Refused("vault.loose", file=self.file, mode=f"{mode:04o}")
        try:
            content = msgspec.json.decode(data, type=_Content)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Refused("vault.days_damaged", file=self.file) from None
        if any(len(secret) != LENGTH for secret in content.secrets.values()):
            raise Refused("vault.days_damaged", file=self.file)
        return content

    def _replace(self, data: bytes) -> None:
        handle = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)  # a draft left behind keeps the mode it had
            file.write(data)
            file.flush()
            os.fsync(handle)
        self._draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone with the file; a failure of the disk is told as ours."""
        try:
            lock = self._path.with_name(self._path.name + ".lock")
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            finally:
                os.close(handle)  # closing releases the lock
        except OSError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OSError) -> TransportFailed:
        reason = error.strerror or type(error).__name__
        return TransportFailed("vault.days_unavailable", file=self.file, reason=reason)


@contextmanager
def _mendable() -> Iterator[None]:
    """While we run, a bad file is a trouble that somebody mends: what waits is tried again."""
    try:
        yield
    except Refused as reason:
        raise TransportFailed(reason.code, **reason.params) from reason


def _without(content: _Content, going: dict[str, tuple[str, date]]) -> _Content:
    if not going:
        return content
    shredded = dict(content.shredded)
    for type, day in going.values():
        kept_from = day + timedelta(days=1)
        shredded[type] = max(kept_from, shredded.get(type, kept_from))
    left = {key_id: each for key_id, each in content.secrets.items() if key_id not in going}
    return _Content(secrets=left, shredded=shredded)
