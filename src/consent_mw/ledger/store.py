"""What a backend has to do, as one small synchronous protocol, and the append that all backends share.

A :class:`Store` is one connection, used by one thread at a time. Everything the ledger can do (append, prove, erase,
verify, export) is a plain function over it, so that the command line calls these functions directly and the
web layer calls them in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from json.encoder import encode_basestring
from typing import NamedTuple, Protocol, TypeVar

from consent_mw.errors import LedgerError
from consent_mw.ledger.merkle import Frontier, home, leaf_hash, node, perfect_subtrees

T = TypeVar("T")

quoted: Callable[[str], str] = encode_basestring
"""Canonical JSON of a text: UTF-8, and nothing escaped that need not be."""


class Personal(NamedTuple):
    """The erasable half. No address, no user agent: a random id, a coarse device class, a page without query."""

    subject: str | None = None
    device: str = ""
    page: str = ""

    def as_json(self) -> dict[str, str]:
        return {"device": self.device, "page": self.page, "subject": self.subject or ""}


def canonical_half(device: str, page: str, subject: str | None) -> bytes:
    """The canonical JSON of a personal half: the bytes that evidence commits to."""
    return f'{{"device":{quoted(device)},"page":{quoted(page)},"subject":{quoted(subject or "")}}}'.encode()


class Entry(NamedTuple):
    """What is about to be appended. An entry of the ledger about itself (an erasure) has no personal half."""

    key: str
    evidence: bytes
    subject: str | None = None
    device: str = ""
    page: str = ""
    secret: bytes | None = None


class Row(NamedTuple):
    """What is stored at one position, as databases hold it.

    Parts that were erased, or went missing, are None: ``verify`` tells. ``secret`` is None where there is no personal
    half; what else of one stands there then means nothing.
    """

    position: int
    hashes: bytes | None
    key: str | None
    evidence: bytes | None
    subject: str | None = None
    device: str = ""
    page: str = ""
    secret: bytes | None = None

    @property
    def personal(self) -> Personal | None:
        if self.secret is None:
            return None
        return Personal(self.subject, self.device, self.page)


class Erasure(NamedTuple):
    """What was taken back: the personal half at a position or, with ``whole``, the evidence too.

    :ivar entry: position of the ledger's own entry that says so
    """

    position: int
    whole: bool
    entry: int


class Disconnected(LedgerError):
    """The connection broke, perhaps after a commit. Appending again is safe: the keys say what was stored."""


class Store(Protocol):
    """One connection to one ledger. Every method may raise :class:`~consent_mw.errors.LedgerError`."""

    def open(self, *, appending: bool = False) -> None:
        """Connect. Only the appending side makes a ledger that does not exist yet, and keeps house for all."""

    def close(self) -> None: ...

    def another(self) -> Store:
        """A further connection to the same ledger, not yet open."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Shuts out every other writer; what was written is durable when it ends without an exception."""
        ...

    def insert(self, rows: Sequence[Row]) -> None:
        """Add rows at the end, their positions in sequence. Only within a transaction, as the other changes below."""
        ...

    def extend(self, rows: Sequence[Row]) -> bool:
        """:meth:`insert` as one step and a transaction of its own; durable when it returns True.

        False, with nothing changed, where the rows do not begin at the end of what is stored or a key is known.
        """
        ...

    def erase(self, erasures: Sequence[Erasure]) -> None:
        """Note the erasures and delete what they name."""
        ...

    def put_text(self, hash: str, body: bytes) -> None:
        """Keep words that were shown. Known ones are left alone."""
        ...

    def put_head(self, size: int, note: str) -> None:
        """Keep a signed head. The first one of a size stays."""
        ...

    def scrub(self) -> None:
        """After an erasure has been committed: overwrite what the backend may still hold of it."""
        ...

    def id(self) -> str:
        """Hex digits that tell this ledger from every other."""
        ...

    def size(self) -> int:
        """Number of entries ever appended."""
        ...

    def find(self, keys: Collection[str]) -> dict[str, int]:
        """Positions of those of these idempotency keys that are stored."""
        ...

    def locate(self, keys: Collection[str]) -> tuple[dict[str, int], int]:
        """:meth:`find` and :meth:`size`, in one question."""
        ...

    def of_subject(self, subject: str) -> list[int]:
        """Positions whose personal half names this subject, in order."""
        ...

    def tree_rows(self, positions: Collection[int]) -> dict[int, bytes]:
        """Tree rows (see :mod:`consent_mw.ledger.merkle`) by position; absent ones are left out."""
        ...

    def rows(self, start: int, stop: int) -> list[Row]:
        """Everything stored at positions ``[start, stop)`` that have a tree row, in order."""
        ...

    def erasures(self) -> Iterator[Erasure]: ...

    def known_texts(self, hashes: Collection[str]) -> set[str]:
        """Those of these hashes whose words are kept."""
        ...

    def texts(self) -> Iterator[tuple[str, bytes]]: ...

    def heads(self) -> Iterator[tuple[int, str]]:
        """Sizes and notes of the heads kept, smallest first."""
        ...

    def check(self) -> Iterator[str]:
        """What the backend itself finds wrong: damage, and rows that belong to no entry."""
        ...


def run(connect: Callable[[], Store], work: Callable[[Store], T]) -> T:
    """Run a function over a connection of its own."""
    store = connect()
    store.open()
    try:
        return work(store)
    finally:
        close(store)


def close(store: Store) -> None:
    """Release it where nothing is pending: whatever was acknowledged is durable."""
    with suppress(LedgerError):
        store.close()


class Edge:
    """The right edge of a ledger's tree as this process last saw it; None when it has to be looked up.

    Others may have appended since: whether it still holds is for the database to say, in :meth:`Store.extend`.
    """

    __slots__ = ("frontier",)

    def __init__(self) -> None:
        self.frontier: Frontier | None = None


class Appender:
    """Appends entries in batches, computing the tree as it goes.

    :param edge: shared by all that append to one ledger in this process
    """

    def __init__(self, store: Store, edge: Edge | None = None) -> None:
        self._store = store
        self._edge = edge if edge is not None else Edge()

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Store the batch in one transaction; return a position per entry. A known key keeps its position.

        First as if nobody else had appended since: that is one step for the database. Every further one would make two
        busy threads, this one and an event loop's, pass the interpreter lock to and fro.
        """
        known = self._edge.frontier
        if known is not None:
            rows, grown = grow(known, entries)
            if self._store.extend(rows):
                self._edge.frontier = grown
                return [row.position for row in rows]
        with self._store.transaction():
            positions, frontier = append_within(self._store, entries, known)
        self._edge.frontier = frontier
        return positions


def grow(frontier: Frontier, entries: Sequence[Entry]) -> tuple[list[Row], Frontier]:
    """The rows of these entries at the end of a tree, and its new right edge."""
    grown = frontier.copy()
    return [Row(grown.size, grown.append(leaf_hash(entry.evidence)), *entry) for entry in entries], grown


def append_within(store: Store, entries: Sequence[Entry], known: Frontier | None = None) -> tuple[list[int], Frontier]:
    """Append within a transaction of the caller. Returns the positions and the new right edge of the tree."""
    positions, size = store.locate([entry.key for entry in entries])
    frontier = load_frontier(store, size, known)
    rows = []
    for entry in entries:
        if entry.key not in positions:
            positions[entry.key] = frontier.size
            rows.append(Row(frontier.size, frontier.append(leaf_hash(entry.evidence)), *entry))
    if rows:
        store.insert(rows)
    return [positions[entry.key] for entry in entries], frontier


def load_frontier(store: Store, size: int, known: Frontier | None = None) -> Frontier:
    """The right edge of the stored tree; a copy of ``known`` where nobody else has appended since."""
    if known is not None and known.size == size:
        return known.copy()
    parts = perfect_subtrees(0, size)
    rows = store.tree_rows({home(*part) for part in parts})
    try:
        return Frontier(size, [node(rows, *part) for part in parts])
    except KeyError as error:
        raise LedgerError(f"the tree row of entry {error} is missing or cut short") from error
