"""Edge: a member's own notes, kept by its plugins and readable with the master key only.

A clinic notes which patient number belongs to which enrolled person. The file must show neither:
values are sealed, and a key appears as a token (HMAC-SHA-256 under the register's own key, cut to
16 bytes), so a stolen `edge.db` answers no guess at an ID number.

    register = Register(conn, vault, member="cln-01", plugin="clinic")
    register.put("enrolled", id_no, {"patient_ref": "0007"})
    register.get("enrolled", id_no)
    register.count("enrolled")
    for key, value in register.find("enrolled"): …
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select

from jdgate.store.bulk import Lookup, Upsert
from jdgate.store.edge_tables import register
from jdgate.store.vault import Vault

_TOKEN_BYTES = 16
_PAGE = 500
_OURS = (
    register.c.member == bindparam("m"),
    register.c.plugin == bindparam("p"),
    register.c.kind == bindparam("k"),
)
_GET = Lookup(register, ["value"], fixed=["member", "plugin", "kind"], key="token")
_PUT = Upsert(register, on=["member", "plugin", "kind", "token"], update=["value"])
_DELETE = delete(register).where(*_OURS, register.c.token == bindparam("t"))
_COUNT = select(func.count()).where(*_OURS)
_FIND = (
    select(register.c.token, register.c.value)
    .where(*_OURS, register.c.token > bindparam("after"))
    .order_by(register.c.token)
    .limit(bindparam("limit"))
)


class Register:
    """The notes of one plugin for one member, in the transaction of `conn`."""

    def __init__(self, conn: Connection, vault: Vault, *, member: str, plugin: str) -> None:
        self._conn = conn
        self._vault = vault
        self._member = member
        self._plugin = plugin
        self._seal = f"register:{member}:{plugin}"
        self._key = vault.named_key(conn, "register", f"{member}:{plugin}")

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The value noted under (kind, key)."""
        token = self._token(kind, key)
        found = _GET.run(self._conn, (self._member, self._plugin, kind), [token])
        return self._open(kind, token, found[0][0])[1] if found else None

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Note `value` under (kind, key), over what was there."""
        token = self._token(kind, key)
        plain = msgspec.json.encode((key, value))
        place = self._place(kind, token)
        row = {
            "member": self._member,
            "plugin": self._plugin,
            "kind": kind,
            "token": token,
            "value": self._vault.seal_state(self._conn, self._seal, place, plain),
        }
        _PUT.run(self._conn, [row])

    def delete(self, kind: str, key: str) -> None:
        """Forget (kind, key)."""
        self._conn.execute(_DELETE, self._where(kind, t=self._token(kind, key)))

    def count(self, kind: str) -> int:
        """How many notes of `kind` there are."""
        return int(self._conn.execute(_COUNT, self._where(kind)).scalar_one())

    def find(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """All (key, value) of `kind`, in no meaningful order, page by page.

        What is put while iterating may or may not appear.
        """
        after = b""
        while True:
            given = self._where(kind, after=after, limit=_PAGE)
            rows = self._conn.execute(_FIND, given).all()
            for token, blob in rows:
                yield self._open(kind, token, blob)
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def _token(self, kind: str, key: str) -> bytes:
        text = f"{kind}\0{key}".encode()
        return hmac.digest(self._key, text, "sha256")[:_TOKEN_BYTES]

    def _place(self, kind: str, token: bytes) -> str:
        return f"{kind}\0{token.hex()}"

    def _where(self, kind: str, **more: object) -> dict[str, object]:
        return {"m": self._member, "p": self._plugin, "k": kind, **more}

    def _open(self, kind: str, token: bytes, blob: bytes) -> tuple[str, dict[str, Any]]:
        place = self._place(kind, token)
        plain = self._vault.open_state(self._conn, self._seal, place, blob)
        return msgspec.json.decode(plain, type=tuple[str, dict[str, Any]])
