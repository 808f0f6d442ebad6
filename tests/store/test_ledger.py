"""The ledger in the books, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, func, select

from jdgate.core import checkpoints, leaves
from jdgate.core.ledger import (
    EMPTY_ROOT,
    Frontier,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from jdgate.core.signing import SigningKey
from jdgate.errors import Misuse
from jdgate.store import ledger
from jdgate.store.database import Which
from jdgate.store.ledger_tables import define

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture
def engine(url_of: Callable[[Which], str]) -> Iterator[Engine]:
    made = create_engine(url_of("books"))
    yield made
    made.dispose()


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as opened:
        yield opened


def salt_of(at: int) -> bytes:
    return at.to_bytes(leaves.SALT_BYTES, "big")


def disclosed(at: int) -> bytes:
    return leaves.encode(
        leaves.DisclosedLeaf(
            id=f"delivery-{at}",
            at="2026-11-21T08:00:00.000Z",
            message=f"message-{at // 3}",
            type="mmt.dropout.notice.v1",
            recipient="pol",
            role="POL",
            fields=("name",),
            basis=("basis",),
            records=1,
            directory=1,
            commitment=leaves.commitment(salt_of(at), b"jws"),
        )
    )


def fill(conn: Connection, size: int, portion: int = 100) -> list[bytes]:
    bodies = [disclosed(at) for at in range(size)]
    for first in range(0, size, portion):
        rows = [(bodies[at], salt_of(at)) for at in range(first, min(first + portion, size))]
        assert ledger.append(conn, rows) == first
    return bodies


def test_an_empty_ledger_has_the_empty_root_and_no_checkpoint(conn: Connection) -> None:
    assert ledger.head(conn).root() == EMPTY_ROOT
    assert ledger.append(conn, []) == 0
    assert ledger.leaf(conn, 0) is None
    assert ledger.latest_checkpoint(conn) is None


@pytest.mark.parametrize("portion", [1, 7, 256, 1000])
def test_the_head_is_that_of_the_leaves_however_they_were_appended(
    conn: Connection, portion: int
) -> None:
    bodies = fill(conn, 600, portion)
    expected, _ = Frontier().append([leaf_hash(body) for body in bodies])
    assert ledger.head(conn) == expected


def test_every_leaf_of_a_ledger_of_several_tiles_is_proven(conn: Connection) -> None:
    size = 1100
    bodies = fill(conn, size)
    for upto in (1, 255, 256, 257, 512, 1000, size):
        root = ledger.root_of(conn, upto)
        reader = ledger.TileReader(conn)
        for index in {0, 1, upto // 2, max(upto - 257, 0), upto - 1} & set(range(upto)):
            proved = ledger.prove(conn, index, upto, reader)
            assert proved.leaf.body == bodies[index]
            assert verify_inclusion(leaf_hash(bodies[index]), index, upto, proved.path, root)


def test_every_earlier_state_is_consistent_with_the_present_one(conn: Connection) -> None:
    size = 700
    fill(conn, size)
    root = ledger.head(conn).root()
    for old in (1, 2, 255, 256, 257, 511, 512, 513, 699, 700):
        path = ledger.prove_consistency(conn, old, size)
        assert verify_consistency(old, size, path, ledger.root_of(conn, old), root)


def test_proofs_about_leaves_that_are_not_there_are_refused(conn: Connection) -> None:
    fill(conn, 10)
    for asked in (
        lambda: ledger.prove(conn, 10, 10),
        lambda: ledger.prove_consistency(conn, 5, 11),
        lambda: ledger.prove_consistency(conn, 0, 5),
    ):
        with pytest.raises(Misuse) as caught:
            asked()
        assert caught.value.code == "ledger.out_of_range"
    with pytest.raises(Misuse) as caught:
        ledger.root_of(conn, 11)
    assert caught.value.code == "ledger.node_missing"


def test_only_roots_of_whole_tiles_are_stored_besides_the_leaves(conn: Connection) -> None:
    fill(conn, 700)
    tables = define(MetaData())
    assert conn.scalar(select(func.count()).select_from(tables.node)) == 2
    assert conn.scalar(select(func.count()).select_from(tables.head)) == 1


def test_an_append_takes_the_same_statements_at_any_size(engine: Engine) -> None:
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _u: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with engine.begin() as conn:
        fill(conn, 3)
        for size in (3, 303, 603):
            assert ledger.head(conn).size == size
            statements.clear()
            ledger.append(conn, [(disclosed(size), None)])
            assert [text.split()[0] for text in statements] == ["SELECT", "INSERT", "UPDATE"]
            ledger.append(conn, [(disclosed(at), None) for at in range(size + 1, size + 300)])


def test_leaves_are_found_by_delivery_and_by_message(conn: Connection) -> None:
    fill(conn, 10)
    assert [found.index for found in ledger.find(conn, "delivery-4")] == [4]
    assert [found.index for found in ledger.find(conn, "message-1")] == [3, 4, 5]
    assert ledger.find(conn, "message-9") == []
    assert [found.id for found in ledger.leaves_from(conn, 8, 5)] == ["delivery-8", "delivery-9"]


def test_erasing_forgets_the_salt_and_leaves_the_proof_valid(conn: Connection) -> None:
    fill(conn, 10)
    root = ledger.head(conn).root()
    before = ledger.prove(conn, 4, 10)
    assert before.leaf.salt == salt_of(4)

    assert ledger.erase(conn, "message-1") == 3
    assert ledger.erase(conn, "message-1") == 0

    after = ledger.prove(conn, 4, 10)
    assert after.leaf.salt is None
    assert (after.leaf.body, after.path) == (before.leaf.body, before.path)
    assert ledger.head(conn).root() == root
    assert verify_inclusion(leaf_hash(after.leaf.body), 4, 10, after.path, root)
    untouched = ledger.leaf(conn, 6)
    assert untouched is not None and untouched.salt == salt_of(6)


def test_an_aborted_transaction_leaves_no_leaf(engine: Engine) -> None:
    with engine.begin() as conn:
        fill(conn, 5)
    with pytest.raises(ZeroDivisionError), engine.begin() as conn:
        ledger.append(conn, [(disclosed(5), None)])
        1 / 0
    with engine.begin() as conn:
        assert ledger.head(conn).size == 5
        assert ledger.append(conn, [(disclosed(5), None)]) == 5


def test_what_is_not_a_leaf_is_not_appended(conn: Connection) -> None:
    for body in (b"", b"[]", b'{"kind":"accepted"}'):
        with pytest.raises(Misuse) as caught:
            ledger.append(conn, [(body, None)])
        assert caught.value.code == "ledger.leaf_malformed"
    assert ledger.head(conn).size == 0


def test_checkpoints_are_kept_once_for_each_size(conn: Connection) -> None:
    key = SigningKey("gateway.sig.1", "EdDSA", bytes(32))
    kept = []
    for _ in range(3):
        size = ledger.head(conn).size
        rows = [(disclosed(at), None) for at in range(size, size + 2)]
        ledger.append(conn, rows)
        checkpoint = checkpoints.of(ledger.head(conn), "511623000000", NOW)
        jws = checkpoints.sign(checkpoint, key)
        assert ledger.save_checkpoint(conn, checkpoint, jws)
        assert not ledger.save_checkpoint(conn, checkpoint, b"another")
        kept.append(jws)
    assert ledger.latest_checkpoint(conn) == kept[2]
    assert ledger.checkpoints_below(conn, 6, 10) == [kept[1], kept[0]]
    assert checkpoints.verify(kept[2], key.public()).size == 6
