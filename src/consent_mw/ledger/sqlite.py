"""The embedded ledger: one SQLite file, shared by all worker processes of a machine."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any

from consent_mw.errors import LedgerError
from consent_mw.ledger.sqlite_file import BUSY_SECONDS, LENIENT, connect, create_if_missing, demand_local
from consent_mw.ledger.sqlite_schema import ENTRY_VIEW, LOCATE, READ_ROWS
from consent_mw.ledger.store import Erasure, Row
from consent_mw.ledger.writer import ThreadedLedger

CHECKPOINT_ROWS = 2048
"""Rows after which the background checkpoint is woken."""

WAL_PAGES = 16_384
"""Length of the write-ahead log (64 MiB) from which a checkpoint waits for readers, so that its growth ends."""


class SqliteLedger(ThreadedLedger):
    """Records in one SQLite file (WAL, every commit synced), made with mode 0600 when it does not exist.

    :param path: the file; its directory must exist and must not be a network share
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        spool = self.path.with_name(self.path.name + ".spool")
        connect = partial(SqliteStore, self.path, known=threading.Event())
        super().__init__(connect, name=f"ledger {path}", spool=spool)


class SqliteStore:
    """One connection to the ledger file.

    :param known: shared by the connections of one ledger: set once the file was there. From then on a missing one is an
        error, never a new and empty ledger
    """

    def __init__(self, path: Path, known: threading.Event | None = None) -> None:
        self._path = path
        self._known = known or threading.Event()
        self._inode = 0
        self._checkpointer: _Checkpointer | None = None
        self._rows_since = 0

    def open(self, *, appending: bool = False) -> None:
        with self._errors():
            if appending:
                demand_local(self._path)
                if not self._known.is_set():
                    create_if_missing(self._path)
                self._known.set()
            # The appending side waits for its turn by itself, see _begin().
            self._db = connect(self._path, busy_seconds=0.02 if appending else BUSY_SECONDS, migrating=appending)
            self._db.executescript(ENTRY_VIEW)
            self._inode = self._path.stat().st_ino
            if appending:
                self._checkpointer = _Checkpointer(self._path)

    def close(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.stop()
        with self._errors():
            # Leaves the WAL empty where nobody else has the file open; otherwise the last one to close does.
            with suppress(sqlite3.Error):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._db.close()

    def another(self) -> SqliteStore:
        return SqliteStore(self._path)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._errors():
            self._begin(self._db.execute, "BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise
            self._tend()

    def _begin(self, execute: Callable[..., object], *statement: object) -> None:
        """Execute a statement that takes the write lock, once it is free."""
        try:
            if self._path.stat().st_ino != self._inode:
                raise LedgerError(f"ledger file {str(self._path)!r} was replaced while it was open")
        except OSError as error:
            raise LedgerError(f"ledger file {str(self._path)!r} is gone: {error.strerror}") from error
        # SQLite's own busy handler backs off to 100 ms and more: with many workers, some would wait for
        # seconds.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                execute(*statement)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.0005, 0.002))  # noqa: S311

    def _tend(self) -> None:
        if self._checkpointer is None or self._rows_since < CHECKPOINT_ROWS:
            return
        self._rows_since = 0
        if self._checkpointer.pages > WAL_PAGES:
            self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._checkpointer.wake()

    def insert(self, rows: Sequence[Row]) -> None:
        with self._errors():
            self._db.execute(*_insertion(rows))
        self._rows_since += len(rows)

    def extend(self, rows: Sequence[Row]) -> bool:
        with self._errors():
            try:
                sql, values = _insertion(rows)
                # execute() would give up the GIL once more, to ask for the last row's id.
                self._begin(self._db.executemany, sql, [values])
            except sqlite3.IntegrityError:
                return False
            self._rows_since += len(rows)
            self._tend()
        return True

    def erase(self, erasures: Sequence[Erasure]) -> None:
        personal = [(erasure.position,) for erasure in erasures]
        whole = [(erasure.position,) for erasure in erasures if erasure.whole]
        with self._errors():
            self._db.executemany("INSERT INTO erasure VALUES (?, ?, ?)", erasures)
            self._db.executemany("DELETE FROM personal WHERE idx = ?", personal)
            self._db.executemany("DELETE FROM record WHERE idx = ?", whole)

    def put_text(self, hash: str, body: bytes) -> None:
        with self._errors():
            self._db.execute("INSERT OR IGNORE INTO text VALUES (?, ?)", (hash, body))

    def put_head(self, size: int, note: str) -> None:
        with self._errors():
            self._db.execute("INSERT OR IGNORE INTO head VALUES (?, ?)", (size, note))

    def scrub(self) -> None:
        # secure_delete has zeroed the pages, but the WAL may still hold them as they were.
        deadline = time.monotonic() + BUSY_SECONDS
        while self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]:
            if time.monotonic() > deadline:
                raise LedgerError(
                    f"ledger file {str(self._path)!r}: erased, but a long read keeps the write-ahead log from being "
                    "emptied; erase again when it is over"
                )
            time.sleep(0.01)

    def id(self) -> str:
        rows = self._rows("SELECT value FROM meta WHERE name = 'id'")
        if not rows:
            raise LedgerError(f"ledger file {str(self._path)!r}: its own id is missing")
        return str(rows[0][0])

    def size(self) -> int:
        return int(self._rows("SELECT coalesce(max(idx) + 1, 0) FROM tree")[0][0])

    def find(self, keys: Collection[str]) -> dict[str, int]:
        return self.locate(keys)[0]

    def locate(self, keys: Collection[str]) -> tuple[dict[str, int], int]:
        found = dict(self._rows(LOCATE, json.dumps(list(keys))))
        size: int = found.pop(None)
        return found, size

    def of_subject(self, subject: str) -> list[int]:
        return [row[0] for row in self._rows("SELECT idx FROM personal WHERE subject = ? ORDER BY idx", subject)]

    def tree_rows(self, positions: Collection[int]) -> dict[int, bytes]:
        query = "SELECT idx, CAST(hashes AS BLOB) FROM tree WHERE idx IN (SELECT value FROM json_each(?))"
        return dict(self._rows(query, json.dumps(list(positions))))

    def rows(self, start: int, stop: int) -> list[Row]:
        return list(map(Row._make, self._rows(READ_ROWS, start, stop)))

    def erasures(self) -> Iterator[Erasure]:
        # As they stand: a flag that is neither 0 nor 1 must not pass for one of them.
        for row in self._rows("SELECT idx, whole, entry FROM erasure ORDER BY idx, whole"):
            yield Erasure(*row)

    def known_texts(self, hashes: Collection[str]) -> set[str]:
        query = "SELECT hash FROM text WHERE hash IN (SELECT value FROM json_each(?))"
        return {hash for (hash,) in self._rows(query, json.dumps(list(hashes)))}

    def texts(self) -> Iterator[tuple[str, bytes]]:
        query = "SELECT coalesce(CAST(hash AS TEXT), ''), coalesce(CAST(body AS BLOB), x'') FROM text ORDER BY hash"
        yield from self._rows(query)

    def heads(self) -> Iterator[tuple[int, str]]:
        yield from self._rows("SELECT size, coalesce(CAST(note AS TEXT), '') FROM head ORDER BY size")

    def check(self) -> Iterator[str]:
        for (problem,) in self._rows("PRAGMA integrity_check"):
            if problem != "ok":
                yield f"database: {problem}"
        for (position,) in self._rows("SELECT idx FROM tree WHERE idx < 0"):
            yield f"tree row {position}: belongs to no entry"
        for table in ("record", "personal", "erasure"):
            query = f"SELECT idx FROM {table} WHERE NOT EXISTS (SELECT 1 FROM tree WHERE tree.idx = {table}.idx)"  # noqa: S608
            for (position,) in self._rows(query):
                yield f"{table} row {position}: belongs to no entry"

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._errors():
            try:
                return self._db.execute(query, values).fetchall()
            except sqlite3.OperationalError:
                if self._db.text_factory is LENIENT:
                    raise
                # It may be a byte that is no UTF-8. That must reach verify(), not stop it; it is rare, and being ready
                # for it is a tenth of what reading costs.
                self._db.text_factory = LENIENT
                return self._db.execute(query, values).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # of a damaged schema, even the message may be unreadable
            raise LedgerError(f"ledger file {str(self._path)!r}: {error}") from error


def _insertion(rows: Sequence[Row]) -> tuple[str, list[object]]:
    # executemany() gives up the GIL for every row, and a busy event loop is slow to hand it back; one statement with
    # many rows gives it up once.
    return _insert_sql(len(rows)), [*chain.from_iterable(rows)]


@cache
def _insert_sql(rows: int) -> str:
    return "INSERT INTO entry VALUES " + ",".join(["(?,?,?,?,?,?,?,?)"] * rows)  # noqa: S608 - no word of anybody's


class _Checkpointer:
    """Runs PASSIVE checkpoints on a connection of its own: they hold up neither the writer nor any reader."""

    def __init__(self, path: Path) -> None:
        self.pages = 0
        self._wanted = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, args=(path,), name=f"checkpoints {path}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wanted.set()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()
        self._thread.join()

    def _run(self, path: Path) -> None:
        with suppress(sqlite3.Error, LedgerError, UnicodeDecodeError), closing(connect(path)) as db:
            while self._wanted.wait() and not self._stopped:
                self._wanted.clear()
                # One that fails (disk full) loses nothing: the WAL keeps the pages and the next one retries.
                with suppress(sqlite3.Error):
                    self.pages = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
