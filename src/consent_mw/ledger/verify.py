"""Checking a whole ledger: every row against the tree, every head against its tree, every erasure against its entry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from consent_mw.core.policy import FINGERPRINT_PREFIX
from consent_mw.errors import LedgerError
from consent_mw.ledger.heads import PublicKey, origin, read_head, verify_head
from consent_mw.ledger.merkle import HASH_BYTES, Frontier, fold
from consent_mw.ledger.pages import PAGE, Checked, Page, Taken, check_page, wrong_hashes
from consent_mw.ledger.store import Store, run


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
    with ThreadPoolExecutor(1) as aside:
        # On a connection of its own: a database looks for damage without the interpreter's lock.
        damage = aside.submit(run, store.another, lambda other: list(other.check()))
        check = _Check(store, keys, witnesses)
        for page in check.pages():
            if not check.add(page, check_page(store, page)):
                break
            progress(page.stop, check.end)
        report = check.finish()
        return report._replace(problems=damage.result() + report.problems)


class _Check:
    def __init__(self, store: Store, keys: Sequence[PublicKey], witnesses: Sequence[str]) -> None:
        self.problems: list[str] = []
        self._frontier = Frontier()  # its leaves are whole pages
        self._rest: list[bytes] = []
        self._size = 0
        self._store = store
        self._claimed: dict[Taken, int] = {}
        self._missing: dict[Taken, str] = {}
        self._roots: dict[int, list[bytes]] = {}
        self._kept = {0}
        self._named_heads: dict[int, str] = {}
        self._shown: dict[bytes, int] = {}
        for size, note in store.heads():
            self._kept.add(size)
            self._expect(note, keys, f"head row {size}", size)
        for note in witnesses:
            self._expect(note, keys, "witness", None)
        # In this order: a site goes on recording and erasing, and no head may seem to lie ahead, no erasure to be new.
        self.end = store.size()
        self._noted = self._erasures(later=False)
        erased = {position for position, _ in self._noted}
        purged = {position for position, whole in self._noted if whole}
        self._known = (erased, purged, set(self._roots))

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

    def _erasures(self, *, later: bool) -> dict[Taken, int]:
        """What is noted as taken back, and by which entry: by those that are checked, or by later ones.

        In a damaged file anything may stand for an entry.
        """
        noted = self._store.erasures()
        return {
            (position, whole): entry
            for position, whole, entry in noted
            if (isinstance(entry, int) and entry >= self.end) == later
        }

    def pages(self) -> Iterator[Page]:
        for start in range(0, self.end, PAGE):
            stop = min(start + PAGE, self.end)
            within = range(start, stop)
            yield Page(start, stop, *(frozenset(known.intersection(within)) for known in self._known))

    def add(self, page: Page, checked: Checked | None) -> bool:
        """Join a page to what came before it. False when it holds nothing, so that the rest is not worth a look."""
        self._check_heads(page.start, [])
        if checked is None:
            self.problems.append(f"tree row {page.start}: missing, with all that follow up to {page.stop - 1} at least")
            return False
        for size, peaks in checked.peaks_at.items():
            self._check_heads(size, peaks)
        self.problems += checked.problems
        self._claimed.update(checked.claims)
        self._missing.update(checked.missing)
        for words, position in checked.shown.items():
            self._shown.setdefault(words, position)
        self._size = page.stop
        if page.stop - page.start == PAGE:
            self._join(page, checked)
        else:
            self._rest = checked.peaks
        return True

    def _join(self, page: Page, checked: Checked) -> None:
        above = self._frontier.append(*checked.peaks)
        stored, computed = checked.last
        if stored and computed + above[HASH_BYTES:] != stored:
            self.problems.append(wrong_hashes(page.stop - 1, page.purged))
            self._frontier.peaks[-1] = stored[-HASH_BYTES:]  # as within a page

    def finish(self) -> Report:
        size = self._size
        self._check_heads(size, self._rest)
        for later in sorted(self._roots):
            self.problems.append(f"the ledger was rolled back: a head of {later} entries was signed, it holds {size}")
        self._admit_what_was_taken_back_meanwhile()
        self.problems += self._missing.values()
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
        return Report(size, fold([*self._frontier.peaks, *self._rest]), self.problems)

    def _admit_what_was_taken_back_meanwhile(self) -> None:
        late, size = self._erasures(later=True), self._store.size()
        self._noted |= late
        for entry in set(late.values()):
            checked = check_page(self._store, Page(entry, entry + 1)) if entry < size else None
            if checked is not None:
                self._claimed |= checked.claims
        for taken in late.items() & self._claimed.items():
            self._missing.pop(taken[0], None)

    def _check_heads(self, size: int, peaks: Sequence[bytes]) -> None:
        """``peaks``: of the last page, as it was when the tree had this size."""
        for signed in self._roots.pop(size, ()):
            if signed != fold([*self._frontier.peaks, *peaks]):
                self.problems.append(f"head of {size} entries: signed over another history")
