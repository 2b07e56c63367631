"""Appending on the app's own event loop, for a backend whose connections live on one.

While that loop is busy, a thread would have to wrest the interpreter lock from it several times a commit; under load
that is a fifth of what a decision costs. Here only the straight way is taken. Whatever else comes (somebody else
appended, a key is known, the connection broke) is left to the writer thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from consent_mw.errors import LedgerError
from consent_mw.ledger.store import Edge, Row, grow
from consent_mw.ledger.writer import Turn, settle

logger = logging.getLogger("consent_mw")

PAUSE_SECONDS = 30.0
"""After trouble with its connection, for so long all is left to the thread."""


class Connection(Protocol):
    async def extend(self, rows: Sequence[Row]) -> bool:
        """As :meth:`consent_mw.ledger.store.Store.extend`."""
        ...

    def close(self) -> None: ...


class LoopWriter:
    """A task that commits what the event loop it was made on has collected, one turn after the other.

    :param take: what was collected since, or None
    :param leave: gives a turn to the thread
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        edge: Edge,
        take: Callable[[], Turn | None],
        leave: Callable[[Turn], None],
    ) -> None:
        self._connect = connect
        self._edge = edge
        self._take = take
        self._leave = leave
        self._connection: Connection | None = None
        self._rests_until = 0.0
        self._wanted = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    def wake(self) -> bool:
        """There is something to take. False once the task has ended: nothing will be taken any more."""
        self._wanted.set()
        return not self._task.done()

    async def close(self) -> None:
        """Write what was collected, then release the connection."""
        self._closing = True
        self._wanted.set()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        # Where nobody closes the ledger, the end of the event loop cancels this.
        try:
            while not self._closing:
                await self._wanted.wait()
                self._wanted.clear()
                await self._write()
        finally:
            self._disconnect()
            if (turn := self._take()) is not None:
                self._leave(turn)

    async def _write(self) -> None:
        while (turn := self._take()) is not None:
            positions = None
            try:
                positions = await self._commit(turn)
            finally:
                if positions is None:
                    self._leave(turn)
            if positions is not None:
                # Answered all at once, callers and server would always wait for each other. What the first half has to
                # say next is sent before the second half is heard.
                half = (len(positions) + 1) // 2
                settle(turn.results[:half], positions[:half])
                turn.loop.call_soon(settle, turn.results[half:], positions[half:])
                await asyncio.sleep(0)

    async def _commit(self, turn: Turn) -> list[int] | None:
        """Positions, once durable; None where that is not known."""
        known = self._edge.frontier
        if known is None or time.monotonic() < self._rests_until:
            return None
        rows, grown = grow(known, turn.entries)
        try:
            if self._connection is None:
                self._connection = await self._connect()
            stored = await self._connection.extend(rows)
        except LedgerError as error:
            logger.info("the ledger is left to its thread for a while: %s", error)
            self._rests_until = time.monotonic() + PAUSE_SECONDS
            self._disconnect()
            stored = False
        self._edge.frontier = grown if stored else None
        return [row.position for row in rows] if stored else None

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
