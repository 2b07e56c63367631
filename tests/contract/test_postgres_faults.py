"""A server that goes away, cuts connections or restarts: never a false acknowledgement, nothing stored twice."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any
from urllib.parse import urlsplit

import pytest

from consent_mw.errors import ConfigError, LedgerError
from consent_mw.ledger.open import open_ledger, open_store
from consent_mw.ledger.postgres_schema import grants
from consent_mw.ledger.verify import verify
from contract.conftest import Server
from ledger.records import record


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop's own connection is back between one trouble and the next."""
    monkeypatch.setattr("consent_mw.ledger.loop_writer.PAUSE_SECONDS", 0.05)


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'consent_mw'"


async def appending(dsn: str, acked: set[str], stop: asyncio.Event) -> int:
    """Eight at a time until told to stop; returns how many appends failed."""
    ledger, failed = open_ledger(dsn), 0

    async def one() -> None:
        nonlocal failed
        while not stop.is_set():
            entry = record("somebody", text="")
            try:
                await ledger.append(entry)
                acked.add(entry.key)
            except LedgerError:
                failed += 1
                await asyncio.sleep(0.02)

    await ledger.open()
    await asyncio.gather(*(one() for _ in range(8)))
    await ledger.close()
    return failed


async def under_load(dsn: str, trouble: Any, times: int) -> tuple[set[str], int]:
    acked, stop = set[str](), asyncio.Event()
    workers = [asyncio.create_task(appending(dsn, acked, stop)) for _ in range(2)]
    for _ in range(times):
        await asyncio.sleep(0.25)
        await asyncio.to_thread(trouble)
    before = len(acked)
    for _ in range(400):
        if len(acked) < before + 50:
            await asyncio.sleep(0.05)
    stop.set()
    assert len(acked) >= before + 50, "it never came back"
    return acked, sum(await asyncio.gather(*workers))


def check(dsn: str, acked: set[str]) -> None:
    with open_store(dsn) as store:
        assert acked - store.find(acked).keys() == set()
        assert verify(store).problems == []


def test_cut_connections_lose_nothing_and_nobody_notices(postgres: Server) -> None:
    dsn = postgres.new_database()
    acked, failed = asyncio.run(under_load(dsn, lambda: postgres.sql("postgres", CUT), 3))
    assert failed == 0
    check(dsn, acked)


def test_a_restarted_server_loses_nothing(postgres: Server) -> None:
    dsn = postgres.new_database()
    acked, _ = asyncio.run(under_load(dsn, postgres.restart, 1))
    check(dsn, acked)


@pytest.mark.deep
def test_fifty_restarts_lose_nothing(postgres: Server) -> None:
    dsn = postgres.new_database()
    acked, _ = asyncio.run(under_load(dsn, postgres.restart, 50))
    check(dsn, acked)


def test_a_server_that_stays_away_is_an_error_and_no_acknowledgement(postgres: Server) -> None:
    async def scenario() -> None:
        ledger = open_ledger(postgres.new_database())
        await ledger.open()
        await ledger.append(record(text=""))
        postgres.stop()
        try:
            with pytest.raises(LedgerError, match="connection to PostgreSQL"):
                await ledger.append(record(text=""))
        finally:
            postgres.start()
        assert await ledger.append(record(text="")) == 1
        await ledger.close()

    asyncio.run(scenario())


def test_a_commit_whose_answer_was_lost_is_stored_once(postgres: Server) -> None:
    """The same record again, as the writer sends it after the connection broke."""

    async def scenario() -> None:
        dsn = postgres.new_database()
        first, second, entry = open_ledger(dsn), open_ledger(dsn), record(text="")
        assert await first.append(entry) == await second.append(entry) == 0
        assert await first.run(lambda store: store.size()) == 1
        await first.close()
        await second.close()

    asyncio.run(scenario())


def test_appending_never_reads_a_whole_table(postgres: Server) -> None:
    """A statement prepared while the ledger was small serves it when it is large."""
    dsn = postgres.new_database()

    def whole_reads() -> str:
        growing = "relname IN ('tree', 'record', 'personal')"
        query = f"SELECT relname, seq_scan FROM pg_stat_user_tables WHERE {growing} ORDER BY relname"
        return postgres.sql(urlsplit(dsn).path[1:], query)

    async def appended(batches: int) -> str:
        ledger = open_ledger(dsn)
        await ledger.open()
        for _ in range(batches):
            await asyncio.gather(*(ledger.append(record(text="")) for _ in range(50)))
        await ledger.close()
        return whole_reads()

    made = asyncio.run(appended(0))  # that reads them to make their indexes
    assert asyncio.run(appended(20)) == made


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent_ledger.record SET key = 'x'",
        "DELETE FROM consent_ledger.tree",
        "DELETE FROM consent_ledger.personal",
        "TRUNCATE consent_ledger.record",
        "DROP TRIGGER no_change ON consent_ledger.record",
        "CREATE TABLE consent_ledger.more (a int)",
    ],
)
def test_the_applications_role_can_append_and_no_more(postgres: Server, statement: str) -> None:
    dsn = postgres.new_database()
    database, role = urlsplit(dsn).path[1:], f"app_{secrets.token_hex(4)}"

    async def one(address: str) -> int:
        ledger = open_ledger(address)
        try:
            return await ledger.append(record("s", text=""))
        finally:
            await ledger.close()

    assert asyncio.run(one(dsn)) == 0
    postgres.sql(database, f"CREATE ROLE {role} LOGIN; {grants(role)}")
    assert asyncio.run(one(dsn.replace("consent@", f"{role}@"))) == 1
    with pytest.raises(RuntimeError, match=r"append-only|permission denied|must be owner|no entry says"):
        postgres.sql(database, statement, user=role)


# Bad input


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("postgresql://consent@/nowhere?host=/nonexistent", "connection to PostgreSQL"),
        ("postgresql://consent:hush@127.0.0.1:1/nowhere", "connection to PostgreSQL"),
    ],
)
def test_an_unreachable_server_is_an_error_at_start_up_without_the_password(dsn: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says) as raised:
        asyncio.run(open_ledger(dsn).open())
    assert "hush" not in str(raised.value)


def test_a_database_that_does_not_exist_is_an_error_at_start_up(postgres: Server) -> None:
    with pytest.raises(LedgerError, match="does not exist"):
        asyncio.run(open_ledger(postgres.dsn("nothing_here")).open())


def test_a_newer_schema_is_an_error_at_start_up(postgres: Server) -> None:
    dsn = postgres.new_database()
    database = urlsplit(dsn).path[1:]

    async def opened() -> None:
        ledger = open_ledger(dsn)
        await ledger.open()
        await ledger.close()

    asyncio.run(opened())
    triggers = "ALTER TABLE consent_ledger.meta DISABLE TRIGGER ALL"
    postgres.sql(database, f"{triggers}; UPDATE consent_ledger.meta SET value = '9' WHERE name = 'version'")
    with pytest.raises(LedgerError, match=r"schema version 9; this consent_mw knows 1"):
        asyncio.run(opened())


def test_an_older_schema_is_brought_forward(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = postgres.new_database()

    async def one() -> int:
        ledger = open_ledger(dsn)
        try:
            return await ledger.append(record(text=""))
        finally:
            await ledger.close()

    assert asyncio.run(one()) == 0
    monkeypatch.setattr("consent_mw.ledger.postgres.SCHEMA_VERSION", 3)
    steps = {1: "CREATE TABLE two (a int)", 2: "CREATE TABLE three (a int)"}
    monkeypatch.setattr("consent_mw.ledger.postgres.MIGRATIONS", steps)
    assert asyncio.run(one()) == 1
    found = (
        "SELECT value, to_regclass('consent_ledger.three') IS NOT NULL FROM consent_ledger.meta WHERE name = 'version'"
    )
    assert postgres.sql(urlsplit(dsn).path[1:], found) == "3|t"


def test_a_wrong_dsn_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="is not a known DSN; allowed are"):
        open_ledger("mysql://root:hush@localhost/x")
