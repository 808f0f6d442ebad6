"""The ledger in the books: append, proofs, checkpoints, erasure, each against a Connection.

Rules:
- the caller owns the transaction: a leaf is there exactly when what it speaks of is;
- an append reads one row, inserts its leaves and writes one row back, whatever the size; on
  PostgreSQL that row is locked, so that one sequencer at a time orders the leaves;
- a proof reads at most one tile of 256 hashes for each 8 levels of the tree, and a second one
  along its right edge;
- nothing is ever deleted: `erase` drops the salt, after which the leaf opens to nothing while
  its hash and every proof through it stay as they were.

    with books.transaction() as conn:
        first = append(conn, [(leaves.encode(leaf), salt)])
        current = head(conn)
        proved = prove(conn, first, current.size)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from msgspec import DecodeError, Struct, json
from sqlalchemy import Connection, MetaData, Table, bindparam, insert, or_, select, update

from jdgate.core.checkpoints import Checkpoint
from jdgate.core.ledger import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
)
from jdgate.errors import Misuse
from jdgate.store.columns import any_of, slices
from jdgate.store.ledger_tables import TILE_LEVELS, define

_tables = define(MetaData())
_leaf, _node, _head, _checkpoint = _tables.leaf, _tables.node, _tables.head, _tables.checkpoint

_ONE = 1
_TILE_MASK = (1 << TILE_LEVELS) - 1


class StoredLeaf(Struct, frozen=True):
    """A leaf as the books hold it. `body` is its canonical bytes."""

    index: int
    id: str
    kind: str
    body: bytes
    salt: bytes | None


class Proved(Struct, frozen=True):
    """A leaf with its inclusion path to the root the ledger had at `size`."""

    leaf: StoredLeaf
    size: int
    path: list[bytes]


class _Names(Struct):
    """What the books index of a leaf."""

    kind: str
    id: str
    message: str | None = None


_names = json.Decoder(_Names)


class _RowInsert:
    """INSERT of whole rows as plain tuples in column order, compiled once for each dialect.

    The driver takes ints, text and bytes as they are, so SQLAlchemy's work for each value of
    each row, half the time of an append, is saved.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._built: dict[str, tuple[str, bool]] = {}

    def run(self, conn: Connection, rows: list[tuple[Any, ...]]) -> None:
        """Insert `rows` (at least one)."""
        dialect = conn.dialect
        built = self._built.get(dialect.name)
        if built is None:
            compiled = insert(self._table).compile(dialect=dialect)
            built = self._built[dialect.name] = (str(compiled), dialect.positional)
        statement, positional = built
        if positional:
            conn.exec_driver_sql(statement, rows)
        else:
            names = self._table.c.keys()
            conn.exec_driver_sql(statement, [dict(zip(names, row, strict=True)) for row in rows])


_READ_HEAD = select(_head.c.size, _head.c.frontier)
_LOCK_HEAD = _READ_HEAD.with_for_update()
_FIRST_HEAD = insert(_head)
_NEXT_HEAD = update(_head).values(size=bindparam("size"), frontier=bindparam("frontier"))
_ADD_LEAVES = _RowInsert(_leaf)
_ADD_NODES = _RowInsert(_node)
_COLUMNS = select(_leaf.c.index, _leaf.c.id, _leaf.c.kind, _leaf.c.body, _leaf.c.salt)
_LEAF_AT = _COLUMNS.where(_leaf.c.index == bindparam("at"))
_LEAVES_FROM = (
    _COLUMNS.where(_leaf.c.index >= bindparam("first"))
    .order_by(_leaf.c.index)
    .limit(bindparam("most"))
)
_ABOUT = or_(_leaf.c.id == bindparam("about"), _leaf.c.message == bindparam("about"))
_LEAVES_ABOUT = _COLUMNS.where(_ABOUT).order_by(_leaf.c.index)
_OF_IDS = _COLUMNS.where(_leaf.c.id.in_(any_of("these")))
_OF_MESSAGES = _COLUMNS.where(_leaf.c.message.in_(any_of("these")))
_ERASE = update(_leaf).where(_ABOUT, _leaf.c.salt.is_not(None)).values(salt=None)
_LEAF_TILE = (
    select(_leaf.c.hash)
    .where(_leaf.c.index >= bindparam("low"), _leaf.c.index < bindparam("high"))
    .order_by(_leaf.c.index)
)
_NODE_TILE = (
    select(_node.c.hash)
    .where(
        _node.c.level == bindparam("at_level"),
        _node.c.index >= bindparam("low"),
        _node.c.index < bindparam("high"),
    )
    .order_by(_node.c.index)
)
_ADD_CHECKPOINT = insert(_checkpoint)
_HAS_CHECKPOINT = select(_checkpoint.c.size).where(_checkpoint.c.size == bindparam("at_size"))
_LATEST_CHECKPOINT = select(_checkpoint.c.jws).order_by(_checkpoint.c.size.desc()).limit(1)
_CHECKPOINTS_IN = (
    select(_checkpoint.c.jws)
    .where(_checkpoint.c.size > bindparam("above"), _checkpoint.c.size <= bindparam("upto"))
    .order_by(_checkpoint.c.size)
)
_CHECKPOINTS_BELOW = (
    select(_checkpoint.c.jws)
    .where(_checkpoint.c.size < bindparam("below"))
    .order_by(_checkpoint.c.size.desc())
    .limit(bindparam("most"))
)


def append(conn: Connection, leaves: Sequence[tuple[bytes, bytes | None]]) -> int:
    """Append leaves (canonical bytes, salt) in order; returns the index of the first.

    Raises:
        Misuse: `ledger.leaf_malformed`, a leaf without `kind` or `id`.
    """
    before = _frontier(conn, lock=True)
    if not leaves:
        return before.size
    first = before.size
    hashes = [leaf_hash(body) for body, _ in leaves]
    after, completed = before.append(hashes)
    rows: list[tuple[Any, ...]] = []
    for index, (body, salt), hashed in zip(count(first), leaves, hashes, strict=False):
        try:
            names = _names.decode(body)
        except DecodeError:
            raise Misuse("ledger.leaf_malformed") from None
        message = None if names.message == names.id else names.message
        rows.append((index, names.id, names.kind, message, hashed, body, salt))
    _ADD_LEAVES.run(conn, rows)
    kept = [tuple(node) for node in completed if node.level % TILE_LEVELS == 0]
    if kept:
        _ADD_NODES.run(conn, kept)
    state = {"size": after.size, "frontier": after.to_bytes()}
    if first:
        conn.execute(_NEXT_HEAD, state)
    else:
        conn.execute(_FIRST_HEAD, {"one": _ONE, **state})
    return first


def _frontier(conn: Connection, *, lock: bool = False) -> Frontier:
    row = conn.execute(_LOCK_HEAD if lock else _READ_HEAD).first()
    return Frontier.from_bytes(row.size, row.frontier) if row else Frontier()


def head(conn: Connection) -> Frontier:
    """The ledger's size and right edge; `.root()` is its root now."""
    return _frontier(conn)


class TileReader:
    """Reads hashes of perfect subtrees (a `NodeReader`), each tile at most once.

    Good for one transaction: make a new one for each proof or group of proofs.
    """

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """The hash of node (level, index).

        Raises:
            Misuse: `ledger.node_missing`, the subtree is not complete.
        """
        base = level - level % TILE_LEVELS
        width = 1 << (level - base)
        low = index * width
        tile = self._tile(base, low >> TILE_LEVELS)
        start = low & _TILE_MASK
        row = tile[start : start + width]
        if len(row) != width:
            raise Misuse("ledger.node_missing", level=level, index=index)
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def _tile(self, base: int, number: int) -> list[bytes]:
        tile = self._tiles.get((base, number))
        if tile is None:
            low = number << TILE_LEVELS
            bounds = {"low": low, "high": low + _TILE_MASK + 1}
            found = (
                self._conn.execute(_NODE_TILE, {"at_level": base, **bounds})
                if base
                else self._conn.execute(_LEAF_TILE, bounds)
            )
            tile = self._tiles[base, number] = list(found.scalars())
        return tile


def prove(conn: Connection, index: int, size: int, reader: TileReader | None = None) -> Proved:
    """The leaf at `index` and its inclusion path in the tree of `size` leaves.

    Raises:
        Misuse: `ledger.out_of_range`.
    """
    found = leaf(conn, index)
    if found is None:
        raise Misuse("ledger.out_of_range", index=index, size=size)
    return Proved(found, size, inclusion_proof(index, size, reader or TileReader(conn)))


def prove_consistency(conn: Connection, old: int, new: int) -> list[bytes]:
    """The consistency path from the tree of `old` leaves to that of `new`.

    Raises:
        Misuse: `ledger.out_of_range`.
    """
    if new > head(conn).size:
        raise Misuse("ledger.out_of_range", index=old, size=new)
    return consistency_proof(old, new, TileReader(conn))


def root_of(conn: Connection, size: int) -> bytes:
    """The root the ledger had at `size` leaves.

    Raises:
        Misuse: `ledger.node_missing`, it never had that many.
    """
    return root_at(size, TileReader(conn))


def leaf(conn: Connection, index: int) -> StoredLeaf | None:
    """The leaf at `index`, or None beyond the end."""
    row = conn.execute(_LEAF_AT, {"at": index}).first()
    return None if row is None else StoredLeaf(*row)


def leaves_from(conn: Connection, first: int, most: int) -> list[StoredLeaf]:
    """Up to `most` leaves from index `first` on, in order: for checking the whole ledger."""
    rows = conn.execute(_LEAVES_FROM, {"first": first, "most": most})
    return [StoredLeaf(*row) for row in rows]


def find(conn: Connection, about: str) -> list[StoredLeaf]:
    """Every leaf whose id, or whose message, is `about`, in order."""
    return [StoredLeaf(*row) for row in conn.execute(_LEAVES_ABOUT, {"about": about})]


def about_many(conn: Connection, about: Iterable[str]) -> list[StoredLeaf]:
    """Every leaf whose id, or whose message, is one of these, in order."""
    found: dict[int, StoredLeaf] = {}
    for part in slices(about):
        for query in (_OF_IDS, _OF_MESSAGES):
            for row in conn.execute(query, {"these": part}):
                found[row[0]] = StoredLeaf(*row)
    return [found[index] for index in sorted(found)]


def erase(conn: Connection, about: str) -> int:
    """Forget the salts of every leaf about a message or delivery; returns how many there were.

    The leaves stay, and so does every proof; what they commit to can't be shown any more.
    """
    return conn.execute(_ERASE, {"about": about}).rowcount


def save_checkpoint(conn: Connection, checkpoint: Checkpoint, jws: bytes) -> bool:
    """Keep a signed checkpoint; False when there is one of that size already, which stays."""
    if conn.execute(_HAS_CHECKPOINT, {"at_size": checkpoint.size}).first() is not None:
        return False
    conn.execute(_ADD_CHECKPOINT, {"size": checkpoint.size, "at": checkpoint.at, "jws": jws})
    return True


def latest_checkpoint(conn: Connection) -> bytes | None:
    """The JWS of the largest checkpoint, or None."""
    found: bytes | None = conn.execute(_LATEST_CHECKPOINT).scalar()
    return found


def checkpoints_between(conn: Connection, above: int, upto: int) -> list[bytes]:
    """JWS of the checkpoints of more than `above` and at most `upto` leaves, the smallest first."""
    return list(conn.execute(_CHECKPOINTS_IN, {"above": above, "upto": upto}).scalars())


def checkpoints_below(conn: Connection, size: int, most: int) -> list[bytes]:
    """JWS of up to `most` checkpoints of fewer than `size` leaves, the latest first."""
    rows = conn.execute(_CHECKPOINTS_BELOW, {"below": size, "most": most})
    return list(rows.scalars())
