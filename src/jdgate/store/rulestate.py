"""The states of rules, one sealed blob for each (rule, key).

    blobs = rulestate.load(conn, "clinic.absence", keys)      # one query for a batch
    rulestate.save(conn, "clinic.absence", {key: blob}, version=1, now=now)

A batch is loaded and saved in the order of its keys, so that it touches each page of the tree
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, select

from jdgate.store.bulk import Lookup, Upsert
from jdgate.store.columns import any_of, slices
from jdgate.store.tables import rule_state

_LOAD = Lookup(rule_state, ["key", "blob"], fixed=["rule"], key="key")
_SAVE = Upsert(rule_state, on=["rule", "key"], update=["blob", "version", "updated_at"])
_OLD = (
    select(rule_state.c.key, rule_state.c.blob, rule_state.c.version)
    .where(
        rule_state.c.rule == bindparam("rule"),
        rule_state.c.version < bindparam("version"),
        rule_state.c.key > bindparam("after"),
    )
    .order_by(rule_state.c.key)
    .limit(bindparam("limit"))
)
_FORGET = delete(rule_state).where(
    rule_state.c.rule == bindparam("rule"), rule_state.c.key.in_(any_of("keys"))
)
_COUNT = select(func.count()).where(rule_state.c.rule == bindparam("rule"))


def load(conn: Connection, rule: str, keys: Iterable[str]) -> dict[str, bytes]:
    """The blobs of those `keys` that have a state."""
    return {key: blob for key, blob in _LOAD.run(conn, (rule,), keys)}


def save(
    conn: Connection, rule: str, states: Mapping[str, bytes], *, version: int, now: datetime
) -> None:
    """Store the blobs, over what was there."""
    _SAVE.run(
        conn,
        [
            {"rule": rule, "key": key, "blob": blob, "version": version, "updated_at": now}
            for key, blob in sorted(states.items())
        ],
    )


def older_than(
    conn: Connection, rule: str, version: int, page: int = 500
) -> Iterator[tuple[str, bytes, int]]:
    """(key, blob, version) of states that an earlier version of the rule saved, page by page."""
    after = ""
    while True:
        given = {"rule": rule, "version": version, "after": after, "limit": page}
        rows = conn.execute(_OLD, given).all()
        for row in rows:
            yield row[0], row[1], row[2]
        if len(rows) < page:
            return
        after = rows[-1][0]


def forget(conn: Connection, rule: str, keys: Iterable[str]) -> None:
    """Delete the states of `keys`."""
    for part in slices(keys):
        conn.execute(_FORGET, {"rule": rule, "keys": part})


def count(conn: Connection, rule: str) -> int:
    """How many keys have a state."""
    return int(conn.execute(_COUNT, {"rule": rule}).scalar_one())
