"""What is expected by when: `Expect` and `Settle` of the rules.

An expectation is called (rule, key, name). Expecting it again moves it and opens it again;
settling it, or firing it when due, ends it. States: `open`, `fired`, `settled`. One that waited for
a message and fired keeps the id of the statement about it, until it is settled or set again.

    expectations.expect(conn, [ExpectationRow(rule=…, key=…, name="absent", due_at=…, set_at=now)])
    for row in expectations.due(conn, rules, now, 200):
        …                                            # rule.due(state, row.name, now)
    expectations.mark_fired(conn, rows, now)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, bindparam, update

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader, any_of, slices
from jdgate.store.tables import expectation

OPEN, FIRED, SETTLED = "open", "fired", "settled"


class ExpectationRow(Struct, kw_only=True):
    """`name` of `rule` for `key` is due at `due_at`; set at `set_at`. `awaits`, `of`: the message
    type that is waited for and from whom; `statement`: the ledger's that it had not come."""

    rule: str
    key: str
    name: str
    due_at: datetime
    set_at: datetime
    state: str = OPEN
    awaits: str = ""
    of: str = ""
    statement: str | None = None


_ROWS = Reader(expectation, ExpectationRow)
_EXPECT = Upsert(
    expectation,
    on=["rule", "key", "name"],
    update=["due_at", "state", "set_at", "changed_at", "awaits", "of", "statement"],
)
_THIS = (
    expectation.c.rule == bindparam("r"),
    expectation.c.key == bindparam("k"),
    expectation.c.name == bindparam("n"),
    expectation.c.state == OPEN,
)
_SETTLE = update(expectation).where(*_THIS).values(state=SETTLED, changed_at=bindparam("at"))
# one that was re-armed since it was read as due must not be ended with the old one
_FIRE = (
    update(expectation)
    .where(*_THIS, expectation.c.due_at == bindparam("due"))
    .values(state=FIRED, changed_at=bindparam("at"))
)
_DUE = (
    _ROWS.select.where(
        expectation.c.state == OPEN,
        expectation.c.due_at <= bindparam("now"),
        expectation.c.rule.in_(any_of("rules")),
    )
    .order_by(expectation.c.due_at)
    .limit(bindparam("limit"))
)
_STATE = (
    update(expectation)
    .where(*_THIS[:3], expectation.c.state == FIRED)
    .values(statement=bindparam("id_"))
)
_MISSED = _ROWS.select.where(
    expectation.c.rule == bindparam("r"),
    expectation.c.key.in_(any_of("ks")),
    expectation.c.statement.is_not(None),
)


def expect(conn: Connection, rows: Sequence[ExpectationRow]) -> None:
    """Set or move expectations; the last of a name given twice wins."""
    latest = {(row.rule, row.key, row.name): row for row in rows}
    _EXPECT.run(
        conn,
        [
            {
                "rule": row.rule,
                "key": row.key,
                "name": row.name,
                "due_at": row.due_at,
                "state": OPEN,
                "set_at": row.set_at,
                "changed_at": row.set_at,
                "awaits": row.awaits,
                "of": row.of,
                "statement": None,
            }
            for row in latest.values()
        ],
    )


def settle(conn: Connection, names: Iterable[tuple[str, str, str]], at: datetime) -> int:
    """End open expectations (rule, key, name); how many were open."""
    given = [{"r": rule, "k": key, "n": name, "at": at} for rule, key, name in names]
    return conn.execute(_SETTLE, given).rowcount if given else 0


def due(conn: Connection, rules: Sequence[str], now: datetime, limit: int) -> list[ExpectationRow]:
    """Open expectations of these rules whose time has come, earliest first.

    What a rule that is not loaded expects stays open until it is loaded again.
    """
    given = {"rules": list(rules), "now": now, "limit": limit}
    return _ROWS.rows(conn.execute(_DUE, given))


def mark_fired(conn: Connection, rows: Iterable[ExpectationRow], at: datetime) -> int:
    """End these due expectations, unless moved meanwhile; how many ended."""
    given = [
        {"r": row.rule, "k": row.key, "n": row.name, "due": row.due_at, "at": at} for row in rows
    ]
    return conn.execute(_FIRE, given).rowcount if given else 0


def mark_missed(conn: Connection, rows: Iterable[ExpectationRow]) -> None:
    """Keep the `statement` of these, which have just fired."""
    given = [{"r": row.rule, "k": row.key, "n": row.name, "id_": row.statement} for row in rows]
    if given:
        conn.execute(_STATE, given)


def missed(conn: Connection, rule: str, keys: Iterable[str]) -> list[ExpectationRow]:
    """Of these keys: what had not come by its deadline, and has not come since."""
    found: list[ExpectationRow] = []
    for part in slices(keys):
        found += _ROWS.rows(conn.execute(_MISSED, {"r": rule, "ks": part}))
    return found


def forget_missed(conn: Connection, rows: Iterable[ExpectationRow]) -> None:
    """What was missing has come; the ledger keeps both."""
    mark_missed(conn, [structs.replace(row, statement=None) for row in rows])


def search(
    conn: Connection,
    *,
    rule: str | None = None,
    key: str | None = None,
    state: str | None = OPEN,
    due_before: datetime | None = None,
    of: str | None = None,
    only_missed: bool = False,
    limit: int = 100,
) -> list[ExpectationRow]:
    """Expectations that match all given filters, earliest due first."""
    wanted: list[ColumnElement[bool]] = []
    if rule is not None:
        wanted.append(expectation.c.rule == rule)
    if key is not None:
        wanted.append(expectation.c.key == key)
    if state is not None:
        wanted.append(expectation.c.state == state)
    if due_before is not None:
        wanted.append(expectation.c.due_at < due_before)
    if of is not None:
        wanted.append(expectation.c.of == of)
    if only_missed:
        wanted.append(expectation.c.statement.is_not(None))
    query = _ROWS.select.where(*wanted).order_by(expectation.c.due_at).limit(limit)
    return _ROWS.rows(conn.execute(query))
