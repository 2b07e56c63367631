"""Appending on the app's own event loop, for a backend whose connections live on one.

While that loop is busy, a thread would have to wrest the interpreter lock from it several times a commit; under load
that is much of what keeping a decision costs. Here only the straight way is taken. Whatever else comes (somebody else
appended, a key is known, the connection broke) is left to the writer thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from consent_mw.errors import LedgerError
from consent_mw.ledger.store import Edge, Row, Store, grow
from consent_mw.ledger.writer import BATCH, ThreadedLedger, Turn, settle

logger = logging.getLogger("consent_mw")

PAUSE_SECONDS = 30.0
"""After trouble with its connection, for so long all is left to the thread."""


class Connection(Protocol):
    async def extend(self, rows: Sequence[Row]) -> bool:
        """As :meth:`consent_mw.ledger.store.Store.extend`."""
        ...

    def close(self) -> None: ...


class LoopLedger(ThreadedLedger):
    """Written to on the event loop that opened it, one connection each, and by the thread from any other.

    :param connect_here: makes a connection on the running event loop
    """

    def __init__(
        self,
        connect: Callable[[], Store],
        connect_here: Callable[[], Awaitable[Connection]],
        *,
        name: str,
        spool: Path,
    ) -> None:
        super().__init__(connect, name=name, spool=spool)
        self._connect_here = connect_here
        self._writers: dict[asyncio.AbstractEventLoop, LoopWriter] = {}

    async def open(self) -> None:
        await super().open()
        loop = asyncio.get_running_loop()
        if loop not in self._writers:
            take = partial(self._take, loop)
            self._writers[loop] = LoopWriter(self._connect_here, self._edge, take, self._write)

    async def close(self) -> None:
        writer = self._writers.pop(asyncio.get_running_loop(), None)
        if writer is not None:
            await writer.close()
        await super().close()

    def _take(self, loop: asyncio.AbstractEventLoop) -> Turn | None:
        """What the loop has collected, in turns of a batch: a longer one would keep it from everything else."""
        turn = self._turns.pop(loop, None)
        if turn is not None and len(turn.entries) > BATCH:
            self._turns[loop] = turn.split(BATCH)
        return turn

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        writer = self._writers.get(loop)
        if writer is not None:
            writer.wake()
        else:
            super()._hand_over(loop)


class LoopWriter:
    """A task that commits what the event loop it was made on has collected, one turn after the other.

    :param take: what was collected since, or None
    :param to_thread: gives a turn to the thread
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        edge: Edge,
        take: Callable[[], Turn | None],
        to_thread: Callable[[Turn], None],
    ) -> None:
        self._connect = connect
        self._edge = edge
        self._take = take
        self._to_thread = to_thread
        self._left: list[asyncio.Future[int]] = []
        self._connection: Connection | None = None
        self._wanted = asyncio.Event()
        self._closing = asyncio.Event()
        # Where nobody closes the ledger, the end of the event loop cancels it.
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """There is something to take."""
        if self._connection is None:
            self._leave_all()
        else:
            self._wanted.set()

    async def close(self) -> None:
        """Write what was collected, then release the connection."""
        self._closing.set()
        self._wanted.set()
        if self._connection is None:  # a server that does not answer holds up nobody's end
            self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._connection = await self._connect()
                await self._serve(self._connection)
            except LedgerError as error:
                logger.info("the ledger is left to its thread for a while: %s", error)
            finally:
                self._disconnect()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), PAUSE_SECONDS)

    async def _serve(self, connection: Connection) -> None:
        while not self._closing.is_set():
            await self._wanted.wait()
            self._wanted.clear()
            await self._thread_is_done()
            while (turn := self._take()) is not None:
                await self._write(connection, turn)
                await self._thread_is_done()

    async def _write(self, connection: Connection, turn: Turn) -> None:
        positions = None
        try:
            positions = await self._commit(connection, turn)
        finally:
            if positions is None:
                self._leave(turn)
        if positions is not None:
            # Answered all at once, callers and server would always wait for each other. What the first half has to say
            # next is sent before the second half is heard.
            half = (len(positions) + 1) // 2
            settle(turn.results[:half], positions[:half])
            turn.loop.call_soon(settle, turn.results[half:], positions[half:])
            await asyncio.sleep(0)

    async def _commit(self, connection: Connection, turn: Turn) -> list[int] | None:
        """Positions, once durable; None where somebody else appended.

        :raises LedgerError: it is not known whether they are
        """
        known, self._edge.frontier = self._edge.frontier, None
        if known is None:
            return None
        rows, grown = grow(known, turn.entries)
        if not await connection.extend(rows):
            return None
        self._edge.frontier = grown
        return [row.position for row in rows]

    async def _thread_is_done(self) -> None:
        """With what was left to it: the two would only be in each other's way."""
        if self._left:
            await asyncio.wait(self._left)
            self._left = []

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._leave_all()

    def _leave_all(self) -> None:
        while (turn := self._take()) is not None:
            self._leave(turn)

    def _leave(self, turn: Turn) -> None:
        self._left = turn.results
        self._to_thread(turn)
