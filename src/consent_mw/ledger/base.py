"""The record, its canonical bytes, and the protocol that every ledger keeps.

A record has two halves. The **evidence** (what was decided, under which policy and text, how and when) is
hashed as it stands. The **personal** half (subject id, device class, page) enters the hash only through an
HMAC under a random key of its own, kept beside it: erasing the half and its key leaves a hash that still
verifies and that nobody, the operator included, can link again.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from ssl import RAND_bytes
from typing import Protocol, TypeVar

from consent_mw.ledger.memory import MemoryStore
from consent_mw.ledger.store import Appender, Entry, Personal, Store, canonical_half, quoted

__all__ = [
    "AuditableLedger",
    "Event",
    "Ledger",
    "MemoryLedger",
    "Method",
    "Personal",
    "Record",
    "Statement",
    "commitment",
    "new_key",
]

T = TypeVar("T")

RECORD_VERSION = 1
SECRET_BYTES = 32
RANDOM_BYTES = 10
"""Of a key, after its time."""


class Event(StrEnum):
    """What happened (ISO/IEC TS 27560 event states, by the verbs of this package)."""

    GIVEN = "given"
    REFUSED = "refused"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SIGNAL_HONOURED = "signal_honoured"
    NOTICE_SHOWN = "notice_shown"
    """No decision: a page told of a change that lies ahead."""


class Method(StrEnum):
    """How the visitor said it."""

    BUTTON = "button"
    TOGGLE = "toggle"
    FORM = "form_nojs"
    GPC = "gpc"
    DNT = "dnt"
    OS_PERMISSION = "os_permission"
    API = "api"
    SITE = "site"
    """Not at all: it is the site that did something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was said, and under which policy, words and rules: one and the same for all who said the same.

    :ivar site: host that the decision belongs to
    :ivar fingerprint: meaning of the policy; ``text``: hash of the words shown
    :ivar categories: id to ``granted`` or ``denied``; ``services`` likewise, for the services with a choice
        of their own
    :ivar signals: names of the opt-out signals that were present
    :ivar layer: 1 for the banner, 2 for the preferences
    :ivar validity: how long the choice holds, an ISO 8601 duration
    :ivar frame: canonical JSON around a record's key, commitment and time
    """

    event: Event
    method: Method
    site: str
    regime: str
    policy: str
    fingerprint: str
    text: str
    language: str
    categories: Mapping[str, str]
    services: Mapping[str, str] = field(default_factory=dict)
    signals: tuple[str, ...] = ()
    layer: int = 1
    validity: str = ""
    frame: tuple[str, str, str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "frame", _frame(self))


@dataclass(slots=True, kw_only=True)  # frozen, it would take three times as long to make
class Record:
    """One decision.

    :ivar key: idempotency key, 32 hex digits, chosen by the caller (:func:`new_key`): storing it twice stores
        it once. It stays in the evidence after an erasure, so it must not be computable from the subject id.
    :ivar time: UTC, RFC 3339, whole seconds, ``Z``
    :ivar secret: 32 random bytes under which the personal half is committed to
    """

    key: str
    time: str
    statement: Statement
    personal: Personal
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(SECRET_BYTES), repr=False)

    def evidence(self) -> bytes:
        """Canonical bytes of what the hash covers; the personal half stands in it only as a commitment."""
        return self.entry().evidence

    def entry(self) -> Entry:
        """What a backend stores."""
        subject, device, page = self.personal
        # PostgreSQL has no NUL in text, and one visitor's odd address must not fail a batch of others.
        page = page.replace("\0", "\ufffd")
        committed = commitment(canonical_half(device, page, subject), self.secret)
        before, personal, policy, after = self.statement.frame
        evidence = f"{before}{quoted(self.key)}{personal}{committed}{policy}{quoted(self.time)}{after}"
        return Entry(self.key, evidence.encode(), subject, device, page, self.secret)


def _frame(said: Statement) -> tuple[str, str, str, str]:
    return (
        f'{{"categories":{_object(said.categories)},"event":{quoted(said.event)},'
        f'"fingerprint":{quoted(said.fingerprint)},"key":',
        f',"language":{quoted(said.language)},"layer":{said.layer},"method":{quoted(said.method)},"personal":"',
        f'","policy":{quoted(said.policy)},"regime":{quoted(said.regime)},"services":{_object(said.services)},'
        f'"signals":[{",".join(map(quoted, said.signals))}],"site":{quoted(said.site)},"text":{quoted(said.text)},'
        '"time":',
        f',"validity":{quoted(said.validity)},"version":{RECORD_VERSION}}}',
    )


def _object(texts: Mapping[str, str]) -> str:
    """Canonical JSON of texts by name."""
    return "{" + ",".join(f"{quoted(name)}:{quoted(texts[name])}" for name in sorted(texts)) + "}"


def new_key(milliseconds: int) -> str:
    """A fresh idempotency key: the time in milliseconds since 1970, then 80 random bits.

    Keys that begin with the time are neighbours in the database's index, which makes appends several times
    cheaper than with keys that are random from the first digit.
    """
    return _key(milliseconds, secrets.token_bytes(RANDOM_BYTES))


def new_key_and_secret(milliseconds: int) -> tuple[str, bytes]:
    """Both of a record, drawn at once.

    By OpenSSL: ``os.urandom`` gives up the interpreter lock for too short a time for the writer, which waits for it, to
    take it, and yet wakes it each time. That was a quarter of what recording cost a busy event loop. A loop that does
    nothing but append gives it up nowhere else; so :func:`new_key` leaves it to ``os.urandom``.
    """
    random = RAND_bytes(RANDOM_BYTES + SECRET_BYTES)
    return _key(milliseconds, random[:RANDOM_BYTES]), random[RANDOM_BYTES:]


def _key(milliseconds: int, random: bytes) -> str:
    return f"{milliseconds & 0xFFFFFFFFFFFF:012x}{random.hex()}"


def commitment(half: bytes, secret: bytes) -> str:
    """HMAC-SHA256 (hex) of a personal half in canonical JSON: hidden by a random key, bound by keeping it."""
    return hmac.new(secret, half, "sha256").hexdigest()  # hmac.digest() is slower, and drops the GIL


class Ledger(Protocol):
    """Where decisions become durable. Every method may raise :class:`~consent_mw.errors.LedgerError`."""

    async def open(self) -> None:
        """Open files or connections. Called once, before the first append; calling it again does nothing."""

    async def append(self, record: Record) -> int:
        """Store the record durably and return its index, counted from 0.

        The same key twice is stored once and returns the same index.
        """
        ...

    async def close(self) -> None:
        """Flush and release everything."""


class AuditableLedger(Ledger, Protocol):
    """A ledger whose records can be read, proven and erased: each is a function over a store.

    :ivar spool: directory for what has to wait while the ledger is down; None keeps it in memory
    """

    spool: Path | None

    async def run(self, work: Callable[[Store], T]) -> T:
        """Run a function over a connection of its own, off the event loop: ``await ledger.run(verify)``."""
        ...


class MemoryLedger:
    """Keeps records for as long as the process lives. For tests and demonstrations: it proves nothing."""

    spool: Path | None = None

    def __init__(self) -> None:
        self._store = MemoryStore()
        self._appender = Appender(self._store)
        self._records: dict[int, Record] = {}

    @property
    def records(self) -> list[Record]:
        """What was appended and not erased since."""
        kept = self._store.rows(0, self._store.size())
        return [self._records[row.position] for row in kept if row.personal is not None]

    async def open(self) -> None:
        """Nothing to open."""

    async def append(self, record: Record) -> int:
        position = self._appender.append([record.entry()])[0]
        self._records.setdefault(position, record)
        return position

    async def close(self) -> None:
        """Nothing to close."""

    async def run(self, work: Callable[[Store], T]) -> T:
        return work(self._store)
