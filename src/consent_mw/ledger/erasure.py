"""Taking back: the personal half of a subject's records (GDPR art. 17), and whole records whose time is over.

Both are entries of the ledger themselves, so that what was taken back can be told from what went missing. Leaf hashes
stay, and with them every root and every proof.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from consent_mw.core.policy import canonical_json
from consent_mw.ledger.store import Entry, Erasure, Row, Store, append_within

ERASED = "erased"
PURGED = "purged"
ENTRY_VERSION = 1
PURGE_AT_ONCE = 1000
"""Records taken back in one transaction, so that decisions never wait long for a purge."""


def erase(store: Store, subject: str, today: str) -> list[int]:
    """Delete the personal half, and its key, of every record of a subject. Returns the positions.

    Each record gets an entry of its own, dated by the day (``today``: ``YYYY-MM-DD``): one entry that lists them would
    go on saying that they belong together.
    """
    with store.transaction():
        positions = store.of_subject(subject)
        _take_back(store, ERASED, [[position] for position in positions], today)
    if positions:
        store.scrub()
    return positions


def purge(store: Store, before: Mapping[str, str], today: str, *, hold: Collection[str] = ()) -> int:
    """Delete whole records that are older than their regime keeps them. Returns how many.

    :param before: per regime, the time (UTC, RFC 3339) before which its records go; other regimes' records stay
    :param hold: subjects whose records stay whatever their age, because a dispute needs them
    """
    purged = 0
    for page in expired(store, before, hold):
        with store.transaction():
            _take_back(store, PURGED, [page], today)
        purged += len(page)
    if purged:
        store.scrub()
    return purged


def expired(store: Store, before: Mapping[str, str], hold: Collection[str] = ()) -> Iterator[list[int]]:
    """Positions of the records that :func:`purge` would delete, some at a time."""
    held = frozenset(hold)
    for rows in _pages(store):
        page = [row.position for row in rows if _is_expired(row, before, held)]
        if page:
            yield page


def taken_back(evidence: Mapping[str, Any], position: int) -> list[tuple[int, bool]]:
    """Positions that the entry at a position takes back, each with whether it takes back everything.

    :raises ValueError: for positions that do not lie before it; KeyError and TypeError for what no entry says
    """
    whole, ranges = evidence["event"] == PURGED, evidence["positions"]
    if any(last >= position for _, last in ranges):
        raise ValueError("an entry takes back only what was there before it")
    return [(taken, whole) for first, last in ranges for taken in range(first, last + 1)]


def _take_back(store: Store, event: str, groups: Sequence[Sequence[int]], today: str) -> None:
    entries = [_entry(event, group, today) for group in groups]
    indexes, _ = append_within(store, entries)
    whole = event == PURGED
    store.erase([Erasure(at, whole, entry) for group, entry in zip(groups, indexes, strict=True) for at in group])


def _entry(event: str, positions: Sequence[int], today: str) -> Entry:
    key = secrets.token_hex(16)
    evidence = {
        "event": event,
        "key": key,
        "positions": _ranges(positions),
        "time": today,
        "version": ENTRY_VERSION,
    }
    return Entry(key, canonical_json(evidence))


def _ranges(positions: Sequence[int]) -> list[list[int]]:
    """Ascending positions as [first, last] pairs."""
    ranges: list[list[int]] = []
    for position in positions:
        if ranges and ranges[-1][1] == position - 1:
            ranges[-1][1] = position
        else:
            ranges.append([position, position])
    return ranges


def _pages(store: Store) -> Iterator[list[Row]]:
    size = store.size()
    for start in range(0, size, PURGE_AT_ONCE):
        yield store.rows(start, min(start + PURGE_AT_ONCE, size))


def _is_expired(row: Row, before: Mapping[str, str], held: frozenset[str]) -> bool:
    if row.evidence is None or (row.personal is not None and row.personal.subject in held):
        return False
    evidence = json.loads(row.evidence)
    # Times are RFC 3339 in UTC with whole seconds, so that they compare as text.
    return bool(evidence["time"] < before.get(evidence.get("regime", ""), ""))
