"""The ledger file: made once and whole, recognised before SQLite touches it, opened with every safety on."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import struct
from functools import partial
from pathlib import Path

from consent_mw.errors import LedgerError
from consent_mw.ledger.files import network_file_system, sync_directory
from consent_mw.ledger.sqlite_schema import APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION, script

BUSY_SECONDS = 5.0
LENIENT = partial(str, encoding="utf-8", errors="replace")
"""A ``text_factory`` that reads what tampering left."""
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_FULL = 2


def connect(path: Path, *, busy_seconds: float = BUSY_SECONDS, migrating: bool = False) -> sqlite3.Connection:
    """A connection to an existing ledger file, with its promises read back.

    :param migrating: bring an older file to today's schema
    :raises LedgerError: the file is missing, is no ledger, is newer than this package, or would not be
        durable
    """
    check_file(path)
    # mode=rw: a file that vanished meanwhile is an error, never a new and empty ledger.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=busy_seconds, cached_statements=1024)
    try:
        _prepare(db, path)
        version = _migrated(db) if migrating else _version(db)
        if version != SCHEMA_VERSION:
            raise LedgerError(_wrong_version(path, version))
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    # WAL with synchronous=NORMAL syncs at checkpoints only: a power failure would lose acknowledged
    # decisions.
    _demand(db, path, "journal_mode", "wal")
    _demand(db, path, "synchronous", _FULL)
    _demand(db, path, "secure_delete", 1)
    _demand(db, path, "trusted_schema", 0)
    for pragma in (
        "cell_size_check = 1",
        "fullfsync = 1",
        "checkpoint_fullfsync = 1",
        "wal_autocheckpoint = 0",
    ):
        db.execute(f"PRAGMA {pragma}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _migrated(db: sqlite3.Connection) -> int:
    """Step by step, each whole or not at all; another process may be at it, too."""
    while _version(db) in MIGRATIONS:
        db.execute("BEGIN IMMEDIATE")
        version = _version(db)
        for statement in _statements(MIGRATIONS.get(version, "")):
            db.execute(statement)
        if version in MIGRATIONS:
            db.execute(f"PRAGMA user_version = {version + 1}")
        db.execute("COMMIT")
    return _version(db)


def _demand(db: sqlite3.Connection, path: Path, pragma: str, value: str | int) -> None:
    db.execute(f"PRAGMA {pragma} = {value}").fetchall()
    got = db.execute(f"PRAGMA {pragma}").fetchone()
    if got != (value,):
        raise LedgerError(f"ledger file {str(path)!r}: SQLite refused {pragma} = {value} (it says {got})")


def demand_local(path: Path) -> None:
    """:raises LedgerError: the file is on a network share, where nobody can rely on SQLite's locks and shared memory"""
    kind = network_file_system(path)
    if kind is not None:
        raise LedgerError(
            f"ledger file {str(path)!r} is on a network share ({kind}), where several workers could damage it; "
            "allowed are a local disk, or postgresql:// for many machines"
        )


def create_if_missing(path: Path) -> None:
    """Make the file, unless it exists. Several processes may try at once: one wins, nobody sees half of it."""
    if path.exists():
        return
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        raise LedgerError(f"{str(wal)!r} stands without its ledger {str(path)!r}: restore that, or move this away")
    draft = path.with_name(f"{path.name}.new-{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _fill(draft)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        sync_directory(path.parent)
    except OSError as error:
        raise LedgerError(f"ledger file {str(path)!r} cannot be created: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _fill(draft: Path) -> None:
    with contextlib.closing(sqlite3.connect(draft, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("BEGIN")
        for statement in _statements(script(secrets.token_hex(16))):
            db.execute(statement)
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode = WAL")


def _statements(source: str) -> list[str]:
    statements, current = [], ""
    for line in source.splitlines():
        current += line + "\n"
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements


def check_file(path: Path) -> None:
    """Recognise a ledger by its raw header: SQLite would already write beside a database that is not ours."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise LedgerError(f"ledger file {str(path)!r} cannot be read: {error.strerror}") from error
    if not header:
        raise LedgerError(f"{str(path)!r} is empty: it is no ledger, or lost all of it; it was left untouched")
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise LedgerError(f"{str(path)!r} is no ledger: it is not an SQLite database; it was left untouched")
    (version,) = struct.unpack_from(">i", header, 60)
    (application,) = struct.unpack_from(">I", header, 68)
    if application != APPLICATION_ID:
        raise LedgerError(f"{str(path)!r} is an SQLite database but no consent ledger; it was left untouched")
    if version > SCHEMA_VERSION:
        raise LedgerError(_wrong_version(path, version))


def _wrong_version(path: Path, version: int) -> str:
    return f"ledger file {str(path)!r} has schema version {version}; this consent_mw knows {SCHEMA_VERSION}"
