"""Encryption at rest: what may hold a personal value is unreadable without the master key file.

Rules:

- the master key is 32 random bytes in a file of mode 0600, made on first use; a file that others
  may read is refused, and so is a database sealed under another master key;
- bodies are sealed with AES-256-GCM (NIST SP 800-38D) under a data key for each (type, day),
  itself wrapped by the master key in the table `body_key`. Retention forgets a day by erasing its
  key (`shred`), which makes every copy of those bodies unreadable, backups of bodies included;
- rule states are sealed with AES-256-GCM-SIV (RFC 8452) under one key for each rule: such a key
  seals without end, and random nonces of plain GCM must not pass 2³² uses;
- every sealed value is bound to its place (`aad`), so that it can't be moved to another row;
- the key of a pseudonym domain is random and lives as long as the domain.

A key made in a transaction that does not commit is forgotten (`database.undo`): nothing must ever
be sealed by a key that was not stored.

    vault = Vault.unlock(database, Path("var/master.key"))
    with database.transaction() as conn:
        key_id, blob = vault.seal(conn, "mmt.attendance.v1", today, jws, aad=message_id.encode())
        body = vault.open(conn, key_id, blob, aad=message_id.encode())
"""

from __future__ import annotations

import os
import secrets
import stat
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from sqlalchemy import Connection, Date, bindparam, select, update

from jdgate.errors import Refused
from jdgate.store import database as db
from jdgate.store.bulk import Upsert
from jdgate.store.tables import body_key, named_key

_KEY = 32
_NONCE = 12
_CACHED_KEYS = 4096

_ADD_BODY_KEY = Upsert(body_key)  # a concurrent gateway may have made it first
_BODY_KEY_FOR = select(body_key.c.id, body_key.c.wrapped).where(
    body_key.c.type == bindparam("type"),
    body_key.c.day == bindparam("day"),
    body_key.c.wrapped.is_not(None),
)
_BODY_KEY = select(body_key.c.type, body_key.c.day, body_key.c.wrapped).where(
    body_key.c.id == bindparam("id")
)
_SHREDDABLE = select(body_key.c.id).where(
    body_key.c.type == bindparam("type"),
    body_key.c.day < bindparam("before", type_=Date),
    body_key.c.wrapped.is_not(None),
)
_SHRED = (
    update(body_key)
    .where(body_key.c.id == bindparam("the_id"))
    .values(wrapped=None, shredded_at=bindparam("at"))
)
_ADD_NAMED = Upsert(named_key)
_NAMED = select(named_key.c.wrapped).where(
    named_key.c.kind == bindparam("kind"), named_key.c.name == bindparam("name")
)


class Sealed(NamedTuple):
    """A sealed body and the id of the key that opens it."""

    key_id: str
    blob: bytes


class Vault:
    """The keys of one database. Made by `unlock`."""

    def __init__(self, master: bytes) -> None:
        self._master = AESGCM(master)
        self._current: dict[tuple[str, date], tuple[str, AESGCM]] = {}
        self._bodies: dict[str, AESGCM] = {}
        self._named: dict[tuple[str, str], bytes] = {}
        self._states: dict[str, AESGCMSIV] = {}

    @classmethod
    def unlock(cls, database: db.Database, key_file: Path) -> Vault:
        """Read the master key (or make it, on first use) and check that it fits the database.

        Raises:
            Refused: `vault.loose`, others may read the file; `vault.length`, it is no key;
                `vault.missing`, the database was sealed and the file is gone; `vault.other`,
                the database was sealed under another key.
        """
        with database.read() as conn:
            sealed_before = conn.execute(_NAMED, {"kind": "check", "name": ""}).scalar()
        if not key_file.exists():
            if sealed_before is not None:
                raise Refused("vault.missing", file=str(key_file), books=database.name)
            _make_key_file(key_file)
        vault = cls(_read_key_file(key_file))
        try:
            with database.transaction() as conn:
                vault.named_key(conn, "check", "")
        except InvalidTag:
            raise Refused("vault.other", file=str(key_file), books=database.name) from None
        return vault

    def seal(self, conn: Connection, type: str, day: date, plaintext: bytes, aad: bytes) -> Sealed:
        """Seal a body under the key of `type` and `day`, made on first use.

        `aad`: what the body belongs to, usually its row's id; the same must be given to `open`.
        """
        found = self._current.get((type, day))
        if found is None:
            found = self._current_key(conn, type, day)
        key_id, cipher = found
        nonce = secrets.token_bytes(_NONCE)
        return Sealed(key_id, nonce + cipher.encrypt(nonce, plaintext, aad))

    def open(self, conn: Connection, key_id: str, blob: bytes, aad: bytes) -> bytes:
        """The body that `seal` sealed.

        Raises:
            Refused: `books.erased`, its key was shredded; `books.tampered`, it is not what was
                sealed, or not in its place.
        """
        cipher = self._bodies.get(key_id) or self._load_key(conn, key_id)
        try:
            return cipher.decrypt(blob[:_NONCE], blob[_NONCE:], aad)
        except InvalidTag:
            raise Refused("books.tampered", key=key_id) from None

    def shred(self, conn: Connection, type: str, before: date, at: datetime) -> int:
        """Erase the keys of `type` for all days before `before`; how many.

        Everything sealed under them is lost for good: the caller first makes sure that no open
        delivery needs them (`deliveries.oldest_open`) and calls `Database.scrub` after the commit.
        """
        ids = list(conn.execute(_SHREDDABLE, {"type": type, "before": before}).scalars())
        if ids:
            conn.execute(_SHRED, [{"the_id": each, "at": at} for each in ids])
        self._forget(ids)
        return len(ids)

    def seal_state(self, conn: Connection, rule: str, key: str, plaintext: bytes) -> bytes:
        """Seal the state of `rule` for `key`; it opens only in that place."""
        cipher = self._states.get(rule) or self._state_cipher(conn, rule)
        nonce = os.urandom(_NONCE)  # `secrets` asks the same, but costs 1 µs more a state
        return nonce + cipher.encrypt(nonce, plaintext, key.encode())

    def open_state(self, conn: Connection, rule: str, key: str, blob: bytes) -> bytes:
        """The state that `seal_state` sealed.

        Raises:
            Refused: `books.tampered`.
        """
        cipher = self._states.get(rule) or self._state_cipher(conn, rule)
        try:
            return cipher.decrypt(blob[:_NONCE], blob[_NONCE:], key.encode())
        except InvalidTag:
            raise Refused("books.tampered", key=rule) from None

    def domain_key(self, conn: Connection, domain: str) -> bytes:
        """The 32-byte key of a pseudonym domain, made on first use (needs the writer then)."""
        return self.named_key(conn, "domain", domain)

    def named_key(self, conn: Connection, kind: str, name: str) -> bytes:
        """The 32-byte random key called (kind, name), made on first use."""
        known = self._named.get((kind, name))
        if known is not None:
            return known
        given = {"kind": kind, "name": name}
        place = f"{kind}\0{name}".encode()
        wrapped = conn.execute(_NAMED, given).scalar()
        if wrapped is None:
            fresh = self._wrap(secrets.token_bytes(_KEY), place)
            db.undo(conn, lambda: self._forget_named(kind, name))
            _ADD_NAMED.run(conn, [{**given, "wrapped": fresh}])
            wrapped = conn.execute(_NAMED, given).scalar_one()
        key = self._unwrap(wrapped, place)
        self._named[kind, name] = key
        return key

    def _current_key(self, conn: Connection, type: str, day: date) -> tuple[str, AESGCM]:
        given = {"type": type, "day": day}
        row = conn.execute(_BODY_KEY_FOR, given).first()
        if row is None:
            key_id = secrets.token_hex(8)
            fresh = self._wrap(secrets.token_bytes(_KEY), _place(key_id, type, day))
            # the row may be ours, so whatever is cached below must go if this is rolled back
            db.undo(conn, lambda: self._forget([key_id]))
            _ADD_BODY_KEY.run(
                conn, [{**given, "id": key_id, "wrapped": fresh, "shredded_at": None}]
            )
            row = conn.execute(_BODY_KEY_FOR, given).one()
        if len(self._current) >= _CACHED_KEYS:
            self._current.clear()
        found = self._current[type, day] = (row[0], self._remember(row[0], row[1], type, day))
        return found

    def _load_key(self, conn: Connection, key_id: str) -> AESGCM:
        row = conn.execute(_BODY_KEY, {"id": key_id}).first()
        if row is None or row[2] is None:
            raise Refused("books.erased", key=key_id)
        return self._remember(key_id, row[2], row[0], row[1])

    def _remember(self, key_id: str, wrapped: bytes, type: str, day: date) -> AESGCM:
        if len(self._bodies) >= _CACHED_KEYS:
            self._bodies.clear()
        cipher = AESGCM(self._unwrap(wrapped, _place(key_id, type, day)))
        self._bodies[key_id] = cipher
        return cipher

    def _state_cipher(self, conn: Connection, rule: str) -> AESGCMSIV:
        db.undo(conn, lambda: self._forget_named("state", rule))
        cipher = self._states[rule] = AESGCMSIV(self.named_key(conn, "state", rule))
        return cipher

    def _forget(self, key_ids: list[str]) -> None:
        gone = set(key_ids)
        for key_id in key_ids:
            self._bodies.pop(key_id, None)
        for place in [place for place, found in self._current.items() if found[0] in gone]:
            del self._current[place]

    def _forget_named(self, kind: str, name: str) -> None:
        self._named.pop((kind, name), None)
        if kind == "state":
            self._states.pop(name, None)

    def _wrap(self, key: bytes, place: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._master.encrypt(nonce, key, place)

    def _unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        return self._master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], place)


def _place(key_id: str, type: str, day: date) -> bytes:
    return f"{key_id}\0{type}\0{day.isoformat()}".encode()


def _make_key_file(path: Path) -> None:
    """Write a new master key so that the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(_KEY))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, path)  # fails if another process made one meanwhile: theirs is used
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_key_file(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Refused("vault.loose", file=str(path), mode=f"{mode:04o}")
    key = path.read_bytes()
    if len(key) != _KEY:
        raise Refused("vault.length", file=str(path), got=len(key), expected=_KEY)
    return key
