"""From a DSN to a ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

from consent_mw.errors import ConfigError
from consent_mw.ledger.base import AuditableLedger, MemoryLedger
from consent_mw.ledger.sqlite import SqliteLedger, SqliteStore
from consent_mw.ledger.store import Store

_ALLOWED = (
    "allowed are sqlite:///relative.sqlite3, sqlite:////absolute.sqlite3, postgresql://user@host/database and memory://"
)


def open_ledger(dsn: str) -> AuditableLedger:
    """The ledger that a DSN names. Files and connections are opened by its ``open()`` or its first ``append()``.

    :raises ConfigError: the DSN is none, or its backend is not installed
    """
    if dsn == "memory://":
        return MemoryLedger()
    if (path := _sqlite_path(dsn)) is not None:
        return SqliteLedger(path)
    if _is_postgres(dsn):
        ledger: AuditableLedger = _postgres(dsn).PostgresLedger(dsn)
        return ledger
    raise ConfigError(f"ledger {masked(dsn)!r} is not a known DSN; {_ALLOWED}")


@contextmanager
def open_store(dsn: str) -> Iterator[Store]:
    """A connection to an existing ledger, for the command line: ``with open_store(dsn) as store: verify(store)``.

    :raises ConfigError: as :func:`open_ledger`; ``memory://`` holds nothing between two processes
    :raises LedgerError: there is no such ledger
    """
    store: Store
    if (path := _sqlite_path(dsn)) is not None:
        store = SqliteStore(path)
    elif _is_postgres(dsn):
        store = _postgres(dsn).PostgresStore(dsn)
    else:
        raise ConfigError(f"ledger {masked(dsn)!r} cannot be opened from here; {_ALLOWED}")
    store.open()
    try:
        yield store
    finally:
        store.close()


def _sqlite_path(dsn: str) -> Path | None:
    path = dsn.removeprefix("sqlite:///")
    return Path(path) if path and path != dsn else None


def _is_postgres(dsn: str) -> bool:
    return dsn.startswith(("postgresql://", "postgres://"))


def _postgres(dsn: str) -> ModuleType:
    try:
        return import_module("consent_mw.ledger.postgres")
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(f"ledger {masked(dsn)!r} needs asyncpg: pip install 'consent-mw[postgres]'") from error


def masked(dsn: str) -> str:
    """The DSN without its password, which must not reach a log."""
    credentials, at, host = dsn.rpartition("@")
    user, colon, _ = credentials.removeprefix(f"{urlsplit(dsn).scheme}://").partition(":")
    return f"{urlsplit(dsn).scheme}://{user}:***@{host}" if at and colon else dsn
