"""The Merkle tree against RFC 9162's own definitions and against pymerkle."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle.core import _consistency_path_layout, _inclusion_path_layout
from pymerkle.proof import ConsistencyProof, InclusionProof, InvalidProof

from jdgate.core.ledger import (
    EMPTY_ROOT,
    Frontier,
    Node,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from jdgate.errors import Misuse

# RFC 9162 §2.1, written down as it stands there, knowing nothing of the code under test.


def largest_power_of_two_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(d: list[bytes]) -> bytes:
    """§2.1.1, Merkle Tree Hash."""
    if not d:
        return sha256(b"").digest()
    if len(d) == 1:
        return sha256(b"\x00" + d[0]).digest()
    k = largest_power_of_two_below(len(d))
    return sha256(b"\x01" + mth(d[:k]) + mth(d[k:])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    """§2.1.3.1, PATH(m, D_n)."""
    if len(d) == 1:
        return []
    k = largest_power_of_two_below(len(d))
    if m < k:
        return [*path(m, d[:k]), mth(d[k:])]
    return [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m: int, d: list[bytes], complete: bool) -> list[bytes]:
    """§2.1.4.1, SUBPROOF(m, D_n, b)."""
    if m == len(d):
        return [] if complete else [mth(d)]
    k = largest_power_of_two_below(len(d))
    if m <= k:
        return [*subproof(m, d[:k], complete), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


class Nodes:
    """Every perfect subtree an append completed, as a store would keep them."""

    def __init__(self, leaves: list[bytes]) -> None:
        hashes = [leaf_hash(leaf) for leaf in leaves]
        self.kept = {(0, at): entry for at, entry in enumerate(hashes)}
        self.frontier, completed = Frontier().append(hashes)
        for node in completed:
            assert (node.level, node.position) not in self.kept
            self.kept[node.level, node.position] = node.hash

    def __call__(self, level: int, index: int) -> bytes:
        return self.kept[level, index]


def leaves_of(size: int) -> list[bytes]:
    return [f"leaf {at}".encode() for at in range(size)]


trees = st.lists(st.binary(max_size=24), min_size=1, max_size=70)

# The tree of the Certificate Transparency reference implementations: these eight leaves give
# these roots at sizes 1 to 8.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def test_the_roots_of_the_well_known_tree_are_the_well_known_ones() -> None:
    for size, expected in enumerate(CT_ROOTS, start=1):
        assert Nodes(CT_LEAVES[:size]).frontier.root().hex() == expected


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == mth([])
    assert root_at(0, Nodes([])) == EMPTY_ROOT


@given(trees, st.data())
def test_leaves_appended_in_any_portions_give_the_root_of_the_definition(
    leaves: list[bytes], data: st.DataObject
) -> None:
    frontier = Frontier()
    completed: list[Node] = []
    at = 0
    while at < len(leaves):
        upto = data.draw(st.integers(at + 1, len(leaves)))
        frontier, more = frontier.append([leaf_hash(leaf) for leaf in leaves[at:upto]])
        completed += more
        at = upto
        assert frontier.root() == mth(leaves[:at])
        assert len(frontier.hashes) == at.bit_count()
    whole = Nodes(leaves)
    assert frontier == whole.frontier
    inner = {key: value for key, value in whole.kept.items() if key[0]}
    assert {(node.level, node.position): node.hash for node in completed} == inner


@given(trees)
def test_a_frontier_survives_storage(leaves: list[bytes]) -> None:
    frontier = Nodes(leaves).frontier
    assert Frontier.from_bytes(frontier.size, frontier.to_bytes()) == frontier


def test_a_frontier_of_another_size_is_not_read() -> None:
    with pytest.raises(Misuse) as caught:
        Frontier.from_bytes(4, bytes(64))
    assert caught.value.code == "ledger.frontier_broken"


@given(trees)
def test_every_earlier_root_can_be_read_back(leaves: list[bytes]) -> None:
    nodes = Nodes(leaves)
    for size in range(len(leaves) + 1):
        assert root_at(size, nodes) == mth(leaves[:size])


def test_every_inclusion_path_is_that_of_the_definition_and_verifies() -> None:
    for size in range(1, 41):
        leaves = leaves_of(size)
        nodes = Nodes(leaves)
        root = nodes.frontier.root()
        for index in range(size):
            proof = inclusion_proof(index, size, nodes)
            assert proof == path(index, leaves)
            assert verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)


def test_every_consistency_path_is_that_of_the_definition_and_verifies() -> None:
    leaves = leaves_of(40)
    nodes = Nodes(leaves)
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, nodes)
            assert proof == subproof(old, leaves[:new], True)
            old_root, new_root = mth(leaves[:old]), mth(leaves[:new])
            assert verify_consistency(old, new, proof, old_root, new_root)


@given(st.integers(1, 300), st.data())
def test_a_leaf_does_not_verify_with_anything_changed(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    nodes = Nodes(leaves)
    root = nodes.frontier.root()
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, nodes)
    leaf = leaf_hash(leaves[index])
    assert verify_inclusion(leaf, index, size, proof, root)

    other_index = data.draw(st.integers(-2, size + 2).filter(lambda at: at != index))
    assert not verify_inclusion(leaf, other_index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"another"), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, proof, leaf_hash(b"another"))
    assert not verify_inclusion(leaf, index, size, [*proof, root], root)
    for at in range(len(proof)):
        assert not verify_inclusion(leaf, index, size, proof[:at], root)
        changed = [*proof[:at], leaf_hash(proof[at]), *proof[at + 1 :]]
        assert not verify_inclusion(leaf, index, size, changed, root)
        short = [*proof[:at], proof[at][:31], *proof[at + 1 :]]
        assert not verify_inclusion(leaf, index, size, short, root)


@given(st.integers(2, 300), st.data())
def test_a_consistency_proof_does_not_verify_with_anything_changed(
    new: int, data: st.DataObject
) -> None:
    leaves = leaves_of(new)
    nodes = Nodes(leaves)
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, nodes)
    old_root, new_root = root_at(old, nodes), root_at(new, nodes)
    assert verify_consistency(old, new, proof, old_root, new_root)

    other = leaf_hash(b"another")
    assert not verify_consistency(old, new, proof, other, new_root)
    assert not verify_consistency(old, new, proof, old_root, other)
    assert not verify_consistency(old, new, [*proof, other], old_root, new_root)
    for at in range(len(proof)):
        assert not verify_consistency(old, new, proof[:at], old_root, new_root)
        changed = [*proof[:at], other, *proof[at + 1 :]]
        assert not verify_consistency(old, new, changed, old_root, new_root)


@given(st.integers(2, 200), st.data())
def test_a_rewritten_history_has_no_consistency_proof(new: int, data: st.DataObject) -> None:
    leaves = leaves_of(new)
    old = data.draw(st.integers(1, new - 1))
    rewritten = list(leaves)
    rewritten[data.draw(st.integers(0, old - 1))] = b"rewritten"
    nodes = Nodes(rewritten)
    proof = consistency_proof(old, new, nodes)
    kept_root = mth(leaves[:old])
    assert not verify_consistency(old, new, proof, kept_root, nodes.frontier.root())


def test_a_tree_is_consistent_with_itself_only_without_a_proof() -> None:
    root = mth(leaves_of(5))
    assert verify_consistency(5, 5, [], root, root)
    assert not verify_consistency(5, 5, [root], root, root)
    assert not verify_consistency(5, 5, [], root, EMPTY_ROOT)


def test_a_proof_from_the_empty_tree_says_nothing() -> None:
    root = mth(leaves_of(5))
    assert not verify_consistency(0, 5, [], EMPTY_ROOT, root)
    assert not verify_consistency(6, 5, [root], root, root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(Misuse) as caught:
        inclusion_proof(index, size, Nodes(leaves_of(5)))
    assert caught.value.code == "ledger.out_of_range"


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_there_is_no_consistency_proof_between_impossible_sizes(old: int, new: int) -> None:
    with pytest.raises(Misuse) as caught:
        consistency_proof(old, new, Nodes(leaves_of(5)))
    assert caught.value.code == "ledger.out_of_range"


# pymerkle is another hand's RFC 9162 tree. Its inclusion path is ours with the leaf's hash in
# front. Its consistency path is ours except that, beyond the old tree's last complete subtree,
# it goes on splitting down to one leaf; where both stop at the same ranges it must take ours.


def pymerkle_accepts_inclusion(
    leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes
) -> bool:
    rule, _ = _inclusion_path_layout(index + 1, size)
    offered = InclusionProof("sha256", True, size, index + 1, rule, [leaf, *proof])
    try:
        offered.verify(leaf, root, index=index + 1, size=size, algorithm="sha256")
    except InvalidProof:
        return False
    return True


@given(st.integers(1, 400), st.data())
def test_pymerkle_accepts_our_inclusion_proofs_and_refuses_them_changed(
    size: int, data: st.DataObject
) -> None:
    leaves = leaves_of(size)
    nodes = Nodes(leaves)
    root = nodes.frontier.root()
    index = data.draw(st.integers(0, size - 1))
    leaf = leaf_hash(leaves[index])
    proof = inclusion_proof(index, size, nodes)
    assert pymerkle_accepts_inclusion(leaf, index, size, proof, root)
    assert not pymerkle_accepts_inclusion(leaf, index, size, proof, leaf_hash(root))


def rfc_ranges(old: int, low: int, high: int, complete: bool) -> list[tuple[int, int]]:
    """The leaf ranges whose hashes SUBPROOF lists, with the old tree's own when complete."""
    if old == high - low:
        return [(low, high)]
    split = low + largest_power_of_two_below(high - low)
    if old <= split - low:
        return [*rfc_ranges(old, low, split, complete), (split, high)]
    return [*rfc_ranges(old - (split - low), split, high, False), (low, split)]


def test_pymerkle_accepts_our_consistency_proofs() -> None:
    leaves = leaves_of(64)
    nodes = Nodes(leaves)
    straight = 0
    for new in range(2, 65):
        for old in range(1, new):
            old_root, new_root = root_at(old, nodes), root_at(new, nodes)
            ours = consistency_proof(old, new, nodes)
            if old & (old - 1) == 0:
                ours = [old_root, *ours]
            by_range = dict(zip(rfc_ranges(old, 0, new, True), ours, strict=True))
            rule, subset, ranges = _consistency_path_layout(old, new)
            # What pymerkle splits further is in the new part only; there it gets what the
            # definition gives for its finer ranges, and must still arrive at our roots.
            finer = [by_range.get((low, high)) or mth(leaves[low:high]) for low, high in ranges]
            straight += all(pair in by_range for pair in ranges)
            offered = ConsistencyProof("sha256", True, new, old, rule, subset, finer)
            offered.verify(old_root, new_root, prior_size=old, later_size=new, algorithm="sha256")
            with pytest.raises(InvalidProof):
                offered.verify(old_root, leaf_hash(new_root))
    assert straight > 30
