"""One writer thread per process: what arrives while a commit is syncing goes into the next one (group commit).

An event loop hands over what one turn of it brought, many at once: waking the writer costs as much processor time as
several records, because both threads then want the interpreter lock. Nobody ever waits for company.
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
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TypeVar

from consent_mw.errors import LedgerError
from consent_mw.ledger.base import Record
from consent_mw.ledger.store import Appender, Disconnected, Edge, Entry, Store, close, run

T = TypeVar("T")

TURN = 16
"""So many at most make a turn: of a long one the first are committed while the loop is still at work on the rest."""
BATCH = 256
"""From so many on the writer takes no more into one commit."""
RECONNECT_SECONDS = 2.0
"""How long a batch waits for a lost server to come back before its callers are told."""
RECONNECT_PAUSE = 0.05


class Turn:
    """What one turn of an event loop brought, and who waits for each entry; without any it only opens the store."""

    __slots__ = ("entries", "loop", "results")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.entries: list[Entry] = []
        self.results: list[asyncio.Future[int]] = []

    def waiter(self) -> asyncio.Future[int]:
        result: asyncio.Future[int] = self.loop.create_future()
        self.results.append(result)
        return result

    def split(self, most: int) -> Turn:
        """Keep the first ``most`` entries; the rest is a turn of its own."""
        rest = Turn(self.loop)
        rest.entries, rest.results = self.entries[most:], self.results[most:]
        del self.entries[most:], self.results[most:]
        return rest


_Turns = queue.SimpleQueue[Turn | None]


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
        self._turns: dict[asyncio.AbstractEventLoop, Turn] = {}
        self._edge = Edge()

    async def open(self) -> None:
        """Start writing. Also called by the first :meth:`append`.

        :raises LedgerError: the store cannot be opened
        """
        writer = self._running_writer()
        if not writer.opened:
            turn = Turn(asyncio.get_running_loop())
            opened = turn.waiter()
            writer.turns.put(turn)
            await opened

    async def append(self, record: Record) -> int:
        """Store the record and return its index once it is durable.

        A caller that is cancelled meanwhile does not take the record back: it was said, so it is kept.

        :raises LedgerError: it is not known to be durable; appending the same record again is safe
        """
        loop, entry = asyncio.get_running_loop(), record.entry()
        turn = self._turns.get(loop)
        if turn is None:
            turn = self._turns[loop] = Turn(loop)
            loop.call_soon(self._hand_over, loop)
        turn.entries.append(entry)
        stored = turn.waiter()
        if len(turn.entries) == TURN:
            self._hand_over(loop)
        return await stored

    async def run(self, work: Callable[[Store], T]) -> T:
        """Run a function over a connection of its own, in a thread."""
        return await asyncio.to_thread(run, self._connect, work)

    async def close(self) -> None:
        """Write what is queued, then release the store."""
        self._hand_over(asyncio.get_running_loop())
        writer, self._writer = self._writer, None
        if writer is not None and writer.pid == os.getpid():
            await asyncio.to_thread(writer.stop)

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._turns.pop(loop, None)
        if turn is not None:
            self._write(turn)

    def _write(self, turn: Turn) -> None:
        try:
            self._running_writer().turns.put(turn)
        except Exception as error:  # no thread can be started: whoever waits must not wait for ever
            _fail(turn.results, error)

    def _running_writer(self) -> _Writer:
        writer = self._writer
        if writer is None or writer.pid != os.getpid():
            with self._starting:
                writer = self._writer
                if writer is None or writer.pid != os.getpid():
                    writer = self._writer = _Writer(self._connect, self._edge, self._name)
                    weakref.finalize(self, writer.stop)
        return writer


class _Writer:
    def __init__(self, connect: Callable[[], Store], edge: Edge, name: str) -> None:
        self.pid = os.getpid()
        self.turns: _Turns = queue.SimpleQueue()
        self._open = threading.Event()
        work = (_Session(connect, edge), self.turns, self._open)
        self._thread = threading.Thread(target=_write, args=work, name=name, daemon=True)
        self._thread.start()

    @property
    def opened(self) -> bool:
        return self._open.is_set()

    def stop(self) -> None:
        if self.pid == os.getpid():
            self.turns.put(None)
            self._thread.join()


class _Session:
    """The writer thread's connection, opened when needed and given up after any failure.

    After a failed sync the kernel may have dropped the pages that it could not write, and would report success for the
    next one: never go on with the same descriptor.
    """

    def __init__(self, connect: Callable[[], Store], edge: Edge) -> None:
        self._connect = connect
        self._edge = edge
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
            self._edge.frontier = None
            self._store, self._appender = store, Appender(store, self._edge)
        return self._appender

    def close(self) -> None:
        store, self._store, self._appender = self._store, None, None
        if store is not None:
            close(store)


def _write(session: _Session, waiting: _Turns, opened: threading.Event) -> None:
    """Body of the writer thread. It ends only when told to: a failure answers its batch and no more."""
    running = True
    while running:
        turns, running = _take(waiting)
        if not turns:
            continue
        outcome: Sequence[int] | Exception
        try:
            outcome = session.append([entry for turn in turns for entry in turn.entries])
            opened.set()
        except Exception as error:
            outcome = error
        _answer(turns, outcome)
    session.close()


def _take(waiting: _Turns) -> tuple[list[Turn], bool]:
    """What waits, at least one turn and less than a batch and another turn, and whether to go on after it."""
    turns, size = list[Turn](), 0
    turn = waiting.get()
    while turn is not None:
        turns.append(turn)
        size += len(turn.entries)
        if size >= BATCH or waiting.empty():
            return turns, True
        turn = waiting.get()
    return turns, False


def _answer(turns: Sequence[Turn], outcome: Sequence[int] | Exception) -> None:
    """Wakes each event loop once."""
    positions = repeat(0) if isinstance(outcome, Exception) else iter(outcome)
    waiting: dict[asyncio.AbstractEventLoop, tuple[list[asyncio.Future[int]], list[int]]] = {}
    for turn in turns:
        results, found = waiting.setdefault(turn.loop, ([], []))
        results += turn.results
        found += [next(positions) for _ in turn.entries] or [0]
    for loop, (results, found) in waiting.items():
        answer = partial(settle, results, found)
        if isinstance(outcome, Exception):
            answer = partial(_fail, results, outcome)
        with suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(answer)


def settle(results: Sequence[asyncio.Future[int]], positions: Sequence[int]) -> None:
    for result, position in zip(results, positions, strict=True):
        if not result.done():  # else the waiter was cancelled
            result.set_result(position)


def _fail(results: Sequence[asyncio.Future[int]], error: Exception) -> None:
    for result in results:
        if not result.done():
            result.set_exception(_as_ledger_error(error))


def _as_ledger_error(error: Exception) -> LedgerError:
    # One instance per waiter: a shared one would gather all their tracebacks.
    copy = LedgerError(str(error))
    copy.__cause__ = error
    return copy
