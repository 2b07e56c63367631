"""One writer thread per process: what arrives while a commit is syncing goes into the next one (group
commit).

Without load nobody waits. Where the last batch held several, the writer gives a few more the time to come, as long as
they do: a sync costs as much processor time as ten records, and a busy event loop needs that time itself.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from consent_mw.errors import LedgerError
from consent_mw.ledger.base import Record
from consent_mw.ledger.store import Appender, Disconnected, Entry, Store

T = TypeVar("T")

BATCH = 256
ENOUGH = 32
"""With so many in a batch the cost of a sync is spread."""
LINGER_SECONDS = 0.004
LINGER_STEP = 0.0004
RECONNECT_SECONDS = 2.0
"""How long a batch waits for a lost server to come back before its callers are told."""
RECONNECT_PAUSE = 0.05


class _Job(NamedTuple):
    entry: Entry | None
    """What to append; None only opens the store."""
    loop: asyncio.AbstractEventLoop
    result: asyncio.Future[int]


_Jobs = queue.SimpleQueue[_Job | None]


class ThreadedLedger:
    """A :class:`~consent_mw.ledger.base.AuditableLedger` over any store: append from any event loop of any process.

    Nothing is shared across a fork: the connection lives on the stack of the writer thread, which a child
    process does not inherit; the child starts a thread and a connection of its own.
    """

    def __init__(self, connect: Callable[[], Store], *, name: str, spool: Path) -> None:
        self.spool: Path | None = spool
        self._connect = connect
        self._name = name
        self._starting = threading.Lock()
        self._writer: _Writer | None = None

    async def open(self) -> None:
        """Start writing. Also called by the first :meth:`append`.

        :raises LedgerError: the store cannot be opened
        """
        if not self._running_writer().opened:
            await self._submit(None)

    async def append(self, record: Record) -> int:
        """Store the record and return its index once it is durable.

        A caller that is cancelled meanwhile does not take the record back: it was said, so it is kept.

        :raises LedgerError: it is not known to be durable; appending the same record again is safe
        """
        return await self._submit(record.entry())

    async def run(self, work: Callable[[Store], T]) -> T:
        """Run a function over a connection of its own, in a thread."""
        return await asyncio.to_thread(_run, self._connect, work)

    async def close(self) -> None:
        """Write what is queued, then release the store."""
        writer, self._writer = self._writer, None
        if writer is not None and writer.pid == os.getpid():
            await asyncio.to_thread(writer.stop)

    def _submit(self, entry: Entry | None) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        job = _Job(entry, loop, loop.create_future())
        self._running_writer().jobs.put(job)
        return job.result

    def _running_writer(self) -> _Writer:
        writer = self._writer
        if writer is None or writer.pid != os.getpid():
            with self._starting:
                writer = self._writer
                if writer is None or writer.pid != os.getpid():
                    writer = self._writer = _Writer(self._connect, self._name)
                    weakref.finalize(self, writer.stop)
        return writer


def _run(connect: Callable[[], Store], work: Callable[[Store], T]) -> T:
    store = connect()
    store.open()
    try:
        return work(store)
    finally:
        _close(store)


class _Writer:
    def __init__(self, connect: Callable[[], Store], name: str) -> None:
        self.pid = os.getpid()
        self.jobs: _Jobs = queue.SimpleQueue()
        self._open = threading.Event()
        work = (connect, self.jobs, self._open)
        self._thread = threading.Thread(target=_write, args=work, name=name, daemon=True)
        self._thread.start()

    @property
    def opened(self) -> bool:
        return self._open.is_set()

    def stop(self) -> None:
        if self.pid == os.getpid():
            self.jobs.put(None)
            self._thread.join()


class _Session:
    """The writer thread's connection, opened when needed and given up after any failure.

    After a failed sync the kernel may have dropped the pages that it could not write, and would report success for the
    next one: never go on with the same descriptor.
    """

    def __init__(self, connect: Callable[[], Store]) -> None:
        self._connect = connect
        self._store: Store | None = None
        self._appender: Appender | None = None

    def append(self, entries: Sequence[Entry]) -> list[int]:
        deadline = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                appender = self._opened()
                return appender.append(entries) if entries else []
            except Disconnected:
                self.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(RECONNECT_PAUSE)
            except BaseException:
                self.close()
                raise

    def _opened(self) -> Appender:
        if self._appender is None:
            store = self._connect()
            store.open(appending=True)
            self._store, self._appender = store, Appender(store)
        return self._appender

    def close(self) -> None:
        store, self._store, self._appender = self._store, None, None
        if store is not None:
            _close(store)


def _write(connect: Callable[[], Store], jobs: _Jobs, opened: threading.Event) -> None:
    """Body of the writer thread. It ends only when told to: a failure answers its batch and no more."""
    session = _Session(connect)
    batch, running = list[_Job](), True
    while running:
        batch, running = _take(jobs, patient=len(batch) > 1)
        if not batch:
            continue
        outcome: Sequence[int] | Exception
        try:
            positions = iter(session.append([job.entry for job in batch if job.entry is not None]))
            outcome = [0 if job.entry is None else next(positions) for job in batch]
            opened.set()
        except Exception as error:
            outcome = error
        _answer(batch, outcome)
    session.close()


def _close(store: Store) -> None:
    with suppress(LedgerError):  # nothing is pending: whatever was acknowledged is durable
        store.close()


def _take(jobs: _Jobs, patient: bool) -> tuple[list[_Job], bool]:
    """The next batch, and whether to go on after it. Waits for the first job and, ``patient``, for some followers."""
    batch: list[_Job] = []
    job = jobs.get()
    until = time.monotonic() + LINGER_SECONDS
    size = 0
    while job is not None:
        batch.append(job)
        if len(batch) == BATCH:
            return batch, True
        if patient and jobs.empty() and size < len(batch) < ENOUGH and time.monotonic() < until:
            size = len(batch)
            time.sleep(LINGER_STEP)
        try:
            job = jobs.get_nowait()
        except queue.Empty:
            return batch, True
    return batch, False


def _answer(batch: Sequence[_Job], outcome: Sequence[int] | Exception) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[int], int | Exception]]] = {}
    for position, job in enumerate(batch):
        result = outcome if isinstance(outcome, Exception) else outcome[position]
        by_loop.setdefault(job.loop, []).append((job.result, result))
    for loop, results in by_loop.items():
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, results)


def _settle(results: Sequence[tuple[asyncio.Future[int], int | Exception]]) -> None:
    for future, result in results:
        if future.done():
            continue  # the waiter was cancelled
        if isinstance(result, Exception):
            future.set_exception(_as_ledger_error(result))
        else:
            future.set_result(result)


def _as_ledger_error(error: Exception) -> LedgerError:
    # One instance per waiter: a shared one would gather all their tracebacks.
    copy = LedgerError(str(error))
    copy.__cause__ = error
    return copy
