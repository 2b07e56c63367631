"""Decisions recorded per second, on SQLite and PostgreSQL, beside a plain ``executemany``; then verify and proofs.

    python -m benchmarks.bench_ledger [--records 40000] [--rounds 3] [--writers 64] [--large 1000000]

Every contender takes its turn in every round, so that a noisy machine is noisy for all; the medians are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import runpy
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from consent_mw.ledger.base import AuditableLedger, Event, Method, Personal, Record, Statement, new_key
from consent_mw.ledger.open import open_ledger
from consent_mw.ledger.proofs import consistency_proof, inclusion_proof
from consent_mw.ledger.sqlite import SqliteStore
from consent_mw.ledger.store import Appender
from consent_mw.ledger.verify import verify

ROOT = Path(__file__).parent.parent
BATCH = 256


SAID = Statement(
    event=Event.GIVEN,
    method=Method.BUTTON,
    site="example.com",
    regime="opt-in",
    policy="2026-11",
    fingerprint="sha256-" + "ab" * 32,
    text="",
    language="en",
    categories={
        "necessary": "granted",
        "identification": "granted",
        "personalization_analytics": "denied",
        "geolocation": "denied",
    },
)


class Result(NamedTuple):
    rate: float
    p50: float
    p99: float


def record(subject: str | None = None) -> Record:
    """One decision, made as the middleware makes it."""
    now = time.time_ns() // 1_000_000
    return Record(
        key=new_key(now),
        time="2026-11-24T02:00:00Z",
        statement=SAID,
        personal=Personal(subject or new_key(now), "desktop", "/articles/1"),
    )


async def through(ledger: AuditableLedger, count: int, writers: int, make: Callable[[], Record] = record) -> Result:
    """Concurrent writers, each waiting for its record to be durable before it makes the next one."""
    await ledger.open()
    waits: list[float] = []

    async def write(share: int) -> None:
        for _ in range(share):
            one = make()
            start = time.perf_counter()
            await ledger.append(one)
            waits.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(write(count // writers) for _ in range(writers)))
    took = time.perf_counter() - start
    await ledger.close()
    waits.sort()
    return Result(len(waits) / took, waits[len(waits) // 2] * 1e3, waits[int(len(waits) * 0.99)] * 1e3)


def plain_rows(count: int) -> list[tuple[str, str, str, bytes]]:
    made = (record() for _ in range(count))
    return [(one.key, one.personal.subject or "", one.personal.page, one.evidence()) for one in made]


async def plain_sqlite(directory: Path, count: int) -> Result:
    """The bar: the same bytes into one table, 256 rows a commit, nobody waiting, no tree."""
    rows = plain_rows(count)
    with contextlib.closing(sqlite3.connect(directory / f"{secrets.token_hex(4)}.sqlite3", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE record (idx INTEGER PRIMARY KEY, key TEXT UNIQUE, subject TEXT, page TEXT, body BLOB)")
        start = time.perf_counter()
        for first in range(0, count, BATCH):
            db.execute("BEGIN IMMEDIATE")
            sql = "INSERT INTO record (key, subject, page, body) VALUES (?, ?, ?, ?)"
            db.executemany(sql, rows[first : first + BATCH])
            db.execute("COMMIT")
        return Result(count / (time.perf_counter() - start), 0, 0)


async def plain_postgres(dsn: str, count: int) -> Result:
    import asyncpg

    rows = plain_rows(count)
    db = await asyncpg.connect(dsn)
    await db.execute(
        "CREATE TABLE plain (idx bigserial PRIMARY KEY, key text UNIQUE, subject text, page text, body bytea)"
    )
    start = time.perf_counter()
    for first in range(0, count, BATCH):
        sql = "INSERT INTO plain (key, subject, page, body) VALUES ($1, $2, $3, $4)"
        await db.executemany(sql, rows[first : first + BATCH])
    took = time.perf_counter() - start
    await db.close()
    return Result(count / took, 0, 0)


@contextlib.contextmanager
def postgres() -> Iterator[Callable[[], str] | None]:
    support = runpy.run_path(str(ROOT / "tests/contract/conftest.py"))
    if not support["TOOLS"]:
        yield None
        return
    server = support["Server"](support["TOOLS"][0])
    try:
        yield server.new_database
    finally:
        server.remove()


def contenders(
    directory: Path, count: int, writers: int, new_database: Callable[[], str] | None
) -> dict[str, Callable[[], Awaitable[Result]]]:
    def sqlite() -> AuditableLedger:
        return open_ledger(f"sqlite:///{directory}/{secrets.token_hex(4)}.sqlite3")

    def random_subject() -> Record:
        return record(secrets.token_hex(16))

    table: dict[str, Callable[[], Awaitable[Result]]] = {
        "SQLite, plain executemany": lambda: plain_sqlite(directory, count),
        "SQLite, ledger": lambda: through(sqlite(), count, writers),
        "SQLite, ledger, subjects random from the first digit": lambda: through(
            sqlite(), count, writers, random_subject
        ),
    }
    if new_database is not None:
        table["PostgreSQL, plain executemany"] = lambda: plain_postgres(new_database(), count)
        table["PostgreSQL, ledger"] = lambda: through(open_ledger(new_database()), count, writers)
    return table


def recording(count: int, rounds: int, writers: int) -> None:
    with tempfile.TemporaryDirectory() as directory, postgres() as new_database:
        table = contenders(Path(directory), count, writers, new_database)
        results: dict[str, list[Result]] = {name: [] for name in table}
        for _ in range(rounds):
            for name, run in table.items():
                results[name].append(asyncio.run(run()))  # type: ignore[arg-type]
    print(f"{count} decisions, {writers} concurrent writers, medians of {rounds} rounds")
    for name, measured in results.items():
        rate, p50, p99 = (statistics.median(column) for column in zip(*measured, strict=True))
        waits = f"   p50 {p50:5.2f} ms   p99 {p99:5.2f} ms" if p50 else ""
        print(f"  {name:55} {rate:9,.0f} /s{waits}")


def growth(large: int) -> None:
    """How reading costs grow with the number of records."""
    print("\n   records   verify          inclusion proof   consistency proof   bytes a record")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "large.sqlite3"
        store = SqliteStore(path)
        store.open(appending=True)
        appender, size, goal = Appender(store), 0, 1000
        while goal <= large:
            while size < goal:
                appender.append([record().entry() for _ in range(min(1000, goal - size))])
                size = store.size()
            _print_growth(store, size, path)
            goal *= 10
        store.close()


def _print_growth(store: SqliteStore, size: int, path: Path) -> None:
    rate = size / _milliseconds(lambda: _verified(store), times=5 if size < 500_000 else 1) * 1e3
    inclusion = _milliseconds(lambda: inclusion_proof(store, secrets.randbelow(size), size))
    consistency = _milliseconds(lambda: consistency_proof(store, 1 + secrets.randbelow(size), size))
    stored = sum(file.stat().st_size for file in (path, path.with_name(path.name + "-wal")) if file.exists())
    print(f"{size:10,} {rate:9,.0f} /s {inclusion:18.3f} ms {consistency:16.3f} ms {stored / size:13,.0f}")


def _verified(store: SqliteStore) -> None:
    if problems := verify(store).problems:
        sys.exit(f"the ledger does not verify: {problems[:3]}")


def _milliseconds(work: Callable[[], object], times: int = 200) -> float:
    waits = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        waits.append(time.perf_counter() - start)
    return statistics.median(waits) * 1e3


def main(records: int = 40_000, rounds: int = 3, writers: int = 64, large: int = 100_000) -> None:
    recording(records, rounds, writers)
    growth(large)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--large", type=int, default=100_000, help="grow one ledger to this many records and read it")
    main(**vars(parser.parse_args()))
