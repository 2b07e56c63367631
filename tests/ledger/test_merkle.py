"""The tree against RFC 9162 read literally: the recursive definitions of section 2.1, and published roots."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_mw.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_spans,
    home,
    inclusion_spans,
    leaf_hash,
    perfect_subtrees,
    rows_needed,
    span_hash,
    verify_consistency,
    verify_inclusion,
)

# The definitions, as the RFC writes them.


def mth(entries: Sequence[bytes]) -> bytes:
    """Merkle Tree Hash (section 2.1.1)."""
    if len(entries) == 0:
        return hashlib.sha256().digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D_n) (section 2.1.3.1)."""
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """PROOF(m, D_n) (section 2.1.4.1)."""
    return subproof(m, entries, True)


def subproof(m: int, entries: Sequence[bytes], whole: bool) -> list[bytes]:
    n = len(entries)
    if m == n:
        return [] if whole else [mth(entries)]
    k = largest_power_below(n)
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


# Roots that Certificate Transparency's implementations publish for these eight leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Tree:
    """What a store keeps: the frontier, and one row per leaf."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.frontier = Frontier()
        self.rows = {index: self.frontier.append(leaf_hash(entry)) for index, entry in enumerate(entries)}

    def root(self, size: int) -> bytes:
        return span_hash(self.rows, (0, size))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return [span_hash(self.rows, span) for span in inclusion_spans(index, size)]

    def consistency(self, first: int, second: int) -> list[bytes]:
        return [span_hash(self.rows, span) for span in consistency_spans(first, second)]


def entries(count: int) -> list[bytes]:
    return [f"entry {number}".encode() for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert Tree(LEAVES[:size]).frontier.root().hex() == ROOTS[size]
    assert Tree(LEAVES).root(size).hex() == ROOTS[size]


def _check_everything(count: int) -> None:
    made = entries(count)
    tree, roots = Tree(made), [mth(made[:size]) for size in range(count + 1)]
    assert [tree.root(size) for size in range(count + 1)] == roots
    for size in range(1, count + 1):
        for index in range(size):
            hashes = tree.inclusion(index, size)
            assert hashes == path(index, made[:size])
            assert verify_inclusion(leaf_hash(made[index]), index, size, hashes, roots[size])
        for first in range(1, size + 1):
            hashes = tree.consistency(first, size)
            assert hashes == proof(first, made[:size])
            assert verify_consistency(first, roots[first], size, roots[size], hashes)


def test_all_roots_and_proofs_of_all_small_trees_are_the_definitions() -> None:
    _check_everything(24)


@pytest.mark.deep
def test_all_roots_and_proofs_of_larger_trees_are_the_definitions() -> None:
    _check_everything(130)


@pytest.mark.deep
def test_random_proofs_of_trees_up_to_4096_are_the_definitions() -> None:
    made, pick = entries(4096), random.Random(9162)
    tree = Tree(made)
    for _ in range(2000):
        size = pick.randint(1, len(made))
        index, first = pick.randrange(size), pick.randint(1, size)
        assert tree.inclusion(index, size) == path(index, made[:size])
        assert tree.consistency(first, size) == proof(first, made[:size])


PROOF = st.lists(st.sampled_from([leaf_hash(bytes([n])) for n in range(4)]), max_size=6)


@given(st.integers(-1, 20), st.integers(-1, 20), PROOF, st.integers(0, 19))
def test_an_inclusion_is_accepted_only_with_the_one_right_proof(
    index: int, size: int, hashes: list[bytes], leaf: int
) -> None:
    made = entries(20)
    valid = 0 <= index < size <= 20
    right = path(index, made[:size]) if valid else None
    root = mth(made[:size]) if 0 <= size <= 20 else EMPTY_ROOT
    for tried in (hashes, right or hashes, [*(right or []), *hashes], (right or [])[1:], (right or [])[::-1]):
        accepted = verify_inclusion(leaf_hash(made[leaf]), index, size, tried, root)
        assert accepted == (valid and leaf == index and tried == right)


@given(st.integers(-1, 20), st.integers(-1, 20), PROOF)
def test_a_consistency_is_accepted_only_with_the_one_right_proof(first: int, second: int, hashes: list[bytes]) -> None:
    made = entries(20)
    valid = 0 <= first <= second
    right = proof(first, made[:second]) if valid and first else [] if valid else None
    old, new = (mth(made[: max(size, 0)]) for size in (first, second))
    for tried in (hashes, right or hashes, [*(right or []), *hashes], (right or [])[1:], (right or [])[::-1]):
        assert verify_consistency(first, old, second, new, tried) == (valid and tried == right)


@given(st.integers(1, 40), st.data())
def test_no_single_bit_of_a_proof_can_change(size: int, data: st.DataObject) -> None:
    made = entries(size)
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    included, consistent = path(index, made), proof(first, made)
    bit = data.draw(st.integers(0, 255))
    for position in range(len(included)):
        assert not verify_inclusion(leaf_hash(made[index]), index, size, _flip(included, position, bit), mth(made))
    for position in range(len(consistent)):
        changed = _flip(consistent, position, bit)
        assert not verify_consistency(first, mth(made[:first]), size, mth(made), changed)
    if first < size:
        other = _flip([mth(made[:first])], 0, bit)[0]
        assert not verify_consistency(first, other, size, mth(made), consistent)


def _flip(hashes: list[bytes], position: int, bit: int) -> list[bytes]:
    changed = bytearray(hashes[position])
    changed[bit // 8] ^= 1 << bit % 8
    return [*hashes[:position], bytes(changed), *hashes[position + 1 :]]


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_perfect_subtrees_cover_a_span_and_each_has_one_home(start: int, length: int) -> None:
    start &= ~(1 << length.bit_length()) + 1  # aligned, as every subtree's start is
    covered = []
    for level, position in perfect_subtrees(start, start + length):
        covered += range(position << level, (position + 1) << level)
        assert home(level, position) == ((position + 1) << level) - 1
    assert covered == list(range(start, start + length))


def test_a_proof_from_a_billion_entries_reads_few_rows() -> None:
    size = 10**9
    for index in (0, 1, 123_456_789, size - 1):
        assert len(rows_needed(inclusion_spans(index, size))) <= 2 * size.bit_length()
    for first in (1, 3, 999_999_937):
        assert len(rows_needed(consistency_spans(first, size))) <= 2 * size.bit_length()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_inclusion_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match=str(size)):
        inclusion_spans(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_consistency_with_what_is_no_earlier_state(first: int, second: int) -> None:
    with pytest.raises(ValueError, match=str(second)):
        consistency_spans(first, second)
