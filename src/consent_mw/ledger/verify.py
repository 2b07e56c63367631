"""Checking a whole ledger: every row against the tree, every head against its tree, every erasure against its entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

from consent_mw.core.policy import FINGERPRINT_PREFIX
from consent_mw.errors import LedgerError
from consent_mw.ledger.base import commitment
from consent_mw.ledger.erasure import taken_back
from consent_mw.ledger.heads import PublicKey, origin, read_head, verify_head
from consent_mw.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from consent_mw.ledger.store import Row, Store

PAGE = 4096
_TEXT = b'"text":"'
_PERSONAL = b'"personal":"'
_TAKES_BACK = (b'{"event":"erased"', b'{"event":"purged"')


class Report(NamedTuple):
    """What was checked, and what is wrong; nothing is, where ``problems`` is empty."""

    size: int
    root: bytes
    problems: list[str]


def verify(
    store: Store,
    *,
    keys: Sequence[PublicKey] = (),
    witnesses: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Read everything once and check it, however large, in constant memory but for the list of erasures.

    :param keys: public keys under which the kept heads and the witnesses must be signed; without any, the heads kept
        in the ledger are checked against the tree only, which whoever can write to the database can also forge
    :param witnesses: notes that were published elsewhere. Against somebody who rewrites all of the database they are
        the only proof; each must be a head of this very tree
    :param progress: called with the number of entries checked, and of all
    """
    check = _Check(store, keys, witnesses)
    size = store.size()
    for start in range(0, size, PAGE):
        stop = min(start + PAGE, size)
        if not check.page(start, stop):
            break
        progress(stop, size)
    return check.finish()


class _Check:
    def __init__(self, store: Store, keys: Sequence[PublicKey], witnesses: Sequence[str]) -> None:
        self.problems = list(store.check())
        self.frontier = Frontier()
        self._store = store
        self._noted = {(erasure.position, erasure.whole): erasure.entry for erasure in store.erasures()}
        self._claimed: dict[tuple[int, bool], int] = {}
        self._erased = {position for position, _ in self._noted}
        self._purged = {position for position, whole in self._noted if whole}
        self._roots: dict[int, list[bytes]] = {}
        self._kept = {0}
        self._named_heads: dict[int, str] = {}
        self._shown: dict[bytes, int] = {}
        for size, note in store.heads():
            self._kept.add(size)
            self._expect(note, keys, f"head row {size}", size)
        for note in witnesses:
            self._expect(note, keys, "witness", None)

    def _expect(self, note: str, keys: Sequence[PublicKey], what: str, size: int | None) -> None:
        try:
            said = verify_head(note, keys) if keys else read_head(note)
        except LedgerError as error:
            self.problems.append(f"{what}: {error}")
            return
        if said.origin != origin(self._store.id()) or (size is not None and said.head.size != size):
            self.problems.append(f"{what}: it speaks of {said.origin}, size {said.head.size}")
        else:
            self._roots.setdefault(said.head.size, []).append(said.head.root)
            if said.after is not None:
                self._named_heads.setdefault(said.after, f"the head of {said.head.size} entries")
                self._named_heads.setdefault(said.head.size, what)

    def page(self, start: int, stop: int) -> bool:
        """Check entries ``[start, stop)``. False when there are none at all, so that the rest is not worth a look."""
        rows = self._store.rows(start, stop)
        if not rows:
            self.problems.append(f"tree row {start}: missing, with all that follow up to {stop - 1} at least")
            return False
        found = {row.position: row for row in rows}
        for position in range(start, stop):
            if self.frontier.size in self._roots:
                self._check_heads()
            self._check_tree(found.get(position) or Row(position, None, None, None))
        for row in rows:
            self._check_record(row)
            self._check_personal(row)
        return True

    def finish(self) -> Report:
        self._check_heads()
        size = self.frontier.size
        for later in sorted(self._roots):
            self.problems.append(f"the ledger was rolled back: a head of {later} entries was signed, it holds {size}")
        for (position, whole), entry in sorted(self._noted.items() ^ self._claimed.items(), key=repr):
            what = "whole record" if whole else "personal half"
            self.problems.append(f"erasure row {position} ({what}): it and entry {entry} do not say the same")
        for size in sorted(self._named_heads.keys() - self._kept):
            self.problems.append(f"head row {size}: missing, though {self._named_heads[size]} names it")
        for hash, body in self._store.texts():
            self._shown.pop(hash.encode(), None)
            if hash != FINGERPRINT_PREFIX + hashlib.sha256(body).hexdigest():
                self.problems.append(f"text row {hash}: the words are not the ones that this hash stands for")
        for missing, position in self._shown.items():
            self.problems.append(
                f"text row {missing.decode(errors='replace')}: missing, though entry {position} says it was shown"
            )
        return Report(size, self.frontier.root(), self.problems)

    def _check_heads(self) -> None:
        if self.frontier.size in self._roots:
            root = self.frontier.root()
            for signed in self._roots.pop(self.frontier.size):
                if signed != root:
                    self.problems.append(f"head of {self.frontier.size} entries: signed over another history")

    def _check_tree(self, row: Row) -> None:
        hashes = row.hashes or b""
        leaf = hashes[:HASH_BYTES]
        if not leaf:
            self.problems.append(f"tree row {row.position}: missing")
        elif row.evidence is not None and leaf_hash(row.evidence) != leaf:
            self.problems.append(f"entry {row.position}: its evidence is not what the tree recorded")
        if self.frontier.append(leaf) != hashes and leaf:
            # A left neighbour that was purged has no evidence to be checked against: then it may be that row.
            left = f"tree row {row.position - 1} or " if row.position & 1 and row.position - 1 in self._purged else ""
            self.problems.append(f"{left}tree row {row.position}: its hashes do not follow from those before it")
            # Go on from what is stored: one altered row is then named once, not again at every level above it.
            self.frontier.peaks[-1] = hashes[-HASH_BYTES:]

    def _check_record(self, row: Row) -> None:
        position, evidence = row.position, row.evidence
        if evidence is None:
            if position not in self._purged:
                self.problems.append(f"record row {position}: missing, and no entry says that it was purged")
            return
        if position in self._purged:
            self.problems.append(f"record row {position}: still there, though an entry says that it was purged")
        if row.key is None or f'"key":"{row.key}"'.encode() not in evidence:
            self.problems.append(f"record row {position}: its key is not the one in its evidence")
        if evidence.startswith(_TAKES_BACK):
            self._claim(position, evidence)
        elif shown := _field(evidence, _TEXT):
            self._shown.setdefault(shown, position)

    def _claim(self, position: int, evidence: bytes) -> None:
        try:
            claims = taken_back(json.loads(evidence))
        except (ValueError, KeyError, TypeError):
            self.problems.append(f"entry {position}: it takes something back, but cannot be read")
        else:
            self._claimed.update(dict.fromkeys(claims, position))

    def _check_personal(self, row: Row) -> None:
        position = row.position
        committed = None if row.evidence is None else _field(row.evidence, _PERSONAL)
        if row.personal is None or row.secret is None:
            if committed is not None and position not in self._erased:
                self.problems.append(f"personal row {position}: missing, and no entry says that it was erased")
        elif position in self._erased:
            self.problems.append(f"personal row {position}: still there, though an entry says that it was erased")
        elif row.evidence is not None and (
            committed is None or commitment(row.personal, row.secret).encode() != committed
        ):
            self.problems.append(f"personal row {position}: it is not what the evidence committed to")


def _field(evidence: bytes, name: bytes) -> bytes | None:
    """A plain string of canonical JSON; ``name`` comes with the quotes and colon around it.

    Within another string the quotes around a name would be escaped.
    """
    start = evidence.find(name)
    if start < 0:
        return None
    start += len(name)
    return evidence[start : evidence.find(b'"', start)]
