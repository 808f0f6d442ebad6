"""The ledger's tree: RFC 9162 hashes, the append frontier, proofs and signed checkpoints. Pure.

Rules:
- A leaf is hashed as SHA-256(0x00 ‖ leaf), a pair as SHA-256(0x01 ‖ left ‖ right), and the
  empty tree as SHA-256() (RFC 9162 §2.1.1). Nothing else is ever hashed into the tree.
- `Frontier` is all that appending needs: the roots of the perfect subtrees that the leaves so
  far make up, at most one per bit of the size. An append costs the same at 10⁴ and 10⁸ leaves.
- Proofs are made from perfect subtrees only, which never change once complete. They are read
  through a `NodeReader`, so this module does not know where they are kept.
- A verifier answers True or False and never raises on hostile input.
- A checkpoint says which ledger, how many leaves, which root and when, signed by the gateway.

    frontier, completed = Frontier().append([leaf_hash(leaf) for leaf in leaves])
    path = inclusion_proof(3, frontier.size, read)
    assert verify_inclusion(leaf_hash(leaves[3]), 3, frontier.size, path, frontier.root())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct

from jdgate.errors import Misuse

HASH_BYTES = 32
"""Length of every hash in the tree, in bytes."""

MAX_SIZE = 1 << 62
"""Largest tree size a checkpoint may claim: fits a signed 64-bit column with room to spare."""

EMPTY_ROOT = sha256(b"").digest()
"""Root of a tree without leaves (RFC 9162 §2.1.1)."""

NodeReader = Callable[[int, int], bytes]
"""(level, index) → hash of the perfect subtree over leaves [index·2^level, (index+1)·2^level)."""


class Node(NamedTuple):
    """The root of a perfect subtree of 2^level leaves, the `position`-th of its level."""

    level: int
    position: int
    hash: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of one leaf's exact bytes (RFC 9162 §2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of a node from its two children (RFC 9162 §2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def _fold(hashes: Sequence[bytes]) -> bytes:
    """Root over neighbouring perfect subtrees, largest first."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


class Frontier(Struct, frozen=True):
    """A tree's right edge: perfect subtree roots, largest (leftmost) first, one per set bit."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, list[Node]]:
        """The frontier after `leaf_hashes`, and every inner node (level ≥ 1) they completed."""
        stack = list(self.hashes)
        size = self.size
        completed: list[Node] = []
        for latest in leaf_hashes:
            stack.append(latest)
            level, index = 0, size
            while index & 1:
                right = stack.pop()
                stack[-1] = sha256(b"\x01" + stack[-1] + right).digest()
                level, index = level + 1, index >> 1
                completed.append(Node(level, index, stack[-1]))
            size += 1
        return Frontier(size, tuple(stack)), completed

    def root(self) -> bytes:
        """The tree's root hash, MTH(D[size])."""
        return _fold(self.hashes) if self.hashes else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """The hashes one after the other, for storage beside the size."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, stored: bytes) -> Frontier:
        """The frontier of `size` leaves from `to_bytes`.

        Raises:
            Misuse: `ledger.frontier_broken`, the stored bytes don't fit the size.
        """
        expected = size.bit_count() * HASH_BYTES
        if size < 0 or len(stored) != expected:
            raise Misuse("ledger.frontier_broken", size=size, got=len(stored), expected=expected)
        cuts = range(0, expected, HASH_BYTES)
        return cls(size, tuple(stored[cut : cut + HASH_BYTES] for cut in cuts))


def _largest_power_below(width: int) -> int:
    """The largest power of two smaller than `width` (width > 1): `k` of RFC 9162 §2.1.1."""
    return 1 << ((width - 1).bit_length() - 1)


def _subtree_root(low: int, high: int, read: NodeReader) -> bytes:
    """MTH(D[low:high]) for a range that the RFC's splitting produces."""
    parts: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        parts.append(read(level, low >> level))
        low += 1 << level
    return _fold(parts)


def root_at(size: int, read: NodeReader) -> bytes:
    """The root the tree had when it held `size` leaves."""
    return _subtree_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: NodeReader) -> list[bytes]:
    """PATH(index, D[size]) of RFC 9162 §2.1.3.1: at most one hash per level, lowest first.

    Raises:
        Misuse: `ledger.out_of_range`, there is no such leaf in a tree of that size.
    """
    if not 0 <= index < size:
        raise Misuse("ledger.out_of_range", index=index, size=size)
    low, high = 0, size
    siblings: list[tuple[int, int]] = []
    while high - low > 1:
        split = low + _largest_power_below(high - low)
        if index < split:
            siblings.append((split, high))
            high = split
        else:
            siblings.append((low, split))
            low = split
    return [_subtree_root(first, last, read) for first, last in reversed(siblings)]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162 §2.1.3.2: is the leaf with hash `leaf` at `index` under `root` of `size` leaves?"""
    if not 0 <= index < size or not _are_hashes(path):
        return False
    fn, sn = index, size - 1
    r = leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistency_proof(old: int, new: int, read: NodeReader) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 9162 §2.1.4.1; empty when the sizes are equal.

    Raises:
        Misuse: `ledger.out_of_range`, `old` is not in 1…new.
    """
    if not 0 < old <= new:
        raise Misuse("ledger.out_of_range", index=old, size=new)
    low, high = 0, new
    ranges: list[tuple[int, int]] = []
    while high != old:
        split = low + _largest_power_below(high - low)
        if old <= split:
            ranges.append((split, high))
            high = split
        else:
            ranges.append((low, split))
            low = split
    # The verifier knows the old root, so the old tree's own subtree is left out when it is
    # the whole old tree (`b` is true in SUBPROOF).
    if low:
        ranges.append((low, high))
    return [_subtree_root(first, last, read) for first, last in reversed(ranges)]


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """RFC 9162 §2.1.4.2: is the tree under `new_root` the one under `old_root`, only appended to?

    Every tree extends the empty one, so a proof from size 0 would say nothing: False.
    """
    if not 0 < old <= new or not _are_hashes(path):
        return False
    if old == new:
        return not path and old_root == new_root
    if not path:
        return False
    rest = list(path)
    if old & (old - 1) == 0:
        rest.insert(0, old_root)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = rest[0]
    for c in rest[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == old_root and sr == new_root


def _are_hashes(path: Sequence[bytes]) -> bool:
    return all(len(entry) == HASH_BYTES for entry in path)
