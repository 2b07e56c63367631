"""Records and ledgers that the tests of the ledger share."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from consent_mw.ledger.base import Event, Method, Personal, Record, Statement, new_key
from consent_mw.ledger.erasure import erase, purge
from consent_mw.ledger.heads import PublicKey, Signer, keep_head, seed_from_secret_key
from consent_mw.ledger.sqlite import SqliteStore
from consent_mw.ledger.store import Appender, Store

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where files are made by the thousand: a real file system that waits for no disk."""

NOW = "2026-11-24T02:00:00Z"
TODAY = "2026-11-24"
SECRET = "a secret key of at least 32 bytes!"
WORDS = "sha256-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def record(subject: str | None = None, **changes: Any) -> Record:
    """:param changes: fields of the record or of its statement"""
    said: dict[str, Any] = {
        "event": Event.GIVEN,
        "method": Method.BUTTON,
        "site": "shop.example",
        "regime": "opt-in",
        "policy": "1",
        "fingerprint": "sha256-" + "ab" * 32,
        "text": WORDS,
        "language": "en",
        "categories": {"necessary": "granted", "geolocation": "denied"},
        "validity": "P184D",
    }
    own = {
        "key": new_key(1_795_485_600_000),
        "time": NOW,
        "personal": Personal(subject=subject, device="desktop", page="/a"),
    }
    stated = {field.name for field in fields(Statement)}
    said |= {name: value for name, value in changes.items() if name in stated}
    own |= {name: value for name, value in changes.items() if name not in stated}
    return Record(statement=Statement(**said), **own)


def signer(store: Store) -> Signer:
    return Signer(seed_from_secret_key(SECRET), store.id())


def lived_in(path: Path, count: int = 40) -> tuple[PublicKey, list[str]]:
    """A ledger with decisions, erasures, a purge, words and two heads; its key, and the heads as published."""
    store = SqliteStore(path)
    store.open(appending=True)
    appender = Appender(store)
    appender.append([record("old", time="2020-01-01T00:00:00Z").entry() for _ in range(2)])
    appender.append([record(f"subject-{number % 9}").entry() for number in range(count // 2)])
    with store.transaction():
        store.put_text(WORDS, b"test")
    first = keep_head(store, signer(store), NOW)
    erase(store, "subject-3", TODAY)
    purge(store, {"opt-in": "2021-01-01T00:00:00Z"}, TODAY)
    appender.append([record(f"subject-{number % 9}").entry() for number in range(count // 2)])
    last = keep_head(store, signer(store), NOW)
    key = signer(store).public
    store.close()
    return key, [first, last]
