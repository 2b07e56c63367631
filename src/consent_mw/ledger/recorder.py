"""What stands between a decision and the ledger: the words that were shown, the spool, signed heads, health.

A grant waits for the ledger (:meth:`Recorder.append`). What switches off does not: it is spooled when the ledger is
down or slow (:meth:`Recorder.keep`), and replayed, oldest first, before anything else is appended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

from consent_mw.errors import LedgerError
from consent_mw.ledger.base import AuditableLedger, Ledger, Record
from consent_mw.ledger.heads import Signer, keep_head
from consent_mw.ledger.reports import Meaning, contradictions
from consent_mw.ledger.spool import Spool
from consent_mw.ledger.store import Store

T = TypeVar("T")

logger = logging.getLogger("consent_mw")
heads = logging.getLogger("consent_mw.heads")
"""Every signed head is one message here, so that a logging handler is all it takes to send it to a witness."""

PATIENCE_SECONDS = 1.0
"""How long a refusal or withdrawal waits for the ledger before it is spooled instead."""
PROBE_SECONDS = 2.0
"""How long an answer about health holds."""
_ONLY_APPENDS = (
    "the ledger %s only appends: receipts, histories and erasures are answered with 501; give it "
    "`async def run(self, work)`, which calls work(store) in a thread, or answer visitors yourself from its parts"
)
HEAD_SECONDS = 3600.0
"""A new head is signed at most so often while decisions come in, and when the app stops."""


def utc_now() -> str:
    """RFC 3339, UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Recorder:
    """One per middleware, over its ledger.

    :param seed: private key that signs heads and receipts
    :param heads_file: gets every signed head appended

    :ivar auditable: records can be read back: a ledger of the site's own may only append
    """

    def __init__(self, ledger: Ledger, spool: Spool, seed: bytes, heads_file: Path | None = None) -> None:
        self.auditable = hasattr(ledger, "run")
        self._ledger = ledger
        self._spool = spool
        self._seed = seed
        self._heads_file = heads_file
        self._texts: dict[str, bytes] = {}
        self._meanings: list[Meaning] = []
        self._ready = False
        self._failing = False
        self._probed = (0.0, False)
        self._head_due = 0.0
        self._appends = self._signed = 0
        self._signing: asyncio.Future[None] | None = None
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    def prepare(self, texts: Mapping[str, bytes], meaning: Meaning) -> None:
        """What a version of the site's policy says and means, told before the first decision.

        :param texts: the words of every language by their hash, kept in the ledger before any decision about them
        :param meaning: it is said when the ledger knows another meaning of the same version
        """
        self._texts.update(texts)
        self._meanings.append(meaning)

    async def open(self) -> None:
        """Open the ledger, keep the words, replay what waits. Also done by the first decision or question.

        :raises LedgerError: the ledger cannot be opened
        """
        async with self._lock():
            if not self._ready:
                await self._ledger.open()
                if not self.auditable:
                    logger.warning(_ONLY_APPENDS, type(self._ledger).__name__)
                else:
                    await self._run(partial(_keep_texts, texts=self._texts))
                    await self._compare_meanings()
                self._ready = True
        if self._spool.may_wait():
            await self._replay()

    async def _compare_meanings(self) -> None:
        """Nothing that is found here keeps the site from starting: what was recorded cannot be changed any more."""
        try:
            for meaning in self._meanings:
                for other in await self._run(partial(contradictions, meaning=meaning)):
                    logger.error(
                        "policy.version = %r means two things: %s now, and %s in records (the last of %s, on %r); "
                        "allowed: a version of its own for what has changed",
                        *(meaning.version, meaning.fingerprint, other.fingerprint, other.time, other.site),
                    )
        except (LedgerError, LookupError, ValueError):
            logger.exception("the newest records cannot be read; `consent-mw ledger verify` says what is wrong")

    async def close(self) -> None:
        """Sign a last head, where the last one does not say it all, and release the ledger."""
        if self._appends > self._signed:
            await self._sign_head()
        self._ready = False
        await self._ledger.close()

    async def run(self, work: Callable[[Store], T]) -> T:
        """:raises LedgerError: the ledger cannot be read, or is one that only appends"""
        if not self.auditable:
            raise LedgerError("this ledger keeps records but cannot be read back")
        if not self._ready:
            await self.open()
        return await self._run(work)

    async def _run(self, work: Callable[[Store], T]) -> T:
        ledger: AuditableLedger = self._ledger  # type: ignore[assignment]
        return await ledger.run(work)

    def signer(self, store: Store) -> Signer:
        return Signer(self._seed, store.id())

    async def append(self, record: Record) -> None:
        """Return once the record is durable in the ledger, after everything that was spooled before it.

        :raises LedgerError: it is not known to be durable
        """
        try:
            if not self._ready:
                await self.open()
            if self._spool.may_wait():
                await self._replay()
            await self._ledger.append(record)
        except Exception:
            self._failing = True
            raise
        self._failing = False
        self._appends += 1
        self._sign_head_when_due()

    async def keep(self, record: Record) -> None:
        """Never raises and never waits long: in the ledger, else in the spool.

        An append that succeeds after all, later, is no second record: both have the same key.
        """
        attempt = asyncio.ensure_future(self.append(record))
        done, _ = await asyncio.wait({attempt}, timeout=PATIENCE_SECONDS)
        if done and attempt.exception() is None:
            return
        attempt.add_done_callback(_said)
        durable = await asyncio.to_thread(self._spool.put, record)
        logger.warning("the ledger is down: a decision was honoured and spooled%s", "" if durable else " in memory")

    async def health(self) -> tuple[bool, int]:
        """Whether a grant could be stored now, and how many records wait in the spool. Replays them if so."""
        checked, healthy = self._probed
        if time.monotonic() - checked > PROBE_SECONDS:
            healthy = await self._probe()
            self._probed = (time.monotonic(), healthy)
        return healthy, self._spool.waiting()

    async def _probe(self) -> bool:
        try:
            await self.open()
            if self.auditable:
                await self.run(_take_the_lock)
        except Exception as error:
            if not self._failing:
                logger.error("the ledger is not healthy: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

    async def _replay(self) -> None:
        async with self._lock():
            for record in await asyncio.to_thread(lambda: list(self._spool.records())):
                await self._ledger.append(record)
                await asyncio.to_thread(self._spool.remove, record.key)

    def _lock(self) -> asyncio.Lock:
        """One per event loop: the ledger may serve several, one after the other."""
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())

    def _sign_head_when_due(self) -> None:
        if time.monotonic() < self._head_due:
            return
        self._head_due = time.monotonic() + HEAD_SECONDS
        self._signing = asyncio.ensure_future(self._sign_head())

    async def _sign_head(self) -> None:
        if not self.auditable:
            return
        appends = self._appends
        try:
            note = await self.run(lambda store: keep_head(store, self.signer(store), utc_now()))
            self._signed = appends
            heads.info("%s", note)
            if self._heads_file is not None:
                await asyncio.to_thread(append_note, self._heads_file, note)
        except (LedgerError, OSError):
            logger.exception("a head could not be signed and kept; the next one covers its entries, too")


def append_note(path: Path, note: str) -> None:
    """Add a signed head to a file of heads, an empty line between two."""
    with path.open("a", encoding="utf-8") as file:
        file.write(note + "\n")


def _keep_texts(store: Store, texts: Mapping[str, bytes]) -> None:
    missing = texts.keys() - store.known_texts(texts.keys())
    if missing:
        with store.transaction():
            for hash in sorted(missing):
                store.put_text(hash, texts[hash])


def _take_the_lock(store: Store) -> None:
    with store.transaction():
        pass


def _said(attempt: asyncio.Future[None]) -> None:
    """The failure of an attempt that nobody waits for any more has been dealt with."""
    if not attempt.cancelled():
        attempt.exception()
