"""Heads and proofs, read from a store's tree rows (RFC 9162 section 2.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from consent_mw.errors import LedgerError
from consent_mw.ledger.merkle import Span, consistency_spans, inclusion_spans, rows_needed, span_hash
from consent_mw.ledger.store import Store


class TreeHead(NamedTuple):
    """State of the whole ledger at one moment: how many entries, and the root over them."""

    size: int
    root: bytes


def head(store: Store, size: int | None = None) -> TreeHead:
    """The head of today's tree, or of the tree as it was when it had ``size`` entries.

    :raises LedgerError: there never were so many entries, or hashes are missing
    """
    known = store.size()
    size = known if size is None else size
    if not 0 <= size <= known:
        raise LedgerError(f"there is no head of {size} entries: the ledger holds {known}")
    return TreeHead(size, _hashes(store, [(0, size)])[0])


def inclusion_proof(store: Store, index: int, size: int) -> list[bytes]:
    """Shows that the entry ``index`` is in the tree of ``size`` entries (section 2.1.3)."""
    return _proof(store, lambda: inclusion_spans(index, size), size)


def consistency_proof(store: Store, first: int, second: int) -> list[bytes]:
    """Shows that the tree of ``second`` entries only added to that of ``first`` (section 2.1.4)."""
    return _proof(store, lambda: consistency_spans(first, second) if first else [], second)


def _proof(store: Store, spans: Callable[[], list[Span]], size: int) -> list[bytes]:
    known = store.size()
    if size > known:
        raise LedgerError(f"no proof within {size} entries: the ledger holds {known}")
    try:
        return _hashes(store, spans())
    except ValueError as error:
        raise LedgerError(f"no proof: {error}") from error


def _hashes(store: Store, spans: Collection[Span]) -> list[bytes]:
    rows = store.tree_rows(rows_needed(spans))
    try:
        return [span_hash(rows, span) for span in spans]
    except KeyError as error:
        raise LedgerError(f"the tree row of entry {error} is missing or cut short") from error
