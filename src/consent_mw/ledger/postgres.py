"""The shared ledger: one PostgreSQL database behind any number of machines.

Every batch takes one advisory lock, which makes the writers of all machines one sequencer. A commit whose outcome
nobody heard (the connection broke) is sent again after reconnecting: the idempotency keys tell whether it was stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from consent_mw.errors import LedgerError
from consent_mw.ledger.loop_writer import LoopLedger
from consent_mw.ledger.open import masked
from consent_mw.ledger.postgres_connection import (
    BROKEN,
    CONNECT_SECONDS,
    Conflict,
    LoopConnection,
    columns,
    connect,
    told_plainly,
)
from consent_mw.ledger.postgres_schema import (
    EXTEND,
    INSERT,
    LOCATE,
    LOCK,
    MIGRATIONS,
    READ_ROWS,
    SCHEMA,
    SCHEMA_VERSION,
    script,
)
from consent_mw.ledger.store import Erasure, Row

T = TypeVar("T")


class PostgresLedger(LoopLedger):
    """Records in the schema ``consent_ledger`` of a PostgreSQL database, made when it does not exist.

    What has to wait for the server waits in the working directory, under a name that belongs to the DSN: two ledgers
    never replay each other's records.

    :param dsn: ``postgresql://user@host/database``, as libpq reads it
    """

    def __init__(self, dsn: str) -> None:
        spool = Path(f"consent-{hashlib.sha256(masked(dsn).encode()).hexdigest()[:12]}.spool")
        here = partial(LoopConnection.open, dsn)
        super().__init__(partial(PostgresStore, dsn), here, name="ledger postgresql", spool=spool)


class PostgresStore:
    """One connection. asyncpg needs an event loop, so each store has one of its own, in the thread that uses it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._db: Any = None

    def open(self, *, appending: bool = False) -> None:
        self._loop = asyncio.new_event_loop()
        try:
            self._db = self._wait(connect(self._dsn, appending=appending))
            if appending and not self._exists():
                self._create()
            self._check_version(migrating=appending)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None:
            return
        if self._db is not None:
            with suppress(*BROKEN, asyncpg.PostgresError):
                loop.run_until_complete(self._db.close(timeout=CONNECT_SECONDS))
        loop.close()

    def another(self) -> PostgresStore:
        return PostgresStore(self._dsn)

    def _exists(self) -> bool:
        # to_regclass() may answer from a cache of before the lock was granted; a query of the table does not.
        query = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'consent_ledger' AND tablename = 'meta'"
        return self._value(query) is not None

    def _create(self) -> None:
        with self.transaction():
            if not self._exists():
                self._execute(script(secrets.token_hex(16)))

    def _check_version(self, *, migrating: bool) -> None:
        if not self._exists():
            raise LedgerError(f"the database holds no ledger (no schema {SCHEMA!r}, or no right to see it)")
        version = self._version()
        if migrating and version in MIGRATIONS:
            with self.transaction():
                self._migrate()
            version = self._version()
        if version != SCHEMA_VERSION:
            raise LedgerError(f"the ledger has schema version {version}; this consent_mw knows {SCHEMA_VERSION}")

    def _version(self) -> int:
        return int(self._value("SELECT value FROM meta WHERE name = 'version'"))

    def _migrate(self) -> None:
        version = self._version()
        while version in MIGRATIONS:
            self._execute(MIGRATIONS[version])
            version += 1
        self._execute("ALTER TABLE meta DISABLE TRIGGER no_change")
        self._execute("UPDATE meta SET value = $1 WHERE name = 'version'", str(version))
        self._execute("ALTER TABLE meta ENABLE TRIGGER no_change")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._execute(f"BEGIN; SELECT pg_advisory_xact_lock({LOCK})")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with suppress(LedgerError):
                self._execute("ROLLBACK")
            raise

    def insert(self, rows: Sequence[Row]) -> None:
        self._execute(INSERT, *columns(rows))

    def extend(self, rows: Sequence[Row]) -> bool:
        try:
            return bool(self._rows(EXTEND, *columns(rows)))
        except Conflict:
            return False

    def erase(self, erasures: Sequence[Erasure]) -> None:
        self._execute(
            "INSERT INTO erasure SELECT * FROM unnest($1::bigint[], $2::boolean[], $3::bigint[])",
            [erasure.position for erasure in erasures],
            [erasure.whole for erasure in erasures],
            [erasure.entry for erasure in erasures],
        )
        self._execute("DELETE FROM personal WHERE idx = ANY($1)", [e.position for e in erasures])
        self._execute("DELETE FROM record WHERE idx = ANY($1)", [e.position for e in erasures if e.whole])

    def put_text(self, hash: str, body: bytes) -> None:
        self._execute("INSERT INTO text VALUES ($1, $2) ON CONFLICT DO NOTHING", hash, body)

    def put_head(self, size: int, note: str) -> None:
        self._execute("INSERT INTO head VALUES ($1, $2) ON CONFLICT DO NOTHING", size, note)

    def scrub(self) -> None:
        # Frees the rows' space for new ones. Only the owner may; otherwise autovacuum does it in its own time.
        with suppress(LedgerError):
            self._execute("VACUUM personal, record")

    def id(self) -> str:
        return str(self._value("SELECT value FROM meta WHERE name = 'id'"))

    def size(self) -> int:
        return int(self._value("SELECT coalesce(max(idx) + 1, 0) FROM tree"))

    def find(self, keys: Collection[str]) -> dict[str, int]:
        return self.locate(keys)[0]

    def locate(self, keys: Collection[str]) -> tuple[dict[str, int], int]:
        found = dict(self._rows(LOCATE, list(keys)))
        size: int = found.pop(None)
        return found, size

    def of_subject(self, subject: str) -> list[int]:
        query = "SELECT idx FROM personal WHERE subject = $1 ORDER BY idx"
        return [row[0] for row in self._rows(query, subject)]

    def tree_rows(self, positions: Collection[int]) -> dict[int, bytes]:
        return dict(self._rows("SELECT idx, hashes FROM tree WHERE idx = ANY($1)", list(positions)))

    def rows(self, start: int, stop: int) -> list[Row]:
        return list(map(Row._make, self._rows(READ_ROWS, start, stop)))

    def erasures(self) -> Iterator[Erasure]:
        for row in self._rows("SELECT idx, whole, entry FROM erasure ORDER BY idx, whole"):
            yield Erasure(*row)

    def known_texts(self, hashes: Collection[str]) -> set[str]:
        return {hash for (hash,) in self._rows("SELECT hash FROM text WHERE hash = ANY($1)", list(hashes))}

    def texts(self) -> Iterator[tuple[str, bytes]]:
        yield from self._rows("SELECT hash, body FROM text ORDER BY hash")

    def heads(self) -> Iterator[tuple[int, str]]:
        yield from self._rows("SELECT size, note FROM head ORDER BY size")

    def check(self) -> Iterator[str]:
        for table in ("record", "personal", "erasure"):
            query = f"SELECT idx FROM {table} LEFT JOIN tree USING (idx) WHERE hashes IS NULL"  # noqa: S608
            for (position,) in self._rows(query):
                yield f"{table} row {position}: belongs to no entry"

    def _rows(self, query: str, *values: object) -> list[Any]:
        rows: list[Any] = self._wait(self._connection().fetch(query, *values))
        return rows

    def _value(self, query: str) -> Any:
        return self._wait(self._connection().fetchval(query))

    def _execute(self, query: str, *values: object) -> None:
        self._wait(self._connection().execute(query, *values))

    def _connection(self) -> Any:
        if self._db is None or self._loop is None:
            raise LedgerError("the ledger is not open")
        return self._db

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            raise LedgerError("the ledger is not open")
        with told_plainly():
            return self._loop.run_until_complete(work)
