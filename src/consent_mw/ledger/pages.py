"""Checking one page of a ledger: all that can be told without the pages before it.

A page begins at a multiple of its length, which is a power of two, so it is a perfect subtree: it has a tree of its
own, and the roots of the pages are the leaves of the tree above them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from consent_mw.ledger.base import commitment
from consent_mw.ledger.erasure import taken_back
from consent_mw.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from consent_mw.ledger.store import Row, Store, canonical_half

PAGE = 512
_TEXT = b'"text":"'
_TAKES_BACK = (b'{"event":"erased"', b'{"event":"purged"')

Taken = tuple[int, bool]
"""Something that was taken back: the personal half at a position or, with True, the whole record."""


class Page(NamedTuple):
    """What is to be checked.

    :ivar erased: positions in the page that were taken back, of them ``purged`` as whole records
    :ivar heads: sizes of the whole tree, within the page, of which a head was signed
    """

    start: int
    stop: int
    erased: frozenset[int] = frozenset()
    purged: frozenset[int] = frozenset()
    heads: frozenset[int] = frozenset()


class Checked(NamedTuple):
    """What was found.

    :ivar peaks: right edge of the page's own tree; ``peaks_at`` what it was at each of ``Page.heads``
    :ivar last: of a full page, the last tree row as it is stored and as far as it follows from this page
    :ivar claims: what entries of this page say that they take back: position, whether whole, to their own position
    :ivar shown: hashes of the words that records say were shown, each with the first position that does
    :ivar missing: problems that are none if what is missing, by position and whether whole, was taken back meanwhile
    """

    problems: list[str]
    peaks: list[bytes]
    peaks_at: dict[int, list[bytes]]
    last: tuple[bytes, bytes]
    claims: dict[Taken, int]
    shown: dict[bytes, int]
    missing: dict[Taken, str]


def check_page(store: Store, page: Page) -> Checked | None:
    """None when nothing at all is stored there."""
    rows: Sequence[Row] = store.rows(page.start, page.stop)
    if not rows:
        return None
    if len(rows) != page.stop - page.start:
        found = {row.position: row for row in rows}
        rows = [found.get(at) or Row(at, None, None, None) for at in range(page.start, page.stop)]
    check = _PageCheck(page)
    for row in rows:
        check.row(row)
    return check.found()


def wrong_hashes(position: int, purged: frozenset[int]) -> str:
    """The problem of a tree row whose hashes do not follow from those before it."""
    # A left neighbour that was purged has no evidence to be checked against: then it may be that row.
    left = f"tree row {position - 1} or " if position & 1 and position - 1 in purged else ""
    return f"{left}tree row {position}: its hashes do not follow from those before it"


class _PageCheck:
    def __init__(self, page: Page) -> None:
        self.problems: list[str] = []
        self.frontier = Frontier()
        self.peaks_at: dict[int, list[bytes]] = {}
        self.last = (b"", b"")
        self.claims: dict[Taken, int] = {}
        self.shown: dict[bytes, int] = {}
        self.missing: dict[Taken, str] = {}
        self._page = page
        self._join = page.start + PAGE - 1

    def found(self) -> Checked:
        peaks = self.frontier.peaks
        return Checked(self.problems, peaks, self.peaks_at, self.last, self.claims, self.shown, self.missing)

    def row(self, row: Row) -> None:
        position, evidence = row.position, row.evidence
        if position in self._page.heads:
            self.peaks_at[position] = self.frontier.peaks.copy()
        self._check_tree(position, row.hashes or b"", evidence)
        if position in self._page.erased or not _holds_together(row):
            self._check_record(row)
        if evidence is not None and (words := _words(evidence)):
            self.shown.setdefault(words, position)

    def _check_tree(self, position: int, hashes: bytes, evidence: bytes | None) -> None:
        leaf = hashes[:HASH_BYTES]
        if not leaf:
            self.problems.append(f"tree row {position}: missing")
        elif evidence is not None and leaf_hash(evidence) != leaf:
            self.problems.append(f"entry {position}: its evidence is not what the tree recorded")
        computed = self.frontier.append(leaf)
        if position == self._join:
            self.last = (hashes, computed)
        elif computed != hashes and leaf:
            self.problems.append(wrong_hashes(position, self._page.purged))
            # Go on from what is stored: one altered row is then named once, not again at every level above it.
            self.frontier.peaks[-1] = hashes[-HASH_BYTES:]

    def _check_record(self, row: Row) -> None:
        """Slowly, to say what is wrong where something is, and to see what the ledger says of itself."""
        position, purged = row.position, row.position in self._page.purged
        if row.evidence is None:
            if not purged:
                self.missing[position, True] = f"record row {position}: missing, and no entry says that it was purged"
            self._check_personal(row, None)
            return
        said = _read(row.evidence)
        if purged:
            self.problems.append(f"record row {position}: still there, though an entry says that it was purged")
        if row.key is None or row.key != said.get("key"):
            self.problems.append(f"record row {position}: its key is not the one in its evidence")
        if row.evidence.startswith(_TAKES_BACK):
            self._claim(position, said)
        self._check_personal(row, said.get("personal"))

    def _claim(self, position: int, said: dict[str, Any]) -> None:
        try:
            claims = taken_back(said, position)
        except (ValueError, KeyError, TypeError):
            self.problems.append(f"entry {position}: it takes something back, but cannot be read")
        else:
            self.claims.update(dict.fromkeys(claims, position))

    def _check_personal(self, row: Row, committed: object) -> None:
        position, erased = row.position, row.position in self._page.erased
        if row.secret is None:
            if committed is not None and not erased:
                text = f"personal row {position}: missing, and no entry says that it was erased"
                self.missing[position, False] = text
        elif erased:
            self.problems.append(f"personal row {position}: still there, though an entry says that it was erased")
        elif row.evidence is not None and committed != _commitment(row):
            self.problems.append(f"personal row {position}: it is not what the evidence committed to")


def _holds_together(row: Row) -> bool:
    """Whether nothing is missing and the evidence names this key and this personal half, as that of most rows does."""
    evidence = row.evidence
    if evidence is None or row.secret is None:
        return False
    key_at = evidence.find(f'"key":"{row.key}"'.encode())  # -1, and nothing is found from there on, where it is another
    return evidence.find(f'"personal":"{_commitment(row)}"'.encode(), key_at) > 0


def _words(evidence: bytes) -> bytes:
    """Hash of the words that were shown; empty where none are told of, or none were."""
    at = evidence.rfind(_TEXT)  # the last one is the record's own: a category may have this name, too
    return evidence[at + len(_TEXT) : evidence.find(b'"', at + len(_TEXT))] if at >= 0 else b""


def _commitment(row: Row) -> str:
    return commitment(canonical_half(row.device, row.page, row.subject), row.secret or b"")


def _read(evidence: bytes) -> dict[str, Any]:
    """What evidence says; nothing, where it is no JSON object any more."""
    try:
        said = json.loads(evidence)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
