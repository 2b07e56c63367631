"""What the documentation tells an operator who outgrows one PostgreSQL, tried at small scale."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from zlib import crc32

import pytest

from consent_mw.ledger.base import AuditableLedger, Record
from consent_mw.ledger.erasure import erase
from consent_mw.ledger.heads import keep_head
from consent_mw.ledger.open import open_ledger, open_store
from consent_mw.ledger.postgres_schema import LOCK, READ_ROWS, grants
from consent_mw.ledger.reports import history, records
from consent_mw.ledger.verify import verify
from contract.conftest import Server
from ledger.records import NOW, record, signer

PARTITION = Path(__file__).parents[2] / "docs" / "explanation" / "partition.sql"


async def append(dsn: str, entries: list[Record]) -> list[int]:
    ledger = open_ledger(dsn)
    positions = await asyncio.gather(*map(ledger.append, entries))
    await ledger.close()
    return list(positions)


def months(postgres: Server, database: str, table: str) -> dict[str, int]:
    counted = postgres.sql(database, f"SELECT tableoid::regclass, count(*) FROM consent_ledger.{table} GROUP BY 1")
    return {name.rpartition(".")[2]: int(count) for name, _, count in (line.partition("|") for line in counted.split())}


def test_a_page_is_read_without_reading_whole_tables(postgres: Server) -> None:
    dsn = postgres.new_database()
    asyncio.run(append(dsn, [record(f"s{number}", text="") for number in range(5000)]))
    database = urlsplit(dsn).path[1:]
    postgres.sql(database, "ANALYZE")
    query = READ_ROWS.replace("$1", "2000").replace("$2", "2512")
    plan = postgres.sql(database, f"SET search_path = consent_ledger; EXPLAIN (ANALYZE, TIMING off) {query}")
    assert "Seq Scan" not in plan
    assert plan.count("rows=512") >= 3
    assert "rows=5000" not in plan


def test_tables_cut_by_month_go_on_as_one_ledger(postgres: Server) -> None:
    dsn = postgres.new_database()
    database = urlsplit(dsn).path[1:]
    entries = [record(f"s{number % 5}", text="") for number in range(90)]
    asyncio.run(append(dsn, entries[:30]))
    with open_store(dsn) as store:
        note = keep_head(store, signer(store), NOW)
    postgres.sql(database, PARTITION.read_text(encoding="utf-8"))
    for month, first in (("2026_12", 30), ("2027_01", 60)):
        assert postgres.sql(database, f"SELECT consent_ledger.begin_month('{month}')") == str(first)
        assert sorted(asyncio.run(append(dsn, entries[first : first + 30]))) == list(range(first, first + 30))
    for table in ("tree", "record", "personal"):
        assert months(postgres, database, table) == {
            f"{table}_before": 30,
            f"{table}_2026_12": 30,
            f"{table}_2027_01": 30,
        }
    assert sorted(asyncio.run(append(dsn, entries))) == list(range(90))  # every key is known, in every month
    with open_store(dsn) as store:
        assert len(history(store, "s3")) == 18
        assert len(erase(store, "s3", "2027-01-01")) == 18
        assert verify(store, witnesses=[note]).problems == []


def test_cutting_the_tables_shuts_out_the_writers() -> None:
    assert f"pg_advisory_xact_lock({LOCK})" in PARTITION.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM record", "DELETE FROM personal_before", "UPDATE tree SET hashes = ''", "TRUNCATE personal"],
)
def test_tables_cut_by_month_are_append_only_for_the_applications_role(postgres: Server, statement: str) -> None:
    dsn = postgres.new_database()
    database = urlsplit(dsn).path[1:]
    role = f"app_{database}"
    asyncio.run(append(dsn, [record("s", text="")]))
    postgres.sql(database, PARTITION.read_text(encoding="utf-8"))
    postgres.sql(database, f"SELECT consent_ledger.begin_month('2026_12'); CREATE ROLE {role} LOGIN; {grants(role)}")
    assert asyncio.run(append(dsn.replace("consent@", f"{role}@"), [record("s", text="")])) == [1]
    with pytest.raises(RuntimeError, match=r"append-only|permission denied|no entry says"):
        postgres.sql(database, f"SET search_path = consent_ledger; {statement}", user=role)


class Sharded:
    """Several ledgers, each with the records of some subjects, so that one visitor's are always in one."""

    def __init__(self, shards: list[AuditableLedger]) -> None:
        self._shards = shards

    def of(self, subject: str) -> AuditableLedger:
        return self._shards[crc32(subject.encode()) % len(self._shards)]

    async def open(self) -> None:
        await asyncio.gather(*(shard.open() for shard in self._shards))

    async def append(self, record: Record) -> int:
        return await self.of(record.personal.subject or record.key).append(record)

    async def close(self) -> None:
        await asyncio.gather(*(shard.close() for shard in self._shards))


def test_logs_sharded_by_subject_hold_everything_once_and_verify_one_by_one(postgres: Server) -> None:
    dsns = [postgres.new_database() for _ in range(4)]

    async def fill() -> Sharded:
        sharded = Sharded([open_ledger(dsn) for dsn in dsns])
        await sharded.open()
        await asyncio.gather(*(sharded.append(record(f"s{number % 40}", text="")) for number in range(400)))
        found = await sharded.of("s7").run(partial(history, subject="s7"))
        assert len(found) == 10
        await sharded.close()
        return sharded

    asyncio.run(fill())
    subjects: list[set[str]] = []
    total = 0
    for dsn in dsns:
        with open_store(dsn) as store:
            assert verify(store).problems == []
            exported = list(records(store))
        total += len(exported)
        subjects.append({json.dumps(one["personal"]["subject"]) for one in exported})
    assert total == 400
    assert sum(map(len, subjects)) == len(set().union(*subjects)) == 40
