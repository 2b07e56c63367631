"""Connections to PostgreSQL: what each is asked for at the start, and how its errors are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg

from consent_mw.errors import LedgerError
from consent_mw.ledger.postgres_schema import BY_INDEX, EXTEND, SCHEMA
from consent_mw.ledger.store import Disconnected, Row

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 10.0
BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # cut off in the middle of an answer, asyncpg takes the query for unfinished
    asyncpg.exceptions.OperatorInterventionError,  # the server shuts down, starts up, or an administrator cut us off
    OSError,
    TimeoutError,
)


class Conflict(LedgerError):
    """Somebody else has stored a row with this index or key."""


async def connect(dsn: str, *, appending: bool) -> Any:
    """A connection whose commits are durable once they are acknowledged.

    :raises LedgerError: the server runs without fsync
    """
    db = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        server_settings={"application_name": "consent_mw", "search_path": SCHEMA},
    )
    try:
        if await db.fetchval("SHOW fsync") != "on":
            raise LedgerError("the PostgreSQL server runs with fsync = off: what it acknowledges is not durable")
        if await db.fetchval("SHOW synchronous_commit") in ("off", "local"):
            await db.execute("SET synchronous_commit = on")
        if appending:
            await db.execute(BY_INDEX)
    except BaseException:
        db.terminate()
        raise
    return db


def columns(rows: Sequence[Row]) -> tuple[object, ...]:
    """What ``INSERT`` and ``EXTEND`` take: the first position, then the rest of the rows by column."""
    positions, *rest = zip(*rows, strict=True)
    return positions[0], *rest


@contextmanager
def told_plainly() -> Iterator[None]:
    """:raises LedgerError: for whatever asyncpg raises"""
    try:
        yield
    except BROKEN as error:
        raise Disconnected(f"the connection to PostgreSQL broke: {error or type(error).__name__}") from error
    except asyncpg.UniqueViolationError as error:
        raise Conflict(f"PostgreSQL: {error}") from error
    except (asyncpg.PostgresError, ValueError) as error:
        raise LedgerError(f"PostgreSQL: {error}") from error


class LoopConnection:
    """A :class:`~consent_mw.ledger.loop_writer.Connection` on the event loop that opened it."""

    def __init__(self, db: Any) -> None:
        self._db = db

    @classmethod
    async def open(cls, dsn: str) -> LoopConnection:
        with told_plainly():
            return cls(await connect(dsn, appending=True))

    async def extend(self, rows: Sequence[Row]) -> bool:
        try:
            with told_plainly():
                return bool(await self._db.fetch(EXTEND, *columns(rows)))
        except Conflict:
            return False

    def close(self) -> None:
        """At once: nothing of which anybody was told is still on its way."""
        self._db.terminate()
