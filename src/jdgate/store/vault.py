"""Encryption at rest: what may hold a personal value is unreadable without the master key file.

Rules:

- the master key is in a file of its own (`master_key`); a database sealed under another one is
  refused;
- bodies are sealed with AES-256-GCM (NIST SP 800-38D) under a data key for each (type, day). It
  lies in the table `body_key`, wrapped under a key that takes the master key and a secret kept
  outside the database (`day_secrets`). Retention forgets a day by erasing both (`shred`): then no
  copy of the database opens those bodies, however old it is;
- rule states are sealed with AES-256-GCM-SIV (RFC 8452) under one key for each rule: such a key
  seals without end, and random nonces of plain GCM must not pass 2³² uses;
- every sealed value is bound to its place (`aad`), so that it can't be moved to another row;
- the key of a pseudonym domain is random and lives as long as the domain.

A key made in a transaction that does not commit is forgotten (`database.undo`): nothing must ever
be sealed by a key that was not stored.

Any thread may open what is sealed, on a connection that reads. Sealing, and making a key on first
use, are for the thread that writes.

    vault = Vault.unlock(database, Path("var/master.key"))
    with database.transaction() as conn:
        key_id, blob = vault.seal(conn, "mmt.attendance.v1", today, jws, aad=message_id.encode())
        body = vault.open(conn, key_id, blob, aad=message_id.encode())
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV
from sqlalchemy import Connection, Date, Select, bindparam, select, update

from jdgate.errors import JdgateError, Refused, TransportFailed
from jdgate.store import database as db
from jdgate.store import master_key
from jdgate.store.bulk import Upsert
from jdgate.store.day_secrets import DaySecrets, KeyOfDay
from jdgate.store.master_key import LENGTH, MasterKey
from jdgate.store.tables import body_key, named_key

log = logging.getLogger(__name__)

DAYS_SUFFIX = ".days"
"""The secrets of days lie beside the master key: `books.days` beside `books.master`."""
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
_ALL = select(body_key.c.id, body_key.c.type, body_key.c.day)
_LIVING = _ALL.where(body_key.c.wrapped.is_not(None))
_SHREDDED = _ALL.where(body_key.c.wrapped.is_(None))
_BEFORE = _LIVING.where(body_key.c.day < bindparam("before", type_=Date))
_SHRED = (
    update(body_key)
    .where(body_key.c.id == bindparam("the_id"))
    .values(wrapped=None, shredded_at=bindparam("at"))
)
_ADD_NAMED = Upsert(named_key)
_NAMED = select(named_key.c.wrapped).where(
    named_key.c.kind == bindparam("kind"), named_key.c.name == bindparam("name")
)
_DOMAINS = select(named_key.c.name).where(named_key.c.kind == "domain").order_by(named_key.c.name)


class Sealed(NamedTuple):
    """A sealed body and the id of the key that opens it."""

    key_id: str
    blob: bytes


class Vault:
    """The keys of one database. Made by `unlock`."""

    def __init__(self, master: MasterKey, days: DaySecrets, books: str) -> None:
        self._master = master
        self._days = days
        self._books = books
        self._planned: dict[tuple[str, date], str] = {}
        self._current: dict[tuple[str, date], tuple[str, AESGCM]] = {}
        self._bodies: dict[str, AESGCM] = {}
        self._named: dict[tuple[str, str], bytes] = {}
        self._states: dict[str, AESGCMSIV] = {}
        # a reader may still see a key that is being shredded, and must not keep it after that
        self._secrets = threading.Lock()

    @classmethod
    def unlock(cls, database: db.Database, key_file: Path) -> Vault:
        """Read the master key (or make it, on first use) and check that it fits the database.

        Also finishes what a crash left half done: secrets of days that were shredded go.

        Raises:
            Refused: `vault.loose`, others may read a key file; `vault.length`, it is no key;
                `vault.missing`, the database was sealed and the file is gone; `vault.other`,
                the database was sealed under another key; `vault.days_missing`, the secrets of
                days are gone or older than the database; `vault.days_damaged`.
            TransportFailed: `vault.days_unavailable`, that file can't be read or written.
        """
        vault = cls._with_master(database, key_file)
        days = vault._days
        days.tidy()
        with database.transaction() as conn:
            living = _keys(conn, _LIVING)
            held = days.read()  # after the rows: what another gateway adds meanwhile is here
            absent = [key for key in living if key[0] not in held]
            lost = [key for key in absent if not days.was_shredded(key[1], key[2])]
            if lost:
                raise vault._missing(Refused, lost)
            _erase(conn, absent, None)  # an older copy of the database: shredded since
            spare = held - {key[0] for key in living}
            gone = [key for key in _keys(conn, _SHREDDED) if key[0] in spare] if spare else []
        days.drop(gone)
        return vault

    @classmethod
    def write_off(cls, database: db.Database, key_file: Path, at: datetime) -> int:
        """Give up the bodies whose secrets are lost for good, so that `unlock` succeeds again.

        How many keys. Nothing brings those bodies back: first look for a newer `*.days` file.

        Raises:
            As `unlock`, but for `vault.days_missing`.
        """
        vault = cls._with_master(database, key_file)
        with database.transaction() as conn:
            living = _keys(conn, _LIVING)
            held = vault._days.read()
            lost = [key for key in living if key[0] not in held]
            _erase(conn, lost, at)
        return len(lost)

    @classmethod
    def _with_master(cls, database: db.Database, key_file: Path) -> Vault:
        with database.read() as conn:
            sealed_before = conn.execute(_NAMED, {"kind": "check", "name": ""}).scalar()
        if not key_file.exists():
            if sealed_before is not None:
                raise Refused("vault.missing", file=str(key_file), books=database.name)
            master_key.make(key_file)
        days = DaySecrets(key_file.with_suffix(DAYS_SUFFIX))
        vault = cls(MasterKey.read(key_file), days, database.name)
        try:
            with database.transaction() as conn:
                vault.named_key(conn, "check", "")
        except InvalidTag:
            raise Refused("vault.other", file=str(key_file), books=database.name) from None
        return vault

    def seal(self, conn: Connection, type: str, day: date, plaintext: bytes, aad: bytes) -> Sealed:
        """Seal a body under the key of `type` and `day`, made on first use.

        `aad`: what the body belongs to, usually its row's id; the same must be given to `open`.
        The first body of a type and day writes the file of day secrets.

        Raises:
            TransportFailed: that file can't be written, or is not what it was.
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
            TransportFailed: `vault.days_missing`, another gateway sealed it, and its file of day
                secrets is not ours.
        """
        try:
            cipher = self._bodies.get(key_id) or self._load_key(conn, key_id)
            return cipher.decrypt(blob[:_NONCE], blob[_NONCE:], aad)
        except InvalidTag:
            raise Refused("books.tampered", key=key_id) from None

    def living(self, conn: Connection, before: date) -> list[KeyOfDay]:
        """The keys of all days before `before` that were not erased, oldest day first."""
        return sorted(_keys(conn, _BEFORE, before=before), key=lambda key: (key[2], key[1]))

    def shred(self, conn: Connection, keys: Sequence[KeyOfDay], at: datetime) -> int:
        """Erase these keys; how many.

        Everything sealed under them is lost for good: the caller first makes sure that nothing
        needs them (`bodies.left`, `edge_keys.in_use`) and calls `Database.scrub` after the commit.
        """
        if keys:
            _erase(conn, keys, at)
            for _, type, day in keys:
                self._unplan(type, day)
            db.after(conn, lambda: self._drop(keys))
        self._forget([key[0] for key in keys])
        return len(keys)

    def _drop(self, keys: Sequence[KeyOfDay]) -> None:
        with self._secrets:
            try:
                self._days.drop(keys)
            except TransportFailed as reason:
                # done with the next change of the file, or at the next start
                log.warning("%s", reason)
            self._forget([key[0] for key in keys])

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

    def domains(self, conn: Connection) -> list[str]:
        """The pseudonym domains that have a key: in others nobody is known."""
        return list(conn.execute(_DOMAINS).scalars())

    def named_key(self, conn: Connection, kind: str, name: str) -> bytes:
        """The 32-byte random key called (kind, name), made on first use."""
        known = self._named.get((kind, name))
        if known is not None:
            return known
        given = {"kind": kind, "name": name}
        place = f"{kind}\0{name}".encode()
        wrapped = conn.execute(_NAMED, given).scalar()
        if wrapped is None:
            fresh = self._master.wrap(secrets.token_bytes(LENGTH), place)
            db.undo(conn, lambda: self._forget_named(kind, name))
            _ADD_NAMED.run(conn, [{**given, "wrapped": fresh}])
            wrapped = conn.execute(_NAMED, given).scalar_one()
        key = self._master.unwrap(wrapped, place)
        self._named[kind, name] = key
        return key

    def _current_key(self, conn: Connection, type: str, day: date) -> tuple[str, AESGCM]:
        given = {"type": type, "day": day}
        row = conn.execute(_BODY_KEY_FOR, given).first()
        if row is None:
            # what is tried again after a failed transaction is tried with the same secret
            key_id = self._planned.setdefault((type, day), secrets.token_hex(8))
            place = _place(key_id, type, day)
            with self._secrets:
                secret = self._days.issue(key_id)
            fresh = self._master.wrap(secrets.token_bytes(LENGTH), place, secret)
            # the row may be ours, so whatever is cached below must go if this is rolled back
            db.undo(conn, lambda: self._forget([key_id]))
            db.after(conn, lambda: self._unplan(type, day))
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
        place = _place(key_id, type, day)
        with self._secrets:
            secret = self._secret((key_id, type, day))
            cipher = AESGCM(self._master.unwrap(wrapped, place, secret))
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

    def _unplan(self, type: str, day: date) -> None:
        self._planned.pop((type, day), None)

    def _forget_named(self, kind: str, name: str) -> None:
        self._named.pop((kind, name), None)
        if kind == "state":
            self._states.pop(name, None)

    def _secret(self, key: KeyOfDay) -> bytes:
        found = self._days.find(key[0])
        if found is None:
            if self._days.was_shredded(key[1], key[2]):
                raise Refused("books.erased", key=key[0])
            raise self._missing(TransportFailed, [key])
        return found

    def _missing(self, family: type[JdgateError], keys: list[KeyOfDay]) -> JdgateError:
        days = sorted(day.isoformat() for _, _, day in keys)
        return family(
            "vault.days_missing", file=self._days.file, books=self._books,
            count=len(keys), first=days[0], last=days[-1],
        )  # fmt: skip


def _keys(conn: Connection, query: Select[str, str, date], **given: object) -> list[KeyOfDay]:
    return [(row[0], row[1], row[2]) for row in conn.execute(query, given)]


def _erase(conn: Connection, keys: Sequence[KeyOfDay], at: datetime | None) -> None:
    """Forget these keys in the database; `at`: None where nobody knows when it was."""
    if keys:
        conn.execute(_SHRED, [{"the_id": key[0], "at": at} for key in keys])


def _place(key_id: str, type: str, day: date) -> bytes:
    return f"{key_id}\0{type}\0{day.isoformat()}".encode()
