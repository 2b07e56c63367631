"""The Merkle tree of RFC 9162 section 2.1 (SHA-256), as pure functions over stored hashes.

Leaf ``i`` completes every perfect subtree that ends with it: one for each trailing 1 bit of ``i``. A backend
therefore keeps one **tree row** per leaf: the leaf hash followed by the hashes of those subtrees, smallest
first. No row is ever changed by a later append, every node has one home, and a proof reads about ``2
log2(size)`` rows by primary key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: roots of the perfect subtrees that cover it, largest first."""

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def copy(self) -> Frontier:
        return Frontier(self.size, self.peaks)

    def append(self, leaf: bytes) -> bytes:
        """Add a leaf hash; return its tree row."""
        row = hash = leaf
        rest = self.size
        while rest & 1:
            hash = node_hash(self.peaks.pop(), hash)
            row += hash
            rest >>= 1
        self.peaks.append(hash)
        self.size += 1
        return row

    def root(self) -> bytes:
        return fold(self.peaks)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Root over perfect subtrees that lie side by side, largest first."""
    if not hashes:
        return EMPTY_ROOT
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def perfect_subtrees(start: int, stop: int) -> list[tuple[int, int]]:
    """Split ``[start, stop)``, ``start`` aligned as every subtree's is, into perfect ones: (level, position)."""
    parts = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        parts.append((level, start >> level))
        start += 1 << level
    return parts


def home(level: int, position: int) -> int:
    """Index of the tree row that holds this node; its hash stands at ``level`` in that row."""
    return ((position + 1) << level) - 1


Span = tuple[int, int]
"""Leaves ``[start, stop)`` of one subtree."""


def rows_needed(spans: Iterable[Span]) -> set[int]:
    return {home(*part) for span in spans for part in perfect_subtrees(*span)}


def node(rows: Mapping[int, bytes], level: int, position: int) -> bytes:
    """Hash of a perfect subtree.

    :raises KeyError: its tree row is missing or too short
    """
    index = home(level, position)
    hash = rows[index][level * HASH_BYTES : (level + 1) * HASH_BYTES]
    if len(hash) != HASH_BYTES:
        raise KeyError(index)
    return hash


def span_hash(rows: Mapping[int, bytes], span: Span) -> bytes:
    """Root of a subtree out of the tree rows that :func:`rows_needed` names (KeyError: see :func:`node`)."""
    return fold([node(rows, *part) for part in perfect_subtrees(*span)])


def inclusion_spans(index: int, size: int) -> list[Span]:
    """Subtrees whose hashes are the inclusion proof, in order (RFC 9162 section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not within a tree of {size}")
    start, stop, spans = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """Subtrees whose hashes are the consistency proof, in order (RFC 9162 section 2.1.4.1)."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} is no earlier state of a tree of {second}")
    start, stop, spans = 0, second, []
    while stop != first:
        middle = start + _split(stop - start)
        if first <= middle:
            spans.append((middle, stop))
            stop = middle
        else:
            spans.append((start, middle))
            start = middle
    if start > 0:
        spans.append((start, stop))
    return spans[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2: whether ``leaf`` is entry ``index`` of the tree with this size and root."""
    if not 0 <= index < size:
        return False
    position, last, hash = index, size - 1, leaf
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if position & 1 or position == last:
            hash = node_hash(sibling, hash)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            hash = node_hash(hash, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and hash == root


def verify_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """RFC 9162 section 2.1.4.2: whether the second tree is the first with entries added at its end.

    A tree of no entries is an earlier state of every tree, with an empty proof.
    """
    if not 0 <= first <= second:
        return False
    if first == 0:
        return first_root == EMPTY_ROOT and not proof and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return first_root == second_root and not proof
    if not proof:
        return False
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """Largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)
