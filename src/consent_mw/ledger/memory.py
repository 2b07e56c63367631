"""A store in a list, under the rules that databases keep by constraints."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from consent_mw.ledger.store import Erasure, Row

LEDGER_ID = "0" * 32


class MemoryStore:
    """Keeps everything for as long as the process lives, and undoes nothing: its changes cannot fail half way."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._positions: dict[str, int] = {}
        self._erasures: list[Erasure] = []
        self._texts: dict[str, bytes] = {}
        self._heads: dict[int, str] = {}
        self._lock = threading.Lock()

    def open(self, *, appending: bool = False) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def another(self) -> MemoryStore:
        return self

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            yield

    def insert(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._rows.append(row)
            if row.key is not None:
                self._positions[row.key] = row.position

    def extend(self, rows: Sequence[Row]) -> bool:
        with self.transaction():
            if rows[0].position != self.size() or any(row.key in self._positions for row in rows):
                return False
            self.insert(rows)
        return True

    def erase(self, erasures: Sequence[Erasure]) -> None:
        for erasure in erasures:
            row = self._rows[erasure.position]._replace(subject=None, device="", page="", secret=None)
            if erasure.whole and row.key is not None:
                del self._positions[row.key]
                row = row._replace(key=None, evidence=None)
            self._rows[erasure.position] = row
            self._erasures.append(erasure)

    def put_text(self, hash: str, body: bytes) -> None:
        self._texts.setdefault(hash, body)

    def put_head(self, size: int, note: str) -> None:
        self._heads.setdefault(size, note)

    def scrub(self) -> None:
        """Nothing is left behind."""

    def id(self) -> str:
        return LEDGER_ID

    def size(self) -> int:
        return len(self._rows)

    def find(self, keys: Collection[str]) -> dict[str, int]:
        return {key: self._positions[key] for key in keys if key in self._positions}

    def locate(self, keys: Collection[str]) -> tuple[dict[str, int], int]:
        return self.find(keys), self.size()

    def of_subject(self, subject: str) -> list[int]:
        return [row.position for row in self._rows if row.subject == subject]

    def tree_rows(self, positions: Collection[int]) -> dict[int, bytes]:
        rows = ((position, self._rows[position].hashes) for position in positions if position < len(self._rows))
        return {position: hashes for position, hashes in rows if hashes is not None}

    def rows(self, start: int, stop: int) -> list[Row]:
        return self._rows[start:stop]

    def erasures(self) -> Iterator[Erasure]:
        return iter(sorted(self._erasures))

    def known_texts(self, hashes: Collection[str]) -> set[str]:
        return self._texts.keys() & hashes

    def texts(self) -> Iterator[tuple[str, bytes]]:
        return iter(self._texts.items())

    def heads(self) -> Iterator[tuple[int, str]]:
        return iter(sorted(self._heads.items()))

    def check(self) -> Iterator[str]:
        return iter(())
